#pragma once
/// A Gemini request, read into a Conversation. Nothing is lost: see decode_gemini.

#include <lowart/core/result.hpp>
#include <lowart/dialect/gemini_blob.hpp>
#include <lowart/dialect/gemini_call_ids.hpp>
#include <lowart/dialect/gemini_config_decode.hpp>
#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/gemini_schema.hpp>
#include <lowart/dialect/gemini_spelling.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace gemini_request {

inline void take_signature(JsonObject& object, ContentPart& part) {
  auto text = object.take_text(GeminiName(object, "thoughtSignature"));
  if (!text) return;
  part.signature = unseal(*text, Dialect::gemini);
  std::string& value = part.signature.value;
  part.redacted = part.kind == PartKind::reasoning && part.signature.by != Dialect::gemini &&
                  value.ends_with(gemini_redacted_mark);
  if (part.redacted) value.resize(value.size() - gemini_redacted_mark.size());
}

/// inlineData or fileData.
inline void decode_media(JsonObject& object, ContentPart& part, bool is_inline) {
  GeminiName const name(object, is_inline ? "inlineData" : "fileData");
  auto inner = object.take_object(name);
  if (!inner) return;
  auto type = inner->take_text_or_empty(GeminiName(*inner, "mimeType"));
  part.kind = gemini_blob::kind_of(type);
  Media& media = part.media.edit();
  media.file_name = inner->take_text_or_empty(GeminiName(*inner, "displayName"));
  if (is_inline) {
    if (!inner->peek("data")) inner->wrong("data", "is missing");
    if (type.empty()) inner->wrong("mimeType", "is missing");
    media.format = gemini_blob::audio_format(type);
    gemini_blob::set_inline(media, std::move(type), inner->take_text_or_empty("data"));
  } else {
    GeminiName const uri(*inner, "fileUri");
    if (!inner->peek(uri)) inner->wrong("fileUri", "is missing");
    auto text = inner->take_text_or_empty(uri);
    media.media_type = std::move(type);
    (gemini_blob::is_stored(text) ? media.file_id : media.data) = std::move(text);
  }
  keep_rest(*inner, is_inline ? "inlineData" : "fileData", part.extra);
}

inline void decode_call(JsonObject& object, ContentPart& part, GeminiCallIds& ids) {
  auto inner = object.take_object(GeminiName(object, "functionCall"));
  if (!inner) return;
  part.kind = PartKind::tool_call;
  if (!inner->peek("name")) inner->wrong("name", "is missing");
  part.call.name = inner->take_text_or_empty("name");
  part.call.id = inner->take_text_or_empty("id");
  if (part.call.id.empty()) part.call.id = ids.next_id(part.call.name);
  auto const args = inner->take("args", JsonKind::object, "must be an object");
  part.call.arguments = args ? std::string(args->value) : "{}";
  ids.call(part.call.id, part.call.name);
  keep_rest(*inner, "functionCall", part.extra);
}

/// Any part but a function's response; `object` is what `element` holds.
inline void decode_part(JsonMember const& element, JsonObject& object, GeminiCallIds& ids,
                        ContentPart& part) {
  auto const thought = object.peek("thought");
  bool const is_thought = thought && thought->value == "true";
  auto const text = object.peek("text");
  bool const has_call = object.peek(GeminiName(object, "functionCall")).has_value();
  bool const has_bytes = object.peek(GeminiName(object, "inlineData")).has_value();
  bool const has_file = object.peek(GeminiName(object, "fileData")).has_value();
  if (text) {
    part.kind = is_thought ? PartKind::reasoning : PartKind::text;
    part.text = object.take_text_or_empty("text");
    object.take_flag("thought");
  } else if (has_call) {
    decode_call(object, part, ids);
  } else if ((has_bytes || has_file) && !is_thought) {
    decode_media(object, part, has_bytes);
  } else {
    part.kind = PartKind::other;  // executableCode, codeExecutionResult, toolCall ...
    part.raw.text = element.value;
    return;
  }
  take_signature(object, part);
  for (ExtraField& field : object.rest()) part.extra.push_back(std::move(field));
}

/// The same for an element of a list, as a new part of `content`.
inline void decode_part(JsonMember const& element, JsonPath const& path, JsonFault& fault, GeminiCallIds& ids,
                        std::vector<ContentPart>& content) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  decode_part(element, object, ids, content.emplace_back());
}

