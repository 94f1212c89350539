#pragma once
/// SqliteStore: usage records in one SQLite file.

#include <lowart/store/memory_store.hpp>
#include <lowart/store/usage_schema.hpp>

namespace lowart {

/// Keeps every record, and sums by key, model and hour, so that totals stay fast with millions of records:
/// whole hours come from the sums, the ends of a range from the records.
///
/// Errors:      Errc::storage_failed with SQLite's message; a failed append leaves nothing behind.
/// Concurrency: one thread at a time. Other processes may read the file meanwhile.
/// Durability:  see sync(); without it a power cut may take the latest appends back, whole batches only.
class SqliteStore {
 public:
  /// Opens or makes the file and brings its tables up to date; refuses a database of a newer version.
  static Result<SqliteStore> open(std::string const& path);

  Result<void> append(std::span<UsageRecord const> batch) { return append(batch, {}); }
  Result<void> append(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions);

  Result<UsageTotals> totals(UsageQuery const& query);
  Result<std::vector<ModelUsage>> by_model(UsageQuery const& query);
  /// The latest records, newest first, at most `count`.
  Result<std::vector<KeptRecord>> recent(std::size_t count);

  Result<std::vector<JournalPosition>> positions();
  Result<void> forget(std::string const& segment);
  /// Brings everything to the disk; false while another process's reading stands in the way.
  Result<bool> sync() { return database_.checkpoint(); }

 private:
  using Place = std::tuple<std::int64_t, std::string_view, std::string_view>;  // Hour, key, model.
  using Sums = std::map<Place, UsageTotals>;

  SqliteStore(sqlite::Database database, sqlite::Statement insert, sqlite::Statement find_sum,
              sqlite::Statement put_sum, sqlite::Statement put_position)
      : database_(std::move(database)),
        insert_(std::move(insert)),
        find_sum_(std::move(find_sum)),
        put_sum_(std::move(put_sum)),
        put_position_(std::move(put_position)) {}

  Result<bool> insert(UsageRecord const& record);
  Result<void> add_to_sum(Place const& place, UsageTotals totals);
  template <class Fn>
  Result<void> for_each(UsageQuery const& query, Fn fn);
  template <class Fn>
  Result<void> add_up(bool from_hours, UsageQuery const& query, std::int64_t from, std::int64_t until,
                      Fn& fn);
  Result<bool> any_record_in(std::int64_t from, std::int64_t until);

