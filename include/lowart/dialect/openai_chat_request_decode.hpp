#pragma once
/// A chat request of the OpenAI dialect, read into a Conversation. Nothing is lost: see decode_openai_chat.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/openai_chat_message_decode.hpp>
#include <lowart/model/conversation.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace openai_request {

/// A free-form tool: it takes text, which a grammar may bound.
inline void decode_custom_tool(JsonObject& object, Tool& tool) {
  tool.custom = true;
  auto inner = take_inner(object, "custom");
  if (!inner) return;
  if (!inner->peek("name")) inner->wrong("name", "is missing");
  tool.name = inner->take_text_or_empty("name");
  tool.description = inner->take_text_or_empty("description");
  tool.format = inner->take_raw("format");
  keep_rest(*inner, "custom", tool.extra);
}

inline Tool decode_tool(JsonMember const& element, JsonPath const& path, JsonFault& fault) {
  Tool tool;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object"), tool;
  JsonObject object(element, path, fault);
  if (!object.peek("type")) return object.wrong("type", "is missing"), tool;
  auto const type = object.take_word("type").value_or("");
  if (type != "function" && type != "custom") {
    tool.raw.text = element.value;
    return tool;
  }
  decode_cache_mark(object, tool.cache);
  std::optional<JsonObject> inner;
  if (type == "custom") decode_custom_tool(object, tool);
  else inner = take_inner(object, type);
  if (inner) {
    if (!inner->peek("name")) inner->wrong("name", "is missing");
    tool.name = inner->take_text_or_empty("name");
    tool.description = inner->take_text_or_empty("description");
    auto const parameters = inner->take("parameters", JsonKind::object, "must be an object");
    if (parameters) tool.parameters.text = parameters->value;
    tool.strict = inner->take_flag("strict");
  }
  for (ExtraField& field : object.rest()) tool.extra.push_back(std::move(field));
  if (inner) keep_rest(*inner, "function", tool.extra);
  return tool;
}

/// Some of the tools, as many of them as we can name.
inline ToolChoice decode_allowed_tools(JsonObject& object, ToolChoice choice) {
  auto inner = object.take_object("allowed_tools");
  if (!inner) return choice;
  bool all_named = true;
  bool const required = inner->take_text("mode") == "required";
  inner->take_list("tools", [&](JsonMember const& e, JsonPath const&) {
    auto const function = find_member(e.value, "function");
    auto const name = function ? find_member(function->value, "name") : std::nullopt;
    if (name && name->kind == JsonKind::string) choice.allowed.push_back(JsonObject::text_of(*name));
    else all_named = false;
  });
  if (all_named) choice.kind = required ? ToolChoiceKind::required : ToolChoiceKind::automatic;
  return choice;
}

inline ToolChoice decode_tool_choice(JsonMember const& member, JsonFault& fault) {
  ToolChoice choice;
  choice.kind = ToolChoiceKind::other;
  choice.raw.text = member.value;
  if (member.kind == JsonKind::string) {
    if (member.value == "\"auto\"") return {ToolChoiceKind::automatic, {}, {}, {}};
    if (member.value == "\"none\"") return {ToolChoiceKind::none, {}, {}, {}};
    if (member.value == "\"required\"") return {ToolChoiceKind::required, {}, {}, {}};
    return choice;
  }
  if (member.kind != JsonKind::object)
    return fault.wrong("tool_choice", "must be a string or an object"), choice;
  JsonObject object(member, "tool_choice", fault);
  auto const type = object.take_word("type").value_or("");
  if (type == "allowed_tools") return decode_allowed_tools(object, std::move(choice));
  if (type != "function" && type != "custom") return choice;
  auto inner = take_inner(object, type);
  if (!inner) return choice;
  choice.kind = ToolChoiceKind::named;
  choice.name = inner->take_text_or_empty("name");
  if (type == "function" && object.rest().empty() && inner->rest().empty()) choice.raw = {};
  return choice;
}

inline OutputFormat decode_output_format(JsonMember const& member, JsonFault& fault) {
  OutputFormat format;
  format.kind = OutputKind::other;
  format.raw.text = member.value;
  JsonObject object(member, "response_format", fault);
  if (!object.peek("type")) return object.wrong("type", "is missing"), format;
  auto const type = object.take_word("type").value_or("");
  std::optional<JsonObject> inner;
  if (type == "text") format.kind = OutputKind::text;
  else if (type == "json_object") format.kind = OutputKind::json_object;
  else if (type == "json_schema") format.kind = OutputKind::json_schema, inner = take_inner(object, type);
  else return format;
  if (inner) {
    format.name = inner->take_text_or_empty("name");
    format.description = inner->take_text_or_empty("description");
    format.schema = inner->take_raw("schema");
    format.strict = inner->take_flag("strict");
  }
  if (object.rest().empty() && (!inner || inner->rest().empty())) format.raw = {};
  return format;
}

