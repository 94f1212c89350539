#pragma once
/// AccessToken: a bearer token that a token server gives for a while, fetched when it is needed.

#include <lowart/core/call.hpp>
#include <lowart/core/run_beside.hpp>
#include <lowart/core/wakeup.hpp>
#include <lowart/dialect/oauth_token.hpp>
#include <lowart/dialect/upstream_error.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/token_grant.hpp>
#include <lowart/provider/token_state.hpp>
#include <lowart/provider/whole_body.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// One token for all calls that show it. Copies share it.
///
/// Fetched by the first call that needs it; in the last fifth of its life (five minutes at most) fetched anew beside a
/// call, while everybody uses the old one. There is one fetch at a time: who comes meanwhile waits for it, and fails as it
/// fails. A token that a provider refuses before its time is dropped once for a call, and the error becomes one that a
/// Retry asks again after.
///
/// A fetch is made in the name of the call that began it (law 1) and is given ten seconds. When that call ends first,
/// because its client leaves or a clock rings, the fetch ends with it, and one of those who wait begins another: nobody
/// fails for somebody else's leaving.
///
/// Errors, of origin upstream and with nothing sent to the provider: upstream_auth where the token server refuses (its
/// reason is in the message as the protocol's word, in upstream_message as its text); upstream_failed for its other
/// statuses, malformed_reply for what is no token, the transport's own, connect_timeout after the ten seconds; the call's
/// interruption.
/// Concurrency:  any thread and loop; one short lock for each call.
class AccessToken {
 public:
  /// `transport` leads to grant.server.
  AccessToken(net::AnyTransport transport, TokenGrant grant)
      : shared_(std::make_shared<Shared>(std::move(transport), std::move(grant))) {}

  /// Adds the field `authorization`, when there is a token.
  Task<Result<void>> authorize(Call& call, net::HttpRequest& http) const {
    if (auto const held = shared_->fresh(call.now())) {
      show(*held, call, http);
      co_return Result<void>();
    }
    constexpr std::chrono::seconds until_a_flight_has_ended{15};
    Place place(shared_, call);
    while (true) {
      TokenState::Step const step = place.next();
      bool const starts = step == TokenState::Step::fetch || step == TokenState::Step::refresh;
      if (starts) run_beside(call.executor(), fetch(Flight(shared_), CallFork::of(call)));
      if (place.held()) break;
      bool const rung = co_await place.wakeup().wait(call.now() + until_a_flight_has_ended);
      if (call.interruption()) co_return fail(shared_->waited_in_vain(call.interruption_error()));
      if (place.failure()) co_return fail(*place.failure());
      if (!rung) co_return fail(shared_->late());
    }
    show(*place.held(), call, http);
    co_return Result<void>();
  }

  /// The error that `refusal`, the provider's answer to `http`, is to the call.
  Error after(Error refusal, Call const& call, net::HttpRequest const& http) const {
    constexpr int unauthorized = 401;
    if (refusal.upstream_status() != unauthorized) return refusal;
    std::string_view shown;
    for (auto const& [name, value] : http.fields())
      if (name == "authorization") shown = value;
    if (!shared_->refused(shown, call)) return refusal;
    return Error(Errc::upstream_failed,
                 "the provider no longer accepts the access token; a new one is fetched", Origin::upstream)
        .with_sent(Sent::yes)
        .with_retryable(true)
        .with_upstream_status(unauthorized)
        .with_upstream_message(refusal.upstream_message());
  }

 private:
  static constexpr std::chrono::seconds patience{10};

  /// One call that waits for a fetch.
  struct Waiter {
    explicit Waiter(Call& call) : wakeup(call) {}
    Wakeup wakeup;
    std::optional<Error> failure;  ///< Of the fetch it waited for. Written before it is rung.
  };

  struct Shared {
    Shared(net::AnyTransport t, TokenGrant g) : transport(std::move(t)), grant(std::move(g)) {}

    TokenState::Held fresh(TimePoint now) {
      std::lock_guard const lock(mutex);
      return state.is_fresh(now) ? state.held() : nullptr;
    }
    bool refused(std::string_view shown, Call const& call) {
      std::lock_guard const lock(mutex);
      return state.refused(shown, call.started_at(), call.now());
    }
    /// Ends a fetch: all who wait look again, or fail with it.
    template <class F>
    void end_fetch(F&& change, std::optional<Error> const& failure) {
      std::lock_guard const lock(mutex);
      change(state);
      for (Waiter* const waiter : waiters) {
        waiter->failure = failure;
        waiter->wakeup.ring();
      }
      waiters.clear();
    }

    std::string what() const { return "no access token for '" + grant.owner + "': the token server "; }
    Error late() const {
      return Error(Errc::connect_timeout, what() + "did not answer in time", Origin::upstream)
          .with_retryable(true);
    }
    Error waited_in_vain(Error interruption) const {
      if (interruption.origin() != Origin::upstream) return std::move(interruption).with_sent(Sent::nothing);
      return Error(interruption.code(), what() + "did not answer in time", Origin::upstream)
          .with_retryable(true);
    }

    net::AnyTransport transport;
    TokenGrant const grant;
    std::mutex mutex;
    TokenState state;              ///< Under the lock, as what follows.
    std::vector<Waiter*> waiters;  ///< Each is there until it is rung or gone.
  };
  using SharedPtr = std::shared_ptr<Shared>;

  /// A call's place among those who wait.
  class Place {
   public:
    Place(SharedPtr shared, Call& call) : shared_(std::move(shared)), call_(call), waiter_(call) {}
    ~Place() {
      std::lock_guard const lock(shared_->mutex);
      std::erase(shared_->waiters, &waiter_);
    }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;

