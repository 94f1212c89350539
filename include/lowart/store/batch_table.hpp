#pragma once
/// BatchTable: the table of usage records, many in a row.

#include <lowart/store/latest_ids.hpp>
#include <lowart/store/sqlite.hpp>
#include <lowart/store/usage_batch.hpp>
#include <lowart/store/usage_history.hpp>

#include <functional>
#include <map>
#include <set>

namespace lowart {

/// Adds records to the rows of their hours, and reads them back.
///
/// The last row of an hour is filled until it has enough, so that folds of a few records do not leave rows of a
/// few records. What such a row holds stays in memory too, for at most four hours: calls that began before the
/// hour still end after it.
///
/// Errors:      Errc::storage_failed with SQLite's message.
/// Concurrency: one thread at a time, in transactions of the caller.
class BatchTable {
 public:
  /// The database must live longer.
  static Result<BatchTable> open(sqlite::Database& database);

  /// Adds a record to its row in memory; it is in the table after write().
  /// `payload` is the record, encoded.
  Result<void> add(UsageRecord const& record, std::span<std::byte const> payload);
  Result<void> write();
  /// The sums have what was added so far.
  void note_summed() {
    for (auto& [hour, open] : open_) open.summed = open.batch.count();
  }
  /// Calls fn(record) for what the sums do not have of at most one row behind row `after`, in the order of their ids.
  /// Returns the row's id, or nullopt when there is none. What cannot be read of the row is passed over: one bad row shall
  /// not keep all that follow out of the sums.
  template <class Fn>
  Result<std::optional<std::int64_t>> read_unsummed(std::int64_t after, Fn fn);
  Result<std::int64_t> last_row() { return database_->integer("SELECT max(id) FROM usage_batch"); }
  /// To be called when the transaction of a write() was taken back: reads the rows again.
  void forget() { open_.clear(); }

  /// Calls fn(record) for every record of the rows that overlap [from, to]; some records may lie outside.
  template <class Fn>
  Result<void> read(std::int64_t from, std::int64_t to, Fn fn);
  using Ages = std::set<RecordAge>;
  /// The ages of those of the records that are in the table already. Reads the rows that their starts fall into.
  Result<Ages> stored_among(std::span<UsageRecord const> batch);
  /// Whether a row overlaps [from, until). Its records may still all be outside.
  Result<bool> may_have_records(std::int64_t from, std::int64_t until);
  /// Offers the records that match(record), that began at `from` or later, and that are older than `before`, to `newest`:
  /// all that may have a place. nullopt; or, when `max_read` records were read before that, the age from which on all
  /// were offered.
  template <class Match>
  Result<std::optional<RecordAge>> offer(NewestRecords& newest, std::int64_t from, RecordAge before,
                                         std::size_t max_read, Match match);
  /// The ids in the rows that were written last.
  Result<LatestIds> latest_ids();

 private:
  struct OpenBatch {  // What goes on being filled.
    UsageBatch batch;
    std::int64_t row{0};    // Its id in the table, 0 for none yet.
    std::size_t summed{0};  // So many of its first records are in the sums.
    bool changed{false};
  };
  static constexpr std::size_t max_open_batches = 4;

  BatchTable(sqlite::Database& database, sqlite::Statement put, sqlite::Statement drop)
      : database_(&database), put_(std::move(put)), drop_(std::move(drop)) {}

  Result<OpenBatch*> being_filled(std::int64_t hour);
  Result<void> write(std::int64_t hour, OpenBatch& open);
  template <class Fn>
  static Result<void> read_row(std::span<std::byte const> records, Fn fn);

