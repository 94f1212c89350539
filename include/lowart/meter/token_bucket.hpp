#pragma once
/// TokenBucket: how much of a rate is left. Pure integers; time is an argument.

#include <lowart/core/clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace lowart {

/// Fills steadily at `capacity` per `period`, holds at most `capacity`, begins full. In any span t it gives
/// at most capacity * (1 + t / period). A charge may take it below zero: that debt is worked off before
/// anything is given.
///
/// Not thread-safe. Time that runs backwards counts as standing still.
class TokenBucket {
 public:
  /// capacity: 1 to 1e15. period: 1 ns to 24 h.
  TokenBucket(std::int64_t capacity, Duration period, TimePoint now) noexcept
      : capacity_(std::clamp<std::int64_t>(capacity, 1, most)),
        period_(std::clamp<Duration>(period, Duration{1}, std::chrono::hours(24))),
        level_(capacity_),
        filled_at_(now) {}

  std::int64_t capacity() const noexcept { return capacity_; }
  /// Could `amount` ever be taken?
  bool can_hold(std::int64_t amount) const noexcept { return amount <= capacity_; }

  /// What is there now; negative is debt.
  std::int64_t level(TimePoint now) noexcept {
    fill(now);
    return level_;
  }
  /// What can be taken now.
  std::int64_t remaining(TimePoint now) noexcept { return std::max<std::int64_t>(level(now), 0); }

  /// Takes all of `amount` or nothing.
  bool take(std::int64_t amount, TimePoint now) noexcept {
    fill(now);
    if (amount > level_) return false;
    level_ -= std::max<std::int64_t>(amount, 0);
    return true;
  }
  /// Returns what was taken and not used. It never holds more than its capacity.
  void give_back(std::int64_t amount) noexcept {
    level_ = std::min(capacity_, level_ + std::clamp<std::int64_t>(amount, 0, most));
    if (level_ == capacity_) part_ = 0;
  }
  /// Takes `amount` even when it is not there.
  void charge(std::int64_t amount) noexcept {
    level_ = std::max(-most, level_ - std::clamp<std::int64_t>(amount, 0, most));
  }

  /// Time until `amount` can be taken, when nobody else takes any; Duration::max() when it never can.
  Duration until(std::int64_t amount, TimePoint now) noexcept {
    fill(now);
    if (amount > capacity_) return Duration::max();
    return amount <= level_ ? Duration::zero() : time_for(amount - level_);
  }
  /// Time until it is full.
  Duration until_full(TimePoint now) noexcept { return until(capacity_, now); }

  /// A new capacity; what has been used stays used.
  void resize(std::int64_t capacity, TimePoint now) noexcept {
    fill(now);
    std::int64_t const wanted = std::clamp<std::int64_t>(capacity, 1, most);
    level_ = std::max(-most, level_ + (wanted - capacity_));
    capacity_ = wanted;
    part_ = 0;
  }

 private:
  // 1e15 tokens * 24 h in ns is 8.6e28: the products need more than 64 bits.
  __extension__ using Wide = __int128;
  static constexpr std::int64_t most = 1'000'000'000'000'000;

  /// Most are small enough for the processor's own division.
  static Wide quotient(Wide dividend, std::int64_t divisor) noexcept {
    auto const small = static_cast<std::int64_t>(dividend);
    return small == dividend ? Wide{small / divisor} : dividend / divisor;
  }
  void fill(TimePoint now) noexcept {
    if (now <= filled_at_) return;
    Wide const gained = Wide{(now - filled_at_).count()} * capacity_ + part_;
    filled_at_ = now;
    Wide const whole = quotient(gained, period_.count());
    Wide const level = level_ + whole;
    part_ = static_cast<std::int64_t>(gained - whole * period_.count());
    if (level < capacity_) {
      level_ = static_cast<std::int64_t>(level);
      return;
    }
    level_ = capacity_;
    part_ = 0;
  }
  Duration time_for(std::int64_t missing) const noexcept {
    Wide const needed = Wide{missing} * period_.count() - part_;
    Wide const nanos = quotient(needed + capacity_ - 1, capacity_);
    constexpr auto longest = std::numeric_limits<Duration::rep>::max();
    return Duration(nanos > longest ? longest : static_cast<Duration::rep>(nanos));
  }

  std::int64_t capacity_;
  Duration period_;
  std::int64_t level_;
  std::int64_t part_{0};  ///< What has run in beyond whole units, in units of 1/period.
  TimePoint filled_at_;
};

}  // namespace lowart
