#pragma once
/// Vectors as base64: single precision, little-endian, one number after the other.

#include <lowart/dialect/base64.hpp>
#include <lowart/model/embedding.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Appends the numbers as base64 (RFC 4648, with padding).
inline void append_base64_vector(std::string& out, Embedding const& vector) {
  std::uint32_t held = 0;
  unsigned bytes = 0;
  auto const put = [&](std::uint32_t byte) {
    held = held << 8U | byte;
    if (++bytes % 3 != 0) return;
    for (unsigned shift = 24; shift > 0; shift -= 6)
      out.push_back(base64::alphabet[held >> (shift - 6) & 63U]);
    held = 0;
  };
  out.reserve(out.size() + (vector.size() * sizeof(float) + 2) / 3 * 4);
  for (float const number : vector) {
    auto const bits = std::bit_cast<std::uint32_t>(number);
    for (unsigned shift = 0; shift < 32; shift += 8) put(bits >> shift & 0xFFU);
  }
  unsigned const missing = (3 - bytes % 3) % 3;
  for (unsigned i = 0; i < missing; ++i) put(0);
  for (unsigned i = 0; i < missing; ++i) out[out.size() - 1 - i] = '=';
}

/// The numbers that the inside of a base64 literal says, padded or not; nullopt when it is none, or no whole number
/// of numbers.
inline std::optional<Embedding> decode_base64_vector(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::size_t const bytes = text.size() * 3 / 4;
  if (text.size() % 4 == 1 || bytes % sizeof(float) != 0) return std::nullopt;
  Embedding vector;
  vector.reserve(bytes / sizeof(float));
  std::uint32_t number = 0;
  unsigned number_bits = 0, bits = 0;
  std::uint32_t held = 0;
  for (char const c : text) {
    std::uint32_t const value = base64::values[static_cast<unsigned char>(c)];
    if (value == 64) return std::nullopt;
    held = held << 6U | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    number |= (held >> bits & 0xFFU) << number_bits;
    number_bits += 8;
    if (number_bits < 32) continue;
    vector.push_back(std::bit_cast<float>(number));
    number = 0;
    number_bits = 0;
  }
  return vector;
}

}  // namespace lowart::dialect
