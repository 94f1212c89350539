#pragma once
/// A Conversation, written as a chat request of the OpenAI dialect.

#include <lowart/core/result.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

/// How a provider's variant of the OpenAI dialect wants to be spoken to. For requests that are translated; those of
/// the same dialect go as they came.
struct OpenAiVariant {
  bool legacy_max_tokens{
      false};  ///< Knows `max_tokens`, not `max_completion_tokens`: Mistral, older servers.
  bool reasoning_content{
      false};  ///< Takes earlier reasoning back as `reasoning_content`: DeepSeek, Moonshot, vLLM.
};

namespace openai_request {

inline std::string_view word_of(Role role) noexcept {
  switch (role) {
    case Role::system: return "system";
    case Role::developer: return "developer";
    case Role::user: return "user";
    case Role::assistant: return "assistant";
    case Role::tool: return "tool";
  }
  return "user";
}

/// Ends an inner object with the members kept for it.
inline void end_inner(JsonWriter& w, std::vector<ExtraField> const& extra, std::string_view name) {
  if (auto const* rest = find_extra(extra, name)) w.members_of(rest->text);
  w.end_object();
}

/// Whether the members that only this dialect knows may be written.
inline bool is_own(Dialect d) noexcept { return d == Dialect::openai_chat || d == Dialect::neutral; }

/// What is written while a conversation is.
struct Encoding {
  JsonWriter& w;
  bool own;  ///< Extra fields and raw JSON are words of this dialect.
  OpenAiVariant variant;

