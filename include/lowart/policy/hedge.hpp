#pragma once
/// Hedge: asks a second target beside the first when the first is slow, and takes the answer that begins first.

#include <lowart/policy/fallback.hpp>
#include <lowart/policy/hedge_decision.hpp>
#include <lowart/policy/hedged_call.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lowart {

/// Tries the targets of a chain in order, as the chain itself does; and when one is slow to begin its answer, asks the
/// next one beside it. Whose answer begins first, answers; the other one is cancelled. A chain of one is asked twice.
///
/// Slow is what takes longer than 95 of 100 answers of that target did (or `after`): of streams, whole answers,
/// embeddings and counts each on its own, and once 50 of them are known. A budget bounds the extra load: five second
/// attempts for a hundred calls, ten saved up at most. A target that fails before it is slow is not hedged: the next one
/// is asked, as ever. At most two are asked at once. A request whose body passes by is not hedged.
///
/// The loser ends before the call operator returns: it is cancelled, so it is waited for, and nothing is left running.
/// Breakers, limits and loads take it for withdrawn; the trail has it as an attempt that was `cancelled`, so that
/// records count it. Its tokens are on the provider's bill and not on the client's: HedgeState::tokens_in_vain.
///
/// `C` is a Fallback, a FallbackList or a Balance, whose order of the call it keeps.
///
/// Errors:       the chain's, of both attempts where both failed.
/// Cancellation: of the call reaches both attempts; each has a Call of its own (CallFork).
/// Order:        Hedge{Fallback{a | timeouts() | breaker(), b | timeouts() | breaker()}} | timeouts({.whole = 2min}).
/// Concurrency:  any thread; what it learns is shared. Give the next configuration's Hedge the same state.
/// Cost:         one CallFork (two allocations) and one Alarm per call; a coroutine of its own for a second attempt.
///               Clocks tick every 50 ms: an `after` below that is rounded up.
///
///     auto quick = Fallback{OpenAi{east}, OpenAi{west}} | hedge();
///     auto twice = OpenAi{options} | hedge({.after = 800ms, .budget_percent = 2});
///
/// See also: HedgeState, Fallback, CallFork.
template <class C>
class Hedge {
 public:
  /// Throws std::invalid_argument when an option is out of its range.
  explicit Hedge(C chain, HedgeOptions options = {})
      : chain_(std::move(chain)), state_(std::make_shared<HedgeState>(chain_.size(), options)) {}
  /// Goes on from `state`, which knows as many targets as there are in `chain`.
  Hedge(C chain, std::shared_ptr<HedgeState> state) : chain_(std::move(chain)), state_(std::move(state)) {
    require_option(state_ != nullptr && state_->targets() == chain_.size(),
                   "a Hedge needs a state of its targets");
  }

  std::string_view name() const { return "hedge"; }
  std::size_t size() const noexcept { return chain_.size(); }
  DoorSet doors() const
    requires TellsDoors<C>
  {
    return chain_.doors();
  }
  /// For metrics, and to hand on to the next configuration.
  std::shared_ptr<HedgeState> const& state() const noexcept { return state_; }

  template <Request R>
    requires ChainOf<C, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    if (has_source(request)) co_return co_await chain_(request, call);  // there is one of it
    if constexpr (requires { chain_.in_order(request, call); }) {
      auto ordered = chain_.in_order(request, call);
      HedgedCall<R, decltype(ordered)> hedged(ordered, request, call, *state_, chain_.goes_on_after());
      co_return co_await hedged.run();
    } else {
      HedgedCall<R, C> hedged(chain_, request, call, *state_, goes_on);
      co_return co_await hedged.run();
    }
  }

 private:
  template <Request R>
  static bool has_source(R const& request) noexcept {
    if constexpr (requires { request.wire()->source; }) return request.wire()->source != nullptr;
    else return false;
  }

  C chain_;
  std::shared_ptr<HedgeState> state_;
};

/// What hedge() returns.
class HedgeLayer : public PolicyLayer {
 public:
  explicit HedgeLayer(HedgeOptions options) : options_(options) {}
  /// A provider that is no chain is one of one target.
  template <Provider P>
  auto wrap(P provider) const {
    if constexpr (ChainOf<P, ChatRequest> || ChainOf<P, EmbeddingRequest> || ChainOf<P, CountRequest> ||
                  ChainOf<P, OperationRequest>)
      return Hedge<P>(std::move(provider), options_);
    else return Hedge<Fallback<P>>(Fallback<P>(std::move(provider)), options_);
  }

 private:
  HedgeOptions options_;
};

/// `provider | hedge({.after = 800ms})`. One layer value put around two providers lets each learn on its own.
[[nodiscard]] inline HedgeLayer hedge(HedgeOptions options = {}) { return HedgeLayer(options); }

}  // namespace lowart
