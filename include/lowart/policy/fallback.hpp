#pragma once
/// Fallback: asks the next provider when one fails. FallbackList: the same for a chain made at run time.

#include <lowart/policy/fallback_decision.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/provider.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lowart {

/// Several targets, each of which can be asked alone: what a Fallback tries in order and a Balance in another one.
/// Models: Fallback, FallbackList.
template <class C, class R>
concept ChainOf = Request<R> && requires(C& chain, std::size_t i, R const& request, Call& call) {
  { chain.size() } -> std::same_as<std::size_t>;
  { chain.target_name(i) } -> std::convertible_to<std::string_view>;
  { chain.ask(i, request, call) } -> std::same_as<Task<ReplyOf<R>>>;
};

/// Tries the targets of a chain in order: the loop that all kinds of chain share. `chain` outlives the task.
/// `may_go_on` says after which errors the next target is asked.
template <Request R, ChainOf<R> Chain>
Task<ReplyOf<R>> try_in_order(Chain& chain, R const& request, Call& call, GoesOn may_go_on = goes_on) {
  std::optional<FallbackReport> report;  // Made when something fails: the usual call pays nothing.
  std::size_t const trail_size = call.trail().size();
  std::size_t const size = chain.size();
  for (std::size_t i = 0; i < size; ++i) {
    ReplyOf<R> reply = co_await chain.ask(i, request, call);
    if (reply) co_return reply;
    if (!may_go_on(reply.error()) || call.interruption() || !can_repeat(request)) co_return reply;
    if (!report) report.emplace(trail_size);
    report->add(chain.target_name(i), std::move(reply.error()), call);
  }
  co_return fail(std::move(*report).error());
}

/// Asks each provider in turn until one answers. Decides at the commit point: an answer that has begun stays.
///
/// Goes on after everything that is the target's trouble: failures, timeouts, limits, an open breaker,
/// refused credentials, a model the target does not have. Stops at the client's own faults (invalid request,
/// the provider's 400, 404, 413, 422), at whole_timeout and when the call is cancelled: see goes_on().
///
/// Errors:       the error that stopped it; or, when all failed, one error whose message names what was tried
///               and whose code, status and Retry-After are those of the target likely to be back first.
/// Order:        Fallback{a | breaker(), b | breaker()} | timeouts({.whole = 2min}): a breaker per target,
///               one clock over all.
/// Concurrency:  as its providers.     Cost: one coroutine frame per call.
///
///     auto answer = Fallback{OpenAi{options} | breaker(), Demo{}};
///
/// Traps: `Fallback{a}` is Fallback<A>, but `Fallback{f}` of a Fallback f is a copy of f, not a chain of one,
/// which behaves the same; write the type out where the difference matters. Chains from a file: FallbackList.
template <Provider... P>
  requires(sizeof...(P) > 0)
class Fallback {
 public:
  explicit Fallback(P... targets) : targets_(std::move(targets)...) {}

  std::string_view name() const { return "fallback"; }
  static constexpr std::size_t size() noexcept { return sizeof...(P); }

  template <Request R>
    requires(Serves<P, R> && ...)
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    return try_in_order(*this, request, call);
  }

  std::string_view target_name(std::size_t index) const { return name_of<0>(index); }
  /// Asks one target only.
  template <Request R>
    requires(Serves<P, R> && ...)
  Task<ReplyOf<R>> ask(std::size_t index, R const& request, Call& call) {
    return ask_from<0>(index, request, call);
  }

 private:
  template <std::size_t I>
  std::string_view name_of(std::size_t index) const {
    if constexpr (I + 1 < sizeof...(P))
      if (index != I) return name_of<I + 1>(index);
    return std::get<I>(targets_).name();
  }
  template <std::size_t I, Request R>
  Task<ReplyOf<R>> ask_from(std::size_t index, R const& request, Call& call) {
    if constexpr (I + 1 < sizeof...(P))
      if (index != I) return ask_from<I + 1>(index, request, call);
    return std::get<I>(targets_)(request, call);
  }

  std::tuple<P...> targets_;
};

template <class... P>
Fallback(P...) -> Fallback<P...>;

/// A Fallback whose chain is known at run time. Everything else is as there.
template <Provider P>
class FallbackList {
 public:
  /// Throws std::invalid_argument when there is no target.
  explicit FallbackList(std::vector<P> targets) : targets_(std::move(targets)) {
    require_option(!targets_.empty(), "a FallbackList needs a target");
  }

  std::string_view name() const { return "fallback"; }
  std::size_t size() const noexcept { return targets_.size(); }
  /// The doors at which every target can serve: a chain that loses its second half when it is needed is none.
  DoorSet doors() const {
    DoorSet shared = DoorSet::all();
    for (P const& target : targets_) shared = shared & doors_of(target);
    return shared;
  }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    return try_in_order(*this, request, call);
  }

  std::string_view target_name(std::size_t index) const { return targets_[index].name(); }
  /// Asks one target only.
  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> ask(std::size_t index, R const& request, Call& call) {
    return targets_[index](request, call);
  }

 private:
  std::vector<P> targets_;
};

/// The chain of a configuration file.
using AnyFallback = FallbackList<AnyProvider>;

}  // namespace lowart
