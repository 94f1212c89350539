#pragma once
/// The tables of lowart.db, and how an older one is brought up to date.

#include <lowart/store/schema_steps.hpp>

#include <array>

namespace lowart::server {

/// Never edit a step that was released: add one. A step that only adds says that the release before still runs on it.
inline constexpr std::array<sqlite::SchemaStep, 1> registry_steps{{{1, R"(
-- Users, teams, keys and settings: `body` is a JSON object. `owner` (of a key: its user), `team` and `status` are copies
-- out of it, to look for. Times are UTC microseconds since 1970.
CREATE TABLE resource (
  kind       TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  owner      TEXT    NOT NULL,
  team       TEXT    NOT NULL,
  status     TEXT    NOT NULL,
  body       TEXT    NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_owner ON resource (kind, owner, name);
CREATE INDEX resource_team ON resource (kind, team, name);
CREATE INDEX resource_status ON resource (kind, status, name);

-- How many there are of each kind: counting a million rows takes long.
CREATE TABLE resource_count (
  kind  TEXT    NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every change of a resource, and what servers follow. NULL: it was not there before, or is not after.
CREATE TABLE change (
  revision INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  actor    TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  before   TEXT,
  after    TEXT
) STRICT;
CREATE INDEX change_of ON change (kind, name, revision);

-- Keyed hashes of API keys.
CREATE TABLE key_digest (
  name   TEXT NOT NULL PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- Passwords (argon2id), and how often one was wrong.
CREATE TABLE password (
  user         TEXT    NOT NULL PRIMARY KEY,
  hash         TEXT    NOT NULL,
  changed_at   INTEGER NOT NULL,
  failures     INTEGER NOT NULL,
  last_failure INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is logged in. Refresh tokens are kept as SHA-256.
CREATE TABLE session (
  id         TEXT    NOT NULL PRIMARY KEY,
  user       TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  token      BLOB    NOT NULL,
  before     BLOB    NOT NULL,  -- the token that `token` replaced
  rotated_at INTEGER NOT NULL,
  address    TEXT    NOT NULL,
  key        TEXT    NOT NULL   -- the API key that was handed out to it
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user);
CREATE UNIQUE INDEX session_token ON session (token);
CREATE INDEX session_before ON session (before);

-- Secrets of the installation itself: what keys are hashed with, what sessions are signed with.
CREATE TABLE secret (
  name       TEXT    NOT NULL PRIMARY KEY,
  sealed     TEXT    NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what. `hash` is over the entry and the hash before it: see audit_log.hpp.
CREATE TABLE audit (
  seq     INTEGER NOT NULL PRIMARY KEY,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  address TEXT    NOT NULL,
  act     TEXT    NOT NULL,
  subject TEXT    NOT NULL,
  outcome TEXT    NOT NULL,
  detail  TEXT    NOT NULL,
  hash    BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, seq);
)"}}};

}  // namespace lowart::server
