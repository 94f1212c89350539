#pragma once
/// SipHash-1-3: a short hash under a secret, for tables that strangers ask (Aumasson and Bernstein, "SipHash: a fast
/// short-input PRF", 2012; with one round for each word and three at the end, as hash tables use it).

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lowart::net {

using SipKey = std::array<std::uint64_t, 2>;

/// Without the key nobody can tell which texts have the same hash, or anything of a text from its hash. 64 bits are too
/// few to stand for a text alone.
inline std::uint64_t siphash(SipKey const& key, std::string_view text) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t a = key[0] ^ 0x736f6d6570736575,
                b = key[1] ^ 0x646f72616e646f6d;  // the paper's constants, 2.2
  std::uint64_t c = key[0] ^ 0x6c7967656e657261, d = key[1] ^ 0x7465646279746573;
  auto const round = [&] {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  };
  auto const take = [&](std::uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  };
  std::uint64_t last = std::uint64_t{text.size()} << 56U;
  for (; text.size() >= sizeof last; text.remove_prefix(sizeof last)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    take(word);
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    last |= std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i;
  take(last);
  c ^= 0xff;
  for (int i = 0; i < 3; ++i) round();
  return a ^ b ^ c ^ d;
}

}  // namespace lowart::net
