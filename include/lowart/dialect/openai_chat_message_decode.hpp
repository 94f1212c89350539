#pragma once
/// One message of a chat request of the OpenAI dialect, read into a Message.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect::openai_request {

inline constexpr std::array<std::pair<std::string_view, Role>, 5> roles{{{"system", Role::system},
                                                                         {"developer", Role::developer},
                                                                         {"user", Role::user},
                                                                         {"assistant", Role::assistant},
                                                                         {"tool", Role::tool}}};

/// Keeps what is left of an inner object ("image_url", "function") as an extra field of that name.
inline void keep_rest(JsonObject const& inner, std::string_view name, std::vector<ExtraField>& extra) {
  if (auto rest = inner.rest_as_object(); !rest.empty())
    extra.push_back({std::string(name), std::move(rest)});
}

/// The inner object that a kind of part is made of; a fault when it is missing.
inline std::optional<JsonObject> take_inner(JsonObject& outer, std::string_view name) {
  if (!outer.peek(name)) outer.wrong(name, "is missing");
  return outer.take_object(name);
}

/// The signature that a tool call brings back in Google's member of this dialect. The member itself is kept as well,
/// unless it holds another provider's proof under our seal: we wrote it, and the chat provider would not know what it is.
inline Signature take_signature(JsonObject& call) {
  auto const extra = call.peek("extra_content");
  auto const google = extra ? find_member(extra->value, "google") : std::nullopt;
  auto const proof = google ? find_member(google->value, "thought_signature") : std::nullopt;
  if (!proof || proof->kind != JsonKind::string) return {};
  Signature signature = unseal(JsonObject::text_of(*proof), Dialect::openai_chat);
  if (signature.is_foreign_to(Dialect::openai_chat)) call.take("extra_content");
  return signature;
}

inline void decode_cache_mark(JsonObject& object, std::optional<CacheMark>& cache) {
  // Not OpenAI's own, but what routers and compatible servers of this dialect take.
  auto const member = object.peek("cache_control");
  if (!member || member->kind != JsonKind::object) return;
  JsonObject mark(*member, object.path_of("cache_control"), object.fault());
  auto const ttl = mark.take("ttl");
  bool const is_known =
      mark.take_word("type") == "ephemeral" && mark.rest().empty() && (!ttl || ttl->kind == JsonKind::string);
  if (!is_known) return;  // stays an extra field, as it came
  cache = CacheMark{ttl ? JsonObject::text_of(*ttl) : std::string()};
  object.take("cache_control");
}

inline void decode_part(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                        ContentPart& part) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  if (!object.peek("type")) return object.wrong("type", "is missing");
  auto const type = object.take_word("type").value_or("");
  std::optional<JsonObject> inner;
  if (type == "text" || type == "refusal") {
    part.kind = type == "text" ? PartKind::text : PartKind::refusal;
    if (!object.peek(type)) object.wrong(type, "is missing");
    part.text = object.take_text_or_empty(type);
  } else if (type == "image_url") {
    part.kind = PartKind::image;
    inner = take_inner(object, type);
    if (inner) {
      if (!inner->peek("url")) inner->wrong("url", "is missing");
      Media& media = part.media.edit();
      media.data = inner->take_text_or_empty("url");
      media.detail = inner->take_text_or_empty("detail");
    }
  } else if (type == "input_audio") {
    part.kind = PartKind::audio;
    inner = take_inner(object, type);
    if (inner) {
      Media& media = part.media.edit();
      media.data = inner->take_text_or_empty("data");
      media.format = inner->take_text_or_empty("format");
    }
  } else if (type == "file") {
    part.kind = PartKind::file;
    inner = take_inner(object, type);
    if (inner) {
      Media& media = part.media.edit();
      media.data = inner->take_text_or_empty("file_data");
      media.file_id = inner->take_text_or_empty("file_id");
      media.file_name = inner->take_text_or_empty("filename");
    }
  } else {
    part.kind = PartKind::other;
    part.raw.text = element.value;
    return;
  }
  decode_cache_mark(object, part.cache);
  part.extra = object.rest();
  if (inner) keep_rest(*inner, type, part.extra);
}