inline void decode_stop(JsonObject& top, Conversation& c) {
  auto const stop = top.take("stop");
  if (!stop) return;
  if (stop->kind == JsonKind::string) {
    c.stop_is_list = false;
    c.stop.push_back(JsonObject::text_of(*stop));
  } else if (stop->kind == JsonKind::array) {
    JsonObject::for_each_element(*stop, "stop", [&](JsonMember const& e, JsonPath const& path) {
      if (e.kind == JsonKind::string) c.stop.push_back(JsonObject::text_of(e));
      else top.fault().wrong(path, "must be a string");
    });
  } else {
    top.wrong("stop", "must be a string or a list of strings");
  }
}

/// What chat and legacy completions share; the rest of `top` is left for the caller.
inline void decode_settings(JsonObject& top, Conversation& c, bool legacy_limit) {
  c.max_tokens = top.take_count("max_completion_tokens");
  if (!c.max_tokens) {
    c.max_tokens = top.take_count("max_tokens");
    c.max_tokens_is_legacy = c.max_tokens && legacy_limit;
  }
  c.temperature = top.take_number("temperature");
  c.top_p = top.take_number("top_p");
  c.frequency_penalty = top.take_number("frequency_penalty");
  c.presence_penalty = top.take_number("presence_penalty");
  c.n = top.take_count("n");
  c.seed = top.take_count("seed");
  decode_stop(top, c);
  c.user = top.take_text_or_empty("user");
  c.stream = top.take_flag("stream").value_or(false);
}

}  // namespace openai_request

/// Reads the body of a POST /v1/chat/completions. The model is not part of a Conversation and is left out.
///
/// Nothing is lost: members that the neutral language does not name are kept as ExtraField, in the bytes they
/// came in, at each level (top, message, part, tool, tool call); what an inner object such as "image_url" or
/// "function" has beyond the known is kept as an extra field of that name. Legacy `functions`,
/// `function_call` and the role "function" survive so. null counts as absent.
///
/// Errors: Errc::invalid_request with the path in param, "messages[2].content[0].type"; invalid JSON with its
/// offset. Cost: 0.4 ns a byte of prose to 1.5 of a transcript of calls; not for the path where bytes pass unchanged.
inline Result<Conversation> decode_openai_chat(std::string_view body) {
  using namespace openai_request;
  JsonDocument const document(body);
  JsonFault fault;
  auto opened = open_body(document, fault);
  if (!opened) return tl::unexpected<Error>(std::move(opened).error());
  JsonObject& top = *opened;
  Conversation c;
  c.dialect = Dialect::openai_chat;
  top.take("model");
  if (auto const list = top.peek("messages")) c.messages.reserve(JsonObject::known_size(*list));
  bool const has_messages = top.take_list("messages", [&](JsonMember const& e, JsonPath const& path) {
    decode_message(e, path, fault, c.messages.emplace_back());
  });
  if (!has_messages) fault.wrong("messages", "is missing");
  top.take_list("tools", [&](JsonMember const& e, JsonPath const& path) {
    c.tools.push_back(decode_tool(e, path, fault));
  });
  if (auto const choice = top.take("tool_choice")) c.tool_choice = decode_tool_choice(*choice, fault);
  if (auto const format = top.take("response_format", JsonKind::object, "must be an object"))
    c.output_format = decode_output_format(*format, fault);
  c.parallel_tool_calls = top.take_flag("parallel_tool_calls");
  decode_settings(top, c, true);
  c.logprobs = top.take_flag("logprobs");
  c.top_logprobs = top.take_count("top_logprobs");
  c.reasoning.effort = top.take_text_or_empty("reasoning_effort");
  c.verbosity = top.take_text_or_empty("verbosity");
  auto options = top.take_object("stream_options");
  if (options) c.include_usage = options->take_flag("include_usage").value_or(false);
  c.extra = top.rest();
  if (options) keep_rest(*options, "stream_options", c.extra);
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace lowart::dialect
