#pragma once
/// Timeouts: the four clocks of a call: connect, first token, between tokens, whole.

#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace lowart {

/// The clocks of one attempt. Lives from the attempt's start to its reply's end.
class RunningClocks final : public ReplyWatcher {
 public:
  RunningClocks(Call& call, Clocks const& clocks)
      : call_(call),
        first_(clocks.first_token),
        between_(clocks.between_tokens),
        phase_(
            call.clock(), [](void* self) { static_cast<RunningClocks*>(self)->phase_is_over(); }, this),
        whole_(call.clock(), [](void* self) { static_cast<RunningClocks*>(self)->whole_is_over(); }, this) {
    auto const now = call.clock().coarse_now();
    if (clocks.first_token.count() > 0) phase_.set(now + clocks.first_token);
    if (clocks.whole.count() > 0) whole_.set(now + clocks.whole);
  }
  ~RunningClocks() override { take_back(); }

  /// The answer began: the clock of the first token stops, also when it has just rung.
  void answered() noexcept {
    phase_.clear();
    if (raised_ == Errc::first_token_timeout) take_back();
    phase_code_ = Errc::between_tokens_timeout;
  }
  void waiting() noexcept override {
    if (between_.count() > 0) phase_.set_in(between_);
  }
  void part(ReplyPart const&, ReplyProgress const&) noexcept override {
    phase_.clear();
    if (raised_ == Errc::between_tokens_timeout) take_back();
  }
  void end(ReplyEnd const&, ReplyProgress const&) noexcept override {
    phase_.clear();
    whole_.clear();
    take_back();
  }

 private:
  void phase_is_over() noexcept {
    TimePoint const due = call_.progress_at() + first_;
    bool const body_goes_on = phase_code_ == Errc::first_token_timeout && due > call_.now();
    if (body_goes_on) phase_.set(due);
    else raise(phase_code_, phase_);
  }
  void whole_is_over() noexcept { raise(Errc::whole_timeout, whole_); }
  void raise(Errc code, Alarm& alarm) noexcept {
    if (call_.interruption()) {
      // Another clock was first. Its owner will clear the interruption, and this time is over all the same:
      // ring again with the next tick.
      alarm.set(call_.now());
      return;
    }
    raised_ = code;
    call_.interrupt(code);
  }
  /// Whoever raised an interruption clears it; one that came later from elsewhere stays.
  void take_back() noexcept {
    if (raised_) call_.take_back(*raised_);
    raised_.reset();
  }

  Call& call_;
  std::chrono::milliseconds first_;
  std::chrono::milliseconds between_;
  Errc phase_code_{Errc::first_token_timeout};
  std::optional<Errc> raised_;
  Alarm phase_;
  Alarm whole_;
};

/// Gives each call to a provider its four clocks. Zero switches a clock off.
///
///   connect         name, TCP and TLS; the transport keeps it            Errc::connect_timeout
///   first_token     from the call to the commit point                    Errc::first_token_timeout
///                   (while a body comes from a source: from its last piece that was sent)
///   between_tokens  while the consumer waits for the next part           Errc::between_tokens_timeout
///   whole           from the call to the end of the reply                Errc::whole_timeout
///
/// A consumer that is slow to ask does not let the third clock run; the fourth always runs. Clocks ring with
/// the tick of the call's Clock, at most 50 ms late.
///
/// Errors:       the four above, plus the provider's own. A time that runs out after the commit point fails
///               the next part of the reply.
/// Cancellation: passed through; it outranks every clock.
/// Order:        Retry<Timeouts<P>> gives each attempt its clocks, Timeouts<Retry<P>> one set to the whole
///               run. Nested ones all run; the innermost `connect` is the one that counts.
/// Concurrency:  any thread; it keeps nothing between calls.
/// Cost:         one object in the call's arena; setting a clock is a store, there is no timer per call.
///
///     auto bounded = OpenAi{options} | timeouts({.first_token = 20s, .whole = 5min});
template <Provider P>
class Timeouts {
 public:
  /// Each clock: 0 (off) to 24 h, else std::invalid_argument.
  explicit Timeouts(P inner, Clocks clocks = {}) : inner_(std::move(inner)), clocks_(clocks) {
    for (auto clock : {clocks.connect, clocks.first_token, clocks.between_tokens, clocks.whole})
      require_option(clock.count() >= 0 && clock <= std::chrono::hours(24), "timeouts: each clock 0 to 24 h");
  }

  std::string_view name() const { return inner_.name(); }
  Clocks const& clocks() const noexcept { return clocks_; }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    ConnectTimeout const connect(call, clocks_.connect);
    ArenaPtr<RunningClocks> running = call.make<RunningClocks>(call, clocks_);
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) co_return reply;
    if constexpr (Watchable<typename R::reply_type>) {
      running->answered();
      reply->watch(std::move(running));
    }
    co_return reply;
  }

 private:
  /// Asks the transport for a connect timeout, for the length of one attempt.
  class ConnectTimeout {
   public:
    ConnectTimeout(Call& call, std::chrono::milliseconds timeout) noexcept
        : call_(call), before_(call.connect_timeout()) {
      call.connect_timeout(timeout);
    }
    ~ConnectTimeout() { call_.connect_timeout(before_); }
    ConnectTimeout(ConnectTimeout const&) = delete;
    ConnectTimeout& operator=(ConnectTimeout const&) = delete;

   private:
    Call& call_;
    std::chrono::milliseconds before_;
  };

  P inner_;
  Clocks clocks_;
};

/// What timeouts() returns.
class TimeoutsLayer : public PolicyLayer {
 public:
  explicit TimeoutsLayer(Clocks clocks) noexcept : clocks_(clocks) {}
  template <Provider P>
  Timeouts<P> wrap(P provider) const {
    return Timeouts<P>(std::move(provider), clocks_);
  }

 private:
  Clocks clocks_;
};

/// `provider | timeouts({.first_token = 20s})`.
[[nodiscard]] inline TimeoutsLayer timeouts(Clocks clocks = {}) { return TimeoutsLayer(clocks); }

}  // namespace lowart
