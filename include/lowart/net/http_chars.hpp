#pragma once
/// Character classes of HTTP/1.1 (RFC 9110 section 5.6, RFC 3986) and the loops that run over them.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lowart::net {

/// What a byte may be part of; one bit each.
enum CharClass : std::uint8_t {
  token_class = 1,   ///< tchar: method, field name, list member.
  value_class = 2,   ///< Field value and reason phrase: tab, visible, space, obs-text.
  target_class = 4,  ///< Request target: visible ASCII but `"`, `#`, `<`, `>` and backslash.
  host_class = 8,    ///< reg-name: unreserved, sub-delims but the comma, percent sign.
  hex_class = 16,    ///< Hexadecimal digit.
};

namespace chars {

constexpr bool contains(std::string_view set, char c) noexcept {
  return set.find(c) != std::string_view::npos;
}

constexpr std::array<std::uint8_t, 256> make_classes() noexcept {
  std::array<std::uint8_t, 256> classes{};
  for (int i = 0; i < 256; ++i) {
    char const c = static_cast<char>(i);
    bool const digit = c >= '0' && c <= '9';
    bool const alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    unsigned bits = 0;
    if (alpha || digit || contains("!#$%&'*+-.^_`|~", c)) bits |= token_class;
    if (c == '\t' || (i >= 0x20 && i != 0x7f)) bits |= value_class;
    if (i > 0x20 && i < 0x7f && !contains("\"#<>\\", c)) bits |= target_class;
    if (alpha || digit || contains("-._~!$&'()*+;=%", c)) bits |= host_class;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= hex_class;
    classes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(bits);
  }
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> classes = make_classes();

}  // namespace chars

constexpr bool is_char(CharClass wanted, char c) noexcept {
  return (chars::classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

/// ASCII lower case; other bytes stay.
constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Equal but for the case of ASCII letters.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

/// Without spaces and tabs at both ends.
constexpr std::string_view trim_blanks(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// Whether a comma separated list ("keep-alive, Upgrade") has this member, ignoring case.
constexpr bool has_token(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    auto const comma = list.find(',');
    if (equal_ignoring_case(trim_blanks(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// Every `%` is followed by two hexadecimal digits.
constexpr bool percent_triplets_are_whole(std::string_view s) noexcept {
  for (auto at = s.find('%'); at != std::string_view::npos; at = s.find('%', at + 3))
    if (s.size() - at < 3 || !is_char(hex_class, s[at + 1]) || !is_char(hex_class, s[at + 2])) return false;
  return true;
}

namespace chars {

#if defined(__SSE2__)
inline __m128i all(int byte) noexcept { return _mm_set1_epi8(static_cast<char>(byte)); }
inline __m128i at_most(__m128i x, int bound) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(x, all(bound)), x);
}
inline unsigned bits(__m128i x) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(x)); }

/// Bytes that end a token, or the rarer token characters, which the table then lets through.
inline unsigned token_stops(__m128i x) noexcept {
  __m128i const letter = at_most(_mm_sub_epi8(_mm_or_si128(x, all(0x20)), all('a')), 25);
  __m128i const digit = at_most(_mm_sub_epi8(x, all('0')), 9);
  __m128i const dash = _mm_cmpeq_epi8(x, all('-'));
  return ~bits(_mm_or_si128(_mm_or_si128(letter, digit), dash)) & 0xffffU;
}

inline unsigned value_stops(__m128i x) noexcept {
  __m128i const control = _mm_andnot_si128(_mm_cmpeq_epi8(x, all('\t')), at_most(x, 0x1f));
  return bits(_mm_or_si128(control, _mm_cmpeq_epi8(x, all(0x7f))));
}

inline unsigned target_stops(__m128i x) noexcept {
  __m128i stop = _mm_or_si128(at_most(x, 0x20), _mm_cmpeq_epi8(_mm_max_epu8(x, all(0x7f)), x));
  for (char const c : {'"', '#', '<', '>', '\\'}) stop = _mm_or_si128(stop, _mm_cmpeq_epi8(x, all(c)));
  return bits(stop);
}

template <CharClass Class>
unsigned stops(__m128i x) noexcept {
  if constexpr (Class == token_class) return token_stops(x);
  if constexpr (Class == value_class) return value_stops(x);
  if constexpr (Class == target_class) return target_stops(x);
}
#endif

}  // namespace chars

/// The first byte in [p, end) that is not of the class, or `end`. Reads nothing outside the range.
template <CharClass Class>
  requires(Class == token_class || Class == value_class || Class == target_class)
char const* skip(char const* p, char const* end) noexcept {
#if defined(__SSE2__)
  while (end - p >= 16) {
    unsigned const stops = chars::stops<Class>(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
    if (stops == 0) {
      p += 16;
      continue;
    }
    p += std::countr_zero(stops);
    if (!is_char(Class, *p)) return p;
    ++p;
  }
#endif
  while (p != end && is_char(Class, *p)) ++p;
  return p;
}

}  // namespace lowart::net