  sqlite::Database database_;  // First, so that the statements go before it.
  sqlite::Statement insert_;
  sqlite::Statement find_sum_;
  sqlite::Statement put_sum_;
  sqlite::Statement put_position_;
};

namespace detail {

inline constexpr std::int64_t hour_microseconds = 3'600'000'000;

/// Requests, tokens and cost, from `column` on.
inline UsageTotals read_totals(sqlite::Statement const& row, int column) {
  UsageTotals t;
  t.request_count = row.integer(column++);
  for (auto& tokens : t.tokens) tokens = row.integer(column++);  // NULL reads as zero.
  t.cost = NanoUsd(row.integer(column));
  return t;
}

}  // namespace detail

inline Result<SqliteStore> SqliteStore::open(std::string const& path) {
  auto database = sqlite::Database::open(path);
  if (!database) return tl::unexpected(std::move(database).error());
  if (auto done = sqlite::migrate_usage(*database); !done) return tl::unexpected(std::move(done).error());
  auto insert = database->prepare(
      "INSERT OR IGNORE INTO usage VALUES "
      "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,"
      "?21,?22,?23)");
  auto find_sum = database->prepare(
      "SELECT requests, input, cache_read, cache_write, output, reasoning, input_audio, output_audio, "
      "input_image, "
      "cost FROM usage_hour WHERE key = ?1 AND hour = ?2 AND model = ?3");
  auto put_sum = database->prepare(
      "INSERT OR REPLACE INTO usage_hour VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)");
  auto put_position = database->prepare("INSERT OR REPLACE INTO journal_position VALUES (?1, ?2)");
  for (auto* prepared : {&insert, &find_sum, &put_sum, &put_position})
    if (!*prepared) return tl::unexpected(std::move(*prepared).error());
  return SqliteStore(std::move(*database), std::move(*insert), std::move(*find_sum), std::move(*put_sum),
                     std::move(*put_position));
}

/// Says whether the record is new.
inline Result<bool> SqliteStore::insert(UsageRecord const& r) {
  // Big-endian, so that the bytes in the file read like the id in a log.
  std::array<std::byte, 16> id;
  for (std::size_t i = 0; i < 8; ++i) {
    id[i] = static_cast<std::byte>(r.id.high >> (56 - 8 * i));
    id[8 + i] = static_cast<std::byte>(r.id.low >> (56 - 8 * i));
  }
  insert_.bind(1, r.started_at).bind(2, std::span<std::byte const>(id)).bind(3, r.duration);
  if (r.time_to_first_token < 0)
    insert_.bind_null(4);
  else
    insert_.bind(4, r.time_to_first_token);
  int at = 5;
  for (auto name : {r.key, r.model, r.provider, r.upstream_model, r.operation}) insert_.bind(at++, name);
  for (std::size_t i = 0; i < usage_class_count; ++i)
    insert_.bind(at++, r.usage.get(static_cast<UsageClass>(i)));
  for (std::int64_t number : {r.cost.count(), std::int64_t{r.attempts}, std::int64_t{r.status},
                              static_cast<std::int64_t>(r.outcome), static_cast<std::int64_t>(r.provenance),
                              std::int64_t{r.streamed}})
    insert_.bind(at++, number);
  if (auto done = insert_.run(); !done) return tl::unexpected(std::move(done).error());
  return database_.changes() == 1;
}

inline Result<void> SqliteStore::add_to_sum(Place const& place, UsageTotals totals) {
  auto const& [hour, key, model] = place;
  find_sum_.bind(1, key).bind(2, hour).bind(3, model);
  auto const found = find_sum_.step();
  if (found && *found) totals.add(detail::read_totals(find_sum_, 0));
  find_sum_.reset();
  if (!found) return tl::unexpected(found.error());
  put_sum_.bind(1, key).bind(2, hour).bind(3, model).bind(4, totals.request_count);
  int at = 5;
  for (auto tokens : totals.tokens) put_sum_.bind(at++, tokens);
  put_sum_.bind(at, totals.cost.count());
  return put_sum_.run();
}

inline Result<void> SqliteStore::append(std::span<UsageRecord const> batch,
                                        std::span<JournalPosition const> positions) {
  auto transaction = sqlite::Transaction::begin(database_);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  Sums sums;
  // Calls end in another order than they began in. In the order of the table each goes to its end, without a search.
  std::vector<UsageRecord const*> in_order;
  in_order.reserve(batch.size());
  for (auto const& record : batch) in_order.push_back(&record);
  std::ranges::sort(in_order, {}, [](UsageRecord const* r) { return std::tuple(r->started_at, r->id.high, r->id.low); });
  for (auto const* record : in_order) {
    auto const is_new = insert(*record);
    if (!is_new) return tl::unexpected(is_new.error());
    if (*is_new) sums[Place(hour_of(record->started_at), record->key, record->model)].add(*record);
  }
  for (auto const& [place, totals] : sums)
    if (auto done = add_to_sum(place, totals); !done) return done;
  for (auto const& [segment, offset] : positions) {
    put_position_.bind(1, segment).bind(2, static_cast<std::int64_t>(offset));
    if (auto done = put_position_.run(); !done) return done;
  }
  return transaction->commit();
}

inline Result<bool> SqliteStore::any_record_in(std::int64_t from, std::int64_t until) {
  if (from >= until) return false;
  auto find = database_.prepare("SELECT 1 FROM usage WHERE started_at >= ?1 AND started_at < ?2 LIMIT 1");
  if (!find) return tl::unexpected(std::move(find).error());
  return find->bind(1, from).bind(2, until).step();
}

/// Calls fn(model, totals) for each row of one table in a range: hours since 1970, or microseconds.
template <class Fn>
Result<void> SqliteStore::add_up(bool from_hours, UsageQuery const& query, std::int64_t from,
                                 std::int64_t until, Fn& fn) {
  if (from >= until) return {};
  std::string const table = from_hours ? "usage_hour" : "usage";
  std::string const time = from_hours ? "hour" : "started_at";
  std::string text =
      "SELECT model, " + std::string(from_hours ? "requests" : "1") +
      ", input, cache_read, cache_write, output, reasoning, input_audio, output_audio, input_image, "
      "cost FROM " +
      table + " WHERE " + time + " >= ?1 AND " + time + " < ?2";
  if (!query.key.empty()) text += " AND key = ?3";
  if (!query.model.empty()) text += " AND model = ?4";
  auto rows = database_.prepare(text);
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, from).bind(2, until);
  if (!query.key.empty()) rows->bind(3, query.key);
  if (!query.model.empty()) rows->bind(4, query.model);
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    fn(rows->text(0), detail::read_totals(*rows, 1));
  }
}

