#pragma once
/// Retry: asks the same provider again when its failure may pass.

#include <lowart/policy/pipe.hpp>
#include <lowart/policy/retry_decision.hpp>
#include <lowart/provider/provider.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <utility>

namespace lowart {

/// What the calls of one Retry share.
class RetryState {
 public:
  /// Throws std::invalid_argument when an option is out of its range.
  explicit RetryState(RetryOptions options = {}) : RetryState(options, std::random_device{}()) {}
  /// `seed` makes the waits repeatable.
  RetryState(RetryOptions options, std::uint64_t seed)
      : options_((require_valid(options), options)), budget_(options), jitter_(seed) {}

  RetryOptions const& options() const noexcept { return options_; }
  RetryBudget& budget() noexcept { return budget_; }
  JitterSource& jitter() noexcept { return jitter_; }

 private:
  RetryOptions const options_;
  RetryBudget budget_;
  JitterSource jitter_;
};

/// Asks the same provider again when it failed before its answer began and the error is retryable().
///
/// Waits between attempts: full-jitter exponential backoff, never less than the provider's Retry-After. Gives
/// up, with the last error as it came, when the attempts or the shared budget are used up or the wait would
/// be longer than `longest_wait`: then another target (Fallback) or the client does better. After the commit
/// point nothing is retried. Waiting for an open breaker takes nothing from the budget.
///
/// Errors:       the provider's last one; the call's interruption when it came during a wait.
/// Cancellation: ends the wait at once; an interrupted call is never tried again.
/// Order:        Retry<Breaker<P>> shows each attempt to the breaker, Breaker<Retry<P>> a whole run as one;
///               Retry<Timeouts<P>> gives each attempt its own clocks, Timeouts<Retry<P>> one set to the
///               whole run.
/// Concurrency:  any thread; budget and jitter are shared atomics.
/// Cost:         one coroutine frame and one atomic addition per call.
///
///     auto patient = OpenAi{options} | retry({.attempts = 3});
template <Provider P>
class Retry {
 public:
  /// Throws std::invalid_argument when an option is out of its range.
  explicit Retry(P inner, RetryOptions options = {})
      : Retry(std::move(inner), std::make_shared<RetryState>(options)) {}
  /// Goes on with a budget that is kept elsewhere; `state` must not be null.
  Retry(P inner, std::shared_ptr<RetryState> state) : inner_(std::move(inner)), state_(std::move(state)) {
    require_option(state_ != nullptr, "a Retry needs a state");
  }

  std::string_view name() const { return inner_.name(); }
  std::shared_ptr<RetryState> const& state() const noexcept { return state_; }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    state_->budget().deposit();
    for (int attempt = 1;; ++attempt) {
      ReplyOf<R> reply = co_await inner_(request, call);
      if (reply || call.interruption() || !can_repeat(request)) co_return reply;
      auto const wait = next_wait(state_->options(), attempt, reply.error(), state_->jitter().next());
      if (!wait || (is_paid(reply.error()) && !state_->budget().withdraw())) co_return reply;
      bool const waited = co_await call.clock().sleep(*wait, call);
      if (!waited) co_return fail(call.interruption_error());
    }
  }

 private:
  P inner_;
  std::shared_ptr<RetryState> state_;
};

/// What retry() returns.
class RetryLayer : public PolicyLayer {
 public:
  explicit RetryLayer(RetryOptions options) : options_(options) {}
  explicit RetryLayer(std::shared_ptr<RetryState> state) noexcept : state_(std::move(state)) {}
  template <Provider P>
  Retry<P> wrap(P provider) const {
    return Retry<P>(std::move(provider), state_ ? state_ : std::make_shared<RetryState>(options_));
  }

 private:
  RetryOptions options_;
  std::shared_ptr<RetryState> state_;
};

/// `provider | retry({.attempts = 3})`. One layer value put around two providers gives each its own budget.
[[nodiscard]] inline RetryLayer retry(RetryOptions options = {}) { return RetryLayer(options); }
/// `provider | retry(state)`: shares a budget that is kept elsewhere.
[[nodiscard]] inline RetryLayer retry(std::shared_ptr<RetryState> state) {
  return RetryLayer(std::move(state));
}

}  // namespace lowart
