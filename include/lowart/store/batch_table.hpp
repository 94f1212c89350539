#pragma once
/// BatchTable: the table of usage records, many in a row.

#include <lowart/store/latest_ids.hpp>
#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite.hpp>
#include <lowart/store/usage_batch.hpp>

#include <functional>

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
  /// The order of records: by start, then by id.
  using Age = std::tuple<std::int64_t, std::uint64_t, std::uint64_t>;
  static Age age(UsageRecord const& r) noexcept { return {r.started_at, r.id.high, r.id.low}; }

  /// The database must live longer.
  static Result<BatchTable> open(sqlite::Database& database);

  /// Adds a record to its row in memory; it is in the table after write().
  /// `payload` is the record, encoded.
  Result<void> add(UsageRecord const& record, std::span<std::byte const> payload);
  Result<void> write();
  /// To be called when the transaction of a write() was taken back: reads the rows again.
  void forget() { open_.clear(); }

  /// Calls fn(record) for every record of the rows that overlap [from, to]; some records may lie outside.
  template <class Fn>
  Result<void> read(std::int64_t from, std::int64_t to, Fn fn);
  /// Whether a row overlaps [from, until). Its records may still all be outside.
  Result<bool> may_have_records(std::int64_t from, std::int64_t until);
  /// The latest records by start, newest first, at most `count`.
  Result<std::vector<KeptRecord>> recent(std::size_t count);
  /// The ids in the rows that were written last.
  Result<LatestIds> latest_ids();

 private:
  struct OpenBatch {  // What goes on being filled.
    UsageBatch batch;
    std::int64_t row{0};  // Its id in the table, 0 for none yet.
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
      "INSERT INTO usage_batch (hour, first_at, last_at, count, records) VALUES (?1,?2,?3,?4,?5)");
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
      "SELECT id, count, first_at, last_at, records FROM usage_batch "
      "WHERE id = (SELECT max(id) FROM usage_batch WHERE hour = ?1) AND count < ?2");
  if (!find) return tl::unexpected(std::move(find).error());
  auto const found = find->bind(1, hour).bind(2, std::int64_t{UsageBatch::enough_records}).step();
  if (!found) return tl::unexpected(found.error());
  auto& made = open_[hour];
  if (*found) {
    made.row = find->integer(0);
    made.batch = UsageBatch(find->blob(4), static_cast<std::size_t>(find->integer(1)), find->integer(2),
                            find->integer(3));
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

/// Replaces the row by one with what was added.
inline Result<void> BatchTable::write(std::int64_t hour, OpenBatch& open) {
  if (!std::exchange(open.changed, false)) return {};
  if (open.row != 0)
    if (auto done = drop_.bind(1, open.row).run(); !done) return done;
  auto const& batch = open.batch;
  put_.bind(1, hour).bind(2, batch.first_at()).bind(3, batch.last_at());
  put_.bind(4, static_cast<std::int64_t>(batch.count())).bind(5, batch.bytes());
  auto done = put_.run();
  open.row = database_->last_inserted();
  return done;
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

inline Result<std::vector<KeptRecord>> BatchTable::recent(std::size_t count) {
  struct Found {
    Age age;
    KeptRecord record;
  };
  auto rows = database_->prepare("SELECT last_at, records FROM usage_batch ORDER BY hour DESC, last_at DESC");
  if (!rows) return tl::unexpected(std::move(rows).error());
  // Calls end in another order than they began in, so rows overlap: a heap with the oldest on top.
  auto const is_newer = [](Found const& a, Found const& b) { return a.age > b.age; };
  std::vector<Found> heap;
  while (count > 0) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row || (heap.size() == count && rows->integer(0) < std::get<0>(heap.front().age))) break;
    auto done = read_row(rows->blob(1), [&](UsageRecord const& r) {
      if (heap.size() == count) {
        if (age(r) < heap.front().age) return;
        std::ranges::pop_heap(heap, is_newer);
        heap.pop_back();
      }
      heap.push_back({age(r), KeptRecord(r)});
      std::ranges::push_heap(heap, is_newer);
    });
    if (!done) return tl::unexpected(std::move(done).error());
  }
  std::ranges::sort_heap(heap, is_newer);
  std::vector<KeptRecord> result;
  for (auto& found : heap) result.push_back(std::move(found.record));
  return result;
}

}  // namespace lowart
