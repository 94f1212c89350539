#pragma once
/// OwnPages: what the server tells of itself to those who have a key: usage, quotas, breakers, the request log.

#include "records.hpp"
#include "snapshot.hpp"
#include "usage_endpoints.hpp"

#include <lowart/gateway/doors.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace lowart::server {

/// One for all event loops; keeps nothing but references.
class OwnPages {
 public:
  /// `connections` counts those of clients that are open. All outlive the pages.
  OwnPages(Folder<SqliteStore>& folder, Records& records, std::function<std::int64_t()> connections);

  static bool has(std::string_view path) noexcept;
  /// Answers a request of `asks`, whose path it has; 405 where something is to be changed. A session asks with an entry that
  /// has no name: it is its user's.
  Task<void> serve(Doors& doors, Snapshot const& snapshot, KeyEntry const& asks, net::ServerRequest& request,
                   net::Responder& responder);

 private:
  LiveCounts live_counts() const;

  Records& records_;
  std::function<std::int64_t()> connections_;
  UsageEndpoints usage_;
};

}  // namespace lowart::server
