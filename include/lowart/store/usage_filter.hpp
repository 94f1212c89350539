#pragma once
/// UsageFilter and UsageDimension: which calls to add up, and into which groups.

#include <lowart/store/usage_totals.hpp>
#include <lowart/store/utc_period.hpp>

#include <limits>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Which records. Empty strings match everything; the time range is [from, until) in UTC microseconds.
struct UsageFilter {
  std::string_view key{};
  std::string_view user{};
  std::string_view team{};
  std::string_view model{};  ///< As the client asked for it.
  std::string_view provider{};
  std::string_view operation{};
  std::int64_t from{std::numeric_limits<std::int64_t>::min()};
  std::int64_t until{std::numeric_limits<std::int64_t>::max()};

  bool accepts_names(UsageRecord const& r) const noexcept {
    auto const is_asked = [](std::string_view asked, std::string_view is) {
      return asked.empty() || asked == is;
    };
    return is_asked(key, r.key) && is_asked(user, r.user) && is_asked(team, r.team) &&
           is_asked(model, r.model) && is_asked(provider, r.provider) && is_asked(operation, r.operation);
  }
  bool accepts(UsageRecord const& r) const noexcept {
    return r.started_at >= from && r.started_at < until && accepts_names(r);
  }
};

/// What calls can be grouped by. The times are named in UTC: "2026-11-30T16:00:00Z", "2026-11-30", "2026-11".
enum class UsageDimension : std::uint8_t { key, user, team, model, provider, operation, hour, day, month };
inline constexpr std::size_t usage_dimension_count = 9;

constexpr std::string_view to_string(UsageDimension d) noexcept {
  constexpr std::array<std::string_view, usage_dimension_count> names{
      "key", "user", "team", "model", "provider", "operation", "hour", "day", "month"};
  return names[static_cast<std::size_t>(d)];
}

constexpr bool is_time(UsageDimension d) noexcept { return d >= UsageDimension::hour; }

/// What a whole hour, counted from 1970, belongs to. Of dimensions that are times.
inline std::string period_name(UsageDimension d, std::int64_t hour) {
  if (d == UsageDimension::hour) return hour_name(hour);
  return d == UsageDimension::day ? day_name(hour) : month_name(hour);
}

/// The name under which a record is grouped.
inline std::string group_name(UsageDimension d, UsageRecord const& r) {
  switch (d) {
    case UsageDimension::key: return std::string(r.key);
    case UsageDimension::user: return std::string(r.user);
    case UsageDimension::team: return std::string(r.team);
    case UsageDimension::model: return std::string(r.model);
    case UsageDimension::provider: return std::string(r.provider);
    case UsageDimension::operation: return std::string(r.operation);
    default: return period_name(d, hour_of(r.started_at));
  }
}

/// Groups that are being added up.
class UsageGroups {
 public:
  void add(std::string_view name, UsageTotals const& totals) {
    auto at = sums_.find(name);
    if (at == sums_.end()) at = sums_.emplace(name, UsageTotals{}).first;
    at->second.add(totals);
  }
  /// In the order of their names.
  std::vector<UsageGroup> take() {
    std::vector<UsageGroup> result;
    result.reserve(sums_.size());
    for (auto const& [name, totals] : std::exchange(sums_, {})) result.push_back({name, totals});
    return result;
  }

 private:
  std::map<std::string, UsageTotals, std::less<>> sums_;
};

/// How many of the groups have a name: calls without one have no user, no team, ...
inline std::int64_t named_count(std::vector<UsageGroup> const& groups) noexcept {
  auto const nameless = !groups.empty() && groups.front().name.empty();
  return static_cast<std::int64_t>(groups.size()) - (nameless ? 1 : 0);
}

}  // namespace lowart
