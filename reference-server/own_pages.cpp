#include "own_pages.hpp"

#include "breaker_page.hpp"
#include "quota_page.hpp"
#include "request_pages.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view quota_path = "/v1/quota";
constexpr std::string_view breakers_path = "/admin/breakers";

/// For the operator: nobody else learns of providers and their troubles.
Task<void> answer_breakers(Doors& doors, Snapshot const& snapshot, KeyEntry const& key,
                           net::ServerRequest& request, net::Responder& responder) {
  if (!key.admin) {
    Error const denied(Errc::permission_denied, "this page is for keys with 'admin: true'", Origin::client);
    co_await doors.answer_error(request, responder, denied);
    co_return;
  }
  std::string const page = breaker_page(snapshot, std::chrono::steady_clock::now());
  co_await doors.answer_plain(request, responder, 200, "application/json", page);
}

}  // namespace

OwnPages::OwnPages(Folder<SqliteStore>& folder, Records& records, std::function<std::int64_t()> connections)
    : records_(records),
      connections_(std::move(connections)),
      usage_(folder, [this] { return live_counts(); }) {}

bool OwnPages::has(std::string_view path) noexcept {
  return UsageEndpoints::has(path) || is_request_page(path) || path == quota_path || path == breakers_path;
}

Task<void> OwnPages::serve(Doors& doors, Snapshot const& snapshot, KeyEntry const& asks,
                           net::ServerRequest& request, net::Responder& responder) {
  std::string_view const path = request.head().path();
  if (!Doors::only_reads(request)) co_await doors.method_not_allowed(request, responder, "GET");
  else if (is_request_page(path))
    co_await serve_request_page(records_.request_log(), doors, asks, request, responder);
  else if (path == quota_path) co_await answer_quota(doors, snapshot, asks, request, responder);
  else if (path == breakers_path) co_await answer_breakers(doors, snapshot, asks, request, responder);
  else co_await usage_.serve(doors, snapshot, asks, request, responder);
}

LiveCounts OwnPages::live_counts() const {
  LiveCounts live{.connections = connections_()};
  if (auto* const table = records_.conversations()) {
    live.tracks_conversations = true;
    live.live_conversations = table->live(std::chrono::steady_clock::now());
    live.begun_conversations = table->begun();
  }
  return live;
}

}  // namespace lowart::server
