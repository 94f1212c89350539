#pragma once
/// UsageEndpoints: GET /v1/usage and what is below it, and the operator's overview.

#include "snapshot.hpp"

#include <lowart/gateway/doors.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace lowart::server {

/// What the gateway knows of the present moment, for the overview.
struct LiveCounts {
  std::int64_t connections{0};
  bool tracks_conversations{false};
  std::int64_t live_conversations{0};   ///< That may go on.
  std::int64_t begun_conversations{0};  ///< Since the start.
};

/// Answers questions about usage; each is a walk of the store's thread through its sums, never of the data path.
///
///   GET /v1/usage              sums, and groups with `group_by`
///   GET /v1/usage/me           of the asking key, in all and by model
///   GET /v1/usage/summary      of a period: this day, week or month
///   GET /v1/usage/models       by model; /v1/usage/by-model is the same
///   GET /v1/usage/daily-trend  day by day, days without a call included
///   GET /v1/usage/history      single calls, newest first, in pages
///   GET /v1/usage/export       the same, all of them as CSV or JSON lines, while they are read
///   GET /admin/overview        today, this month, who spends most
///
/// One object per event loop or for all: it keeps nothing but its references.
class UsageEndpoints {
 public:
  UsageEndpoints(Folder<SqliteStore>& folder, std::function<LiveCounts()> live)
      : folder_(folder), live_(std::move(live)) {}

  static bool has(std::string_view path) noexcept;
  /// Answers a request whose path it has, by `key`.
  Task<void> serve(Doors& doors, Snapshot const& snapshot, KeyEntry const& key, net::ServerRequest& request,
                   net::Responder& responder);

 private:
  struct Visit;
  Task<Result<std::string>> page(Visit const& visit);
  Task<Result<std::string>> sums(Visit const& visit);
  Task<Result<std::string>> groups(Visit const& visit, UsageDimension dimension);
  Task<Result<std::string>> trend(Visit const& visit);
  Task<Result<std::string>> history(Visit const& visit);
  Task<Result<std::string>> overview(Visit const& visit);
  Task<void> send_export(Doors& doors, Visit const& visit, net::Responder& responder);

  Folder<SqliteStore>& folder_;
  std::function<LiveCounts()> live_;
};

}  // namespace lowart::server
