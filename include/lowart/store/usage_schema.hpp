#pragma once
/// The tables of a usage database, and how an older one is brought up to date.

#include <lowart/store/schema_steps.hpp>

#include <array>

namespace lowart::sqlite {

/// Never edit a step that was released: add one.
inline constexpr std::array<SchemaStep, 2> usage_schema_steps{{{1, R"(
-- Finished calls, up to 2000 in a row, because a row of its own for each costs many times as much. All of a
-- row began in one hour. `records` is what journal::encode makes of them, one after the other in the order in
-- which they were added, in the machine's byte order; when that encoding changes, a step must convert them.
-- A row with few records is replaced by one with more, which takes the highest id: ids are in the order of the
-- last addition. Times are UTC microseconds since 1970.
CREATE TABLE usage_batch (
  id       INTEGER NOT NULL PRIMARY KEY,
  hour     INTEGER NOT NULL,     -- whole hours since 1970
  first_at INTEGER NOT NULL,     -- the earliest start in it
  last_at  INTEGER NOT NULL,     -- the latest
  count    INTEGER NOT NULL,
  records  BLOB    NOT NULL
) STRICT;
CREATE INDEX usage_batch_time ON usage_batch (hour, last_at, first_at);

-- Sums of the same calls by whole hours since 1970, kept in the transaction that adds the calls. Cost in
-- nano-dollars.
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
)"},
                                                               {2, R"(
-- The sums are made anew of usage_batch, which has every call: SqliteStore does it when it opens the file. The old ones
-- knew neither who asked nor the provider, nor classes of usage beyond the eighth.
DROP TABLE usage_hour;

-- Who asked, and what for. The sums name both by number, so that their rows are short.
CREATE TABLE usage_account (
  id   INTEGER NOT NULL PRIMARY KEY,
  key  TEXT    NOT NULL,
  user TEXT    NOT NULL,
  team TEXT    NOT NULL,
  UNIQUE (key, user, team)
) STRICT;
CREATE TABLE usage_subject (
  id        INTEGER NOT NULL PRIMARY KEY,
  model     TEXT    NOT NULL,
  provider  TEXT    NOT NULL,
  operation TEXT    NOT NULL,
  UNIQUE (model, provider, operation)
) STRICT;

-- Sums of the calls by whole hours and by whole days since 1970. `split` says of what: 3 of an account and a subject, 1 of
-- an account, 2 of a subject, 0 of all; what a row is not of is 0 in it. Times are sums of microseconds, cost is nano-
-- dollars. No sum wraps: at its end it stays.
CREATE TABLE usage_by_hour (
  split              INTEGER NOT NULL,
  account            INTEGER NOT NULL,
  hour               INTEGER NOT NULL,
  subject            INTEGER NOT NULL,
  requests           INTEGER NOT NULL,
  failed             INTEGER NOT NULL,  -- Of them, those without content,
  partial            INTEGER NOT NULL,  -- those that broke off,
  cached             INTEGER NOT NULL,  -- those answered from an earlier call.
  duration           INTEGER NOT NULL,
  first_token        INTEGER NOT NULL,  -- Until it came, of those where it did:
  first_token_count  INTEGER NOT NULL,  -- so many.
  input              INTEGER NOT NULL,
  cache_read         INTEGER NOT NULL,
  cache_write        INTEGER NOT NULL,
  output             INTEGER NOT NULL,
  reasoning          INTEGER NOT NULL,
  input_audio        INTEGER NOT NULL,
  output_audio       INTEGER NOT NULL,
  input_image        INTEGER NOT NULL,
  cache_write_1h     INTEGER NOT NULL,
  output_image       INTEGER NOT NULL,
  images             INTEGER NOT NULL,
  audio_milliseconds INTEGER NOT NULL,
  characters         INTEGER NOT NULL,
  searches           INTEGER NOT NULL,
  cost               INTEGER NOT NULL,
  PRIMARY KEY (split, account, hour, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_by_day (
  split              INTEGER NOT NULL,
  account            INTEGER NOT NULL,
  day                INTEGER NOT NULL,
  subject            INTEGER NOT NULL,
  requests           INTEGER NOT NULL,
  failed             INTEGER NOT NULL,
  partial            INTEGER NOT NULL,
  cached             INTEGER NOT NULL,
  duration           INTEGER NOT NULL,
  first_token        INTEGER NOT NULL,
  first_token_count  INTEGER NOT NULL,
  input              INTEGER NOT NULL,
  cache_read         INTEGER NOT NULL,
  cache_write        INTEGER NOT NULL,
  output             INTEGER NOT NULL,
  reasoning          INTEGER NOT NULL,
  input_audio        INTEGER NOT NULL,
  output_audio       INTEGER NOT NULL,
  input_image        INTEGER NOT NULL,
  cache_write_1h     INTEGER NOT NULL,
  output_image       INTEGER NOT NULL,
  images             INTEGER NOT NULL,
  audio_milliseconds INTEGER NOT NULL,
  characters         INTEGER NOT NULL,
  searches           INTEGER NOT NULL,
  cost               INTEGER NOT NULL,
  PRIMARY KEY (split, account, day, subject)
) STRICT, WITHOUT ROWID;

-- The sums have every call of the rows up to this id, and of later rows so many of their first calls.
CREATE TABLE usage_summed (batch INTEGER NOT NULL) STRICT;
INSERT INTO usage_summed VALUES (0);
ALTER TABLE usage_batch ADD COLUMN summed INTEGER NOT NULL DEFAULT 0;
)"}}};

/// Brings the database to the present version, all of it or nothing.
/// Errc::storage_failed when it was made by a newer version of this program that this one cannot work with.
inline Result<void> migrate_usage(Database& database) {
  auto const done = migrate(database, usage_schema_steps, "usage");
  return done ? Result<void>() : tl::unexpected(done.error());
}

}  // namespace lowart::sqlite
