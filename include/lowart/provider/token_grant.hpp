#pragma once
/// TokenGrant: how a token server is asked for an access token (OAuth 2.0, RFC 6749).

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/provider/http_wire.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct TokenGrant {
  std::string owner;   ///< The provider it is for, as errors name it.
  std::string server;  ///< The base URL of the token server: "https://oauth2.googleapis.com".
  std::string path;    ///< Behind it; begins with a slash.
  std::string advice;  ///< What to do when the server refuses: "check 'client_id' and 'client_secret'".
  /// The form that is posted, at this time (UTC, microseconds since 1970).
  std::function<Result<Secret>(std::int64_t)> form;
};

namespace token_grant {

/// application/x-www-form-urlencoded.
inline Secret form_of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string text;
  for (auto const& [name, value] : fields) {
    if (!text.empty()) text.push_back('&');
    text.append(name).append("=").append(http_wire::percent_encoded(value));
  }
  return Secret(std::move(text));
}

/// The base URL and the path of an address: "https://host" and "/token". Both are empty when it is none.
inline std::pair<std::string, std::string> split_url(std::string_view url) {
  auto const scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  auto const slash = url.find('/', scheme + 3);
  if (slash == std::string_view::npos) return {std::string(url), "/"};
  return {std::string(url.substr(0, slash)), std::string(url.substr(slash))};
}

}  // namespace token_grant

/// An application of Microsoft Entra ID, with its secret.
struct EntraCredentials {
  std::string tenant;
  std::string client_id;
  Secret client_secret;
  std::string authority{"https://login.microsoftonline.com"};  ///< Other clouds have their own.
  std::string scope{"https://cognitiveservices.azure.com/.default"};
};

/// The grant of client credentials (RFC 6749 section 4.4).
inline TokenGrant entra_grant(std::string owner, EntraCredentials credentials) {
  TokenGrant grant;
  grant.owner = std::move(owner);
  grant.server = credentials.authority;
  grant.path = "/" + http_wire::percent_encoded(credentials.tenant) + "/oauth2/v2.0/token";
  grant.advice = "check tenant, client_id and client_secret, and whether the secret has expired";
  grant.form = [held = std::move(credentials)](std::int64_t) -> Result<Secret> {
    return token_grant::form_of({{"grant_type", "client_credentials"},
                                 {"client_id", held.client_id},
                                 {"client_secret", held.client_secret.reveal()},
                                 {"scope", held.scope}});
  };
  return grant;
}

}  // namespace lowart