inline void decode_tool_call(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                             ContentPart& part) {
  part.kind = PartKind::tool_call;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  auto const type = object.take_word("type").value_or("function");  // Mistral omits it
  if (type != "function" && type != "custom") {
    part.raw.text = element.value;  // a kind of call that we only carry
    return;
  }
  part.call.id = object.take_text_or_empty("id");
  part.call.custom = type == "custom";
  auto inner = take_inner(object, type);
  if (inner) {
    if (!inner->peek("name")) inner->wrong("name", "is missing");
    part.call.name = inner->take_text_or_empty("name");
    part.call.arguments = inner->take_text_or_empty(part.call.custom ? "input" : "arguments");
  }
  part.signature = take_signature(object);
  part.extra = object.rest();
  if (inner) keep_rest(*inner, type, part.extra);
}

inline void decode_role(JsonObject& object, Message& message) {
  auto const word = object.take_word("role");
  if (!word) return object.wrong("role", "is missing");
  for (auto const& [name, role] : roles)
    if (equal_words(name, *word)) return void(message.role = role);
  if (*word != "function") return object.wrong("role", "is unknown: '" + std::string(*word) + "'");
  message.role =
      Role::tool;  // the legacy spelling, kept as an extra field that overrides the role when written
  message.extra.push_back({"role", {"\"function\""}});
}

inline void decode_content(JsonObject& object, Message& message) {
  auto const content = object.take("content");
  if (!content) return;
  if (content->kind == JsonKind::string) {
    message.content.emplace_back().text = JsonObject::text_of(*content);
  } else if (content->kind == JsonKind::array) {
    message.content_is_parts = true;
    JsonObject::for_each_element(*content, object.path_of("content"),
                                 [&](JsonMember const& e, JsonPath const& path) {
                                   decode_part(e, path, object.fault(), message.content.emplace_back());
                                 });
  } else {
    object.wrong("content", "must be a string or a list of parts");
  }
}

inline bool is_reasoning(std::string_view name) noexcept {
  return name == "reasoning_content" || name == "reasoning" || name == "reasoning_details";
}

/// What a message says of its reasoning, in any of the spellings that vendors have. The members themselves are kept
/// as extra fields, so that they go out as they came (but for seals of ours); the parts tell another dialect.
inline void decode_reasoning(JsonObject& object, Message& message) {
  if (auto const details = object.peek("reasoning_details"); details && details->kind == JsonKind::array) {
    scan_array(details->value, [&](JsonMember const& element) {
      auto const text_in = [&](std::string_view name) {
        auto const member = find_member(element.value, name);
        return member && member->kind == JsonKind::string ? JsonObject::text_of(*member) : std::string();
      };
      if (element.kind != JsonKind::object) return;
      ContentPart& part = message.content.emplace_back();
      part.kind = PartKind::reasoning;
      part.redacted = text_in("type") == "reasoning.encrypted";
      part.text = text_in("text");
      if (std::string const proof = text_in(part.redacted ? "data" : "signature"); !proof.empty())
        part.signature = unseal(proof, Dialect::openai_chat);
    });
    bool const sealed = std::any_of(
        message.content.begin(), message.content.end(),
        [](ContentPart const& part) { return part.signature.is_foreign_to(Dialect::openai_chat); });
    if (sealed) object.take("reasoning_details");
    if (!message.content.empty()) return;
  }
  for (std::string_view const name : {"reasoning_content", "reasoning"}) {
    auto const member = object.peek(name);
    if (!member || member->kind != JsonKind::string) continue;
    ContentPart& part = message.content.emplace_back();
    part.kind = PartKind::reasoning;
    part.text = JsonObject::text_of(*member);
    return;
  }
}

/// A refusal in its own member; beside a list of parts it stays an extra field.
inline void decode_refusal(JsonObject& object, Message& message) {
  if (message.content_is_parts) return;
  auto refusal = object.take_text("refusal");
  if (!refusal) return;
  ContentPart& part = message.content.emplace_back();
  part.kind = PartKind::refusal;
  part.text = *std::move(refusal);
}

inline void decode_message(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                           Message& message) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  decode_role(object, message);
  if (auto const calls = object.peek("tool_calls"))
    message.content.reserve(1 + JsonObject::known_size(*calls));  // and what is said before them
  decode_reasoning(object, message);
  decode_content(object, message);
  decode_refusal(object, message);
  object.take_list("tool_calls", [&](JsonMember const& e, JsonPath const& at) {
    decode_tool_call(e, at, fault, message.content.emplace_back());
  });
  message.tool_call_id = object.take_text_or_empty("tool_call_id");
  message.name = object.take_text_or_empty("name");
  for (ExtraField& field : object.rest())
    if (field.value.text != "null" || !is_reasoning(field.name)) message.extra.push_back(std::move(field));
}

}  // namespace lowart::dialect::openai_request
