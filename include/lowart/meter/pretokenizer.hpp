#pragma once
/// Cuts text into the pieces that byte pair encoding may not cross: the patterns of cl100k_base and
/// o200k_base.
///
/// Both patterns are a handful of alternatives of which the first that matches wins. Here they are one
/// decision on the class of the first character, with the regex engine's backtracking worked out by hand;
/// each function says which alternative it is.

#include <cstddef>
#include <cstdint>
#include <lowart/meter/unicode_classes.hpp>

namespace lowart {

/// Which pattern cuts the text.
enum class PiecePattern : std::uint8_t { cl100k, o200k };

/// Finds the end of one piece after the other in valid UTF-8. Not thread-safe; cheap to make.
template <PiecePattern pattern>
class PieceScanner {
 public:
  using Byte = unsigned char;

  explicit constexpr PieceScanner(Byte const* end) noexcept : end_{end} {}

  /// The end of the piece that begins at `from`, which must be before the end of the text.
  constexpr Byte const* piece_end(Byte const* from) noexcept {
    Char const first = at(from);
    if constexpr (pattern == PiecePattern::cl100k) {
      if (*from == '\'') {
        if (Byte const* const end = contraction_end(from); end != from) return end;
      }
    }
    switch (first.kind) {
      case Class::upper:
      case Class::lower:
      case Class::letter: return word_end(from, from);
      case Class::number: return number_end(from);
      case Class::newline: return space_end(from);
      default: break;
    }
    Byte const* const next = from + first.bytes;
    Char const second = at(next);
    if (begins_word(second.kind)) return word_end(from, next);
    if (first.kind == Class::mark && pattern == PiecePattern::o200k) return word_end(from, from);
    if (first.kind == Class::other || first.kind == Class::mark) return symbols_end(next);
    if (*from == ' ' && (second.kind == Class::other || second.kind == Class::mark)) return symbols_end(next);
    return space_end(from);
  }

  /// Whether any answer so far depended on where the text ends.
  [[nodiscard]] constexpr bool saw_end() const noexcept { return saw_end_; }

 private:
  using Class = unicode::CharClass;
  using Char = unicode::Char;

  [[gnu::always_inline]] constexpr Char at(Byte const* place) noexcept {
    if (place != end_) return unicode::char_at(place);
    saw_end_ = true;
    return {Class::newline, 0};  // ends every run but that of spaces, which looks at `bytes` too
  }

  constexpr Byte byte_at(Byte const* place) noexcept {
    if (place != end_) return *place;
    saw_end_ = true;
    return 0;
  }

  static constexpr bool is_letter(Class kind) noexcept {
    return kind == Class::upper || kind == Class::lower || kind == Class::letter;
  }

  static constexpr bool begins_word(Class kind) noexcept {
    return is_letter(kind) || (pattern == PiecePattern::o200k && kind == Class::mark);
  }

  /// \p{N}{1,3}
  constexpr Byte const* number_end(Byte const* place) noexcept {
    for (int i = 0; i < 3; ++i) {
      Char const digit = at(place);
      if (digit.kind != Class::number) break;
      place += digit.bytes;
    }
    return place;
  }

  /// The rest of ` ?[^\s\p{L}\p{N}]+[\r\n]*`, where o200k also takes slashes at the end.
  constexpr Byte const* symbols_end(Byte const* place) noexcept {
    for (Char symbol = at(place); symbol.kind == Class::other || symbol.kind == Class::mark;
         symbol = at(place)) {
      place += symbol.bytes;
    }
    for (Byte byte = byte_at(place);
         byte == '\r' || byte == '\n' || (pattern == PiecePattern::o200k && byte == '/');
         byte = byte_at(place)) {
      ++place;
    }
    return place;
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line end of the run; or else all but its last character,
  /// which goes with what follows; or else that one character. cl100k takes a run at the end of the text
  /// whole.
  constexpr Byte const* space_end(Byte const* from) noexcept {
    Byte const* after_newline = nullptr;
    Byte const* last = from;
    Byte const* place = from;
    for (Char space = at(place); space.bytes != 0; space = at(place)) {
      if (space.kind != Class::space && space.kind != Class::newline) break;
      last = place;
      place += space.bytes;
      if (space.kind == Class::newline) after_newline = place;
    }
    if (pattern == PiecePattern::cl100k && place == end_) return place;
    if (after_newline != nullptr) return after_newline;
    return place == end_ || last == from ? place : last;
  }

  /// A word whose letters begin at `letters`, with at most one character between `from` and there.
  constexpr Byte const* word_end(Byte const* from, Byte const* letters) noexcept {
    if constexpr (pattern == PiecePattern::cl100k) {
      Byte const* place = letters;
      for (Char letter = at(place); is_letter(letter.kind); letter = at(place)) place += letter.bytes;
      return place;
    } else {
      return cased_word_end(from, letters);
    }
  }

  /// The first two alternatives of o200k: `P?[UB]*[LB]+C?|P?[UB]+[LB]*C?` with U = Lu Lt, L = Ll, B = Lm Lo
  /// M, P the one character before and C a contraction. The greedy [UB]* gives characters back until [LB]+
  /// has one, so without a lower case letter after it the word ends with the last B; without a B it is all
  /// upper case.
  constexpr Byte const* cased_word_end(Byte const* from, Byte const* letters) noexcept {
    Byte const* after_caseless = nullptr;
    Byte const* place = letters;
    Char letter = at(place);
    while (letter.kind == Class::upper || letter.kind == Class::letter || letter.kind == Class::mark) {
      place += letter.bytes;
      if (letter.kind != Class::upper) after_caseless = place;
      letter = at(place);
    }
    if (letter.kind == Class::lower) {
      do {
        place += letter.bytes;
        letter = at(place);
      } while (letter.kind == Class::lower || letter.kind == Class::letter || letter.kind == Class::mark);
    } else if (after_caseless != nullptr) {
      place = after_caseless;
    } else if (from != letters && at(from).kind == Class::mark) {
      place = letters;  // P gives the mark back, for it is a B itself
    }
    return contraction_end(place);
  }

  /// The end of 's 't 'm 'd 're 've 'll in any case if one is at `place`, or else `place`. The long s
  /// (U+017F) is an s in another case.
  constexpr Byte const* contraction_end(Byte const* place) noexcept {
    if (byte_at(place) != '\'') return place;
    Byte const first = byte_at(place + 1);
    switch (first | 0x20) {
      case 's':
      case 't':
      case 'm':
      case 'd': return place + 2;
      case 'r':
      case 'v': return (byte_at(place + 2) | 0x20) == 'e' ? place + 3 : place;
      case 'l': return (byte_at(place + 2) | 0x20) == 'l' ? place + 3 : place;
      default: return first == 0xC5 && place[2] == 0xBF ? place + 3 : place;
    }
  }

  Byte const* end_;
  bool saw_end_ = false;
};

}  // namespace lowart
