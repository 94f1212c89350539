#pragma once
/// LatencyQuantile: within which time the better part of answers begins. Decides only; time is an argument.

#include <lowart/core/clock.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>

namespace lowart {

/// A histogram of latencies whose older part fades: by half in half an hour, and with each newer one, so that it holds
/// what some 500 of them say. Its 80 steps grow by a fifth each, from 1 ms to 17 min; 680 bytes.
///
/// Not thread-safe; time is an argument.
class LatencyQuantile {
 public:
  static constexpr std::chrono::minutes half_life{30};
  static constexpr double most_samples = 500;

  void observe(Duration latency, TimePoint now) noexcept {
    double const left = fading(now) * (1 - 1 / most_samples);
    for (double& count : counts_) count *= left;
    ++counts_[step_of(latency)];
    at_ = std::max(at_, now);
  }
  /// How many it goes by; those that have faded count less.
  double samples(TimePoint now) const noexcept { return all() * fading(now); }
  /// The latency that this `share` (0 to 1) of answers kept, rounded up to the end of its step; nullopt when nothing is
  /// known.
  std::optional<Duration> at(double share) const noexcept {
    double left = all() * share;
    if (left <= 0) return std::nullopt;
    std::size_t step = 0;
    while (step + 1 < steps && left > counts_[step]) left -= counts_[step++];
    return end_of(step);
  }

 private:
  static constexpr std::size_t steps = 80;
  static constexpr double steps_per_doubling = 4;

  static std::size_t step_of(Duration latency) noexcept {
    double const ms = std::chrono::duration<double, std::milli>(latency).count();
    if (ms <= 1) return 0;
    double const step = std::ceil(std::log2(ms) * steps_per_doubling) - 1;
    return static_cast<std::size_t>(std::clamp(step, 0.0, static_cast<double>(steps - 1)));
  }
  static Duration end_of(std::size_t step) noexcept {
    double const ms = std::exp2(static_cast<double>(step + 1) / steps_per_doubling);
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
  }
  double all() const noexcept {
    double sum = 0;
    for (double const count : counts_) sum += count;
    return sum;
  }
  double fading(TimePoint now) const noexcept {
    if (now <= at_) return 1;
    return std::exp2(-std::chrono::duration<double>(now - at_) / std::chrono::duration<double>(half_life));
  }

  std::array<double, steps> counts_{};
  TimePoint at_{};
};

}  // namespace lowart
