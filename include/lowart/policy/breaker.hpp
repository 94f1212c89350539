#pragma once
/// Breaker: stops calling a provider that keeps failing, and tries it again after a rest.

#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Holds a breaker's pass until the reply has ended, and reports how it did.
class BreakerTicket final : public ReplyWatcher {
 public:
  BreakerTicket(std::shared_ptr<BreakerState> state, BreakerState::Pass pass, Call& call) noexcept
      : state_(std::move(state)), pass_(pass), call_(call) {}
  ~BreakerTicket() override {
    if (!reported_) state_->withdrawn(pass_);
  }

  void answered() { state_->answered(pass_); }
  void succeeded() {
    reported_ = true;
    state_->succeeded(pass_);
  }
  void failed(Error const& error) {
    reported_ = true;
    state_->failed(pass_, error, call_.now());
  }

  void end(ReplyEnd const& end, ReplyProgress const&) noexcept override {
    if (reported_) return;
    if (end.outcome == Outcome::complete) succeeded();
    else if (end.error != nullptr) failed(*end.error);
  }

 private:
  std::shared_ptr<BreakerState> state_;
  BreakerState::Pass pass_;
  Call& call_;
  bool reported_{false};
};

/// Stops calling a provider that keeps failing, and tries it again after a rest.
///
/// What a call meets:
///   closed     passes; failures are counted
///   open       is refused at once, the provider is not called
///   half_open  one call at a time passes; the rest are refused until its answer begins
///
/// What counts: 5xx, the four timeouts, failed connections, lost connections and malformed answers are
/// failures. Refused credentials open it at once. A 429 with Retry-After opens it until then, at most
/// `longest_rest`; the later deadline wins. What the client caused (most 4xx), our own limits and
/// cancellation count as neither. A stream counts when it ends: a complete one as success, one that breaks
/// after its commit point as failure, a dropped one as neither, which gives the probe slot back.
///
/// Errors:       Errc::circuit_open (nothing sent, retryable elsewhere, retry_after = time to the next
///               probe), plus the provider's own.
/// Order:        Retry<Breaker<P>> shows each attempt to the breaker, Breaker<Retry<P>> a whole run as one.
/// Concurrency:  any thread; the state is shared. Pass the same state to the next configuration's breaker and
///               it survives a reload.
/// Cost:         one object in the call's arena; while all is well two atomic loads and no lock.
///
///     auto guarded = OpenAi{options} | breaker({.failures = 5, .rest = 30s});
///
/// See also: BreakerState, Retry, Fallback.
template <Provider P>
class Breaker {
 public:
  /// Throws std::invalid_argument when an option is out of its range.
  explicit Breaker(P inner, BreakerOptions options = {})
      : Breaker(std::move(inner), std::make_shared<BreakerState>(options)) {}
  /// Goes on from `state`, which must not be null.
  Breaker(P inner, std::shared_ptr<BreakerState> state) : inner_(std::move(inner)), state_(std::move(state)) {
    require_option(state_ != nullptr, "a Breaker needs a state");
  }

  std::string_view name() const { return inner_.name(); }
  /// For metrics, and to hand on to the next configuration.
  std::shared_ptr<BreakerState> const& state() const noexcept { return state_; }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    auto const pass = state_->admit(call.clock().coarse_now());
    if (!pass) {
      Error refused(Errc::circuit_open, std::string(name()) + " keeps failing and is not called for now");
      co_return fail(std::move(refused).with_retryable(true).with_retry_after(pass.error()));
    }
    ArenaPtr<BreakerTicket> ticket = call.make<BreakerTicket>(state_, *pass, call);
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) {
      ticket->failed(reply.error());
      co_return reply;
    }
    if constexpr (Watchable<typename R::reply_type>) {
      ticket->answered();
      reply->watch(std::move(ticket));
    } else {
      ticket->succeeded();
    }
    co_return reply;
  }

 private:
  P inner_;
  std::shared_ptr<BreakerState> state_;
};

/// What breaker() returns.
class BreakerLayer : public PolicyLayer {
 public:
  explicit BreakerLayer(std::shared_ptr<BreakerState> state) noexcept : state_(std::move(state)) {}
  explicit BreakerLayer(BreakerOptions options) : options_(options) {}
  template <Provider P>
  Breaker<P> wrap(P provider) const {
    return Breaker<P>(std::move(provider), state_ ? state_ : std::make_shared<BreakerState>(options_));
  }

 private:
  BreakerOptions options_;
  std::shared_ptr<BreakerState> state_;
};

/// `provider | breaker({.failures = 3})`. One layer value put around two providers gives each its own state.
[[nodiscard]] inline BreakerLayer breaker(BreakerOptions options = {}) { return BreakerLayer(options); }
/// `provider | breaker(state)`: goes on from a state that is kept elsewhere.
[[nodiscard]] inline BreakerLayer breaker(std::shared_ptr<BreakerState> state) {
  return BreakerLayer(std::move(state));
}

}  // namespace lowart
