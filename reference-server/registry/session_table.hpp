#pragma once
/// SessionTable: who is logged in. Threads and errors as of Registry.

#include <lowart/core/result.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/store/sqlite.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

struct Session {
  std::string id{};
  std::string user{};
  std::int64_t created_at{0};  ///< Times in microseconds since 1970.
  std::int64_t expires_at{0};
  net::Sha256 token{};   ///< Of the refresh token that may be used next,
  net::Sha256 before{};  ///< and of the one that it replaced.
  std::int64_t rotated_at{0};
  std::string address{};
  std::string key{};  ///< The API key that was handed out to it.
};

class SessionTable {
 public:
  explicit SessionTable(sqlite::Database& database) noexcept : database_(database) {}

  /// Makes it, or replaces what it was.
  Result<void> put(Session const& session) {
    auto row = database_.prepare("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (!row) return tl::unexpected(std::move(row).error());
    row->bind(1, session.id).bind(2, session.user).bind(3, session.created_at).bind(4, session.expires_at);
    row->bind(5, std::as_bytes(std::span(session.token))).bind(6, std::as_bytes(std::span(session.before)));
    return row->bind(7, session.rotated_at).bind(8, session.address).bind(9, session.key).run();
  }
  Result<std::optional<Session>> find(std::string_view id) { return first("id = ?", id); }
  /// The one whose refresh token this is, or was last.
  Result<std::optional<Session>> find(net::Sha256 const& token) {
    auto found = first("token = ?", std::as_bytes(std::span(token)));
    if (!found || *found) return found;
    return first("before = ?", std::as_bytes(std::span(token)));
  }
  Result<void> end(std::string_view id) {
    auto row = database_.prepare("DELETE FROM session WHERE id = ?");
    if (!row) return tl::unexpected(std::move(row).error());
    return row->bind(1, id).run();
  }
  /// The keys that were handed out to a user's sessions, but to one.
  Result<std::vector<std::string>> keys_of(std::string_view user, std::string_view but) {
    auto rows = database_.prepare("SELECT key FROM session WHERE user = ? AND id <> ? AND key <> ''");
    if (!rows) return tl::unexpected(std::move(rows).error());
    rows->bind(1, user).bind(2, but);
    std::vector<std::string> keys;
    for (;;) {
      auto const row = rows->step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return keys;
      keys.emplace_back(rows->text(0));
    }
  }
  /// All of a user's, but one.
  Result<void> end_all(std::string_view user, std::string_view but) {
    auto row = database_.prepare("DELETE FROM session WHERE user = ? AND id <> ?");
    if (!row) return tl::unexpected(std::move(row).error());
    return row->bind(1, user).bind(2, but).run();
  }
  /// Ends those that nobody has gone on with; the keys that were handed out to them are returned.
  Result<std::vector<std::string>> end_expired(std::int64_t now) {
    auto rows = database_.prepare("DELETE FROM session WHERE expires_at <= ? RETURNING key");
    if (!rows) return tl::unexpected(std::move(rows).error());
    rows->bind(1, now);
    std::vector<std::string> keys;
    for (;;) {
      auto const row = rows->step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return keys;
      if (!rows->text(0).empty()) keys.emplace_back(rows->text(0));
    }
  }

 private:
  template <class Value>
  Result<std::optional<Session>> first(std::string_view where, Value const& value) {
    auto row = database_.prepare(
        "SELECT id, user, created_at, expires_at, token, before, rotated_at, address, key FROM session "
        "WHERE " +
        std::string(where));
    if (!row) return tl::unexpected(std::move(row).error());
    auto const stepped = row->bind(1, value).step();
    if (!stepped) return tl::unexpected(stepped.error());
    if (!*stepped) return std::nullopt;
    Session session;
    session.id = row->text(0);
    session.user = row->text(1);
    session.created_at = row->integer(2);
    session.expires_at = row->integer(3);
    read_digest(*row, 4, session.token);
    read_digest(*row, 5, session.before);
    session.rotated_at = row->integer(6);
    session.address = row->text(7);
    session.key = row->text(8);
    return session;
  }
  static void read_digest(sqlite::Statement const& row, int column, net::Sha256& out) {
    auto const blob = row.blob(column);
    std::memcpy(out.data(), blob.data(), std::min(blob.size(), out.size()));
  }

  sqlite::Database& database_;
};

}  // namespace lowart::server
