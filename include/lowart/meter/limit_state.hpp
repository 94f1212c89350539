#pragma once
/// LimitState: the limits of one subject and what is used of them.

#include <lowart/core/admission.hpp>
#include <lowart/core/clock.hpp>
#include <lowart/core/result.hpp>
#include <lowart/meter/calendar_window.hpp>
#include <lowart/meter/limit_text.hpp>
#include <lowart/meter/limits.hpp>
#include <lowart/meter/token_bucket.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart {

/// What was used of one calendar window, as records tell it.
struct PastUse {
  std::int64_t requests{0};
  CallUse use;
};

/// The limits of one subject (a key, a team, a model, a provider ...) and what is used of them. Must outlive the calls
/// it let in.
///
/// Concurrency: any thread; one short lock per call at its start and one at its end.
class LimitState final : public Ledger {
 public:
  /// `name` stands in refusals: "key alice"; empty: they name nobody.
  LimitState(Limits const& limits, LimitTime const& now, std::string name = {}) : name_(std::move(name)) {
    set(limits, now);
  }
  /// Without the time of day: calendar windows begin with the first call.
  LimitState(Limits const& limits, TimePoint now) : LimitState(limits, LimitTime{now, 0}) {}

  /// Takes over new limits and the name; what is used stays used. For a configuration that was reloaded.
  void change(Limits const& limits, LimitTime const& now, std::string name) {
    std::lock_guard const lock(mutex_);
    name_ = std::move(name);
    set(limits, now);
  }

  LimitSnapshot snapshot(TimePoint now) const {
    std::lock_guard const lock(mutex_);
    LimitSnapshot all;
    tell(now, all);
    return all;
  }
  /// Every limit there is, with its use.
  std::vector<LimitUse> uses(LimitTime const& now) const;
  std::string name() const {
    std::lock_guard const lock(mutex_);
    return name_;
  }

  /// Whether tokens, or money, are limited: else nobody needs to know how many a call may use.
  bool limits_tokens() const noexcept { return (weighs_.load(std::memory_order_relaxed) & 1U) != 0; }
  bool limits_cost() const noexcept { return (weighs_.load(std::memory_order_relaxed) & 2U) != 0; }

  /// The windows of which a part lies before counting began: [begin, since) of each period, for what records know of it.
  std::vector<std::pair<LimitPeriod, CalendarSpan>> unknown_past() const;
  /// Adds what was used in the unknown past of the window that begins at `begin_utc`. A window that has ended since is
  /// left alone. Once for each.
  void add_past(LimitPeriod period, std::int64_t begin_utc, PastUse const& past);

  /// Ends a call: frees its place, returns what it reserved and did not use, charges what it used beyond. The request
  /// itself stays counted, whatever became of it.
  void settle(Reservation const& reserved, CallUse const& used) noexcept override {
    std::lock_guard const lock(mutex_);
    give_back(reserved, used);
  }

 private:
  friend class Limiter;
  friend class LimitGroup;

  static constexpr std::chrono::minutes minute{1};

  struct CalendarLimit {
    LimitKind kind;
    CalendarWindow window;
    bool warned{false};
    bool reached{false};
    bool past_known{false};  ///< What was used in the window before counting began has been added.
  };
  /// Why a call cannot come in. `wait`: zero: it can; Duration::max(): never; else until there is room, or the least
  /// time there is for a place.
  struct Obstacle {
    LimitKind kind{};
    Duration wait{Duration::zero()};
  };
  static constexpr Duration for_a_place{1};

  // All of these with the lock held.

  std::int64_t newest_begin() const noexcept {
    std::int64_t newest = 0;
    for (auto const& limit : calendar_) newest = std::max(newest, limit.window.since());
    return newest;
  }
  Obstacle obstacle(LimitTime const& at, CallUse const& wanted) {
    if (tokens_ && !tokens_->can_hold(wanted.tokens)) return {LimitKind::tpm, Duration::max()};
    Duration const until_request = requests_ ? requests_->until(1, at.now) : Duration::zero();
    Duration const until_tokens = tokens_ ? tokens_->until(wanted.tokens, at.now) : Duration::zero();
    Obstacle worst;
    if (until_request > Duration::zero()) worst = {LimitKind::rpm, until_request};
    if (until_tokens > until_request) worst = {LimitKind::tpm, until_tokens};
    if (!calendar_.empty()) look_at_calendar(at, wanted, worst);
    bool const full = limits_.concurrency > 0 && running_ >= limits_.concurrency;
    if (full && worst.wait == Duration::zero()) worst = {LimitKind::concurrency, for_a_place};
    return worst;
  }
  void look_at_calendar(LimitTime const& at, CallUse const& wanted, Obstacle& worst) {
    for (auto& limit : calendar_) {
      if (limit.window.roll(at.utc)) limit.warned = limit.reached = limit.past_known = false;
      std::int64_t const amount = amount_of(limit.kind, wanted);
      if (limit.window.has_room(amount)) continue;
      Duration const wait =
          limit.window.can_hold(amount) ? until(limit.window.span().end, at) : Duration::max();
      if (wait > worst.wait) worst = {limit.kind, wait};
    }
  }
  /// Whether `part` of a call is at most a 64th of what each limit of tokens and money has left.
  bool is_small(LimitTime const& at, CallUse const& part) {
    constexpr std::int64_t share = 64;
    if (tokens_ && part.tokens > tokens_->remaining(at.now) / share) return false;
    return std::all_of(calendar_.begin(), calendar_.end(), [&](CalendarLimit const& limit) {
      if (quantity_of(limit.kind) == LimitQuantity::requests) return true;
      return amount_of(limit.kind, part) <= limit.window.left() / share;
    });
  }
  void take(LimitTime const& at, CallUse const& most) {
    if (requests_) requests_->take(1, at.now);
    if (tokens_) tokens_->take(most.tokens, at.now);
    for (auto& limit : calendar_) limit.window.take(amount_of(limit.kind, most));
    ++running_;
  }
  void give_back(Reservation const& reserved, CallUse const& used) noexcept {
    --running_;
    if (tokens_) {
      if (used.tokens < reserved.most.tokens)
        tokens_->give_back(reserved.most.tokens - std::max<std::int64_t>(used.tokens, 0));
      else tokens_->charge(used.tokens - reserved.most.tokens);
    }
    for (auto& limit : calendar_)
      limit.window.settle(reserved.began_utc, amount_of(limit.kind, reserved.most),
                          amount_of(limit.kind, used));
  }

