#pragma once
/// Limits: what may be used of what in which time, and how a limit is told of.

#include <lowart/core/clock.hpp>
#include <lowart/core/money.hpp>
#include <lowart/meter/calendar_window.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

/// What may be used in one day, week or month of UTC. 0 or less: unlimited.
struct PeriodLimits {
  std::int64_t requests{0};
  std::int64_t tokens{0};  ///< Input and output together.
  NanoUsd cost;
  bool none() const noexcept { return requests <= 0 && tokens <= 0 && cost.count() <= 0; }
  friend bool operator==(PeriodLimits const&, PeriodLimits const&) = default;
};

/// What one key, team, model ... may use, or one provider be asked. 0 or less: unlimited.
struct Limits {
  std::int64_t rpm{0};          ///< Requests per minute.
  std::int64_t tpm{0};          ///< Tokens per minute, input and output together.
  std::int64_t concurrency{0};  ///< Calls at the same time.
  PeriodLimits day{};
  PeriodLimits week{};  ///< From Monday on.
  PeriodLimits month{};
  int soft_percent{
      0};  ///< From which share of a day's, week's or month's limit on there are warnings; 0: none.

  bool has_calendar() const noexcept { return !day.none() || !week.none() || !month.none(); }
  bool none() const noexcept { return rpm <= 0 && tpm <= 0 && concurrency <= 0 && !has_calendar(); }
  friend bool operator==(Limits const&, Limits const&) = default;
};

enum class LimitKind : std::uint8_t {
  rpm,
  tpm,
  concurrency,
  requests_per_day,
  tokens_per_day,
  cost_per_day,
  requests_per_week,
  tokens_per_week,
  cost_per_week,
  requests_per_month,
  tokens_per_month,
  cost_per_month,
};
inline constexpr std::size_t limit_kind_count = 12;

/// Its name in a configuration, in metrics and in pages.
constexpr std::string_view to_string(LimitKind kind) noexcept {
  constexpr std::array<std::string_view, limit_kind_count> names{"rpm",
                                                                 "tpm",
                                                                 "concurrency",
                                                                 "requests_per_day",
                                                                 "tokens_per_day",
                                                                 "cost_per_day",
                                                                 "requests_per_week",
                                                                 "tokens_per_week",
                                                                 "cost_per_week",
                                                                 "requests_per_month",
                                                                 "tokens_per_month",
                                                                 "cost_per_month"};
  return names[static_cast<std::size_t>(kind)];
}

/// What a limit counts.
enum class LimitQuantity : std::uint8_t { requests, tokens, cost };

constexpr LimitQuantity quantity_of(LimitKind kind) noexcept {
  if (kind == LimitKind::tpm) return LimitQuantity::tokens;
  if (kind < LimitKind::requests_per_day) return LimitQuantity::requests;
  return static_cast<LimitQuantity>((static_cast<unsigned>(kind) - 3U) % 3U);
}
constexpr bool is_calendar(LimitKind kind) noexcept { return kind >= LimitKind::requests_per_day; }
constexpr LimitKind calendar_kind(LimitPeriod period, LimitQuantity quantity) noexcept {
  return static_cast<LimitKind>(3U + static_cast<unsigned>(period) * 3U + static_cast<unsigned>(quantity));
}

/// A point in time on both clocks: the steady one for rates, the calendar for days, weeks and months.
struct LimitTime {
  TimePoint now;
  std::int64_t utc{0};  ///< Microseconds since 1970.

  /// What `clock` shows at `now`.
  static LimitTime of(Clock const& clock, TimePoint now) noexcept { return {now, clock.utc_micros_at(now)}; }
  static LimitTime of(Clock const& clock) noexcept { return of(clock, clock.now()); }
};

/// The state of one limit, as the x-ratelimit-* fields tell it.
struct LimitWindow {
  std::int64_t limit{0};  ///< 0: unlimited, and the rest says nothing.
  std::int64_t remaining{0};
  std::chrono::milliseconds reset{0};  ///< Until it is all there again, rounded up.
};
/// The rates of a subject; of several, those of which the least is left.
struct LimitSnapshot {
  LimitWindow requests;
  LimitWindow tokens;
  std::int64_t running{0};      ///< Calls in flight.
  std::int64_t concurrency{0};  ///< 0: unlimited.
};

/// One limit and all that counts against it now. Tokens, requests or nano-dollars.
struct LimitUse {
  LimitKind kind{};
  std::int64_t limit{0};
  std::int64_t used{0};      ///< By calls that have ended; of rates and places by all.
  std::int64_t reserved{0};  ///< By calls that run: of calendar limits only.
  /// When it is all there again, microseconds since 1970; absent for places: no one knows when a running call ends.
  std::optional<std::int64_t> resets_utc;
};

/// Something that an operator may want to hear: a limit of which the soft share is used, or all.
struct LimitNotice {
  std::string subject;  ///< Whose limit: "key alice".
  LimitUse use;
  bool reached{false};  ///< A call was refused for it; else it is a warning.
  bool first{false};    ///< The first such one in its window.
};

class LimitState;

/// What admitting a call told.
struct LimitReport {
  LimitSnapshot left;
  LimitState const* refused_by{nullptr};
  std::optional<LimitNotice> notice;  ///< The warning whose limit is used most, or why the call was refused.
};

}  // namespace lowart
