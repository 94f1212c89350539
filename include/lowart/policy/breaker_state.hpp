#pragma once
/// BreakerState: whether a target may be called now. Decides only; time is an argument.

#include <lowart/core/clock.hpp>
#include <lowart/core/result.hpp>
#include <lowart/policy/option_range.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

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
  int failure_percent{0};  ///< Of the last `window` calls, to open. 0 switches it off; 1 to 100.
  int window{100};  ///< Calls that the rate is taken over, 1 to 100'000; it opens on a full window only.
  std::chrono::milliseconds rest{30'000};  ///< Pause before a probe, 0 to 24 h. 0 probes on the next call.
  std::chrono::milliseconds longest_rest{600'000};  ///< Bound on a provider's Retry-After; rest to 24 h.
  friend bool operator==(BreakerOptions const&, BreakerOptions const&) = default;
};

/// What an error says about the target.
enum class BreakerVerdict : std::uint8_t {
  nothing,     ///< The client's fault, or nobody's: counts neither way.
  failure,     ///< One failure.
  open,        ///< No call can succeed for now: opens at once, for the rest.
  open_until,  ///< The target named the time (Error::retry_after): opens until then.
};

constexpr BreakerVerdict verdict(Errc code, bool has_retry_after, bool from_upstream) noexcept {
  switch (code) {
    case Errc::connect_failed:
    case Errc::connect_timeout:
    case Errc::first_token_timeout:
    case Errc::between_tokens_timeout:
    case Errc::whole_timeout:
    case Errc::connection_lost:
    case Errc::malformed_reply:
    case Errc::upstream_failed: return BreakerVerdict::failure;
    case Errc::upstream_auth: return BreakerVerdict::open;
    case Errc::rate_limited:
    case Errc::overloaded:
    case Errc::quota_exceeded:
      if (!from_upstream) return BreakerVerdict::nothing;
      return has_retry_after ? BreakerVerdict::open_until : BreakerVerdict::failure;
    case Errc::too_large: return from_upstream ? BreakerVerdict::failure : BreakerVerdict::nothing;
    default: return BreakerVerdict::nothing;
  }
}

inline BreakerVerdict verdict(Error const& error) noexcept {
  return verdict(error.code(), error.retry_after().count() >= 0, error.origin() == Origin::upstream);
}

/// Remembers how a target did and says whether it may be called.
///
/// closed     calls pass; failures in a row, and optionally the failure rate, are counted
/// open       calls are refused until the rest and the target's own Retry-After are over
/// half_open  one call at a time passes until its answer begins; a complete answer closes, a failure opens
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
  };

  /// Throws std::invalid_argument when an option is out of its range.
  explicit BreakerState(BreakerOptions options = {}) : options_(options) {
    using namespace std::chrono_literals;
    require_option(options.failures >= 0 && options.failures <= 1'000'000,
                   "breaker failures: 0 to 1'000'000");
    require_option(options.failure_percent >= 0 && options.failure_percent <= 100,
                   "breaker failure_percent: 0 to 100");
    require_option(options.window >= 1 && options.window <= 100'000, "breaker window: 1 to 100'000 calls");
    require_option(options.rest >= 0ms && options.rest <= 24h, "breaker rest: 0 to 24 h");
    require_option(options.longest_rest >= options.rest && options.longest_rest <= 24h,
                   "breaker longest_rest: rest to 24 h");
    if (options.failure_percent > 0) window_.resize(static_cast<std::size_t>(options.window));
  }

  /// A pass, or the time to the next probe (rounded up; one second at most while a probe is under way).
  tl::expected<Pass, std::chrono::milliseconds> admit(TimePoint now) {
    std::uint64_t const seen = word_.load(std::memory_order_acquire);
    if (position_of(seen) == BreakerPosition::closed) return Pass{seen, false};
    std::lock_guard const lock(mutex_);
    std::uint64_t const word = word_.load(std::memory_order_relaxed);
    if (position_of(word) == BreakerPosition::closed) return Pass{word, false};
    if (position_of(word) == BreakerPosition::open) {
      if (now < open_until_)
        return tl::unexpected(std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now));
      move_to(BreakerPosition::half_open);
    }
    if (probing_) return tl::unexpected(std::min<std::chrono::milliseconds>(options_.rest, probe_wait));
    probing_ = true;
    return Pass{word_.load(std::memory_order_relaxed), true};
  }

  /// The answer began: the next call may probe. The pass stays to be given back.
  void answered(Pass& pass) {
    if (!pass.holds_probe_slot) return;
    std::lock_guard const lock(mutex_);
    release_slot(pass);
  }

  /// The answer is complete.
  void succeeded(Pass pass) {
    std::uint64_t const seen = word_.load(std::memory_order_acquire);
    if (seen != pass.position_word) return;
    bool const nothing_to_note = failures_in_row_.load(std::memory_order_relaxed) == 0 && window_.empty();
    if (position_of(seen) == BreakerPosition::closed && nothing_to_note) return;
    std::lock_guard const lock(mutex_);
    if (word_.load(std::memory_order_relaxed) != pass.position_word) return;
    release_slot(pass);
    if (position_of(pass.position_word) == BreakerPosition::half_open)
      return move_to(BreakerPosition::closed);
    failures_in_row_.store(0, std::memory_order_relaxed);
    note(false);
  }

  /// The call failed, before or after its answer began.
  void failed(Pass pass, Error const& error, TimePoint now) {
    BreakerVerdict const says = verdict(error);
    if (says == BreakerVerdict::nothing) return withdrawn(pass);
    std::lock_guard const lock(mutex_);
    bool const current = word_.load(std::memory_order_relaxed) == pass.position_word;
    if (current) release_slot(pass);
    if (says == BreakerVerdict::open_until) {
      auto const asked = std::min(error.retry_after(), options_.longest_rest);
      TimePoint const until = now + asked;
      bool const open = position_of(word_.load(std::memory_order_relaxed)) == BreakerPosition::open;
      if (current) open_at(until);
      else if (open) open_until_ = std::max(open_until_, until);
      return;
    }
    if (!current) return;
    bool const half_open = position_of(pass.position_word) == BreakerPosition::half_open;
    int const in_row = failures_in_row_.load(std::memory_order_relaxed) + 1;
    failures_in_row_.store(in_row, std::memory_order_relaxed);
    note(true);
    bool const too_many = options_.failures > 0 && in_row >= options_.failures;
    if (half_open || says == BreakerVerdict::open || too_many || rate_is_too_high())
      open_at(now + options_.rest);
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
    std::fill(window_.begin(), window_.end(), false);
    window_filled_ = window_failures_ = window_next_ = 0;
  }
  void open_at(TimePoint until) {
    move_to(BreakerPosition::open);
    open_until_ = until;
    opened_count_.fetch_add(1, std::memory_order_relaxed);
  }
  void release_slot(Pass& pass) noexcept {
    bool const current = word_.load(std::memory_order_relaxed) == pass.position_word;
    if (pass.holds_probe_slot && current) probing_ = false;
    pass.holds_probe_slot = false;
  }
  void note(bool failure) {
    if (window_.empty()) return;
    if (window_filled_ == window_.size()) window_failures_ -= window_[window_next_] ? 1U : 0U;
    else ++window_filled_;
    window_[window_next_] = failure;
    window_failures_ += failure ? 1U : 0U;
    window_next_ = (window_next_ + 1) % window_.size();
  }
  bool rate_is_too_high() const noexcept {
    if (window_.empty() || window_filled_ < window_.size()) return false;
    return window_failures_ * 100 >= static_cast<std::size_t>(options_.failure_percent) * window_.size();
  }

  BreakerOptions const options_;
  std::atomic<std::uint64_t> word_{0};  ///< Moves made so far, and the position in the low two bits.
  std::atomic<int> failures_in_row_{0};
  std::atomic<std::uint64_t> opened_count_{0};
  std::mutex mutex_;
  TimePoint open_until_{};
  bool probing_{false};
  std::vector<bool> window_;  ///< A ring of outcomes, true is a failure; empty when the rate is off.
  std::size_t window_next_{0};
  std::size_t window_filled_{0};
  std::size_t window_failures_{0};
};

}  // namespace lowart
