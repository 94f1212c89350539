#pragma once
/// The tokens of short pieces seen lately. Text repeats its words, so most pieces are answered from here.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace lowart {

/// A piece of up to 15 bytes, its length in the last byte: equal keys mean equal pieces.
struct PieceKey {
  static constexpr std::size_t longest = 15;
  std::uint64_t low;
  std::uint64_t high;
  friend bool operator==(PieceKey const&, PieceKey const&) = default;
};

/// Direct-mapped: a piece replaces the one that was in its slot. Not thread-safe.
class PieceCache {
 public:
  /// Half a cache line.
  struct alignas(32) Entry {
    PieceKey key{0, 0};       // no piece is empty
    std::uint32_t count = 0;  ///< Tokens of the piece, also when they are too many to be kept.
    std::uint32_t tokens[3]{};
  };
  static constexpr std::size_t kept = 3;

  PieceCache() : entries_{std::make_unique<Entry[]>(std::size_t{1} << bits)} {}

  /// The only slot where this piece can be. It may hold another one.
  [[nodiscard]] Entry& slot(PieceKey const& key) noexcept {
    std::uint64_t const mixed = (key.low ^ key.high * 0xD6E8FEB86659FD93U) * 0x9E3779B97F4A7C15U;
    return entries_[mixed >> (64 - bits)];
  }

 private:
  static constexpr int bits = 14;  // 512 KiB: see benchmarks/tokenizer_bench.cpp
  std::unique_ptr<Entry[]> entries_;
};

/// The key of the `length` bytes at `piece`, 1 to 15; `readable` is how many may be read there.
inline PieceKey piece_key(unsigned char const* piece, std::size_t length, std::size_t readable) noexcept {
  PieceKey key{0, 0};
  if (readable >= sizeof key) {
    std::memcpy(&key, piece, sizeof key);
    if (length < 8) {
      key.low &= ~(~std::uint64_t{0} << (length * 8));
      key.high = 0;
    } else {
      key.high &= ~(~std::uint64_t{0} << (length * 8 - 64));
    }
  } else {
    std::memcpy(&key, piece, length);
  }
  key.high |= static_cast<std::uint64_t>(length) << 56;
  return key;
}

}  // namespace lowart
