#pragma once
/// BreakerState: whether a target may be called now. Decides only; time is an argument.

#include <lowart/core/clock.hpp>
#include <lowart/core/result.hpp>
#include <lowart/policy/breaker_verdict.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/outcome_window.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace lowart {

/// Words of an electrical breaker: closed means calls pass.
enum class BreakerPosition : std::uint8_t { closed, open, half_open };

constexpr std::string_view to_string(BreakerPosition position) noexcept {
  switch (position) {
    case BreakerPosition::closed: return "closed";
    case BreakerPosition::open: return "open";
    case BreakerPosition::half_open: return "half_open";
  }
  return "closed";
}

struct BreakerOptions {
  int failures{5};         ///< In a row, to open. 0 switches it off; at most 1'000'000.
  int failure_percent{0};  ///< Of the calls in the window, to open. 0 switches it off; 1 to 100.
  int slow_percent{0};     ///< Of the answers in the window that began late, to open. 0: off; 1 to 100.
  std::chrono::milliseconds slow{10'000};    ///< From when an answer begins late, 1 ms to 24 h; 50 ms exact.
  int window{100};                           ///< Calls that the rates are taken over, 1 to 100'000.
  std::chrono::milliseconds window_time{0};  ///< Set: those of this time instead, 1 s to 24 h.
  int minimum_calls{
      20};  ///< No rate of fewer calls opens it, 1 to 100'000; a shorter window when it is full.
  std::chrono::milliseconds rest{30'000};  ///< Pause before a probe, 0 to 24 h. 0 probes on the next call.
  std::chrono::milliseconds longest_rest{600'000};  ///< Bound on a provider's Retry-After; rest to 24 h.
  BreakerScope scope{};                             ///< Whose errors count here.
  friend bool operator==(BreakerOptions const&, BreakerOptions const&) = default;
};

/// What an operator sees of a breaker.
struct BreakerView {
  BreakerPosition position{BreakerPosition::closed};
  std::chrono::milliseconds opens_in{0};  ///< Until a probe may pass; 0 unless open.
  std::uint64_t opened_count{0};
  std::optional<Errc>
      opened_by;  ///< What opened it last; empty: it never opened, or was opened by slow answers.
  int failures_in_row{0};
  OutcomeCount failures;  ///< Of the window; nothing where the rate is off.
  OutcomeCount slow;
};

/// Remembers how a target did and says whether it may be called.
///
/// closed     calls pass; failures in a row, and optionally the rates of failures and of slow answers, are counted
/// open       calls are refused until the rest and the target's own Retry-After are over
/// half_open  one call at a time passes until its answer begins; a complete answer closes; a failure, or an answer
///            that begins late where their rate counts, opens
///
/// A stream takes minutes, so a probe holds the slot only up to its commit point; how it ends still counts.
/// What a call admitted under an earlier position reports is ignored, except a Retry-After that lasts longer.
///
/// Concurrency: any thread. Cost while closed and healthy: two atomic loads per call, no lock.
class BreakerState {
 public:
  /// The right to make one call. Give each back exactly once: succeeded(), failed() or withdrawn().
  struct Pass {
    std::uint64_t position_word{0};
    bool holds_probe_slot{false};
    TimePoint admitted_at{};
  };

  /// Throws std::invalid_argument when an option is out of its range.
  explicit BreakerState(BreakerOptions options = {}) : options_(options) {
    using namespace std::chrono_literals;
    require_option(options.failures >= 0 && options.failures <= 1'000'000,
                   "breaker failures: 0 to 1'000'000");
    require_option(options.failure_percent >= 0 && options.failure_percent <= 100,
                   "breaker failure_percent: 0 to 100");
    require_option(options.slow_percent >= 0 && options.slow_percent <= 100,
                   "breaker slow_percent: 0 to 100");
    require_option(options.slow >= 1ms && options.slow <= 24h, "breaker slow: 1 ms to 24 h");
    require_option(options.window >= 1 && options.window <= 100'000, "breaker window: 1 to 100'000 calls");
    require_option(options.window_time == 0ms || (options.window_time >= 1s && options.window_time <= 24h),
                   "breaker window_time: 1 s to 24 h, or 0");
    require_option(options.minimum_calls >= 1 && options.minimum_calls <= 100'000,
                   "breaker minimum_calls: 1 to 100'000");
    require_option(options.rest >= 0ms && options.rest <= 24h, "breaker rest: 0 to 24 h");
    require_option(options.longest_rest >= options.rest && options.longest_rest <= 24h,
                   "breaker longest_rest: rest to 24 h");
    if (options.failure_percent > 0) failures_ = new_window();
    if (options.slow_percent > 0) slow_ = new_window();
  }

  /// A pass, or the time to the next probe (rounded up; one second at most while a probe is under way).
  tl::expected<Pass, std::chrono::milliseconds> admit(TimePoint now) {
    std::uint64_t const seen = word_.load(std::memory_order_acquire);
    if (position_of(seen) == BreakerPosition::closed) return Pass{seen, false, now};
    std::lock_guard const lock(mutex_);
    std::uint64_t const word = word_.load(std::memory_order_relaxed);
    if (position_of(word) == BreakerPosition::closed) return Pass{word, false, now};
    if (position_of(word) == BreakerPosition::open) {
      if (now < open_until_)
        return tl::unexpected(std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now));
      move_to(BreakerPosition::half_open);
    }
    if (probing_) return tl::unexpected(std::min<std::chrono::milliseconds>(options_.rest, probe_wait));
    probing_ = true;
    return Pass{word_.load(std::memory_order_relaxed), true, now};
  }

  /// The answer began: the next call may probe. The pass stays to be given back.
  void answered(Pass& pass, TimePoint now) {
    if (!pass.holds_probe_slot && !slow_.counts()) return;
    std::lock_guard const lock(mutex_);
    bool const probes = release_slot(pass);
    if (word_.load(std::memory_order_relaxed) != pass.position_word || !slow_.counts()) return;
    bool const late = now - pass.admitted_at >= options_.slow;
    slow_.note(now, late);
    bool const too_often = slow_.count(now).reaches(options_.slow_percent, least_calls());
    if (late && (probes || too_often)) open_at(now + options_.rest, std::nullopt);
  }

  /// The answer is complete.
  void succeeded(Pass pass, TimePoint now) {
    std::uint64_t const seen = word_.load(std::memory_order_acquire);
    if (seen != pass.position_word) return;
    bool const nothing_to_note = failures_in_row_.load(std::memory_order_relaxed) == 0 && !failures_.counts();
    if (position_of(seen) == BreakerPosition::closed && nothing_to_note) return;
    std::lock_guard const lock(mutex_);
    if (word_.load(std::memory_order_relaxed) != pass.position_word) return;
    release_slot(pass);
    if (position_of(pass.position_word) == BreakerPosition::half_open)
      return move_to(BreakerPosition::closed);
    failures_in_row_.store(0, std::memory_order_relaxed);
    failures_.note(now, false);
  }

  /// The call failed, before or after its answer began.
  void failed(Pass pass, Error const& error, TimePoint now) {
    BreakerVerdict const says = options_.scope.covers(error) ? verdict(error) : BreakerVerdict::nothing;
    if (says == BreakerVerdict::nothing) return withdrawn(pass);
    std::lock_guard const lock(mutex_);
    bool const current = word_.load(std::memory_order_relaxed) == pass.position_word;
    if (current) release_slot(pass);
    if (says == BreakerVerdict::open_until) {
      auto const asked = std::min(error.retry_after(), options_.longest_rest);
      TimePoint const until = now + asked;
      bool const open = position_of(word_.load(std::memory_order_relaxed)) == BreakerPosition::open;
      if (current) open_at(until, error.code());
      else if (open) open_until_ = std::max(open_until_, until);
      return;
    }
    if (!current) return;
    bool const half_open = position_of(pass.position_word) == BreakerPosition::half_open;
    int const in_row = failures_in_row_.load(std::memory_order_relaxed) + 1;
    failures_in_row_.store(in_row, std::memory_order_relaxed);
    failures_.note(now, true);
    bool const in_a_row = options_.failures > 0 && in_row >= options_.failures;
    bool const too_often =
        failures_.counts() && failures_.count(now).reaches(options_.failure_percent, least_calls());
    if (half_open || says == BreakerVerdict::open || in_a_row || too_often)
      open_at(now + options_.rest, error.code());
  }

  /// The call says nothing about the target: it was dropped, cancelled, or the client's fault.
  void withdrawn(Pass pass) {
    if (!pass.holds_probe_slot) return;
    std::lock_guard const lock(mutex_);
    if (word_.load(std::memory_order_relaxed) == pass.position_word) release_slot(pass);
  }

  /// For metrics. An open breaker whose rest is over stays open until a call asks.
  BreakerPosition position() const noexcept { return position_of(word_.load(std::memory_order_relaxed)); }
  /// How often it has opened; for metrics.
  std::uint64_t opened_count() const noexcept { return opened_count_.load(std::memory_order_relaxed); }
  BreakerOptions const& options() const noexcept { return options_; }
  /// All of it at one moment.
  BreakerView view(TimePoint now) {
    std::lock_guard const lock(mutex_);
    BreakerView view;
    view.position = position();
    if (view.position == BreakerPosition::open && open_until_ > now)
      view.opens_in = std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now);
    view.opened_count = opened_count();
    view.opened_by = opened_by_;
    view.failures_in_row = failures_in_row_.load(std::memory_order_relaxed);
    view.failures = failures_.count(now);
    view.slow = slow_.count(now);
    return view;
  }

 private:
  /// A caller that is refused because of a running probe need not wait a whole rest: the probe soon tells.
  static constexpr std::chrono::milliseconds probe_wait{1'000};

  static constexpr BreakerPosition position_of(std::uint64_t word) noexcept {
    return static_cast<BreakerPosition>(word & 3U);
  }
  // The word counts the moves, so that a pass from before a move is told from one after it.
  void move_to(BreakerPosition position) {
    std::uint64_t const moves = (word_.load(std::memory_order_relaxed) >> 2U) + 1;
    word_.store((moves << 2U) | static_cast<std::uint64_t>(position), std::memory_order_release);
    probing_ = false;
    failures_in_row_.store(0, std::memory_order_relaxed);
    failures_.clear();
    slow_.clear();
  }
  void open_at(TimePoint until, std::optional<Errc> why) {
    move_to(BreakerPosition::open);
    opened_by_ = why;
    open_until_ = until;
    opened_count_.fetch_add(1, std::memory_order_relaxed);
  }
  /// Whether there was one to release.
  bool release_slot(Pass& pass) noexcept {
    bool const current = word_.load(std::memory_order_relaxed) == pass.position_word;
    bool const held = std::exchange(pass.holds_probe_slot, false) && current;
    if (held) probing_ = false;
    return held;
  }
  OutcomeWindow new_window() const {
    if (options_.window_time.count() > 0) return OutcomeWindow::of_time(options_.window_time);
    return OutcomeWindow::of_calls(static_cast<std::size_t>(options_.window));
  }
  std::size_t least_calls() const noexcept {
    bool const by_time = options_.window_time.count() > 0;
    int const least = by_time ? options_.minimum_calls : std::min(options_.minimum_calls, options_.window);
    return static_cast<std::size_t>(least);
  }

  BreakerOptions const options_;
  std::atomic<std::uint64_t> word_{0};  ///< Moves made so far, and the position in the low two bits.
  std::atomic<int> failures_in_row_{0};
  std::atomic<std::uint64_t> opened_count_{0};
  std::mutex mutex_;
  TimePoint open_until_{};
  bool probing_{false};
  OutcomeWindow failures_;
  OutcomeWindow slow_;
  std::optional<Errc> opened_by_;
};

}  // namespace lowart
