#pragma once
/// A Conversation, written as a chat request of the OpenAI dialect.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

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

inline void encode_part(JsonWriter& w, ContentPart const& part) {
  if (part.kind == PartKind::other) {
    if (!part.raw.empty()) w.raw(part.raw.text);
    return;
  }
  w.begin_object();
  std::string_view inner;
  switch (part.kind) {
    case PartKind::text: w.text("type", "text").text("text", part.text); break;
    case PartKind::refusal: w.text("type", "refusal").text("refusal", part.text); break;
    case PartKind::image:
      inner = "image_url";
      w.text("type", inner).begin_object(inner).text("url", part.data).text_if("detail", part.detail);
      break;
    case PartKind::audio:
      inner = "input_audio";
      w.text("type", inner).begin_object(inner).text("data", part.data).text_if("format", part.format);
      break;
    case PartKind::file:
      inner = "file";
      w.text("type", inner)
          .begin_object(inner)
          .text_if("file_data", part.data)
          .text_if("file_id", part.file_id);
      w.text_if("filename", part.file_name);
      break;
    case PartKind::other: break;
  }
  if (!inner.empty()) end_inner(w, part.extra, inner);
  w.extra(part.extra, inner).end_object();
}

inline void encode_content(JsonWriter& w, Message const& message) {
  bool const plain = !message.content_is_parts && message.content.size() == 1 &&
                     message.content.front().kind == PartKind::text && message.content.front().extra.empty();
  if (plain) {
    w.text("content", message.content.front().text);
  } else if (message.content.empty() && !message.content_is_parts) {
    w.null("content");
  } else {
    w.begin_list("content");
    for (ContentPart const& part : message.content) encode_part(w, part);
    w.end_list();
  }
}

inline void encode_tool_call(JsonWriter& w, ToolCall const& call) {
  w.begin_object().text("id", call.id);
  std::string_view const type = call.custom ? "custom" : "function";
  if (find_extra(call.extra, "type") == nullptr) {
    w.text("type", type).begin_object(type).text("name", call.name);
    w.text(call.custom ? "input" : "arguments", call.arguments);
    end_inner(w, call.extra, type);
    w.extra(call.extra, type);
  } else {
    w.extra(call.extra);  // a kind of call that we only carry
  }
  w.end_object();
}

inline void encode_message(JsonWriter& w, Message const& message) {
  w.begin_object();
  if (find_extra(message.extra, "role") == nullptr) w.text("role", word_of(message.role));
  encode_content(w, message);
  if (find_extra(message.extra, "reasoning") == nullptr) w.text_if("reasoning_content", message.reasoning);
  w.text_if("refusal", message.refusal)
      .text_if("name", message.name)
      .text_if("tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    w.begin_list("tool_calls");
    for (ToolCall const& call : message.tool_calls) encode_tool_call(w, call);
    w.end_list();
  }
  w.extra(message.extra).end_object();
}

inline void encode_tool(JsonWriter& w, Tool const& tool) {
  if (!tool.raw.empty()) return void(w.raw(tool.raw.text));
  w.begin_object().text("type", "function").begin_object("function").text("name", tool.name);
  w.text_if("description", tool.description)
      .raw_if("parameters", tool.parameters)
      .flag_if("strict", tool.strict);
  end_inner(w, tool.extra, "function");
  w.extra(tool.extra, "function").end_object();
}

inline void encode_tool_choice(JsonWriter& w, ToolChoice const& choice) {
  if (choice.kind == ToolChoiceKind::unset) return;
  if (!choice.raw.empty()) return void(w.raw("tool_choice", choice.raw.text));
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

inline void encode_output_format(JsonWriter& w, OutputFormat const& format) {
  if (format.kind == OutputKind::unset) return;
  if (!format.raw.empty()) return void(w.raw("response_format", format.raw.text));
  if (format.kind == OutputKind::other) return;
  w.begin_object("response_format");
  if (format.kind == OutputKind::json_schema) {
    w.text("type", "json_schema").begin_object("json_schema").text("name", format.name);
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

inline void encode_stream(JsonWriter& w, Conversation const& c) {
  if (c.stream) w.flag("stream", true);
  auto const* rest = find_extra(c.extra, "stream_options");
  if (!c.include_usage && rest == nullptr) return;
  w.begin_object("stream_options");
  if (c.include_usage) w.flag("include_usage", true);
  end_inner(w, c.extra, "stream_options");
}

/// What chat and legacy completions share.
inline void encode_settings(JsonWriter& w, Conversation const& c) {
  w.count_if(c.max_tokens_is_legacy ? "max_tokens" : "max_completion_tokens", c.max_tokens);
  w.number_if("temperature", c.temperature).number_if("top_p", c.top_p);
  w.number_if("frequency_penalty", c.frequency_penalty).number_if("presence_penalty", c.presence_penalty);
  w.count_if("n", c.n).count_if("seed", c.seed);
  encode_stop(w, c);
  w.text_if("user", c.user);
  encode_stream(w, c);
}

}  // namespace openai_request

/// The body of a POST /v1/chat/completions for `model`. What decode_openai_chat read comes out with the same
/// meaning: all members, known or not; only their order, white space and nulls may differ.
inline std::string encode_openai_chat(Conversation const& c, std::string_view model) {
  using namespace openai_request;
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("model", model).begin_list("messages");
  for (Message const& message : c.messages) encode_message(w, message);
  w.end_list();
  if (!c.tools.empty()) {
    w.begin_list("tools");
    for (Tool const& tool : c.tools) encode_tool(w, tool);
    w.end_list();
  }
  encode_tool_choice(w, c.tool_choice);
  encode_output_format(w, c.output_format);
  w.flag_if("parallel_tool_calls", c.parallel_tool_calls);
  encode_settings(w, c);
  w.flag_if("logprobs", c.logprobs).count_if("top_logprobs", c.top_logprobs);
  w.text_if("reasoning_effort", c.reasoning_effort);
  w.extra(c.extra, "stream_options").end_object();
  return body;
}

}  // namespace lowart::dialect
