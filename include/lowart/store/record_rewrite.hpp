#pragma once
/// Reads the records of a usage database in the order in which they came, and changes what they cost.

#include <lowart/store/batch_table.hpp>
#include <lowart/store/usage_schema.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace lowart {

/// The records that began in [from, until), UTC microseconds.
struct RecordRange {
  std::int64_t from{0};
  std::int64_t until{std::numeric_limits<std::int64_t>::max()};
  bool contains(UsageRecord const& r) const noexcept { return r.started_at >= from && r.started_at < until; }
};

namespace detail {

/// Calls fn(id, records) for the rows that may hold records of the range; false from it stops with its error.
inline Result<void> each_batch(
    sqlite::Database& database, RecordRange const& range,
    std::function<Result<void>(std::int64_t, std::span<std::byte const>)> const& fn) {
  auto rows = database.prepare(
      "SELECT id, records FROM usage_batch WHERE hour BETWEEN ?1 AND ?2 AND last_at >= ?3 AND first_at < ?4 "
      "ORDER BY id");
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, hour_of(range.from))
      .bind(2, hour_of(range.until - 1))
      .bind(3, range.from)
      .bind(4, range.until);
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (auto done = fn(rows->integer(0), rows->blob(1)); !done) return done;
  }
}
inline tl::unexpected<Error> unreadable_batch() {
  return fail(Errc::storage_failed, "the usage database has a row of records that cannot be read");
}

}  // namespace detail

/// Calls fn(record) for each record of the range, with its trail, in the order in which they were folded.
template <class Fn>
Result<void> for_each_record(sqlite::Database& database, RecordRange const& range, Fn fn) {
  if (range.from >= range.until) return {};
  return detail::each_batch(database, range,
                            [&](std::int64_t, std::span<std::byte const> records) -> Result<void> {
                              bool const whole = journal::decode_each(records, [&](UsageRecord const& r) {
                                if (range.contains(r)) fn(r);
                              });
                              if (!whole) return detail::unreadable_batch();
                              return {};
                            });
}

/// Calls fn(record, trail) for each record of the range; what it changes of `cost`, `price` and the costs in `trail`
/// (which is the record's) is kept, and the sums are emptied in the same transaction: SqliteStore::open makes them anew.
/// All is changed or nothing. Nobody else may write meanwhile: hold the directory's lock. Names that fn sets must live
/// until all is done.
///
/// Errors: storage_failed.
template <class Fn>
Result<void> rewrite_costs(sqlite::Database& database, RecordRange const& range, Fn fn) {
  if (range.from >= range.until) return {};
  auto transaction = sqlite::Transaction::begin(database);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  std::vector<std::int64_t> ids;  // first, since a statement that reads must not see what another writes
  auto noted =
      detail::each_batch(database, range, [&](std::int64_t id, std::span<std::byte const>) -> Result<void> {
        return ids.push_back(id), Result<void>();
      });
  if (!noted) return noted;
  auto find = database.prepare("SELECT records FROM usage_batch WHERE id = ?1");
  if (!find) return tl::unexpected(std::move(find).error());
  auto put = database.prepare("UPDATE usage_batch SET records = ?2 WHERE id = ?1");
  if (!put) return tl::unexpected(std::move(put).error());
  std::vector<std::byte> written;
  std::vector<AttemptRecord> trail;
  std::array<std::byte, journal::max_record_bytes> room;
  for (std::int64_t const id : ids) {
    auto const row = find->bind(1, id).step();
    if (!row) return tl::unexpected(row.error());
    written.clear();
    bool const whole = *row && journal::decode_each(find->blob(0), [&](UsageRecord r) {
      if (range.contains(r)) {
        trail.assign(r.trail.begin(), r.trail.end());
        r.trail = trail;
        fn(r, std::span<AttemptRecord>(trail));
      }
      written.insert(written.end(), room.data(), journal::encode(r, room.data()));
    });
    find->reset();
    if (!whole) return detail::unreadable_batch();
    if (auto done = put->bind(1, id).bind(2, std::span<std::byte const>(written)).run(); !done) return done;
  }
  // SqliteStore makes the sums anew when it opens the file.
  auto const emptied = database.execute(
      "DELETE FROM usage_by_hour; DELETE FROM usage_by_day; UPDATE usage_batch SET summed = 0; "
      "UPDATE usage_summed SET batch = 0");
  if (!emptied) return emptied;
  return transaction->commit();
}

}  // namespace lowart
