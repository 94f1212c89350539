#pragma once
/// Usage as JSON and CSV: sums, groups and single calls.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/price.hpp>
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

/// The members of a sum, into an object that is open.
void write_totals(dialect::JsonWriter& w, UsageTotals const& totals);
/// `"data":[{NAME:..., sums}, ...]`, into an object that is open.
void write_groups(dialect::JsonWriter& w, std::string_view name, std::vector<UsageGroup> const& groups);
/// One call. Its trail is told where it has one.
void write_record(dialect::JsonWriter& w, UsageRecord const& record);

/// The first line of a CSV export, and a line of it for a call (RFC 4180: quoted where it must be, CRLF). What a spreadsheet
/// would take for a formula has an apostrophe before it.
std::string csv_head();
void append_csv(UsageRecord const& record, std::string& out);

}  // namespace lowart::server
