#pragma once
/// UsageReader: a usage database as it stands, beside the process that writes it.

#include <lowart/store/usage_questions.hpp>
#include <lowart/store/usage_schema.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lowart {

/// Answers as SqliteStore does, with what was in the file when it was opened: all answers tell of the same moment. What
/// the journal still holds is not in them. It writes nothing and keeps no writer waiting; but the writer's log grows as
/// long as this lives, so it should be short.
///
/// Errors:      those of UsageQuestions.
/// Concurrency: one thread at a time, in any number of processes.
class UsageReader {
 public:
  /// Errc::storage_failed also for a database of another version, newer or older.
  static Result<UsageReader> open(std::string const& path);

  Result<UsageTotals> totals(UsageFilter const& filter) { return questions().totals(filter); }
  Result<std::vector<UsageGroup>> grouped(UsageFilter const& filter, UsageDimension dimension) {
    return questions().grouped(filter, dimension);
  }
  Result<RecordPage> history(HistoryQuery const& query) { return questions().history(query); }

 private:
  UsageReader(std::unique_ptr<sqlite::Database> database, BatchTable batches, UsageSums sums)
      : database_(std::move(database)), batches_(std::move(batches)), sums_(std::move(sums)) {}

  UsageQuestions questions() noexcept { return {batches_, sums_}; }

  std::unique_ptr<sqlite::Database> database_;  // First, so that the statements go before it.
  BatchTable batches_;
  UsageSums sums_;
};

inline Result<UsageReader> UsageReader::open(std::string const& path) {
  auto opened = sqlite::Database::open_to_read(path);
  if (!opened) return tl::unexpected(std::move(opened).error());
  auto database = std::make_unique<sqlite::Database>(std::move(*opened));  // Where it stays when this moves.
  // Never ended: the first reading in it holds the moment.
  if (auto done = database->execute("BEGIN"); !done) return tl::unexpected(std::move(done).error());
  auto const version = sqlite::schema_version(*database, sqlite::usage_schema_steps, "usage");
  if (!version) return tl::unexpected(version.error());
  if (version->found < version->known)
    return fail(Errc::storage_failed,
                "'" + path + "' has version " + std::to_string(version->found) +
                    ", older than this program's; `lowart db migrate` brings it up to date");
  auto batches = BatchTable::open(*database);
  if (!batches) return tl::unexpected(std::move(batches).error());
  auto sums = UsageSums::open(*database);
  if (!sums) return tl::unexpected(std::move(sums).error());
  return UsageReader(std::move(database), std::move(*batches), std::move(*sums));
}

}  // namespace lowart
