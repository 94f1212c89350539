#pragma once
/// SqliteStore: usage records in one SQLite file.

#include <lowart/store/batch_table.hpp>
#include <lowart/store/latest_ids.hpp>
#include <lowart/store/usage_questions.hpp>
#include <lowart/store/usage_schema.hpp>
#include <lowart/store/usage_store.hpp>

#include <memory>

namespace lowart {

/// Keeps every record, many in a row of the table, and sums by hour and by day, so that totals stay fast with millions of
/// records: whole days and hours come from the sums, the ends of a range from the records.
///
/// Sums are written when a question is asked, when many records have come, and by rest(); UsageReader, in a process beside
/// this one, adds what they do not have. A crash takes none: they are made again of the records when the file is opened.
///
/// A record is kept once: with positions because the position in the journal is kept in the same transaction;
/// without, because the rows that its start falls into are read for its id, which is slow. In either case the
/// ids of the latest few thousand records are known. Names longer than 255 bytes are cut, as in the journal.
///
/// Errors:      Errc::storage_failed with SQLite's message; a failed append leaves nothing behind. A page of history that
///              is asked for wrongly: Errc::invalid_request.
/// Concurrency: one thread at a time. Other processes may read the file meanwhile, with UsageReader. A second SqliteStore
///              would write sums that this one has in memory too, and they would count twice.
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

  Result<UsageTotals> totals(UsageFilter const& filter);
  Result<std::vector<UsageGroup>> grouped(UsageFilter const& filter, UsageDimension dimension);
  Result<std::int64_t> distinct(UsageFilter const& filter, UsageDimension dimension);
  Result<RecordPage> history(HistoryQuery const& query);
  /// The latest records by start, newest first, at most `count`.
  Result<std::vector<KeptRecord>> recent(std::size_t count);

  Result<std::vector<JournalPosition>> positions();
  Result<void> forget(std::string const& segment);
  /// Brings everything to the disk; false while another process's reading stands in the way.
  Result<bool> sync() { return database_->checkpoint(); }
  void rest() noexcept {
    if (write_sums()) sums_.forget();  // If it fails, the next question tells.
    database_->shrink();
  }

 private:
  SqliteStore(std::unique_ptr<sqlite::Database> database, BatchTable batches, UsageSums sums,
              sqlite::Statement put_position)
      : database_(std::move(database)),
        batches_(std::move(batches)),
        sums_(std::move(sums)),
        put_position_(std::move(put_position)) {}

  Result<void> add(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions,
                   std::span<std::span<std::byte const> const> payloads);
  void forget();
  Result<void> write_sums();
  Result<bool> sum_more();
  Result<void> write_sums_within_transaction();
  UsageQuestions questions() noexcept { return {batches_, sums_}; }

  std::unique_ptr<sqlite::Database> database_;  // First, so that the statements go before it.
  BatchTable batches_;
  UsageSums sums_;
  sqlite::Statement put_position_;
  bool sums_are_known_{false};           // Whether the sums have all records, those in memory included.
  std::optional<LatestIds> latest_ids_;  // Read when first needed, and again after a failure.
};

inline Result<SqliteStore> SqliteStore::open(std::string const& path) {
  auto opened = sqlite::Database::open(path);
  if (!opened) return tl::unexpected(std::move(opened).error());
  auto database = std::make_unique<sqlite::Database>(std::move(*opened));  // Where it stays when this moves.
  if (auto done = sqlite::migrate_usage(*database); !done) return tl::unexpected(std::move(done).error());
  auto batches = BatchTable::open(*database);
  if (!batches) return tl::unexpected(std::move(batches).error());
  auto sums = UsageSums::open(*database);
  if (!sums) return tl::unexpected(std::move(sums).error());
  auto put_position = database->prepare("INSERT OR REPLACE INTO journal_position VALUES (?1, ?2)");
  if (!put_position) return tl::unexpected(std::move(put_position).error());
  SqliteStore store(std::move(database), std::move(*batches), std::move(*sums), std::move(*put_position));
  if (auto done = store.write_sums(); !done) return tl::unexpected(std::move(done).error());
  return store;
}

/// What is in memory may no longer be what is in the file.
inline void SqliteStore::forget() {
  batches_.forget();
  sums_.forget();
  sums_are_known_ = false;
  latest_ids_.reset();
}

