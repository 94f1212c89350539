#pragma once
/// Bulkhead: asks a provider so many things at once, and lets the next ones wait for their turn.

#include <lowart/core/wakeup.hpp>
#include <lowart/policy/bulkhead_state.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// The places of one Bulkhead and who waits for them. Shared by all that count against it.
///
/// Concurrency: any thread; one short lock to enter and one to leave. Who waits is woken on its own loop.
class BulkheadPlaces {
 public:
  /// One call that waits, or holds a place.
  struct Waiter {
    explicit Waiter(Call& call) : wakeup(call) {}
    enum class Is : std::uint8_t { outside, waiting, inside, displaced };
    Is is{Is::outside};  ///< Under the lock.
    TimePoint since{};   ///< When it got its place.
    Wakeup wakeup;
  };
  using Who = std::shared_ptr<Waiter>;
  using State = BulkheadState<Who>;

  /// Throws std::invalid_argument when an option is out of its range.
  explicit BulkheadPlaces(BulkheadOptions options) : state_(options) {}

  /// What happened to `who`: inside, waiting, or outside (refused).
  Waiter::Is enter(Who const& who, std::string_view key, int priority, TimePoint now) {
    std::lock_guard const lock(mutex_);
    auto const entered = state_.enter(who, key, priority, now);
    if (entered.displaced) {
      (*entered.displaced)->is = Waiter::Is::displaced;
      (*entered.displaced)->wakeup.ring();
    }
    if (entered.entry == State::Entry::refused) return who->is;
    bool const taken = entered.entry == State::Entry::taken;
    who->since = now;
    return who->is = taken ? Waiter::Is::inside : Waiter::Is::waiting;
  }
  /// The wait of `who` is over, for whatever reason; it keeps a place that it was given.
  Waiter::Is end_wait(Who const& who, TimePoint now) {
    std::lock_guard const lock(mutex_);
    if (who->is == Waiter::Is::waiting) {
      state_.leave(who);
      who->is = Waiter::Is::outside;
    }
    waited_.fetch_add(std::chrono::duration_cast<std::chrono::microseconds>(now - who->since).count(),
                      std::memory_order_relaxed);
    who->since = now;
    return who->is;
  }
  /// Gives back what `who` has, if anything. The next one gets it.
  void leave(Who const& who, TimePoint now) noexcept {
    std::lock_guard const lock(mutex_);
    if (who->is == Waiter::Is::waiting) state_.leave(who);
    if (who->is == Waiter::Is::inside) state_.release(now - who->since, now);
    who->is = Waiter::Is::outside;
    grant();
  }
  void change(BulkheadOptions options) {
    std::lock_guard const lock(mutex_);
    state_.change(options);
    grant();
  }
  /// Notes a refusal, and says when to come back.
  std::chrono::milliseconds refuse(TimePoint now) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard const lock(mutex_);
    return state_.retry_after(now);
  }

  BulkheadOptions options() const {
    std::lock_guard const lock(mutex_);
    return state_.options();
  }
  std::int64_t in_use() const {
    std::lock_guard const lock(mutex_);
    return state_.in_use();
  }
  std::int64_t waiting() const {
    std::lock_guard const lock(mutex_);
    return static_cast<std::int64_t>(state_.waiting());
  }
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
  /// All waits together.
  std::chrono::microseconds waited() const noexcept {
    return std::chrono::microseconds(waited_.load(std::memory_order_relaxed));
  }

 private:
  void grant() {
    while (std::optional<Who> const next = state_.grant()) {
      (*next)->is = Waiter::Is::inside;
      (*next)->wakeup.ring();
    }
  }

  mutable std::mutex mutex_;
  State state_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::int64_t> waited_{0};
};

/// Holds a place, or one in the queue, until the reply has ended or the call is gone.
class BulkheadTicket final : public ReplyWatcher {
 public:
  BulkheadTicket(std::shared_ptr<BulkheadPlaces> places, Call& call)
      : places_(std::move(places)), who_(std::make_shared<BulkheadPlaces::Waiter>(call)), call_(call) {}
  ~BulkheadTicket() override { leave(); }
  BulkheadTicket(BulkheadTicket const&) = delete;
  BulkheadTicket& operator=(BulkheadTicket const&) = delete;

