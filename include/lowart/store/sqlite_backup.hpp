#pragma once
/// copy_database(): a copy of a database that is in use, compared with what was copied.

#include <lowart/store/sqlite.hpp>

#include <unistd.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::sqlite {

/// Names, in the order of their names.
inline Result<std::vector<std::string>> names_in(Database& database, std::string_view query, int column = 0) {
  auto rows = database.prepare(query);
  if (!rows) return tl::unexpected(std::move(rows).error());
  std::vector<std::string> names;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return names;
    names.emplace_back(rows->text(column));
  }
}

/// What a database holds, in short: a line for each table with its rows and the sum of each column of whole numbers, as
/// `usage_batch 12 count=340 ...`. Equal for a database and its copy.
inline Result<std::string> table_sums(Database& database) {
  auto const tables =
      names_in(database,
               "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
               "ORDER BY name");
  if (!tables) return tl::unexpected(tables.error());
  std::string sums;
  for (auto const& table : *tables) {
    auto const columns = names_in(
        database, "SELECT name FROM pragma_table_info('" + table + "') WHERE type = 'INTEGER' ORDER BY name");
    if (!columns) return tl::unexpected(columns.error());
    std::string query = "SELECT count(*)";
    for (auto const& column : *columns) query.append(", total(\"").append(column).append("\")");
    auto row = database.prepare(query.append(" FROM \"").append(table).append("\""));
    if (!row) return tl::unexpected(std::move(row).error());
    if (auto const stepped = row->step(); !stepped) return tl::unexpected(stepped.error());
    sums.append(table).append(" ").append(row->text(0));
    for (std::size_t i = 0; i < columns->size(); ++i)
      sums.append(" ").append((*columns)[i]).append("=").append(row->text(static_cast<int>(i) + 1));
    sums.push_back('\n');
  }
  return sums;
}

/// Errc::storage_failed when the file is damaged.
inline Result<void> check_integrity(Database& database, std::string const& path) {
  auto const found = names_in(database, "PRAGMA integrity_check(1)");
  if (!found) return tl::unexpected(found.error());
  if (found->size() == 1 && found->front() == "ok") return {};
  return fail(Errc::storage_failed,
              "'" + path + "' is damaged: " + (found->empty() ? "no answer" : found->front()));
}

/// Copies all pages as they are at one moment, in steps. `from` is in a transaction, so that what others write meanwhile
/// does not begin it anew.
inline Result<void> copy_pages(Database& from, Database& to) {
  constexpr int pages_a_step = 1024;
  sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) return failure(to.handle());
  int stepped = SQLITE_OK;
  while (stepped == SQLITE_OK) stepped = sqlite3_backup_step(backup, pages_a_step);
  int const finished = sqlite3_backup_finish(backup);
  if (stepped == SQLITE_DONE && finished == SQLITE_OK) return {};
  return failure(to.handle());
}

/// Makes `to`, which must not be there, a copy of the database at `from`, which others may read and write meanwhile; they
/// do not wait. The copy has passed its integrity check and has the sums of the original at that moment, which are
/// returned: see table_sums(). Log files of the original are not emptied until it is done.
inline Result<std::string> copy_database(std::string const& from, std::string const& to) {
  if (::access(from.c_str(), R_OK) != 0) return fail(Errc::storage_failed, "cannot read '" + from + "'");
  auto source = Database::open(from);
  if (!source) return tl::unexpected(std::move(source).error());
  if (auto begun = source->execute("BEGIN"); !begun) return tl::unexpected(std::move(begun).error());
  auto const sums = table_sums(*source);
  if (!sums) return tl::unexpected(sums.error());
  auto copy = Database::open(to);
  if (!copy) return tl::unexpected(std::move(copy).error());
  if (auto done = copy_pages(*source, *copy); !done) return tl::unexpected(std::move(done).error());
  if (auto done = source->execute("COMMIT"); !done) return tl::unexpected(std::move(done).error());
  if (auto done = check_integrity(*copy, to); !done) return tl::unexpected(std::move(done).error());
  auto const copied = table_sums(*copy);
  if (!copied) return tl::unexpected(copied.error());
  if (*copied != *sums)
    return fail(Errc::storage_failed, "the copy '" + to + "' does not have the sums of '" + from + "'");
  if (auto const whole = copy->checkpoint(); !whole) return tl::unexpected(whole.error());
  return *sums;
}

}  // namespace lowart::sqlite
