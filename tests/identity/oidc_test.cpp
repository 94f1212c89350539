// OpenID Connect: where the browser is sent, what is believed of what comes back, and whom it makes of it.

#include "reference-server/identity/oidc.hpp"

#include <lowart/dialect/base64.hpp>
#include <lowart/net/sha256.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::oidc_test {
namespace {

using namespace lowart::server;

OidcConfig config() {
  OidcConfig made;
  made.issuer = "https://id.example/realm";
  made.client_id = "lowart app";
  made.client_secret = Secret("s&cret");
  made.redirect_uri = "https://gw.example/auth/callback";
  made.default_role = "viewer";
  return made;
}
std::string document(std::string const& more = {}) {
  return R"({"issuer":"https://id.example/realm","authorization_endpoint":"https://id.example/authorize",)"
         R"("token_endpoint":"https://api.example/token","jwks_uri":"https://id.example/keys")" +
         more + "}";
}
template <class T>
std::string fault(Result<T> const& got) {
  return got ? "none" : got.error().message();
}

// --- configuration ----------------------------------------------------------------------------------------

TEST(OidcConfig, IsChecked) {
  EXPECT_EQ(fault(check_oidc_config(config())), "none");
  auto const with = [](auto change) {
    OidcConfig changed = config();
    change(changed);
    return fault(check_oidc_config(changed));
  };
  std::string const of = " of the identity provider ";
  EXPECT_EQ(with([](auto& c) { c.issuer = "http://id.example"; }),
            "'issuer'" + of + "must begin with https://");
  EXPECT_EQ(with([](auto& c) { c.issuer = "http://127.0.0.1:9000"; }), "none");
  EXPECT_EQ(with([](auto& c) { c.issuer = "http://127.0.0.1.evil.example"; }),
            "'issuer'" + of + "must begin with https://");
  EXPECT_EQ(with([](auto& c) { c.issuer = "id.example"; }), "'issuer'" + of + "is no URL");
  EXPECT_EQ(with([](auto& c) { c.issuer = "https://id.example?a"; }), "'issuer'" + of + "is no URL");
  EXPECT_EQ(with([](auto& c) { c.issuer = "https://id.example/?a"; }),
            "'issuer'" + of + "must not have a query");
  EXPECT_EQ(with([](auto& c) { c.redirect_uri = ""; }), "'redirect_uri'" + of + "is missing");
  EXPECT_EQ(with([](auto& c) { c.redirect_uri = "https://a b/"; }),
            "'redirect_uri'" + of + "is no URL, or has a fragment");
  EXPECT_EQ(with([](auto& c) { c.client_id = ""; }), "'client_id'" + of + "is missing");
  EXPECT_EQ(with([](auto& c) { c.scopes = {"email"}; }), "'scopes'" + of + "must hold 'openid'");
  EXPECT_EQ(with([](auto& c) { c.roles = {{"a", "b"}}; }),
            "'role_claim'" + of + "is missing: which claim do 'roles' stand in?");
  EXPECT_EQ(with([](auto& c) { c.default_role = ""; }),
            "'default_role'" + of + "is missing, and so are 'roles': nobody could log in");
}

// --- discovery --------------------------------------------------------------------------------------------

TEST(OidcDiscovery, TellsTheEndpoints) {
  auto const found = read_oidc_discovery(document(), config());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->authorization, "https://id.example/authorize");
  EXPECT_EQ(found->token, "https://api.example/token");
  EXPECT_EQ(found->keys, "https://id.example/keys");
  EXPECT_TRUE(found->takes_basic);
  auto const methods = [](std::string const& list) {
    return read_oidc_discovery(document(R"(,"token_endpoint_auth_methods_supported":)" + list), config())
        ->takes_basic;
  };
  EXPECT_TRUE(methods(R"(["client_secret_post","client_secret_basic"])"));
  EXPECT_FALSE(methods(R"(["client_secret_post"])"));
}