  using Is = BulkheadPlaces::Waiter::Is;
  Is enter() { return places_->enter(who_, call_.caller().key, call_.priority(), call_.now()); }
  /// Until there is a place, the time is over, or the call is interrupted.
  Task<Is> wait() {
    TimePoint const until = call_.now() + places_->options().wait;
    (void)co_await who_->wakeup.wait(until);  // whatever ended it, who_ knows what it has
    co_return places_->end_wait(who_, call_.now());
  }
  void leave() noexcept {
    if (!who_) return;
    places_->leave(who_, call_.now());
    who_.reset();
  }
  void end(ReplyEnd const&, ReplyProgress const&) noexcept override { leave(); }

 private:
  std::shared_ptr<BulkheadPlaces> places_;
  BulkheadPlaces::Who who_;
  Call& call_;
};

/// Asks a provider at most `concurrency` things at once. The next ones wait in a queue that is bounded in length and
/// time, by priority (Call::priority), and in turns among keys (Caller::key): see BulkheadState.
///
/// A place is held until the reply has ended. What waits is no attempt: nothing has been sent, no clock of the attempt
/// runs.
///
/// Errors:       overloaded (origin gateway, nothing sent) when the queue is full or the wait was too long, with the
///               time in which everybody who waits has been served as retry_after. Not retryable here: it leaves the
///               call to other targets. A breaker takes it for no failure.
/// Cancellation: ends the wait at once; a place that was just given goes to the next.
/// Order:        around Breaker and Timeouts, within Retry: Retry<Bulkhead<Breaker<Timeouts<P>>>>. What waited while the
///               breaker opened is refused by it and goes on; a Retry's pause holds no place.
/// Concurrency:  any thread; the places are shared by all loops.
/// Cost:         one allocation and two short locks per call.
///
///     auto narrow = OpenAi{options} | breaker() | bulkhead({.concurrency = 8, .queue = 50, .wait = 5s});
///
/// See also: Limited, which never waits.
template <Provider P>
class Bulkhead {
 public:
  /// Throws std::invalid_argument when an option is out of its range.
  explicit Bulkhead(P inner, BulkheadOptions options = {})
      : Bulkhead(std::move(inner), std::make_shared<BulkheadPlaces>(options)) {}
  /// Counts against `places`, which must not be null.
  Bulkhead(P inner, std::shared_ptr<BulkheadPlaces> places)
      : inner_(std::move(inner)), places_(std::move(places)) {
    require_option(places_ != nullptr, "a Bulkhead needs its places");
  }

  std::string_view name() const { return inner_.name(); }
  /// For metrics, and to hand on to the next configuration.
  std::shared_ptr<BulkheadPlaces> const& places() const noexcept { return places_; }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    using Is = BulkheadTicket::Is;
    ArenaPtr<BulkheadTicket> ticket = call.make<BulkheadTicket>(places_, call);
    Is is = ticket->enter();
    bool const waits = is == Is::waiting;
    if (waits) is = co_await ticket->wait();
    if (waits && call.interruption()) co_return fail(call.interruption_error().with_sent(Sent::nothing));
    if (is != Is::inside) co_return fail(refusal(call, is, waits));
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) co_return reply;
    if constexpr (Watchable<typename R::reply_type>) reply->watch(std::move(ticket));
    co_return reply;
  }

 private:
  Error refusal(Call const& call, BulkheadTicket::Is is, bool waited) const {
    std::string message(name());
    bool const was_displaced = is == BulkheadTicket::Is::displaced;
    if (was_displaced) message += " is busy, and the queue for it is full of calls that go first";
    else if (waited) message += " was busy for as long as a call may wait for it";
    else message += " is busy, and the queue for it is full";
    return Error(Errc::overloaded, std::move(message)).with_retry_after(places_->refuse(call.now()));
  }

  P inner_;
  std::shared_ptr<BulkheadPlaces> places_;
};

/// What bulkhead() returns.
class BulkheadLayer : public PolicyLayer {
 public:
  explicit BulkheadLayer(std::shared_ptr<BulkheadPlaces> places) noexcept : places_(std::move(places)) {}
  template <Provider P>
  Bulkhead<P> wrap(P provider) const {
    return Bulkhead<P>(std::move(provider), places_);
  }

 private:
  std::shared_ptr<BulkheadPlaces> places_;
};

/// `provider | bulkhead(places)`: counts against places that are kept elsewhere.
[[nodiscard]] inline BulkheadLayer bulkhead(std::shared_ptr<BulkheadPlaces> places) {
  return BulkheadLayer(std::move(places));
}
/// `provider | bulkhead({.concurrency = 8})`. One layer value put around two providers has the places of both.
[[nodiscard]] inline BulkheadLayer bulkhead(BulkheadOptions options = {}) {
  return BulkheadLayer(std::make_shared<BulkheadPlaces>(options));
}

}  // namespace lowart
