#include <lowart/dialect/gemini_array.hpp>
#include <lowart/dialect/gemini_count.hpp>
#include <lowart/dialect/gemini_error_reading.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace lowart::gemini_error_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

auto const no_headers = [](std::string_view) { return std::string_view(); };

TEST(GeminiError, IsWrittenInGooglesEnvelope) {
  Error error(Errc::rate_limited, "slow down", Origin::gateway);
  std::move(error).with_retry_after(std::chrono::milliseconds(17'250)).with_param("contents");
  ErrorReply const reply = to_gemini_error(error);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.retry_after, "18");
  EXPECT_EQ(json::parse(reply.body),
            json::parse(R"({"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED",
      "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMITED","domain":"lowart"},
        {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents","description":"slow down"}]},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17.250s"}]}})"));
}

TEST(GeminiError, HasAStatusWordForEveryCode) {
  struct Case {
    Errc code;
    Origin origin;
    int status;
    std::string_view word;
  };
  for (auto const& c : std::vector<Case>{{Errc::invalid_request, Origin::client, 400, "INVALID_ARGUMENT"},
                                         {Errc::unauthenticated, Origin::client, 401, "UNAUTHENTICATED"},
                                         {Errc::permission_denied, Origin::client, 403, "PERMISSION_DENIED"},
                                         {Errc::not_found, Origin::client, 404, "NOT_FOUND"},
                                         {Errc::too_large, Origin::client, 413, "INVALID_ARGUMENT"},
                                         {Errc::quota_exceeded, Origin::gateway, 429, "RESOURCE_EXHAUSTED"},
                                         {Errc::internal, Origin::gateway, 500, "INTERNAL"},
                                         {Errc::upstream_failed, Origin::upstream, 502, "UNAVAILABLE"},
                                         {Errc::overloaded, Origin::gateway, 503, "UNAVAILABLE"},
                                         {Errc::client_deadline, Origin::client, 504, "DEADLINE_EXCEEDED"},
                                         {Errc::whole_timeout, Origin::upstream, 504, "DEADLINE_EXCEEDED"}}) {
    ErrorReply const reply = to_gemini_error(Error(c.code, "x", c.origin));
    EXPECT_EQ(reply.status, c.status);
    EXPECT_EQ(json::parse(reply.body).at("error").at("status").as_string(), c.word);
    EXPECT_EQ(json::parse(reply.body).at("error").at("code"), c.status);
  }
}

TEST(GeminiError, PassesOnTheProvidersOwnRefusalOnly) {
  std::string const body =
      R"({ "error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT", "details": []}})";
  Error const rejected = from_gemini_error(400, body, no_headers, 0);
  EXPECT_EQ(rejected.code(), Errc::upstream_rejected);
  EXPECT_EQ(to_gemini_error(rejected).body, body);
  EXPECT_EQ(to_gemini_error(rejected).status, 400);
  Error const openai = from_gemini_error(400, R"({"error":{"message":"bad","type":"x"}})", no_headers, 0);
  EXPECT_TRUE(openai.upstream_body().empty());
  EXPECT_NE(to_gemini_error(openai).body.find(R"(the provider refused the request (status 400): bad)"),
            std::string::npos);
}

