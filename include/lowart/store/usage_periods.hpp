#pragma once
/// UsagePeriods: which whole days and hours make up a range of hours. Pure.

#include <lowart/store/utc_period.hpp>

namespace lowart {

/// [first, last)
struct PeriodRange {
  std::int64_t first{0};
  std::int64_t last{0};
  friend bool operator==(PeriodRange, PeriodRange) = default;
};

/// Whole days in the middle, whole hours at the ends.
struct UsagePeriods {
  PeriodRange hours_before;
  PeriodRange days;
  PeriodRange hours_after;
  friend bool operator==(UsagePeriods const&, UsagePeriods const&) = default;
};

/// Of the hours [first, last), counted from 1970.
constexpr UsagePeriods usage_periods(std::int64_t first, std::int64_t last) noexcept {
  auto const first_day = -day_of_hour(-first);  // Rounded up.
  auto const last_day = day_of_hour(last);
  if (first_day >= last_day) return {{first, last}, {}, {}};
  return {{first, first_day * 24}, {first_day, last_day}, {last_day * 24, last}};
}

}  // namespace lowart
