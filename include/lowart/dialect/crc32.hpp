#pragma once
/// CRC-32 as zlib and AWS event streams have it (IEEE 802.3). The journal's is another: store/crc32c.hpp.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::dialect {

namespace crc {

/// Four tables, so that four bytes are folded in one step. Polynomial 0x04C11DB7, bits reversed.
inline constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, 4> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    t[0][i] = value;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t k = 1; k < t.size(); ++k) t[k][i] = (t[k - 1][i] >> 8U) ^ t[0][t[k - 1][i] & 0xFFU];
  return t;
}();

}  // namespace crc

/// Of "123456789" it is 0xCBF43926.
constexpr std::uint32_t crc32(std::string_view bytes) noexcept {
  auto const& t = crc::tables;
  std::uint32_t value = ~0U;
  auto const at = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(bytes[i])}; };
  for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
    value ^= at(0) | at(1) << 8U | at(2) << 16U | at(3) << 24U;
    value = t[3][value & 0xFFU] ^ t[2][value >> 8U & 0xFFU] ^ t[1][value >> 16U & 0xFFU] ^ t[0][value >> 24U];
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) value = (value >> 8U) ^ t[0][(value ^ at(i)) & 0xFFU];
  return ~value;
}

static_assert(crc32("123456789") == 0xCBF43926U);

}  // namespace lowart::dialect