  void extra(std::vector<ExtraField> const& fields, std::string_view but = {}) {
    if (own) w.extra(fields, but);
  }
  void end_inner(std::vector<ExtraField> const& fields, std::string_view name) {
    if (own) openai_request::end_inner(w, fields, name);
    else w.end_object();
  }
  void cache_mark(std::optional<CacheMark> const& cache) {
    if (!own || !cache) return;
    w.begin_object("cache_control").text("type", "ephemeral").text_if("ttl", cache->ttl).end_object();
  }
};

/// Parts that stand in `content`; the others have members of their own.
inline bool is_content(PartKind kind) noexcept {
  return kind != PartKind::reasoning && kind != PartKind::tool_call;
}

inline bool is_plain_document(ContentPart const& part) noexcept {
  return part.kind == PartKind::file && part.data.empty() && part.file_id.empty() && !part.text.empty();
}

/// "data:TYPE;base64,DATA" of media that another dialect says in two members.
inline std::string data_url(ContentPart const& part) {
  if (part.media_type.empty() || part.data.find(':') != std::string::npos) return part.data;
  return "data:" + part.media_type + ";base64," + part.data;
}

/// Audio is told by its format; a data: URL of another dialect is taken apart.
inline void encode_audio(JsonWriter& w, ContentPart const& part) {
  std::string_view data = part.data;
  std::string_view format = part.format;
  if (data.starts_with("data:")) data.remove_prefix(std::min(data.find(',') + 1, data.size()));
  if (format.empty())
    format = part.media_type == "audio/mpeg" || part.media_type == "audio/mp3" ? "mp3" : "wav";
  w.text("data", data).text_if("format", format);
}

inline void encode_part(Encoding& e, ContentPart const& part) {
  JsonWriter& w = e.w;
  if (part.kind == PartKind::other) {
    if (e.own && !part.raw.empty()) w.raw(part.raw.text);
    return;
  }
  w.begin_object();
  std::string_view inner;
  switch (part.kind) {
    case PartKind::text: w.text("type", "text").text("text", part.text); break;
    case PartKind::refusal: w.text("type", "refusal").text("refusal", part.text); break;
    case PartKind::image:
      inner = "image_url";
      w.text("type", inner).begin_object(inner).text("url", data_url(part)).text_if("detail", part.detail);
      break;
    case PartKind::audio:
      inner = "input_audio";
      w.text("type", inner).begin_object(inner);
      encode_audio(w, part);
      break;
    case PartKind::file:
      if (is_plain_document(part)) {
        w.text("type", "text").text("text", part.text);
        break;
      }
      inner = "file";
      w.text("type", inner)
          .begin_object(inner)
          .text_if("file_data", data_url(part))
          .text_if("file_id", part.file_id);
      w.text_if("filename",
                part.file_name.empty() && !e.own && part.file_id.empty() ? "document.pdf" : part.file_name);
      break;
    case PartKind::video:
    case PartKind::reasoning:
    case PartKind::tool_call:
    case PartKind::other: break;
  }
  if (!inner.empty()) e.end_inner(part.extra, inner);
  e.cache_mark(part.cache);
  e.extra(part.extra, inner);
  w.end_object();
}

inline void encode_tool_call(Encoding& e, ContentPart const& part) {
  JsonWriter& w = e.w;
  if (!part.raw.empty()) {
    if (e.own) w.raw(part.raw.text);  // a kind of call that we only carry
    return;
  }
  ToolCall const& call = part.call;
  std::string_view const type = call.custom ? "custom" : "function";
  w.begin_object().text("id", call.id).text("type", type).begin_object(type).text("name", call.name);
  w.text(call.custom ? "input" : "arguments", call.arguments);
  e.end_inner(part.extra, type);
  e.extra(part.extra, type);
  w.end_object();
}

inline void encode_content(Encoding& e, Message const& message) {
  std::vector<ContentPart const*> parts;
  std::string const* refusal = nullptr;
  bool const in_list = message.content_is_parts && e.own;
  for (ContentPart const& part : message.content) {
    if (!is_content(part.kind)) continue;
    if (part.kind == PartKind::refusal && !in_list) refusal = &part.text;
    else parts.push_back(&part);
  }
  JsonWriter& w = e.w;
  bool const plain = !in_list && parts.size() == 1 && parts.front()->kind == PartKind::text &&
                     parts.front()->extra.empty() && (!parts.front()->cache || !e.own);
  if (plain) {
    w.text("content", parts.front()->text);
  } else if (parts.empty() && !in_list) {
    w.null("content");
  } else {
    w.begin_list("content");
    for (ContentPart const* part : parts) encode_part(e, *part);
    w.end_list();
  }
  if (refusal != nullptr) w.text("refusal", *refusal);
}

inline void encode_reasoning(Encoding& e, Message const& message) {
  for (std::string_view const name : {"reasoning_content", "reasoning", "reasoning_details"})
    if (e.own && find_extra(message.extra, name) != nullptr) return;  // goes out as it came
  if (e.variant.reasoning_content || e.own)
    e.w.text_if("reasoning_content", message.joined(PartKind::reasoning));
}

inline void encode_tool_calls(Encoding& e, Message const& message) {
  bool open = false;
  for (ContentPart const& part : message.content) {
    if (part.kind != PartKind::tool_call) continue;
    if (!std::exchange(open, true)) e.w.begin_list("tool_calls");
    encode_tool_call(e, part);
  }
  if (open) e.w.end_list();
}

inline void encode_message(Encoding& e, Message const& message) {
  JsonWriter& w = e.w;
  w.begin_object();
  if (!e.own || find_extra(message.extra, "role") == nullptr) w.text("role", word_of(message.role));
  encode_content(e, message);
  encode_reasoning(e, message);
  if (message.role != Role::tool || e.own) w.text_if("name", message.name);
  w.text_if("tool_call_id", message.tool_call_id);
  encode_tool_calls(e, message);
  e.extra(message.extra);
  w.end_object();
}

/// The text of a tool's result; what else it holds follows the results in a message of the user.
inline void encode_result_text(Encoding& e, Message const& message) {
  Message result;
  result.role = Role::tool;
  result.tool_call_id = message.tool_call_id;
  std::string text = message.text();
  bool const has_media = message.content.size() > 1 || (!message.content.empty() && text.empty());
  if (text.empty() && has_media) text = "The result follows in the next message of the user.";
  result.content.emplace_back().text = std::move(text);
  encode_message(e, result);
}

/// What an assistant said in a row is one turn here: a result must follow the message that holds its call. Texts that
/// say nothing, which some clients keep of a stream, are left out.
inline Message joined_turn(std::vector<Message> const& messages, std::size_t& i) {
  Message turn = messages[i];
  turn.content.clear();
  for (; i < messages.size() && messages[i].role == Role::assistant; ++i)
    for (ContentPart const& part : messages[i].content)
      if (part.kind != PartKind::text || !part.text.empty()) turn.content.push_back(part);
  return turn;
}

/// Messages of another dialect: results of tools are text here, so their images and documents come behind them.
inline void encode_foreign_messages(Encoding& e, std::vector<Message> const& messages) {
  Message media;
  auto const flush = [&] {
    if (!media.content.empty()) encode_message(e, media);
    media.content.clear();
  };
  for (std::size_t i = 0; i < messages.size();) {
    Message const& message = messages[i];
    if (message.role == Role::tool) {
      encode_result_text(e, message);
      for (ContentPart const& part : message.content)
        if (part.kind != PartKind::text && part.kind != PartKind::other) media.content.push_back(part);
      ++i;
      continue;
    }
    flush();
    if (message.role != Role::assistant) {
      encode_message(e, message);
      ++i;
      continue;
    }
    Message const turn = joined_turn(messages, i);
    bool const silent = std::all_of(turn.content.begin(), turn.content.end(),
                                    [](auto const& part) { return part.kind == PartKind::reasoning; });
    if (!silent) encode_message(e, turn);
  }
  flush();
}

inline void encode_tool(Encoding& e, Tool const& tool) {
  JsonWriter& w = e.w;
  if (!tool.raw.empty()) {
    if (e.own) w.raw(tool.raw.text);
    return;
  }
  std::string_view const type = tool.custom ? "custom" : "function";
  w.begin_object().text("type", type).begin_object(type).text("name", tool.name);
  w.text_if("description", tool.description);
  if (tool.custom) w.raw_if("format", tool.format);
  else w.raw_if("parameters", tool.parameters).flag_if("strict", tool.strict);
  e.end_inner(tool.extra, type);
  e.cache_mark(tool.cache);
  e.extra(tool.extra, type);
  w.end_object();
}

inline void encode_allowed_tools(JsonWriter& w, ToolChoice const& choice) {
  w.begin_object("tool_choice").text("type", "allowed_tools").begin_object("allowed_tools");
  w.text("mode", choice.kind == ToolChoiceKind::required ? "required" : "auto").begin_list("tools");
  for (std::string const& name : choice.allowed)
    w.begin_object()
        .text("type", "function")
        .begin_object("function")
        .text("name", name)
        .end_object()
        .end_object();
  w.end_list().end_object().end_object();
}

inline void encode_tool_choice(JsonWriter& w, ToolChoice const& choice, bool own) {
  if (choice.kind == ToolChoiceKind::unset) return;
  if (own && !choice.raw.empty()) return void(w.raw("tool_choice", choice.raw.text));
  if (!choice.allowed.empty()) return encode_allowed_tools(w, choice);
  switch (choice.kind) {
    case ToolChoiceKind::automatic: w.text("tool_choice", "auto"); break;
    case ToolChoiceKind::none: w.text("tool_choice", "none"); break;
    case ToolChoiceKind::required: w.text("tool_choice", "required"); break;
    case ToolChoiceKind::named:
      w.begin_object("tool_choice")
          .text("type", "function")
          .begin_object("function")
          .text("name", choice.name);
      w.end_object().end_object();
      break;
    case ToolChoiceKind::unset:
    case ToolChoiceKind::other: break;
  }
}

inline void encode_output_format(JsonWriter& w, OutputFormat const& format, bool own) {
  if (format.kind == OutputKind::unset) return;
  if (own && !format.raw.empty()) return void(w.raw("response_format", format.raw.text));
  if (format.kind == OutputKind::other) return;
  w.begin_object("response_format");
  if (format.kind == OutputKind::json_schema) {
    w.text("type", "json_schema")
        .begin_object("json_schema")
        .text("name", format.name.empty() ? "answer" : format.name);
    w.text_if("description", format.description)
        .raw_if("schema", format.schema)
        .flag_if("strict", format.strict);
    w.end_object();
  } else {
    w.text("type", format.kind == OutputKind::text ? "text" : "json_object");
  }
  w.end_object();
}

inline void encode_stop(JsonWriter& w, Conversation const& c) {
  if (c.stop.empty()) return;
  if (!c.stop_is_list && c.stop.size() == 1) return void(w.text("stop", c.stop.front()));
  w.begin_list("stop");
  for (std::string const& stop : c.stop) w.text(stop);
  w.end_list();
}

inline void encode_stream(Encoding& e, Conversation const& c) {
  JsonWriter& w = e.w;
  if (c.stream) w.flag("stream", true);
  // A translated stream is asked for its usage whoever wants it: the meter does.
  bool const usage = c.include_usage || (c.stream && !e.own);
  auto const* rest = e.own ? find_extra(c.extra, "stream_options") : nullptr;
  if (!usage && rest == nullptr) return;
  w.begin_object("stream_options");
  if (usage) w.flag("include_usage", true);
  e.end_inner(c.extra, "stream_options");
}

/// What chat and legacy completions share.
inline void encode_settings(Encoding& e, Conversation const& c) {
  JsonWriter& w = e.w;
  bool const legacy = e.own ? c.max_tokens_is_legacy : e.variant.legacy_max_tokens;
  w.count_if(legacy ? "max_tokens" : "max_completion_tokens", c.max_tokens);
  w.number_if("temperature", c.temperature).number_if("top_p", c.top_p);
  w.number_if("frequency_penalty", c.frequency_penalty).number_if("presence_penalty", c.presence_penalty);
  w.count_if("n", c.n).count_if("seed", c.seed);
  encode_stop(w, c);
  w.text_if("user", c.user);
  encode_stream(e, c);
}

}  // namespace openai_request

