#pragma once
/// CallBudget: how many calls beside those that are asked for the recent traffic has paid for. Decides only.

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace lowart {

/// Each call pays in a fraction of one more call, each further one takes a whole. Any thread; lock-free.
class CallBudget {
 public:
  /// `percent`: hundredths of a call that each call pays in. `reserve`: calls that it holds at most, and begins with.
  CallBudget(int percent, int reserve) noexcept
      : deposit_(percent), capacity_(std::int64_t{reserve} * whole), level_(capacity_) {}

  /// A call began.
  void deposit() noexcept { add(deposit_); }
  /// True when a further call may be made; it is then paid.
  bool withdraw() noexcept {
    std::int64_t level = level_.load(std::memory_order_relaxed);
    while (level >= whole)
      if (level_.compare_exchange_weak(level, level - whole, std::memory_order_relaxed)) return true;
    return false;
  }
  /// What was paid was not made.
  void give_back() noexcept { add(whole); }
  /// Whole calls left; for metrics.
  std::int64_t left() const noexcept { return level_.load(std::memory_order_relaxed) / whole; }

 private:
  static constexpr std::int64_t whole = 100;

  void add(std::int64_t much) noexcept {
    std::int64_t level = level_.load(std::memory_order_relaxed);
    while (level < capacity_ && !level_.compare_exchange_weak(level, std::min(level + much, capacity_),
                                                              std::memory_order_relaxed)) {
    }
  }

  std::int64_t const deposit_;
  std::int64_t const capacity_;
  std::atomic<std::int64_t> level_;
};

}  // namespace lowart
