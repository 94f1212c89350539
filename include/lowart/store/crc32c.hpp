#pragma once
/// CRC-32C (Castagnoli): the check sum of journal records. In hardware where the processor has it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace lowart::journal {

namespace detail {

/// Eight tables, so that eight bytes are folded in one step. Polynomial 0x1EDC6F41, bits reversed.
consteval std::array<std::array<std::uint32_t, 256>, 8> make_crc32c_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    t[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t k = 1; k < 8; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xFF];
  return t;
}

inline constexpr auto crc32c_tables = make_crc32c_tables();

inline std::uint32_t crc32c_by_table(std::uint32_t crc, std::byte const* p, std::size_t n) noexcept {
  auto const& t = crc32c_tables;
  for (; n >= 8; p += 8, n -= 8) {
    auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(p[i]); };
    auto const low = crc ^ (at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24);
    crc = t[7][low & 0xFF] ^ t[6][(low >> 8) & 0xFF] ^ t[5][(low >> 16) & 0xFF] ^ t[4][low >> 24] ^
          t[3][at(4)] ^ t[2][at(5)] ^ t[1][at(6)] ^ t[0][at(7)];
  }
  for (; n > 0; ++p, --n) crc = (crc >> 8) ^ t[0][(crc ^ std::to_integer<std::uint32_t>(*p)) & 0xFF];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) inline std::uint32_t crc32c_in_hardware(std::uint32_t crc,
                                                                          std::byte const* p,
                                                                          std::size_t n) noexcept {
  std::uint64_t wide = crc;
  for (; n >= 8; p += 8, n -= 8) {
    unsigned long long word = 0;
    std::memcpy(&word, p, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; n > 0; ++p, --n) crc = __builtin_ia32_crc32qi(crc, std::to_integer<unsigned char>(*p));
  return crc;
}

/// False until static initialisation has run, which only means that the tables are used.
inline bool const has_crc32c_hardware = __builtin_cpu_supports("sse4.2") != 0;
#endif

}  // namespace detail

/// Continues `crc` (0 to begin) over `bytes`. crc32c of "123456789" is 0xE3069283.
inline std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t crc = 0) noexcept {
#if defined(__x86_64__)
  if (detail::has_crc32c_hardware) return ~detail::crc32c_in_hardware(~crc, bytes.data(), bytes.size());
#endif
  return ~detail::crc32c_by_table(~crc, bytes.data(), bytes.size());
}

}  // namespace lowart::journal
