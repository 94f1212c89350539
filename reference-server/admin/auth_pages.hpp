#pragma once
/// AuthPages: how people get a session: by a password, by an identity provider, and on from a refresh token.

#include "admin/admin_desk.hpp"
#include "identity/logins.hpp"
#include "identity/oidc_login.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/doors.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::server {

/// Logins that have begun, under the state that the browser brings back. Bounded: the oldest are forgotten. Any thread.
class PendingLogins {
 public:
  static constexpr std::size_t most = 10'000;
  static constexpr std::int64_t lifetime = 600;  ///< Seconds.

  void add(OidcPending pending, std::int64_t utc_seconds);
  /// Once; nullopt where it is not known, or too old.
  std::optional<OidcPending> take(std::string_view state, std::int64_t utc_seconds);

 private:
  struct Entry {
    OidcPending pending;
    std::int64_t since;
  };
  std::mutex mutex_;
  std::deque<Entry> entries_;
};

/// One for all event loops.
class AuthPages {
 public:
  /// Outlives the pages.
  explicit AuthPages(AdminDesk& desk) noexcept : desk_(desk) {}

  static bool has(std::string_view path) noexcept;
  Task<void> serve(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                   net::Responder& responder);

 private:
  Task<void> log_in(Doors& doors, net::ServerRequest& request, net::Responder& responder, bool is_refresh);
  Task<void> answer(Doors& doors, Result<LoggedIn> const& in, net::ServerRequest& request,
                    net::Responder& responder);
  Task<void> begin_oidc(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                        net::Responder& responder);
  Task<void> end_oidc(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                      net::Responder& responder);

  AdminDesk& desk_;
  PendingLogins pending_;
  std::atomic<int> waiting_{0};  ///< Logins at the desk: a password takes it long, and strangers send them.
};

}  // namespace lowart::server
