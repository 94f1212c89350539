#pragma once
/// What a provider says it bills, from its CSV export, compared with what was recorded here.

#include <lowart/core/money.hpp>
#include <lowart/core/result.hpp>
#include <lowart/meter/price_card.hpp>
#include <lowart/model/usage_record.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// What one model used on one day (UTC).
struct BilledDay {
  std::int64_t input{0};   ///< Tokens read, however: cached, written, audio, image.
  std::int64_t output{0};  ///< Tokens written, reasoning included.
  NanoUsd cost;

  void add(BilledDay const& other) noexcept;
};
/// By day, as UTC microseconds, and model, as billed_name() has it.
using BilledDays = std::map<std::pair<std::int64_t, std::string>, BilledDay>;

/// An export that was read: the figures it has, and whether it has them.
struct Invoice {
  BilledDays days;
  bool has_models{false};  ///< Else all models of a day are one, with an empty name.
  bool has_input{false}, has_output{false}, has_cost{false};
};

/// How a model is called in both: "Claude Sonnet 4.5" and "claude-sonnet-4-5-20250929" are "claude-sonnet-4-5". Dates,
/// "-latest" and what stands before a "/" are left out.
std::string billed_name(std::string_view model);

/// Money as exports write it: "12.5", "-0.01", "0.003835980000000000000000", "1.2e-05"; rounded half up to nano-dollars.
/// Errors: config_invalid.
Result<NanoUsd> parse_billed_usd(std::string_view text);

/// Reads an export by the names of its columns: OpenAI's of usage or of costs, Anthropic's of usage or of costs, or any
/// with a date and some of model, input_tokens, output_tokens and cost. Rows of one day and model are added up; those
/// with no figures are skipped. Errors: config_invalid, with the line.
Result<Invoice> read_invoice(std::string_view csv);

/// Adds a record to what was recorded here, for a comparison with `invoice`.
void add_record(UsageRecord const& record, Invoice const& invoice, BilledDays& ours);

/// A figure that is not the same in both.
struct Difference {
  std::int64_t day;
  std::string model;
  std::string_view what;  ///< "input", "output" or "cost".
  std::int64_t ours;      ///< Tokens or nano-dollars.
  std::int64_t theirs;
  bool matters;  ///< More than tolerated.
};

/// What differs, by day and model. `tolerance` is in percent of the invoice's figure; less than a cent of money never
/// matters, as exports round to cents.
std::vector<Difference> differences(Invoice const& invoice, BilledDays const& ours, PriceFactor tolerance);

}  // namespace lowart::server
