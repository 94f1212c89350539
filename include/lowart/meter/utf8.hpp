#pragma once
/// Whether bytes are UTF-8, and the usual repair if not: U+FFFD for each maximal part that cannot be.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lowart::unicode {

/// One step through bytes that may be wrong.
struct Utf8Step {
  std::uint8_t bytes;  ///< How many bytes the character, or the wrong part, has: 1 to 4.
  bool valid;
  bool cut_off;  ///< Not valid only because the text ends here; more bytes could complete it.
};

/// Looks at the character at the front of `text`, which must not be empty. Surrogates, overlong forms and
/// codes over U+10FFFF are wrong; a wrong part is as long as in Unicode 16.0, table 3-8 (and Python's
/// "replace").
constexpr Utf8Step utf8_step(std::string_view text) noexcept {
  auto const byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const first = byte(0);
  if (first < 0x80) return {1, true, false};
  if (first < 0xC2 || first > 0xF4) return {1, false, false};
  std::uint8_t const length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte has narrower limits after E0 (overlong), ED (surrogates), F0 (overlong), F4 (too high).
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (std::uint8_t i = 1; i < length; ++i) {
    if (i == text.size()) return {i, false, true};
    if (byte(i) < low || byte(i) > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

/// The length of the longest front part of `text` that is valid UTF-8.
inline std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 16) {
      std::uint64_t words[2];
      std::memcpy(words, text.data() + at, 16);
      if (((words[0] | words[1]) & 0x8080808080808080U) == 0) {
        at += 16;
        continue;
      }
    }
    // Scripts other than Latin come in runs: stay with this loop until a space or the like.
    do {
      Utf8Step const step = utf8_step(text.substr(at));
      if (!step.valid) return at;
      at += step.bytes;
    } while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80);
    for (int i = 0; i < 16 && at < text.size() && static_cast<unsigned char>(text[at]) < 0x80; ++i) ++at;
  }
  return at;
}

/// Appends `text` to `out` with each wrong part replaced by U+FFFD.
inline void append_repaired(std::string_view text, std::string& out) {
  while (!text.empty()) {
    std::size_t const good = valid_utf8_prefix(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return;
    out.append("\xEF\xBF\xBD");
    text.remove_prefix(utf8_step(text).bytes);
  }
}

}  // namespace lowart::unicode
