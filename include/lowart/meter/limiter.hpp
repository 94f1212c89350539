#pragma once
/// Limiter: lets calls in. Reserves an estimate in one step over all limits, settles the rest at the end.

#include <lowart/core/admission.hpp>
#include <lowart/core/clock.hpp>
#include <lowart/core/result.hpp>
#include <lowart/meter/token_bucket.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// What one key may use, or one provider be asked. 0 or less: unlimited.
struct Limits {
  std::int64_t rpm{0};          ///< Requests per minute.
  std::int64_t tpm{0};          ///< Tokens per minute, input and output together.
  std::int64_t concurrency{0};  ///< Calls at the same time.
  bool none() const noexcept { return rpm <= 0 && tpm <= 0 && concurrency <= 0; }
  friend bool operator==(Limits const&, Limits const&) = default;
};

/// The state of one limit, as the x-ratelimit-* fields tell it.
struct LimitWindow {
  std::int64_t limit{0};  ///< 0: unlimited, and the rest says nothing.
  std::int64_t remaining{0};
  std::chrono::milliseconds reset{0};  ///< Until it is all there again, rounded up.
};
struct LimitSnapshot {
  LimitWindow requests;
  LimitWindow tokens;
  std::int64_t running{0};      ///< Calls in flight.
  std::int64_t concurrency{0};  ///< 0: unlimited.
};

/// The limits of one key or provider and what is used of them. Must outlive the calls it let in.
///
/// Concurrency: any thread; one short lock per call at its start and one at its end.
class LimitState final : public Ledger {
 public:
  LimitState(Limits limits, TimePoint now) : limits_(limits) { set(limits, now); }

  /// Takes over new limits; what is used stays used. For a configuration that was reloaded.
  void change(Limits limits, TimePoint now) {
    std::lock_guard const lock(mutex_);
    set(limits, now);
  }

  LimitSnapshot snapshot(TimePoint now) const {
    std::lock_guard const lock(mutex_);
    return look(now);
  }

  /// Takes one request, one place and `tokens` (0 or more) from all limits, or from none and says why: rate_limited with
  /// a true retry_after, or too_large when the limit can never hold so many. Origin client: see Limiter, which makes
  /// Admissions of it. What is taken must be settled or withdrawn, once. `left`, unless null, is told how it is then.
  std::optional<Error> reserve(TimePoint now, std::int64_t tokens, LimitSnapshot* left = nullptr) {
    std::lock_guard const lock(mutex_);
    std::optional<Error> refused = take(now, tokens);
    if (left != nullptr) *left = look(now);
    return refused;
  }
  /// Gives all of a reservation back: nothing was sent, so nothing was asked.
  void withdraw(std::int64_t tokens) noexcept {
    std::lock_guard const lock(mutex_);
    --running_;
    if (requests_) requests_->give_back(1);
    if (tokens_) tokens_->give_back(tokens);
  }

  /// Ends a call: frees its place, returns the tokens it reserved and did not use, charges those it used
  /// beyond. The request itself stays counted, whatever became of it.
  void settle(std::int64_t reserved_tokens, std::int64_t used_tokens) noexcept override {
    std::lock_guard const lock(mutex_);
    --running_;
    if (!tokens_) return;
    if (used_tokens < reserved_tokens)
      tokens_->give_back(reserved_tokens - std::max<std::int64_t>(used_tokens, 0));
    else tokens_->charge(used_tokens - reserved_tokens);
  }

