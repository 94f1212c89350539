#pragma once
/// OidcLogin: asks an identity provider, and keeps what it says of itself.

#include "oidc.hpp"

#include <lowart/core/call.hpp>
#include <lowart/core/clock.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/core/task.hpp>
#include <lowart/net/json_web_token.hpp>
#include <lowart/net/transport.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// Something that was fetched from an issuer. It is fetched anew after an hour, and used on where that fails.
template <class T>
class OidcKept {
 public:
  std::optional<T> const& value() const noexcept { return value_; }
  bool is_due(TimePoint now) const noexcept {
    return !value_ || (now - fetched_at_ >= std::chrono::hours(1) && may_be_asked(now));
  }
  /// Somebody needs what is not in it: at most once a minute, whatever strangers send.
  bool may_be_asked(TimePoint now) const noexcept {
    return !asked_at_ || now - *asked_at_ >= std::chrono::minutes(1);
  }
  void asked(TimePoint now) noexcept { asked_at_ = now; }
  void fetched(T value, TimePoint now) { value_ = std::move(value), fetched_at_ = now; }

 private:
  std::optional<T> value_;
  TimePoint fetched_at_{};
  std::optional<TimePoint> asked_at_;
};

/// Logins with one issuer. Its discovery document and keys are fetched when they are first needed.
///
/// Each question waits up to 10 s and takes up to 64 KiB; whoever waits in vain has an interrupted call. Thread safe where
/// the transports are; it must outlive its tasks.
class OidcLogin {
 public:
  /// Gives a transport to a base URL: `net::HttpTransport::make`, with the options of the operator.
  using Reach = std::function<Result<net::AnyTransport>(std::string_view base_url)>;

  OidcLogin(OidcConfig config, Reach reach) : config_(std::move(config)), reach_(std::move(reach)) {}

  /// Errors: those of the issuer, as token_server.hpp words them; malformed_reply.
  Task<Result<OidcRedirect>> begin(Call& call);

  /// Redeems the code that the browser brought back with the state of `pending`, once. Errors: as begin(); unauthenticated
  /// for a code or a token that is not good; permission_denied for a person without a role.
  Task<Result<OidcIdentity>> finish(std::string code, OidcPending pending, Call& call);

  OidcConfig const& config() const noexcept { return config_; }

 private:
  Task<Result<OidcEndpoints>> endpoints(Call& call);
  Task<Result<net::JwkSet>> keys(std::string url, Call& call);
  Task<Result<net::JwkSet>> fetch_keys(std::string url, Call& call);
  Task<Result<Secret>> redeem(OidcEndpoints where, std::string code, Secret code_verifier, Call& call);
  Task<Result<net::JwtClaims>> verify(Secret token, std::string keys_url, Call& call);
  /// What a GET of the address answers with 200.
  Task<Result<Secret>> get(std::string url, Call& call);
  Result<net::AnyTransport> transport_to(std::string const& base_url);
  std::string owner() const { return "the identity provider '" + config_.issuer + "' "; }

  OidcConfig const config_;
  Reach const reach_;
  std::mutex mutex_;  // of what follows; never held over an await
  std::vector<std::pair<std::string, net::AnyTransport>> transports_;
  OidcKept<OidcEndpoints> endpoints_;
  OidcKept<net::JwkSet> keys_;
};

}  // namespace lowart::server
