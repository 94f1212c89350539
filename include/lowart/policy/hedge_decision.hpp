#pragma once
/// Whether and when a second attempt begins beside one that is slow. Decides only; time is an argument.

#include <lowart/model/chat_request.hpp>
#include <lowart/policy/call_budget.hpp>
#include <lowart/policy/latency_quantile.hpp>
#include <lowart/policy/option_range.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>

namespace lowart {

struct HedgeOptions {
  std::chrono::milliseconds after{
      0};                 ///< A second attempt begins after this; 0: after what is learned. To 1 h.
  int percentile{95};     ///< Learned: what so many of 100 answers of a target kept; 50 to 99.
  int samples{50};        ///< Learned of at least so many answers, else there is no second attempt; 1 to 400.
  int budget_percent{5};  ///< Second attempts that each call pays for, in hundredths; 0 to 100.
  int budget_reserve{10};  ///< Second attempts that the budget holds at most, and begins with; 0 to 100'000.
  friend bool operator==(HedgeOptions const&, HedgeOptions const&) = default;
};

/// Throws std::invalid_argument when an option is out of its range.
inline void require_valid(HedgeOptions const& options) {
  using namespace std::chrono_literals;
  require_option(options.after >= 0ms && options.after <= 1h, "hedge after: 0 to 1 h");
  require_option(options.percentile >= 50 && options.percentile <= 99, "hedge percentile: 50 to 99");
  require_option(options.samples >= 1 && options.samples <= 400, "hedge samples: 1 to 400");
  require_option(options.budget_percent >= 0 && options.budget_percent <= 100,
                 "hedge budget_percent: 0 to 100");
  require_option(options.budget_reserve >= 0 && options.budget_reserve <= 100'000,
                 "hedge budget_reserve: 0 to 100'000");
}

/// What is compared with its like only: a stream's first token comes sooner than the last one of a whole answer.
enum class HedgeKind : std::uint8_t { stream, whole, embedding, count };
inline constexpr std::array<std::string_view, 4> hedge_kind_names{"stream", "whole", "embedding", "count"};

template <class R>
HedgeKind hedge_kind(R const& request) noexcept {
  if constexpr (std::same_as<R, ChatRequest>) return request.stream() ? HedgeKind::stream : HedgeKind::whole;
  else if constexpr (requires { requires R::uses_nothing; }) return HedgeKind::count;
  else return HedgeKind::embedding;
}

/// What the calls of one Hedge share: how long answers of each target take to begin, the budget, and what came of it.
///
/// Concurrency: any thread; one short lock per target when an attempt begins and when its answer does.
class HedgeState {
 public:
  /// Throws std::invalid_argument when an option is out of its range.
  explicit HedgeState(std::size_t targets, HedgeOptions options = {})
      : options_((require_valid(options), options)),
        targets_(targets),
        budget_(options.budget_percent, options.budget_reserve) {}

  HedgeOptions const& options() const noexcept { return options_; }
  std::size_t targets() const noexcept { return targets_.size(); }
  CallBudget& budget() noexcept { return budget_; }

  /// How long an attempt at `target` may be without an answer until a second one begins; nullopt: too little is known.
  std::optional<Duration> after(std::size_t target, HedgeKind kind, TimePoint now) const {
    if (options_.after.count() > 0) return options_.after;
    Target const& t = targets_[target];
    std::lock_guard const lock(t.mutex);
    LatencyQuantile const& known = t.kinds[static_cast<std::size_t>(kind)];
    if (known.samples(now) < options_.samples) return std::nullopt;
    return known.at(options_.percentile / 100.0);
  }
  /// The answer of an attempt began after this time; or the attempt was given up then for another that was quicker,
  /// which makes it one of the slow ones, however long it would have taken.
  void observe(std::size_t target, HedgeKind kind, Duration latency, TimePoint now) {
    if (options_.after.count() > 0) return;
    Target& t = targets_[target];
    std::lock_guard const lock(t.mutex);
    t.kinds[static_cast<std::size_t>(kind)].observe(latency, now);
  }

  std::atomic<std::uint64_t> begun{0};           ///< Second attempts.
  std::atomic<std::uint64_t> won{0};             ///< Those whose answer the client got.
  std::atomic<std::uint64_t> unpaid{0};          ///< Those that the budget did not allow.
  std::atomic<std::uint64_t> tokens_in_vain{0};  ///< Of prompts that were sent to losers, estimated.

 private:
  struct Target {
    mutable std::mutex mutex;
    std::array<LatencyQuantile, hedge_kind_names.size()> kinds;
  };

  HedgeOptions const options_;
  std::deque<Target> targets_;
  CallBudget budget_;
};

}  // namespace lowart
