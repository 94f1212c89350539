#pragma once
/// Whole hours, days and months in UTC, counted from 1970, and how they are named. Pure.

#include <lowart/dialect/rfc3339.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace lowart {

/// a / b, rounded down. b > 0.
constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept {
  return a / b - (a % b < 0 ? 1 : 0);
}

inline constexpr std::int64_t hour_microseconds = 3'600'000'000;

/// The whole hour that a time is in.
constexpr std::int64_t hour_of(std::int64_t microseconds) noexcept {
  return floor_divide(microseconds, hour_microseconds);
}
constexpr std::int64_t day_of_hour(std::int64_t hour) noexcept { return floor_divide(hour, 24); }

/// "2026-11-30T16:00:00Z". Of a clock that was wrong, before 1970 or after 9999, the nearest hour of these years.
inline std::string hour_name(std::int64_t hour) {
  constexpr std::int64_t last = 70'389'527;  // 9999-12-31T23
  return dialect::rfc3339(std::clamp<std::int64_t>(hour, 0, last) * hour_microseconds);
}
/// "2026-11-30", of a whole hour.
inline std::string day_name(std::int64_t hour) { return hour_name(hour).substr(0, 10); }
/// "2026-11", of a whole hour.
inline std::string month_name(std::int64_t hour) { return hour_name(hour).substr(0, 7); }

}  // namespace lowart
