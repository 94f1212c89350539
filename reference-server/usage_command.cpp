#include "usage_command.hpp"

#include "config.hpp"
#include "invoice.hpp"
#include "price_table.hpp"
#include "usage_page.hpp"
#include "usage_view_command.hpp"

#include <lowart/store/folder.hpp>
#include <lowart/store/record_rewrite.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

constexpr int all_agree = 0;
constexpr int something_differs = 1;
constexpr int cannot_tell = 2;

int stop(std::string const& why) {
  std::fprintf(stderr, "lowart: %s\n", why.c_str());
  return cannot_tell;
}

Result<RecordRange> range_of(UsageFlags const& flags) {
  RecordRange range;
  auto const read = [](std::string const& text, std::string_view flag, std::int64_t& out) -> Result<void> {
    if (text.empty()) return {};
    auto const day = parse_day(text);
    if (!day)
      return fail(Errc::config_invalid,
                  std::string(flag) + " is a day such as 2026-01-31, not '" + text + "'");
    out = *day;
    return {};
  };
  if (auto const ok = read(flags.from, "--from", range.from); !ok) return fail(ok.error());
  if (auto const ok = read(flags.until, "--until", range.until); !ok) return fail(ok.error());
  if (range.from >= range.until) return fail(Errc::config_invalid, "--from is not before --until");
  return range;
}

Result<Config> usage_config(UsageFlags const& flags) {
  ConfigResult read = load_config(flags.config_path);
  if (!read.config) return fail(Errc::config_invalid, "\n" + describe(flags.config_path, read.problems));
  if (!flags.data.empty()) read.config->data = flags.data;
  return std::move(*read.config);
}

Result<sqlite::Database> open_records(std::string const& data) {
  auto const path = usage_database_in(data);
  if (!path) return tl::unexpected(path.error());
  auto database = sqlite::Database::open(*path);
  if (!database) return database;
  if (auto const done = sqlite::migrate_usage(*database); !done) return fail(done.error());
  return database;
}

/// Brings what the journal still holds into the database. The journal is returned because it holds the directory's lock.
Result<std::unique_ptr<Journal>> fold_all(std::string const& data) {
  auto journal = Journal::open(data, JournalOptions{});
  if (!journal) return journal;
  auto store = SqliteStore::open(data + "/usage.db");
  if (!store) return fail(store.error());
  auto folder = Folder<SqliteStore>::start(**journal, std::move(*store), FolderOptions{});
  if (!folder) return fail(folder.error());
  auto const folded = (*folder)->flush(std::chrono::minutes(5));
  (*folder)->stop();
  if (!folded) return fail(folded.error());
  return journal;
}

// --- reprice ----------------------------------------------------------------------------------------------------------

/// What the calls of a month used before each of them, for prices that depend on it.
class UsedBefore {
 public:
  static Result<UsedBefore> read(sqlite::Database& database, PriceTable const& prices, RecordRange range) {
    UsedBefore all;
    if (!prices.has_volume()) return all;
    range.from = range.from <= 0 ? 0 : month_of(range.from);
    auto const done = for_each_record(database, range, [&](UsageRecord const& r) {
      auto const model = prices.volume_of(r.model);
      if (!model.empty()) all.calls_.push_back({r.started_at, r.id, model, r.usage.total()});
    });
    if (!done) return fail(done.error());
    auto& calls = all.calls_;
    std::sort(calls.begin(), calls.end(), [](Call const& a, Call const& b) {
      return std::tuple(a.started_at, a.id.high, a.id.low) < std::tuple(b.started_at, b.id.high, b.id.low);
    });
    MonthVolumes volumes;
    for (Call& call : calls) call.tokens = volumes.add(call.model, call.started_at, call.tokens);
    std::sort(calls.begin(), calls.end(), [](Call const& a, Call const& b) { return before(a.id, b.id); });
    return all;
  }
  std::int64_t of(CallId id) const {
    auto const found =
        std::lower_bound(calls_.begin(), calls_.end(), id,
                         [](Call const& call, CallId wanted) { return before(call.id, wanted); });
    return found != calls_.end() && found->id == id ? found->tokens : 0;
  }

