#pragma once
/// What the tokenizer patterns want to know about a character: its class, Unicode 16.0.

#include <cstddef>
#include <cstdint>
#include <lowart/meter/unicode_tables.hpp>

namespace lowart::unicode {

/// The classes that the patterns tell apart. The numbers are those of the generated table.
enum class CharClass : std::uint8_t {
  other,    ///< Punctuation, symbols, controls, unassigned.
  upper,    ///< \p{Lu} and \p{Lt}.
  lower,    ///< \p{Ll}.
  letter,   ///< \p{Lm} and \p{Lo}: letters without a case.
  mark,     ///< \p{M}.
  number,   ///< \p{N}.
  space,    ///< \s without the two below.
  newline,  ///< \r and \n.
};

/// The class of a code point; beyond U+10FFFF it is `other`.
constexpr CharClass class_of(char32_t code) noexcept {
  std::size_t const block = code / 128;
  if (block >= sizeof class_index) return CharClass::other;
  std::uint8_t const pair = class_blocks[std::size_t{class_index[block]} * 64 + code % 128 / 2];
  return static_cast<CharClass>(code % 2 != 0 ? pair >> 4 : pair & 15);
}

/// A character as the scanner sees it.
struct Char {
  CharClass kind;
  std::uint8_t bytes;  ///< 1 to 4.
};

namespace detail {

struct AsciiClasses {
  CharClass of[128]{};
  constexpr AsciiClasses() {
    for (char32_t code = 0; code < 128; ++code) of[code] = class_of(code);
  }
};

}  // namespace detail

inline constexpr detail::AsciiClasses ascii_classes;

/// The character that begins at `at`, which must be in valid UTF-8 and not be ASCII.
[[gnu::noinline]] constexpr Char wide_char_at(unsigned char const* at) noexcept {
  char32_t const first = at[0];
  auto const tail = [at](int i) { return static_cast<char32_t>(at[i] & 0x3F); };
  if (first < 0xE0) return {class_of((first & 0x1F) << 6 | tail(1)), 2};
  if (first < 0xF0) return {class_of((first & 0x0F) << 12 | tail(1) << 6 | tail(2)), 3};
  return {class_of((first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3)), 4};
}

/// The character that begins at `at`, which must be in valid UTF-8.
[[gnu::always_inline]] constexpr Char char_at(unsigned char const* at) noexcept {
  return *at < 0x80 ? Char{ascii_classes.of[*at], 1} : wide_char_at(at);
}

}  // namespace lowart::unicode
