#pragma once
/// find_bytes: where a short text occurs in a longer one, 16 or 32 places a step.

#include <lowart/core/intrinsics.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lowart::dialect {

/// The first place of `needle` in `haystack`, npos when there is none. For needles with a rare first or last
/// byte, such as `"usage":`. The places where both the first and the last byte fit are compared in full, so a
/// needle of one repeated byte makes it slow (haystack times needle) but never wrong.
inline std::size_t find_bytes(std::string_view haystack, std::string_view needle) noexcept {
  std::size_t const n = needle.size();
  if (n < 2 || haystack.size() < n) return haystack.find(needle);
  std::size_t at = 0;
#if defined(__SSE2__) || defined(__AVX2__)
  auto const inner_equal = [&](std::size_t place) {
    return std::memcmp(haystack.data() + place + 1, needle.data() + 1, n - 2) == 0;
  };
#if defined(__AVX2__)
  constexpr std::size_t step = 32;
  auto const candidates = [first = _mm256_set1_epi8(needle.front()), last = _mm256_set1_epi8(needle.back())](
                              char const* p, char const* q) {
    __m256i const a = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p));
    __m256i const b = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(q));
    __m256i const both = _mm256_and_si256(_mm256_cmpeq_epi8(a, first), _mm256_cmpeq_epi8(b, last));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(both));
  };
#else
  constexpr std::size_t step = 16;
  auto const candidates = [first = _mm_set1_epi8(needle.front()), last = _mm_set1_epi8(needle.back())](
                              char const* p, char const* q) {
    __m128i const a = _mm_loadu_si128(reinterpret_cast<__m128i const*>(p));
    __m128i const b = _mm_loadu_si128(reinterpret_cast<__m128i const*>(q));
    return static_cast<std::uint32_t>(
        _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last))));
  };
#endif
#if defined(__AVX2__)
  // Most texts do not hold it, and no place where both bytes fit: four steps at once.
  auto const none_of_four = [first = _mm256_set1_epi8(needle.front()), last = _mm256_set1_epi8(needle.back()),
                             n](char const* p) {
    __m256i hits = _mm256_setzero_si256();
    for (std::size_t i = 0; i < 4 * step; i += step) {
      __m256i const a = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p + i));
      __m256i const b = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p + i + n - 1));
      hits = _mm256_or_si256(hits, _mm256_and_si256(_mm256_cmpeq_epi8(a, first), _mm256_cmpeq_epi8(b, last)));
    }
    return _mm256_testz_si256(hits, hits) != 0;
  };
  auto const skip_empty = [&] {
    while (at + n - 1 + 4 * step <= haystack.size() && none_of_four(haystack.data() + at)) at += 4 * step;
  };
#else
  auto const skip_empty = [] {};
#endif
  // Both loads stay inside: the last one ends at at + n - 1 + step.
  for (skip_empty(); at + n - 1 + step <= haystack.size(); at += step, skip_empty()) {
    std::uint32_t bits = candidates(haystack.data() + at, haystack.data() + at + n - 1);
    for (; bits != 0; bits &= bits - 1) {
      std::size_t const place = at + static_cast<std::size_t>(std::countr_zero(bits));
      if (inner_equal(place)) return place;
    }
  }
#endif
  return haystack.find(needle, at);
}

}  // namespace lowart::dialect
