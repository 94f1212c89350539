#pragma once
/// HedgedCall: one call over a chain, with a second attempt beside one that is slow. What Hedge awaits.

#include <lowart/core/call.hpp>
#include <lowart/core/run_beside.hpp>
#include <lowart/core/wake.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/hedge_decision.hpp>
#include <lowart/policy/request_facts.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace lowart {

/// Lives in the frame of whoever awaits run(). `chain`, `request`, `call` and `state` outlive it.
///
/// The first attempt runs in run()'s own coroutine, so that the usual call costs no second one. The second runs beside
/// it, and run() does not return before it has ended: all it views is there. Only when its loop is torn down it may be
/// left behind; so what it writes to is its own.
template <Request R, ChainOf<R> Chain>
class HedgedCall {
 public:
  HedgedCall(Chain& chain, R const& request, Call& call, HedgeState& state, GoesOn may_go_on)
      : chain_(chain),
        request_(request),
        call_(call),
        state_(state),
        may_go_on_(may_go_on),
        kind_(hedge_kind(request)),
        slow_(call.clock(), [](void* self) { static_cast<HedgedCall*>(self)->begin_second(); }, this) {}
  HedgedCall(HedgedCall const&) = delete;
  HedgedCall& operator=(HedgedCall const&) = delete;
  ~HedgedCall() {
    if (second_ && !second_->reply) second_->leave_behind();
  }

  Task<ReplyOf<R>> run() {
    state_.budget().deposit();
    report_from_ = call_.trail().size();
    while (next_ < chain_.size()) {
      std::size_t const round = call_.trail().size();
      ReplyOf<R> reply = co_await ask_first();
      if (second_) reply = co_await decide(std::move(reply));
      else end_first(reply.has_value());
      second_.reset();
      bool const goes_on = !reply && may_go_on_(reply.error()) && !call_.interruption();
      if (goes_on) note(failed_, std::move(reply.error()));
      sort_trail(round);
      if (!goes_on) co_return reply;
    }
    co_return fail(std::move(*report_).error());
  }

 private:
  /// The attempt beside the first. Both coroutines hold it.
  struct Second {
    Second(HedgedCall& by, std::size_t at)
        : fork(CallFork::of(by.call_)), over(by.call_.executor()), target(at), owner(&by) {}

    /// Nobody waits for it any more.
    void leave_behind() noexcept {
      owner = nullptr;
      fork->call().cancel();
    }
    void ended(ReplyOf<R> with) {
      reply.emplace(std::move(with));
      won = *reply && !fork->call().interruption();
      if (won && owner != nullptr) owner->fork_->call().cancel();
      over.set();
    }

    std::shared_ptr<CallFork> fork;
    std::optional<ReplyOf<R>> reply;  ///< Once it is over. Goes before its call does.
    bool won{false};                  ///< It answered, and nobody had stopped it.
    Wake over;
    std::size_t target;
    HedgedCall* owner;
  };

  Task<ReplyOf<R>> ask_first() {
    failed_ = next_++;
    fork_ = CallFork::of(call_);
    began_at_ = call_.now();
    bool const has_other = next_ < chain_.size() || chain_.size() == 1;
    if (has_other)
      if (auto const after = state_.after(index_of(failed_), kind_, began_at_)) slow_.set_in(*after);
    ReplyOf<R> reply = co_await chain_.ask(failed_, request_, fork_->call());
    slow_.clear();
    if (reply) observe(failed_, began_at_);
    co_return reply;
  }

