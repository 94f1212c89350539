// Logins with an identity provider over a scripted network: what is asked of it and how often, and each way it can fail.

#include "reference-server/identity/oidc_login.hpp"
#include "tests/net/token_issuer.hpp"

#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lowart::oidc_login_test {
namespace {

using namespace lowart::server;
using namespace std::chrono_literals;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TokenIssuer;

constexpr char issuer_url[] = "https://id.example", token_url[] = "https://api.example",
               keys_url[] = "https://keys.example";

TokenIssuer const& first_key() {
  static TokenIssuer const issuer = TokenIssuer::p256("e1");
  return issuer;
}
TokenIssuer const& second_key() {
  static TokenIssuer const issuer = TokenIssuer::p256("e2");
  return issuer;
}
ScriptedAnswer discovery(std::string const& more = {}) {
  return ScriptedAnswer::json(
      200, R"({"issuer":"https://id.example","authorization_endpoint":"https://id.example/authorize",)"
           R"("token_endpoint":"https://api.example/token?v=2","jwks_uri":"https://keys.example/jwks")" +
               more + "}");
}
ScriptedAnswer keys(std::vector<std::string> const& all) {
  return ScriptedAnswer::json(200, TokenIssuer::set_of(all));
}
ScriptedAnswer said(std::string const& json, int status = 200) { return ScriptedAnswer::json(status, json); }

/// A gateway that logs people in, and its issuer: a transport for each host.
struct Logins {
  lowart::testing::TestLoop loop;
  std::map<std::string, ScriptedTransport> hosts;
  std::vector<std::string> reached;
  OidcLogin login;

  explicit Logins(std::vector<ScriptedAnswer> discoveries, Secret client_secret = Secret("s&cret"))
      : login(config(std::move(client_secret)), [this](std::string_view base) -> Result<net::AnyTransport> {
          reached.emplace_back(base);
          auto const host = hosts.find(std::string(base));
          if (host == hosts.end()) return fail(Errc::config_invalid, "no such host");
          return net::AnyTransport(host->second);
        }) {
    hosts.emplace(issuer_url, ScriptedTransport(std::move(discoveries)));
  }
  static OidcConfig config(Secret client_secret) {
    OidcConfig made;
    made.issuer = issuer_url;
    made.client_id = "lowart app";
    made.client_secret = std::move(client_secret);
    made.redirect_uri = "https://gw.example/callback";
    made.default_role = "viewer";
    return made;
  }
  void answer(std::string const& base, std::vector<ScriptedAnswer> answers) {
    hosts.insert_or_assign(base, ScriptedTransport(std::move(answers)));
  }
  std::size_t asked(std::string const& base) const { return hosts.at(base).requests().size(); }

  Result<OidcRedirect> begin() {
    Call call = loop.call();
    return loop.run(login.begin(call));
  }
  OidcPending begun() {
    Result<OidcRedirect> redirect = begin();
    EXPECT_TRUE(redirect) << redirect.error().message();
    return redirect ? std::move(redirect->pending) : OidcPending();
  }
  Result<OidcIdentity> finish(OidcPending pending, std::string code = "c&de") {
    Call call = loop.call();
    return loop.run(login.finish(std::move(code), std::move(pending), call));
  }
  /// What the token endpoint says to a login that has this nonce.
  ScriptedAnswer token(std::string const& nonce, TokenIssuer const& key = first_key(),
                       std::string const& aud = "lowart app") const {
    std::int64_t const now = loop.clock.utc_micros() / 1'000'000;
    std::string const claims = R"({"iss":"https://id.example","aud":")" + aud +
                               R"(","sub":"u1","email":"a@x.example",)" + R"("nonce":")" + nonce +
                               R"(","exp":)" + std::to_string(now + 300) + "}";
    return said(R"({"access_token":"at","token_type":"Bearer","id_token":")" + key.sign("ES256", claims) +
                "\"}");
  }
};
template <class T>
std::string fault(Result<T> const& got) {
  return got ? "none" : got.error().message();
}

