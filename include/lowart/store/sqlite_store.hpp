#pragma once
/// SqliteStore: usage records in one SQLite file.

#include <lowart/store/batch_table.hpp>
#include <lowart/store/crc32c.hpp>
#include <lowart/store/usage_schema.hpp>

#include <memory>
#include <set>
#include <unordered_map>

namespace lowart {

/// Keeps every record, many in a row of the table, and sums by key, model and hour, so that totals stay fast
/// with millions of records: whole hours come from the sums, the ends of a range from the records.
///
/// A record is kept once: with positions because the position in the journal is kept in the same transaction;
/// without, because the rows that its start falls into are read for its id, which is slow. In either case the
/// ids of the latest few thousand records are known. Names longer than 255 bytes are cut, as in the journal.
///
/// Errors:      Errc::storage_failed with SQLite's message; a failed append leaves nothing behind.
/// Concurrency: one thread at a time. Other processes may read the file meanwhile.
/// Durability:  see sync(); without it a power cut may take the latest appends back, whole batches only.
class SqliteStore {
 public:
  /// Opens or makes the file and brings its tables up to date; refuses a database of a newer version.
  static Result<SqliteStore> open(std::string const& path);

  Result<void> append(std::span<UsageRecord const> batch) { return append(batch, {}); }
  Result<void> append(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions) {
    return append(batch, positions, {});
  }
  /// The same, sparing the encoding: payload i is what journal::encode makes of record i. None, or one for each.
  Result<void> append(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions,
                      std::span<std::span<std::byte const> const> payloads);

  Result<UsageTotals> totals(UsageQuery const& query);
  Result<std::vector<ModelUsage>> by_model(UsageQuery const& query);
  /// The latest records, newest first, at most `count`.
  Result<std::vector<KeptRecord>> recent(std::size_t count) { return batches_.recent(count); }

  Result<std::vector<JournalPosition>> positions();
  Result<void> forget(std::string const& segment);
  /// Brings everything to the disk; false while another process's reading stands in the way.
  Result<bool> sync() { return database_->checkpoint(); }
  void rest() noexcept { database_->shrink(); }

 private:
  using Place = std::tuple<std::int64_t, std::string_view, std::string_view>;  // Hour, key, model.
  struct PlaceHash {
    std::size_t operator()(Place const& place) const noexcept {
      auto const& [hour, key, model] = place;
      auto const names =
          journal::crc32c(std::as_bytes(std::span(model)), journal::crc32c(std::as_bytes(std::span(key))));
      return names ^ static_cast<std::size_t>(hour) << 32;
    }
  };
  using Sums = std::unordered_map<Place, UsageTotals, PlaceHash>;
  using Repeats = std::set<BatchTable::Age>;

  SqliteStore(std::unique_ptr<sqlite::Database> database, BatchTable batches, sqlite::Statement find_sum,
              sqlite::Statement put_sum, sqlite::Statement put_position)
      : database_(std::move(database)),
        batches_(std::move(batches)),
        find_sum_(std::move(find_sum)),
        put_sum_(std::move(put_sum)),
        put_position_(std::move(put_position)) {}

  Result<void> add(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions,
                   std::span<std::span<std::byte const> const> payloads);
  Result<void> add_to_sum(Place const& place, UsageTotals totals);
  Result<Repeats> stored_among(std::span<UsageRecord const> batch);
  template <class Fn>
  Result<void> for_each(UsageQuery const& query, Fn fn);
  template <class Fn>
  Result<void> add_hours(UsageQuery const& query, std::int64_t first, std::int64_t last, Fn& fn);
  template <class Fn>
  Result<void> add_records(UsageQuery const& query, std::int64_t from, std::int64_t until, Fn& fn);

