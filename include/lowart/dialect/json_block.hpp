#pragma once
/// 64 bytes of JSON text at once, as bit masks: AVX2 when compiled for it, SSE2 on every x86-64, else
/// portable.

#include <lowart/core/intrinsics.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lowart::dialect::json_block {

inline constexpr std::size_t size = 64;

#if defined(__AVX2__)

class Block {
 public:
  explicit Block(char const* p) noexcept {
    for (int i = 0; i < 2; ++i) part_[i] = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p) + i);
  }
  /// Bit i is set when byte i is `c`.
  std::uint64_t equal(char c) const noexcept { return equal_to(part_, c); }
  /// Bit i is set when byte i is a control character below 0x20.
  std::uint64_t controls() const noexcept {
    __m256i const last = _mm256_set1_epi8(0x1F);
    auto const low = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(part_[0], last), part_[0])));
    auto const high = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(part_[1], last), part_[1])));
    return std::uint64_t{high} << 32U | low;
  }
  /// The same after setting bit 0x20 of each byte: '{' and '[' become one, '}' and ']' too.
  std::uint64_t equal_folded(char c) const noexcept {
    __m256i const bit = _mm256_set1_epi8(0x20);
    __m256i const folded[2] = {_mm256_or_si256(part_[0], bit), _mm256_or_si256(part_[1], bit)};
    return equal_to(folded, c);
  }
  /// True when neither of the two is among the bytes.
  bool lacks(char a, char b) const noexcept {
    __m256i const va = _mm256_set1_epi8(a), vb = _mm256_set1_epi8(b);
    __m256i const hits =
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(part_[0], va), _mm256_cmpeq_epi8(part_[0], vb)),
                        _mm256_or_si256(_mm256_cmpeq_epi8(part_[1], va), _mm256_cmpeq_epi8(part_[1], vb)));
    return _mm256_testz_si256(hits, hits) != 0;
  }

 private:
  static std::uint64_t equal_to(__m256i const (&part)[2], char c) noexcept {
    __m256i const v = _mm256_set1_epi8(c);
    auto const low = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(part[0], v)));
    auto const high = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(part[1], v)));
    return std::uint64_t{high} << 32U | low;
  }
  __m256i part_[2];
};

#elif defined(__SSE2__)

class Block {
 public:
  explicit Block(char const* p) noexcept {
    for (int i = 0; i < 4; ++i) part_[i] = _mm_loadu_si128(reinterpret_cast<__m128i const*>(p) + i);
  }
  /// Bit i is set when byte i is `c`.
  std::uint64_t equal(char c) const noexcept { return equal_to(part_, c); }
  /// Bit i is set when byte i is a control character below 0x20.
  std::uint64_t controls() const noexcept {
    __m128i const last = _mm_set1_epi8(0x1F);
    std::uint64_t bits = 0;
    for (int i = 3; i >= 0; --i)
      bits = bits << 16U | static_cast<std::uint32_t>(
                               _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(part_[i], last), part_[i])));
    return bits;
  }
  /// The same after setting bit 0x20 of each byte: '{' and '[' become one, '}' and ']' too.
  std::uint64_t equal_folded(char c) const noexcept {
    __m128i const bit = _mm_set1_epi8(0x20);
    __m128i const folded[4] = {_mm_or_si128(part_[0], bit), _mm_or_si128(part_[1], bit),
                               _mm_or_si128(part_[2], bit), _mm_or_si128(part_[3], bit)};
    return equal_to(folded, c);
  }
  /// True when neither of the two is among the bytes.
  bool lacks(char a, char b) const noexcept {
    __m128i const va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b);
    __m128i hits = _mm_setzero_si128();
    for (__m128i const& part : part_)
      hits = _mm_or_si128(hits, _mm_or_si128(_mm_cmpeq_epi8(part, va), _mm_cmpeq_epi8(part, vb)));
    return _mm_movemask_epi8(hits) == 0;
  }

 private:
  static std::uint64_t equal_to(__m128i const (&part)[4], char c) noexcept {
    __m128i const v = _mm_set1_epi8(c);
    std::uint64_t bits = 0;
    for (int i = 3; i >= 0; --i)
      bits = bits << 16U | static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(part[i], v)));
    return bits;
  }
  __m128i part_[4];
};

#else

