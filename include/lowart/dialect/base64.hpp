#pragma once
/// base64 of bytes (RFC 4648): written with padding, read with or without it and in either alphabet. base64url is what
/// tokens and keys are written in: the URL-safe alphabet, no padding, and one spelling for each text.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace base64 {

inline constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of each character, those of the URL-safe alphabet included; 64 for one that base64 does not have.
inline constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> all{};
  all.fill(64);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    all[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  all['-'] = 62;
  all['_'] = 63;
  return all;
}();

}  // namespace base64

inline std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t held = 0;
    for (std::size_t k = i; k < i + 3; ++k)
      held = held << 8U | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0U);
    for (unsigned shift = 24; shift > 0; shift -= 6)
      out.push_back(base64::alphabet[held >> (shift - 6) & 63U]);
    if (i + 1 >= bytes.size()) out[out.size() - 2] = '=';
    if (i + 2 >= bytes.size()) out.back() = '=';
  }
  return out;
}

/// nullopt when it is none.
inline std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (char const c : text) {
    std::uint8_t const value = base64::values[static_cast<unsigned char>(c)];
    if (value == 64) return std::nullopt;
    held = held << 6U | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(held >> bits & 0xFFU));
  }
  return bytes;
}

/// RFC 4648 section 5, without padding, as JSON Web Tokens have it.
inline std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

/// nullopt when it is none, or is one that to_base64url() does not write: of what is signed or sealed, no character may
/// change unseen.
inline std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::optional<std::string> bytes = from_base64(text);
  unsigned const unused = text.size() % 4 == 2 ? 15U : text.size() % 4 == 3 ? 3U : 0U;
  if (bytes && unused != 0 && (base64::values[static_cast<unsigned char>(text.back())] & unused) != 0)
    return std::nullopt;
  return bytes;
}

}  // namespace lowart::dialect
