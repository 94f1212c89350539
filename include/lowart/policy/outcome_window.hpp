#pragma once
/// OutcomeWindow: how many of the last calls went badly. Decides nothing; time is an argument.

#include <lowart/core/clock.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lowart {

/// What a window holds.
struct OutcomeCount {
  std::size_t calls{0};
  std::size_t bad{0};

  /// Whether at least `percent` of at least `least` calls were bad.
  bool reaches(int percent, std::size_t least) const noexcept {
    return calls >= least && bad * 100 >= static_cast<std::size_t>(percent) * calls;
  }
};

/// The outcomes of the last calls: of so many, or of so much time.
///
/// Not safe for several threads; whoever holds it has the lock. Noting and counting cost the same, however long the
/// window is.
class OutcomeWindow {
 public:
  /// Counts nothing.
  OutcomeWindow() = default;
  /// The last `calls` calls, at least one.
  static OutcomeWindow of_calls(std::size_t calls) {
    OutcomeWindow window;
    window.ring_.resize(calls);
    return window;
  }
  /// The calls of the last `span`. Forgets a sixteenth of it at a time, so that a call counts for `span` at most and
  /// for fifteen sixteenths of it at least.
  static OutcomeWindow of_time(std::chrono::milliseconds span) {
    OutcomeWindow window;
    window.slice_ = std::chrono::nanoseconds(span) / slices;
    return window;
  }

  bool counts() const noexcept { return !ring_.empty() || slice_.count() > 0; }

  void note(TimePoint now, bool bad) noexcept {
    if (!ring_.empty()) return note_in_ring(bad);
    if (slice_.count() == 0) return;
    forget(now);
    OutcomeCount& slice = by_time_[static_cast<std::size_t>(newest_) % slices];
    for (OutcomeCount* const count : {&slice, &all_}) {
      ++count->calls;
      count->bad += bad ? 1U : 0U;
    }
  }
  OutcomeCount count(TimePoint now) noexcept {
    if (slice_.count() > 0) forget(now);
    return all_;
  }
  void clear() noexcept {
    all_ = {};
    by_time_.fill({});
    next_ = 0;
  }

 private:
  static constexpr std::size_t slices = 16;

  void note_in_ring(bool bad) noexcept {
    if (all_.calls == ring_.size()) all_.bad -= ring_[next_] ? 1U : 0U;
    else ++all_.calls;
    ring_[next_] = bad;
    all_.bad += bad ? 1U : 0U;
    next_ = (next_ + 1) % ring_.size();
  }
  void forget(TimePoint now) noexcept {
    std::int64_t const at = now.time_since_epoch() / slice_;
    // News from another loop may be a little older than what was noted last: it counts with that.
    for (std::size_t passed = 0; newest_ < at && passed < slices; ++passed) {
      OutcomeCount& oldest = by_time_[static_cast<std::size_t>(++newest_) % slices];
      all_.calls -= oldest.calls;
      all_.bad -= oldest.bad;
      oldest = {};
    }
    if (newest_ < at) newest_ = at;
  }

  OutcomeCount all_;
  std::vector<bool> ring_;  ///< True is bad; empty when time counts.
  std::size_t next_{0};
  std::chrono::nanoseconds slice_{0};
  std::array<OutcomeCount, slices> by_time_{};
  std::int64_t newest_{0};  ///< The number of the newest slice since the clock's beginning.
};

}  // namespace lowart
