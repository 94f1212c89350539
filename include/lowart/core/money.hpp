#pragma once
/// Money in integers. No floating point touches it.

#include <compare>
#include <cstdint>
#include <limits>

namespace lowart {

/// An amount in nano-dollars (1e-9 USD). 64 bits hold nine billion dollars either way.
class NanoUsd {
 public:
  constexpr NanoUsd() = default;
  constexpr explicit NanoUsd(std::int64_t nanos) noexcept : nanos_(nanos) {}

  constexpr std::int64_t count() const noexcept { return nanos_; }

  /// Saturates at the ends of the range instead of wrapping.
  constexpr NanoUsd& operator+=(NanoUsd other) noexcept {
    if (__builtin_add_overflow(nanos_, other.nanos_, &nanos_))
      nanos_ = other.nanos_ < 0 ? std::numeric_limits<std::int64_t>::min()
                                : std::numeric_limits<std::int64_t>::max();
    return *this;
  }
  friend constexpr NanoUsd operator+(NanoUsd a, NanoUsd b) noexcept { return a += b; }
  friend constexpr auto operator<=>(NanoUsd, NanoUsd) = default;

 private:
  std::int64_t nanos_{0};
};

}  // namespace lowart
