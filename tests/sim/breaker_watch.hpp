#pragma once
/// BreakerWatch: looks at a breaker from both sides of every call, and knows which moves are legal.

#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kernel.hpp"
#include "ledger.hpp"

namespace lowart::sim {

/// The watch over one breaker. It is told what happens, in order, and compares what the breaker did.
///
///   closed     opens by failures only, and with the last that is allowed in a row
///   open       lets nobody pass before its rest, or the time that the target named, is over
///   half_open  lets one pass at a time; opens by a failure, closes by a success
class BreakerWatch {
 public:
  BreakerWatch(Kernel& kernel, Ledger& ledger, std::string name, BreakerOptions options)
      : kernel_(kernel),
        ledger_(ledger),
        name_(std::move(name)),
        options_(options),
        state_(std::make_shared<BreakerState>(options)) {}
  std::shared_ptr<BreakerState> const& state() const noexcept { return state_; }

  /// A call that passed, as the breaker should see it.
  struct Pass {
    int era{0};
    bool probes{false};
    bool over{false};
  };
  Pass passes() {
    using enum BreakerPosition;
    BreakerPosition const is = state_->position();
    if (is == open) fault("a call passes the open breaker");
    if (is != was_) {
      if (!(was_ == open && is == half_open)) fault("it moved without a reason as a call came");
      // Breakers ask a clock that may be some milliseconds ahead.
      if (kernel_.now() + clock_is_ahead < open_until_) fault("it let a call pass before its rest was over");
      moved(is);
    }
    if (is == half_open && probing_) fault("two probes at once");
    if (is == half_open) probing_ = true;
    return Pass{.era = era_, .probes = is == half_open};
  }
  /// Its answer has begun; the next may probe.
  void answered(Pass& pass) {
    bool const current = pass.era == era_;
    if (pass.probes && current) probing_ = false;
    pass.probes = false;
    bool const slow_ones_open = options_.slow_percent > 0 && current;
    if (!slow_ones_open || state_->position() != BreakerPosition::open) return stays("an answer began");
    open_until_ = kernel_.now() + options_.rest;
    moved(BreakerPosition::open);
  }
  /// `error` null: complete. Called after the breaker was told.
  void ended(Pass& pass, Error const* error, bool complete) {
    using enum BreakerPosition;
    pass.over = true;
    bool const current = pass.era == era_;
    if (pass.probes && current) probing_ = false;
    BreakerPosition const is = state_->position();
    BreakerVerdict const says = error != nullptr ? verdict(*error) : BreakerVerdict::nothing;
    bool const failure = error != nullptr && !complete && says != BreakerVerdict::nothing;
    if (says == BreakerVerdict::open_until && error != nullptr) remember(*error, current);
    if (!current) return stays("a call from before its last move ended");
    if (failure) {
      in_row_ += says == BreakerVerdict::failure ? 1 : 0;
      bool const too_many = options_.failures > 0 && in_row_ >= options_.failures;
      bool const must = was_ == half_open || too_many || says != BreakerVerdict::failure;
      if (must && is != open) fault("it did not open");
      if (!must && is == open && options_.failure_percent == 0) fault("it opened too early");
      if (is == half_open && was_ != half_open) fault("it went from closed to half open");
      if (is != was_ || must) {
        if (says == BreakerVerdict::open || says == BreakerVerdict::failure)
          open_until_ = kernel_.now() + options_.rest;
        moved(is);
      }
      return;
    }
    if (!complete) return stays("a call that says nothing ended");
    in_row_ = 0;
    BreakerPosition const should = was_ == half_open ? closed : was_;
    if (is != should) fault("a success did not leave it closed");
    if (is != was_) moved(is);
  }
  void refused() {
    using enum BreakerPosition;
    BreakerPosition const is = state_->position();
    if (is == closed) fault("it refuses a call though it is closed");
    if (is == open && kernel_.now() >= open_until_ + clock_is_ahead)
      fault("it refuses a call though its rest is over");
    if (is == half_open && !probing_) fault("it refuses a call though nobody probes");
  }
  void stays(char const* when) {
    if (state_->position() != was_) {
      fault(std::string("it moved when ") + when);
      moved(state_->position());
    }
  }

 private:
  static constexpr std::chrono::milliseconds clock_is_ahead{8};

  void remember(Error const& error, bool current) {
    auto const until = kernel_.now() + std::min<Nanos>(error.retry_after(), options_.longest_rest);
    if (current) open_until_ = until;
    else if (was_ == BreakerPosition::open) open_until_ = std::max(open_until_, until);
  }
  void moved(BreakerPosition to) {
    kernel_.trace().note(kernel_.now(), "breaker moves", static_cast<int>(was_), static_cast<int>(to));
    ledger_.meet("breakers " + std::string(to_string(was_)) + " to " + std::string(to_string(to)));
    was_ = to;
    ++era_;
    in_row_ = 0;
    probing_ = false;
  }
  void fault(std::string const& what) { ledger_.fault("breaker of " + name_ + ": " + what); }

  Kernel& kernel_;
  Ledger& ledger_;
  std::string name_;
  BreakerOptions options_;
  std::shared_ptr<BreakerState> state_;
  BreakerPosition was_{BreakerPosition::closed};
  Nanos open_until_{};
  int era_{0};
  int in_row_{0};
  bool probing_{false};
};

/// Stands within a breaker: who comes here has passed it.
template <Provider P>
class WithinBreaker {
 public:
  WithinBreaker(P inner, std::shared_ptr<BreakerWatch> watch, std::shared_ptr<BreakerWatch::Pass*> last)
      : inner_(std::move(inner)), watch_(std::move(watch)), last_(std::move(last)) {}
  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    **last_ = watch_->passes();
    *last_ = nullptr;
    return inner_(request, call);
  }

 private:
  P inner_;
  std::shared_ptr<BreakerWatch> watch_;
  std::shared_ptr<BreakerWatch::Pass*> last_;  ///< Of the call that asks the breaker just now.
};

/// Stands around a breaker: sees what it made of a call, and tells the watch.
template <Provider P>
class AroundBreaker {
 public:
  AroundBreaker(P inner, std::shared_ptr<BreakerWatch> watch, std::shared_ptr<BreakerWatch::Pass*> last)
      : inner_(std::move(inner)), watch_(std::move(watch)), last_(std::move(last)) {}
  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    ArenaPtr<Watcher> watcher = call.make<Watcher>(watch_);
    *last_ = &watcher->pass;  // until the call is within, which is before anything waits
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply && reply.error().code() == Errc::circuit_open) {
      watcher->pass.over = true;
      watch_->refused();
      co_return reply;
    }
    if (!reply) {
      watch_->ended(watcher->pass, &reply.error(), false);
      co_return reply;
    }
    if constexpr (Watchable<typename R::reply_type>) {
      watch_->answered(watcher->pass);
      reply->watch(std::move(watcher));
    } else {
      watch_->ended(watcher->pass, nullptr, true);
    }
    co_return reply;
  }

 private:
  struct Watcher final : ReplyWatcher {
    explicit Watcher(std::shared_ptr<BreakerWatch> w) : watch(std::move(w)) {}
    void end(ReplyEnd const& end, ReplyProgress const&) noexcept override {
      watch->ended(pass, end.error, end.outcome == Outcome::complete);
    }
    std::shared_ptr<BreakerWatch> watch;
    BreakerWatch::Pass pass;
  };

  P inner_;
  std::shared_ptr<BreakerWatch> watch_;
  std::shared_ptr<BreakerWatch::Pass*> last_;
};

}  // namespace lowart::sim
