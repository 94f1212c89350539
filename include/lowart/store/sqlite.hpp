#pragma once
/// SQLite with owners and Results: Database, Statement, Transaction.

#include <lowart/core/result.hpp>

#include <sqlite3.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lowart::sqlite {

/// A prepared statement. Parameters count from 1, columns from 0. Lives no longer than its database.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) noexcept : statement_(statement) {}

  // Text and blobs are not copied: they must live until the next reset(). A bind that fails shows in step().
  Statement& bind(int at, std::int64_t value) { return note(sqlite3_bind_int64(get(), at, value)); }
  Statement& bind(int at, std::string_view text) {
    auto const* const from = text.data() == nullptr ? "" : text.data();  // A null pointer would bind NULL.
    return note(sqlite3_bind_text64(get(), at, from, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  Statement& bind(int at, std::span<std::byte const> blob) {
    return note(sqlite3_bind_blob64(get(), at, blob.data(), blob.size(), SQLITE_STATIC));
  }
  Statement& bind_null(int at) { return note(sqlite3_bind_null(get(), at)); }
  Statement& bind(int at, std::optional<std::int64_t> value) {
    return value ? bind(at, *value) : bind_null(at);
  }

  /// True with a row, false at the end.
  Result<bool> step();
  /// Steps through to the end, for statements without rows, and makes the statement ready for the next use.
  Result<void> run();
  void reset() noexcept {
    sqlite3_reset(get());
    bind_result_ = SQLITE_OK;
  }

  bool is_null(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(get(), column); }
  std::optional<std::int64_t> optional_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }
  /// The view lives until the next step() or reset().
  std::string_view text(int column) const {
    auto const* const from = reinterpret_cast<char const*>(sqlite3_column_text(get(), column));
    return from == nullptr ? std::string_view() : std::string_view(from, bytes(column));
  }
  std::span<std::byte const> blob(int column) const {
    auto const* const from = static_cast<std::byte const*>(sqlite3_column_blob(get(), column));
    return {from, bytes(column)};
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
  };
  sqlite3_stmt* get() const noexcept { return statement_.get(); }
  std::size_t bytes(int column) const {
    return static_cast<std::size_t>(sqlite3_column_bytes(get(), column));
  }
  Statement& note(int result) noexcept {
    if (bind_result_ == SQLITE_OK) bind_result_ = result;
    return *this;
  }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_result_{SQLITE_OK};
};

/// An open database. One thread at a time.
class Database {
 public:
  /// Opens or makes the file: write-ahead log, synchronous=NORMAL (a crash of the process loses nothing, a
  /// power cut may lose the latest transactions but never damages the file), waits up to 2 s for another
  /// process.
  static Result<Database> open(std::string const& path);
  /// Opens a file that is there, also while another process writes it. Statements that write fail. Waits as open() does.
  static Result<Database> open_to_read(std::string const& path);

  /// Runs statements without parameters.
  Result<void> execute(std::string const& statements);
  Result<Statement> prepare(std::string_view statement);
  /// The first column of the first row.
  Result<std::int64_t> integer(std::string_view statement);
  /// Rows that the last statement changed.
  std::int64_t changes() const noexcept { return sqlite3_changes64(database_.get()); }
  /// The rowid of the last row that was inserted.
  std::int64_t last_inserted() const noexcept { return sqlite3_last_insert_rowid(database_.get()); }
  /// Copies the write-ahead log into the file; true when all of it is there, and synced.
  Result<bool> checkpoint();
  /// Lets go of the pages that are kept in memory; they are read again when needed.
  void shrink() noexcept { sqlite3_db_release_memory(database_.get()); }
  /// For sqlite_backup.hpp.
  sqlite3* handle() const noexcept { return database_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* d) const noexcept { sqlite3_close_v2(d); }
  };
  explicit Database(sqlite3* database) noexcept : database_(database) {}
  static Result<Database> open(std::string const& path, int flags, std::string const& settings);

  std::unique_ptr<sqlite3, Close> database_;
};

/// Begins a transaction, and takes it back unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database) {
    if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun)
      return tl::unexpected(std::move(begun).error());
    return Transaction(database);
  }
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (database_ != nullptr) static_cast<void>(database_->execute("ROLLBACK"));
  }

  Result<void> commit() {
    auto committed = database_->execute("COMMIT");
    if (committed) database_ = nullptr;
    return committed;
  }

 private:
  explicit Transaction(Database& database) noexcept : database_(&database) {}
  Database* database_;
};

/// An Errc::storage_failed with what SQLite says about the last call.
[[nodiscard]] inline tl::unexpected<Error> failure(sqlite3* database) {
  auto const* const file = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  return fail(Errc::storage_failed, std::string("SQLite, ") + (file == nullptr ? "" : file) + ": " +
                                        (database == nullptr ? "out of memory" : sqlite3_errmsg(database)));
}

inline Result<bool> Statement::step() {
  if (bind_result_ != SQLITE_OK)
    return fail(Errc::storage_failed, std::string("SQLite, bind: ") + sqlite3_errstr(bind_result_));
  auto const result = sqlite3_step(get());
  if (result == SQLITE_ROW || result == SQLITE_DONE) return result == SQLITE_ROW;
  return failure(sqlite3_db_handle(get()));
}

inline Result<void> Statement::run() {
  auto stepped = step();
  while (stepped && *stepped) stepped = step();
  reset();
  if (!stepped) return tl::unexpected(std::move(stepped).error());
  return {};
}

inline Result<Database> Database::open(std::string const& path, int flags, std::string const& settings) {
  sqlite3* raw = nullptr;
  auto const result =
      sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(raw);
  if (result != SQLITE_OK)
    return fail(Errc::storage_failed,
                "cannot open '" + path + "': " + (raw == nullptr ? "out of memory" : sqlite3_errmsg(raw)));
  sqlite3_busy_timeout(raw, 2000);
  if (auto done = database.execute(settings); !done) return tl::unexpected(std::move(done).error());
  return database;
}

inline Result<Database> Database::open(std::string const& path) {
  return open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
              "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
              // Records are appended, so few pages are met again: 512 KiB of them, not 2 MiB.
              "PRAGMA cache_size=-512");
}

inline Result<Database> Database::open_to_read(std::string const& path) {
  // SQLITE_OPEN_READONLY would leave the log's files behind, of an owner who may not be the next writer. SQLite itself
  // falls back to it where the file cannot be written.
  return open(path, SQLITE_OPEN_READWRITE, "PRAGMA query_only=ON; PRAGMA cache_size=-512");
}

inline Result<void> Database::execute(std::string const& statements) {
  if (sqlite3_exec(database_.get(), statements.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failure(database_.get());
}

inline Result<Statement> Database::prepare(std::string_view statement) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database_.get(), statement.data(), static_cast<int>(statement.size()), 0, &raw,
                         nullptr) != SQLITE_OK)
    return failure(database_.get());
  return Statement(raw);
}

inline Result<std::int64_t> Database::integer(std::string_view statement) {
  auto prepared = prepare(statement);
  if (!prepared) return tl::unexpected(std::move(prepared).error());
  auto const row = prepared->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? prepared->integer(0) : 0;
}

inline Result<bool> Database::checkpoint() {
  int in_log = 0;
  int copied = 0;
  auto const result =
      sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  if (result != SQLITE_OK && (result & 0xFF) != SQLITE_BUSY) return failure(database_.get());
  return result == SQLITE_OK && in_log == copied;
}

}  // namespace lowart::sqlite
