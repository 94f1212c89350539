#pragma once
/// A piece of text that stands in a JSON string: 32 bytes with AVX2, else 16. Where does it need a closer look?

#include <lowart/core/intrinsics.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lowart::dialect {

/// `size` bytes of text, all of them readable. Bytes over 0x7F are nothing special here; see json_utf8.hpp.
class JsonPiece {
 public:
#if defined(__AVX2__)
  static constexpr std::size_t size = 32;
  explicit JsonPiece(char const* p) noexcept
      : bytes_(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(p))) {}
  /// Bit i is set when byte i is a quote, a backslash or a control character below 0x20.
  std::uint32_t specials() const noexcept {
    __m256i const control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes_, _mm256_set1_epi8(0x1F)), bytes_);
    __m256i const quote = _mm256_cmpeq_epi8(bytes_, _mm256_set1_epi8('"'));
    __m256i const slash = _mm256_cmpeq_epi8(bytes_, _mm256_set1_epi8('\\'));
    return static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_or_si256(control, _mm256_or_si256(quote, slash))));
  }
  bool is_ascii() const noexcept { return _mm256_movemask_epi8(bytes_) == 0; }
  void copy_to(char* out) const noexcept { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes_); }

 private:
  __m256i bytes_;
#elif defined(__SSE2__)
  static constexpr std::size_t size = 16;
  explicit JsonPiece(char const* p) noexcept : bytes_(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p))) {}
  /// Bit i is set when byte i is a quote, a backslash or a control character below 0x20.
  std::uint32_t specials() const noexcept {
    __m128i const control = _mm_cmpeq_epi8(_mm_min_epu8(bytes_, _mm_set1_epi8(0x1F)), bytes_);
    __m128i const quote = _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('"'));
    __m128i const slash = _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('\\'));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash))));
  }
  bool is_ascii() const noexcept { return _mm_movemask_epi8(bytes_) == 0; }
  void copy_to(char* out) const noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes_); }

 private:
  __m128i bytes_;
#else
  static constexpr std::size_t size = 16;
  explicit JsonPiece(char const* p) noexcept { std::memcpy(bytes_, p, size); }
  /// Bit i is set when byte i is a quote, a backslash or a control character below 0x20.
  std::uint32_t specials() const noexcept {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < size; ++i) {
      auto const c = static_cast<unsigned char>(bytes_[i]);
      bits |= std::uint32_t{c < 0x20 || c == '"' || c == '\\'} << i;
    }
    return bits;
  }
  bool is_ascii() const noexcept {
    unsigned all = 0;
    for (char const c : bytes_) all |= static_cast<unsigned char>(c);
    return all < 0x80;
  }
  void copy_to(char* out) const noexcept { std::memcpy(out, bytes_, size); }

 private:
  char bytes_[size];
#endif
};

/// The piece at `p`, of which only `left` bytes are there; the rest reads as spaces.
inline JsonPiece cut_piece(char const* p, std::size_t left) noexcept {
  char padded[JsonPiece::size];
  std::memset(padded, ' ', sizeof padded);
  std::memcpy(padded, p, left);
  return JsonPiece(padded);
}

}  // namespace lowart::dialect
