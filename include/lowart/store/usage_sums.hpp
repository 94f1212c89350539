#pragma once
/// UsageSums: the tables of sums by hour and by day.

#include <lowart/store/usage_filter.hpp>
#include <lowart/store/usage_names.hpp>

#include <algorithm>
#include <compare>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lowart {

/// Which of its sums a question needs.
enum class UsageSplit : std::uint8_t { none = 0, account = 1, subject = 2, both = 3 };

constexpr UsageSplit split_for(UsageFilter const& f, std::optional<UsageDimension> d) noexcept {
  bool const account =
      !f.key.empty() || !f.user.empty() || !f.team.empty() ||
      (d && (*d == UsageDimension::key || *d == UsageDimension::user || *d == UsageDimension::team));
  bool const subject = !f.model.empty() || !f.provider.empty() || !f.operation.empty() ||
                       (d && (*d == UsageDimension::model || *d == UsageDimension::provider ||
                              *d == UsageDimension::operation));
  return static_cast<UsageSplit>((account ? 1 : 0) + (subject ? 2 : 0));
}

/// Whole hours, whole days.
enum class UsagePeriod : std::uint8_t { hour, day };

/// A row of the sums. What it is not of is 0.
struct UsageSum {
  std::int64_t account{0};
  std::int64_t time{0};  ///< Hours or days since 1970.
  std::int64_t subject{0};
  UsageTotals totals;
};

/// Adds records up by hour and by day. What is added stays in memory until write(): many records then touch a row once.
///
/// Errors:      Errc::storage_failed with SQLite's message.
/// Concurrency: one thread at a time, in transactions of the caller.
class UsageSums {
 public:
  /// The database must live longer.
  static Result<UsageSums> open(sqlite::Database& database);

  Result<void> add(UsageRecord const& record);
  /// Whether so much was added that write() should come.
  bool is_full() const noexcept { return pending_.size() >= max_places || records_ >= max_records; }
  bool empty() const noexcept { return pending_.empty(); }
  /// Writes what was added. The tables then have every record up to this row of usage_batch.
  Result<void> write(std::int64_t last_row);
  /// Up to which row of usage_batch the tables have every record.
  Result<std::int64_t> written_to() { return database_->integer("SELECT batch FROM usage_summed"); }
  /// To be called when a transaction was taken back, and to let go of memory after write().
  void forget();

  /// Calls fn(UsageSum) for the rows of a filter's names in [first, last).
  template <class Fn>
  Result<void> read(UsagePeriod period, UsageSplit split, UsageFilter const& filter, std::int64_t first,
                    std::int64_t last, Fn& fn);
  /// The names by which the accounts or subjects differ in a dimension that is no time, by their numbers.
  Result<std::unordered_map<std::int64_t, std::string>> names(UsageDimension dimension);

 private:
  static constexpr std::size_t max_places = 32'768;    // About 8 MB.
  static constexpr std::size_t max_records = 100'000;  // As many are read again after a crash.

  struct Place {
    std::int64_t account;
    std::int64_t time;
    std::int64_t subject;
    friend auto operator<=>(Place const&, Place const&) = default;
  };
  struct PlaceHash {
    std::size_t operator()(Place const& p) const noexcept {
      auto const mixed = (static_cast<std::size_t>(p.account) << 40 ^
                          static_cast<std::size_t>(p.subject) << 20 ^ static_cast<std::size_t>(p.time)) *
                         0x9E37'79B9'7F4A'7C15u;
      return mixed ^ mixed >> 32;
    }
  };
  struct Part {
    Place place;
    UsageTotals totals;
  };
  struct Table {  // Of a period.
    sqlite::Statement find;
    sqlite::Statement put;
  };

  UsageSums(sqlite::Database& database, UsageNames accounts, UsageNames subjects, Table hours, Table days,
            sqlite::Statement mark)
      : database_(&database),
        accounts_(std::move(accounts)),
        subjects_(std::move(subjects)),
        hours_(std::move(hours)),
        days_(std::move(days)),
        mark_(std::move(mark)) {}

  static Result<Table> open_table(sqlite::Database& database, UsagePeriod period);
  Result<void> write(Table& table, UsagePeriod period, UsageSplit split);
  UsageTotals& pending(Place const& place);
  static Result<void> put(Table& table, UsageSplit split, Place const& place, UsageTotals totals);

