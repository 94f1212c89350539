#pragma once
/// Logging in with an identity provider: the code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636). What is said and
/// read; oidc_login.hpp asks.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/net/json_web_token.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// How this gateway is registered there, and who may do what here.
struct OidcConfig {
  std::string issuer;  ///< "https://accounts.google.com", exactly as its tokens spell it.
  std::string client_id;
  Secret client_secret;  ///< Empty for a public client.
  std::string redirect_uri;
  std::vector<std::string> scopes{"openid", "email", "profile"};
  /// The claim that holds roles: a name ("groups"), or a path through objects ("realm_access.roles").
  std::string role_claim;
  /// A value of that claim and the role here; of several that a person has, the first in this order counts.
  std::vector<std::pair<std::string, std::string>> roles;
  std::string default_role;  ///< For those whom `roles` does not name; empty: they may not log in.
  bool auto_create{false};   ///< An account is made at the first login.
};

/// Errors: config_invalid, saying which setting is wrong. Addresses must be https, or http on this machine.
[[nodiscard]] Result<void> check_oidc_config(OidcConfig const& config);

/// What an issuer's discovery document says.
struct OidcEndpoints {
  std::string authorization, token, keys;
  bool takes_basic{true};  ///< The secret in the authorization field, else in the form.
};

/// Errors: malformed_reply, saying what is wrong; the document must name exactly the issuer that was asked.
[[nodiscard]] Result<OidcEndpoints> read_oidc_discovery(std::string_view json, OidcConfig const& config);

/// A login that has begun: kept until the browser comes back, for some minutes, under its state.
struct OidcPending {
  std::string state;     ///< Must be what the browser brings back, and that browser's own.
  std::string nonce;     ///< Stands in the token.
  Secret code_verifier;  ///< Proves that who redeems the code is who asked for it.
};
struct OidcRedirect {
  std::string url;  ///< Where the browser is to go.
  OidcPending pending;
};
[[nodiscard]] OidcRedirect begin_oidc_login(OidcConfig const& config, OidcEndpoints const& endpoints);

/// Who has logged in.
struct OidcIdentity {
  std::string subject;  ///< Unique and for ever, within the issuer. E-mail addresses are neither.
  std::string email;
  bool email_verified{false};
  std::string name;
  std::vector<std::string> groups;
  std::string role;
};

/// Reads the claims of a token that is signed and in time. Errors: unauthenticated for another login's or another client's
/// token; permission_denied where nothing gives the person a role.
[[nodiscard]] Result<OidcIdentity> read_oidc_identity(net::JwtClaims const& claims, OidcConfig const& config,
                                                      std::string_view nonce);

}  // namespace lowart::server