  void tell(TimePoint now, LimitSnapshot& all) const {
    tighten(all.requests, requests_, now);
    tighten(all.tokens, tokens_, now);
    all.running = running_;
    all.concurrency = std::max<std::int64_t>(limits_.concurrency, 0);
  }
  /// The limit whose soft share is passed, and used most; the notice of another subject stays if its is used more.
  void warn(std::optional<LimitNotice>& notice);
  Error refusal(Obstacle const& what, LimitTime const& at, CallUse const& wanted,
                std::optional<LimitNotice>& notice);

  void set(Limits const& limits, LimitTime const& now);
  static void resize(std::optional<TokenBucket>& bucket, std::int64_t limit, TimePoint now) {
    if (limit <= 0) bucket.reset();
    else if (bucket) bucket->resize(limit, now);
    else bucket.emplace(limit, minute, now);
  }
  static void tighten(LimitWindow& window, std::optional<TokenBucket> bucket, TimePoint now) {
    if (!bucket) return;
    std::int64_t const remaining = bucket->remaining(now);
    if (window.limit > 0 && window.remaining <= remaining) return;
    window.limit = bucket->capacity();
    window.remaining = remaining;
    window.reset = std::chrono::ceil<std::chrono::milliseconds>(bucket->until_full(now));
  }
  static std::int64_t amount_of(LimitKind kind, CallUse const& use) noexcept {
    switch (quantity_of(kind)) {
      case LimitQuantity::requests: return 1;
      case LimitQuantity::tokens: return use.tokens;
      case LimitQuantity::cost: return use.cost.count();
    }
    return 0;
  }
  static Duration until(std::int64_t utc, LimitTime const& at) noexcept {
    return std::chrono::microseconds(std::max<std::int64_t>(utc - at.utc, 1));
  }
  static LimitUse use_of(CalendarLimit const& limit) {
    return {.kind = limit.kind,
            .limit = limit.window.limit(),
            .used = limit.window.used(),
            .reserved = limit.window.reserved(),
            .resets_utc = limit.window.span().end};
  }
  LimitUse use_of(LimitKind rate, TokenBucket bucket, LimitTime const& at) const {
    auto const full = std::chrono::ceil<std::chrono::microseconds>(bucket.until_full(at.now));
    return {.kind = rate,
            .limit = bucket.capacity(),
            .used = bucket.capacity() - bucket.level(at.now),
            .reserved = 0,
            .resets_utc = at.utc + full.count()};
  }
  LimitUse use_of_places() const {
    return {.kind = LimitKind::concurrency,
            .limit = limits_.concurrency,
            .used = running_,
            .reserved = 0,
            .resets_utc = std::nullopt};
  }

  mutable std::mutex mutex_;
  std::string name_;
  Limits limits_;
  std::optional<TokenBucket> requests_;
  std::optional<TokenBucket> tokens_;
  std::vector<CalendarLimit> calendar_;  ///< In the order of LimitKind.
  std::int64_t running_{0};
  std::atomic<unsigned> weighs_{0};  ///< 1: tokens, 2: money.
};

