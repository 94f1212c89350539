#pragma once
/// AdminPages: administration by HTTP: who asks, and the way to the desk.

#include "admin/admin_desk.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/doors.hpp>
#include <lowart/gateway/runtime.hpp>

#include <string_view>

namespace lowart::server {

/// One for all event loops.
class AdminPages {
 public:
  /// Both outlive the pages.
  AdminPages(AdminDesk& desk, Runtime& runtime) noexcept : desk_(desk), runtime_(runtime) {}

  static bool has(std::string_view path) noexcept;
  Task<void> serve(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                   net::Responder& responder);

  /// Whether a request comes from a session, and not from a key.
  static bool is_of_session(net::ServerRequest const& request) noexcept;
  /// As whom a session asks for pages that keys ask for. Errors: unauthenticated.
  Task<Result<KeyEntry>> entry_of_session(net::ServerRequest& request);

 private:
  Task<void> until_everywhere(asio::any_io_executor executor);

  AdminDesk& desk_;
  Runtime& runtime_;
};

}  // namespace lowart::server
