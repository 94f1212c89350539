#pragma once
/// The text inside JSON: string literals read and written, and whether bytes are UTF-8.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lowart::dialect {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  ///< U+FFFD in UTF-8.

/// Length of the valid UTF-8 sequence that starts at text[at] (1 to 4), 0 when there is none: overlong forms,
/// surrogates, values over U+10FFFF and cut sequences are not valid (Unicode 15, table 3-7).
constexpr std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  std::size_t const left = text.size() - at;
  auto const continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  unsigned const b0 = byte(0);
  if (b0 < 0x80) return 1;
  if (b0 < 0xC2) return 0;
  if (b0 < 0xE0) return left >= 2 && continues(1) ? 2 : 0;
  if (b0 < 0xF0) {
    if (left < 3 || !continues(1) || !continues(2)) return 0;
    if (b0 == 0xE0 && byte(1) < 0xA0) return 0;
    if (b0 == 0xED && byte(1) >= 0xA0) return 0;
    return 3;
  }
  if (b0 > 0xF4 || left < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  if (b0 == 0xF0 && byte(1) < 0x90) return 0;
  if (b0 == 0xF4 && byte(1) >= 0x90) return 0;
  return 4;
}

/// True when the whole text is valid UTF-8. About 0.05 ns a byte on ASCII.
inline bool is_valid_utf8(std::string_view text) noexcept {
  constexpr std::size_t word = 8;
  for (std::size_t at = 0; at < text.size();) {
    if (text.size() - at >= 2 * word) {
      std::uint64_t low = 0, high = 0;
      std::memcpy(&low, text.data() + at, word);
      std::memcpy(&high, text.data() + at + word, word);
      if (((low | high) & 0x8080808080808080U) == 0) {
        at += 2 * word;
        continue;
      }
    }
    std::size_t const n = utf8_sequence(text, at);
    if (n == 0) return false;
    at += n;
  }
  return true;
}

/// Appends a code point as UTF-8; one that is a surrogate or over U+10FFFF becomes U+FFFD.
inline void append_utf8(std::string& out, std::uint32_t code) {
  auto const put = [&out](std::uint32_t b) { out.push_back(static_cast<char>(b)); };
  auto const tail = [&](unsigned shift) { put(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | code >> 6U), tail(0);
  } else if ((code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) {
    out.append(replacement_character);
  } else if (code < 0x10000) {
    put(0xE0U | code >> 12U), tail(6), tail(0);
  } else {
    put(0xF0U | code >> 18U), tail(12), tail(6), tail(0);
  }
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

/// Decodes what stands between the quotes of a JSON string, appending to `out`. Surrogate pairs are joined, a
/// lone surrogate becomes U+FFFD, bytes over 0x7F are copied as they are. False on an unknown or cut escape,
/// a bare quote or a bare control character (below 0x20); `out` then holds the part before it.
inline bool decode_escapes(std::string_view inner, std::string& out) {
  std::size_t at = 0;
  while (at < inner.size()) {
    std::size_t plain = at;
    while (plain < inner.size() && inner[plain] != '\\') {
      if (inner[plain] == '"' || static_cast<unsigned char>(inner[plain]) < 0x20) return false;
      ++plain;
    }
    out.append(inner, at, plain - at);
    if (plain == inner.size()) return true;
    if (plain + 1 == inner.size()) return false;
    at = plain + 2;
    switch (inner[plain + 1]) {
      case '"': out.push_back('"'); break;
      case '\\': out.push_back('\\'); break;
      case '/': out.push_back('/'); break;
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        std::int32_t const first = four_hex(inner, at);
        if (first < 0) return false;
        at += 4;
        auto code = static_cast<std::uint32_t>(first);
        if ((code & 0xFC00U) == 0xD800U && inner.substr(at).starts_with("\\u")) {
          std::int32_t const second = four_hex(inner, at + 2);
          if (second < 0) return false;
          if ((static_cast<std::uint32_t>(second) & 0xFC00U) == 0xDC00U) {
            code = 0x10000U + ((code & 0x3FFU) << 10U) + (static_cast<std::uint32_t>(second) & 0x3FFU);
            at += 6;
          }
        }
        append_utf8(out, code);
        break;
      }
      default: return false;
    }
  }
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

/// How many bytes from `at` on stand in a JSON string as they are. May stop up to seven bytes early.
inline std::size_t plain_run(std::string_view text, std::size_t at) noexcept {
  std::size_t const begin = at;
  for (; text.size() - at >= 8; at += 8)
    if (!eight_are_plain(text.data() + at)) return at - begin;
  if (at == text.size()) return at - begin;
  if (at != begin) return eight_are_plain(text.data() + text.size() - 8) ? text.size() - begin : at - begin;
  auto const plain = [](char c) { return c >= 0x20 && c <= '~' && c != '"' && c != '\\'; };
  while (at != text.size() && plain(text[at])) ++at;
  return at - begin;
}

/// Appends text as the inside of a JSON string, without quotes. Valid UTF-8 passes through, each byte that is
/// not part of it becomes U+FFFD, control characters are escaped: the result is always valid JSON.
inline void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::size_t done = 0;  // everything before it is in `out`
  auto const replace = [&](std::size_t at, std::string_view with) {
    out.append(text, done, at - done).append(with);
    done = at + 1;
  };
  for (std::size_t at = 0; at < text.size();) {
    at += plain_run(text, at);
    if (at == text.size()) break;
    auto const c = static_cast<unsigned char>(text[at]);
    if (c >= 0x80) {
      std::size_t const n = utf8_sequence(text, at);
      if (n == 0) replace(at, replacement_character);
      at += n == 0 ? 1 : n;
      continue;
    }
    if (c == '"') {
      replace(at, "\\\"");
    } else if (c == '\\') {
      replace(at, "\\\\");
    } else if (c < 0x20) {
      switch (c) {
        case '\n': replace(at, "\\n"); break;
        case '\r': replace(at, "\\r"); break;
        case '\t': replace(at, "\\t"); break;
        case '\b': replace(at, "\\b"); break;
        case '\f': replace(at, "\\f"); break;
        default:
          replace(at, "\\u00");
          out.push_back(hex[c >> 4U]);
          out.push_back(hex[c & 0xFU]);
      }
    }
    ++at;
  }
  out.append(text, done, text.size() - done);
}

/// Appends text as a JSON string literal, quotes included. See append_escaped.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

}  // namespace lowart::dialect
