#pragma once
/// Limiter: lets calls in. Reserves an estimate in one step over all limits, settles the rest at the end.

#include <lowart/core/admission.hpp>
#include <lowart/core/result.hpp>
#include <lowart/meter/limit_state.hpp>
#include <lowart/meter/limits.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

namespace lowart {

/// The limits of all that one call counts against, taken and settled together. Outlives the call's admission.
class LimitGroup final : public Ledger {
 public:
  static constexpr std::size_t most_states = 8;

  LimitGroup() noexcept = default;
  LimitGroup(LimitGroup const&) = delete;
  LimitGroup& operator=(LimitGroup const&) = delete;

  /// Null and what is there already add nothing, and so does what is beyond most_states. Not while the group is taken.
  void add(LimitState* state) noexcept {
    if (state == nullptr || count_ == most_states) return;
    // By address: whoever takes several locks takes them in this order, so that none waits for another in a circle.
    auto* const end = states_.data() + count_;
    auto* const place = std::lower_bound(states_.data(), end, state, std::less<>());
    if (place != end && *place == state) return;
    std::move_backward(place, end, end + 1);
    *place = state;
    ++count_;
  }
  std::span<LimitState* const> states() const noexcept { return {states_.data(), count_}; }

  void settle(Reservation const& reserved, CallUse const& used) noexcept override {
    Lock const lock(states());
    for (LimitState* state : states()) state->give_back(reserved, used);
  }

 private:
  friend class Limiter;
  class Lock {
   public:
    explicit Lock(std::span<LimitState* const> states) : states_(states) {
      for (LimitState* state : states_) state->mutex_.lock();
    }
    ~Lock() {
      for (LimitState* state : states_) state->mutex_.unlock();
    }
    Lock(Lock const&) = delete;
    Lock& operator=(Lock const&) = delete;

   private:
    std::span<LimitState* const> states_;
  };

  std::array<LimitState*, most_states> states_;
  std::size_t count_{0};
};

/// A call's size before it is known exactly.
struct CallEstimate {
  CallUse input;   ///< As much at most.
  CallUse output;  ///< As much as is reserved for it.

  CallUse all() const noexcept {
    return {.tokens = input.tokens + output.tokens, .cost = input.cost + output.cost};
  }
};

/// The only maker of Admissions: what is sent upstream has passed here.
class Limiter {
 public:
  /// Reserves one request, one place and `most` (an estimate of what the call uses, 0 or more) in one step over all
  /// limits of the group, or nothing.
  ///
  /// Errors (origin client), saying which limit of whom, how much of it is used, when it resets, with a true retry_after:
  /// rate_limited for rates and places (one second when all places are taken, because no one knows when a call ends);
  /// quota_exceeded for a day's, week's or month's limit. too_large when the reservation is more than a limit can ever
  /// hold: waiting does not help.
  ///
  /// Dropping the admission unsettled returns place, tokens and money. The request stays counted: what is refused or
  /// fails upstream was asked for all the same, and a client that hammers a broken route is still limited.
  /// `report`, unless null, is told what is left then, and of a warning or a refusal.
  ///
  /// Concurrency: any thread. All or nothing on all of them: the states' locks are held together.
  static Result<Admission> admit(LimitGroup& group, LimitTime const& now, CallUse most,
                                 LimitReport* report = nullptr) {
    LimitGroup::Lock const lock(group.states());
    return admit_locked(group, group.states(), now, most, report);
  }
  /// The same for one state.
  static Result<Admission> admit(LimitState& state, LimitTime const& now, CallUse most,
                                 LimitReport* report = nullptr) {
    std::array<LimitState*, 1> const one{&state};
    std::lock_guard const lock(state.mutex_);
    return admit_locked(state, one, now, most, report);
  }
  /// Lets a call in by its estimate where it is not worth counting exactly: its input is at most a 64th of what each
  /// limit has left. Refuses it where even no input is too much. nullopt: count, and ask admit().
  template <class States>
  static std::optional<Result<Admission>> admit_small(States& group, LimitTime const& now,
                                                      CallEstimate const& estimate,
                                                      LimitReport* report = nullptr) {
    if constexpr (std::same_as<States, LimitState>) {
      std::array<LimitState*, 1> const one{&group};
      std::lock_guard const lock(group.mutex_);
      return admit_small_locked(group, one, now, estimate, report);
    } else {
      LimitGroup::Lock const lock(group.states());
      return admit_small_locked(group, group.states(), now, estimate, report);
    }
  }
  /// For in-process use, where the program that asks is the one that pays.
  static Admission unlimited() noexcept { return Admission(nullptr, {}); }

