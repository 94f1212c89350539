#include "reconcile_command.hpp"

#include "invoice.hpp"
#include "usage_page.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

namespace {

Result<Invoice> load_invoice(std::string const& path) {
  constexpr std::size_t most = std::size_t{256} << 20U;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail(Errc::config_invalid, path + ": the file cannot be read");
  if (static_cast<std::size_t>(file.tellg()) > most)
    return fail(Errc::config_invalid, path + ": more than 256 MiB; export a shorter time");
  file.seekg(0);
  std::string const text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto invoice = read_invoice(text);
  if (!invoice) return fail(Errc::config_invalid, path + ": " + invoice.error().message());
  if (invoice->days.empty()) return fail(Errc::config_invalid, path + ": it has no row with figures");
  return invoice;
}

std::string figure(std::string_view what, std::int64_t amount) {
  return what == "cost" ? format_usd(NanoUsd(amount)) : std::to_string(amount);
}

void print(Difference const& d) {
  std::string apart = figure(d.what, d.ours - d.theirs);
  if (d.ours > d.theirs) apart.insert(0, "+");
  std::printf("%c %s %-40s %-6s %20s %20s %20s\n", d.matters ? '!' : ' ', day_text(d.day).c_str(),
              d.model.empty() ? "(all)" : d.model.c_str(), std::string(d.what).c_str(),
              figure(d.what, d.ours).c_str(), figure(d.what, d.theirs).c_str(), apart.c_str());
}

BilledDay own_sum_of(BilledDays const& days) {
  BilledDay sum;
  for (auto const& [place, day] : days) sum.add(day);
  return sum;
}

void print_sums(Invoice const& invoice, BilledDays const& ours) {
  BilledDay const here = own_sum_of(ours), there = own_sum_of(invoice.days);
  auto const row = [](bool known, std::string_view what, std::int64_t a, std::int64_t b) {
    if (known)
      std::printf("all %-6s ours %s, theirs %s\n", std::string(what).c_str(), figure(what, a).c_str(),
                  figure(what, b).c_str());
  };
  row(invoice.has_input, "input", here.input, there.input);
  row(invoice.has_output, "output", here.output, there.output);
  row(invoice.has_cost, "cost", here.cost.count(), there.cost.count());
}

/// From the invoice's first day to its last, where the flags say nothing else.
RecordRange covered(RecordRange range, UsageFlags const& flags, Invoice const& invoice) {
  constexpr std::int64_t day = std::int64_t{86'400} * 1'000'000;
  if (flags.from.empty()) range.from = invoice.days.begin()->first.first;
  if (flags.until.empty()) range.until = invoice.days.rbegin()->first.first + day;
  return range;
}

}  // namespace

int reconcile_usage(UsageFlags const& flags) {
  auto const asked = range_of(flags);
  if (!asked) return stop_usage(asked.error().message());
  auto const tolerance = PriceFactor::parse(flags.tolerance);
  if (!tolerance) return stop_usage("--tolerance: " + tolerance.error().message());
  auto const config = usage_config(flags);
  if (!config) return stop_usage(config.error().message());
  auto invoice = load_invoice(flags.invoice);
  if (!invoice) return stop_usage(invoice.error().message());
  RecordRange const range = covered(*asked, flags, *invoice);
  std::erase_if(invoice->days, [&range](auto const& entry) {
    return entry.first.first < range.from || entry.first.first >= range.until;
  });
  auto database = open_records(config->data);
  if (!database) return stop_usage(database.error().message());
  BilledDays ours;
  auto const done = for_each_record(*database, range, [&](UsageRecord const& record) {
    if (flags.provider.empty() || record.provider == flags.provider) add_record(record, *invoice, ours);
  });
  if (!done) return stop_usage(done.error().message());
  auto const found = differences(*invoice, ours, *tolerance);
  if (!found.empty())
    std::printf("  %-10s %-40s %-6s %20s %20s %20s\n", "day", "model", "what", "ours", "theirs",
                "difference");
  for (Difference const& d : found) print(d);
  print_sums(*invoice, ours);
  auto const matter =
      std::count_if(found.begin(), found.end(), [](Difference const& d) { return d.matters; });
  std::printf("%zu figures differ, %lld of them by more than %s%%\n", found.size(),
              static_cast<long long>(matter), tolerance->text().c_str());
  return matter > 0 ? something_differs : all_agree;
}

}  // namespace lowart::server
