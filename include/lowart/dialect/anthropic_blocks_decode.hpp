#pragma once
/// The content blocks of an Anthropic request, read into parts of the neutral language.

#include <lowart/dialect/anthropic_citation.hpp>
#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace anthropic_request {

/// Takes a text that must be there.
inline std::string need_text(JsonObject& object, std::string_view name) { return object.need_text(name); }

/// A mark that says more than we know stays an extra field.
inline void decode_cache_mark(JsonObject& object, std::optional<CacheMark>& cache) {
  auto const member = object.peek("cache_control");
  if (!member || member->kind != JsonKind::object) return;
  CacheMark mark;
  bool known = true;
  JsonObject::for_each_in(*member, [&](JsonMember const& m) {
    if (m.key_is("type")) known = known && m.value == "\"ephemeral\"";
    else if (m.key_is("ttl") && m.kind == JsonKind::string) mark.ttl = JsonObject::text_of(m);
    else known = false;
  });
  if (!known) return;
  object.take("cache_control");
  cache = std::move(mark);
}

/// `citations` of a text; those of a document are settings, which are left.
inline void decode_citations(JsonObject& object, ContentPart& part) {
  auto const member = object.peek("citations");
  if (!member || member->kind != JsonKind::array) return;
  object.take("citations");
  scan_array(member->value,
             [&part](JsonMember const& m) { part.citations.push_back(read_anthropic_citation(m.value)); });
}

/// The bytes or the place of an image or a document. False for a source that only this dialect knows.
inline bool decode_source(JsonObject& block, ContentPart& part) {
  if (!block.peek("source")) return block.wrong("source", "is missing"), true;
  auto const member = block.peek("source");
  if (member->kind != JsonKind::object) return block.take_object("source"), true;
  JsonObject source(*member, block.path_of("source"), block.fault());
  std::string_view const type = source.need_word("type");
  Media& media = part.media.edit();
  if (type == "base64") {
    std::string const media_type = need_text(source, "media_type");
    if (media_type.find(',') != std::string::npos) source.wrong("media_type", "is not a media type");
    media.data = make_data_url(media_type, need_text(source, "data"));
  } else if (type == "url") {
    media.data = need_text(source, "url");
  } else if (type == "file") {
    media.file_id = need_text(source, "file_id");
  } else if (type == "text" && part.kind == PartKind::file) {
    media.media_type = need_text(source, "media_type");
    part.text = need_text(source, "data");
    if (part.text.empty() || media.media_type.empty())
      return false;  // else it would not be told from an empty file
  } else {
    return false;
  }
  if (!source.rest().empty()) return false;
  block.take("source");
  return true;
}

inline void decode_thinking(JsonObject& block, ContentPart& part) {
  part.kind = PartKind::reasoning;
  part.text = need_text(block, "thinking");
  if (auto const proof = block.take_text("signature"); proof && !proof->empty())
    part.signature = unseal(*proof, Dialect::anthropic);
}

inline void decode_tool_use(JsonObject& block, ContentPart& part) {
  part.kind = PartKind::tool_call;
  part.call.id = need_text(block, "id");
  part.call.name = need_text(block, "name");
  if (!block.peek("input")) block.wrong("input", "is missing");
  if (auto const input = block.take("input", JsonKind::object, "must be an object"))
    part.call.arguments = std::string(input->value);
}

/// Reads a block of a type we know into `part`; false for any other.
inline bool decode_known_block(JsonObject& block, std::string_view type, ContentPart& part) {
  if (type == "text") {
    part.text = need_text(block, "text");
    decode_citations(block, part);
  } else if (type == "tool_use") {
    decode_tool_use(block, part);
  } else if (type == "thinking") {
    decode_thinking(block, part);
  } else if (type == "redacted_thinking") {
    part.kind = PartKind::reasoning;
    part.redacted = true;
    part.signature = unseal(need_text(block, "data"), Dialect::anthropic);
  } else if (type == "image" || type == "document") {
    part.kind = type == "image" ? PartKind::image : PartKind::file;
    if (part.kind == PartKind::file) part.media.edit().file_name = block.take_text_or_empty("title");
    if (!decode_source(block, part)) return false;
  } else {
    return false;
  }
  decode_cache_mark(block, part.cache);
  part.extra = block.rest();
  return true;
}

/// Reads a block, whose type was taken, as a new part of `content`. `text` is the block as it stands: a kind we do not
/// know is kept whole.
inline void decode_block(JsonObject& block, std::string_view type, std::string_view text,
                         std::vector<ContentPart>& content) {
  if (decode_known_block(block, type, content.emplace_back())) return;
  content.back() = ContentPart();
  content.back().kind = PartKind::other;
  content.back().raw.text = text;
}

/// Any block but a tool's result.
inline void decode_block(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                         std::vector<ContentPart>& content) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject block(element, path, fault);
  std::string_view const type = block.need_word("type");
  decode_block(block, type, element.value, content);
}

/// Gemini signs calls, not thoughts: its proof came as a block before the call (see AnthropicReplyWriter) and goes back
/// to it.
inline void settle_proofs(std::vector<ContentPart>& parts) {
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    bool const is_proof = parts[i].redacted && parts[i].signature.by == Dialect::gemini;
    if (!is_proof || parts[i + 1].kind != PartKind::tool_call) continue;
    parts[i + 1].signature = std::move(parts[i].signature);
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

/// `content`: one string, or a list of blocks.
inline void decode_content(JsonObject& object, Message& message) {
  auto const content = object.take("content");
  if (!content) return;
  if (content->kind == JsonKind::string) {
    message.content.emplace_back().text = JsonObject::text_of(*content);
  } else if (content->kind == JsonKind::array) {
    message.content_is_parts = true;
    JsonObject::for_each_element(*content, object.path_of("content"),
                                 [&](JsonMember const& e, JsonPath const& path) {
                                   decode_block(e, path, object.fault(), message.content);
                                 });
  } else {
    object.wrong("content", "must be a string or a list of blocks");
  }
}

/// A tool's result, which is a message of its own here.
inline void decode_tool_result(JsonObject& block, Message& message) {
  message.role = Role::tool;
  message.tool_call_id = need_text(block, "tool_use_id");
  message.tool_failed = block.take_flag("is_error").value_or(false);
  decode_content(block, message);
  decode_cache_mark(block, message.cache);
  message.extra = block.rest();
}

}  // namespace anthropic_request

}  // namespace lowart::dialect