/// Another provider's signature came to the client in a part behind the thinking that it signs, which may have come in
/// pieces: they are one again.
inline void join_signed_reasoning(std::vector<ContentPart>& parts) {
  ContentPart const& last = parts.back();
  bool const signs = last.kind == PartKind::reasoning && last.text.empty() && !last.redacted &&
                     last.signature.is_foreign_to(Dialect::gemini);
  if (!signs) return;
  std::size_t first = parts.size() - 1;
  while (first > 0 && parts[first - 1].kind == PartKind::reasoning && parts[first - 1].signature.empty())
    --first;
  if (first == parts.size() - 1) return;
  ContentPart& whole = parts[first];
  for (std::size_t i = first + 1; i < parts.size(); ++i) whole.text += parts[i].text;
  whole.signature = std::move(parts.back().signature);
  parts.resize(first + 1);
}

/// The words of a tool's result, by the keys that Google's documentation gives: {"result": text} and {"error": text}.
/// A text that is an object itself would be written as one, so it stays where it is.
inline void decode_response(JsonMember const& response, Message& message) {
  std::size_t members = 0;
  std::optional<JsonMember> sole;
  JsonObject::for_each_in(response, [&](JsonMember const& m) { ++members, sole = m; });
  if (members == 0) return;
  ContentPart& part = message.content.emplace_back();
  bool const wraps = members == 1 && (sole->key == "result" || sole->key == "error");
  message.tool_failed = wraps && sole->key == "error" && sole->kind != JsonKind::null;
  if (wraps && sole->kind == JsonKind::string) {
    std::string text = JsonObject::text_of(*sole);
    part.text = is_json_object(text) ? std::string(response.value) : std::move(text);
  } else if (message.tool_failed && sole->kind == JsonKind::object && !has_error(sole->value)) {
    part.text = sole->value;
  } else {
    part.text = response.value;
  }
}

inline void decode_result(JsonObject& object, GeminiCallIds& ids, Message& message) {
  message.role = Role::tool;
  message.content_is_parts = true;
  auto inner = object.take_object(GeminiName(object, "functionResponse"));
  if (!inner) return;
  if (!inner->peek("name")) inner->wrong("name", "is missing");
  message.name = inner->take_text_or_empty("name");
  message.tool_call_id = inner->take_text_or_empty("id");
  if (message.tool_call_id.empty()) message.tool_call_id = ids.answered_by(message.name);
  ids.answer(message.tool_call_id);
  auto const response = inner->take("response", JsonKind::object, "must be an object");
  if (response) decode_response(*response, message);
  take_gemini_list(*inner, "parts", [&](JsonMember const& e, JsonPath const& path) {
    decode_part(e, path, object.fault(), ids, message.content);
  });
  keep_rest(*inner, "functionResponse", message.extra);
  for (ExtraField& field : object.rest()) message.extra.push_back(std::move(field));
}

/// The name under which a content's own unknown members are kept: a tool's result has those of its part as well.
inline std::string content_extra(Role role, std::string name) {
  return role == Role::tool ? "content." + std::move(name) : std::move(name);
}

/// One content: a turn, or several results and what follows them.
inline void decode_content(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                           GeminiCallIds& ids, Conversation& c) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  auto const role = object.take_word("role").value_or("user");
  if (role != "user" && role != "model" && role != "function" && !role.empty())
    return object.wrong("role", "must be user or model");
  Role const speaker = role == "model" ? Role::assistant : Role::user;
  std::size_t const first = c.messages.size();
  auto const add = [&]() -> Message& {
    Message& message = c.messages.emplace_back();
    message.same_turn = c.messages.size() - 1 != first;
    message.content_is_parts = true;
    return message;
  };
  auto const turn = [&]() -> Message& {
    bool const goes_on = c.messages.size() != first && c.messages.back().role != Role::tool;
    Message& message = goes_on ? c.messages.back() : add();
    message.role = speaker;
    return message;
  };
  auto const parts = speaker == Role::assistant ? object.peek("parts") : std::nullopt;
  if (parts) turn().content.reserve(JsonObject::known_size(*parts));
  take_gemini_list(object, "parts", [&](JsonMember const& e, JsonPath const& at) {
    if (e.kind != JsonKind::object) return fault.wrong(at, "must be an object");
    JsonObject part(e, at, fault);
    bool const is_result =
        speaker == Role::user && part.peek(GeminiName(part, "functionResponse")).has_value();
    if (is_result) return decode_result(part, ids, add());
    auto& content = turn().content;
    decode_part(e, part, ids, content.emplace_back());
    join_signed_reasoning(content);
  });
  if (c.messages.size() == first) turn();
  for (ExtraField& field : object.rest()) {
    Message& message = c.messages[first];
    message.extra.push_back({content_extra(message.role, std::move(field.name)), std::move(field.value)});
  }
}

