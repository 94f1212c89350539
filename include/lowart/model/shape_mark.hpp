#pragma once
/// ShapeMark: what was changed of a request, or of its answer, on the operator's wish.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart {

enum class Reshaped : std::uint8_t {
  stripped,    ///< Blocks in tags were taken out of what the assistant said.
  dropped,     ///< Empty messages were left out.
  merged,      ///< Of user messages in a row the last one was kept.
  stop,        ///< Stop words were added.
  max_tokens,  ///< The limit was lowered.
  prefix,      ///< Something was put before the answer.
};
inline constexpr std::size_t reshaped_count = 6;

constexpr std::string_view to_string(Reshaped what) noexcept {
  constexpr std::array<std::string_view, reshaped_count> names{"stripped", "dropped",    "merged",
                                                               "stop",     "max_tokens", "prefix"};
  return names[static_cast<std::size_t>(what)];
}

/// A set of them.
class ShapeMark {
 public:
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr bool has(Reshaped what) const noexcept { return (bits_ & bit(what)) != 0; }
  constexpr void add(Reshaped what) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(what)); }
  constexpr void add(ShapeMark other) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | other.bits_); }
  /// "merged, stop"
  std::string text() const {
    std::string names;
    for (std::size_t i = 0; i < reshaped_count; ++i)
      if (auto const what = static_cast<Reshaped>(i); has(what))
        names.append(names.empty() ? "" : ", ").append(to_string(what));
    return names;
  }
  friend bool operator==(ShapeMark, ShapeMark) = default;

 private:
  static constexpr std::uint8_t bit(Reshaped what) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(what));
  }
  std::uint8_t bits_{0};
};

}  // namespace lowart
