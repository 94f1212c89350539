#pragma once
/// The common case of the pretokenizer, sixteen bytes at a time: one ASCII word, perhaps after a space.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <lowart/core/intrinsics.hpp>
#include <lowart/meter/pretokenizer.hpp>
namespace lowart::detail {

/// Bit i says something about byte i of sixteen.
struct LetterMasks {
  std::uint32_t upper;
  std::uint32_t lower;
};

inline LetterMasks letter_masks(unsigned char const* bytes) noexcept {
#if defined(__SSE2__)
  // Moved so that the 26 letters are the lowest signed bytes: one comparison finds them.
  __m128i const text = _mm_loadu_si128(reinterpret_cast<__m128i const*>(bytes));
  __m128i const limit = _mm_set1_epi8(-128 + 26);
  __m128i const upper =
      _mm_cmplt_epi8(_mm_sub_epi8(text, _mm_set1_epi8(static_cast<char>('A' + 128))), limit);
  __m128i const lower =
      _mm_cmplt_epi8(_mm_sub_epi8(text, _mm_set1_epi8(static_cast<char>('a' + 128))), limit);
  return {static_cast<std::uint32_t>(_mm_movemask_epi8(upper)),
          static_cast<std::uint32_t>(_mm_movemask_epi8(lower))};
#else
  LetterMasks masks{0, 0};
  for (std::uint32_t i = 0; i < 16; ++i) {
    masks.upper |= static_cast<std::uint32_t>(bytes[i] - 'A' < 26U) << i;
    masks.lower |= static_cast<std::uint32_t>(bytes[i] - 'a' < 26U) << i;
  }
  return masks;
#endif
}

/// Which ASCII characters may stand before the letters of a word, by PieceScanner's rules; an apostrophe may,
/// but for cl100k it could begin a contraction, so it is left to the scanner.
struct WordPrefixes {
  bool of[256]{};
  constexpr WordPrefixes() {
    using enum unicode::CharClass;
    for (int code = 0; code < 128; ++code) {
      auto const kind = unicode::ascii_classes.of[code];
      of[code] = (kind == other || kind == space) && code != '\'';
    }
  }
};
inline constexpr WordPrefixes word_prefixes;

/// The length of the piece at `from` if it is such a word of at most 15 letters that no later text can
/// change, or else 0, which says nothing. At least 32 bytes must be readable.
template <PiecePattern pattern>
std::size_t ascii_word_length(unsigned char const* from) noexcept {
  std::size_t const prefix = word_prefixes.of[*from] ? 1 : 0;
  unsigned char const* const letters = from + prefix;
  LetterMasks const masks = letter_masks(letters);
  std::uint32_t length = 0;
  if constexpr (pattern == PiecePattern::cl100k) {
    length = static_cast<std::uint32_t>(std::countr_one(masks.upper | masks.lower));
  } else {
    auto const capitals = static_cast<std::uint32_t>(std::countr_one(masks.upper));
    length = capitals + static_cast<std::uint32_t>(std::countr_one(masks.lower >> capitals));
  }
  unsigned char const stop = letters[length];
  bool const simple =
      length != 0 && length < 16 && stop < 0x80 && (pattern == PiecePattern::cl100k || stop != '\'');
  return simple ? prefix + length : 0;
}

}  // namespace lowart::detail
