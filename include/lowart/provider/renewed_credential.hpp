#pragma once
/// RenewedCredential: a credential that somebody gives for a while, fetched when it is needed and anew ahead of its end.

#include <lowart/core/call.hpp>
#include <lowart/core/run_beside.hpp>
#include <lowart/core/wakeup.hpp>
#include <lowart/provider/credential_state.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart {

/// What a source gave, and for how long.
template <class Value>
struct Granted {
  Value value;
  std::chrono::seconds life{};  ///< From when it was asked for.
};

/// Where a credential comes from. One fetch runs at a time.
///
/// Models: OauthTokenSource, AwsCredentialSource.
template <class S>
concept CredentialSource = requires(S& source, S const& told, Call& call) {
  typename S::Value;
  { source.fetch(call) } -> std::same_as<Task<Result<Granted<typename S::Value>>>>;
  { told.what() } -> std::same_as<std::string>;  // "no access token for 'a': the token server ", for errors
};

/// One credential for all calls that show it. Copies share it.
///
/// Fetched by the first call that needs it; in the last fifth of its life (five minutes at most) fetched anew beside a
/// call, while everybody uses the old one. There is one fetch at a time: who comes meanwhile waits for it, and fails as it
/// fails. One that a provider refuses before its time is dropped once for a call.
///
/// A fetch is made in the name of the call that began it (law 1) and is given ten seconds. When that call ends first,
/// because its client leaves or a clock rings, the fetch ends with it, and one of those who wait begins another: nobody
/// fails for somebody else's leaving.
///
/// Errors: the source's; connect_timeout after the ten seconds; the call's interruption. Nothing was sent to the provider.
/// Concurrency:  any thread and loop; one short lock for each call.
template <CredentialSource Source>
class RenewedCredential {
 public:
  using Value = typename Source::Value;
  using State = CredentialState<Value>;
  using Held = typename State::Held;

  explicit RenewedCredential(Source source) : shared_(std::make_shared<Shared>(std::move(source))) {}

  Source const& source() const noexcept { return shared_->source; }

  /// What get() would give at once; null when it would have to fetch or to wait.
  Held fresh(TimePoint now) const {
    std::lock_guard const lock(shared_->mutex);
    return shared_->state.is_fresh(now) ? shared_->state.held() : nullptr;
  }

  Task<Result<Held>> get(Call& call) const {
    constexpr std::chrono::seconds until_a_flight_has_ended{15};
    Place place(shared_, call);
    while (true) {
      Step const step = place.next();
      bool const starts = step == Step::fetch || step == Step::refresh;
      if (starts) run_beside(call.executor(), fetch(Flight(shared_), CallFork::of(call)));
      if (place.held()) co_return place.held();
      bool const rung = co_await place.wakeup().wait(call.now() + until_a_flight_has_ended);
      if (call.interruption()) co_return fail(shared_->waited_in_vain(call.interruption_error()));
      if (place.failure()) co_return fail(*place.failure());
      if (!rung) co_return fail(shared_->late());
    }
  }

  /// The provider did not accept what `call` had sent: see CredentialState::refused.
  template <std::predicate<Value const&> F>
  bool refused(F&& was_sent, Call const& call) const {
    std::lock_guard const lock(shared_->mutex);
    return shared_->state.refused(was_sent, call.started_at(), call.now());
  }

 private:
  using Step = typename State::Step;
  static constexpr std::chrono::seconds patience{10};

  /// One call that waits for a fetch.
  struct Waiter {
    explicit Waiter(Call& call) : wakeup(call) {}
    Wakeup wakeup;
    std::optional<Error> failure;  ///< Of the fetch it waited for. Written before it is rung.
  };

  struct Shared {
    explicit Shared(Source s) : source(std::move(s)) {}

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

    Error late() const {
      return Error(Errc::connect_timeout, source.what() + "did not answer in time", Origin::upstream)
          .with_retryable(true);
    }
    Error waited_in_vain(Error interruption) const {
      if (interruption.origin() != Origin::upstream) return std::move(interruption).with_sent(Sent::nothing);
      return Error(interruption.code(), source.what() + "did not answer in time", Origin::upstream)
          .with_retryable(true);
    }

    Source source;
    std::mutex mutex;
    State state;                   ///< Under the lock, as what follows.
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

    Step next() {
      std::lock_guard const lock(shared_->mutex);
      Step const step = shared_->state.next(call_.now());
      bool const waits = step == Step::fetch || step == Step::wait;
      if (waits) shared_->waiters.push_back(&waiter_);
      else held_ = shared_->state.held();
      return step;
    }
    Held const& held() const noexcept { return held_; }
    Wakeup& wakeup() noexcept { return waiter_.wakeup; }
    std::optional<Error> failure() const {
      std::lock_guard const lock(shared_->mutex);
      return waiter_.failure;
    }

   private:
    SharedPtr shared_;
    Call& call_;
    Waiter waiter_;
    Held held_;
  };

  /// A fetch under way. One that is given up, with its call or its loop, has failed nobody.
  class Flight {
   public:
    explicit Flight(SharedPtr shared) : shared_(std::move(shared)) {}
    Flight(Flight&& other) noexcept : shared_(std::move(other.shared_)) {}
    Flight& operator=(Flight&&) = delete;
    ~Flight() {
      if (shared_) shared_->end_fetch([](State& state) { state.failed(TimePoint::min()); }, {});
    }
    Shared& shared() const noexcept { return *shared_; }
    void land(Granted<Value> granted, TimePoint asked_at) {
      std::exchange(shared_, nullptr)
          ->end_fetch([&](State& state) { state.landed(std::move(granted.value), asked_at, granted.life); },
                      {});
    }
    void fail(Error const& error, TimePoint now) {
      std::exchange(shared_, nullptr)->end_fetch([now](State& state) { state.failed(now); }, error);
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

  static Task<void> fetch(Flight flight, std::shared_ptr<CallFork> fork) {
    Call& call = fork->call();
    TimePoint const asked_at = call.now();
    Patience wait(call);
    Result<Granted<Value>> granted = co_await flight.shared().source.fetch(call);
    if (granted) flight.land(*std::move(granted), asked_at);
    else if (wait.is_over()) flight.fail(flight.shared().late(), call.now());
    else if (!call.interruption()) flight.fail(granted.error(), call.now());
    fork->release();
  }

  SharedPtr shared_;
};

}  // namespace lowart
