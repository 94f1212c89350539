#pragma once
/// Versions of a database: steps forward, each in the transaction that writes its number.

#include <lowart/store/sqlite.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lowart::sqlite {

/// Makes version n + 1 out of version n, where it stands at n.
struct SchemaStep {
  std::int64_t
      runs_on;  ///< The oldest version whose programs still work with the outcome: n + 1 for none but its own.
  char const* statements;
};

struct SchemaVersion {
  std::int64_t found{0};
  std::int64_t known{0};    ///< Of this program.
  std::int64_t runs_on{0};  ///< The oldest version whose programs work with what was found.
  bool is_newer() const noexcept { return found > known; }
};

/// What a database is. Errc::storage_failed for one that this program cannot work with: it is newer, by a step that its
/// programs alone understand. `what` names it in messages: "usage".
inline Result<SchemaVersion> schema_version(Database& database, std::span<SchemaStep const> steps,
                                            std::string_view what) {
  SchemaVersion version{.known = static_cast<std::int64_t>(steps.size())};
  auto const found = database.integer("PRAGMA user_version");
  if (!found) return tl::unexpected(found.error());
  version.found = version.runs_on = *found;
  auto const noted = database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_runs_on'");
  if (!noted) return tl::unexpected(noted.error());
  if (*noted > 0) {
    auto const oldest = database.integer("SELECT version FROM schema_runs_on");
    if (!oldest) return tl::unexpected(oldest.error());
    version.runs_on = *oldest;
  }
  if (version.found < 0 || version.runs_on > version.known)
    return fail(Errc::storage_failed, "the " + std::string(what) + " database has version " +
                                          std::to_string(version.found) + ", this program knows up to " +
                                          std::to_string(version.known) + "; use the newer program");
  return version;
}

/// Brings a database up to date, all of it or nothing. One that is newer and can be worked with stays as it is.
inline Result<SchemaVersion> migrate(Database& database, std::span<SchemaStep const> steps,
                                     std::string_view what) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto const version = schema_version(database, steps, what);
  if (!version || version->found >= version->known) return version;
  std::int64_t runs_on = version->runs_on;
  for (auto step = version->found; step < version->known; ++step) {
    auto const& next = steps[static_cast<std::size_t>(step)];
    if (auto done = database.execute(next.statements); !done) return tl::unexpected(std::move(done).error());
    runs_on = std::max(runs_on, next.runs_on);
  }
  std::string const numbers =
      "CREATE TABLE IF NOT EXISTS schema_runs_on (version INTEGER NOT NULL) STRICT; DELETE FROM "
      "schema_runs_on; "
      "INSERT INTO schema_runs_on VALUES (" +
      std::to_string(runs_on) + "); PRAGMA user_version = " + std::to_string(version->known);
  if (auto done = database.execute(numbers); !done) return tl::unexpected(std::move(done).error());
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return version;
}

}  // namespace lowart::sqlite
