#pragma once
/// Media in Gemini's parts: inlineData and fileData, as content and back.

#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace gemini_blob {

/// What kind of content a media type is.
inline PartKind kind_of(std::string_view media_type) noexcept {
  if (media_type.starts_with("image/")) return PartKind::image;
  if (media_type.starts_with("audio/")) return PartKind::audio;
  if (media_type.starts_with("video/")) return PartKind::video;
  return PartKind::file;
}

/// OpenAI's word for a kind of audio; empty when it has none.
inline std::string_view audio_format(std::string_view media_type) noexcept {
  if (media_type == "audio/wav" || media_type == "audio/x-wav" || media_type == "audio/wave") return "wav";
  if (media_type == "audio/mp3" || media_type == "audio/mpeg") return "mp3";
  return {};
}

/// Google's clients send the URL-safe alphabet, and may leave the padding out; others take neither.
inline std::string standard_base64(std::string text) {
  for (char& c : text) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  if (text.size() % 4 != 1)
    while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

/// Puts bytes into a Media (or a PieceDelta) of this type: audio as base64, the rest as a data: URL.
template <class Holder>
void set_inline(Holder& media, std::string media_type, std::string base64) {
  base64 = standard_base64(std::move(base64));
  if (kind_of(media_type) != PartKind::audio) {
    media.data = make_data_url(media_type, base64);
    return;
  }
  media.data = std::move(base64);
  media.media_type = std::move(media_type);
}

inline bool is_url(std::string_view data) noexcept {
  return data.starts_with("http://") || data.starts_with("https://");
}

/// A file that lies at Google, whose URI only Google can read.
inline bool is_stored(std::string_view uri) noexcept {
  return !is_url(uri) || uri.starts_with("https://generativelanguage.googleapis.com/");
}

/// The bytes of a Media (or a PieceDelta), and what they are; nullopt when it holds none that can be said so.
template <class Holder>
std::optional<DataUrl> bytes_of(PartKind kind, Holder const& media, std::string& scratch) {
  if (auto const url = parse_data_url(media.data)) return url;
  if (kind != PartKind::audio || media.data.empty() || is_url(media.data)) return std::nullopt;
  scratch = media.media_type;
  if constexpr (requires { media.format; })
    if (scratch.empty()) scratch = "audio/" + (media.format.empty() ? std::string("wav") : media.format);
  if (scratch.empty()) scratch = "audio/wav";
  return DataUrl{scratch, media.data};
}

/// The media type of a part's bytes; the usual one of its kind when nobody says.
inline std::string_view type_of(PartKind kind, DataUrl const& bytes) noexcept {
  if (!bytes.media_type.empty()) return bytes.media_type;
  if (kind == PartKind::image) return "image/png";
  return kind == PartKind::video ? "video/mp4" : "application/pdf";
}

}  // namespace gemini_blob

}  // namespace lowart::dialect