/// The body of a POST /v1/chat/completions for `model`. What decode_openai_chat read comes out with the same
/// meaning: all members, known or not; only their order, white space and nulls may differ.
///
/// What another dialect says and this one cannot is told to `losses`; one that may not be dropped is the error.
inline Result<std::string> encode_openai_chat(Conversation const& c, std::string_view model, Losses& losses,
                                              OpenAiVariant variant = {}) {
  using namespace openai_request;
  bool const own = is_own(c.dialect);
  if (!own || c.dialect == Dialect::openai_chat) check_fidelity(c, Dialect::openai_chat, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  std::string body;
  JsonWriter w(body);
  Encoding e{.w = w, .own = own, .variant = variant};
  w.begin_object().text("model", model).begin_list("messages");
  if (own)
    for (Message const& message : c.messages) encode_message(e, message);
  else encode_foreign_messages(e, c.messages);
  w.end_list();
  if (!c.tools.empty()) {
    w.begin_list("tools");
    for (Tool const& tool : c.tools) encode_tool(e, tool);
    w.end_list();
  }
  encode_tool_choice(w, c.tool_choice, own);
  encode_output_format(w, c.output_format, own);
  w.flag_if("parallel_tool_calls", c.parallel_tool_calls);
  encode_settings(e, c);
  w.flag_if("logprobs", c.logprobs).count_if("top_logprobs", c.top_logprobs);
  w.text_if("reasoning_effort", effort_of(c.reasoning)).text_if("verbosity", c.verbosity);
  e.extra(c.extra, "stream_options");
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
