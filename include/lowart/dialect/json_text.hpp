#pragma once
/// The text inside JSON: string literals read and written.

#include <lowart/core/intrinsics.hpp>
#include <lowart/dialect/json_piece.hpp>
#include <lowart/dialect/json_utf8.hpp>
#include <lowart/dialect/short_text.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lowart::dialect {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  ///< U+FFFD in UTF-8.

/// Writes a code point as UTF-8 and returns its end, at most four bytes on; one that is a surrogate or over U+10FFFF
/// becomes U+FFFD.
constexpr char* write_utf8(char* out, std::uint32_t code) noexcept {
  if ((code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) code = 0xFFFD;
  auto const put = [&out](std::uint32_t b) { *out++ = static_cast<char>(b); };
  auto const tail = [&](unsigned shift) { put(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | code >> 6U), tail(0);
  } else if (code < 0x10000) {
    put(0xE0U | code >> 12U), tail(6), tail(0);
  } else {
    put(0xF0U | code >> 18U), tail(12), tail(6), tail(0);
  }
  return out;
}

/// The same, appended.
inline void append_utf8(std::string& out, std::uint32_t code) {
  char bytes[4] = {};
  out.append(bytes, static_cast<std::size_t>(write_utf8(bytes, code) - bytes));
}

/// The value of four hexadecimal digits at text[at], -1 when they are not there.
constexpr std::int32_t four_hex(std::string_view text, std::size_t at) noexcept {
  if (at > text.size() || text.size() - at < 4) return -1;
  std::int32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    char const c = text[at + i];
    int const digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Where the first quote, backslash or control character (below 0x20) at or behind `at` is; text.size() when there is
/// none.
inline std::size_t first_special(std::string_view text, std::size_t at) noexcept {
  for (; text.size() - at >= JsonPiece::size; at += JsonPiece::size) {
    std::uint32_t const specials = JsonPiece(text.data() + at).specials();
    if (specials != 0) return at + static_cast<std::size_t>(std::countr_zero(specials));
  }
  std::size_t const left = text.size() - at;
  if (left == 0) return at;
  char const* const end = text.data() + text.size();
  std::uint64_t const specials = text.size() >= JsonPiece::size
                                     ? JsonPiece(end - JsonPiece::size).specials() >> (JsonPiece::size - left)
                                     : cut_piece(end - left, left).specials();
  return specials == 0 ? text.size() : at + static_cast<std::size_t>(std::countr_zero(specials));
}

/// Copies text up to the first quote, backslash or control character at or behind `at`, and says where that is. May
/// write as many bytes at `out` as are left in the text.
inline std::size_t copy_plain(std::string_view text, std::size_t at, char*& out) noexcept {
  for (; text.size() - at >= JsonPiece::size; at += JsonPiece::size, out += JsonPiece::size) {
    JsonPiece const piece(text.data() + at);
    piece.copy_to(out);
    std::uint32_t const specials = piece.specials();
    if (specials == 0) continue;
    auto const plain = static_cast<std::size_t>(std::countr_zero(specials));
    out += plain;
    return at + plain;
  }
  std::size_t const stop = first_special(text, at);
  out = copy_bytes(out, text.substr(at, stop - at));
  return stop;
}

/// The character that a backslash and `c` stand for; 0 when that is no such escape.
constexpr char unescaped(char c) noexcept {
  switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

/// Reads the code point of a \u escape whose digits begin at `at`, and of the second half of a surrogate pair; moves
/// `at` behind them. A lone surrogate is given as it is. False when digits are missing.
constexpr bool read_code_point(std::string_view inner, std::size_t& at, std::uint32_t& code) noexcept {
  std::int32_t const first = four_hex(inner, at);
  if (first < 0) return false;
  at += 4;
  code = static_cast<std::uint32_t>(first);
  if ((code & 0xFC00U) != 0xD800U || !inner.substr(at).starts_with("\\u")) return true;
  std::int32_t const second = four_hex(inner, at + 2);
  if (second < 0) return false;
  if ((static_cast<std::uint32_t>(second) & 0xFC00U) != 0xDC00U) return true;
  code = 0x10000U + ((code & 0x3FFU) << 10U) + (static_cast<std::uint32_t>(second) & 0x3FFU);
  at += 6;
  return true;
}

/// The same as decode_escapes, for text whose first special byte is at `at`. Text only shrinks when it is decoded, so
/// that it is written straight to its place.
inline bool decode_from_special(std::string_view inner, std::size_t at, std::string& out) {
  std::size_t const before = out.size();
  out.resize(before + inner.size());
  char* const begin = out.data() + before;
  std::memcpy(begin, inner.data(), at);
  char* end = begin + at;
  bool good = true;
  while (at != inner.size()) {
    good = inner[at] == '\\' && at + 1 != inner.size();
    if (!good) break;
    char const escape = inner[at + 1];
    if (char const c = unescaped(escape); c != '\0') {
      *end++ = c;
      at += 2;
    } else {
      std::size_t next = at + 2;
      std::uint32_t code = 0;
      good = escape == 'u' && read_code_point(inner, next, code);
      if (!good) break;
      at = next;
      end = write_utf8(end, code);
    }
    at = copy_plain(inner, at, end);
  }
  out.resize(static_cast<std::size_t>(end - out.data()));
  return good;
}

/// Decodes what stands between the quotes of a JSON string, appending to `out`. Surrogate pairs are joined, a
/// lone surrogate becomes U+FFFD, bytes over 0x7F are copied as they are. False on an unknown or cut escape,
/// a bare quote or a bare control character (below 0x20); `out` then holds the part before it.
inline bool decode_escapes(std::string_view inner, std::string& out) {
  std::size_t const at = first_special(inner, 0);
  if (at != inner.size()) return decode_from_special(inner, at, out);
  out.append(inner);
  return true;
}

/// Decodes a whole JSON string literal, quotes included, appending to `out`. False when it is none; see
/// decode_escapes.
inline bool decode_string(std::string_view literal, std::string& out) {
  if (literal.size() < 2 || literal.front() != '"' || literal.back() != '"') return false;
  return decode_escapes(literal.substr(1, literal.size() - 2), out);
}

/// Whether eight bytes stand in a JSON string as they are: ASCII that needs no escape.
inline bool eight_are_plain(char const* p) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101U, high = 0x8080808080808080U;
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  auto const has_zero = [](std::uint64_t w) { return (w - each) & ~w & high; };
  std::uint64_t const control = (word - each * 0x20) & ~word & high;
  return ((word & high) | control | has_zero(word ^ (each * '"')) | has_zero(word ^ (each * '\\'))) == 0;
}

#if defined(__SSE2__)
/// The same for twice sixteen bytes.
inline bool sixteen_are_plain(__m128i a, __m128i b) noexcept {
  auto const specials = [](__m128i v) {
    __m128i const control = _mm_cmpgt_epi8(_mm_set1_epi8(' '), v);  // bytes over 0x7F are negative
    return _mm_or_si128(
        control, _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
  };
  return _mm_movemask_epi8(_mm_or_si128(specials(a), specials(b))) == 0;
}
#endif

/// Whether all of a text stands in a JSON string as it is. For short ones; false says only that it has not been seen.
inline bool is_plain(std::string_view text) noexcept {
  char const* const p = text.data();
  std::size_t const size = text.size();
#if defined(__SSE2__)
  auto const at = [p](std::size_t i) { return reinterpret_cast<__m128i const*>(p + i); };
  if (size > 16) {
    if (size > 32) return false;
    return sixteen_are_plain(_mm_loadu_si128(at(0)), _mm_loadu_si128(at(size - 16)));
  }
  if (size >= 8) {
    __m128i const both = _mm_unpacklo_epi64(_mm_loadl_epi64(at(0)), _mm_loadl_epi64(at(size - 8)));
    return sixteen_are_plain(both, both);
  }
#else
  if (size >= 8) {
    for (std::size_t at = 0; size - at > 8; at += 8)
      if (!eight_are_plain(p + at)) return false;
    return eight_are_plain(p + size - 8);
  }
#endif
  char padded[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
  if (size >= 4) {
    std::memcpy(padded, p, 4);
    std::memcpy(padded + 4, p + size - 4, 4);
  } else if (size != 0) {
    padded[0] = p[0];
    padded[1] = p[size / 2];
    padded[2] = p[size - 1];
  }
  return eight_are_plain(padded);
}

/// Writes the escape of a quote, a backslash or a control character, and returns its end: at most six bytes.
inline char* write_escape(char* out, char c) noexcept {
  constexpr std::string_view hex = "0123456789abcdef";
  auto const two = [&](char letter) {
    *out++ = '\\';
    *out++ = letter;
    return out;
  };
  switch (c) {
    case '"':
    case '\\': return two(c);
    case '\n': return two('n');
    case '\r': return two('r');
    case '\t': return two('t');
    case '\b': return two('b');
    case '\f': return two('f');
    default: break;
  }
  auto const code = static_cast<unsigned char>(c);
  std::memcpy(out, "\\u00", 4);
  out[4] = hex[code >> 4U];
  out[5] = hex[code & 0xFU];
  return out + 6;
}

/// How many bytes of the text need an escape.
inline std::size_t count_specials(std::string_view text) noexcept {
  std::size_t count = 0, at = 0;
  for (; text.size() - at >= JsonPiece::size; at += JsonPiece::size)
    count += static_cast<std::size_t>(std::popcount(JsonPiece(text.data() + at).specials()));
  if (at != text.size())
    count +=
        static_cast<std::size_t>(std::popcount(cut_piece(text.data() + at, text.size() - at).specials()));
  return count;
}

/// Copies a text that stands in a JSON string as it is (ASCII without escapes) and moves `out` to its end. False:
/// nothing is there, but as many bytes at `out` as the text has may have been written.
inline bool copy_if_plain(std::string_view text, char*& out) noexcept {
  char const* const p = text.data();
  std::size_t const size = text.size();
  if (size < JsonPiece::size) return is_plain(text) && (out = copy_bytes(out, text), true);
  std::size_t const last = size - JsonPiece::size;
  auto const piece_is_plain = [&](std::size_t at) {
    JsonPiece const piece(p + at);
    piece.copy_to(out + at);
    return piece.is_ascii() && piece.specials() == 0;
  };
  for (std::size_t at = 0; at < last; at += JsonPiece::size)
    if (!piece_is_plain(at)) return false;
  if (!piece_is_plain(last)) return false;
  out += size;
  return true;
}

/// Appends valid UTF-8 as the inside of a JSON string.
inline void append_escaped_valid(std::string& out, std::string_view text) {
  std::size_t const specials = count_specials(text);
  if (specials == 0) return void(out.append(text));
  std::size_t const before = out.size();
  out.resize(before + text.size() + 5 * specials);
  char* end = out.data() + before;
  std::size_t at = copy_plain(text, 0, end);
  while (at != text.size()) {
    end = write_escape(end, text[at]);
    at = copy_plain(text, at + 1, end);
  }
  out.resize(static_cast<std::size_t>(end - out.data()));
}

/// Appends text as the inside of a JSON string, without quotes. Valid UTF-8 passes through, each byte that is
/// not part of it becomes U+FFFD, control characters are escaped: the result is always valid JSON.
inline void append_escaped(std::string& out, std::string_view text) {
  constexpr std::size_t few = 32;  // names and words: looked at once, not for UTF-8 and for escapes
  if (text.size() <= few && is_plain(text)) return void(out.append(text));
  if (is_valid_utf8(text)) return append_escaped_valid(out, text);
  while (!text.empty()) {
    std::size_t const valid = valid_utf8_prefix(text);
    append_escaped_valid(out, text.substr(0, valid));
    if (valid == text.size()) return;
    out.append(replacement_character);
    text.remove_prefix(valid + 1);
  }
}

/// Appends text as a JSON string literal, quotes included. See append_escaped.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

}  // namespace lowart::dialect