 private:
  struct Call {
    std::int64_t started_at;
    CallId id;
    std::string_view model;
    std::int64_t tokens;  ///< Its own, and later those before it.
  };
  static bool before(CallId a, CallId b) { return std::pair(a.high, a.low) < std::pair(b.high, b.low); }
  std::vector<Call> calls_;
};

/// What a whole amount leaves beside a part of it.
Usage without(Usage whole, Usage const& part) {
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    if (part.value(c) > 0) whole.set(c, std::max<std::int64_t>(whole.value(c) - part.value(c), 0));
  }
  return whole;
}

/// Prices a record as Metered does: each attempt whose part of the answer broke off by whom it asked, the rest by who
/// answered last.
void reprice(PriceTable const& prices, std::int64_t used_before, UsageRecord& record,
             std::span<AttemptRecord> trail) {
  record.cost = NanoUsd();
  record.price = {};
  if (record.usage.empty()) return;
  Billed billed{.model = record.model,
                .provider = record.provider,
                .upstream_model = record.upstream_model,
                .service_tier = record.service_tier,
                .started_at = record.started_at};
  if (record.operation == "passthrough") {
    Priced const priced = prices.passed(billed, record.usage);
    record.cost = priced.cost;
    record.price = priced.price;
    return;
  }
  Usage rest = record.usage;
  NanoUsd earlier;
  auto const answered = [](AttemptRecord const& attempt) { return attempt.failure.empty(); };
  auto const last_one = std::find_if(trail.rbegin(), trail.rend(), answered);
  for (AttemptRecord& attempt : trail) {
    if (attempt.usage.empty() || (last_one != trail.rend() && &attempt == &*last_one)) continue;
    Billed const leg{.model = record.model,
                     .provider = attempt.provider,
                     .upstream_model = attempt.model,
                     .service_tier = {},
                     .started_at = record.started_at};
    attempt.cost = prices.price(leg, attempt.usage, used_before).cost;
    if (!answered(attempt)) continue;  // the loser of a hedge, which no client pays for
    earlier += attempt.cost;
    rest = without(rest, attempt.usage);
  }
  Priced const last = prices.price(billed, rest, used_before);
  if (last_one != trail.rend()) last_one->cost = last.cost;
  record.cost = last.cost + earlier;
  record.price = last.price;
}

struct Repriced {
  std::int64_t calls{0};
  NanoUsd before, after;
};
struct RepriceReport {
  std::map<std::string, Repriced, std::less<>> by_model;
  std::map<std::string, std::int64_t, std::less<>> by_price;  ///< Calls.

  void note(UsageRecord const& record, NanoUsd before) {
    Repriced& sums = by_model[std::string(record.model)];
    ++sums.calls;
    sums.before += before;
    sums.after += record.cost;
    if (!record.usage.empty()) ++by_price[std::string(record.price)];
  }
};

std::string signed_usd(std::int64_t nanos) { return (nanos > 0 ? "+" : "") + format_usd(NanoUsd(nanos)); }

void print_sums(std::string const& name, Repriced const& sums) {
  std::printf("%-40s %10lld %20s %20s %20s\n", name.c_str(), static_cast<long long>(sums.calls),
              format_usd(sums.before).c_str(), format_usd(sums.after).c_str(),
              signed_usd(sums.after.count() - sums.before.count()).c_str());
}

void print(RepriceReport const& report) {
  std::printf("%-40s %10s %20s %20s %20s\n", "model", "calls", "USD before", "USD after", "difference");
  Repriced all;
  for (auto const& [model, sums] : report.by_model) {
    print_sums(model, sums);
    all.calls += sums.calls;
    all.before += sums.before;
    all.after += sums.after;
  }
  print_sums("all", all);
  for (auto const& [price, calls] : report.by_price)
    std::printf("%lld calls by %s\n", static_cast<long long>(calls),
                price.empty() ? "no price" : price.c_str());
}

// --- reconcile --------------------------------------------------------------------------------------------------------

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

Result<std::string> usage_database_in(std::string const& data) {
  std::string path = data + "/usage.db";
  if (!std::filesystem::exists(path))
    return fail(Errc::storage_failed,
                "there is no usage database '" + path + "'; --data names its directory");
  return path;
}

