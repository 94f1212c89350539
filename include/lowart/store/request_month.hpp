#pragma once
/// RequestMonth: the requests of one month in one SQLite file.

#include <lowart/store/request_entry.hpp>
#include <lowart/store/sqlite.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Which requests are asked for; what is empty or 0 matches everything. Times are UTC microseconds, [from, until).
struct RequestFilter {
  std::string key, model, conversation;
  std::string error;  ///< The error's code, or a part of its message.
  int status{0};
  std::int64_t from{0};
  std::int64_t until{std::numeric_limits<std::int64_t>::max()};
  bool with_content{false};
};

/// The calls of one conversation in a month.
struct ConversationSummary {
  std::string id, key, model;  ///< The model of its last call.
  std::int64_t first_at{0}, last_at{0};
  std::int64_t calls{0}, input_tokens{0}, output_tokens{0};
  NanoUsd cost;
};

/// Where a list goes on. Entries are never removed one by one, so a place stays one.
struct RequestPlace {
  std::int64_t at{std::numeric_limits<std::int64_t>::max()};  ///< Of conversations: their last call.
  std::int64_t row{std::numeric_limits<std::int64_t>::max()};
};

/// Errors: Errc::storage_failed. Concurrency: one thread at a time; other processes may read meanwhile.
class RequestMonth {
 public:
  /// Opens or makes the file; refuses one of a newer version.
  static Result<RequestMonth> open(std::string const& path);

  /// All of them or none.
  Result<void> append(std::span<RequestEntry const> entries);
  /// Appends at most `count` entries before `place` to `out`, the newest first, and moves `place` behind them. False:
  /// nothing is left. A filter may match little: at most 50,000 rows are looked at.
  Result<bool> page(RequestFilter const& filter, std::size_t count, RequestPlace& place,
                    std::vector<RequestEntry>& out);
  /// The same of conversations, by their last call; of the filter, `key`, `model`, `from` and `until` count.
  Result<bool> conversations(RequestFilter const& filter, std::size_t count, RequestPlace& place,
                             std::vector<ConversationSummary>& out);
  /// Copies the write-ahead log into the file.
  Result<bool> sync() { return database_->checkpoint(); }

 private:
  static constexpr std::int64_t most_looked_at = 50'000;
  explicit RequestMonth(std::unique_ptr<sqlite::Database> database) : database_(std::move(database)) {}
  Result<void> add(sqlite::Statement& entry, sqlite::Statement& talk, RequestEntry const& e);

  std::unique_ptr<sqlite::Database> database_;
};

namespace request_month {

inline constexpr std::int64_t version = 1;
/// Texts that are long come last: what is not read costs nothing then.
inline constexpr char const* schema = R"(
CREATE TABLE request (
  n INTEGER PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL,
  team TEXT NOT NULL, client TEXT NOT NULL, method TEXT NOT NULL, route TEXT NOT NULL, model TEXT NOT NULL,
  provider TEXT NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, error TEXT NOT NULL,
  attempts INTEGER NOT NULL, duration INTEGER NOT NULL, first_token INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost INTEGER NOT NULL,
  conversation TEXT NOT NULL, cache TEXT NOT NULL, detail TEXT NOT NULL,
  asked TEXT NOT NULL, answered TEXT NOT NULL
) STRICT;
CREATE INDEX request_conversation ON request (conversation, n) WHERE conversation <> '';
CREATE TABLE conversation (
  n INTEGER PRIMARY KEY, key TEXT NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL, cost INTEGER NOT NULL, UNIQUE (key, id)
) STRICT;
CREATE INDEX conversation_time ON conversation (last_at, n);
PRAGMA user_version = 1;
)";
inline constexpr std::string_view insert =
    "INSERT INTO request (at, id, key, user, team, client, method, route, model, provider, outcome, error, "
    "conversation, cache, detail, asked, answered, status, attempts, duration, first_token, input_tokens, "
    "output_tokens, cost) VALUES "
    "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,"
    "?24)";
