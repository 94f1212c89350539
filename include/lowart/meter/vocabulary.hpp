#pragma once
/// The tokens of one encoding, read in place from the binary that tools/tokenizer/make_data.py makes.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lowart {

/// A token found at the front of some bytes.
struct TokenMatch {
  std::uint32_t end;    ///< Where it ends, counted from the same start as the question.
  std::uint32_t place;  ///< For Vocabulary::token_at.
};

/// All tokens that begin at one place, the shorter ones first. No token is longer than 128 bytes.
struct TokenMatches {
  std::uint32_t count = 0;
  TokenMatch items[128];
};

/// Read-only and trivially copyable: pointers into the data. Any thread may use it.
class Vocabulary {
 public:
  using Token = std::uint32_t;
  static constexpr Token none = 0xFFFFFFFF;

  /// `data` must be a file of make_data.py, aligned to 8 bytes, and live as long as this.
  explicit Vocabulary(unsigned char const* data) noexcept {
    static_assert(std::endian::native == std::endian::little, "the tables are little-endian");
    std::uint32_t head[8];
    std::memcpy(head, data, sizeof head);
    size_ = head[2];
    pair_shift_ = static_cast<std::uint8_t>(64 - head[4]);
    cells_ = reinterpret_cast<std::uint32_t const*>(data + head[5]);
    merges_ = reinterpret_cast<std::uint64_t const*>(data + head[6]);
    pairs_ = reinterpret_cast<std::uint32_t const*>(data + head[7]);
  }

  /// How many tokens there are; ids are below this.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  /// Collects the tokens that begin at text[at] and end at or before `end`.
  void find(unsigned char const* text, std::size_t at, std::size_t end, TokenMatches& found) const noexcept {
    found.count = 0;
    if (at == end) return;
    std::uint32_t cell = cells_[text[at]];  // the base of the root is 0
    for (std::size_t place = at + 1;; ++place) {
      if ((cell & leaf_bit) != 0) {
        found.items[found.count++] = {static_cast<std::uint32_t>(place), (cell >> 10) | known_bit};
        return;
      }
      std::uint32_t const base = cell >> 10;
      if ((cell & value_bit) != 0) {
        found.items[found.count++] = {static_cast<std::uint32_t>(place), base ^ value_label};
      }
      if (place == end) return;
      cell = cells_[base ^ text[place]];
      if ((cell & 0xFF) != text[place]) return;
    }
  }

  /// The token of a match.
  [[nodiscard]] Token token_at(TokenMatch match) const noexcept {
    return (match.place & known_bit) != 0 ? match.place & ~known_bit : cells_[match.place] >> 10;
  }

  /// Whether byte pair encoding leaves `left` and `right` side by side. Both are taken apart again, the merge
  /// made last first, and at no moment may the two that touch have had a merge that came before the one
  /// undone. Of equal merges the left one comes first.
  [[nodiscard]] bool may_touch(Token left, Token right) const noexcept {
    Token limit = none;
    std::uint64_t left_merge = merges_[left];
    std::uint64_t right_merge = merges_[right];
    for (;;) {
      bool const perhaps =
          (left_merge >> (36 + filter_bit(right)) & right_merge >> (50 + filter_bit(left)) & 1) != 0;
      if (perhaps && merged(left, right) < limit) return false;
      if (left > right) {
        if (left < 256) return true;
        limit = left;
        left = left_merge >> 18 & token_mask;
        left_merge = merges_[left];
      } else {
        if (right < 256) return true;
        limit = right + 1;
        right = right_merge & token_mask;
        right_merge = merges_[right];
      }
    }
  }

 private:
  static constexpr std::uint32_t value_bit = 1U << 8;
  static constexpr std::uint32_t leaf_bit = 1U << 9;
  static constexpr std::uint32_t value_label = 0xFF;
  static constexpr std::uint32_t known_bit = 1U << 31;
  static constexpr std::uint32_t token_mask = 0x3FFFF;
  static constexpr std::uint64_t both_mask = 0xFFFFFFFFFU;

  static constexpr std::uint32_t filter_bit(Token token) noexcept {
    return (token * 0x9E3779B1U >> 16) * 14 >> 16;
  }

  /// The token made by merging these two, or `none`.
  [[nodiscard]] Token merged(Token left, Token right) const noexcept {
    std::uint64_t mixed = (std::uint64_t{left} << 32 | right) * 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ mixed >> 29) * 0x9E3779B97F4A7C15U;
    auto const tag = static_cast<std::uint32_t>(mixed & 0x3FFF);
    std::size_t const mask = (std::size_t{1} << (64 - pair_shift_)) - 1;
    for (std::size_t slot = mixed >> pair_shift_;; slot = (slot + 1) & mask) {
      std::uint32_t const entry = pairs_[slot];
      if (entry == 0) return none;
      if (entry >> 18 != tag) continue;
      Token const token = (entry & token_mask) - 1;
      if ((merges_[token] & both_mask) == (left | std::uint64_t{right} << 18)) return token;
    }
  }

  std::uint32_t const* cells_;
  std::uint64_t const* merges_;
  std::uint32_t const* pairs_;
  std::uint32_t size_;
  std::uint8_t pair_shift_;
};

}  // namespace lowart
