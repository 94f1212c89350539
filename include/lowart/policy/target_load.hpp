#pragma once
/// TargetLoad: how busy and how slow a target is. PeakEwma: the latency that one should expect. Decide only.

#include <lowart/core/clock.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <mutex>

namespace lowart {

/// A moving average of latencies that believes bad news at once and good news slowly ("peak EWMA" of Finagle): a worse
/// latency replaces it, a better one pulls it down by the time that has passed. It fades while nothing is measured, so
/// that a target which was slow gets another chance.
///
/// Not thread-safe; time is an argument.
class PeakEwma {
 public:
  static constexpr std::chrono::seconds decay{10};  ///< After so long without news, 37 % of it is left.

  void observe(Duration latency, TimePoint now) noexcept {
    double const seen = std::max(seconds(latency), 0.0);
    double const left = fading(now);
    value_ = seen > value_ * left ? seen : value_ * left + seen * (1 - left);
    at_ = std::max(at_, now);
    known_ = true;
  }
  bool known() const noexcept { return known_; }
  /// In seconds; 0 when nothing was measured yet.
  double value(TimePoint now) const noexcept { return value_ * fading(now); }

 private:
  static double seconds(Duration d) noexcept { return std::chrono::duration<double>(d).count(); }
  double fading(TimePoint now) const noexcept {
    return now <= at_ ? 1.0 : std::exp(-seconds(now - at_) / seconds(decay));
  }

  double value_{0};
  TimePoint at_{};
  bool known_{false};
};

/// The calls of one target: how many run, and how long answers take to begin.
///
/// Concurrency: any thread; one short lock when an answer begins or fails, and when the latency is asked for.
class TargetLoad {
 public:
  /// What a failure counts as: a target that refuses at once must not look quick.
  static constexpr std::chrono::seconds failure_latency{5};

  void begin() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void end() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  std::int64_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

  /// An answer began this long after it was asked for.
  void answered(Duration latency, TimePoint now) noexcept { observe(latency, now); }
  /// There is no answer, and the target is to blame.
  void failed(Duration after, TimePoint now) noexcept {
    observe(std::max<Duration>(after, failure_latency), now);
  }

  /// The latency to expect, in seconds.
  double latency(TimePoint now) const noexcept {
    std::lock_guard const lock(mutex_);
    return latency_.value(now);
  }
  /// What one more call costs: the latency to expect, for everyone who is there. A target of which nothing is known
  /// gets its first call at once, and no second one before that has told.
  double cost(TimePoint now) const noexcept {
    auto const here = static_cast<double>(in_flight());
    std::lock_guard const lock(mutex_);
    if (!latency_.known()) return here * std::chrono::duration<double>(failure_latency).count();
    return latency_.value(now) * (here + 1);
  }

 private:
  void observe(Duration latency, TimePoint now) noexcept {
    std::lock_guard const lock(mutex_);
    latency_.observe(latency, now);
  }

  std::atomic<std::int64_t> in_flight_{0};
  mutable std::mutex mutex_;
  PeakEwma latency_;
};

}  // namespace lowart
