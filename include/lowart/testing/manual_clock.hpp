#pragma once
/// ManualClock: time that a test turns by hand.

#include <lowart/core/call.hpp>
#include <lowart/core/clock.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lowart::testing {

/// Time stands still until advance(). It rings the alarms and wakes the sleepers that are due; woken
/// coroutines run when the test runs its io_context next.
///
/// Begins one hour after the steady clock's epoch, and at 2026-01-01 00:00 UTC. Used on one thread.
class ManualClock final : public Clock {
 public:
  /// Alarms ring in steps of this much, as under LoopClock, so that two alarms ring in the order of their
  /// times.
  static constexpr std::chrono::milliseconds tick{50};

  TimePoint now() const noexcept override { return now_; }
  std::int64_t utc_micros() const noexcept override {
    auto const passed = std::chrono::duration_cast<std::chrono::microseconds>(now_ - beginning);
    return 1'767'225'600'000'000 + passed.count();
  }

  /// Returns true when the time has passed, false when the call was interrupted first.
  Task<bool> sleep(Duration duration, Call& call) override {
    if (call.interruption()) co_return false;
    if (duration <= Duration::zero()) co_return true;
    Sleeper sleeper(*this, duration, call);
    InterruptHook hook(
        call, [](void* timer) { static_cast<asio::steady_timer*>(timer)->cancel(); }, &sleeper.timer);
    co_await sleeper.timer.async_wait(asio::as_tuple(asio::deferred));
    co_return sleeper.woken && !call.interruption();
  }

  /// Moves time on, without running anything but the alarms' own callbacks.
  void advance(Duration duration) {
    TimePoint const until = now_ + duration;
    while (now_ < until) {
      now_ = std::min<TimePoint>(now_ + tick, until);
      ring(now_);
      wake();
    }
  }
  /// Whether anything waits for time to pass.
  bool is_awaited() const noexcept { return first_ != nullptr || has_alarms(); }
  std::size_t sleepers() const noexcept {
    std::size_t count = 0;
    for (auto const* s = first_; s != nullptr; s = s->next) ++count;
    return count;
  }

 private:
  static constexpr TimePoint beginning{std::chrono::hours(1)};

  struct Sleeper {
    Sleeper(ManualClock& c, Duration duration, Call& call)
        : clock(c), timer(call.executor(), TimePoint::max()), next(c.first_) {
      Duration const left = TimePoint::max() - c.now_;
      at = duration < left ? c.now_ + duration : TimePoint::max();
      if (next != nullptr) next->previous = this;
      c.first_ = this;
    }
    ~Sleeper() {
      if (previous != nullptr) previous->next = next;
      else clock.first_ = next;
      if (next != nullptr) next->previous = previous;
    }
    Sleeper(Sleeper const&) = delete;
    Sleeper& operator=(Sleeper const&) = delete;

    ManualClock& clock;
    asio::steady_timer timer;
    TimePoint at;
    bool woken{false};
    Sleeper* next;
    Sleeper* previous{nullptr};
  };

  void wake() {
    for (Sleeper* sleeper = first_; sleeper != nullptr; sleeper = sleeper->next) {
      if (sleeper->at > now_ || sleeper->woken) continue;
      sleeper->woken = true;
      sleeper->timer.cancel();
    }
  }

  TimePoint now_{beginning};
  Sleeper* first_{nullptr};
};

}  // namespace lowart::testing