inline void decode_system(JsonObject& top, GeminiCallIds& ids, Conversation& c) {
  GeminiName const name(top, "systemInstruction");
  auto const member = top.take(name, JsonKind::object, "must be an object");
  if (!member) return;
  JsonObject object(*member, top.path_of(name), top.fault());
  Message message;
  message.role = Role::system;
  message.content_is_parts = true;
  object.take_word("role");  // any word: Google does not look at it
  take_gemini_list(object, "parts", [&](JsonMember const& e, JsonPath const& path) {
    decode_part(e, path, top.fault(), ids, message.content);
  });
  message.extra = object.rest();
  c.system_is_apart = true;
  c.messages.push_back(std::move(message));
}

inline Tool decode_function(JsonMember const& element, JsonPath const& path, JsonFault& fault) {
  Tool tool;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object"), tool;
  JsonObject object(element, path, fault);
  if (!object.peek("name")) object.wrong("name", "is missing");
  tool.name = object.take_text_or_empty("name");
  tool.description = object.take_text_or_empty("description");
  GeminiName const json_schema(object, "parametersJsonSchema");
  if (object.peek(json_schema)) {
    tool.parameters = object.take_raw(json_schema);
    if (!object.peek("parameters")) object.take("parameters");  // null would be taken for our sign
  } else if (auto const own = object.take("parameters", JsonKind::object, "must be an object")) {
    tool.parameters.text = lower_gemini_schema(own->value);
    tool.extra.push_back(own_schema("parameters"));
  }
  for (ExtraField& field : object.rest()) tool.extra.push_back(std::move(field));
  return tool;
}

/// An entry of `tools`: functions, and tools of Google's own beside them.
inline void decode_tools(JsonMember const& element, JsonPath const& path, JsonFault& fault, Conversation& c) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  take_gemini_list(object, "functionDeclarations", [&](JsonMember const& e, JsonPath const& at) {
    c.tools.push_back(decode_function(e, at, fault));
  });
  if (auto rest = object.rest_as_object(); !rest.empty()) c.tools.emplace_back().raw = std::move(rest);
}

inline Result<Conversation> decode_members(JsonObject top) {
  JsonFault& fault = top.fault();
  Conversation c;
  c.dialect = Dialect::gemini;
  GeminiCallIds ids;
  top.take("model");
  decode_system(top, ids, c);
  if (auto const list = top.peek("contents"))
    c.messages.reserve(c.messages.size() + JsonObject::known_size(*list));
  bool const has_contents = take_gemini_list(top, "contents", [&](JsonMember const& e, JsonPath const& path) {
    decode_content(e, path, fault, ids, c);
  });
  if (!has_contents) top.wrong("contents", "is missing");
  take_gemini_list(top, "tools",
                   [&](JsonMember const& e, JsonPath const& path) { decode_tools(e, path, fault, c); });
  decode_tool_config(top, c);
  decode_config(top, c);
  for (ExtraField& field : top.rest()) c.extra.push_back(std::move(field));
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace gemini_request

/// Reads the body of a generateContent call. The model and the method stand in the path: see parse_gemini_path.
///
/// Names are read in camelCase and in snake_case, and one content, part or tool may stand for a list of it, as Google
/// reads them. Nothing is lost: what the neutral language does not name is kept at each level. Members of
/// generationConfig and toolConfig are kept under their dotted names ("generationConfig.speechConfig"), those inside
/// an inner object under its name. An extra field whose value is null says that a schema came in Gemini's own form. Each
/// functionResponse becomes a message of its own, with same_turn where it shared a content. Calls without an
/// id get one (GeminiCallIds), and their responses are matched by name and order. Base64 is normalised.
///
/// Errors: Errc::invalid_request with the path in param, "contents[2].parts[0].functionCall.name"; invalid JSON with its
/// offset.
inline Result<Conversation> decode_gemini(std::string_view body) {
  JsonDocument const document(body);
  JsonFault fault;
  auto top = open_body(document, fault);
  if (!top) return tl::unexpected<Error>(std::move(top).error());
  return gemini_request::decode_members(*std::move(top));
}

/// The same for streamGenerateContent: Conversation::stream is set, and the usage is wanted, which Gemini always tells.
inline Result<Conversation> decode_gemini_stream(std::string_view body) {
  auto c = decode_gemini(body);
  if (c) c->stream = c->include_usage = true;
  return c;
}

}  // namespace lowart::dialect