 private:
  using States = std::span<LimitState* const>;
  using Obstacle = LimitState::Obstacle;

  static LimitTime moment_of(States states, LimitTime now) noexcept {
    // A loop whose clock is a little behind must not count against a window that another has left.
    for (LimitState const* state : states) now.utc = std::max(now.utc, state->newest_begin());
    return now;
  }
  /// The state that keeps the call out the longest; null: none does.
  static LimitState* worst_of(States states, LimitTime const& at, CallUse const& most, Obstacle& worst) {
    LimitState* keeper = nullptr;
    for (LimitState* state : states) {
      Obstacle const one = state->obstacle(at, most);
      if (one.wait <= worst.wait) continue;
      worst = one;
      keeper = state;
    }
    return keeper;
  }
  static Result<Admission> refuse(States states, LimitState& keeper, Obstacle const& why, LimitTime const& at,
                                  CallUse const& most, LimitReport* report) {
    LimitReport unread;
    LimitReport& told = report != nullptr ? *report : unread;
    for (LimitState const* state : states) state->tell(at.now, told.left);
    told.refused_by = &keeper;
    return fail(keeper.refusal(why, at, most, told.notice));
  }
  static Result<Admission> let_in(Ledger& ledger, States states, LimitTime const& at, CallUse const& most,
                                  LimitReport* report) {
    for (LimitState* state : states) state->take(at, most);
    if (report != nullptr)
      for (LimitState* state : states) {
        state->tell(at.now, report->left);
        if (state->limits_.soft_percent > 0) state->warn(report->notice);
      }
    return Admission(&ledger, Reservation{.most = most, .began_utc = at.utc});
  }
  static CallUse bounded(CallUse most) noexcept {
    return {.tokens = std::max<std::int64_t>(most.tokens, 0), .cost = std::max(most.cost, NanoUsd())};
  }

  static Result<Admission> admit_locked(Ledger& ledger, States states, LimitTime const& now,
                                        CallUse const& most, LimitReport* report) {
    LimitTime const at = moment_of(states, now);
    CallUse const wanted = bounded(most);
    Obstacle worst;
    LimitState* const keeper = worst_of(states, at, wanted, worst);
    if (keeper != nullptr) return refuse(states, *keeper, worst, at, wanted, report);
    return let_in(ledger, states, at, wanted, report);
  }
  static std::optional<Result<Admission>> admit_small_locked(Ledger& ledger, States states,
                                                             LimitTime const& now,
                                                             CallEstimate const& estimate,
                                                             LimitReport* report) {
    LimitTime const at = moment_of(states, now);
    CallUse const input = bounded(estimate.input);
    CallUse const all = bounded(estimate.all());
    Obstacle worst;
    if (worst_of(states, at, all, worst) == nullptr) {
      for (LimitState* state : states)
        if (!state->is_small(at, input)) return std::nullopt;
      return let_in(ledger, states, at, all, report);
    }
    CallUse const least = bounded(estimate.output);
    worst = {};
    LimitState* const keeper = worst_of(states, at, least, worst);
    if (keeper == nullptr) return std::nullopt;
    return refuse(states, *keeper, worst, at, least, report);
  }
};

}  // namespace lowart
