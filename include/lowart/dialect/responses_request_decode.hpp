#pragma once
/// A request of the Responses dialect, read into a Conversation. Nothing is lost: see decode_responses.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/responses_items_decode.hpp>
#include <lowart/model/conversation.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace responses_request {

using openai_request::keep_rest;
using responses_items::required_text;

inline constexpr std::string_view wants_logprobs = "message.output_text.logprobs";
inline constexpr std::string_view wants_proof = "reasoning.encrypted_content";

/// A function or a free-form tool; any other kind is carried as it came.
inline Tool decode_tool(JsonMember const& element, JsonPath const& path, JsonFault& fault) {
  Tool tool;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object"), tool;
  JsonObject object(element, path, fault);
  auto const type = object.need_word("type");
  if (type != "function" && type != "custom") {
    tool.raw.text = element.value;
    return tool;
  }
  tool.custom = type == "custom";
  tool.name = required_text(object, "name");
  tool.description = object.take_text_or_empty("description");
  if (tool.custom) {
    tool.format = object.take_raw("format");
  } else {
    if (auto const schema = object.take("parameters", JsonKind::object, "must be an object"))
      tool.parameters.text = schema->value;
    tool.strict = object.take_flag("strict");
  }
  tool.extra = object.rest();
  return tool;
}

/// Some of the tools, when each of them is a function or a free-form tool.
inline ToolChoice decode_allowed_tools(JsonObject& object, ToolChoice choice) {
  bool const required = object.take_text("mode") == "required";
  bool all_named = true, all_plain = true;
  object.take_list("tools", [&](JsonMember const& e, JsonPath const& path) {
    if (e.kind != JsonKind::object) return object.fault().wrong(path, "must be an object");
    JsonObject tool(e, path, object.fault());
    auto const type = tool.take_word("type").value_or("");
    auto name = tool.take_text("name");
    bool const known = name && (type == "function" || type == "custom");
    all_named = all_named && known;
    all_plain = all_plain && known && type == "function" && tool.rest().empty();
    if (known) choice.allowed.push_back(*std::move(name));
  });
  if (!all_named || choice.allowed.empty()) {
    choice.allowed.clear();
    return choice;
  }
  choice.kind = required ? ToolChoiceKind::required : ToolChoiceKind::automatic;
  if (all_plain && object.rest().empty()) choice.raw = {};
  return choice;
}

inline ToolChoice decode_tool_choice(JsonMember const& member, JsonFault& fault) {
  ToolChoice choice;
  if (member.value == "\"auto\"") return choice.kind = ToolChoiceKind::automatic, choice;
  if (member.value == "\"none\"") return choice.kind = ToolChoiceKind::none, choice;
  if (member.value == "\"required\"") return choice.kind = ToolChoiceKind::required, choice;
  choice.kind = ToolChoiceKind::other;
  choice.raw.text = member.value;
  if (member.kind == JsonKind::string) return choice;
  if (member.kind != JsonKind::object)
    return fault.wrong("tool_choice", "must be a string or an object"), choice;
  JsonObject object(member, "tool_choice", fault);
  auto const type = object.take_word("type").value_or("");
  if (type == "allowed_tools") return decode_allowed_tools(object, std::move(choice));
  if (type != "function" && type != "custom") return choice;
  choice.kind = ToolChoiceKind::named;
  choice.name = required_text(object, "name");
  if (type == "function" && object.rest().empty()) choice.raw = {};
  return choice;
}

inline OutputFormat decode_format(JsonObject object, std::string_view raw) {
  OutputFormat format;
  format.kind = OutputKind::other;
  format.raw.text = raw;
  auto const type = object.need_word("type");
  if (type == "text") format.kind = OutputKind::text;
  else if (type == "json_object") format.kind = OutputKind::json_object;
  else if (type == "json_schema") format.kind = OutputKind::json_schema;
  else return format;
  if (format.kind == OutputKind::json_schema) {
    format.name = object.take_text_or_empty("name");
    format.description = object.take_text_or_empty("description");
    format.schema = object.take_raw("schema");
    format.strict = object.take_flag("strict");
  }
  if (object.rest().empty()) format.raw = {};
  return format;
}

