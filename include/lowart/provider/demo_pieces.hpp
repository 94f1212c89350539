#pragma once
/// The demo provider's tokens: pieces about as long as a real tokenizer's, cut without any vocabulary.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::demo {

/// A small generator with a known sequence (splitmix64): answers must be repeatable.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t operator()() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

 private:
  std::uint64_t state_;
};

/// FNV-1a, to seed the dice with what was asked.
inline std::uint64_t mix(std::uint64_t seed, std::string_view text) noexcept {
  for (char const c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return (seed ^ 0xFFU) * 0x100000001B3U;
}

/// Takes the next piece off `rest`: white space in front, then letters and digits (12 bytes at most, no
/// character cut) or signs (4 at most). Joined, the pieces are the text.
inline std::string_view take_piece(std::string_view& rest) noexcept {
  auto const is_space = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  auto const is_word = [](char c) {
    auto const u = static_cast<unsigned char>(c);
    return u >= 0x80U || (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z');
  };
  std::size_t at = 0;
  while (at < rest.size() && at < 16 && is_space(rest[at])) ++at;
  std::size_t const begin = at;
  if (at < rest.size() && is_word(rest[at])) {
    while (at < rest.size() && at - begin < 12 && is_word(rest[at])) ++at;
    while (at < rest.size() && (static_cast<unsigned char>(rest[at]) & 0xC0U) == 0x80U) ++at;
  } else {
    while (at < rest.size() && at - begin < 4 && !is_space(rest[at]) && !is_word(rest[at])) ++at;
  }
  std::string_view const piece = rest.substr(0, at);
  rest.remove_prefix(at);
  return piece;
}

inline std::int64_t count_pieces(std::string_view text) noexcept {
  std::int64_t count = 0;
  for (; !text.empty(); ++count) take_piece(text);
  return count;
}

/// The first `most` pieces.
inline std::string_view first_pieces(std::string_view text, std::int64_t most) noexcept {
  std::string_view rest = text;
  for (; most > 0 && !rest.empty(); --most) take_piece(rest);
  return text.substr(0, text.size() - rest.size());
}

}  // namespace lowart::demo
