// Bedrock as a provider: where requests go, how they are signed, what becomes of answers.

#include <lowart/provider/bedrock.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "../dialect/aws_message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::bedrock_test {
namespace {

using namespace lowart::testing;

/// One provider over a script, one call. Declared in the order in which they must go.
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Bedrock<ScriptedTransport> provider;
  Result<ChatReply> reply = fail(Errc::internal, "not asked");

  explicit Asked(ScriptedAnswer answer, BedrockOptions options = with_keys())
      : transport(std::vector<ScriptedAnswer>{std::move(answer)}), provider(transport, std::move(options)) {}
  static BedrockOptions with_keys() {
    BedrockOptions options;
    options.region = "eu-central-1";
    options.access_key_id = "AKIDEXAMPLE";
    options.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    return options;
  }
  Result<ChatReply>& ask(bool stream = false) {
    Conversation conversation;
    conversation.stream = stream;
    ChatRequest request("eu.anthropic.claude-x-v1:0", std::move(conversation));
    request.add(Role::user, "Hi");
    reply = loop.run(provider(request, call));
    return reply;
  }
  Result<Answer> collected() { return loop.run(collect(*reply, call)); }
  RecordedRequest const& sent() const { return transport.requests().at(0); }
};

std::string const answer =
    R"({"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"end_turn",)"
    R"("usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4}})";
std::string const said = aws_event_message("messageStart", R"({"role":"assistant"})") +
                         aws_event_message("contentBlockDelta", R"({"delta":{"text":"Hello"}})");
std::string const ending =
    aws_event_message("messageStop", R"({"stopReason":"end_turn"})") +
    aws_event_message("metadata", R"({"usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4}})");

ScriptedAnswer binary(std::string bytes) {
  return ScriptedAnswer(200)
      .field("content-type", "application/vnd.amazon.eventstream")
      .piece(std::move(bytes));
}

TEST(Bedrock, SignsWhatItSendsWithTheTimeOfTheCallsClock) {
  Asked asked(ScriptedAnswer::json(200, answer));
  ASSERT_TRUE(asked.ask()) << asked.reply.error().message();
  EXPECT_EQ(asked.sent().path, "/model/eu.anthropic.claude-x-v1%3A0/converse");
  EXPECT_EQ(asked.sent().body, R"({"messages":[{"role":"user","content":[{"text":"Hi"}]}]})");
  EXPECT_EQ(asked.sent().field("x-amz-date"), "20260101T000000Z");
  std::string_view const authorization = asked.sent().field("authorization");
  EXPECT_TRUE(
      authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-central-1/bedrock/"
                                "aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="))
      << authorization;
  EXPECT_TRUE(authorization.ends_with("62d66fe52bc02172168c5d9d252018f05de05720a1ada6edb7dc8447e6e61980"))
      << "as another implementation signs it: " << authorization;
  auto const collected = asked.collected();
  ASSERT_TRUE(collected);
  EXPECT_EQ(collected->text(), "Hello");
  EXPECT_EQ(asked.reply->progress().usage.output_total(), 1);
}

TEST(Bedrock, SendsAnApiKeyInsteadOfASignature) {
  BedrockOptions options;
  options.api_key = Secret("bedrock-api-key");
  Asked asked(ScriptedAnswer::json(200, answer), std::move(options));
  ASSERT_TRUE(asked.ask());
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer bedrock-api-key");
  EXPECT_EQ(asked.sent().field("x-amz-date"), "");
}

TEST(Bedrock, StreamsAndWaitsForTheUsageBehindTheEnd) {
  Asked asked(binary(said + ending));
  ASSERT_TRUE(asked.ask(true)) << asked.reply.error().message();
  EXPECT_EQ(asked.sent().path, "/model/eu.anthropic.claude-x-v1%3A0/converse-stream");
  EXPECT_EQ(asked.sent().field("accept"), "application/vnd.amazon.eventstream");
  EXPECT_TRUE(asked.reply->head().streamed);
  auto const collected = asked.collected();
  ASSERT_TRUE(collected) << collected.error().message();
  EXPECT_EQ(collected->text(), "Hello");
  EXPECT_EQ(asked.reply->progress().usage.input_total(), 3);
}

TEST(Bedrock, FailsBeforeItsFirstContentAndTellsLaterFaultsWithinTheReply) {
  Asked before(binary(aws_exception("throttlingException", R"({"message":"slow"})")));
  EXPECT_EQ(before.ask(true).error().code(), Errc::rate_limited);
  Asked cut(binary(said));
  ASSERT_TRUE(cut.ask(true));
  EXPECT_EQ(cut.collected().error().code(), Errc::connection_lost);
  std::string broken = ending;
  broken[broken.size() - 1] = static_cast<char>(broken.back() ^ 1);
  Asked sums(binary(said + broken));
  ASSERT_TRUE(sums.ask(true));
  EXPECT_EQ(sums.collected().error().code(), Errc::malformed_reply);
}

TEST(Bedrock, SaysWhichCredentialAwsRefuses) {
  Asked asked(ScriptedAnswer(403)
                  .field("x-amzn-errortype", "ExpiredTokenException")
                  .piece(R"({"message":"The security token included in the request is expired"})"));
  Error const error = asked.ask().error();
  EXPECT_EQ(error.code(), Errc::upstream_auth);
  EXPECT_NE(std::string(error.message()).find("'session_token'"), std::string::npos);
}

}  // namespace
}  // namespace lowart::bedrock_test
