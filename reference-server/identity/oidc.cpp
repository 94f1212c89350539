#include "oidc.hpp"

#include <lowart/dialect/base64.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/net/random_token.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/net/url.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/token_grant.hpp>

#include <algorithm>
#include <optional>

namespace lowart::server {

namespace {

using dialect::JsonKind;
using dialect::JsonMember;

std::string text_of_claim(std::string_view json, std::string_view name) {
  auto const member = dialect::find_member(json, name);
  std::string text;
  return member && dialect::decode_string(member->value, text) ? text : std::string();
}

/// A list of strings, or one alone.
std::vector<std::string> texts_of(std::optional<JsonMember> const& member) {
  constexpr std::size_t most = 1000;
  std::vector<std::string> all;
  auto const add = [&](JsonMember const& one) {
    std::string text;
    if (all.size() < most && dialect::decode_string(one.value, text)) all.push_back(std::move(text));
    return all.size() < most;
  };
  if (member && member->kind == JsonKind::array) dialect::scan_array(member->value, add);
  else if (member) add(*member);
  return all;
}

/// The member of that name; else, as names of claims may hold dots, that at the end of a path through objects.
std::optional<JsonMember> find_claim(std::string_view json, std::string_view name) {
  if (auto member = dialect::find_member(json, name)) return member;
  auto const dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  auto const outer = dialect::find_member(json, name.substr(0, dot));
  if (!outer || outer->kind != JsonKind::object) return std::nullopt;
  return find_claim(outer->value, name.substr(dot + 1));
}

/// What is wrong with an address that a browser or we are sent to; empty when nothing is.
std::string_view fault_of_address(std::string_view url) {
  if (url.empty()) return "is missing";
  bool const plain = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!plain || url.find('#') != url.npos) return "is no URL, or has a fragment";
  auto const base = net::parse_base_url(token_grant::split_url(url).first);
  if (!base || base->is_unix()) return "is no URL";
  bool const here = base->host() == "localhost" || base->host() == "127.0.0.1" || base->host() == "::1";
  return base->tls() || here ? std::string_view() : "must begin with https://";
}

std::string role_for(OidcConfig const& config, std::string_view json) {
  if (config.role_claim.empty()) return config.default_role;
  std::vector<std::string> const held = texts_of(find_claim(json, config.role_claim));
  for (auto const& [value, role] : config.roles)
    if (std::find(held.begin(), held.end(), value) != held.end()) return role;
  return config.default_role;
}

tl::unexpected<Error> refuse_token(std::string what) {
  return fail(Errc::unauthenticated, std::move(what), Origin::client);
}

}  // namespace

Result<void> check_oidc_config(OidcConfig const& config) {
  auto const wrong = [](std::string_view name, std::string_view what) {
    std::string text = "'" + std::string(name) + "' of the identity provider ";
    return fail(Error(Errc::config_invalid, text.append(what)).with_param(std::string(name)));
  };
  if (auto const fault = fault_of_address(config.issuer); !fault.empty()) return wrong("issuer", fault);
  if (config.issuer.find('?') != config.issuer.npos) return wrong("issuer", "must not have a query");
  if (auto const fault = fault_of_address(config.redirect_uri); !fault.empty())
    return wrong("redirect_uri", fault);
  if (config.client_id.empty()) return wrong("client_id", "is missing");
  if (std::find(config.scopes.begin(), config.scopes.end(), "openid") == config.scopes.end())
    return wrong("scopes", "must hold 'openid'");
  if (!config.roles.empty() && config.role_claim.empty())
    return wrong("role_claim", "is missing: which claim do 'roles' stand in?");
  if (config.roles.empty() && config.default_role.empty())
    return wrong("default_role", "is missing, and so are 'roles': nobody could log in");
  return {};
}

Result<OidcEndpoints> read_oidc_discovery(std::string_view json, OidcConfig const& config) {
  auto const malformed = [](std::string what) {
    return fail(Errc::malformed_reply, "the discovery document " + std::move(what), Origin::upstream);
  };
  if (dialect::first_json_error(json)) return malformed("is not JSON");
  if (text_of_claim(json, "issuer") != config.issuer)
    return malformed("is of another issuer than '" + config.issuer + "': check how 'issuer' is spelled");
  OidcEndpoints found{.authorization = text_of_claim(json, "authorization_endpoint"),
                      .token = text_of_claim(json, "token_endpoint"),
                      .keys = text_of_claim(json, "jwks_uri")};
  std::pair<std::string_view, std::string const*> const addresses[] = {
      {"authorization_endpoint", &found.authorization},
      {"token_endpoint", &found.token},
      {"jwks_uri", &found.keys}};
  for (auto const& [name, url] : addresses) {
    auto const fault = fault_of_address(*url);
    if (!fault.empty()) return malformed("is wrong: '" + std::string(name) + "' " + std::string(fault));
  }
  auto const methods = texts_of(dialect::find_member(json, "token_endpoint_auth_methods_supported"));
  found.takes_basic =
      methods.empty() || std::find(methods.begin(), methods.end(), "client_secret_basic") != methods.end();
  return found;
}

OidcRedirect begin_oidc_login(OidcConfig const& config, OidcEndpoints const& endpoints) {
  constexpr std::size_t verifier_length = 64;
  OidcRedirect begun;
  begun.pending.state = net::random_base62(net::token_length);
  begun.pending.nonce = net::random_base62(net::token_length);
  begun.pending.code_verifier = Secret(net::random_base62(verifier_length));
  net::Sha256 const digest = net::sha256(begun.pending.code_verifier.reveal());
  std::string const challenge =
      dialect::to_base64url({reinterpret_cast<char const*>(digest.data()), digest.size()});
  std::string scope;
  for (auto const& one : config.scopes) scope.append(scope.empty() ? "" : " ").append(one);
  Secret const query = token_grant::form_of({{"response_type", "code"},
                                             {"client_id", config.client_id},
                                             {"redirect_uri", config.redirect_uri},
                                             {"scope", scope},
                                             {"state", begun.pending.state},
                                             {"nonce", begun.pending.nonce},
                                             {"code_challenge", challenge},
                                             {"code_challenge_method", "S256"}});
  begun.url = endpoints.authorization;
  begun.url.push_back(begun.url.find('?') == begun.url.npos ? '?' : '&');
  begun.url.append(query.reveal());
  return begun;
}

Result<OidcIdentity> read_oidc_identity(net::JwtClaims const& claims, OidcConfig const& config,
                                        std::string_view nonce) {
  constexpr std::size_t longest_subject = 255;
  if (nonce.empty() || text_of_claim(claims.json, "nonce") != nonce)
    return refuse_token("the identity provider's token belongs to another login: begin anew");
  std::string const party = text_of_claim(claims.json, "azp");
  if (party.empty() ? claims.audience.size() > 1 : party != config.client_id)
    return refuse_token("the identity provider's token was made for another client");
  if (claims.subject.empty() || claims.subject.size() > longest_subject)
    return refuse_token("the identity provider's token does not say who it is for");
  OidcIdentity who;
  who.subject = claims.subject;
  who.email = text_of_claim(claims.json, "email");
  auto const verified = dialect::find_member(claims.json, "email_verified");
  who.email_verified =
      verified && (verified->value == "true" || verified->value == R"("true")");  // some quote it
  who.name = text_of_claim(claims.json, "name");
  who.groups = texts_of(dialect::find_member(claims.json, "groups"));
  who.role = role_for(config, claims.json);
  if (who.role.empty())
    return fail(Errc::permission_denied, "the identity provider gives you no role here; ask the operator",
                Origin::client);
  return who;
}

}  // namespace lowart::server