  sqlite::Database* database_;
  sqlite::Statement put_;
  sqlite::Statement drop_;
  std::map<std::int64_t, OpenBatch> open_;  // By hour.
};

inline Result<BatchTable> BatchTable::open(sqlite::Database& database) {
  auto put = database.prepare(
      "INSERT INTO usage_batch (hour, first_at, last_at, count, records, summed) VALUES (?1,?2,?3,?4,?5,?6)");
  if (!put) return tl::unexpected(std::move(put).error());
  auto drop = database.prepare("DELETE FROM usage_batch WHERE id = ?1");
  if (!drop) return tl::unexpected(std::move(drop).error());
  return BatchTable(database, std::move(*put), std::move(*drop));
}

/// Calls fn(record) for the records of a row.
template <class Fn>
Result<void> BatchTable::read_row(std::span<std::byte const> records, Fn fn) {
  if (journal::decode_each(records, std::move(fn))) return {};
  return fail(Errc::storage_failed, "the usage database has a row of records that cannot be read");
}

/// The batch of an hour that is being filled: the one in memory, the last row of the hour, or a new one.
inline auto BatchTable::being_filled(std::int64_t hour) -> Result<OpenBatch*> {
  auto const known = open_.find(hour);
  if (known != open_.end()) return &known->second;
  auto find = database_->prepare(
      "SELECT id, count, first_at, last_at, records, "
      "  CASE WHEN id <= (SELECT batch FROM usage_summed) THEN count ELSE summed END FROM usage_batch "
      "WHERE id = (SELECT max(id) FROM usage_batch WHERE hour = ?1) AND count < ?2");
  if (!find) return tl::unexpected(std::move(find).error());
  auto const found = find->bind(1, hour).bind(2, std::int64_t{UsageBatch::enough_records}).step();
  if (!found) return tl::unexpected(found.error());
  auto& made = open_[hour];
  if (*found) {
    made.row = find->integer(0);
    made.batch = UsageBatch(find->blob(4), static_cast<std::size_t>(find->integer(1)), find->integer(2),
                            find->integer(3));
    made.summed = static_cast<std::size_t>(find->integer(5));
  }
  return &made;
}

inline Result<void> BatchTable::add(UsageRecord const& record, std::span<std::byte const> payload) {
  auto const hour = hour_of(record.started_at);
  auto const found = being_filled(hour);
  if (!found) return tl::unexpected(found.error());
  auto& open = **found;
  if (open.batch.is_full()) {
    if (auto done = write(hour, open); !done) return done;
    open = OpenBatch{};
  }
  open.batch.add(record, payload);
  open.changed = true;
  return {};
}

/// Replaces the row by one with what was added. The new one first: an id that is free again would be given again, and the
/// sums would seem to have what was added.
inline Result<void> BatchTable::write(std::int64_t hour, OpenBatch& open) {
  if (!std::exchange(open.changed, false)) return {};
  auto const& batch = open.batch;
  put_.bind(1, hour).bind(2, batch.first_at()).bind(3, batch.last_at());
  put_.bind(4, static_cast<std::int64_t>(batch.count())).bind(5, batch.bytes());
  put_.bind(6, static_cast<std::int64_t>(open.summed));
  if (auto done = put_.run(); !done) return done;
  auto const old = std::exchange(open.row, database_->last_inserted());
  return old == 0 ? Result<void>() : drop_.bind(1, old).run();
}

inline Result<void> BatchTable::write() {
  for (auto& [hour, open] : open_) {
    if (auto done = write(hour, open); !done) return done;
    if (open.batch.has_enough()) open = OpenBatch{};
  }
  while (open_.size() > max_open_batches) open_.erase(open_.begin());
  return {};
}

template <class Fn>
Result<void> BatchTable::read(std::int64_t from, std::int64_t to, Fn fn) {
  auto rows = database_->prepare(
      "SELECT records FROM usage_batch "
      "WHERE hour BETWEEN ?1 AND ?2 AND last_at >= ?3 AND first_at <= ?4");
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, hour_of(from)).bind(2, hour_of(to)).bind(3, from).bind(4, to);
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (auto done = read_row(rows->blob(0), std::ref(fn)); !done) return done;
  }
}

