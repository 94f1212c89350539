#include "reprice_command.hpp"

#include "price_table.hpp"
#include "usage_page.hpp"

#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

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

}  // namespace

int reprice_usage(UsageFlags const& flags) {
  auto const range = range_of(flags);
  if (!range) return stop_usage(range.error().message());
  auto const config = usage_config(flags);
  if (!config) return stop_usage(config.error().message());
  if (auto const path = usage_database_in(config->data); !path) return stop_usage(path.error().message());
  std::unique_ptr<Journal> lock;  // held until all is written
  if (flags.apply) {
    auto folded = fold_all(config->data);
    if (!folded) return stop_usage(folded.error().message());
    lock = std::move(*folded);
  }
  auto database = open_records(config->data);
  if (!database) return stop_usage(database.error().message());
  PriceTable const prices(*config);
  auto const used = UsedBefore::read(*database, prices, *range);
  if (!used) return stop_usage(used.error().message());
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
  if (!done) return stop_usage(done.error().message());
  if (flags.apply)  // makes the sums anew
    if (auto const summed = SqliteStore::open(config->data + "/usage.db"); !summed)
      return stop_usage(summed.error().message());
  print(report);
  std::printf(flags.apply ? "these costs were written\n" : "nothing was written; --apply does that\n");
  return all_agree;
}

}  // namespace lowart::server
