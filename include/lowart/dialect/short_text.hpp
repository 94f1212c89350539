#pragma once
/// Short texts, compared and copied by words of the machine and without a call: names, ids, keys.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lowart::dialect {

/// Whether `text` is this literal: with its length known, a few instructions instead of a call.
template <std::size_t N>
bool is_literal(std::string_view text, char const (&literal)[N]) noexcept {
  return text.size() == N - 1 && std::memcmp(text.data(), literal, N - 1) == 0;
}

/// Whether two short texts are equal, without a call.
inline bool equal_words(std::string_view a, std::string_view b) noexcept {
  std::size_t const size = a.size();
  if (size != b.size()) return false;
  char const *p = a.data(), *q = b.data();
  auto const differ = [&]<class Word>(std::size_t at, Word) {
    Word one, other;
    std::memcpy(&one, p + at, sizeof one);
    std::memcpy(&other, q + at, sizeof other);
    return one != other;
  };
  if (size >= 8) {
    for (std::size_t at = 0; size - at > 8; at += 8)
      if (differ(at, std::uint64_t{})) return false;
    return !differ(size - 8, std::uint64_t{});
  }
  if (size >= 4) return !differ(0, std::uint32_t{}) && !differ(size - 4, std::uint32_t{});
  return size == 0 || (p[0] == q[0] && p[size / 2] == q[size / 2] && p[size - 1] == q[size - 1]);
}

/// Copies bytes and returns their end: short ones without a call.
inline char* copy_bytes(char* out, std::string_view bytes) noexcept {
  char const* const p = bytes.data();
  std::size_t const size = bytes.size();
  auto const both_ends = [&]<class Word>(Word) {
    Word first, last;
    std::memcpy(&first, p, sizeof first);
    std::memcpy(&last, p + size - sizeof last, sizeof last);
    std::memcpy(out, &first, sizeof first);
    std::memcpy(out + size - sizeof last, &last, sizeof last);
  };
  if (size > 32) {
    std::memcpy(out, p, size);
  } else if (size > 16) {
    std::memcpy(out, p, 16);
    std::memcpy(out + size - 16, p + size - 16, 16);
  } else if (size >= 8) {
    both_ends(std::uint64_t{});
  } else if (size >= 4) {
    both_ends(std::uint32_t{});
  } else if (size != 0) {
    out[0] = p[0];
    out[size / 2] = p[size / 2];
    out[size - 1] = p[size - 1];
  }
  return out + size;
}

}  // namespace lowart::dialect