/// Those of the records that are in the table already.
inline auto BatchTable::stored_among(std::span<UsageRecord const> batch) -> Result<Ages> {
  struct Range {
    std::int64_t first, last;
  };
  std::map<std::int64_t, Range> ranges;  // By hour, so that a batch of old and new records reads no more.
  Ages offered;
  for (auto const& record : batch) {
    offered.insert(age_of(record));
    auto& range = ranges.try_emplace(hour_of(record.started_at), Range{record.started_at, record.started_at})
                      .first->second;
    range = {std::min(range.first, record.started_at), std::max(range.last, record.started_at)};
  }
  Ages stored;
  for (auto const& [hour, range] : ranges) {
    auto done = read(range.first, range.last, [&](UsageRecord const& r) {
      if (offered.contains(age_of(r))) stored.insert(age_of(r));
    });
    if (!done) return tl::unexpected(std::move(done).error());
  }
  return stored;
}

inline Result<bool> BatchTable::may_have_records(std::int64_t from, std::int64_t until) {
  if (from >= until) return false;
  auto find = database_->prepare(
      "SELECT 1 FROM usage_batch "
      "WHERE hour BETWEEN ?1 AND ?2 AND last_at >= ?3 AND first_at < ?4 LIMIT 1");
  if (!find) return tl::unexpected(std::move(find).error());
  return find->bind(1, hour_of(from)).bind(2, hour_of(until - 1)).bind(3, from).bind(4, until).step();
}

inline Result<LatestIds> BatchTable::latest_ids() {
  auto rows = database_->prepare("SELECT records FROM usage_batch ORDER BY id DESC");
  if (!rows) return tl::unexpected(std::move(rows).error());
  std::vector<CallId> found;  // From the latest row on.
  while (found.size() < LatestIds::reach) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    auto done = read_row(rows->blob(0), [&](UsageRecord const& r) { found.push_back(r.id); });
    if (!done) return tl::unexpected(std::move(done).error());
  }
  LatestIds ids;
  for (auto id = found.rbegin(); id != found.rend(); ++id) ids.add(*id);  // The latest last.
  return ids;
}

template <class Fn>
Result<std::optional<std::int64_t>> BatchTable::read_unsummed(std::int64_t after, Fn fn) {
  auto find =
      database_->prepare("SELECT id, summed, records FROM usage_batch WHERE id > ?1 ORDER BY id LIMIT 1");
  if (!find) return tl::unexpected(std::move(find).error());
  auto const found = find->bind(1, after).step();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::optional<std::int64_t>();
  Result<void> result;
  auto to_skip = find->integer(1);
  journal::decode_each(find->blob(2), [&](UsageRecord const& r) {
    if (result && to_skip-- <= 0) result = fn(r);
  });
  if (!result) return tl::unexpected(std::move(result).error());
  return std::optional(find->integer(0));
}

template <class Match>
Result<std::optional<RecordAge>> BatchTable::offer(NewestRecords& newest, std::int64_t from, RecordAge before,
                                                   std::size_t max_read, Match match) {
  auto rows = database_->prepare(
      "SELECT last_at, count, records FROM usage_batch "
      "WHERE hour BETWEEN ?1 AND ?2 AND first_at <= ?3 AND last_at >= ?4 ORDER BY hour DESC, last_at DESC");
  if (!rows) return tl::unexpected(std::move(rows).error());
  auto const latest = std::get<0>(before);
  rows->bind(1, hour_of(from)).bind(2, hour_of(latest)).bind(3, latest).bind(4, from);
  std::size_t read = 0;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    // Calls end in another order than they began in, so rows overlap; but no row that follows begins later.
    if (!*row || !newest.has_place(rows->integer(0))) return std::optional<RecordAge>();
    auto const last_at = rows->integer(0);
    if (read >= max_read && last_at < latest) return std::optional(RecordAge{last_at + 1, 0, 0});
    read += static_cast<std::size_t>(rows->integer(1));
    auto done = read_row(rows->blob(2), [&](UsageRecord const& r) {
      if (newest.has_place(r.started_at) && match(r)) newest.offer(r);
    });
    if (!done) return tl::unexpected(std::move(done).error());
  }
}

}  // namespace lowart