inline Result<void> SqliteStore::append(std::span<UsageRecord const> batch,
                                        std::span<JournalPosition const> positions,
                                        std::span<std::span<std::byte const> const> payloads) {
  if (!sums_are_known_)
    if (auto done = write_sums(); !done) return done;
  auto done = add(batch, positions, payloads);
  if (!done) forget();
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
  BatchTable::Ages stored;
  if (positions.empty()) {
    auto found = batches_.stored_among(batch);
    if (!found) return tl::unexpected(std::move(found).error());
    stored = std::move(*found);
  }
  std::array<std::byte, journal::max_record_bytes> room;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto const& record = batch[i];
    if (!latest_ids_->add(record.id) || stored.contains(age_of(record))) continue;
    auto const payload = i < payloads.size()
                             ? payloads[i]
                             : std::span<std::byte const>(room.data(), journal::encode(record, room.data()));
    if (auto done = batches_.add(record, payload); !done) return done;
    if (auto done = sums_.add(record); !done) return done;
  }
  if (auto done = batches_.write(); !done) return done;
  for (auto const& [segment, offset] : positions) {
    put_position_.bind(1, segment).bind(2, static_cast<std::int64_t>(offset));
    if (auto done = put_position_.run(); !done) return done;
  }
  if (sums_.is_full())
    if (auto done = write_sums_within_transaction(); !done) return done;
  return transaction->commit();
}

inline Result<void> SqliteStore::write_sums_within_transaction() {
  auto const last = batches_.last_row();
  if (!last) return tl::unexpected(last.error());
  if (auto done = sums_.write(*last); !done) return done;
  batches_.note_summed();
  return {};
}

/// Brings the sums in the file up to date.
inline Result<void> SqliteStore::write_sums() {
  auto done = [&]() -> Result<void> {
    for (bool is_more = !sums_are_known_; is_more;) {
      auto const more = sum_more();
      if (!more) return tl::unexpected(more.error());
      is_more = *more;
    }
    sums_are_known_ = true;
    if (sums_.empty()) return {};
    auto transaction = sqlite::Transaction::begin(*database_);
    if (!transaction) return tl::unexpected(std::move(transaction).error());
    if (auto written = write_sums_within_transaction(); !written) return written;
    return transaction->commit();
  }();
  if (!done) forget();
  return done;
}

/// Adds rows of records that the sums in the file do not have, as many as fit into memory; says whether there were any.
inline Result<bool> SqliteStore::sum_more() {
  sums_.forget();
  auto transaction = sqlite::Transaction::begin(*database_);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto const begin = sums_.written_to();
  if (!begin) return tl::unexpected(begin.error());
  auto at = *begin;
  while (!sums_.is_full()) {
    auto const row = batches_.read_unsummed(at, [&](UsageRecord const& r) { return sums_.add(r); });
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    at = **row;
  }
  if (at == *begin) return false;
  if (auto done = sums_.write(at); !done) return tl::unexpected(std::move(done).error());
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return true;
}

inline Result<UsageTotals> SqliteStore::totals(UsageFilter const& filter) {
  if (auto done = write_sums(); !done) return tl::unexpected(std::move(done).error());
  return questions().totals(filter);
}

inline Result<std::vector<UsageGroup>> SqliteStore::grouped(UsageFilter const& filter,
                                                            UsageDimension dimension) {
  if (auto done = write_sums(); !done) return tl::unexpected(std::move(done).error());
  return questions().grouped(filter, dimension);
}

inline Result<std::int64_t> SqliteStore::distinct(UsageFilter const& filter, UsageDimension dimension) {
  auto const groups = grouped(filter, dimension);
  if (!groups) return tl::unexpected(groups.error());
  return named_count(*groups);
}

inline Result<RecordPage> SqliteStore::history(HistoryQuery const& query) {
  return questions().history(query);
}

inline Result<std::vector<KeptRecord>> SqliteStore::recent(std::size_t count) {
  NewestRecords newest(count, youngest_age);
  auto const end =
      batches_.offer(newest, std::numeric_limits<std::int64_t>::min(), youngest_age,
                     std::numeric_limits<std::size_t>::max(), [](UsageRecord const&) { return true; });
  if (!end) return tl::unexpected(end.error());
  return newest.take().records;
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
