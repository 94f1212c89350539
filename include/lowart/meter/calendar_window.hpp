#pragma once
/// CalendarWindow: what is used in one day, week or month of UTC. Pure integers; time is an argument.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace lowart {

enum class LimitPeriod : std::uint8_t { day, week, month };

constexpr std::string_view to_string(LimitPeriod period) noexcept {
  constexpr std::array<std::string_view, 3> names{"day", "week", "month"};
  return names[static_cast<std::size_t>(period)];
}

/// [begin, end) in UTC microseconds since 1970.
struct CalendarSpan {
  std::int64_t begin{0};
  std::int64_t end{0};
  friend bool operator==(CalendarSpan const&, CalendarSpan const&) = default;
};

/// The day, week (from Monday on) or month of UTC that `utc` (microseconds since 1970) is in.
inline CalendarSpan calendar_span(LimitPeriod period, std::int64_t utc) noexcept {
  using namespace std::chrono;
  sys_days const today = floor<days>(sys_time<microseconds>(microseconds(utc)));
  sys_days begin = today;
  sys_days end = today + days(1);
  if (period == LimitPeriod::week) {
    begin = today - (weekday(today) - Monday);
    end = begin + days(7);
  } else if (period == LimitPeriod::month) {
    year_month_day const date(today);
    year_month const month = date.year() / date.month();
    begin = sys_days(month / 1);
    end = sys_days((month + months(1)) / 1);
  }
  auto const micros = [](sys_days d) { return duration_cast<microseconds>(d.time_since_epoch()).count(); };
  return {.begin = micros(begin), .end = micros(end)};
}

/// Counts what was used by calls that began in the window, and holds what running ones may use yet. A call that began
/// before it leaves it as it is, whenever it ends: so a window comes to the sum of the records of its time.
///
/// Amounts: 0 to 1e15; what is beyond counts as that. Not thread-safe. Time that runs backwards stays in the window.
class CalendarWindow {
 public:
  /// limit: 1 to 1e15.
  CalendarWindow(LimitPeriod period, std::int64_t limit, std::int64_t utc) noexcept
      : limit_(bounded(limit)), span_(calendar_span(period, utc)), since_(utc), period_(period) {}

  std::int64_t limit() const noexcept { return limit_; }
  LimitPeriod period() const noexcept { return period_; }
  CalendarSpan const& span() const noexcept { return span_; }
  /// Calls that begin from here on are counted: the window's begin, or later where counting began within it.
  std::int64_t since() const noexcept { return since_; }
  /// By calls that have ended.
  std::int64_t used() const noexcept { return used_; }
  /// By calls that run.
  std::int64_t reserved() const noexcept { return reserved_; }
  std::int64_t taken() const noexcept { return sum(used_, reserved_); }
  std::int64_t left() const noexcept { return std::max<std::int64_t>(limit_ - taken(), 0); }

  /// True when a new window has begun.
  bool roll(std::int64_t utc) noexcept {
    if (utc < span_.end) [[likely]]
      return false;
    span_ = calendar_span(period_, utc);
    since_ = span_.begin;
    used_ = 0;
    reserved_ = 0;
    return true;
  }
  /// Could `amount` ever be taken?
  bool can_hold(std::int64_t amount) const noexcept { return amount <= limit_; }
  bool has_room(std::int64_t amount) const noexcept { return taken() <= limit_ - bounded(amount); }
  void take(std::int64_t amount) noexcept { reserved_ = sum(reserved_, bounded(amount)); }
  /// A call that began at `began_utc` has ended.
  void settle(std::int64_t began_utc, std::int64_t reserved, std::int64_t used) noexcept {
    if (began_utc < since_) return;
    reserved_ = std::max<std::int64_t>(reserved_ - bounded(reserved), 0);
    used_ = sum(used_, bounded(used));
  }
  /// Adds what calls have used that began in the window before since().
  void add(std::int64_t used) noexcept { used_ = sum(used_, std::max<std::int64_t>(used, 0)); }
  /// A new limit; what is used stays used.
  void resize(std::int64_t limit) noexcept { limit_ = bounded(limit); }

 private:
  static constexpr std::int64_t most = 1'000'000'000'000'000;
  static std::int64_t bounded(std::int64_t amount) noexcept {
    return std::clamp<std::int64_t>(amount, 0, most);
  }
  static std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t result = 0;
    return __builtin_add_overflow(a, b, &result) ? std::numeric_limits<std::int64_t>::max() : result;
  }

  std::int64_t limit_;
  CalendarSpan span_;
  std::int64_t since_;
  std::int64_t used_{0};
  std::int64_t reserved_{0};
  LimitPeriod period_;
};

}  // namespace lowart
