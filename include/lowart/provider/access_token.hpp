#pragma once
/// AccessToken: a bearer token that a token server gives for a while, fetched when it is needed.

#include <lowart/core/call.hpp>
#include <lowart/dialect/oauth_token.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/renewed_credential.hpp>
#include <lowart/provider/token_grant.hpp>
#include <lowart/provider/token_server.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A token server of OAuth 2.0, asked as a grant says.
///
/// Errors, of origin upstream and with nothing sent to the provider: upstream_auth where the token server refuses (its
/// reason is in the message as the protocol's word, in upstream_message as its text); upstream_failed for its other
/// statuses, malformed_reply for what is no token, the transport's own.
class OauthTokenSource {
 public:
  using Value = Secret;  ///< "Bearer TOKEN"

  /// `transport` leads to grant.server.
  OauthTokenSource(net::AnyTransport transport, TokenGrant grant)
      : transport_(std::move(transport)), grant_(std::move(grant)) {}

  std::string what() const { return "no access token for '" + grant_.owner + "': the token server "; }

  Task<Result<Granted<Secret>>> fetch(Call& call) {
    Result<Secret> const form = grant_.form(call.clock().utc_micros());
    if (!form) co_return fail(form.error());
    net::HttpRequest http("POST", grant_.path);
    http.field("content-type", "application/x-www-form-urlencoded").field("accept", http_wire::json_type);
    http.field("user-agent", "lowart").body(form->reveal());
    std::string const asked = what();
    Result<TokenServerAnswer> const answer = co_await ask_token_server(transport_, http, asked, call);
    if (!answer) co_return fail(answer.error());
    if (answer->status != 200) co_return fail(refusal(*answer, call));
    Result<dialect::OauthToken> const token = dialect::read_oauth_token(answer->text.reveal());
    if (!token) co_return fail(token_server::malformed(what(), token.error().message()));
    Secret shown("Bearer " + std::string(token->token.reveal()));
    co_return Granted<Secret>{std::move(shown), token->life};
  }

 private:
  Error refusal(TokenServerAnswer const& answer, Call const& call) const {
    dialect::OauthRefusal said = dialect::read_oauth_refusal(answer.text.reveal());
    return token_server::refusal(what(), answer, said.words, std::move(said.text), grant_.advice, call);
  }

  net::AnyTransport transport_;
  TokenGrant grant_;
};

/// One token for all calls that show it, fetched and renewed as RenewedCredential says. Copies share it.
///
/// A token that a provider refuses before its time is dropped once for a call, and the error becomes one that a Retry asks
/// again after. Errors: those of OauthTokenSource and RenewedCredential.
/// Concurrency:  any thread and loop; one short lock for each call.
class AccessToken {
 public:
  /// `transport` leads to grant.server.
  AccessToken(net::AnyTransport transport, TokenGrant grant)
      : credential_(OauthTokenSource(std::move(transport), std::move(grant))) {}

  /// Adds the field `authorization`, when there is a token.
  Task<Result<void>> authorize(Call& call, net::HttpRequest& http) const {
    if (auto const held = credential_.fresh(call.now())) {
      show(*held, call, http);
      co_return Result<void>();
    }
    Result<Held> const held = co_await credential_.get(call);
    if (!held) co_return fail(held.error());
    show(**held, call, http);
    co_return Result<void>();
  }

  /// The error that `refusal`, the provider's answer to `http`, is to the call.
  Error after(Error refusal, Call const& call, net::HttpRequest const& http) const {
    constexpr int unauthorized = 401;
    if (refusal.upstream_status() != unauthorized) return refusal;
    std::string_view const shown = http_wire::sent_field(http, "authorization");
    if (!credential_.refused([&](Secret const& held) { return held.reveal() == shown; }, call))
      return refusal;
    return Error(Errc::upstream_failed,
                 "the provider no longer accepts the access token; a new one is fetched", Origin::upstream)
        .with_sent(Sent::yes)
        .with_retryable(true)
        .with_upstream_status(unauthorized)
        .with_upstream_message(refusal.upstream_message());
  }

 private:
  using Held = RenewedCredential<OauthTokenSource>::Held;

  static void show(Secret const& held, Call& call, net::HttpRequest& http) {
    http.field("authorization", call.keep(held.reveal()));
  }

  RenewedCredential<OauthTokenSource> credential_;
};

}  // namespace lowart
