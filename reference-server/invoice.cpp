#include "invoice.hpp"

#include <lowart/dialect/csv.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <span>

namespace lowart::server {

namespace {

__extension__ using Wide = __int128;

std::int64_t saturated(std::int64_t a, std::int64_t b) noexcept { return (NanoUsd(a) + NanoUsd(b)).count(); }

// Names of columns, as header_name() has them. Of the first three roles the first that is there is taken; parts of the
// input are added up where no column has all of it.
constexpr std::array<std::string_view, 8> day_names{
    "usage_date_utc", "start_time_iso", "date",       "day",
    "usage_date",     "timestamp",      "start_time", "usage_date_(utc)"};
constexpr std::array<std::string_view, 4> model_names{"model_version", "model", "model_name", "line_item"};
constexpr std::array<std::string_view, 7> cost_names{"cost_usd", "cost",       "amount_value", "amount_usd",
                                                     "amount",   "total_cost", "cost_(usd)"};
constexpr std::array<std::string_view, 3> output_names{"output_tokens", "usage_output_tokens",
                                                       "completion_tokens"};
constexpr std::array<std::string_view, 2> input_names{"input_tokens", "prompt_tokens"};
/// Beside an input that leaves them out, or which has no column.
constexpr std::array<std::string_view, 7> input_parts{
    "usage_input_tokens_no_cache",   "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_read", "cache_creation_input_tokens",       "cache_read_input_tokens",
    "uncached_input_tokens"};
constexpr std::array<std::string_view, 2> currency_names{"amount_currency", "currency"};

std::string header_name(std::string_view text) {
  std::string name;
  for (char const c : text)
    name.push_back(c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  while (!name.empty() && name.front() == '_') name.erase(0, 1);
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

using Header = std::vector<std::string>;
using Column = std::optional<std::size_t>;

Column find_column(Header const& header, std::span<std::string_view const> names) {
  for (std::string_view const name : names) {
    auto const found = std::find(header.begin(), header.end(), name);
    if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  }
  return std::nullopt;
}

struct Columns {
  Column day, model, output, cost, currency;
  std::vector<std::size_t> input;

  static Columns of(Header const& header) {
    Columns c{.day = find_column(header, day_names),
              .model = find_column(header, model_names),
              .output = find_column(header, output_names),
              .cost = find_column(header, cost_names),
              .currency = find_column(header, currency_names),
              .input = {}};
    if (auto const all = find_column(header, input_names)) c.input.push_back(*all);
    for (std::size_t i = 0; i < header.size(); ++i)
      if (std::find(input_parts.begin(), input_parts.end(), header[i]) != input_parts.end())
        c.input.push_back(i);
    return c;
  }
};

/// The day of "2026-09-28", "2026-09-28T00:00:00+00:00" or 1790553600.
std::optional<std::int64_t> day_of(std::string_view text) {
  constexpr std::int64_t second = 1'000'000, day = 86'400 * second;
  if (auto const date = parse_day(text.substr(0, 10));
      date && (text.size() == 10 || text[10] == 'T' || text[10] == ' '))
    return date;
  constexpr std::int64_t latest = 253'402'300'799;  // of the year 9999
  auto const seconds = dialect::as_int(text);
  if (!seconds || *seconds < 0 || *seconds > latest) return std::nullopt;
  return *seconds * second / day * day;
}

/// Reads the rows behind the header.
class Rows {
 public:
  Rows(Columns columns, Invoice& invoice) : columns_(std::move(columns)), invoice_(invoice) {}

  Result<void> take(std::vector<std::string> const& fields, std::size_t line) {
    line_ = line;
    auto const input = sum_of(columns_.input, fields);
    if (!input) return fail(input.error());
    auto const output = tokens_at(columns_.output, fields);
    if (!output) return fail(output.error());
    std::string_view const money = at(columns_.cost, fields);
    if (!*input && !*output && money.empty()) return {};
    BilledDay billed{.input = input->value_or(0), .output = output->value_or(0), .cost = {}};
    if (!money.empty()) {
      auto const cost = parse_billed_usd(money);
      if (!cost) return wrong(cost.error().message());
      billed.cost = *cost;
      std::string const currency = header_name(at(columns_.currency, fields));
      if (!currency.empty() && currency != "usd") return wrong("has money in " + currency + ", not USD");
    }
    auto const day = day_of(at(columns_.day, fields));
    if (!day)
      return wrong("has no day such as 2026-01-31 but '" + std::string(at(columns_.day, fields)) + "'");
    std::string_view model = at(columns_.model, fields);
    model = model.substr(0, model.find(','));  // OpenAI's line items: "gpt-4o-2024-08-06, input"
    if (!model.empty()) invoice_.has_models = true;
    invoice_.days[{*day, billed_name(model)}].add(billed);
    return {};
  }

 private:
  using Tokens = std::optional<std::int64_t>;

  static std::string_view at(Column column, std::vector<std::string> const& fields) {
    return column && *column < fields.size() ? std::string_view(fields[*column]) : std::string_view();
  }
  Result<Tokens> tokens_at(Column column, std::vector<std::string> const& fields) const {
    std::string_view const text = at(column, fields);
    if (text.empty()) return Tokens();
    auto const tokens = dialect::as_int(text);
    if (!tokens || *tokens < 0) return wrong("has '" + std::string(text) + "' for a number of tokens");
    return Tokens(tokens);
  }
  Result<Tokens> sum_of(std::vector<std::size_t> const& columns,
                        std::vector<std::string> const& fields) const {
    Tokens sum;
    for (std::size_t const column : columns) {
      auto const tokens = tokens_at(column, fields);
      if (!tokens) return tokens;
      if (*tokens) sum = saturated(sum.value_or(0), **tokens);
    }
    return sum;
  }
  tl::unexpected<Error> wrong(std::string const& what) const {
    return fail(Errc::config_invalid, "line " + std::to_string(line_) + " " + what);
  }

  Columns columns_;
  Invoice& invoice_;
  std::size_t line_{0};
};

bool is_date(std::string_view text) {
  if (text.size() == 10) return parse_day(text).has_value();
  return text.size() == 8 && text.starts_with("20") &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void BilledDay::add(BilledDay const& other) noexcept {
  input = saturated(input, other.input);
  output = saturated(output, other.output);
  cost += other.cost;
}

std::string billed_name(std::string_view model) {
  if (auto const slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  std::string name = header_name(model);
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '_' || c == '.'; }, '-');
  if (name.ends_with("-latest")) name.resize(name.size() - 7);
  for (std::size_t const length : {std::size_t{10}, std::size_t{8}}) {
    if (name.size() <= length + 1 || name[name.size() - length - 1] != '-') continue;
    if (is_date(std::string_view(name).substr(name.size() - length))) name.resize(name.size() - length - 1);
  }
  return name;
}

Result<NanoUsd> parse_billed_usd(std::string_view text) {
  auto const refused = [&] {
    return fail(Errc::config_invalid, "has '" + std::string(text.substr(0, 64)) + "' for an amount of money");
  };
  std::string_view rest = text;
  bool const negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  if (rest.starts_with('$')) rest.remove_prefix(1);
  std::int64_t exponent = 0;
  if (auto const e = rest.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view power = rest.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    auto const read = dialect::as_int(power);
    if (!read || *read < -40 || *read > 40) return refused();
    exponent = *read;
    rest = rest.substr(0, e);
  }
  constexpr Wide widest = Wide{1} << 120U;
  Wide digits = 0;
  std::int64_t shift = 9 + exponent;  // by which power of ten the digits become nano-dollars
  bool any = false, point = false;
  for (char const c : rest) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9' || digits > widest / 16) return refused();
    any = true;
    digits = digits * 10 + (c - '0');
    if (point) --shift;
  }
  if (!any) return refused();
  for (; shift > 0; --shift) {
    if (digits > widest / 16) return refused();
    digits *= 10;
  }
  for (; shift < -1; ++shift) digits /= 10;  // what is cut off before the last digit decides nothing
  if (shift == -1) digits = (digits + 5) / 10;
  if (digits > std::numeric_limits<std::int64_t>::max()) return refused();
  auto const nanos = static_cast<std::int64_t>(digits);
  return NanoUsd(negative ? -nanos : nanos);
}

Result<Invoice> read_invoice(std::string_view csv) {
  dialect::CsvReader reader(csv);
  std::vector<std::string> fields;
  auto more = reader.next(fields);
  if (!more) return fail(more.error());
  Header header;
  for (auto const& field : fields) header.push_back(header_name(field));
  Columns columns = Columns::of(header);
  if (!columns.day)
    return fail(Errc::config_invalid,
                "the first line names no column for the day, such as date or usage_date_utc");
  Invoice invoice;
  invoice.has_input = !columns.input.empty();
  invoice.has_output = columns.output.has_value();
  invoice.has_cost = columns.cost.has_value();
  if (!invoice.has_input && !invoice.has_output && !invoice.has_cost)
    return fail(Errc::config_invalid,
                "the first line names no column with figures: input_tokens, output_tokens or cost");
  Rows rows(std::move(columns), invoice);
  for (more = reader.next(fields); more && *more; more = reader.next(fields))
    if (auto const taken = rows.take(fields, reader.line()); !taken) return fail(taken.error());
  if (!more) return fail(more.error());
  return invoice;
}

void add_record(UsageRecord const& record, Invoice const& invoice, BilledDays& ours) {
  constexpr std::int64_t day = std::int64_t{86'400} * 1'000'000;
  if (record.usage.empty() && record.cost == NanoUsd()) return;
  std::string_view const model = record.upstream_model.empty() ? record.model : record.upstream_model;
  ours[{record.started_at / day * day, invoice.has_models ? billed_name(model) : std::string()}].add(
      {.input = record.usage.input_total(), .output = record.usage.output_total(), .cost = record.cost});
}

std::vector<Difference> differences(Invoice const& invoice, BilledDays const& ours, PriceFactor tolerance) {
  constexpr std::int64_t cent = 10'000'000;
  BilledDays all = ours;
  for (auto const& [place, billed] : invoice.days) all.try_emplace(place);
  std::vector<Difference> found;
  for (auto const& [place, here] : all) {
    auto const there = invoice.days.find(place);
    BilledDay const theirs = there == invoice.days.end() ? BilledDay{} : there->second;
    auto const compare = [&](bool known, std::string_view what, std::int64_t a, std::int64_t b,
                             std::int64_t least) {
      if (!known || a == b) return;
      Wide const apart = a > b ? Wide{a} - b : Wide{b} - a;
      Wide const allowed = (b < 0 ? -Wide{b} : Wide{b}) * tolerance.count();
      bool const matters = apart >= least && apart * 100 * PriceFactor::one > allowed;
      found.push_back({place.first, place.second, what, a, b, matters});
    };
    compare(invoice.has_input, "input", here.input, theirs.input, 1);
    compare(invoice.has_output, "output", here.output, theirs.output, 1);
    compare(invoice.has_cost, "cost", here.cost.count(), theirs.cost.count(), cent);
  }
  return found;
}

}  // namespace lowart::server