inline constexpr std::string_view add_to_conversation =
    "INSERT INTO conversation (key, id, model, first_at, last_at, calls, input_tokens, output_tokens, cost) "
    "VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6, ?7) ON CONFLICT (key, id) DO UPDATE SET model = excluded.model, "
    "last_at = max(last_at, excluded.last_at), first_at = min(first_at, excluded.first_at), calls = calls + "
    "1, "
    "input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + "
    "excluded.output_tokens, "
    "cost = cost + excluded.cost";

inline RequestEntry read_entry(sqlite::Statement const& row) {
  RequestEntry e;
  int at = 1;  // the row's number is the first
  e.at = row.integer(at++);
  for (std::string* text :
       {&e.id, &e.key, &e.user, &e.team, &e.client, &e.method, &e.route, &e.model, &e.provider, &e.outcome,
        &e.error, &e.conversation, &e.cache, &e.detail, &e.content.asked, &e.content.answered})
    *text = row.text(at++);
  e.status = static_cast<int>(row.integer(at++));
  e.attempts = static_cast<std::int32_t>(row.integer(at++));
  for (std::int64_t* number : {&e.duration, &e.first_token, &e.input_tokens, &e.output_tokens})
    *number = row.integer(at++);
  e.cost = NanoUsd(row.integer(at));
  return e;
}

/// Binds in the order in which conditions were added.
class Conditions {
 public:
  Conditions& add(bool wanted, std::string_view sql) {
    if (wanted) text_.append(" AND ").append(sql);
    return *this;
  }
  std::string const& text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace request_month

inline Result<RequestMonth> RequestMonth::open(std::string const& path) {
  auto opened = sqlite::Database::open(path);
  if (!opened) return tl::unexpected(std::move(opened).error());
  auto database = std::make_unique<sqlite::Database>(std::move(*opened));
  auto transaction = sqlite::Transaction::begin(*database);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto const version = database->integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (*version > request_month::version)
    return fail(Errc::storage_failed,
                "'" + path + "' was written by a newer version of this program; use that one");
  if (*version == 0)
    if (auto done = database->execute(request_month::schema); !done)
      return tl::unexpected(std::move(done).error());
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return RequestMonth(std::move(database));
}

inline Result<void> RequestMonth::append(std::span<RequestEntry const> entries) {
  auto transaction = sqlite::Transaction::begin(*database_);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto entry = database_->prepare(request_month::insert);
  if (!entry) return tl::unexpected(std::move(entry).error());
  auto talk = database_->prepare(request_month::add_to_conversation);
  if (!talk) return tl::unexpected(std::move(talk).error());
  for (auto const& e : entries)
    if (auto done = add(*entry, *talk, e); !done) return done;
  return transaction->commit();
}

inline Result<void> RequestMonth::add(sqlite::Statement& entry, sqlite::Statement& talk,
                                      RequestEntry const& e) {
  int at = 1;
  entry.bind(at++, e.at);
  for (std::string const* text :
       {&e.id, &e.key, &e.user, &e.team, &e.client, &e.method, &e.route, &e.model, &e.provider, &e.outcome,
        &e.error, &e.conversation, &e.cache, &e.detail, &e.content.asked, &e.content.answered})
    entry.bind(at++, std::string_view(*text));
  for (std::int64_t const number : {std::int64_t{e.status}, std::int64_t{e.attempts}, e.duration,
                                    e.first_token, e.input_tokens, e.output_tokens, e.cost.count()})
    entry.bind(at++, number);
  if (auto done = entry.run(); !done || e.conversation.empty()) return done;
  talk.bind(1, std::string_view(e.key))
      .bind(2, std::string_view(e.conversation))
      .bind(3, std::string_view(e.model));
  talk.bind(4, e.at).bind(5, e.input_tokens).bind(6, e.output_tokens).bind(7, e.cost.count());
  return talk.run();
}

inline Result<bool> RequestMonth::page(RequestFilter const& filter, std::size_t count, RequestPlace& place,
                                       std::vector<RequestEntry>& out) {
  auto const newest = database_->integer("SELECT max(n) FROM request");
  if (!newest) return tl::unexpected(newest.error());
  std::int64_t const before = std::min(place.row, *newest + 1);
  bool const by_index = !filter.conversation.empty();  // which finds what there is at once
  std::int64_t const least = by_index ? 1 : std::max<std::int64_t>(1, before - most_looked_at);
  std::string const content = filter.with_content ? "asked, answered" : "'', ''";
  request_month::Conditions where;
  where.add(by_index, "conversation <> '' AND conversation = ?3").add(!filter.key.empty(), "key = ?4");
  where.add(!filter.model.empty(), "model = ?5").add(filter.status != 0, "status = ?6");
  where.add(filter.from > 0, "at >= ?7").add(filter.until != RequestFilter{}.until, "at < ?8");
  where.add(!filter.error.empty(), "(error = ?9 OR instr(detail, ?9) > 0)");
  auto rows = database_->prepare(
      "SELECT n, at, id, key, user, team, client, method, route, model, provider, outcome, error, "
      "conversation, "
      "cache, detail, " +
      content +
      ", status, attempts, duration, first_token, input_tokens, output_tokens, cost "
      "FROM request WHERE n < ?1 AND n >= ?2" +
      where.text() + " ORDER BY n DESC LIMIT ?10");
  if (!rows) return tl::unexpected(std::move(rows).error());
  // A parameter that the text does not have is not an error of SQLite up to the highest one, which is ?10.
  rows->bind(1, before).bind(2, least).bind(3, std::string_view(filter.conversation));
  rows->bind(4, std::string_view(filter.key)).bind(5, std::string_view(filter.model));
  rows->bind(6, std::int64_t{filter.status}).bind(7, filter.from).bind(8, filter.until);
  rows->bind(9, std::string_view(filter.error)).bind(10, static_cast<std::int64_t>(count));
  std::size_t got = 0;
  for (; got < count; ++got) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    place.row = rows->integer(0);
    out.push_back(request_month::read_entry(*rows));
  }
  if (got < count) place.row = least;
  return place.row > 1;
}