inline void LimitState::set(Limits const& limits, LimitTime const& now) {
  limits_ = limits;
  resize(requests_, limits.rpm, now.now);
  resize(tokens_, limits.tpm, now.now);
  std::vector<CalendarLimit> next;
  auto const add = [&](LimitPeriod period, LimitQuantity quantity, std::int64_t limit) {
    if (limit <= 0) return;
    LimitKind const kind = calendar_kind(period, quantity);
    auto const known =
        std::find_if(calendar_.begin(), calendar_.end(), [&](auto const& c) { return c.kind == kind; });
    if (known == calendar_.end()) {
      next.push_back({kind, CalendarWindow(period, limit, now.utc)});
      return;
    }
    if (known->window.limit() != limit) known->warned = known->reached = false;
    known->window.resize(limit);
    next.push_back(*known);
  };
  std::array<std::pair<LimitPeriod, PeriodLimits>, 3> const periods{
      {{LimitPeriod::day, limits.day}, {LimitPeriod::week, limits.week}, {LimitPeriod::month, limits.month}}};
  for (auto const& [period, most] : periods) {
    add(period, LimitQuantity::requests, most.requests);
    add(period, LimitQuantity::tokens, most.tokens);
    add(period, LimitQuantity::cost, most.cost.count());
  }
  calendar_ = std::move(next);
  unsigned weighs = tokens_ ? 1 : 0;
  for (auto const& limit : calendar_) {
    if (quantity_of(limit.kind) == LimitQuantity::tokens) weighs |= 1U;
    if (quantity_of(limit.kind) == LimitQuantity::cost) weighs |= 2U;
  }
  weighs_.store(weighs, std::memory_order_relaxed);
}

inline std::vector<LimitUse> LimitState::uses(LimitTime const& now) const {
  std::lock_guard const lock(mutex_);
  std::vector<LimitUse> all;
  if (requests_) all.push_back(use_of(LimitKind::rpm, *requests_, now));
  if (tokens_) all.push_back(use_of(LimitKind::tpm, *tokens_, now));
  if (limits_.concurrency > 0) all.push_back(use_of_places());
  for (CalendarLimit limit : calendar_) {
    limit.window.roll(now.utc);
    all.push_back(use_of(limit));
  }
  return all;
}

inline std::vector<std::pair<LimitPeriod, CalendarSpan>> LimitState::unknown_past() const {
  std::lock_guard const lock(mutex_);
  std::vector<std::pair<LimitPeriod, CalendarSpan>> all;
  for (auto const& limit : calendar_) {
    CalendarSpan const past{limit.window.span().begin, limit.window.since()};
    bool const known = past.begin >= past.end || limit.past_known;
    std::pair<LimitPeriod, CalendarSpan> const one{limit.window.period(), past};
    if (!known && std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
  return all;
}

inline void LimitState::add_past(LimitPeriod period, std::int64_t begin_utc, PastUse const& past) {
  std::lock_guard const lock(mutex_);
  for (auto& limit : calendar_) {
    if (limit.window.period() != period || limit.window.span().begin != begin_utc || limit.past_known)
      continue;
    limit.past_known = true;
    bool const counts_requests = quantity_of(limit.kind) == LimitQuantity::requests;
    limit.window.add(counts_requests ? past.requests : amount_of(limit.kind, past.use));
  }
}

[[gnu::cold]] inline void LimitState::warn(std::optional<LimitNotice>& notice) {
  __extension__ using Wide = __int128;
  auto const share = [](LimitUse const& use) {  // in thousandths
    return (Wide{use.used} + use.reserved) * 1000 / use.limit;
  };
  for (auto& limit : calendar_) {
    LimitUse const use = use_of(limit);
    if (share(use) < Wide{limits_.soft_percent} * 10) continue;
    bool const first = !std::exchange(limit.warned, true);
    if (notice && share(notice->use) >= share(use) && (notice->first || !first)) continue;
    notice.emplace(LimitNotice{.subject = name_, .use = use, .reached = false, .first = first});
  }
}

[[gnu::cold]] inline Error LimitState::refusal(Obstacle const& what, LimitTime const& at,
                                               CallUse const& wanted, std::optional<LimitNotice>& notice) {
  std::int64_t const amount = amount_of(what.kind, wanted);
  bool first = false;
  LimitUse use;
  if (what.kind == LimitKind::rpm) use = use_of(what.kind, *requests_, at);
  else if (what.kind == LimitKind::tpm) use = use_of(what.kind, *tokens_, at);
  else if (what.kind == LimitKind::concurrency) use = use_of_places();
  for (auto& limit : calendar_) {
    if (limit.kind != what.kind) continue;
    use = use_of(limit);
    if (what.wait != Duration::max()) first = !std::exchange(limit.reached, true);
  }
  notice.emplace(LimitNotice{.subject = name_, .use = use, .reached = true, .first = first});
  if (what.wait == Duration::max()) return limit_refusal::never(name_, use, amount);
  if (what.kind == LimitKind::concurrency) return limit_refusal::crowded(name_, use);
  auto const wait = std::chrono::ceil<std::chrono::milliseconds>(what.wait);
  if (is_calendar(what.kind)) return limit_refusal::used_up(name_, use, amount, wait);
  TokenBucket bucket = what.kind == LimitKind::rpm ? *requests_ : *tokens_;
  auto const reset = std::chrono::ceil<std::chrono::milliseconds>(bucket.until_full(at.now));
  return limit_refusal::later(name_, use, amount, wait, reset);
}

}  // namespace lowart
