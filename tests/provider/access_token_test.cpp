// Access tokens: when they are fetched, refreshed, shared and dropped, and what a token server's failure becomes.

#include <lowart/provider/access_token.hpp>
#include <lowart/provider/azure_openai.hpp>

#include "credential_giver.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace lowart::access_token_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::Running;
using lowart::testing::ScriptedAnswer;
using lowart::testing::start;
using TokenState = CredentialState<Secret>;
using Step = TokenState::Step;

constexpr TimePoint t0{1h};

ScriptedAnswer token(std::string const& text, std::string const& life = "3600") {
  return ScriptedAnswer::json(
      200, R"({"token_type":"Bearer","access_token":")" + text + R"(","expires_in":)" + life + "}");
}

struct Tokens : lowart::testing::CredentialGiver {
  AccessToken token;

  explicit Tokens(std::vector<ScriptedAnswer> answers)
      : CredentialGiver(std::move(answers)), token(net::AnyTransport(server), grant()) {}
  static TokenGrant grant() {
    return entra_grant(
        "azure", EntraCredentials{.tenant = "my tenant", .client_id = "app", .client_secret = Secret("s&t")});
  }
  static Task<Result<std::string>> authorize(AccessToken token, Call& call) {
    net::HttpRequest http("GET", "/");
    Result<void> const done = co_await token.authorize(call, http);
    if (!done) co_return fail(done.error());
    if (http.fields().size() != 1) co_return fail(Errc::internal, "not one field");
    co_return std::string(http.fields()[0].first).append(": ").append(http.fields()[0].second);
  }
  Running<Result<std::string>> begin(Call& call) { return start(loop.io, authorize(token, call)); }
  Result<std::string> get() { return loop.run(authorize(token, call())); }
};

// --- the decisions ----------------------------------------------------------------------------------------

TEST(CredentialState, LetsOneFetchAndTheOthersWait) {
  TokenState state;
  EXPECT_EQ(state.next(t0), Step::fetch);
  EXPECT_EQ(state.next(t0), Step::wait);
  state.failed(t0);
  EXPECT_EQ(state.next(t0), Step::fetch);
  state.landed(Secret("a"), t0, 100s);
  EXPECT_EQ(state.next(t0), Step::use);
  EXPECT_EQ(state.held()->reveal(), "a");
}

TEST(CredentialState, RefreshesInTheLastFifthAndUsesTheOldOneMeanwhile) {
  TokenState state;
  EXPECT_EQ(state.next(t0), Step::fetch);
  state.landed(Secret("a"), t0, 100s);
  EXPECT_EQ(state.next(t0 + 79s), Step::use);
  EXPECT_EQ(state.next(t0 + 80s), Step::refresh);
  EXPECT_EQ(state.next(t0 + 81s), Step::use);
  state.failed(t0 + 82s);
  EXPECT_EQ(state.next(t0 + 86s), Step::use) << "not again at once";
  EXPECT_EQ(state.next(t0 + 87s), Step::refresh);
  EXPECT_EQ(state.next(t0 + 95s), Step::wait) << "its time is over";
}

TEST(CredentialState, RefreshesALongOneFiveMinutesAhead) {
  TokenState state;
  state.landed(Secret("a"), t0, 24h);
  EXPECT_EQ(state.next(t0 + 23h + 54min), Step::use);
  EXPECT_EQ(state.next(t0 + 23h + 55min), Step::refresh);
  EXPECT_FALSE(state.next(t0 + 24h - 10s) == Step::use);
}

TEST(CredentialState, DropsWhatWasRefusedButNoneThatIsNew) {
  TokenState state;
  state.landed(Secret("a"), t0, 1h);
  auto const is_a = [](Secret const& held) { return held.reveal() == "a"; };
  EXPECT_FALSE(state.refused(is_a, t0 - 1s, t0 + 10s)) << "fetched for this very call";
  EXPECT_FALSE(state.refused(is_a, t0 + 1s, t0 + 1s)) << "a moment ago";
  EXPECT_EQ(state.next(t0 + 5s), Step::use);
  EXPECT_TRUE(state.refused(is_a, t0 + 5s, t0 + 6s));
  EXPECT_EQ(state.next(t0 + 6s), Step::fetch);
  EXPECT_TRUE(state.refused(is_a, t0 + 5s, t0 + 6s)) << "another call's affair already";
}

