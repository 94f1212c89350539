#pragma once
/// Breaker: stops calling a provider that keeps failing, and tries it again after a rest.

#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Holds the passes of one call until its reply has ended, and reports how it did.
class BreakerTicket final : public ReplyWatcher {
 public:
  using States = std::vector<std::shared_ptr<BreakerState>>;
  /// How many breakers can guard one provider together.
  static constexpr std::size_t most_states = 3;

  BreakerTicket(std::shared_ptr<States const> states, Call& call) noexcept
      : states_(std::move(states)), call_(call) {}
  ~BreakerTicket() override { give_back(); }
  BreakerTicket(BreakerTicket const&) = delete;
  BreakerTicket& operator=(BreakerTicket const&) = delete;

  /// A pass of each, or of none and the time until the one that refused may be probed.
  std::optional<std::chrono::milliseconds> refused() {
    TimePoint const now = call_.clock().coarse_now();
    for (; held_ < states_->size(); ++held_) {
      auto const pass = (*states_)[held_]->admit(now);
      if (!pass) {
        give_back();
        return pass.error();
      }
      passes_[held_] = *pass;
    }
    return std::nullopt;
  }
  void answered() {
    TimePoint const now = call_.clock().coarse_now();
    for (std::size_t i = 0; i < held_; ++i) (*states_)[i]->answered(passes_[i], now);
  }
  void succeeded() {
    TimePoint const now = call_.clock().coarse_now();
    for (; held_ > 0; --held_) (*states_)[held_ - 1]->succeeded(passes_[held_ - 1], now);
  }
  void failed(Error const& error) {
    TimePoint const now = call_.now();
    for (; held_ > 0; --held_) (*states_)[held_ - 1]->failed(passes_[held_ - 1], error, now);
  }

  void end(ReplyEnd const& end, ReplyProgress const&) noexcept override {
    if (end.outcome == Outcome::complete) succeeded();
    else if (end.error != nullptr) failed(*end.error);
  }

 private:
  void give_back() {
    for (; held_ > 0; --held_) (*states_)[held_ - 1]->withdrawn(passes_[held_ - 1]);
  }

  std::shared_ptr<States const> states_;
  std::array<BreakerState::Pass, most_states> passes_{};
  std::size_t held_{0};  ///< Of how many, from the front, there is a pass to give back.
  Call& call_;
};

/// Stops calling a provider that keeps failing, and tries it again after a rest.
///
/// What a call meets:
///   closed     passes; failures are counted
///   open       is refused at once, the provider is not called
///   half_open  one call at a time passes; the rest are refused until its answer begins
///
/// What counts: 5xx, the four timeouts, failed connections, lost connections and malformed answers are
/// failures: so many in a row, or so large a share of a window, open it. Answers that begin late count too, where
/// `slow_percent` is set. Refused credentials and a used-up quota open it at once. A 429 with Retry-After opens it
/// until then, at most `longest_rest`; the later deadline wins. What the client caused (most 4xx), our own limits
/// and cancellation count as neither. A stream counts when it ends: a complete one as success, one that breaks
/// after its commit point as failure, a dropped one as neither, which gives the probe slot back.
///
/// Several states, of different scopes, guard one provider together: a call needs a pass of each. So keys of one
/// provider share what is its own trouble, and models of one key what is that key's.
///
/// Errors:       Errc::circuit_open (nothing sent, retryable elsewhere, retry_after = time to the next
///               probe), plus the provider's own.
/// Order:        Retry<Breaker<P>> shows each attempt to the breaker, Breaker<Retry<P>> a whole run as one.
/// Concurrency:  any thread; the state is shared. Pass the same state to the next configuration's breaker and
///               it survives a reload.
/// Cost:         one object in the call's arena; while all is well two atomic loads a state and no lock, unless a
///               rate counts.
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
  Breaker(P inner, std::shared_ptr<BreakerState> state)
      : Breaker(std::move(inner), std::make_shared<BreakerTicket::States const>(1, std::move(state))) {}
  /// The same with one to three states, of which the first is asked first.
  Breaker(P inner, std::shared_ptr<BreakerTicket::States const> states)
      : inner_(std::move(inner)), states_(std::move(states)) {
    require_option(states_ != nullptr && !states_->empty() && states_->size() <= BreakerTicket::most_states,
                   "a Breaker needs one state to three");
    for (auto const& state : *states_) require_option(state != nullptr, "a Breaker needs its states");
  }

  std::string_view name() const { return inner_.name(); }
  /// The first one; for metrics, and to hand on to the next configuration.
  std::shared_ptr<BreakerState> const& state() const noexcept { return states_->front(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    ArenaPtr<BreakerTicket> ticket = call.make<BreakerTicket>(states_, call);
    auto const rest = ticket->refused();
    if (rest) {
      Error refused(Errc::circuit_open, std::string(name()) + " keeps failing and is not called for now");
      co_return fail(std::move(refused).with_retryable(true).with_retry_after(*rest));
    }
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) {
      ticket->failed(reply.error());
      co_return reply;
    }
    ticket->answered();
    if constexpr (Watchable<typename R::reply_type>) {
      reply->watch(std::move(ticket));
    } else {
      ticket->succeeded();
    }
    co_return reply;
  }

 private:
  P inner_;
  std::shared_ptr<BreakerTicket::States const> states_;
};

/// What breaker() returns.
class BreakerLayer : public PolicyLayer {
 public:
  explicit BreakerLayer(std::shared_ptr<BreakerTicket::States const> states) noexcept
      : states_(std::move(states)) {}
  explicit BreakerLayer(BreakerOptions options) : options_(options) {}
  template <Provider P>
  Breaker<P> wrap(P provider) const {
    if (states_ == nullptr) return Breaker<P>(std::move(provider), options_);
    return Breaker<P>(std::move(provider), states_);
  }

 private:
  BreakerOptions options_;
  std::shared_ptr<BreakerTicket::States const> states_;  ///< Null: each provider gets one of its own.
};

/// `provider | breaker({.failures = 3})`. One layer value put around two providers gives each its own state.
[[nodiscard]] inline BreakerLayer breaker(BreakerOptions options = {}) { return BreakerLayer(options); }
/// `provider | breaker(state)`: goes on from a state that is kept elsewhere.
[[nodiscard]] inline BreakerLayer breaker(std::shared_ptr<BreakerState> state) {
  return BreakerLayer(std::make_shared<BreakerTicket::States const>(1, std::move(state)));
}
/// `provider | breakers({of_target, of_key})`: the same with several.
[[nodiscard]] inline BreakerLayer breakers(BreakerTicket::States states) {
  return BreakerLayer(std::make_shared<BreakerTicket::States const>(std::move(states)));
}

}  // namespace lowart
