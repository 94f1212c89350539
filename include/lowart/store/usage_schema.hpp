#pragma once
/// The tables of a usage database, and how an older one is brought up to date.

#include <lowart/store/sqlite.hpp>

#include <array>

namespace lowart::sqlite {

/// Step n makes version n + 1 out of version n. Never edit a step that was released: add one.
inline constexpr std::array<char const*, 1> usage_schema_steps{
    R"(
-- Every finished call. Times are UTC microseconds since 1970, durations microseconds, cost nano-dollars.
-- Ordered by time, so that appending touches the end of the table only.
-- A call that is offered again has its old time, so id and time tell it as well as the id alone.
CREATE TABLE usage (
  started_at          INTEGER NOT NULL,
  id                  BLOB    NOT NULL,
  duration            INTEGER NOT NULL,
  time_to_first_token INTEGER,             -- NULL: no content arrived
  key                 TEXT    NOT NULL,
  model               TEXT    NOT NULL,
  provider            TEXT    NOT NULL,
  upstream_model      TEXT    NOT NULL,
  operation           TEXT    NOT NULL,
  input               INTEGER,             -- NULL: not reported, which is not zero; so for all tokens
  cache_read          INTEGER,
  cache_write         INTEGER,
  output              INTEGER,
  reasoning           INTEGER,
  input_audio         INTEGER,
  output_audio        INTEGER,
  input_image         INTEGER,
  cost                INTEGER NOT NULL,
  attempts            INTEGER NOT NULL,
  status              INTEGER NOT NULL,
  outcome             INTEGER NOT NULL,    -- 0 complete, 1 partial, 2 cancelled, 3 failed
  provenance          INTEGER NOT NULL,    -- 0 none, 1 reported, 2 counted, 3 partial
  streamed            INTEGER NOT NULL,
  PRIMARY KEY (started_at, id)
) STRICT, WITHOUT ROWID;

-- Sums of the same calls by whole hours since 1970, kept in the transaction that adds the calls.
CREATE TABLE usage_hour (
  key          TEXT    NOT NULL,
  hour         INTEGER NOT NULL,
  model        TEXT    NOT NULL,
  requests     INTEGER NOT NULL,
  input        INTEGER NOT NULL,
  cache_read   INTEGER NOT NULL,
  cache_write  INTEGER NOT NULL,
  output       INTEGER NOT NULL,
  reasoning    INTEGER NOT NULL,
  input_audio  INTEGER NOT NULL,
  output_audio INTEGER NOT NULL,
  input_image  INTEGER NOT NULL,
  cost         INTEGER NOT NULL,
  PRIMARY KEY (key, hour, model)
) STRICT, WITHOUT ROWID;

-- How far each segment of the journal is in the tables above.
CREATE TABLE journal_position (
  segment TEXT    NOT NULL PRIMARY KEY,
  offset  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)"};

/// Brings the database to the present version, each step whole or not at all.
/// Errc::storage_failed when it was made by a newer version of this program.
inline Result<void> migrate_usage(Database& database) {
  auto const present = static_cast<std::int64_t>(usage_schema_steps.size());
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto const version = database.integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (*version > present || *version < 0)
    return fail(Errc::storage_failed, "the usage database has version " + std::to_string(*version) +
                                          ", this program knows up to " + std::to_string(present) +
                                          "; use the newer program");
  for (auto step = *version; step < present; ++step)
    if (auto done = database.execute(usage_schema_steps[static_cast<std::size_t>(step)]); !done) return done;
  if (auto done = database.execute("PRAGMA user_version = " + std::to_string(present)); !done) return done;
  return transaction->commit();
}

}  // namespace lowart::sqlite
