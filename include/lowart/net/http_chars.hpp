#pragma once
/// Character classes of HTTP/1.1 (RFC 9110 section 5.6, RFC 3986) and the loops that run over them.

#include <lowart/core/intrinsics.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

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

namespace chars {

/// Whether eight bytes of each are equal but for the case of ASCII letters.
inline bool eight_equal_ignoring_case(char const* a, char const* b) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101U;
  std::uint64_t x = 0, y = 0;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  std::uint64_t const differs = x ^ y;
  if (differs == 0) return true;
  if ((differs & ~(each * 0x20)) != 0) return false;
  // Only bit 0x20 differs: fine where it is the case of a letter. No sum below leaves its byte.
  std::uint64_t const lower = (x | each * 0x20) & each * 0x7f;
  std::uint64_t const from_a = lower + each * (0x80 - 'a');
  std::uint64_t const above_z = lower + each * (0x7f - 'z');
  std::uint64_t const letters = from_a & ~above_z & ~x & each * 0x80;
  return (differs << 2U & ~letters) == 0;
}

}  // namespace chars

/// Equal but for the case of ASCII letters.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t word = 8;
  std::size_t const size = a.size();
  if (size != b.size()) return false;
  if (size >= word && !std::is_constant_evaluated()) {
    for (std::size_t at = 0; at + word < size; at += word)
      if (!chars::eight_equal_ignoring_case(a.data() + at, b.data() + at)) return false;
    return chars::eight_equal_ignoring_case(a.data() + size - word, b.data() + size - word);
  }
  for (std::size_t i = 0; i < size; ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

/// Without spaces and tabs at both ends.
constexpr std::string_view trim_blanks(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// The same for a text in [from, to) that most likely has one space before it and none behind.
constexpr std::string_view trim_blanks(char const* from, char const* to) noexcept {
  if (from != to && *from == ' ') ++from;
  std::string_view const s(from, static_cast<std::size_t>(to - from));
  bool const trimmed = s.empty() || (static_cast<unsigned char>(s.front()) > ' ' &&
                                     static_cast<unsigned char>(s.back()) > ' ');
  return trimmed ? s : trim_blanks(s);
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

/// `size` bytes, fewer than 16, and zeros behind them; reads nothing else.
inline __m128i load_short(char const* p, std::size_t size) noexcept {
  std::uint64_t low = 0, high = 0;
  if (size >= 8) {
    std::memcpy(&low, p, 8);
    std::memcpy(&high, p + size - 8, 8);
    high = size == 8 ? 0 : high >> (8 * (16 - size));
  } else if (size >= 4) {
    std::uint32_t first = 0, last = 0;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + size - 4, 4);
    low = first | std::uint64_t{last} << (8 * (size - 4));
  } else if (size > 0) {
    auto const byte = [p](std::size_t i) {
      return std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
    };
    low = byte(0) | byte(size / 2) | byte(size - 1);
  }
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

#if defined(__AVX2__)
inline __m256i all_32(int byte) noexcept { return _mm256_set1_epi8(static_cast<char>(byte)); }
inline __m256i at_most(__m256i x, int bound) noexcept {
  return _mm256_cmpeq_epi8(_mm256_min_epu8(x, all_32(bound)), x);
}
/// The same for 32 bytes.
inline std::uint32_t token_stops(__m256i x) noexcept {
  __m256i const letter = at_most(_mm256_sub_epi8(_mm256_or_si256(x, all_32(0x20)), all_32('a')), 25);
  __m256i const digit = at_most(_mm256_sub_epi8(x, all_32('0')), 9);
  __m256i const dash = _mm256_cmpeq_epi8(x, all_32('-'));
  return ~static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(letter, digit), dash)));
}
inline std::uint32_t value_stops(__m256i x) noexcept {
  __m256i const control = _mm256_andnot_si256(_mm256_cmpeq_epi8(x, all_32('\t')), at_most(x, 0x1f));
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_or_si256(control, _mm256_cmpeq_epi8(x, all_32(0x7f)))));
}
#endif

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

/// A field line that ends within the 64 bytes at its beginning, as most do.
struct ShortLine {
  std::uint32_t colon{0};
  std::uint32_t end{0};  ///< Where its CR LF begins; 0: it is no such line, or there is more to say of it.
};

/// Both ends of a line in one look, with AVX2; without it no line is short.
inline ShortLine short_line([[maybe_unused]] char const* p, [[maybe_unused]] char const* end) noexcept {
#if defined(__AVX2__)
  if (end - p <= 64) return {};
  __m256i const first = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p));
  __m256i const second = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p) + 1);
  std::uint32_t const names = chars::token_stops(first);
  std::uint64_t const values = chars::value_stops(first) | std::uint64_t{chars::value_stops(second)} << 32U;
  if (names == 0 || values == 0) return {};
  auto const colon = static_cast<std::uint32_t>(std::countr_zero(names));
  auto const stop = static_cast<std::uint32_t>(std::countr_zero(values));
  if (colon == 0 || p[colon] != ':' || p[stop] != '\r' || p[stop + 1] != '\n') return {};
  return {colon, stop};
#else
  return {};
#endif
}

/// Copies `s` to `out` if all of it is of the class; false, with anything written there, if not. Of `out`, up to
/// copy_slack bytes behind the copy are written too.
inline constexpr std::size_t copy_slack = 16;
template <CharClass Class>
bool copy_if_all(char* out, std::string_view s) noexcept {
#if defined(__SSE2__)
  char const* p = s.data();
  char const* const end = p + s.size();
  for (; end - p >= 16; p += 16, out += 16) {
    __m128i const bytes = _mm_loadu_si128(reinterpret_cast<__m128i const*>(p));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    for (unsigned stops = chars::stops<Class>(bytes); stops != 0; stops &= stops - 1)
      if (!is_char(Class, p[std::countr_zero(stops)])) return false;
  }
  auto const rest = static_cast<std::size_t>(end - p);
  __m128i const bytes = chars::load_short(p, rest);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
  for (unsigned stops = chars::stops<Class>(bytes) & ((1U << rest) - 1); stops != 0; stops &= stops - 1)
    if (!is_char(Class, p[std::countr_zero(stops)])) return false;
  return true;
#else
  for (char const c : s) {
    if (!is_char(Class, c)) return false;
    *out++ = c;
  }
  return true;
#endif
}

}  // namespace lowart::net
