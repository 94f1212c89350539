#pragma once
/// A Conversation, written as a chat request of the OpenAI dialect.

#include <lowart/core/result.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_chat_message_encode.hpp>
#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

namespace openai_request {

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
  body.reserve(estimated_size(c));
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