  /// For the alarm: the first is slow.
  void begin_second() {
    if (fork_->call().interruption()) return;
    if (!state_.budget().withdraw()) {
      state_.unpaid.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    second_ = std::make_shared<Second>(*this, chain_.size() == 1 ? 0 : next_++);
    run_beside(call_.executor(), run_second(second_, chain_, request_, state_));
  }
  /// A target that refuses before anything is sent to it (its breaker, its limits) is passed over. Where nobody was
  /// asked in the end, nothing is paid.
  static Task<void> run_second(std::shared_ptr<Second> self, Chain& chain, R const& request,
                               HedgeState& state) {
    for (;;) {
      Call& call = self->fork->call();
      TimePoint const began_at = call.now();
      ReplyOf<R> reply = co_await chain.ask(self->target, request, call);
      if (self->owner == nullptr) co_return;
      if (reply) self->owner->observe(self->target, began_at);
      bool const refused = !reply && reply.error().sent() == Sent::nothing && !call.interruption();
      if (refused && self->owner->passes_on(*self, reply.error())) continue;
      if (refused && call.trail().empty()) state.budget().give_back();
      else state.begun.fetch_add(1, std::memory_order_relaxed);
      self->ended(std::move(reply));
      co_return;
    }
  }
  bool passes_on(Second& second, Error const& error) {
    if (next_ >= chain_.size() || !may_go_on_(error)) return false;
    second.target = next_++;
    return true;
  }

  /// The first attempt is over, and a second one has begun: one of them is the answer. Where both failed, the first's
  /// error is noted and the second's returned.
  Task<ReplyOf<R>> decide(ReplyOf<R> first) {
    Second& second = *second_;
    bool const first_stands = first || !may_go_on_(first.error()) || call_.interruption();
    if (first_stands && !second.reply) second.fork->call().cancel();
    co_await second.over.wait();
    if (second.won) co_return take_second(first);
    end_first(first.has_value());
    if (!first_stands) note(failed_, std::move(first.error()));
    if (first) count_in_vain(*second.fork);
    if (first_stands) second.reply.reset();
    failed_ = second.target;
    second.fork->hand_over_trail();
    second.fork->release();
    if (first_stands) co_return first;
    co_return std::move(*second.reply);
  }
  ReplyOf<R> take_second(ReplyOf<R> const& first) {
    state_.won.fetch_add(1, std::memory_order_relaxed);
    if (!first && first.error().code() == Errc::cancelled) observe(failed_, began_at_);
    count_in_vain(*fork_);
    end_first(first.has_value());
    second_->fork->hand_over_trail();
    return std::move(*second_->reply);
  }
  void end_first(bool holds_a_reply) {
    fork_->hand_over_trail();
    if (!holds_a_reply) fork_->release();
  }

  void observe(std::size_t target, TimePoint began_at) {
    TimePoint const now = call_.now();
    state_.observe(index_of(target), kind_, now - began_at, now);
  }
  /// What was cancelled had been sent: its provider has read the prompt, or so it is counted. No client pays for it.
  void count_in_vain(CallFork& loser) {
    auto& trail = loser.call().trail();
    auto const was_asked = std::find_if(trail.rbegin(), trail.rend(), [](Attempt const& attempt) {
      return !attempt.failure || attempt.failure == Errc::cancelled;
    });
    if (was_asked == trail.rend()) return;
    auto const tokens = RequestFacts(request_, call_).input_tokens();
    auto* const used = ::new (call_.memory()->allocate(sizeof(Usage), alignof(Usage))) Usage;
    used->set(UsageClass::input, tokens);
    was_asked->in_vain = used;
    state_.tokens_in_vain.fetch_add(static_cast<std::uint64_t>(tokens), std::memory_order_relaxed);
  }
  void note(std::size_t target, Error error) {
    if (!report_) report_.emplace(report_from_);
    report_->add(chain_.target_name(target), std::move(error), call_);
  }
  /// In the order in which they began, as everybody expects.
  void sort_trail(std::size_t from) {
    auto const began_earlier = [](Attempt const& a, Attempt const& b) { return a.started_at < b.started_at; };
    auto const begin = call_.trail().begin() + static_cast<std::ptrdiff_t>(from);
    for (auto at = begin; at != call_.trail().end(); ++at)
      std::rotate(std::upper_bound(begin, at, *at, began_earlier), at, at + 1);
  }
  /// The target's own number, where the chain is in the order of one call.
  std::size_t index_of(std::size_t i) const {
    if constexpr (requires { chain_.index_of(i); }) return chain_.index_of(i);
    else return i;
  }

  Chain& chain_;
  R const& request_;
  Call& call_;
  HedgeState& state_;
  GoesOn may_go_on_;
  HedgeKind kind_;
  std::size_t next_{0};    ///< Of the chain: who has not been asked yet.
  std::size_t failed_{0};  ///< Who is asked first in this round; then whose error is told.
  TimePoint began_at_{};
  std::shared_ptr<CallFork> fork_;  ///< Of the first attempt.
  std::shared_ptr<Second> second_;
  std::optional<FallbackReport> report_;  ///< Made when something fails, as in try_in_order().
  std::size_t report_from_{0};
  Alarm slow_;
};

}  // namespace lowart