TEST(OidcDiscovery, IsRefusedWhenItIsNotTheIssuersOwn) {
  auto const said = [](std::string const& json) { return fault(read_oidc_discovery(json, config())); };
  EXPECT_EQ(said("<html>"), "the discovery document is not JSON");
  std::string const other =
      "the discovery document is of another issuer than 'https://id.example/realm': check how 'issuer' is "
      "spelled";
  EXPECT_EQ(said("{}"), other);
  EXPECT_EQ(said(R"(["issuer"])"), other);
  EXPECT_EQ(said(R"({"issuer":"https://id.example/realm/"})"), other);
  EXPECT_EQ(said(R"({"issuer":"https://id.example/realm"})"),
            "the discovery document is wrong: 'authorization_endpoint' is missing");
  EXPECT_EQ(said(document(R"(,"token_endpoint":"http://api.example/token")")),
            "the discovery document is wrong: 'token_endpoint' must begin with https://");
  EXPECT_EQ(said(document(R"(,"jwks_uri":"file:///etc/passwd")")),
            "the discovery document is wrong: 'jwks_uri' is no URL");
}

// --- the redirect -----------------------------------------------------------------------------------------

std::map<std::string, std::string> query_of(std::string_view url) {
  std::map<std::string, std::string> fields;
  url.remove_prefix(url.find('?') + 1);
  while (!url.empty()) {
    std::string_view const one = url.substr(0, url.find('&'));
    url.remove_prefix(std::min(one.size() + 1, url.size()));
    fields.emplace(one.substr(0, one.find('=')), one.substr(one.find('=') + 1));
  }
  return fields;
}

TEST(OidcRedirect, AsksForACodeThatOnlyTheVerifierRedeems) {
  OidcEndpoints const endpoints = *read_oidc_discovery(document(), config());
  OidcRedirect const begun = begin_oidc_login(config(), endpoints);
  EXPECT_TRUE(begun.url.starts_with("https://id.example/authorize?response_type=code&")) << begun.url;
  auto const query = query_of(begun.url);
  EXPECT_EQ(query.at("client_id"), "lowart%20app");
  EXPECT_EQ(query.at("redirect_uri"), "https%3A%2F%2Fgw.example%2Fauth%2Fcallback");
  EXPECT_EQ(query.at("scope"), "openid%20email%20profile");
  EXPECT_EQ(query.at("state"), begun.pending.state);
  EXPECT_EQ(query.at("nonce"), begun.pending.nonce);
  EXPECT_EQ(query.at("code_challenge_method"), "S256");
  net::Sha256 const digest = net::sha256(begun.pending.code_verifier.reveal());
  EXPECT_EQ(query.at("code_challenge"),
            dialect::to_base64url({reinterpret_cast<char const*>(digest.data()), digest.size()}));
  EXPECT_EQ(begun.pending.code_verifier.reveal().size(), 64U);
  EXPECT_EQ(begun.url.find(begun.pending.code_verifier.reveal()), begun.url.npos);

  OidcRedirect const again = begin_oidc_login(config(), endpoints);
  EXPECT_NE(again.pending.state, begun.pending.state);
  EXPECT_NE(again.pending.nonce, begun.pending.nonce);
  EXPECT_FALSE(again.pending.code_verifier.equals(begun.pending.code_verifier.reveal()));
}

TEST(OidcRedirect, KeepsTheQueryThatTheEndpointHas) {
  OidcEndpoints const endpoints{.authorization = "https://id.example/a?p=policy", .token = {}, .keys = {}};
  EXPECT_TRUE(
      begin_oidc_login(config(), endpoints).url.starts_with("https://id.example/a?p=policy&response_type="));
}

// --- the identity -----------------------------------------------------------------------------------------

net::JwtClaims claims(std::string const& more, std::vector<std::string> audience = {"lowart app"}) {
  net::JwtClaims made;
  made.subject = "sub-1";
  made.audience = std::move(audience);
  made.json = R"({"sub":"sub-1","nonce":"n1")" + more + "}";
  return made;
}

TEST(OidcIdentity, IsReadFromTheClaims) {
  auto const who = read_oidc_identity(
      claims(R"(,"email":"a@x.example","email_verified":true,"name":"Ann \u00c9","groups":["a","b",7])"),
      config(), "n1");
  ASSERT_TRUE(who) << who.error().message();
  EXPECT_EQ(who->subject, "sub-1");
  EXPECT_EQ(who->email, "a@x.example");
  EXPECT_TRUE(who->email_verified);
  EXPECT_EQ(who->name, "Ann \xc3\x89");
  EXPECT_EQ(who->groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(who->role, "viewer");
}

TEST(OidcIdentity, HasAVerifiedAddressOnlyWhereThatIsSaid) {
  auto const verified = [](std::string const& more) {
    return read_oidc_identity(claims(R"(,"email":"a@x.example")" + more), config(), "n1")->email_verified;
  };
  EXPECT_FALSE(verified(""));
  EXPECT_TRUE(verified(R"(,"email_verified":"true")"));
  for (char const* value : {"false", R"("false")", "1", "null", R"("TRUE")", "[true]"})
    EXPECT_FALSE(verified(std::string(R"(,"email_verified":)") + value)) << value;
}

TEST(OidcIdentity, IsOfThisLoginAndOfThisClient) {
  auto const said = [](net::JwtClaims const& c, std::string_view nonce) {
    return fault(read_oidc_identity(c, config(), nonce));
  };
  std::string const login = "the identity provider's token belongs to another login: begin anew";
  std::string const client = "the identity provider's token was made for another client";
  EXPECT_EQ(said(claims(""), "n2"), login);
  EXPECT_EQ(said(claims(""), ""), login);
  EXPECT_EQ(said(claims(R"(,"azp":"other")"), "n1"), client);
  EXPECT_EQ(said(claims("", {"lowart app", "other"}), "n1"), client);
  EXPECT_EQ(said(claims(R"(,"azp":"lowart app")", {"lowart app", "other"}), "n1"), "none");
  net::JwtClaims nobody = claims("");
  nobody.subject.clear();
  EXPECT_EQ(said(nobody, "n1"), "the identity provider's token does not say who it is for");
}

TEST(OidcIdentity, HasTheFirstRoleThatIsMapped) {
  OidcConfig mapped = config();
  mapped.roles = {{"gw-admins", "admin"}, {"gw-users", "user"}};
  mapped.role_claim = "groups";
  auto const role = [&](std::string const& more) {
    auto const who = read_oidc_identity(claims(more), mapped, "n1");
    return who ? who->role : std::string(to_string(who.error().code()));
  };
  EXPECT_EQ(role(R"(,"groups":["gw-users","gw-admins"])"), "admin");
  EXPECT_EQ(role(R"(,"groups":"gw-users")"), "user");
  EXPECT_EQ(role(R"(,"groups":["others"])"), "viewer");
  EXPECT_EQ(role(R"(,"groups":{"gw-admins":true})"), "viewer");
  mapped.default_role = "";
  EXPECT_EQ(role(R"(,"groups":["others"])"), "permission_denied");
  EXPECT_EQ(role(""), "permission_denied");
  mapped.role_claim = "realm_access.roles";
  EXPECT_EQ(role(R"(,"realm_access":{"roles":["gw-users"]})"), "user");
  EXPECT_EQ(role(R"(,"realm_access.roles":["gw-admins"],"realm_access":{"roles":["gw-users"]})"), "admin");
  EXPECT_EQ(role(R"(,"realm_access":["roles","gw-users"])"), "permission_denied");
}

}  // namespace
}  // namespace lowart::oidc_test
