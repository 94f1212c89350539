// Answers of Converse and ConverseStream: read along, decoded, and their errors.

#include <lowart/dialect/bedrock_reader.hpp>
#include <lowart/dialect/bedrock_reply_decode.hpp>
#include <lowart/dialect/completion_builder.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "aws_message.hpp"

#include <gtest/gtest.h>

#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::bedrock_reply_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::testing;

std::string const beginning = aws_event_message("messageStart", R"({"p":"abc","role":"assistant"})");
std::string delta(std::string const& what, int block = 0) {
  return aws_event_message("contentBlockDelta", R"({"contentBlockIndex":)" + std::to_string(block) +
                                                    R"(,"delta":)" + what + R"(,"p":"abcdefgh"})");
}
std::string const stop_block = aws_event_message("contentBlockStop", R"({"contentBlockIndex":0})");
std::string ending(std::string const& word = "end_turn") {
  return aws_event_message("messageStop", R"({"stopReason":")" + word + R"("})");
}
std::string const metadata = aws_event_message(
    "metadata",
    R"({"usage":{"inputTokens":4,"outputTokens":50,"totalTokens":18185,"cacheReadInputTokens":18000,)"
    R"("cacheWriteInputTokens":131},"metrics":{"latencyMs":7}})");

/// A thought with its proof, a hidden one, a text, a call in pieces and one without arguments.
std::string const full =
    beginning + delta(R"({"reasoningContent":{"text":"Let me "}})") +
    delta(R"({"reasoningContent":{"text":"think"}})") +
    delta(R"({"reasoningContent":{"signature":"EqQB"}})") + stop_block +
    delta(R"({"reasoningContent":{"redactedContent":"c2VjcmV0"}})", 1) + stop_block +
    delta(R"({"text":"Hel"})", 2) + delta(R"({"text":""})", 2) + delta(R"({"text":"lo\n\u00e9"})", 2) +
    stop_block +
    aws_event_message("contentBlockStart",
                      R"({"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t1","name":"get"}}})") +
    delta(R"({"toolUse":{"input":""}})", 3) + delta(R"({"toolUse":{"input":"{\"a\":"}})", 3) +
    delta(R"({"toolUse":{"input":"1}"}})", 3) + stop_block +
    aws_event_message("contentBlockStart",
                      R"({"contentBlockIndex":4,"start":{"toolUse":{"toolUseId":"t2","name":"now"}}})") +
    stop_block + ending("tool_use") + metadata;

std::string const full_whole =
    R"({"metrics":{"latencyMs":1},"output":{"message":{"role":"assistant","content":[)"
    R"({"reasoningContent":{"reasoningText":{"text":"Let me think","signature":"EqQB"}}},)"
    R"({"reasoningContent":{"redactedContent":"c2VjcmV0"}},{"text":"Hello\n\u00e9"},)"
    R"({"toolUse":{"toolUseId":"t1","name":"get","input":{"a":1}}},)"
    R"({"toolUse":{"toolUseId":"t2","name":"now","input":{}}}]}},"stopReason":"tool_use",)"
    R"("usage":{"inputTokens":4,"outputTokens":50,"totalTokens":18185,"cacheReadInputTokens":18000,)"
    R"("cacheWriteInputTokens":131,"serverToolUsage":{}}})";

void expect_full(ChatDelta const& whole) {
  EXPECT_EQ(whole.dialect, Dialect::bedrock);
  ASSERT_EQ(whole.choices.size(), 1U);
  ChoiceDelta const& choice = whole.choices[0];
  EXPECT_EQ(choice.role, Role::assistant);
  EXPECT_EQ(choice.finish, FinishReason::tool_calls);
  ASSERT_EQ(choice.pieces.size(), 5U);
  EXPECT_EQ(choice.pieces[0].kind, PartKind::reasoning);
  EXPECT_EQ(choice.pieces[0].text, "Let me think");
  EXPECT_EQ(choice.pieces[0].signature, (Signature{Dialect::bedrock, "EqQB"}));
  EXPECT_TRUE(choice.pieces[1].redacted);
  EXPECT_EQ(choice.pieces[1].signature, (Signature{Dialect::bedrock, "c2VjcmV0"}));
  EXPECT_EQ(choice.pieces[2].text, "Hello\n\xC3\xA9");
  EXPECT_EQ(choice.pieces[3].call, (ToolCall{"t1", "get", "{\"a\":1}"}));
  EXPECT_EQ(choice.pieces[4].call, (ToolCall{"t2", "now", "{}"}));
  ASSERT_TRUE(whole.usage);
  EXPECT_EQ(whole.usage->get(UsageClass::input), 4);
  EXPECT_EQ(whole.usage->get(UsageClass::output), 50);
  EXPECT_EQ(whole.usage->get(UsageClass::cache_read), 18000);
  EXPECT_EQ(whole.usage->get(UsageClass::cache_write), 131);
  EXPECT_EQ(whole.usage->get(UsageClass::reasoning), std::nullopt);
  EXPECT_EQ(whole.usage->total(), 18185);
}