    TokenState::Step next() {
      std::lock_guard const lock(shared_->mutex);
      TokenState::Step const step = shared_->state.next(call_.now());
      bool const waits = step == TokenState::Step::fetch || step == TokenState::Step::wait;
      if (waits) shared_->waiters.push_back(&waiter_);
      else held_ = shared_->state.held();
      return step;
    }
    TokenState::Held const& held() const noexcept { return held_; }
    Wakeup& wakeup() noexcept { return waiter_.wakeup; }
    std::optional<Error> failure() const {
      std::lock_guard const lock(shared_->mutex);
      return waiter_.failure;
    }

   private:
    SharedPtr shared_;
    Call& call_;
    Waiter waiter_;
    TokenState::Held held_;
  };

  /// A fetch under way. One that is given up, with its call or its loop, has failed nobody.
  class Flight {
   public:
    explicit Flight(SharedPtr shared) : shared_(std::move(shared)) {}
    Flight(Flight&& other) noexcept : shared_(std::move(other.shared_)) {}
    Flight& operator=(Flight&&) = delete;
    ~Flight() {
      if (shared_) shared_->end_fetch([](TokenState& state) { state.failed(TimePoint::min()); }, {});
    }
    Shared& shared() const noexcept { return *shared_; }
    void land(dialect::OauthToken token, TimePoint asked_at) {
      std::exchange(shared_, nullptr)
          ->end_fetch(
              [&](TokenState& state) {
                Secret shown("Bearer " + std::string(token.token.reveal()));
                state.landed(std::move(shown), asked_at, token.life);
              },
              {});
    }
    void fail(Error const& error, TimePoint now) {
      std::exchange(shared_, nullptr)->end_fetch([now](TokenState& state) { state.failed(now); }, error);
    }

   private:
    SharedPtr shared_;
  };

  /// Ends a fetch that takes too long.
  class Patience {
   public:
    explicit Patience(Call& call)
        : call_(call), alarm_(call.clock(), [](void* self) { static_cast<Patience*>(self)->end(); }, this) {
      alarm_.set_in(patience);
    }
    bool is_over() const noexcept { return over_; }

   private:
    void end() noexcept {
      over_ = true;
      call_.interrupt(Errc::connect_timeout);
    }
    Call& call_;
    Alarm alarm_;
    bool over_{false};
  };

  static void show(Secret const& held, Call& call, net::HttpRequest& http) {
    http.field("authorization", call.keep(held.reveal()));
  }

  static Task<void> fetch(Flight flight, std::shared_ptr<CallFork> fork) {
    Call& call = fork->call();
    TimePoint const asked_at = call.now();
    Patience wait(call);
    Result<dialect::OauthToken> token = co_await ask(flight.shared(), call);
    if (token) flight.land(*std::move(token), asked_at);
    else if (wait.is_over()) flight.fail(flight.shared().late(), call.now());
    else if (!call.interruption()) flight.fail(token.error(), call.now());
    fork->release();
  }

  static Task<Result<dialect::OauthToken>> ask(Shared& shared, Call& call) {
    constexpr std::size_t most_bytes = 64U << 10U;
    Result<Secret> const form = shared.grant.form(call.clock().utc_micros());
    if (!form) co_return lowart::fail(form.error());
    net::HttpRequest http("POST", shared.grant.path);
    http.field("content-type", "application/x-www-form-urlencoded").field("accept", http_wire::json_type);
    http.field("user-agent", "lowart").body(form->reveal());
    Result<ArenaPtr<net::Exchange>> exchange = co_await shared.transport.exchange(http, call);
    if (!exchange) co_return lowart::fail(unreachable(shared, exchange.error()));
    int const status = (*exchange)->status();
    std::string const retry_after((*exchange)->field("retry-after"));
    WholeBody body(std::move(*exchange), most_bytes, call);
    for (bool more = true; more;) {
      Result<std::span<char>> piece = co_await body.read();
      if (!piece) co_return lowart::fail(unreachable(shared, piece.error()));
      more = body.take(*piece);
    }
    if (status != 200) co_return lowart::fail(refusal(shared, status, body.text(), retry_after, call));
    Result<dialect::OauthToken> token = dialect::read_oauth_token(body.text());
    if (token) co_return token;
    co_return lowart::fail(Error(Errc::malformed_reply,
                                 shared.what() + "sent an answer that is none: " + token.error().message(),
                                 Origin::upstream)
                               .with_retryable(true));
  }

  static Error unreachable(Shared const& shared, Error const& error) {
    return Error(error.code(), shared.what() + "could not be asked: " + error.message(), Origin::upstream)
        .with_retryable(true);
  }
  static Error refusal(Shared const& shared, int status, std::string_view body,
                       std::string const& retry_after, Call const& call) {
    dialect::OauthRefusal said = dialect::read_oauth_refusal(body);
    bool const passes = status == 408 || status == 429 || status >= 500;
    std::string message = shared.what() + (passes ? "failed" : "refused");
    message.append(" (status ").append(std::to_string(status));
    if (!said.words.empty()) message.append(", ").append(said.words);
    message.append(")");
    if (!passes) message.append(": ").append(shared.grant.advice);
    Error error(passes ? Errc::upstream_failed : Errc::upstream_auth, std::move(message), Origin::upstream);
    error.with_retryable(passes).with_upstream_status(status);
    if (!passes) return error.with_upstream_message(std::move(said.text));
    auto const wait = dialect::parse_retry_after(retry_after, call.clock().utc_micros());
    if (wait) error.with_retry_after(*wait);
    return error;
  }

  SharedPtr shared_;
};

}  // namespace lowart
