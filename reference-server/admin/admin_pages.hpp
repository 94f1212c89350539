#pragma once
/// AdminPages: administration by HTTP: who asks, and the way to the desk.

#include "admin/admin_desk.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/doors.hpp>
#include <lowart/gateway/runtime.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <string_view>

namespace lowart::server {

/// One for all event loops.
class AdminPages {
 public:
  /// All outlive the pages.
  AdminPages(AdminDesk& desk, Runtime& runtime, Folder<SqliteStore>& folder) noexcept
      : desk_(desk), runtime_(runtime), folder_(folder) {}

  static bool has(std::string_view path);
  Task<void> serve(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                   net::Responder& responder);

  /// Whether a request comes from a session, and not from a key.
  static bool is_of_session(net::ServerRequest const& request) noexcept;
  /// As whom a session asks for pages that keys ask for. Errors: unauthenticated.
  Task<Result<KeyEntry>> entry_of_session(net::ServerRequest& request);

 private:
  Task<void> until_everywhere(asio::any_io_executor executor);
  Task<std::string> with_last_use(asio::any_io_executor executor, std::string body);

  AdminDesk& desk_;
  Runtime& runtime_;
  Folder<SqliteStore>& folder_;
};

}  // namespace lowart::server