TEST(GeminiError, ReadsWhoseFaultItIsAndWhenToComeBack) {
  Error const limited = from_gemini_error(
      429, R"({"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[
      {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"x"}]},
      {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17s"}]}})",
      no_headers, 0);
  EXPECT_EQ(limited.code(), Errc::rate_limited);
  EXPECT_TRUE(limited.retryable());
  EXPECT_EQ(limited.retry_after(), std::chrono::seconds(17));
  EXPECT_EQ(limited.upstream_message(), "quota");
  auto const header = [](std::string_view name) { return name == "retry-after" ? "3" : ""; };
  EXPECT_EQ(from_gemini_error(429, "{}", header, 0).retry_after(), std::chrono::seconds(3));

  Error const key = from_gemini_error(
      400, R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
      "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}})",
      no_headers, 0);
  EXPECT_EQ(key.code(), Errc::upstream_auth) << "our key, never the client's fault";
  EXPECT_EQ(key.upstream_status(), 400);

  Error const field =
      from_gemini_error(400, R"({"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT","details":[
      {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"generation_config.x"}]}]}})",
                        no_headers, 0);
  EXPECT_EQ(field.param(), "generation_config.x");
  EXPECT_EQ(from_gemini_error(403, "{}", no_headers, 0).code(), Errc::upstream_auth);
  EXPECT_EQ(from_gemini_error(503, "{}", no_headers, 0).code(), Errc::upstream_failed);
  Error const text = from_gemini_error(404, "<html>gone</html>", no_headers, 0);
  EXPECT_EQ(text.code(), Errc::upstream_rejected);
  EXPECT_EQ(text.upstream_message(), "<html>gone</html>");
  EXPECT_EQ(from_gemini_error(400, R"([{"error":{"code":400,"message":"in a list"}}])", no_headers, 0)
                .upstream_message(),
            "in a list");
}

TEST(GeminiError, ReadsTheStatusOfAnEventFromItsNumberOrItsWord) {
  EXPECT_EQ(from_gemini_error_event(R"({"error":{"code":503,"message":"busy"}})").code(),
            Errc::upstream_failed);
  EXPECT_EQ(from_gemini_error_event(R"({"error":{"status":"RESOURCE_EXHAUSTED"}})").code(),
            Errc::rate_limited);
  EXPECT_EQ(from_gemini_error_event(R"({"error":"plain"})").upstream_status(), 500);
}

TEST(GeminiArrayFramer, MakesOneArrayOfEventsHoweverTheyAreCut) {
  std::string const stream =
      "data: {\"a\": 1}\r\n\r\n: note\r\n\r\ndata: {\"b\":[2]}\r\n\r\ndata: {\"error\":{\"code\":500}}\n\n";
  lowart::testing::feed_every_split(stream, [&](auto const& pieces) {
    GeminiArrayFramer framer;
    std::string out;
    for (auto const& piece : pieces) ASSERT_TRUE(framer.feed(piece, out));
    framer.finish(out);
    framer.finish(out);
    ASSERT_EQ(out, "[{\"a\": 1}\n,\r\n{\"b\":[2]}\n,\r\n{\"error\":{\"code\":500}}\n]");
  });
  std::string empty;
  GeminiArrayFramer().finish(empty);
  EXPECT_EQ(empty, "[]");
}

TEST(GeminiArrayFramer, SaysWhenAnEventIsTooLong) {
  GeminiArrayFramer framer(net::SseLimits{.event_bytes = 16});
  std::string out;
  EXPECT_FALSE(framer.feed("data: " + std::string(64, 'x'), out));
  framer.finish(out);
  EXPECT_EQ(out, "[]");
}

TEST(GeminiCount, ReadsContentsOrAWholeRequest) {
  auto const bare = decode_gemini_count(R"({"contents":[{"parts":[{"text":"x"}]}]})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->messages.at(0).text(), "x");
  auto const whole = decode_gemini_count(
      R"({"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"x"}]}],
      "systemInstruction":{"parts":[{"text":"s"}]}}})");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->messages.size(), 2U);
  EXPECT_EQ(decode_gemini_count("{}").error().param(), "contents");
  EXPECT_EQ(decode_gemini_count(R"({"generateContentRequest":{}})").error().param(),
            "generateContentRequest.contents");
  EXPECT_EQ(
      decode_gemini_count(R"({"contents":[],"generateContentRequest":{"contents":[]}})").error().param(),
      "contents");
  EXPECT_EQ(encode_gemini_count_reply(31), R"({"totalTokens":31})");
}

}  // namespace
}  // namespace lowart::gemini_error_test
