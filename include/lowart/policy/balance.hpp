#pragma once
/// Balance: spreads calls over the targets of a chain, by a Selection.

#include <lowart/policy/fallback.hpp>
#include <lowart/policy/jitter_source.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/selection.hpp>
#include <lowart/policy/target_load.hpp>
#include <lowart/policy/watchable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Counts a call as in flight until its reply has ended, and measures how long its answer took to begin.
class LoadTicket final : public ReplyWatcher {
 public:
  LoadTicket(std::shared_ptr<TargetLoad> load, Call& call) noexcept
      : load_(std::move(load)), call_(call), began_at_(call.now()) {
    load_->begin();
  }
  ~LoadTicket() override { end_once(); }
  LoadTicket(LoadTicket const&) = delete;
  LoadTicket& operator=(LoadTicket const&) = delete;

  void answered() noexcept { load_->answered(call_.now() - began_at_, call_.now()); }
  void failed(Error const& error) noexcept {
    // What fails everywhere says nothing about this target, nor does what it was not asked.
    if (goes_on(error) && error.origin() == Origin::upstream)
      load_->failed(call_.now() - began_at_, call_.now());
  }
  void end(ReplyEnd const&, ReplyProgress const&) noexcept override { end_once(); }

 private:
  void end_once() noexcept {
    if (load_) load_->end();
    load_.reset();
  }

  std::shared_ptr<TargetLoad> load_;
  Call& call_;
  TimePoint began_at_;
};

/// Tries the targets of a chain in the order that a Selection gives them for each call. Everything else is as in the
/// chain: the next one is asked when one fails before its answer began, an answer that has begun stays.
///
/// `C` is a Fallback or a FallbackList; its targets may be chains and Balances themselves.
///
/// Errors:       the chain's. `may_go_on` narrows after which of them the next target is asked.
/// Order:        Balance{WeightedRandom{}, Fallback{a | breaker(), b | breaker()}}: a breaker for each target, so
///               that one that is down costs its share of calls nothing but a refusal.
/// Concurrency:  any thread; the loads are shared. Give a Candidate the load of an earlier Balance and what is known
///               of the target survives.
/// Cost:         two coroutine frames per call, one object in the call's arena per target asked; what the Selection
///               asks of RequestFacts.
///
///     auto pool = Balance{WeightedRandom{}, Fallback{a, b}, {{.weight = 3}, {.weight = 1}}};
///     auto answer = Fallback{std::move(pool), c};
template <Selection S, class C>
class Balance {
 public:
  /// What is left out of `targets` at its end has weight 1, no price, and the target's own name. Throws
  /// std::invalid_argument when there are more of them than targets, more targets than TargetOrder::most, or a weight
  /// is not from 0 to 1e6. `seed` makes choices repeatable.
  Balance(S selection, C chain, std::vector<Candidate> targets = {}, GoesOn may_go_on = goes_on,
          std::uint64_t seed = std::random_device{}())
      : chain_(std::move(chain)),
        shared_(std::make_shared<Shared>(std::move(selection), named(std::move(targets), chain_), seed)),
        may_go_on_(may_go_on) {}

  std::string_view name() const { return "balance"; }
  std::size_t size() const noexcept { return chain_.size(); }
  std::span<Candidate const> candidates() const noexcept { return shared_->targets; }
  DoorSet doors() const
    requires TellsDoors<C>
  {
    return chain_.doors();
  }

  template <Request R>
    requires ChainOf<C, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    Ordered ordered = in_order(request, call);
    co_return co_await try_in_order(ordered, request, call, may_go_on_);
  }

  /// The chain as one call sees it. The Balance outlives it.
  class Ordered {
   public:
    Ordered(Balance& balance, TargetOrder order) : balance_(balance), order_(order) {}
    std::size_t size() const noexcept { return order_.size(); }
    std::size_t index_of(std::size_t i) const { return order_[i]; }
    std::string_view target_name(std::size_t i) const { return balance_.target_name(order_[i]); }
    template <Request R>
    Task<ReplyOf<R>> ask(std::size_t i, R const& request, Call& call) {
      return balance_.ask(order_[i], request, call);
    }

   private:
    Balance& balance_;
    TargetOrder order_;
  };
  /// Puts the targets in order for a call: for what tries them in another way (Hedge).
  template <Request R>
  Ordered in_order(R const& request, Call& call) {
    return Ordered(*this, arrange(request, call));
  }
  /// After which errors the next one is asked.
  GoesOn goes_on_after() const noexcept { return may_go_on_; }

  std::string_view target_name(std::size_t index) const { return chain_.target_name(index); }
  /// Asks one target only.
  template <Request R>
    requires ChainOf<C, R>
  Task<ReplyOf<R>> ask(std::size_t index, R const& request, Call& call) {
    ArenaPtr<LoadTicket> ticket = call.make<LoadTicket>(shared_->targets[index].load, call);
    ReplyOf<R> reply = co_await chain_.ask(index, request, call);
    if (!reply) {
      ticket->failed(reply.error());
      co_return reply;
    }
    ticket->answered();
    if constexpr (Watchable<typename R::reply_type>) reply->watch(std::move(ticket));
    co_return reply;
  }

 private:
  struct Shared {
    Shared(S s, std::vector<Candidate> t, std::uint64_t seed)
        : selection(std::move(s)), targets(std::move(t)), jitter(seed) {}
    S const selection;
    std::vector<Candidate> const targets;
    JitterSource jitter;
  };
  template <Request R>
  TargetOrder arrange(R const& request, Call& call) const {
    TargetOrder order(chain_.size());
    RequestFacts const facts(request, call);
    Moment const moment{.facts = facts, .now = call.now(), .random = shared_->jitter.next()};
    shared_->selection.arrange(shared_->targets, moment, order);
    return order;
  }
  static std::vector<Candidate> named(std::vector<Candidate> targets, C const& chain) {
    require_option(chain.size() <= TargetOrder::most, "a Balance has at most 64 targets");
    require_option(targets.size() <= chain.size(), "a Balance has a target for each Candidate");
    targets.resize(chain.size());
    for (std::size_t i = 0; i < targets.size(); ++i) {
      Candidate& target = targets[i];
      require_option(target.weight >= 0 && target.weight <= 1e6, "balance weight: 0 to 1e6");
      if (target.name.empty()) target.name = chain.target_name(i);
      if (!target.load) target.load = std::make_shared<TargetLoad>();
    }
    tell_apart(targets);
    return targets;
  }
  /// Two targets of one name would draw the same numbers for ever.
  static void tell_apart(std::vector<Candidate>& targets) {
    for (std::size_t i = 1; i < targets.size(); ++i) {
      auto const same = [&](Candidate const& other) { return other.name == targets[i].name; };
      auto const earlier = targets.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::any_of(targets.begin(), earlier, same)) targets[i].name += "#" + std::to_string(i);
    }
  }

  C chain_;
  std::shared_ptr<Shared> shared_;
  GoesOn may_go_on_;
};

/// The balanced pool of a configuration file.
using AnyBalance = Balance<AnySelection, AnyFallback>;

}  // namespace lowart