inline void decode_text(JsonObject& top, Conversation& c) {
  auto text = top.take_object("text");
  if (!text) return;
  auto const raw = text->peek("format");
  if (auto format = text->take_object("format"))
    c.output_format = decode_format(*std::move(format), raw->value);
  c.verbosity = text->take_text_or_empty("verbosity");
  keep_rest(*text, "text", c.extra);
}

inline void decode_reasoning(JsonObject& top, Conversation& c) {
  auto wish = top.take_object("reasoning");
  if (!wish) return;
  c.reasoning.effort = wish->take_text_or_empty("effort");
  c.reasoning.shown = wish->take_text_or_empty("summary");
  keep_rest(*wish, "reasoning", c.extra);
}

/// `include` is kept as it came; what of it the neutral language knows is told as well.
inline void decode_logprobs(JsonObject& top, Conversation& c) {
  c.top_logprobs = top.take_count("top_logprobs");
  if (c.top_logprobs == 0) c.top_logprobs.reset();  // what is usual
  bool wanted = c.top_logprobs.has_value();
  if (auto const include = top.peek("include"); include && include->kind == JsonKind::array)
    scan_array(include->value, [&](JsonMember const& entry) {
      if (as_string_view(entry.value) == wants_logprobs) wanted = true;
    });
  if (wanted) c.logprobs = true;
}

inline void decode_instructions(JsonObject& top, Conversation& c) {
  auto text = top.take_text("instructions");
  if (!text) return;
  c.system_is_apart = true;
  Message& message = c.messages.emplace_back();
  message.role = Role::system;
  message.content.emplace_back().text = *std::move(text);
}

inline void decode_input(JsonObject& top, Conversation& c) {
  auto const input = top.take("input");
  if (!input) {
    bool const kept = top.peek("previous_response_id") || top.peek("conversation") || top.peek("prompt");
    if (!kept) top.wrong("input", "is missing");
  } else if (input->kind == JsonKind::string) {
    c.messages.emplace_back().content.emplace_back().text = JsonObject::text_of(*input);
  } else if (input->kind == JsonKind::array) {
    c.messages.reserve(c.messages.size() + JsonObject::known_size(*input));
    responses_items::Reader items(c, top.fault());
    JsonObject::for_each_element(*input, "input",
                                 [&](JsonMember const& e, JsonPath const& path) { items.read(e, path); });
    items.finish();
  } else {
    top.wrong("input", "must be a string or a list of items");
  }
}

}  // namespace responses_request

/// Reads the body of a POST /v1/responses. The model is not part of a Conversation and is left out.
///
/// `instructions` is the first message (system_is_apart). The assistant's items of one turn become one message, see
/// responses_items.hpp; the output of a call is a message of Role::tool. Items, tools and formats of kinds that only
/// this dialect knows are carried as raw JSON; members that the neutral language does not name are kept as
/// ExtraField at each level, so `previous_response_id`, `conversation`, `store` and the like stand in
/// Conversation::extra. null counts as absent.
///
/// Errors: Errc::invalid_request with the path in param, "input[2].content[0].type"; invalid JSON with its offset.
inline Result<Conversation> decode_responses(std::string_view body) {
  using namespace responses_request;
  JsonDocument const document(body);
  JsonFault fault;
  auto opened = open_body(document, fault);
  if (!opened) return tl::unexpected<Error>(std::move(opened).error());
  JsonObject& top = *opened;
  Conversation c;
  c.dialect = Dialect::openai_responses;
  top.take("model");
  decode_instructions(top, c);
  decode_input(top, c);
  top.take_list("tools", [&](JsonMember const& e, JsonPath const& path) {
    c.tools.push_back(decode_tool(e, path, fault));
  });
  if (auto const choice = top.take("tool_choice")) c.tool_choice = decode_tool_choice(*choice, fault);
  decode_text(top, c);
  decode_reasoning(top, c);
  decode_logprobs(top, c);
  c.parallel_tool_calls = top.take_flag("parallel_tool_calls");
  c.max_tokens = top.take_count("max_output_tokens");
  c.temperature = top.take_number("temperature");
  c.top_p = top.take_number("top_p");
  c.user = top.take_text_or_empty("user");
  c.stream = top.take_flag("stream").value_or(false);
  for (ExtraField& field : top.rest()) c.extra.push_back(std::move(field));
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace lowart::dialect