ReplyProgress no_progress() { return ReplyProgress(std::pmr::get_default_resource()); }

/// Reads along until the end or the first error.
struct Along {
  BedrockReader reader;
  ReplyProgress progress = no_progress();
  Result<void> result;
  explicit Along(std::string const& stream) { result = reader.feed(stream, progress); }
};

TEST(BedrockReply, AStreamAndAWholeAnswerSayTheSame) {
  feed_every_split(full, [](auto const& pieces) {
    BedrockStreamDecoder decoder;
    std::vector<ChatDelta> steps;
    for (auto const& piece : pieces) ASSERT_TRUE(decoder.decode(piece, false, steps));
    ASSERT_TRUE(steps.back().usage && steps.back().choices.empty())
        << "usage comes behind the end of the choice";
    CompletionBuilder builder;
    for (ChatDelta& step : steps) builder.add(std::move(step));
    ASSERT_NO_FATAL_FAILURE(expect_full(builder.whole()));
  });
  auto const whole = decode_bedrock_reply(full_whole);
  ASSERT_TRUE(whole) << whole.error().message();
  expect_full(*whole);
}

TEST(BedrockReply, IsReadAlongHoweverItIsCut) {
  feed_every_split(full, [](auto const& pieces) {
    BedrockReader reader;
    auto progress = no_progress();
    std::size_t good = 0, given = 0, size = 0;
    for (auto const& piece : pieces) {
      ASSERT_TRUE(reader.feed(piece, progress));
      size = piece.view().size();
      good = given + reader.good_bytes();
      given += size;
    }
    EXPECT_EQ(good, full.size());
    EXPECT_TRUE(reader.done() && reader.committed() && reader.may_end());
    EXPECT_EQ(progress.text, "Let me thinkHello\n\xC3\xA9get{\"a\":1}now");
    EXPECT_EQ(progress.usage.get(UsageClass::cache_write), 131);
    EXPECT_EQ(progress.finish, FinishReason::tool_calls);
  });
}

TEST(BedrockReply, BeginsWithItsFirstContent) {
  EXPECT_FALSE(Along(beginning).reader.committed());
  EXPECT_FALSE(Along(beginning + delta(R"({"text":""})")).reader.committed());
  EXPECT_TRUE(Along(beginning + delta(R"({"text":"a"})")).reader.committed());
  EXPECT_TRUE(Along(beginning + delta(R"({"reasoningContent":{"text":"a"}})")).reader.committed());
  EXPECT_TRUE(Along(beginning + delta(R"({"reasoningContent":{"redactedContent":"a"}})")).reader.committed());
  EXPECT_TRUE(
      Along(beginning + aws_event_message("contentBlockStart", R"({"start":{"toolUse":{"name":"f"}}})"))
          .reader.committed());
  EXPECT_TRUE(Along(beginning + ending()).reader.committed());
}

TEST(BedrockReply, IsCompleteWithItsStopReasonAndWaitsForTheUsageBehindIt) {
  std::string const said = beginning + delta(R"({"text":"a"})");
  EXPECT_FALSE(Along(said).reader.may_end());
  EXPECT_FALSE(Along(said + metadata).reader.may_end()) << "usage alone is no end";
  Along const stopped(said + ending("max_tokens"));
  EXPECT_TRUE(stopped.reader.may_end());
  EXPECT_FALSE(stopped.reader.done());
  EXPECT_TRUE(stopped.progress.usage.empty());
  EXPECT_EQ(stopped.progress.finish, FinishReason::length);
  EXPECT_TRUE(Along(said + ending() + metadata).reader.done());
  EXPECT_FALSE(Along(said + ending() + metadata.substr(0, 9)).reader.may_end());
}

