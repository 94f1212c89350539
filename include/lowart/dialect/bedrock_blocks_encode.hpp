#pragma once
/// Parts of the neutral language, written as content blocks of a Converse request.

#include <lowart/dialect/anthropic_blocks_encode.hpp>
#include <lowart/dialect/base64.hpp>
#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace bedrock_request {

/// A media type, and Converse's word for it.
using Format = std::pair<std::string_view, std::string_view>;
inline constexpr std::array<Format, 5> image_formats{{{"image/png", "png"},
                                                      {"image/jpeg", "jpeg"},
                                                      {"image/jpg", "jpeg"},
                                                      {"image/gif", "gif"},
                                                      {"image/webp", "webp"}}};
inline constexpr std::array<Format, 10> document_formats{
    {{"application/pdf", "pdf"},
     {"text/plain", "txt"},
     {"text/markdown", "md"},
     {"text/csv", "csv"},
     {"text/html", "html"},
     {"application/msword", "doc"},
     {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
     {"application/vnd.ms-excel", "xls"},
     {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
     {"", "txt"}}};
inline constexpr std::array<Format, 9> video_formats{{{"video/mp4", "mp4"},
                                                      {"video/webm", "webm"},
                                                      {"video/quicktime", "mov"},
                                                      {"video/mov", "mov"},
                                                      {"video/x-matroska", "mkv"},
                                                      {"video/x-flv", "flv"},
                                                      {"video/mpeg", "mpeg"},
                                                      {"video/x-ms-wmv", "wmv"},
                                                      {"video/3gpp", "three_gp"}}};
inline constexpr std::array<Format, 9> audio_formats{{{"audio/wav", "wav"},
                                                      {"audio/x-wav", "wav"},
                                                      {"audio/mp3", "mp3"},
                                                      {"audio/mpeg", "mp3"},
                                                      {"audio/aac", "aac"},
                                                      {"audio/flac", "flac"},
                                                      {"audio/ogg", "ogg"},
                                                      {"audio/opus", "opus"},
                                                      {"audio/webm", "webm"}}};

template <std::size_t N>
std::string_view format_in(std::array<Format, N> const& formats, std::string_view media_type) noexcept {
  std::string_view const plain = media_type.substr(0, media_type.find(';'));
  for (auto const& [type, format] : formats)
    if (type == plain) return format;
  return {};
}
inline std::string_view format_of(PartKind kind, std::string_view media_type) noexcept {
  switch (kind) {
    case PartKind::image: return format_in(image_formats, media_type);
    case PartKind::file: return format_in(document_formats, media_type);
    case PartKind::video: return format_in(video_formats, media_type);
    case PartKind::audio: return format_in(audio_formats, media_type);
    default: return {};
  }
}

/// What a part brings: the bytes as base64, and Converse's word for their format, empty when it has none.
struct Bytes {
  std::string base64;
  std::string_view format;
};
inline Bytes bytes_of(ContentPart const& part) {
  Media const& media = *part.media;
  if (auto const url = parse_data_url(media.data))
    return {std::string(url->base64), format_of(part.kind, url->media_type)};
  if (part.kind == PartKind::file && media.data.empty() && !part.text.empty())
    return {to_base64(part.text), format_of(part.kind, media.media_type)};
  if (part.kind != PartKind::audio || media.data.empty()) return {};
  std::string const type =
      media.media_type.empty() ? "audio/" + (media.format.empty() ? "wav" : media.format) : media.media_type;
  return {media.data, format_of(part.kind, type)};
}

/// Whether a part goes into a request. What is left out was told to the Losses, or says nothing.
inline bool is_sent(ContentPart const& part) {
  if (!part.raw.empty()) return false;
  switch (part.kind) {
    case PartKind::text:
    case PartKind::refusal: return !part.text.empty();  // Converse refuses empty texts
    case PartKind::reasoning: return part.signature.is_of(Dialect::bedrock);
    case PartKind::tool_call: return true;
    case PartKind::image:
    case PartKind::audio:
    case PartKind::video:
    case PartKind::file: return !bytes_of(part).format.empty();
    case PartKind::other: return false;
  }
  return false;
}

/// What is written while a conversation is.
class Blocks {
 public:
  explicit Blocks(JsonWriter& w) noexcept : w_(w) {}

  /// A breakpoint of the prompt cache, which stands behind what it is for.
  void cache_mark(std::optional<CacheMark> const& cache) {
    if (!cache) return;
    w_.begin_object().begin_object("cachePoint").text("type", "default").text_if("ttl", cache->ttl);
    w_.end_object().end_object();
  }

  /// A part for which is_sent() holds, and its cache mark.
  void write(ContentPart const& part) {
    switch (part.kind) {
      case PartKind::text:
      case PartKind::refusal: w_.begin_object().text("text", part.text).end_object(); break;
      case PartKind::reasoning: write_reasoning(part); break;
      case PartKind::tool_call: write_call(part.call); break;
      case PartKind::image: write_media("image", part); break;
      case PartKind::audio: write_media("audio", part); break;
      case PartKind::video: write_media("video", part); break;
      case PartKind::file: write_media("document", part); break;
      case PartKind::other: return;
    }
    cache_mark(part.cache);
  }

  /// A message of Role::tool.
  void write_result(Message const& message) {
    w_.begin_object().begin_object("toolResult").text("toolUseId", id_of(message.tool_call_id, results_));
    w_.begin_list("content");
    for (ContentPart const& part : message.content) {
      bool const fits = part.kind != PartKind::reasoning && part.kind != PartKind::tool_call;
      if (fits && is_sent(part)) write(part);
    }
    w_.end_list();
    if (message.tool_failed) w_.text("status", "error");
    w_.end_object().end_object();
    cache_mark(message.cache);
  }

 private:
  void write_reasoning(ContentPart const& part) {
    w_.begin_object().begin_object("reasoningContent");
    if (part.redacted) w_.text("redactedContent", part.signature.value);
    else
      w_.begin_object("reasoningText")
          .text("text", part.text)
          .text("signature", part.signature.value)
          .end_object();
    w_.end_object().end_object();
  }
  void write_call(ToolCall const& call) {
    w_.begin_object()
        .begin_object("toolUse")
        .text("toolUseId", id_of(call.id, calls_))
        .text("name", call.name);
    w_.raw("input", tool_input(call, scratch_)).end_object().end_object();
  }
  void write_media(std::string_view kind, ContentPart const& part) {
    Bytes const bytes = bytes_of(part);
    w_.begin_object().begin_object(kind).text("format", bytes.format);
    if (part.kind == PartKind::file) w_.text("name", document_name(part.media->file_name));
    w_.begin_object("source").text("bytes", bytes.base64).end_object().end_object().end_object();
  }

  /// Good until the next. A result without an id answers the first call without one, and so on; what no id may have
  /// here becomes '_'; of a longer one the end, which tells ids apart, is taken.
  std::string_view id_of(std::string_view id, int& without) {
    constexpr std::size_t longest = 64;
    constexpr std::string_view also = ".:";
    if (id.empty()) return id_ = "call_" + std::to_string(without++);
    id_ = id.substr(id.size() - std::min(id.size(), longest));
    for (char& c : id_)
      if (!anthropic_request::fits_id(c) && also.find(c) == also.npos) c = '_';
    return id_;
  }

  /// Letters, digits, hyphens, parentheses, brackets and single blanks; each name once in a request. The same
  /// conversation gives the same names, or its beginning would not be found in the prompt cache.
  std::string document_name(std::string_view file_name) {
    constexpr std::size_t longest = 180;
    std::string name;
    for (char const c : file_name.substr(0, longest)) {
      bool const plain = anthropic_request::fits_id(c) && c != '_';
      bool const fits = plain || c == '(' || c == ')' || c == '[' || c == ']';
      if (fits) name.push_back(c);
      else if (!name.empty() && name.back() != ' ') name.push_back(' ');
    }
    while (!name.empty() && name.back() == ' ') name.pop_back();
    if (name.empty()) name = "document";
    std::string unique = name;
    for (std::size_t n = 2; std::find(names_.begin(), names_.end(), unique) != names_.end(); ++n)
      unique = name + " " + std::to_string(n);
    return names_.emplace_back(std::move(unique));
  }

  JsonWriter& w_;
  int calls_{0}, results_{0};  ///< Those that came without an id.
  std::string id_, scratch_;   ///< Of what is written next.
  std::vector<std::string> names_;
};

}  // namespace bedrock_request

}  // namespace lowart::dialect
