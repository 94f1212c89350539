#pragma once
/// Parts of the neutral language, written as content blocks of an Anthropic request.

#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

/// The input of a tool call as the object that it must be. A free-form call's text is its one member `input`, and so
/// are arguments that are no object (a model's own mistake): what was said stays, and the provider takes it. What has
/// to be written anew is written to `scratch`.
inline std::string_view tool_input(ToolCall const& call, std::string& scratch) {
  std::string_view text = call.arguments;
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return call.custom ? R"({"input":""})" : "{}";
  if (!call.custom && text[first] == '{' && !first_json_error(text)) return call.arguments;
  scratch.clear();
  JsonWriter(scratch).begin_object().text("input", text).end_object();
  return scratch;
}

namespace anthropic_request {

/// The alphabet that ids of tool calls may have here.
inline bool fits_id(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// What is written while a conversation is.
struct Encoding {
  JsonWriter& w;
  bool own;  ///< Extra fields and raw JSON are words of this dialect.
  /// Ids for calls and results that came without one: the first result answers the first call, and so on.
  int calls_without_id{0};
  int results_without_id{0};
  std::string scratch{};  ///< Of what is written next.

  void extra(std::vector<ExtraField> const& fields) {
    if (own) w.extra(fields);
  }
  void cache_mark(std::optional<CacheMark> const& cache) {
    if (!cache) return;
    w.begin_object("cache_control").text("type", "ephemeral").text_if("ttl", cache->ttl).end_object();
  }
  /// Good until the next. A character that no id may have here becomes '_'.
  std::string_view id_of(std::string_view id, int& without) {
    if (id.empty() && !own) return scratch = "call_" + std::to_string(without++);
    if (own || std::all_of(id.begin(), id.end(), fits_id)) return id;
    scratch = id;
    std::replace_if(scratch.begin(), scratch.end(), [](char c) { return !fits_id(c); }, '_');
    return scratch;
  }
};

/// Whether a part goes into a request. What is left out was told to the Losses, or says nothing.
inline bool is_sent(ContentPart const& part, bool own) noexcept {
  // Another provider's proof, which came back through a client of this dialect, would be refused.
  if (part.kind == PartKind::reasoning && part.signature.is_foreign_to(Dialect::anthropic)) return false;
  if (own) return true;
  switch (part.kind) {
    case PartKind::text:
    case PartKind::refusal: return !part.text.empty();  // the API refuses empty texts
    case PartKind::reasoning: return !part.signature.empty();
    case PartKind::image: return !part.media->data.empty();
    case PartKind::file: return !part.media->data.empty() || !part.text.empty();
    case PartKind::tool_call: return part.raw.empty();
    case PartKind::audio:
    case PartKind::video:
    case PartKind::other: return false;
  }
  return false;
}

inline bool is_text_type(std::string_view media_type) noexcept { return media_type.starts_with("text/"); }

inline void encode_source(Encoding& e, ContentPart const& part) {
  JsonWriter& w = e.w;
  w.begin_object("source");
  Media const& media = *part.media;
  auto const url = parse_data_url(media.data);
  auto const plain = url && !e.own && part.kind == PartKind::file && is_text_type(url->media_type)
                         ? decode_base64(url->base64)
                         : std::nullopt;
  if (!media.file_id.empty()) w.text("type", "file").text("file_id", media.file_id);
  else if (plain) w.text("type", "text").text("media_type", "text/plain").text("data", *plain);
  else if (url) w.text("type", "base64").text("media_type", url->media_type).text("data", url->base64);
  else if (media.data.empty() && !part.text.empty())
    w.text("type", "text")
        .text("media_type", media.media_type.empty() ? "text/plain" : media.media_type)
        .text("data", part.text);
  else w.text("type", "url").text("url", media.data);
  w.end_object();
}

inline void encode_citations(JsonWriter& w, std::vector<Citation> const& citations) {
  bool open = false;
  for (Citation const& citation : citations) {
    if (citation.by != Dialect::anthropic) continue;
    if (!std::exchange(open, true)) w.begin_list("citations");
    w.raw(citation.raw.text);
  }
  if (open) w.end_list();
}

inline void encode_reasoning(JsonWriter& w, ContentPart const& part) {
  if (part.redacted) w.text("type", "redacted_thinking").text("data", part.signature.value);
  else w.text("type", "thinking").text("thinking", part.text).text("signature", part.signature.value);
}

/// A part for which is_sent() holds.
inline void encode_block(Encoding& e, ContentPart const& part) {
  JsonWriter& w = e.w;
  if (!part.raw.empty()) return void(w.raw(part.raw.text));
  w.begin_object();
  switch (part.kind) {
    case PartKind::text:
    case PartKind::refusal:
      w.text("type", "text").text("text", part.text);
      encode_citations(w, part.citations);
      break;
    case PartKind::image:
      w.text("type", "image");
      encode_source(e, part);
      break;
    case PartKind::file:
      w.text("type", "document");
      encode_source(e, part);
      w.text_if("title", part.media->file_name);
      break;
    case PartKind::reasoning: encode_reasoning(w, part); break;
    case PartKind::tool_call:
      w.text("type", "tool_use").text("id", e.id_of(part.call.id, e.calls_without_id));
      w.text("name", part.call.name)
          .raw("input", e.own ? part.call.arguments : tool_input(part.call, e.scratch));
      break;
    case PartKind::audio:
    case PartKind::video:
    case PartKind::other: break;
  }
  e.cache_mark(part.cache);
  e.extra(part.extra);
  w.end_object();
}

/// `content` of a message or a result: a string where it came as one, or is one text and no more.
inline void encode_content(Encoding& e, Message const& message) {
  ContentPart const* first = nullptr;
  bool several = false;
  for (ContentPart const& part : message.content) {
    if (!is_sent(part, e.own)) continue;
    several = first != nullptr;
    if (!several) first = &part;
  }
  bool const in_list = message.content_is_parts && e.own;
  bool const plain = !in_list && first != nullptr && !several && first->kind == PartKind::text &&
                     first->extra.empty() && !first->cache;
  if (plain) return void(e.w.text("content", first->text));
  if (first == nullptr && !in_list) return;
  e.w.begin_list("content");
  for (ContentPart const& part : message.content)
    if (is_sent(part, e.own)) encode_block(e, part);
  e.w.end_list();
}

inline void encode_tool_result(Encoding& e, Message const& message) {
  e.w.begin_object().text("type", "tool_result");
  e.w.text("tool_use_id", e.id_of(message.tool_call_id, e.results_without_id));
  encode_content(e, message);
  if (message.tool_failed) e.w.flag("is_error", true);
  e.cache_mark(message.cache);
  e.extra(message.extra);
  e.w.end_object();
}

}  // namespace anthropic_request

}  // namespace lowart::dialect