class Block {
 public:
  explicit Block(char const* p) noexcept { std::memcpy(bytes_, p, size); }
  /// Bit i is set when byte i is `c`.
  std::uint64_t equal(char c) const noexcept { return equal_to(c, 0); }
  /// Bit i is set when byte i is a control character below 0x20.
  std::uint64_t controls() const noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < size; ++i)
      bits |= std::uint64_t{static_cast<unsigned char>(bytes_[i]) < 0x20} << i;
    return bits;
  }
  /// The same after setting bit 0x20 of each byte: '{' and '[' become one, '}' and ']' too.
  std::uint64_t equal_folded(char c) const noexcept { return equal_to(c, 0x20); }
  /// True when neither of the two is among the bytes.
  bool lacks(char a, char b) const noexcept { return (equal(a) | equal(b)) == 0; }

 private:
  std::uint64_t equal_to(char c, unsigned fold) const noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < size; ++i) {
      auto const byte = static_cast<unsigned char>(static_cast<unsigned char>(bytes_[i]) | fold);
      bits |= std::uint64_t{byte == static_cast<unsigned char>(c)} << i;
    }
    return bits;
  }
  char bytes_[size];
};

#endif

inline constexpr std::size_t short_size = 16;

/// The length of the string that begins at `p`, behind its opening quote; `short_size` when it has an escape or does
/// not end within that many bytes, all of which are readable.
inline std::size_t short_string(char const* p) noexcept {
#if defined(__SSE2__)
  __m128i const bytes = _mm_loadu_si128(reinterpret_cast<__m128i const*>(p));
  __m128i const quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i const stop = _mm_or_si128(quote, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  auto const quotes = static_cast<unsigned>(_mm_movemask_epi8(quote));
  auto const stops = static_cast<unsigned>(_mm_movemask_epi8(stop));
  auto const first = static_cast<std::size_t>(std::countr_zero(stops | 1U << short_size));
  return (quotes >> first & 1U) != 0 ? first : short_size;
#else
  for (std::size_t i = 0; i < short_size; ++i) {
    if (p[i] == '"') return i;
    if (p[i] == '\\') return short_size;
  }
  return short_size;
#endif
}

/// The block at `p`; what lies behind `end` reads as spaces.
inline Block load(char const* p, char const* end) noexcept {
  auto const left = static_cast<std::size_t>(end - p);
  if (left >= size) return Block(p);
  char padded[size];
  std::memset(padded, ' ', size);
  std::memcpy(padded, p, left);
  return Block(padded);
}

/// The quote that ends the string in which `p` stands, or `end`. What stands before `p` escapes nothing.
inline char const* string_end(char const* p, char const* end) noexcept {
  for (char const* const begin = p; p < end; p += size) {
    for (std::uint64_t quotes = load(p, end).equal('"'); quotes != 0; quotes &= quotes - 1) {
      char const* const quote = p + std::countr_zero(quotes);
      char const* before = quote;  // an even number of backslashes escape each other
      while (before != begin && before[-1] == '\\') --before;
      if ((quote - before) % 2 == 0) return quote;
    }
  }
  return end;
}

/// Which bytes are escaped by a backslash before them. `carry` goes from block to block, 0 at first: 1 when
/// the next block's first byte is escaped. After simdjson's find_escaped (Langdale, Lemire: Parsing Gigabytes
/// of JSON per Second, 2019): runs of backslashes are told odd from even by one addition.
inline std::uint64_t escaped(std::uint64_t backslashes, std::uint64_t& carry) noexcept {
  if (backslashes == 0) {
    std::uint64_t const first = carry;
    carry = 0;
    return first;
  }
  constexpr std::uint64_t even_bits = 0x5555555555555555U;
  backslashes &= ~carry;
  std::uint64_t const follows = backslashes << 1U | carry;
  std::uint64_t const odd_starts = backslashes & ~even_bits & ~follows;
  std::uint64_t const ends = odd_starts + backslashes;
  carry = ends < backslashes ? 1U : 0U;
  return (even_bits ^ (ends << 1U)) & follows;
}

/// Bit i becomes the parity of bits 0 to i: from the quotes, what lies inside strings.
inline std::uint64_t prefix_parity(std::uint64_t bits) noexcept {
  for (unsigned shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

}  // namespace lowart::dialect::json_block
