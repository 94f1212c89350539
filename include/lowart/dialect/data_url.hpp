#pragma once
/// data: URLs with base64 in them, taken apart.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// "data:image/png;base64,AAAA" in its two parts.
struct DataUrl {
  std::string_view media_type;  ///< As it stands there, parameters and all; may be empty.
  std::string_view base64;
};

/// nullopt when `url` is none, or says its bytes in another way than base64. The bytes begin behind the first comma.
inline std::optional<DataUrl> parse_data_url(std::string_view url) noexcept {
  constexpr std::string_view scheme = "data:", encoding = ";base64";
  std::size_t const comma = url.find(',');
  if (!url.starts_with(scheme) || comma == std::string_view::npos) return std::nullopt;
  std::string_view head = url.substr(scheme.size(), comma - scheme.size());
  if (!head.ends_with(encoding)) return std::nullopt;
  head.remove_suffix(encoding.size());
  return DataUrl{head, url.substr(comma + 1)};
}

inline std::string make_data_url(std::string_view media_type, std::string_view base64) {
  std::string url;
  url.reserve(media_type.size() + base64.size() + 16);
  return url.append("data:").append(media_type).append(";base64,").append(base64);
}

/// The bytes that base64 says (RFC 4648, padding or not); nullopt when it is none.
inline std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::array<std::int8_t, 256> values = [] {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<std::int8_t, 256> all{};
    for (auto& value : all) value = -1;
    for (std::size_t i = 0; i < alphabet.size(); ++i)
      all[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return all;
  }();
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (char const c : text) {
    int const value = values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    held = held << 6U | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(held >> bits & 0xFFU));
  }
  return bytes;
}

}  // namespace lowart::dialect