  sqlite::Database* database_;
  UsageNames accounts_;
  UsageNames subjects_;
  Table hours_;
  Table days_;
  sqlite::Statement mark_;
  std::vector<Part> pending_;                                 // By hour, account and subject.
  std::unordered_map<Place, std::size_t, PlaceHash> places_;  // Where in it.
  std::size_t records_{0};                                    // In it.
};

namespace detail {

constexpr std::string_view name_of(UsagePeriod p) noexcept { return p == UsagePeriod::hour ? "hour" : "day"; }

/// The columns of the sums, from `requests` on.
inline std::string const& sum_columns() {
  static std::string const columns = [] {
    std::string text = "requests, failed, partial, cached, duration, first_token, first_token_count";
    for (std::size_t i = 0; i < usage_class_count; ++i)
      text.append(", ").append(to_string(static_cast<UsageClass>(i)));
    return text.append(", cost");
  }();
  return columns;
}

/// The same columns, from number `column` on.
inline UsageTotals read_totals(sqlite::Statement const& row, int column) {
  UsageTotals t;
  for (auto member : UsageTotals::counters) t.*member = row.integer(column++);
  for (auto& tokens : t.tokens) tokens = row.integer(column++);
  t.cost = NanoUsd(row.integer(column));
  return t;
}
inline void bind_totals(sqlite::Statement& row, int at, UsageTotals const& t) {
  for (auto member : UsageTotals::counters) row.bind(at++, t.*member);
  for (auto tokens : t.tokens) row.bind(at++, tokens);
  row.bind(at, t.cost.count());
}

/// One of the names of a filter, and its column.
struct AskedName {
  std::string_view column;
  std::string_view name;
};
using AskedNames = std::array<AskedName, 3>;
inline AskedNames account_names(UsageFilter const& f) {
  return {{{"key", f.key}, {"user", f.user}, {"team", f.team}}};
}
inline AskedNames subject_names(UsageFilter const& f) {
  return {{{"model", f.model}, {"provider", f.provider}, {"operation", f.operation}}};
}

/// `SELECT id FROM usage_account WHERE key = ?4`, parameters counting on from `parameter`.
inline std::string select_ids(std::string_view table, AskedNames const& asked, int& parameter) {
  std::string text = "SELECT id FROM " + std::string(table);
  std::string_view word = " WHERE ";
  for (auto const& [column, name] : asked) {
    if (name.empty()) continue;
    text.append(std::exchange(word, " AND "))
        .append(column)
        .append(" = ?")
        .append(std::to_string(parameter++));
  }
  return text;
}

}  // namespace detail

inline auto UsageSums::open_table(sqlite::Database& database, UsagePeriod period) -> Result<Table> {
  std::string const name(detail::name_of(period));
  auto find = database.prepare("SELECT " + detail::sum_columns() + " FROM usage_by_" + name +
                               " WHERE split = ?1 AND account = ?2 AND " + name + " = ?3 AND subject = ?4");
  if (!find) return tl::unexpected(std::move(find).error());
  auto put = database.prepare("INSERT OR REPLACE INTO usage_by_" + name +
                              " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,"
                              "?20,?21,?22,?23,?24,?25,?26)");
  if (!put) return tl::unexpected(std::move(put).error());
  return Table{std::move(*find), std::move(*put)};
}

inline Result<UsageSums> UsageSums::open(sqlite::Database& database) {
  auto accounts = UsageNames::open(database, "usage_account", {"key", "user", "team"});
  if (!accounts) return tl::unexpected(std::move(accounts).error());
  auto subjects = UsageNames::open(database, "usage_subject", {"model", "provider", "operation"});
  if (!subjects) return tl::unexpected(std::move(subjects).error());
  auto hours = open_table(database, UsagePeriod::hour);
  if (!hours) return tl::unexpected(std::move(hours).error());
  auto days = open_table(database, UsagePeriod::day);
  if (!days) return tl::unexpected(std::move(days).error());
  auto mark = database.prepare("UPDATE usage_summed SET batch = ?1");
  if (!mark) return tl::unexpected(std::move(mark).error());
  return UsageSums(database, std::move(*accounts), std::move(*subjects), std::move(*hours), std::move(*days),
                   std::move(*mark));
}

inline Result<void> UsageSums::add(UsageRecord const& r) {
  auto const account = accounts_.number({r.key, r.user, r.team});
  if (!account) return tl::unexpected(account.error());
  auto const subject = subjects_.number({r.model, r.provider, r.operation});
  if (!subject) return tl::unexpected(subject.error());
  pending(Place{*account, hour_of(r.started_at), *subject}).add(r);
  ++records_;
  return {};
}