int reprice_usage(UsageFlags const& flags) {
  auto const range = range_of(flags);
  if (!range) return stop(range.error().message());
  auto const config = usage_config(flags);
  if (!config) return stop(config.error().message());
  if (auto const path = usage_database_in(config->data); !path) return stop(path.error().message());
  std::unique_ptr<Journal> lock;  // held until all is written
  if (flags.apply) {
    auto folded = fold_all(config->data);
    if (!folded) return stop(folded.error().message());
    lock = std::move(*folded);
  }
  auto database = open_records(config->data);
  if (!database) return stop(database.error().message());
  PriceTable const prices(*config);
  auto const used = UsedBefore::read(*database, prices, *range);
  if (!used) return stop(used.error().message());
  RepriceReport report;
  auto const priced = [&](UsageRecord& record, std::span<AttemptRecord> trail) {
    NanoUsd const before = record.cost;
    reprice(prices, used->of(record.id), record, trail);
    report.note(record, before);
  };
  std::vector<AttemptRecord> trail;
  auto const done = flags.apply ? rewrite_costs(*database, *range, priced)
                                : for_each_record(*database, *range, [&](UsageRecord record) {
                                    trail.assign(record.trail.begin(), record.trail.end());
                                    priced(record, trail);
                                  });
  if (!done) return stop(done.error().message());
  if (flags.apply)  // makes the sums anew
    if (auto const summed = SqliteStore::open(config->data + "/usage.db"); !summed)
      return stop(summed.error().message());
  print(report);
  std::printf(flags.apply ? "these costs were written\n" : "nothing was written; --apply does that\n");
  return all_agree;
}

int reconcile_usage(UsageFlags const& flags) {
  auto const asked = range_of(flags);
  if (!asked) return stop(asked.error().message());
  auto const tolerance = PriceFactor::parse(flags.tolerance);
  if (!tolerance) return stop("--tolerance: " + tolerance.error().message());
  auto const config = usage_config(flags);
  if (!config) return stop(config.error().message());
  auto invoice = load_invoice(flags.invoice);
  if (!invoice) return stop(invoice.error().message());
  RecordRange const range = covered(*asked, flags, *invoice);
  std::erase_if(invoice->days, [&range](auto const& entry) {
    return entry.first.first < range.from || entry.first.first >= range.until;
  });
  auto database = open_records(config->data);
  if (!database) return stop(database.error().message());
  BilledDays ours;
  auto const done = for_each_record(*database, range, [&](UsageRecord const& record) {
    if (flags.provider.empty() || record.provider == flags.provider) add_record(record, *invoice, ours);
  });
  if (!done) return stop(done.error().message());
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

void add_usage_commands(Commands& commands) {
  auto const flags = std::make_shared<UsageFlags>();
  auto* const usage =
      commands.add("usage", "What was recorded: added up, listed, priced anew, or compared with a bill");
  usage->require_subcommand(1);
  add_usage_views(commands, *usage);
  auto* const reprice =
      usage->add_subcommand("reprice", "Derive what records cost anew, by the prices of today's file");
  auto* const reconcile =
      usage->add_subcommand("reconcile", "List how a provider's CSV export and the records differ");
  for (auto* const one : {reprice, reconcile}) {
    one->add_option("--config", flags->config_path, "The configuration")->capture_default_str();
    one->add_option("--data", flags->data, "Directory of the usage database");
    one->add_option("--from", flags->from, "The first day (UTC): 2026-01-31");
    one->add_option("--until", flags->until, "The day after the last");
  }
  reprice->add_flag("--apply", flags->apply, "Write the new costs; the server must not be running");
  reconcile->add_option("--invoice", flags->invoice, "The export")->required();
  reconcile->add_option("--provider", flags->provider, "Only calls that this provider answered");
  reconcile->add_option("--tolerance", flags->tolerance, "Percent that figures may differ by")
      ->capture_default_str();
  commands.on(reprice, [flags] { return reprice_usage(*flags); });
  commands.on(reconcile, [flags] { return reconcile_usage(*flags); });
}

}  // namespace lowart::server