 private:
  static constexpr std::chrono::minutes period{1};
  /// No one knows when a running call ends.
  static constexpr std::chrono::milliseconds wait_for_a_place{1'000};

  std::optional<Error> take(TimePoint now, std::int64_t tokens) {
    if (tokens_ && !tokens_->can_hold(tokens)) return never(tokens);
    bool const full = limits_.concurrency > 0 && running_ >= limits_.concurrency;
    Duration const until_request = requests_ ? requests_->until(1, now) : Duration::zero();
    Duration const until_tokens = tokens_ ? tokens_->until(tokens, now) : Duration::zero();
    if (until_request > Duration::zero() && until_request >= until_tokens)
      return later("requests per minute", *requests_, 1, until_request, now);
    if (until_tokens > Duration::zero())
      return later("tokens per minute", *tokens_, tokens, until_tokens, now);
    if (full) return crowded();
    if (requests_) requests_->take(1, now);
    if (tokens_) tokens_->take(tokens, now);
    ++running_;
    return std::nullopt;
  }
  LimitSnapshot look(TimePoint now) const {
    LimitSnapshot all;
    all.requests = window(requests_, now);
    all.tokens = window(tokens_, now);
    all.running = running_;
    all.concurrency = std::max<std::int64_t>(limits_.concurrency, 0);
    return all;
  }

  void set(Limits limits, TimePoint now) {
    limits_ = limits;
    resize(requests_, limits.rpm, now);
    resize(tokens_, limits.tpm, now);
  }
  static void resize(std::optional<TokenBucket>& bucket, std::int64_t limit, TimePoint now) {
    if (limit <= 0) bucket.reset();
    else if (bucket) bucket->resize(limit, now);
    else bucket.emplace(limit, period, now);
  }
  static LimitWindow window(std::optional<TokenBucket> bucket, TimePoint now) {
    LimitWindow window;
    if (!bucket) return window;
    window.limit = bucket->capacity();
    window.remaining = bucket->remaining(now);
    window.reset = std::chrono::ceil<std::chrono::milliseconds>(bucket->until_full(now));
    return window;
  }

  static Error refusal(Errc code, std::string message) {
    return Error(code, std::move(message), Origin::client);
  }
  Error never(std::int64_t tokens) const {
    return refusal(Errc::too_large, "the request reserves " + std::to_string(tokens) +
                                        " tokens, more than the limit of " +
                                        std::to_string(tokens_->capacity()) +
                                        " tokens per minute can ever hold; shorten it or lower max_tokens");
  }
  static Error later(std::string_view what, TokenBucket& bucket, std::int64_t wanted, Duration wait,
                     TimePoint now) {
    auto const wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait);
    auto const reset_ms = std::chrono::ceil<std::chrono::milliseconds>(bucket.until_full(now));
    std::string message = "the limit of " + std::to_string(bucket.capacity()) + ' ' + std::string(what) +
                          " is reached: used " + std::to_string(bucket.capacity() - bucket.level(now)) +
                          ", requested " + std::to_string(wanted) + "; try again in " +
                          std::to_string(wait_ms.count()) + " ms, all of it is back in " +
                          std::to_string(reset_ms.count()) + " ms";
    return refusal(Errc::rate_limited, std::move(message)).with_retryable(true).with_retry_after(wait_ms);
  }
  Error crowded() const {
    std::string message = "the limit of " + std::to_string(limits_.concurrency) +
                          " calls at the same time is reached: " + std::to_string(running_) +
                          " are running; try again when one has ended";
    return refusal(Errc::rate_limited, std::move(message))
        .with_retryable(true)
        .with_retry_after(wait_for_a_place);
  }

  mutable std::mutex mutex_;
  Limits limits_;
  std::optional<TokenBucket> requests_;
  std::optional<TokenBucket> tokens_;
  std::int64_t running_{0};
};

/// The only maker of Admissions: what is sent upstream has passed here.
class Limiter {
 public:
  /// Reserves one request, one place and `reserve_tokens` (an estimate of input and output, 0 or more) in one
  /// step.
  ///
  /// Errors (origin client): rate_limited, saying which limit, how much of it is used, when it resets, with a
  /// true retry_after (one second when all places are taken, because no one knows when a call ends).
  /// too_large when the reservation is more than the limit can ever hold: waiting does not help.
  ///
  /// Dropping the admission unsettled returns place and tokens. The request stays counted against rpm: what
  /// is refused or fails upstream was asked for all the same, and a client that hammers a broken route is
  /// still limited.
  /// `left`, unless null, is told what is left of the limits then.
  static Result<Admission> admit(LimitState& state, TimePoint now, std::int64_t reserve_tokens,
                                 LimitSnapshot* left = nullptr) {
    std::int64_t const tokens = std::max<std::int64_t>(reserve_tokens, 0);
    if (std::optional<Error> refused = state.reserve(now, tokens, left)) return fail(*std::move(refused));
    return Admission(&state, tokens);
  }

  /// For in-process use, where the program that asks is the one that pays.
  static Admission unlimited() noexcept { return Admission(nullptr, 0); }
};

}  // namespace lowart
