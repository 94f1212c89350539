#pragma once
/// Logins: from a password or an identity provider's word to a session, and on from there.

#include "admin/administration.hpp"
#include "identity/oidc.hpp"
#include "identity/session_tokens.hpp"
#include "registry/session_table.hpp"

#include <lowart/core/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::server {

/// What a session begins, or goes on, with.
struct LoggedIn {
  std::string access_token;
  std::int64_t expires_in{0};  ///< Seconds.
  Secret refresh_token;
  std::string user;
  std::string role;
};

/// Times are microseconds since 1970. Each act is a transaction, and stands in the audit log; failures of users that are not
/// there do not, as strangers could fill it.
///
/// Errors: unauthenticated, the same for whatever is wrong with a name or a password; rate_limited while an account is
/// locked; permission_denied for users that are not active.
class Logins {
 public:
  /// How long a session lasts without a refresh.
  static constexpr std::int64_t session_days = 14;

  explicit Logins(Administration& admin) noexcept : admin_(admin) {}

  /// Takes some 20 ms, also for users that are not there.
  Result<LoggedIn> by_password(std::string const& user, Secret const& password, std::string const& address,
                               std::int64_t now);
  /// A user is known by the issuer and its subject there; made, where the configuration says so.
  Result<LoggedIn> by_identity(OidcIdentity const& identity, OidcConfig const& config,
                               std::string const& address, std::int64_t now);
  Result<LoggedIn> refresh(Secret const& token, std::string const& address, std::int64_t now);

  /// Who an access token stands for, with the role of this moment.
  Result<Actor> actor_of(std::string_view access_token, std::string const& address, std::int64_t now);

 private:
  tl::unexpected<Error> refuse_stranger(std::string const& name, Secret const& password, std::int64_t now);
  Result<SessionKeys> keys(std::int64_t now, bool may_rotate);
  Result<LoggedIn> begin(Resource const& user, std::string const& address, std::string_view by,
                         std::int64_t now);
  Result<LoggedIn> tokens(Session session, Resource const& user, std::int64_t now);
  Result<void> note(std::string const& user, std::string const& address, std::string_view act,
                    std::string_view outcome, json::object detail, std::int64_t now);

  Administration& admin_;
};

}  // namespace lowart::server
