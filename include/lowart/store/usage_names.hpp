#pragma once
/// UsageNames: the tables that give three names a number.

#include <lowart/store/crc32c.hpp>
#include <lowart/store/record_codec.hpp>
#include <lowart/store/sqlite.hpp>

#include <array>
#include <string>
#include <unordered_map>

namespace lowart {

/// Numbers for triples of names, in a table (id, name, name, name). Names longer than 255 bytes are cut, as in records.
/// The numbers used lately stay in memory.
///
/// Errors:      Errc::storage_failed with SQLite's message.
/// Concurrency: one thread at a time, in transactions of the caller.
class UsageNames {
 public:
  using Names = std::array<std::string_view, 3>;

  /// The database must live longer. `columns` are those of the names, in their order.
  static Result<UsageNames> open(sqlite::Database& database, std::string const& table,
                                 std::array<std::string, 3> const& columns);

  /// The number of the names, a new one when they have none yet.
  Result<std::int64_t> number(Names names);
  /// To be called when a transaction was taken back.
  void forget() { known_.clear(); }

 private:
  static constexpr std::size_t max_known = 10'000;
  using Owned = std::array<std::string, 3>;
  struct Hash {
    using is_transparent = void;
    template <class N>
    std::size_t operator()(N const& names) const noexcept {
      std::uint32_t sum = 0;
      for (std::string_view name : names) sum = journal::crc32c(std::as_bytes(std::span(name)), sum);
      return sum;
    }
  };
  struct Equal {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(A const& a, B const& b) const noexcept {
      return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
    }
  };

  UsageNames(sqlite::Database& database, sqlite::Statement find, sqlite::Statement put)
      : database_(&database), find_(std::move(find)), put_(std::move(put)) {}
  Result<std::int64_t> look_up(Names const& names);

  sqlite::Database* database_;
  sqlite::Statement find_;
  sqlite::Statement put_;
  std::unordered_map<Owned, std::int64_t, Hash, Equal> known_;
};

inline Result<UsageNames> UsageNames::open(sqlite::Database& database, std::string const& table,
                                           std::array<std::string, 3> const& columns) {
  auto const& [a, b, c] = columns;
  auto find = database.prepare("SELECT id FROM " + table + " WHERE " + a + " = ?1 AND " + b + " = ?2 AND " +
                               c + " = ?3");
  if (!find) return tl::unexpected(std::move(find).error());
  auto put =
      database.prepare("INSERT INTO " + table + " (" + a + ", " + b + ", " + c + ") VALUES (?1,?2,?3)");
  if (!put) return tl::unexpected(std::move(put).error());
  return UsageNames(database, std::move(*find), std::move(*put));
}

inline Result<std::int64_t> UsageNames::number(Names names) {
  for (auto& name : names) name = journal::kept_name(name);
  if (auto const at = known_.find(names); at != known_.end()) return at->second;
  auto const found = look_up(names);
  if (!found) return found;
  if (known_.size() >= max_known) known_.clear();
  known_.emplace(Owned{std::string(names[0]), std::string(names[1]), std::string(names[2])}, *found);
  return found;
}

inline Result<std::int64_t> UsageNames::look_up(Names const& names) {
  auto const bind = [&](sqlite::Statement& s) -> auto& {
    return s.bind(1, names[0]).bind(2, names[1]).bind(3, names[2]);
  };
  auto const found = bind(find_).step();
  std::int64_t const id = found && *found ? find_.integer(0) : 0;
  find_.reset();
  if (!found) return tl::unexpected(found.error());
  if (id != 0) return id;
  if (auto done = bind(put_).run(); !done) return tl::unexpected(std::move(done).error());
  return database_->last_inserted();
}

}  // namespace lowart