// --- fetching -----------------------------------------------------------------------------------------------

TEST(AccessTokens, AreAskedForAsTheGrantSays) {
  Tokens tokens({token("t-1")});
  auto const got = tokens.get();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(*got, "authorization: Bearer t-1");
  auto const& sent = tokens.server.requests().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.path, "/my%20tenant/oauth2/v2.0/token");
  EXPECT_EQ(sent.field("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(sent.body,
            "grant_type=client_credentials&client_id=app&client_secret=s%26t&"
            "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default");
}

TEST(AccessTokens, AreFetchedOnceForManyCalls) {
  std::vector<ScriptedAnswer> answers;
  answers.push_back(token("t-1").after(1s));
  Tokens tokens(std::move(answers));
  lowart::testing::expect_one_fetch_for_many(
      tokens, [&] { return tokens.begin(tokens.call()); }, "authorization: Bearer t-1");
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  EXPECT_EQ(tokens.asked(), 1U);
}

TEST(AccessTokens, AreRefreshedAheadWithoutAWait) {
  std::vector<ScriptedAnswer> answers;
  answers.push_back(token("t-1", "\"100\""));
  answers.push_back(token("t-2", "100").after(2s));
  Tokens tokens(std::move(answers));
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  tokens.loop.pass(85s);
  TimePoint const before = tokens.loop.clock.now();
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  EXPECT_EQ(tokens.loop.clock.now(), before) << "waited";
  EXPECT_EQ(tokens.asked(), 2U);
  tokens.loop.pass(3s);
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-2");
  EXPECT_EQ(tokens.asked(), 2U);
}

TEST(AccessTokens, AreFetchedAnewWhenTheirTimeIsOver) {
  Tokens tokens({token("t-1", "100"), token("t-2")});
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  tokens.loop.pass(2min);
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-2");
}

TEST(AccessTokens, OutliveARefreshThatFails) {
  Tokens tokens({token("t-1", "100"), ScriptedAnswer::json(503, "{}"), token("t-2")});
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  tokens.loop.pass(85s);
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  tokens.loop.settle();
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  EXPECT_EQ(tokens.asked(), 2U);
}

TEST(AccessTokens, AreFetchedByTheNextWhenTheFirstLeaves) {
  Tokens tokens({ScriptedAnswer::stall(), token("t-2")});
  Call& first = tokens.call();
  auto leaving = tokens.begin(first);
  auto staying = tokens.begin(tokens.call());
  tokens.loop.pass(1s);
  EXPECT_EQ(tokens.asked(), 1U);
  first.cancel();
  tokens.loop.pass(1s);
  ASSERT_TRUE(leaving.done() && staying.done());
  auto const left = leaving.take();
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code(), Errc::cancelled);
  EXPECT_EQ(staying.take().value_or(""), "authorization: Bearer t-2");
}

TEST(AccessTokens, EndARefreshWithTheCallThatBeganIt) {
  Tokens tokens({token("t-1", "100"), ScriptedAnswer::stall(), token("t-3")});
  EXPECT_TRUE(tokens.get());
  tokens.loop.pass(85s);
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  EXPECT_EQ(tokens.asked(), 2U);
  tokens.calls.pop_back();
  tokens.loop.settle();
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-1");
  tokens.loop.settle();
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-3");
}

// --- failing ------------------------------------------------------------------------------------------------

