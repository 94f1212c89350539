// Keys of AWS that end: how each giver is asked, when they are renewed and dropped, what a giver's failure becomes.

#include <lowart/provider/bedrock.hpp>

#include "credential_giver.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::aws_credentials_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::Running;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::start;
using lowart::testing::TestLoop;

/// The clock of a TestLoop begins on 2026-01-01.
ScriptedAnswer keys(std::string const& id, std::string const& end = "2026-01-01T01:00:00Z") {
  return ScriptedAnswer::json(200, R"({"AccessKeyId":")" + id + R"(","SecretAccessKey":"s","Token":"t-)" +
                                       id + R"(","Expiration":")" + end + R"("})");
}
ScriptedAnswer text(std::string body) {
  return ScriptedAnswer(200).field("content-type", "text/plain").piece(std::move(body));
}
AwsGrant grant(AwsGiver giver) {
  AwsGrant made;
  made.giver = giver;
  made.owner = "aws";
  made.path = "/v2/credentials/x";
  made.role_arn = "arn:aws:iam::1:role/r";
  made.session_name = "lowart";
  made.token = [] { return Result<Secret>(Secret("identity&token")); };
  return made;
}

/// Requests that are signed with keys of one scripted giver.
struct Signed : lowart::testing::CredentialGiver {
  FetchedAwsSigner signer;

  explicit Signed(std::vector<ScriptedAnswer> answers, AwsGrant asks = grant(AwsGiver::container))
      : CredentialGiver(std::move(answers)),
        signer(AwsSigner("https://bedrock.example", "eu-central-1", "bedrock"),
               AwsCredentials(AwsCredentialSource(net::AnyTransport(server), std::move(asks)))) {}
  /// The id of the key that signed, and the session's token.
  static Task<Result<std::string>> authorize(FetchedAwsSigner signer, Call& call) {
    net::HttpRequest http("POST", "/model/m/converse");
    Result<void> const done = co_await signer.authorize(call, http);
    if (!done) co_return fail(done.error());
    std::string_view const value = http_wire::sent_field(http, "authorization");
    std::size_t const at = value.find("Credential=") + 11;
    std::string told(value.substr(at, value.find('/', at) - at));
    co_return told.append(" ").append(http_wire::sent_field(http, "x-amz-security-token"));
  }
  Running<Result<std::string>> begin() { return start(loop.io, authorize(signer, call())); }
  std::string get() {
    auto const got = loop.run(authorize(signer, call()));
    return got ? *got : got.error().message();
  }
  Error failed() {
    auto const got = loop.run(authorize(signer, call()));
    return got ? Error(Errc::internal, "it did not fail") : got.error();
  }
  auto const& sent(std::size_t i) const { return server.requests().at(i); }
};

TEST(AwsCredentials, AreAskedForAtAContainersEndpointWithItsToken) {
  Signed w({keys("ASIA1")});
  EXPECT_EQ(w.get(), "ASIA1 t-ASIA1");
  EXPECT_EQ(w.get(), "ASIA1 t-ASIA1");
  ASSERT_EQ(w.asked(), 1U);
  EXPECT_EQ(w.sent(0).method, "GET");
  EXPECT_EQ(w.sent(0).path, "/v2/credentials/x");
  EXPECT_EQ(w.sent(0).field("authorization"), "identity&token");
  AwsGrant bare = grant(AwsGiver::container);
  bare.token = {};
  Signed without({keys("ASIA1")}, std::move(bare));
  EXPECT_EQ(without.get(), "ASIA1 t-ASIA1");
  EXPECT_EQ(without.sent(0).field("authorization"), "");
}

