#pragma once
/// PasswordTable: hashes of passwords, and how often each was wrong. Threads and errors as of Registry.

#include <lowart/core/result.hpp>
#include <lowart/store/sqlite.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::server {

struct HeldPassword {
  std::string hash;
  std::int64_t failures{0};      ///< In a row.
  std::int64_t last_failure{0};  ///< Microseconds since 1970.
};

class PasswordTable {
 public:
  explicit PasswordTable(sqlite::Database& database) noexcept : database_(database) {}

  Result<std::optional<HeldPassword>> find(std::string_view user) {
    auto row = database_.prepare("SELECT hash, failures, last_failure FROM password WHERE user = ?");
    if (!row) return tl::unexpected(std::move(row).error());
    auto const stepped = row->bind(1, user).step();
    if (!stepped) return tl::unexpected(stepped.error());
    if (!*stepped) return std::nullopt;
    return HeldPassword{std::string(row->text(0)), row->integer(1), row->integer(2)};
  }
  /// A new password, which nobody has failed at.
  Result<void> set(std::string_view user, std::string_view hash, std::int64_t now) {
    auto row = database_.prepare("INSERT OR REPLACE INTO password VALUES (?, ?, ?, 0, 0)");
    if (!row) return tl::unexpected(std::move(row).error());
    return row->bind(1, user).bind(2, hash).bind(3, now).run();
  }
  /// After a login that failed, or one that did not.
  Result<void> note(std::string_view user, std::int64_t failures, std::int64_t last_failure) {
    auto row = database_.prepare("UPDATE password SET failures = ?, last_failure = ? WHERE user = ?");
    if (!row) return tl::unexpected(std::move(row).error());
    return row->bind(1, failures).bind(2, last_failure).bind(3, user).run();
  }

 private:
  sqlite::Database& database_;
};

}  // namespace lowart::server