inline Result<bool> RequestMonth::conversations(RequestFilter const& filter, std::size_t count,
                                                RequestPlace& place, std::vector<ConversationSummary>& out) {
  request_month::Conditions where;
  where.add(!filter.key.empty(), "key = ?4").add(!filter.model.empty(), "model = ?5");
  where.add(filter.from > 0, "last_at >= ?6").add(filter.until != RequestFilter{}.until, "first_at < ?7");
  auto rows = database_->prepare(
      "SELECT n, id, key, model, first_at, last_at, calls, input_tokens, output_tokens, cost FROM "
      "conversation "
      "WHERE (last_at, n) < (?1, ?2)" +
      where.text() + " ORDER BY last_at DESC, n DESC LIMIT ?8");
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, place.at).bind(2, place.row).bind(4, std::string_view(filter.key));
  rows->bind(5, std::string_view(filter.model)).bind(6, filter.from).bind(7, filter.until);
  rows->bind(8, static_cast<std::int64_t>(count));
  std::size_t got = 0;
  for (; got < count; ++got) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return false;
    ConversationSummary c;
    place = {.at = rows->integer(5), .row = rows->integer(0)};
    c.id = rows->text(1), c.key = rows->text(2), c.model = rows->text(3);
    int at = 4;
    for (auto* number : {&c.first_at, &c.last_at, &c.calls, &c.input_tokens, &c.output_tokens})
      *number = rows->integer(at++);
    c.cost = NanoUsd(rows->integer(at));
    out.push_back(std::move(c));
  }
  return got == count;
}

}  // namespace lowart