TEST(AccessTokenErrors, SayWhatTheServerRefusedAndWhatToDo) {
  Tokens tokens({ScriptedAnswer::json(
      401,
      R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret","error_codes":[7000215]})")});
  auto const got = tokens.get();
  ASSERT_FALSE(got);
  Error const& error = got.error();
  EXPECT_EQ(error.code(), Errc::upstream_auth);
  EXPECT_EQ(error.message(),
            "no access token for 'azure': the token server refused (status 401, invalid_client 7000215): "
            "check tenant, "
            "client_id and client_secret, and whether the secret has expired");
  EXPECT_EQ(error.upstream_message(), "AADSTS7000215: Invalid client secret");
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(error.sent(), Sent::nothing);
}

TEST(AccessTokenErrors, AreSharedByAllWhoWaited) {
  std::vector<ScriptedAnswer> answers;
  answers.push_back(ScriptedAnswer::json(503, "busy").after(1s));
  answers.push_back(token("t-2"));
  Tokens tokens(std::move(answers));
  auto a = tokens.begin(tokens.call());
  auto b = tokens.begin(tokens.call());
  tokens.loop.pass(2s);
  ASSERT_TRUE(a.done() && b.done());
  for (auto const& got : {a.take(), b.take()}) {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::upstream_failed);
    EXPECT_TRUE(got.error().retryable());
  }
  EXPECT_EQ(tokens.get().value_or(""), "authorization: Bearer t-2");
}

TEST(AccessTokenErrors, TellAServerThatIsSlowDownOrTalksNonsense) {
  Tokens slow({ScriptedAnswer::stall()});
  auto const late = slow.get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::connect_timeout);
  EXPECT_EQ(late.error().message(), "no access token for 'azure': the token server did not answer in time");
  EXPECT_TRUE(late.error().retryable());

  Tokens down({ScriptedAnswer::fail(Error(Errc::connect_failed, "nobody listens", Origin::upstream))});
  auto const refused = down.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::connect_failed);
  EXPECT_EQ(refused.error().message(),
            "no access token for 'azure': the token server could not be asked: nobody listens");

  for (std::string const body :
       {"<html>", "{}", R"({"access_token":""})", R"({"access_token":"a\r\nb"})",
        R"({"access_token":"a","expires_in":-5})", R"({"access_token":"a","expires_in":"soon"})"}) {
    Tokens odd({ScriptedAnswer::json(200, body)});
    auto const got = odd.get();
    ASSERT_FALSE(got) << body;
    EXPECT_EQ(got.error().code(), Errc::malformed_reply) << body;
  }
  Tokens endless({ScriptedAnswer::json(200, R"({"access_token":")" + std::string(70'000, 'x') + R"("})")});
  EXPECT_FALSE(endless.get());
}

TEST(AccessTokenErrors, TellAClockOfTheCallThatRingsFirst) {
  Tokens tokens({ScriptedAnswer::stall()});
  Call& call = tokens.call();
  auto waiting = tokens.begin(call);
  tokens.loop.pass(1s);
  call.interrupt(Errc::first_token_timeout);
  tokens.loop.pass(1s);
  ASSERT_TRUE(waiting.done());
  auto const got = waiting.take();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::first_token_timeout);
  EXPECT_EQ(got.error().sent(), Sent::nothing);
}

TEST(AccessTokenErrors, BecomeOnesToRetryAfterWhereTheTokenWasOld) {
  Tokens tokens({token("t-1")});
  EXPECT_TRUE(tokens.get());
  tokens.loop.pass(1min);
  Call& call = tokens.call();
  auto const refusal = Error(Errc::upstream_auth, "no", Origin::upstream).with_upstream_status(401);
  net::HttpRequest http("GET", "/");
  http.field("authorization", "Bearer t-1");
  EXPECT_EQ(tokens.token.after(Error(refusal).with_upstream_status(403), call, http).code(),
            Errc::upstream_auth);
  Error const again = tokens.token.after(refusal, call, http);
  EXPECT_EQ(again.code(), Errc::upstream_failed);
  EXPECT_TRUE(again.retryable());
}

}  // namespace
}  // namespace lowart::access_token_test