TEST(OidcLogin, SendsABrowserAwayAndKnowsWhoComesBack) {
  Logins all({discovery()});
  OidcPending const pending = all.begun();
  all.answer(token_url, {all.token(pending.nonce)});
  all.answer(keys_url, {keys({first_key().jwk()})});
  auto const who = all.finish(pending);
  ASSERT_TRUE(who) << who.error().message();
  EXPECT_EQ(who->subject, "u1");
  EXPECT_EQ(who->role, "viewer");

  EXPECT_EQ(all.hosts.at(issuer_url).requests().at(0).path, "/.well-known/openid-configuration");
  EXPECT_EQ(all.hosts.at(keys_url).requests().at(0).path, "/jwks");
  auto const& redeemed = all.hosts.at(token_url).requests().at(0);
  EXPECT_EQ(redeemed.method, "POST");
  EXPECT_EQ(redeemed.path, "/token?v=2");
  EXPECT_EQ(redeemed.field("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(redeemed.field("authorization"), "Basic " + dialect::to_base64("lowart%20app:s%26cret"));
  EXPECT_EQ(redeemed.body,
            "grant_type=authorization_code&code=c%26de&redirect_uri=https%3A%2F%2Fgw.example%2Fcallback&"
            "client_id=lowart%20app&code_verifier=" +
                std::string(pending.code_verifier.reveal()));
}

TEST(OidcLogin, SendsTheSecretInTheFormWhereTheIssuerAsksForIt) {
  Logins all({discovery(R"(,"token_endpoint_auth_methods_supported":["client_secret_post"])")});
  OidcPending const pending = all.begun();
  all.answer(token_url, {all.token(pending.nonce)});
  all.answer(keys_url, {keys({first_key().jwk()})});
  EXPECT_EQ(fault(all.finish(pending)), "none");
  auto const& redeemed = all.hosts.at(token_url).requests().at(0);
  EXPECT_EQ(redeemed.field("authorization"), "");
  EXPECT_TRUE(redeemed.body.ends_with("&client_secret=s%26cret"));
}

TEST(OidcLogin, OfAPublicClientSendsNoSecret) {
  Logins all({discovery()}, Secret());
  OidcPending const pending = all.begun();
  all.answer(token_url, {all.token(pending.nonce)});
  all.answer(keys_url, {keys({first_key().jwk()})});
  EXPECT_EQ(fault(all.finish(pending)), "none");
  auto const& redeemed = all.hosts.at(token_url).requests().at(0);
  EXPECT_EQ(redeemed.field("authorization"), "");
  EXPECT_EQ(redeemed.body.find("client_secret"), std::string::npos);
}

TEST(OidcLogin, AsksForDocumentsOncePerHour) {
  Logins all({discovery(), discovery()});
  all.answer(keys_url, {keys({first_key().jwk()}), keys({first_key().jwk()})});
  std::vector<OidcPending> const pending{all.begun(), all.begun(), all.begun()};
  all.answer(token_url, {all.token(pending[0].nonce), all.token(pending[1].nonce)});
  EXPECT_EQ(fault(all.finish(pending[0])), "none");
  EXPECT_EQ(fault(all.finish(pending[1])), "none");
  EXPECT_EQ(all.asked(issuer_url), 1U);
  EXPECT_EQ(all.asked(keys_url), 1U);
  EXPECT_EQ(all.reached, (std::vector<std::string>{issuer_url, token_url, keys_url})) << "one transport each";
  all.loop.clock.advance(1h);
  EXPECT_EQ(fault(all.begin()), "none");
  EXPECT_EQ(all.asked(issuer_url), 2U);
  // The script is over: what is kept is used on, and the issuer left alone for a minute.
  all.loop.clock.advance(1h);
  EXPECT_EQ(fault(all.begin()), "none");
  EXPECT_EQ(fault(all.begin()), "none");
  EXPECT_EQ(all.asked(issuer_url), 3U);
}

TEST(OidcLogin, AsksForKeysAnewWhereOneIsUnknownButOncePerMinuteOnly) {
  Logins all({discovery()});
  all.answer(keys_url, {keys({first_key().jwk()}), keys({first_key().jwk()}), keys({second_key().jwk()})});
  std::vector<OidcPending> const pending{all.begun(), all.begun(), all.begun(), all.begun()};
  all.answer(token_url,
             {all.token(pending[0].nonce, second_key()), all.token(pending[1].nonce, second_key()),
              all.token(pending[2].nonce, second_key()), all.token(pending[3].nonce, second_key())});
  std::string const unknown =
      "the identity provider 'https://id.example' sent a token that is not good: nobody here knows the key "
      "'e2' that "
      "signed the token";
  EXPECT_EQ(fault(all.finish(pending[0])), unknown);
  EXPECT_EQ(all.asked(keys_url), 1U) << "fetched a moment ago";
  all.loop.clock.advance(1min);
  EXPECT_EQ(fault(all.finish(pending[1])), unknown);
  EXPECT_EQ(all.asked(keys_url), 2U);
  EXPECT_EQ(fault(all.finish(pending[2])), unknown);
  EXPECT_EQ(all.asked(keys_url), 2U);
  all.loop.clock.advance(1min);
  EXPECT_EQ(fault(all.finish(pending[3])), "none");
}

TEST(OidcLogin, RefusesWhatIsNotForThisLogin) {
  Logins all({discovery()});
  OidcPending const pending = all.begun();
  all.answer(keys_url, {keys({first_key().jwk()})});
  TokenIssuer const forger = TokenIssuer::p256("e1");
  all.answer(token_url, {all.token("of another"), all.token(pending.nonce, first_key(), "other app"),
                         all.token(pending.nonce, forger)});
  std::string const not_good = "the identity provider 'https://id.example' sent a token that is not good: ";
  EXPECT_EQ(fault(all.finish(pending)), "the identity provider's token belongs to another login: begin anew");
  EXPECT_EQ(fault(all.finish(pending)), not_good + "the token is for another audience than 'lowart app'");
  EXPECT_EQ(fault(all.finish(pending)), not_good + "the token's signature is wrong");
  EXPECT_EQ(fault(all.finish(pending, "")), "the browser brought no 'code' back");
  EXPECT_EQ(fault(all.finish(pending, std::string(5000, 'c'))), "the browser brought no 'code' back");
  EXPECT_EQ(all.asked(token_url), 3U);
}

TEST(OidcLogin, TellsWhatTheTokenEndpointRefuses) {
  Logins all({discovery()});
  OidcPending const pending = all.begun();
  all.answer(token_url, {said(R"({"error":"invalid_grant"})", 400),
                         said(R"({"error":"invalid_client"})", 401), said("busy", 503), said("{}"),
                         said("<html>"), ScriptedAnswer::fail(Error(Errc::connect_failed))});
  auto const expired = all.finish(pending);
  EXPECT_EQ(fault(expired), "the login was not finished in time, or twice: begin anew");
  EXPECT_EQ(expired.error().code(), Errc::unauthenticated);
  std::string const owner = "the identity provider 'https://id.example' ";
  EXPECT_EQ(fault(all.finish(pending)),
            owner +
                "refused (status 401, invalid_client): check 'issuer', 'client_id', "
                "'client_secret' and 'redirect_uri'");
  EXPECT_EQ(fault(all.finish(pending)), owner + "failed (status 503)");
  EXPECT_EQ(fault(all.finish(pending)), owner + "sent an answer that is none: it has no 'id_token'");
  EXPECT_EQ(fault(all.finish(pending)), owner + "sent an answer that is none: it has no 'id_token'");
  EXPECT_TRUE(fault(all.finish(pending)).starts_with(owner + "could not be asked"));
}

TEST(OidcLogin, TellsWhatIsWrongWithTheIssuer) {
  Logins all({said("no", 404), said("{}"), ScriptedAnswer::fail(Error(Errc::connect_failed)), discovery()});
  EXPECT_TRUE(
      fault(all.begin()).starts_with("the identity provider 'https://id.example' refused (status 404)"));
  EXPECT_TRUE(fault(all.begin()).starts_with("the discovery document is of another issuer"));
  EXPECT_TRUE(
      fault(all.begin()).starts_with("the identity provider 'https://id.example' could not be asked"));
  EXPECT_EQ(fault(all.begin()), "none");
  OidcPending const pending = all.begun();
  all.answer(token_url, {all.token(pending.nonce), all.token(pending.nonce)});
  EXPECT_EQ(fault(all.finish(pending)), "no such host") << "where its keys should be";
  all.answer(keys_url, {said("{}")});
  EXPECT_TRUE(
      fault(all.finish(pending)).starts_with("the identity provider 'https://id.example' sent no keys: "));
}

TEST(OidcLogin, WaitsTenSeconds) {
  std::vector<ScriptedAnswer> answers;
  answers.push_back(ScriptedAnswer::stall());
  answers.push_back(discovery().after(9s));
  Logins all(std::move(answers));
  TimePoint const start = all.loop.clock.now();
  auto const got = all.begin();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::whole_timeout);
  EXPECT_LE(all.loop.clock.now() - start, 10s + 100ms);
  EXPECT_EQ(fault(all.begin()), "none");
}

TEST(OidcLogin, ReadsNoMoreThan64KiB) {
  std::vector<ScriptedAnswer> answers;
  answers.push_back(ScriptedAnswer(200).piece(std::string(60'000, ' ')).piece(std::string(60'000, ' ')));
  Logins all(std::move(answers));
  EXPECT_EQ(fault(all.begin()), "the discovery document is not JSON");
}

}  // namespace
}  // namespace lowart::oidc_login_test