TEST(AwsCredentials, AreAskedForAtAnInstancesMetadataServiceVersionTwo) {
  Signed w({text("imds-token"), text("my-role\n"), keys("ASIA1")}, grant(AwsGiver::instance));
  EXPECT_EQ(w.get(), "ASIA1 t-ASIA1");
  ASSERT_EQ(w.asked(), 3U);
  EXPECT_EQ(w.sent(0).method, "PUT");
  EXPECT_EQ(w.sent(0).path, "/latest/api/token");
  EXPECT_EQ(w.sent(0).field("x-aws-ec2-metadata-token-ttl-seconds"), "60");
  EXPECT_EQ(w.sent(1).path, "/latest/meta-data/iam/security-credentials/");
  EXPECT_EQ(w.sent(2).path, "/latest/meta-data/iam/security-credentials/my-role");
  for (std::size_t const i : {1U, 2U}) {
    EXPECT_EQ(w.sent(i).method, "GET");
    EXPECT_EQ(w.sent(i).field("x-aws-ec2-metadata-token"), "imds-token");
  }
}

TEST(AwsCredentials, AreAskedForAtStsWithTheTokenOfAnIdentity) {
  Signed w(
      {ScriptedAnswer::json(200, R"({"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":)"
                                 R"({"Credentials":{"AccessKeyId":"ASIA1","SecretAccessKey":"s",)"
                                 R"("SessionToken":"t","Expiration":1767229200}}}})")},
      grant(AwsGiver::web_identity));
  EXPECT_EQ(w.get(), "ASIA1 t");
  EXPECT_EQ(w.sent(0).method, "POST");
  EXPECT_EQ(w.sent(0).path, "/");
  EXPECT_EQ(w.sent(0).field("accept"), "application/json");
  EXPECT_EQ(w.sent(0).body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=lowart&WebIdentityToken=identity%26token");
}

TEST(AwsCredentials, AreFetchedOnceForManyAndRenewedAheadOfTheirEnd) {
  std::vector<ScriptedAnswer> answers;
  answers.push_back(keys("ASIA1").after(1s));
  answers.push_back(keys("ASIA2", "2026-01-01T02:00:00Z").after(1s));
  Signed w(std::move(answers));
  lowart::testing::expect_one_fetch_for_many(w, [&] { return w.begin(); }, "ASIA1 t-ASIA1");
  w.loop.pass(56min);
  EXPECT_EQ(w.get(), "ASIA1 t-ASIA1") << "in use while others are fetched";
  w.loop.pass(2s);
  EXPECT_EQ(w.get(), "ASIA2 t-ASIA2");
  EXPECT_EQ(w.asked(), 2U);
}

TEST(AwsCredentials, AreDroppedOnceWhenAwsSaysThatTheyHaveEnded) {
  Signed w({keys("ASIA1"), keys("ASIA2")});
  EXPECT_EQ(w.get(), "ASIA1 t-ASIA1");
  w.loop.pass(1min);
  auto const refusal = [](std::string_view type) {
    auto const header = [&](std::string_view name) {
      return name == "x-amzn-errortype" ? type : std::string_view();
    };
    return dialect::from_bedrock_error(403, R"({"message":"no"})", header, 0);
  };
  Call& call = w.call();
  net::HttpRequest http("POST", "/");
  http.field("authorization",
             "AWS4-HMAC-SHA256 Credential=ASIA1/20260101/eu-central-1/bedrock/aws4_request, x");
  EXPECT_EQ(w.signer.after(refusal("AccessDeniedException"), call, http).code(), Errc::upstream_auth);
  EXPECT_EQ(w.get(), "ASIA1 t-ASIA1") << "a role that may not is not cured by new keys";
  Error const again = w.signer.after(refusal("ExpiredTokenException"), call, http);
  EXPECT_EQ(again.code(), Errc::upstream_failed);
  EXPECT_TRUE(again.retryable());
  EXPECT_EQ(w.get(), "ASIA2 t-ASIA2");
  net::HttpRequest second("POST", "/");
  second.field("authorization",
               "AWS4-HMAC-SHA256 Credential=ASIA2/20260101/eu-central-1/bedrock/aws4_request, x");
  Error const fresh = w.signer.after(refusal("ExpiredTokenException"), w.calls.back(), second);
  EXPECT_EQ(fresh.code(), Errc::upstream_auth);
  EXPECT_FALSE(fresh.retryable());
  EXPECT_TRUE(fresh.message().starts_with(
      "AWS does not accept the credentials that the container's endpoint has just "
      "given: check that"))
      << fresh.message();
}

TEST(AwsCredentialErrors, SayWhoRefusedWithWhichCodeAndWhatToCheck) {
  Signed sts({ScriptedAnswer::json(403, R"({"Error":{"Code":"AccessDenied","Message":"Not authorized"}})")},
             grant(AwsGiver::web_identity));
  Error const denied = sts.failed();
  EXPECT_EQ(denied.code(), Errc::upstream_auth);
  EXPECT_EQ(denied.sent(), Sent::nothing);
  EXPECT_EQ(denied.message(),
            "no credentials of AWS for 'aws': the Security Token Service refused (status 403, AccessDenied): "
            "check the "
            "role, that its trust policy names the identity provider, and the file with the token");
  EXPECT_EQ(denied.upstream_message(), "Not authorized");
  Signed without_role({text("imds-token"), ScriptedAnswer(404).piece("<html>")}, grant(AwsGiver::instance));
  EXPECT_EQ(
      without_role.get(),
      "no credentials of AWS for 'aws': the instance's metadata service refused (status 404): check that the "
      "instance has a role and its metadata service is on");
  Signed busy({ScriptedAnswer::json(503, "{}")});
  EXPECT_TRUE(busy.failed().retryable());
}

TEST(AwsCredentialErrors, TellAGiverThatIsSlowDownOrTalksNonsense) {
  Signed slow({ScriptedAnswer::stall()}, grant(AwsGiver::instance));
  EXPECT_EQ(slow.get(),
            "no credentials of AWS for 'aws': the instance's metadata service did not answer in time");
  Signed down({ScriptedAnswer::fail(Error(Errc::connect_failed, "nobody listens", Origin::upstream))});
  EXPECT_EQ(down.get(),
            "no credentials of AWS for 'aws': the container's endpoint could not be asked: nobody listens");
  Signed ended({keys("ASIA1", "2025-12-31T00:00:00Z")});
  EXPECT_EQ(ended.get(),
            "no credentials of AWS for 'aws': the container's endpoint sent an answer that is none: its "
            "credentials "
            "have ended already; check this machine's clock");
  for (std::string const token : {"", "a b", "a\r\nb"}) {
    Signed odd({text(token)}, grant(AwsGiver::instance));
    EXPECT_EQ(odd.failed().code(), Errc::malformed_reply) << token;
  }
  for (std::string const role : {"", "../x", "a b", "\n"}) {
    Signed odd({text("imds-token"), text(role)}, grant(AwsGiver::instance));
    EXPECT_EQ(odd.failed().code(), Errc::malformed_reply) << role;
  }
}

TEST(AwsCredentialErrors, TellAFileOfATokenThatCannotBeRead) {
  AwsGrant gone = grant(AwsGiver::web_identity);
  gone.token = [] { return Result<Secret>(fail(Errc::upstream_auth, "cannot read '/nowhere'")); };
  Signed w({}, std::move(gone));
  EXPECT_EQ(w.get(), "cannot read '/nowhere'");
}

TEST(AwsCredentials, SignABedrocksRequests) {
  TestLoop loop;
  ScriptedTransport giver(std::vector<ScriptedAnswer>{keys("ASIA1")});
  ScriptedTransport transport(std::vector<ScriptedAnswer>{ScriptedAnswer::json(
      200,
      R"({"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"end_turn",)"
      R"("usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4}})")});
  BedrockOptions options;
  options.credentials =
      AwsCredentials(AwsCredentialSource(net::AnyTransport(giver), grant(AwsGiver::container)));
  Bedrock<ScriptedTransport> provider(transport, std::move(options));
  Call call = loop.call();
  ChatRequest request("m", Conversation{});
  request.add(Role::user, "Hi");
  Result<ChatReply> const reply = loop.run(provider(request, call));
  ASSERT_TRUE(reply) << reply.error().message();
  auto const& sent = transport.requests().at(0);
  EXPECT_EQ(sent.field("x-amz-security-token"), "t-ASIA1");
  EXPECT_NE(std::string(sent.field("authorization")).find("Credential=ASIA1/20260101/us-east-1/bedrock/"),
            std::string::npos);
}

}  // namespace
}  // namespace lowart::aws_credentials_test
