#pragma once
/// The gist of a conversation or an answer: what must survive a translation, without what a dialect may say its own way.

#include <lowart/model/chat_delta.hpp>
#include <lowart/model/conversation.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::testing {

/// JSON with sorted members; nothing is an empty object; text that is no JSON stays as it is.
inline std::string canonical(std::string_view text) {
  if (text.empty()) return "{}";
  boost::system::error_code error;
  auto const value = boost::json::parse(text, error);
  if (error) return std::string(text);
  auto const write = [](auto const& self, boost::json::value const& v) -> std::string {
    std::string out;
    if (auto const* list = v.if_array()) {
      for (auto const& element : *list) out += self(self, element) + ",";
      return "[" + out + "]";
    }
    auto const* object = v.if_object();
    if (object == nullptr) return boost::json::serialize(v);
    std::vector<std::string> members;
    for (auto const& member : *object)
      members.push_back(std::string(member.key()) + ":" + self(self, member.value()));
    std::sort(members.begin(), members.end());
    for (auto const& member : members) out += member + ",";
    return "{" + out + "}";
  };
  return write(write, value);
}

/// The arguments of a call: what is no JSON object, a free-form tool's text, stands in `input` where it must be one.
inline std::string arguments_gist(std::string_view text) {
  std::string const gist = canonical(text);
  if (gist.starts_with('{') && gist.ends_with('}') && gist != text) return gist;
  return gist == "{}" ? gist : "{input:" + boost::json::serialize(boost::json::string(text)) + ",}";
}

inline std::string media_gist(ContentPart const& part) {
  bool const bare = !part.media->media_type.empty() && part.media->data.find(':') == std::string::npos;
  return bare ? "data:" + part.media->media_type + ";base64," + part.media->data : part.media->data;
}

/// One line for each thing said. Messages of one role that follow each other are one turn to some dialects, so where
/// a message ends is not told; texts of one turn are joined.
inline std::vector<std::string> gist_of(Conversation const& c) {
  std::vector<std::string> lines;
  std::string open;  // the role whose text the last line is
  auto const say = [&](std::string line) {
    lines.push_back(std::move(line));
    open.clear();
  };
  for (Message const& message : c.messages) {
    bool const system = message.role == Role::system || message.role == Role::developer;
    std::string const role = system                            ? "system"
                             : message.role == Role::assistant ? "assistant"
                             : message.role == Role::tool      ? "result " + message.tool_call_id
                                                               : "user";
    if (message.role == Role::tool && message.content.empty()) say(role + ": ");
    for (ContentPart const& part : message.content) {
      switch (part.kind) {
        case PartKind::text:
          if (!lines.empty() && open == role) lines.back() += part.text;
          else lines.push_back(role + ": " + part.text);
          open = role;
          break;
        case PartKind::tool_call:
          say("call " + part.call.id + " " + part.call.name + " " + arguments_gist(part.call.arguments));
          break;
        case PartKind::image: say(role + " image " + media_gist(part)); break;
        case PartKind::file: say(role + " file " + media_gist(part)); break;
        case PartKind::reasoning:
          if (part.redacted || !part.signature.empty())
            say("thought " + part.text + " " + part.signature.value);
          break;
        default: say(role + " other"); break;
      }
    }
    if (message.role == Role::tool) open.clear();
  }
  for (Tool const& tool : c.tools)
    lines.push_back("tool " + tool.name + " " + tool.description + " " + canonical(tool.parameters.text));
  ToolChoice const& choice = c.tool_choice;
  if (choice.kind != ToolChoiceKind::unset && choice.kind != ToolChoiceKind::automatic)
    lines.push_back("choice " + std::to_string(static_cast<int>(choice.kind)) + " " + choice.name);
  if (c.output_format.kind == OutputKind::json_schema)
    lines.push_back("schema " + canonical(c.output_format.schema.text));
  if (c.output_format.kind == OutputKind::json_object) lines.emplace_back("json");
  for (std::string const& stop : c.stop) lines.push_back("stop " + stop);
  auto const number = [&](std::string_view name, auto const& value) {
    if (value) lines.push_back(std::string(name) + " " + std::to_string(*value));
  };
  number("max_tokens", c.max_tokens);
  number("temperature", c.temperature);
  number("top_p", c.top_p);
  number("top_k", c.top_k);
  number("frequency_penalty", c.frequency_penalty);
  number("presence_penalty", c.presence_penalty);
  number("n", c.n);
  number("seed", c.seed);
  if (c.parallel_tool_calls == false && !c.tools.empty() && choice.kind != ToolChoiceKind::none)
    lines.emplace_back("one call at a time");
  return lines;
}

/// One line for each part of the first choice, its finish reason and its usage.
inline std::vector<std::string> gist_of(ChatDelta const& whole) {
  std::vector<std::string> lines;
  if (whole.choices.empty()) return lines;
  ChoiceDelta const& choice = whole.choices.front();
  std::string text, thought;
  for (PieceDelta const& piece : choice.pieces) {
    if (piece.kind == PartKind::text || piece.kind == PartKind::refusal) text += piece.text;
    if (piece.kind == PartKind::reasoning) thought += piece.text;
    if (piece.kind == PartKind::tool_call)
      lines.push_back("call " + piece.call.name + " " + arguments_gist(piece.call.arguments));
  }
  lines.push_back("text " + text);
  lines.push_back("thought " + thought);
  bool const said_all =
      choice.finish != FinishReason::length && choice.finish != FinishReason::content_filter;
  lines.push_back(said_all ? "finished" : "cut " + std::to_string(static_cast<int>(choice.finish)));
  if (!whole.usage) return lines;
  lines.push_back("input " + std::to_string(whole.usage->input_total()));
  lines.push_back("cached " + std::to_string(whole.usage->value(UsageClass::cache_read)));
  lines.push_back("output " + std::to_string(whole.usage->output_total()));
  return lines;
}

}  // namespace lowart::testing