TEST(BedrockReply, GathersTheTextOfAWholeAnswerOnlyWithoutUsage) {
  BedrockReader told, untold;
  auto progress = no_progress();
  ASSERT_TRUE(told.whole(full_whole, progress));
  EXPECT_TRUE(told.done() && told.committed());
  EXPECT_EQ(progress.text, "");
  EXPECT_EQ(progress.usage.total(), 18185);
  auto counted = no_progress();
  ASSERT_TRUE(untold.whole(full_whole.substr(0, full_whole.find(R"(,"usage")")) + "}", counted));
  EXPECT_EQ(counted.text, "Let me thinkHello\n\xC3\xA9get{\"a\":1}now{}");
}

TEST(BedrockReply, NamesWhyItEnded) {
  EXPECT_EQ(bedrock_finish_reason("end_turn"), FinishReason::stop);
  EXPECT_EQ(bedrock_finish_reason("stop_sequence"), FinishReason::stop);
  EXPECT_EQ(bedrock_finish_reason("max_tokens"), FinishReason::length);
  EXPECT_EQ(bedrock_finish_reason("model_context_window_exceeded"), FinishReason::length);
  EXPECT_EQ(bedrock_finish_reason("tool_use"), FinishReason::tool_calls);
  EXPECT_EQ(bedrock_finish_reason("guardrail_intervened"), FinishReason::content_filter);
  EXPECT_EQ(bedrock_finish_reason("content_filtered"), FinishReason::content_filter);
  EXPECT_EQ(bedrock_finish_reason("malformed_tool_use"), FinishReason::other);
  EXPECT_EQ(bedrock_finish_reason(""), FinishReason::none);
}

TEST(BedrockReply, ReadsCitationsAndImagesAndLeavesTheProvidersOwnCallsOut) {
  auto const whole = decode_bedrock_reply(
      R"({"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"So it is."}],"citations":)"
      R"([{"title":"T","location":{"web":{"url":"https://a.b/c"}},"sourceContent":[{"text":"q"}]}]}},)"
      R"({"toolUse":{"toolUseId":"s","name":"n","type":"server_tool_use","input":{}}},)"
      R"({"image":{"format":"png","source":{"bytes":"AAAA"}}}]}},"stopReason":"end_turn"})");
  ASSERT_TRUE(whole);
  auto const& pieces = whole->choices.at(0).pieces;
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].text, "So it is.");
  ASSERT_EQ(pieces[0].citations.size(), 1U);
  EXPECT_EQ(pieces[0].citations[0].url, "https://a.b/c");
  EXPECT_EQ(pieces[0].citations[0].quote, "q");
  EXPECT_EQ(pieces[1].data, "data:image/png;base64,AAAA");
}

// --- failures ---------------------------------------------------------------------------------------------------------

TEST(BedrockReply, FailsWithTheCauseThatAnExceptionNames) {
  struct Case {
    std::string_view type;
    Errc code;
    bool retryable;
  };
  for (Case const& c : {Case{"throttlingException", Errc::rate_limited, true},
                        Case{"validationException", Errc::upstream_rejected, false},
                        Case{"modelStreamErrorException", Errc::upstream_failed, true},
                        Case{"internalServerException", Errc::upstream_failed, true},
                        Case{"serviceUnavailableException", Errc::upstream_failed, true},
                        Case{"accessDeniedException", Errc::upstream_auth, false},
                        Case{"ofTomorrow", Errc::upstream_failed, true}}) {
    std::string const good = beginning + delta(R"({"text":"a"})");
    std::string const bytes = good + aws_exception(c.type, R"({"message":"says AWS"})") + ending();
    Along along(bytes);
    ASSERT_FALSE(along.result) << c.type;
    Error const& error = along.result.error();
    EXPECT_EQ(error.code(), c.code) << c.type;
    EXPECT_EQ(error.retryable(), c.retryable) << c.type;
    EXPECT_EQ(error.upstream_message(), "says AWS");
    EXPECT_EQ(along.reader.good_bytes(), good.size());
    BedrockStreamDecoder decoder;
    std::vector<ChatDelta> steps;
    auto const decoded = decoder.decode(bytes, false, steps);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code(), c.code);
    EXPECT_EQ(steps.size(), 2U);
  }
  Along const along(aws_error("internalServerException", "the words"));
  ASSERT_FALSE(along.result);
  EXPECT_EQ(along.result.error().code(), Errc::upstream_failed);
  EXPECT_EQ(along.result.error().upstream_message(), "the words");
}

