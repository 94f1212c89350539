#include "oidc_login.hpp"

#include <lowart/dialect/base64.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/oauth_token.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/token_grant.hpp>
#include <lowart/provider/token_server.hpp>

#include <algorithm>

namespace lowart::server {

namespace {

constexpr std::string_view advice = "check 'issuer', 'client_id', 'client_secret' and 'redirect_uri'";

/// A call that is interrupted when an answer does not come in time.
class Patience {
 public:
  explicit Patience(Call& call)
      : alarm_(
            call.clock(), [](void* self) { static_cast<Call*>(self)->interrupt(Errc::whole_timeout); },
            &call) {
    alarm_.set_in(std::chrono::seconds(10));
  }

 private:
  Alarm alarm_;
};

/// "Basic ...": both halves are encoded as in a form first (RFC 6749 section 2.3.1).
Secret basic_of(OidcConfig const& config) {
  using http_wire::percent_encoded;
  std::string const pair =
      percent_encoded(config.client_id) + ":" + percent_encoded(config.client_secret.reveal());
  return Secret("Basic " + dialect::to_base64(pair));
}

Secret form_of_code(OidcConfig const& config, bool with_secret, std::string_view code,
                    std::string_view verifier) {
  Secret const form = token_grant::form_of({{"grant_type", "authorization_code"},
                                            {"code", code},
                                            {"redirect_uri", config.redirect_uri},
                                            {"client_id", config.client_id},
                                            {"code_verifier", verifier}});
  if (!with_secret) return form;
  return Secret(std::string(form.reveal()) +
                "&client_secret=" + http_wire::percent_encoded(config.client_secret.reveal()));
}

}  // namespace

Result<net::AnyTransport> OidcLogin::transport_to(std::string const& base_url) {
  std::lock_guard const lock(mutex_);
  for (auto const& [known, transport] : transports_)
    if (known == base_url) return transport;
  Result<net::AnyTransport> made = reach_(base_url);
  constexpr std::size_t most = 8;  // an issuer that moves its endpoints about does not fill memory
  if (made && transports_.size() == most) transports_.erase(transports_.begin());
  if (made) transports_.emplace_back(base_url, *made);
  return made;
}

Task<Result<Secret>> OidcLogin::get(std::string url, Call& call) {
  auto const [base, path] = token_grant::split_url(url);
  Result<net::AnyTransport> transport = transport_to(base);
  if (!transport) co_return fail(transport.error());
  Patience const patience(call);
  net::HttpRequest http("GET", path);
  http.field("accept", "application/json");
  Result<TokenServerAnswer> answer = co_await ask_token_server(*transport, http, owner(), call);
  if (!answer) co_return fail(answer.error());
  if (answer->status != 200)
    co_return fail(token_server::refusal(owner(), *answer, {}, std::string(), advice, call));
  co_return std::move(answer->text);
}

Task<Result<OidcEndpoints>> OidcLogin::endpoints(Call& call) {
  std::optional<OidcEndpoints> kept;
  {
    std::lock_guard const lock(mutex_);
    kept = endpoints_.value();
    if (kept && !endpoints_.is_due(call.clock().now())) co_return *std::move(kept);
    endpoints_.asked(call.clock().now());
  }
  std::string url = config_.issuer;
  while (url.ends_with('/')) url.pop_back();
  url.append("/.well-known/openid-configuration");
  Result<Secret> const document = co_await get(std::move(url), call);
  Result<OidcEndpoints> found =
      document ? read_oidc_discovery(document->reveal(), config_) : fail(document.error());
  if (!found && kept) co_return *std::move(kept);
  if (!found) co_return found;
  std::lock_guard const lock(mutex_);
  endpoints_.fetched(*found, call.clock().now());
  co_return found;
}

Task<Result<net::JwkSet>> OidcLogin::fetch_keys(std::string url, Call& call) {
  {
    std::lock_guard const lock(mutex_);
    keys_.asked(call.clock().now());
  }
  Result<Secret> const document = co_await get(std::move(url), call);
  if (!document) co_return fail(document.error());
  Result<net::JwkSet> set = net::JwkSet::parse(document->reveal());
  if (!set)
    co_return fail(Error(set.error()).with_message(owner() + "sent no keys: " + set.error().message()));
  std::lock_guard const lock(mutex_);
  keys_.fetched(*set, call.clock().now());
  co_return set;
}

Task<Result<net::JwkSet>> OidcLogin::keys(std::string url, Call& call) {
  std::optional<net::JwkSet> kept;
  {
    std::lock_guard const lock(mutex_);
    kept = keys_.value();
    if (kept && !keys_.is_due(call.clock().now())) co_return *std::move(kept);
  }
  Result<net::JwkSet> fresh = co_await fetch_keys(std::move(url), call);
  if (!fresh && kept) co_return *std::move(kept);
  co_return fresh;
}

Task<Result<Secret>> OidcLogin::redeem(OidcEndpoints where, std::string code, Secret code_verifier,
                                       Call& call) {
  auto const [base, path] = token_grant::split_url(where.token);
  Result<net::AnyTransport> transport = transport_to(base);
  if (!transport) co_return fail(transport.error());
  bool const has_secret = !config_.client_secret.empty();
  Secret const form = form_of_code(config_, has_secret && !where.takes_basic, code, code_verifier.reveal());
  Secret const basic = basic_of(config_);
  Patience const patience(call);
  net::HttpRequest http("POST", path);
  http.field("content-type", "application/x-www-form-urlencoded").field("accept", "application/json");
  if (has_secret && where.takes_basic) http.field("authorization", basic.reveal());
  http.body(form.reveal());
  Result<TokenServerAnswer> answer = co_await ask_token_server(*transport, http, owner(), call);
  if (!answer) co_return fail(answer.error());
  std::string_view const body = answer->text.reveal();
  if (answer->status != 200) {
    auto said = dialect::read_oauth_refusal(body);
    if (said.words == "invalid_grant")
      co_return fail(Errc::unauthenticated, "the login was not finished in time, or twice: begin anew",
                     Origin::client);
    co_return fail(token_server::refusal(owner(), *answer, said.words, std::move(said.text), advice, call));
  }
  bool const is_json = !dialect::first_json_error(body);
  std::string token = is_json ? dialect::oauth_text::text_of(body, "id_token") : std::string();
  if (token.empty()) co_return fail(token_server::malformed(owner(), "it has no 'id_token'"));
  co_return Secret(std::move(token));
}

Task<Result<net::JwtClaims>> OidcLogin::verify(Secret token, std::string keys_url, Call& call) {
  constexpr std::int64_t micros = 1'000'000;
  net::JwtExpected const expected{.issuer = config_.issuer,
                                  .audience = config_.client_id,
                                  .utc_seconds = call.clock().utc_micros() / micros};
  Result<net::JwkSet> set = co_await keys(keys_url, call);
  if (!set) co_return fail(set.error());
  Result<net::JwtClaims> claims = set->verify(token.reveal(), expected);
  bool unknown = !claims && claims.error().code() == Errc::not_found;
  if (unknown) {
    std::lock_guard const lock(mutex_);
    unknown = keys_.may_be_asked(call.clock().now());
  }
  if (unknown) {  // it has a new key since
    set = co_await fetch_keys(std::move(keys_url), call);
    if (!set) co_return fail(set.error());
    claims = set->verify(token.reveal(), expected);
  }
  if (claims) co_return claims;
  co_return fail(Errc::unauthenticated,
                 owner() + "sent a token that is not good: " + claims.error().message(), Origin::upstream);
}

Task<Result<OidcRedirect>> OidcLogin::begin(Call& call) {
  Result<OidcEndpoints> const where = co_await endpoints(call);
  if (!where) co_return fail(where.error());
  co_return begin_oidc_login(config_, *where);
}

Task<Result<OidcIdentity>> OidcLogin::finish(std::string code, OidcPending pending, Call& call) {
  constexpr std::size_t longest_code = 4096;
  if (code.empty() || code.size() > longest_code)
    co_return fail(Errc::invalid_request, "the browser brought no 'code' back", Origin::client);
  Result<OidcEndpoints> const where = co_await endpoints(call);
  if (!where) co_return fail(where.error());
  Result<Secret> token = co_await redeem(*where, std::move(code), pending.code_verifier, call);
  if (!token) co_return fail(token.error());
  Result<net::JwtClaims> const claims = co_await verify(*std::move(token), where->keys, call);
  if (!claims) co_return fail(claims.error());
  co_return read_oidc_identity(*claims, config_, pending.nonce);
}

}  // namespace lowart::server
