#pragma once
/// Byte pair encoding of one piece, exact and in linear time, without merging anything.
///
/// The encoding of a text is the one row of tokens in which every neighbouring pair may touch (see
/// Vocabulary::may_touch). So the longest token that may follow is taken at each place; where none may, the
/// place is marked as dead and the token before is made shorter. A place dies once, hence the bound. The idea
/// is the backtracking encoder described by GitHub for its crate `bpe`.

#include <cstddef>
#include <cstdint>
#include <lowart/meter/vocabulary.hpp>
#include <memory>
#include <vector>

namespace lowart {

namespace detail {

/// Two sets of places in a piece: where tokens begin, and where none may.
class PlaceSets {
 public:
  explicit PlaceSets(std::size_t places) {
    std::size_t const words = places / 64 + 1;
    if (words > few) large_ = std::make_unique<std::uint64_t[]>(words * 2);
    begins_ = large_ ? large_.get() : small_;
    dead_ = begins_ + words;
    if (!large_) {
      for (std::size_t i = 0; i < words * 2; ++i) small_[i] = 0;
    }
  }

  void begin(std::size_t place) noexcept { begins_[place / 64] |= bit(place); }
  void unbegin(std::size_t place) noexcept { begins_[place / 64] &= ~bit(place); }
  void kill(std::size_t place) noexcept { dead_[place / 64] |= bit(place); }
  [[nodiscard]] bool is_dead(std::size_t place) const noexcept {
    return (dead_[place / 64] & bit(place)) != 0;
  }

  /// The last beginning before `place`; there must be one.
  [[nodiscard]] std::size_t begin_before(std::size_t place) const noexcept {
    do {
      --place;
    } while ((begins_[place / 64] & bit(place)) == 0);
    return place;
  }

 private:
  static constexpr std::size_t few = 8;
  static constexpr std::uint64_t bit(std::size_t place) noexcept { return std::uint64_t{1} << (place % 64); }

  std::uint64_t small_[few * 2];
  std::unique_ptr<std::uint64_t[]> large_;  // a quarter of a byte for each byte of the piece
  std::uint64_t* begins_;
  std::uint64_t* dead_;
};

}  // namespace detail

/// Takes the tokens of a piece in order; a token may be taken back later.
struct CountingSink {
  std::size_t count = 0;
  void push(Vocabulary::Token) noexcept { ++count; }
  void pop() noexcept { --count; }
};

/// Like CountingSink, but keeps the ids.
struct CollectingSink {
  std::vector<Vocabulary::Token>& tokens;
  void push(Vocabulary::Token token) { tokens.push_back(token); }
  void pop() noexcept { tokens.pop_back(); }
};

/// Gives the tokens of the `length` bytes at `piece` to `sink`, as tiktoken's byte pair encoding makes them.
/// `length` must be 1 to 2^31 - 1, and no byte 0xFF. Allocates only for pieces over 511 bytes.
template <class Sink>
void encode_piece(Vocabulary const& vocabulary, unsigned char const* piece, std::size_t length, Sink& sink) {
  using Token = Vocabulary::Token;
  TokenMatches found;
  vocabulary.find(piece, 0, length, found);
  if (found.count != 0 && found.items[found.count - 1].end == length) {
    sink.push(vocabulary.token_at(found.items[found.count - 1]));
    return;
  }
  detail::PlaceSets places{length};
  auto const token_between = [&](std::size_t from, std::size_t to) {
    TokenMatches exact;
    vocabulary.find(piece, from, to, exact);
    return vocabulary.token_at(exact.items[exact.count - 1]);
  };
  std::size_t place = 0;
  Token last = Vocabulary::none;
  for (;;) {
    Token next = Vocabulary::none;
    std::size_t end = 0;
    while (found.count != 0) {
      TokenMatch const match = found.items[--found.count];
      if (places.is_dead(match.end)) continue;
      Token const token = vocabulary.token_at(match);
      if (last != Vocabulary::none && !vocabulary.may_touch(last, token)) continue;
      next = token;
      end = match.end;
      break;
    }
    if (next != Vocabulary::none) {
      sink.push(next);
      if (end == length) return;
      places.begin(place);
      last = next;
      place = end;
      vocabulary.find(piece, place, length, found);
      continue;
    }
    // Nothing may follow `last` here, so nothing may end here: shorten `last`.
    std::size_t const back = places.begin_before(place);
    places.kill(place);
    places.unbegin(back);
    sink.pop();
    vocabulary.find(piece, back, place - 1, found);
    last = back == 0 ? Vocabulary::none : token_between(places.begin_before(back), back);
    place = back;
  }
}

}  // namespace lowart