template <class Fn>
Result<void> SqliteStore::for_each(UsageQuery const& query, Fn fn) {
  using detail::hour_microseconds;
  auto const [key, model, from, until] = query;
  if (from >= until) return {};
  // Whole hours [first, last). An hour that the range cuts counts as whole when nothing is in the rest of it:
  // so is the present hour, when the range ends now.
  using Limits = std::numeric_limits<std::int64_t>;
  auto first = hour_of(from);
  auto last = hour_of(until);
  auto const first_begin = first == hour_of(Limits::min()) ? Limits::min() : first * hour_microseconds;
  auto const last_end = last == hour_of(Limits::max()) ? Limits::max() : (last + 1) * hour_microseconds;
  auto const before = any_record_in(first_begin, from);
  if (!before) return tl::unexpected(before.error());
  auto const after = any_record_in(until, last_end);
  if (!after) return tl::unexpected(after.error());
  if (*before) ++first;
  if (!*after) ++last;
  if (first >= last) return add_up(false, query, from, until, fn);
  if (auto done = add_up(true, query, first, last, fn); !done) return done;
  if (*before)
    if (auto done = add_up(false, query, from, first * hour_microseconds, fn); !done) return done;
  if (*after) return add_up(false, query, last * hour_microseconds, until, fn);
  return {};
}

inline Result<UsageTotals> SqliteStore::totals(UsageQuery const& query) {
  UsageTotals sum;
  auto done = for_each(query, [&](std::string_view, UsageTotals const& t) { sum.add(t); });
  if (!done) return tl::unexpected(std::move(done).error());
  return sum;
}

inline Result<std::vector<ModelUsage>> SqliteStore::by_model(UsageQuery const& query) {
  std::map<std::string, UsageTotals, std::less<>> sums;
  auto done = for_each(query, [&](std::string_view model, UsageTotals const& t) {
    auto at = sums.find(model);
    if (at == sums.end()) at = sums.emplace(model, UsageTotals{}).first;
    at->second.add(t);
  });
  if (!done) return tl::unexpected(std::move(done).error());
  std::vector<ModelUsage> result;
  for (auto const& [model, totals] : sums) result.push_back({model, totals});
  return result;
}

inline Result<std::vector<KeptRecord>> SqliteStore::recent(std::size_t count) {
  auto rows = database_.prepare("SELECT * FROM usage ORDER BY started_at DESC, id DESC LIMIT ?1");
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, static_cast<std::int64_t>(std::min(count, std::size_t{1'000'000})));
  std::vector<KeptRecord> result;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return result;
    UsageRecord r;
    r.started_at = rows->integer(0);
    auto const id = rows->blob(1);
    for (std::size_t i = 0; i < 8 && id.size() == 16; ++i) {
      r.id.high = r.id.high << 8 | std::to_integer<std::uint64_t>(id[i]);
      r.id.low = r.id.low << 8 | std::to_integer<std::uint64_t>(id[8 + i]);
    }
    r.duration = rows->integer(2);
    r.time_to_first_token = rows->optional_integer(3).value_or(-1);
    int at = 4;
    for (auto* name : {&r.key, &r.model, &r.provider, &r.upstream_model, &r.operation})
      *name = rows->text(at++);
    for (std::size_t i = 0; i < usage_class_count; ++i)
      r.usage.set(static_cast<UsageClass>(i), rows->optional_integer(at++).value_or(-1));
    r.cost = NanoUsd(rows->integer(at++));
    r.attempts = static_cast<std::int32_t>(rows->integer(at++));
    r.status = static_cast<std::int32_t>(rows->integer(at++));
    r.outcome = static_cast<Outcome>(rows->integer(at++) & 3);
    r.provenance = static_cast<Provenance>(rows->integer(at++) & 3);
    r.streamed = rows->integer(at) != 0;
    result.emplace_back(r);
  }
}

inline Result<std::vector<JournalPosition>> SqliteStore::positions() {
  auto rows = database_.prepare("SELECT segment, offset FROM journal_position");
  if (!rows) return tl::unexpected(std::move(rows).error());
  std::vector<JournalPosition> result;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return result;
    result.push_back({std::string(rows->text(0)), static_cast<std::uint64_t>(rows->integer(1))});
  }
}

inline Result<void> SqliteStore::forget(std::string const& segment) {
  auto erase = database_.prepare("DELETE FROM journal_position WHERE segment = ?1");
  if (!erase) return tl::unexpected(std::move(erase).error());
  return erase->bind(1, segment).run();
}

static_assert(UsageStore<SqliteStore> && DurableUsageStore<SqliteStore>);

}  // namespace lowart