  std::unique_ptr<sqlite::Database> database_;  // First, so that the statements go before it.
  BatchTable batches_;
  sqlite::Statement find_sum_;
  sqlite::Statement put_sum_;
  sqlite::Statement put_position_;
  std::optional<LatestIds> latest_ids_;  // Read when first needed, and again after a failure.
};

namespace detail {

inline constexpr std::size_t stored_classes = 8;
inline constexpr std::int64_t hour_microseconds = 3'600'000'000;

/// Requests, tokens and cost, from `column` on.
inline UsageTotals read_totals(sqlite::Statement const& row, int column) {
  UsageTotals t;
  t.request_count = row.integer(column++);
  for (std::size_t i = 0; i < stored_classes; ++i) t.tokens[i] = row.integer(column++);
  t.cost = NanoUsd(row.integer(column));
  return t;
}

}  // namespace detail

inline Result<SqliteStore> SqliteStore::open(std::string const& path) {
  auto opened = sqlite::Database::open(path);
  if (!opened) return tl::unexpected(std::move(opened).error());
  auto database = std::make_unique<sqlite::Database>(std::move(*opened));  // Where it stays when this moves.
  if (auto done = sqlite::migrate_usage(*database); !done) return tl::unexpected(std::move(done).error());
  auto batches = BatchTable::open(*database);
  if (!batches) return tl::unexpected(std::move(batches).error());
  auto find_sum = database->prepare(
      "SELECT requests, input, cache_read, cache_write, output, reasoning, input_audio, output_audio, "
      "input_image, cost FROM usage_hour WHERE key = ?1 AND hour = ?2 AND model = ?3");
  auto put_sum = database->prepare(
      "INSERT OR REPLACE INTO usage_hour VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)");
  auto put_position = database->prepare("INSERT OR REPLACE INTO journal_position VALUES (?1, ?2)");
  for (auto* prepared : {&find_sum, &put_sum, &put_position})
    if (!*prepared) return tl::unexpected(std::move(*prepared).error());
  return SqliteStore(std::move(database), std::move(*batches), std::move(*find_sum), std::move(*put_sum),
                     std::move(*put_position));
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
  for (std::size_t i = 0; i < detail::stored_classes; ++i) put_sum_.bind(at++, totals.tokens[i]);
  put_sum_.bind(at, totals.cost.count());
  return put_sum_.run();
}

inline Result<void> SqliteStore::append(std::span<UsageRecord const> batch,
                                        std::span<JournalPosition const> positions,
                                        std::span<std::span<std::byte const> const> payloads) {
  auto done = add(batch, positions, payloads);
  if (!done) {
    batches_.forget();
    latest_ids_.reset();
  }
  return done;
}

inline Result<void> SqliteStore::add(std::span<UsageRecord const> batch,
                                     std::span<JournalPosition const> positions,
                                     std::span<std::span<std::byte const> const> payloads) {
  auto transaction = sqlite::Transaction::begin(*database_);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  if (!latest_ids_) {
    auto ids = batches_.latest_ids();
    if (!ids) return tl::unexpected(std::move(ids).error());
    latest_ids_ = std::move(*ids);
  }
  Repeats stored;
  if (positions.empty()) {
    auto found = stored_among(batch);
    if (!found) return tl::unexpected(std::move(found).error());
    stored = std::move(*found);
  }
  Sums sums;
  std::array<std::byte, journal::max_record_bytes> room;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto const& record = batch[i];
    if (!latest_ids_->add(record.id) || stored.contains(BatchTable::age(record))) continue;
    auto const payload = i < payloads.size()
                             ? payloads[i]
                             : std::span<std::byte const>(room.data(), journal::encode(record, room.data()));
    if (auto done = batches_.add(record, payload); !done) return done;
    sums[Place(hour_of(record.started_at), journal::kept_name(record.key), journal::kept_name(record.model))]
        .add(record);
  }
  if (auto done = batches_.write(); !done) return done;
  for (auto const& [place, totals] : sums)
    if (auto done = add_to_sum(place, totals); !done) return done;
  for (auto const& [segment, offset] : positions) {
    put_position_.bind(1, segment).bind(2, static_cast<std::int64_t>(offset));
    if (auto done = put_position_.run(); !done) return done;
  }
  return transaction->commit();
}

/// Those of the records that are in the table already.
inline auto SqliteStore::stored_among(std::span<UsageRecord const> batch) -> Result<Repeats> {
  struct Range {
    std::int64_t first, last;
  };
  std::map<std::int64_t, Range> ranges;  // By hour, so that a batch of old and new records reads no more.
  Repeats offered;
  for (auto const& record : batch) {
    offered.insert(BatchTable::age(record));
    auto& range = ranges.try_emplace(hour_of(record.started_at), Range{record.started_at, record.started_at})
                      .first->second;
    range = {std::min(range.first, record.started_at), std::max(range.last, record.started_at)};
  }
  Repeats stored;
  for (auto const& [hour, range] : ranges) {
    auto done = batches_.read(range.first, range.last, [&](UsageRecord const& r) {
      if (offered.contains(BatchTable::age(r))) stored.insert(BatchTable::age(r));
    });
    if (!done) return tl::unexpected(std::move(done).error());
  }
  return stored;
}

/// Calls fn(model, totals) for each sum of the hours [first, last).
template <class Fn>
Result<void> SqliteStore::add_hours(UsageQuery const& query, std::int64_t first, std::int64_t last, Fn& fn) {
  std::string text =
      "SELECT model, requests, input, cache_read, cache_write, output, reasoning, input_audio, "
      "output_audio, input_image, cost FROM usage_hour WHERE hour >= ?1 AND hour < ?2";
  if (!query.key.empty()) text += " AND key = ?3";
  if (!query.model.empty()) text += " AND model = ?4";
  auto rows = database_->prepare(text);
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, first).bind(2, last);
  if (!query.key.empty()) rows->bind(3, query.key);
  if (!query.model.empty()) rows->bind(4, query.model);
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    fn(rows->text(0), detail::read_totals(*rows, 1));
  }
}

/// Calls fn(model, totals) for each record that began in [from, until).
template <class Fn>
Result<void> SqliteStore::add_records(UsageQuery const& query, std::int64_t from, std::int64_t until,
                                      Fn& fn) {
  if (from >= until) return {};
  return batches_.read(from, until - 1, [&](UsageRecord const& r) {
    if (r.started_at < from || r.started_at >= until) return;
    if ((!query.key.empty() && r.key != query.key) || (!query.model.empty() && r.model != query.model))
      return;
    UsageTotals one;
    one.add(r);
    fn(r.model, one);
  });
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
  auto const before = batches_.may_have_records(first_begin, from);
  if (!before) return tl::unexpected(before.error());
  auto const after = batches_.may_have_records(until, last_end);
  if (!after) return tl::unexpected(after.error());
  if (*before) ++first;
  if (!*after) ++last;
  if (first >= last) return add_records(query, from, until, fn);
  if (auto done = add_hours(query, first, last, fn); !done) return done;
  if (*before)
    if (auto done = add_records(query, from, first * hour_microseconds, fn); !done) return done;
  if (*after) return add_records(query, last * hour_microseconds, until, fn);
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

inline Result<std::vector<JournalPosition>> SqliteStore::positions() {
  auto rows = database_->prepare("SELECT segment, offset FROM journal_position");
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
  auto erase = database_->prepare("DELETE FROM journal_position WHERE segment = ?1");
  if (!erase) return tl::unexpected(std::move(erase).error());
  return erase->bind(1, segment).run();
}

static_assert(UsageStore<SqliteStore> && DurableUsageStore<SqliteStore> && RestingUsageStore<SqliteStore>);

}  // namespace lowart
