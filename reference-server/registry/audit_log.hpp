#pragma once
/// AuditLog: every act of administration and every denied one, chained by hashes so that an edit or a cut shows.

#include <lowart/core/result.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/store/sqlite.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

struct AuditEntry {
  std::int64_t seq{0};  ///< From 1, without gaps.
  std::int64_t at{0};   ///< Microseconds since 1970.
  std::string actor;
  std::string address;
  std::string act;      ///< "createUser"
  std::string subject;  ///< "users/ada"
  std::string outcome;  ///< "done" or "denied"
  std::string detail;   ///< A JSON object: what changed, or why not. No secrets.
  net::Sha256 hash{};   ///< Over all of the above and the hash before it.
};
struct AuditFilter {
  std::string actor;
  std::string act;
  std::string subject;
  std::string outcome;
  std::int64_t from{0};  ///< Inclusive, microseconds since 1970.
  std::int64_t until{INT64_MAX};
  std::int64_t before{INT64_MAX};  ///< Its number: older ones only.
};
/// What the chain says of itself.
struct AuditVerdict {
  std::int64_t entries{0};
  std::int64_t broken_at{0};  ///< The number of the first entry that is not what was written; 0: none.
  std::string reason;
  net::Sha256 head{};  ///< Of the last good entry.
};

/// Threads and errors as of Registry, whose file it stands in. An entry is in the transaction of what it tells of.
///
/// The last hash names the whole log: who notes it elsewhere (`lowart audit verify` prints it, and the server's event log
/// has it) can tell later whether the end was cut off.
class AuditLog {
 public:
  explicit AuditLog(sqlite::Database& database) noexcept : database_(database) {}

  /// Adds an entry; its number and hash are made here.
  Result<AuditEntry> append(AuditEntry entry);
  /// Newest first.
  Result<std::vector<AuditEntry>> list(AuditFilter const& filter, std::size_t limit);
  /// Oldest first, all.
  Result<void> for_each(std::function<void(AuditEntry const&)> const& f);
  /// Reads all of it. `expected`: a hash that was noted earlier, as 64 digits, which must be that of an entry; or empty.
  Result<AuditVerdict> verify(std::string_view expected = {});
  /// The last entry's; number 0 where there is none.
  Result<AuditEntry> last();

 private:
  sqlite::Database& database_;
};

/// What is hashed of an entry, after the hash before it.
net::Sha256 audit_hash(net::Sha256 const& before, AuditEntry const& entry);

}  // namespace lowart::server