TEST(BedrockReply, BytesThatAreNoMessageAreAMalformedReply) {
  std::string broken = delta(R"({"text":"a"})");
  broken[broken.size() - 9] = 'X';
  for (std::string const& bytes :
       {beginning + broken, std::string("data: {}\n\n  "), aws_event_message("contentBlockDelta", "{")}) {
    Along along(bytes);
    ASSERT_FALSE(along.result);
    EXPECT_EQ(along.result.error().code(), Errc::malformed_reply);
    EXPECT_FALSE(along.reader.may_end());
  }
  BedrockReader reader;
  auto progress = no_progress();
  for (std::string_view const body :
       {"", "[]", "{}", R"({"output":{"message":{}}})", R"({"message":"no"})"}) {
    BedrockReader one;
    EXPECT_EQ(one.whole(body, progress).error().code(), Errc::malformed_reply) << body;
    EXPECT_EQ(decode_bedrock_reply(body).error().code(), Errc::malformed_reply) << body;
  }
}

Error refused(int status, std::string_view type, std::string_view body = R"({"message":"says AWS"})",
              std::string_view retry_after = {}) {
  auto const header = [&](std::string_view name) {
    return name == "x-amzn-errortype" ? type : name == "retry-after" ? retry_after : std::string_view();
  };
  return from_bedrock_error(status, body, header, 0);
}

TEST(BedrockError, NamesWhoseFaultItIs) {
  Error const invalid =
      refused(400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/");
  EXPECT_EQ(invalid.code(), Errc::upstream_rejected);
  EXPECT_EQ(invalid.upstream_message(), "says AWS");
  EXPECT_EQ(invalid.upstream_status(), 400);
  Error const throttled = refused(429, "ThrottlingException", R"({"message":"m"})", "3");
  EXPECT_EQ(throttled.code(), Errc::rate_limited);
  EXPECT_EQ(throttled.retry_after(), std::chrono::seconds(3));
  EXPECT_EQ(refused(429, "ModelNotReadyException").code(), Errc::rate_limited);
  EXPECT_EQ(refused(424, "ModelErrorException").code(), Errc::upstream_failed);
  EXPECT_EQ(refused(408, "ModelTimeoutException").code(), Errc::upstream_failed);
  EXPECT_EQ(refused(400, "ServiceQuotaExceededException").code(), Errc::quota_exceeded);
  EXPECT_EQ(refused(404, "ResourceNotFoundException").code(), Errc::upstream_rejected);
  EXPECT_EQ(refused(503, "").code(), Errc::upstream_failed);
  EXPECT_EQ(refused(500, "", "<html>").upstream_message(), "<html>");
}

TEST(BedrockError, SaysWhichCredentialIsWrongAndWhatToChange) {
  auto const expect = [](std::string_view type, std::string_view word) {
    Error const error = refused(403, type, R"({"Message":"says AWS"})");
    EXPECT_EQ(error.code(), Errc::upstream_auth) << type;
    EXPECT_FALSE(error.retryable()) << type;
    EXPECT_NE(std::string(error.message()).find(word), std::string::npos) << error.message();
    EXPECT_EQ(error.upstream_message(), "says AWS");
  };
  expect("ExpiredTokenException", "'session_token'");
  expect("UnrecognizedClientException", "'access_key_id'");
  expect("InvalidSignatureException", "'secret_access_key'");
  expect("AccessDeniedException", "'region'");
  expect("MissingAuthenticationTokenException", "'api_key'");
  expect("SomethingElse", "credentials");
  EXPECT_EQ(refused(400, "ExpiredTokenException").code(), Errc::upstream_auth) << "whatever its status";
}

}  // namespace
}  // namespace lowart::bedrock_reply_test