inline UsageTotals& UsageSums::pending(Place const& place) {
  auto const [at, is_new] = places_.try_emplace(place, pending_.size());
  if (is_new) pending_.push_back({place, {}});
  return pending_[at->second].totals;
}

inline void UsageSums::forget() {
  accounts_.forget();
  subjects_.forget();
  pending_ = {};
  places_ = {};
  records_ = 0;
}

inline Result<void> UsageSums::write(std::int64_t last_row) {
  for (auto split : {UsageSplit::none, UsageSplit::account, UsageSplit::subject, UsageSplit::both}) {
    if (auto done = write(hours_, UsagePeriod::hour, split); !done) return done;
    if (auto done = write(days_, UsagePeriod::day, split); !done) return done;
  }
  if (auto done = mark_.bind(1, last_row).run(); !done) return done;
  pending_.clear();
  places_.clear();
  records_ = 0;
  return {};
}

/// Writes one kind of sums, in the order of the table's rows.
inline Result<void> UsageSums::write(Table& table, UsagePeriod period, UsageSplit split) {
  bool const by_account = split == UsageSplit::account || split == UsageSplit::both;
  bool const by_subject = split == UsageSplit::subject || split == UsageSplit::both;
  std::unordered_map<Place, UsageTotals, PlaceHash> sums;
  for (auto const& [place, totals] : pending_)
    sums[{by_account ? place.account : 0, period == UsagePeriod::hour ? place.time : day_of_hour(place.time),
          by_subject ? place.subject : 0}]
        .add(totals);
  std::vector<Place> places;
  places.reserve(sums.size());
  for (auto const& [place, totals] : sums) places.push_back(place);
  std::ranges::sort(places);
  for (auto const& place : places)
    if (auto done = put(table, split, place, sums.at(place)); !done) return done;
  return {};
}

inline Result<void> UsageSums::put(Table& table, UsageSplit split, Place const& place, UsageTotals totals) {
  auto const bind = [&](sqlite::Statement& s) -> auto& {
    return s.bind(1, static_cast<std::int64_t>(split))
        .bind(2, place.account)
        .bind(3, place.time)
        .bind(4, place.subject);
  };
  auto const found = bind(table.find).step();
  if (found && *found) totals.add(detail::read_totals(table.find, 0));
  table.find.reset();
  if (!found) return tl::unexpected(found.error());
  detail::bind_totals(bind(table.put), 5, totals);
  return table.put.run();
}

template <class Fn>
Result<void> UsageSums::read(UsagePeriod period, UsageSplit split, UsageFilter const& filter,
                             std::int64_t first, std::int64_t last, Fn& fn) {
  if (first >= last) return {};
  std::string const time(detail::name_of(period));
  std::string text = "SELECT account, " + time + ", subject, " + detail::sum_columns() + " FROM usage_by_" +
                     time + " WHERE split = ?1 AND " + time + " >= ?2 AND " + time + " < ?3 AND account ";
  bool const by_account = split == UsageSplit::account || split == UsageSplit::both;
  auto const accounts = detail::account_names(filter);
  auto const subjects = detail::subject_names(filter);
  int parameter = 4;
  // A list of accounts even when all are meant: the rows of an account are in the order of time.
  text += by_account ? "IN (" + detail::select_ids("usage_account", accounts, parameter) + ")" : "= 0";
  bool const asks_subject =
      std::ranges::any_of(subjects, [](auto const& asked) { return !asked.name.empty(); });
  if (asks_subject)
    text += " AND subject IN (" + detail::select_ids("usage_subject", subjects, parameter) + ")";
  auto rows = database_->prepare(text);
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, static_cast<std::int64_t>(split)).bind(2, first).bind(3, last);
  parameter = 4;
  for (auto const& asked : {accounts, subjects})
    for (auto const& [column, name] : asked)
      if (!name.empty()) rows->bind(parameter++, name);
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    fn(UsageSum{rows->integer(0), rows->integer(1), rows->integer(2), detail::read_totals(*rows, 3)});
  }
}

inline Result<std::unordered_map<std::int64_t, std::string>> UsageSums::names(UsageDimension dimension) {
  bool const of_account = dimension <= UsageDimension::team;
  auto rows = database_->prepare("SELECT id, " + std::string(to_string(dimension)) + " FROM " +
                                 (of_account ? "usage_account" : "usage_subject"));
  if (!rows) return tl::unexpected(std::move(rows).error());
  std::unordered_map<std::int64_t, std::string> result;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return result;
    result.emplace(rows->integer(0), rows->text(1));
  }
}

}  // namespace lowart
