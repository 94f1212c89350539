#pragma once
/// A chat request of Ollama, read into a Conversation. Nothing is lost: see decode_ollama.

#include <lowart/core/result.hpp>
#include <lowart/dialect/gemini_call_ids.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/ollama_settings_decode.hpp>
#include <lowart/dialect/openai_chat_message_decode.hpp>
#include <lowart/model/conversation.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace ollama_request {

inline void decode_call(JsonMember const& element, JsonPath const& path, JsonFault& fault, GeminiCallIds& ids,
                        ContentPart& part) {
  part.kind = PartKind::tool_call;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  object.take("type");  // "function", which some clients say
  auto inner = openai_request::take_inner(object, "function");
  if (!inner) return;
  inner->take("index");
  part.call.name = inner->need_text("name");
  auto const arguments = inner->take("arguments", JsonKind::object, "must be an object");
  part.call.arguments = arguments ? std::string(arguments->value) : "{}";
  part.call.id = object.take_text_or_empty("id");
  if (part.call.id.empty()) part.call.id = ids.next_id(part.call.name);
  ids.call(part.call.id, part.call.name);
  part.extra = object.rest();
  openai_request::keep_rest(*inner, "function", part.extra);
}

/// A result without the id of its call answers the first open call of its tool, or of any where no tool is named.
inline void decode_result(JsonObject& object, GeminiCallIds& ids, Message& message) {
  message.name = object.take_text_or_empty("tool_name");
  if (message.name.empty()) message.name = object.take_text_or_empty("name");  // of older clients
  message.tool_call_id = object.take_text_or_empty("tool_call_id");
  if (message.tool_call_id.empty() && !message.name.empty())
    message.tool_call_id = ids.answered_by(message.name);
  if (message.tool_call_id.empty()) message.tool_call_id = ids.first_open();
  ids.answer(message.tool_call_id);
}

/// What was thought comes before what was said, then the images, then the calls.
inline void decode_message(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                           GeminiCallIds& ids, Message& message) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  openai_request::decode_role(object, message);
  if (std::string thinking = object.take_text_or_empty("thinking"); !thinking.empty()) {
    ContentPart& part = message.content.emplace_back();
    part.kind = PartKind::reasoning;
    part.text = std::move(thinking);
  }
  if (auto text = object.take_text("content")) message.content.emplace_back().text = *std::move(text);
  decode_images(object, message.content);
  object.take_list("tool_calls", [&](JsonMember const& e, JsonPath const& at) {
    decode_call(e, at, fault, ids, message.content.emplace_back());
  });
  if (message.role == Role::tool) decode_result(object, ids, message);
  for (ExtraField& field : object.rest())
    if (field.value.text != "null") message.extra.push_back(std::move(field));
}

/// A tool is one of OpenAI's but for its `type`, which may be left out.
inline Tool decode_tool(JsonMember const& element, JsonPath const& path, JsonFault& fault) {
  Tool tool;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object"), tool;
  JsonObject object(element, path, fault);
  object.take("type");
  auto inner = openai_request::take_inner(object, "function");
  if (!inner) return tool;
  tool.name = inner->need_text("name");
  tool.description = inner->take_text_or_empty("description");
  auto const parameters = inner->take("parameters", JsonKind::object, "must be an object");
  if (parameters) tool.parameters.text = parameters->value;
  tool.strict = inner->take_flag("strict");
  tool.extra = object.rest();
  openai_request::keep_rest(*inner, "function", tool.extra);
  return tool;
}

}  // namespace ollama_request

/// Reads the body of a POST /api/chat. The model is not part of a Conversation and is left out.
///
/// Nothing is lost: members that the neutral language does not name are kept as ExtraField at each level, options among
/// them under dotted names ("options.num_ctx"). Calls without an id get one (GeminiCallIds), and their results are
/// matched by name and order. null counts as absent.
///
/// Errors: Errc::invalid_request with the path in param, "messages[2].tool_calls[0].function.name"; invalid JSON with its
/// offset.
inline Result<Conversation> decode_ollama(std::string_view body) {
  using namespace ollama_request;
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return tl::unexpected<Error>(std::move(top).error());
  Conversation c;
  c.dialect = Dialect::ollama;
  GeminiCallIds ids;
  if (auto const list = top->peek("messages")) c.messages.reserve(JsonObject::known_size(*list));
  top->take_list("messages", [&](JsonMember const& e, JsonPath const& path) {
    decode_message(e, path, fault, ids, c.messages.emplace_back());
  });
  top->take_list("tools", [&](JsonMember const& e, JsonPath const& path) {
    c.tools.push_back(ollama_request::decode_tool(e, path, fault));
  });
  ollama_request::decode_settings(*top, c);
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace lowart::dialect
