#pragma once
/// JsonSpecials: the places of a text where a JSON string ends or needs a closer look, one after the other.

#include <lowart/dialect/json_block.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lowart::dialect {

/// A walk over many short strings waits for each one's end before it can look for the next. So the quotes, backslashes and
/// control characters of 64 bytes are found at once and kept as bits, and finding the next one takes no load of the text.
///
/// Cheap to copy; stays in registers where its address is not taken.
class JsonSpecials {
 public:
  struct Special {
    char const* at;  ///< The end of the text when there is none.
    bool is_quote;
  };

  explicit JsonSpecials(std::string_view text) noexcept
      : at_(text.data()), end_(text.data() + text.size()), bits_(look(at_, end_)) {}

  /// The first at `p` or behind it. `p` is in the text or at its end, and not before what the last call found.
  [[gnu::always_inline]] Special next(char const* p) noexcept {
    auto offset = static_cast<std::size_t>(p - at_);
    if (offset >= json_block::size) {
      at_ += offset / json_block::size * json_block::size;
      offset %= json_block::size;
      bits_ = look(at_, end_);
    }
    std::uint64_t left = bits_.specials >> offset << offset;
    while (left == 0) {
      at_ += json_block::size;
      bits_ = look(at_, end_);
      left = bits_.specials;
    }
    int const place = std::countr_zero(left);
    return {at_ + place, (bits_.quotes >> place & 1U) != 0};
  }

 private:
  struct Bits {
    std::uint64_t specials;
    std::uint64_t quotes;
  };
  [[gnu::always_inline]] static Bits look(char const* p, char const* end) noexcept {
    auto const left = static_cast<std::size_t>(end - p);
    return left >= json_block::size ? bits_of(json_block::Block(p)) : look_at_rest(p, left);
  }
  static Bits bits_of(json_block::Block const& block) noexcept {
    std::uint64_t const quotes = block.equal('"');
    return {quotes | block.equal('\\') | block.controls(), quotes};
  }
  /// Fewer than a block; the end of the text is a special, too.
  [[gnu::noinline]] static Bits look_at_rest(char const* p, std::size_t left) noexcept {
    char padded[json_block::size] = {};
    if (left != 0) std::memcpy(padded, p, left);
    Bits const bits = bits_of(json_block::Block(padded));
    return {bits.specials & ~(~std::uint64_t{1} << left), bits.quotes};
  }

  char const* at_;  // of the block at hand
  char const* end_;
  Bits bits_;
};

}  // namespace lowart::dialect
