#pragma once
/// Usage as JSON and CSV: sums, groups and single calls.

#include "usage_request.hpp"

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/store/usage_history.hpp>
#include <lowart/store/usage_store.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// `0.000123450`: whole and nano-dollars; exact, so it is text and not a JSON number.
inline std::string format_usd(NanoUsd amount) {
  constexpr std::int64_t one = 1'000'000'000;
  std::int64_t const n = amount.count();
  std::string const nanos = std::to_string((n < 0 ? -(n % one) : n) % one);
  std::string const whole = std::to_string(n / one);
  return (n < 0 && n > -one ? "-" : "") + whole + "." + std::string(9 - nanos.size(), '0') + nanos;
}

/// What a page begins with: of what and of which time it tells.
void write_scope(dialect::JsonWriter& w, std::string_view object, UsageRequest const& asked);
/// The members of a sum, into an object that is open.
void write_totals(dialect::JsonWriter& w, UsageTotals const& totals);
/// `"data":[{NAME:..., sums}, ...]`, into an object that is open.
void write_groups(dialect::JsonWriter& w, std::string_view name, std::vector<UsageGroup> const& groups);
/// One call. Its trail is told where it has one.
void write_record(dialect::JsonWriter& w, UsageRecord const& record);

/// Sums, and by `group_by` where that was asked for.
struct UsageSummary {
  UsageTotals totals;
  std::vector<UsageGroup> groups;  ///< In the order of their names.
};
/// `store` is a SqliteStore or a UsageReader.
template <class Store>
Result<UsageSummary> find_summary(Store& store, UsageRequest const& asked) {
  auto const totals = store.totals(asked.filter());
  if (!totals) return tl::unexpected(totals.error());
  UsageSummary summary{.totals = *totals, .groups = {}};
  if (!asked.group_by) return summary;
  auto groups = store.grouped(asked.filter(), *asked.group_by);
  if (!groups) return tl::unexpected(std::move(groups).error());
  summary.groups = std::move(*groups);
  return summary;
}
/// All of /v1/usage and /v1/usage/summary.
std::string summary_page(UsageRequest const& asked, UsageSummary const& summary);
/// All of /v1/usage/history.
std::string history_page(UsageRequest const& asked, RecordPage const& page);

/// Who costs most comes first; what costs the same goes by its calls.
void sort_by_cost(std::vector<UsageGroup>& groups);

/// The first line of a CSV export, and a line of it for a call (RFC 4180: quoted where it must be, CRLF). What a spreadsheet
/// would take for a formula has an apostrophe before it.
std::string csv_head();
void append_csv(UsageRecord const& record, std::string& out);

}  // namespace lowart::server
