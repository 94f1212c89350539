#pragma once
/// JitterSource: random numbers for spreading waits and choices. Not for secrets.

#include <atomic>
#include <cstdint>

namespace lowart {

/// The mixing step of splitmix64 (Steele, Lea, Flood 2014): numbers that differ in one bit come out unlike.
constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

/// splitmix64 over a shared counter. Any thread. The same seed gives the same numbers.
class JitterSource {
 public:
  explicit JitterSource(std::uint64_t seed) noexcept : counter_(seed) {}
  std::uint64_t next() noexcept {
    constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio
    return mix64(counter_.fetch_add(golden, std::memory_order_relaxed));
  }

 private:
  std::atomic<std::uint64_t> counter_;
};

/// One of the 2^53 evenly spaced numbers above 0 up to 1: never 0, so that it has a logarithm.
constexpr double unit_interval(std::uint64_t random) noexcept {
  return static_cast<double>((random >> 11U) + 1) * 0x1p-53;
}

}  // namespace lowart
