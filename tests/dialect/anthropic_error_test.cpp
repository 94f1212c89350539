#include <lowart/dialect/anthropic_error_reading.hpp>
#include <lowart/dialect/openai_error.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace lowart::anthropic_error_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using std::chrono::milliseconds;

constexpr std::int64_t now = 1'764'000'000'000'000;  // 2025-11-24T16:00:00Z

Error read(int status, std::string_view body,
           std::map<std::string, std::string, std::less<>> const& headers = {}) {
  auto const header = [&](std::string_view name) {
    auto const found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  };
  return from_anthropic_error(status, body, header, now);
}

std::string envelope(std::string_view type, std::string_view message) {
  std::string body = R"({"type":"error","error":{"type":)";
  append_json_string(body, type);
  body.append(R"(,"message":)");
  append_json_string(body, message);
  return body.append(R"(},"request_id":"req_1"})");
}

TEST(AnthropicErrorReading, ClassifiesEveryDocumentedStatus) {
  struct Case {
    int status;
    std::string_view type;
    Errc code;
    bool retryable;
  };
  for (Case const& c : {Case{400, "invalid_request_error", Errc::upstream_rejected, false},
                        Case{401, "authentication_error", Errc::upstream_auth, false},
                        Case{402, "billing_error", Errc::quota_exceeded, false},
                        Case{403, "permission_error", Errc::upstream_auth, false},
                        Case{404, "not_found_error", Errc::upstream_rejected, false},
                        Case{409, "conflict_error", Errc::upstream_failed, true},
                        Case{413, "request_too_large", Errc::upstream_rejected, false},
                        Case{429, "rate_limit_error", Errc::rate_limited, true},
                        Case{500, "api_error", Errc::upstream_failed, true},
                        Case{504, "timeout_error", Errc::upstream_failed, true},
                        Case{529, "overloaded_error", Errc::upstream_failed, true}}) {
    std::string const body = envelope(c.type, "why");
    Error const answer = read(c.status, body);
    EXPECT_EQ(answer.code(), c.code) << c.type;
    EXPECT_EQ(answer.retryable(), c.retryable) << c.type;
    EXPECT_EQ(answer.upstream_message(), "why");
    EXPECT_EQ(answer.upstream_status(), c.status);
    EXPECT_EQ(answer.upstream_body(), c.code == Errc::upstream_rejected ? body : "") << c.type;
    // The same as an event of a stream, where only the words tell.
    Error const event = from_anthropic_error_event(body);
    EXPECT_EQ(event.code(), c.code) << c.type;
    EXPECT_EQ(event.upstream_status(), c.status) << c.type;
  }
  EXPECT_EQ(from_anthropic_error_event(envelope("new_error", "m")).upstream_status(), 500);
}

TEST(AnthropicErrorReading, TakesABodyOfAnotherShapeAsTheMessage) {
  EXPECT_EQ(read(500, "<html>").upstream_message(), "<html>");
  EXPECT_EQ(read(400, R"({"error":"text"})").upstream_message(), R"({"error":"text"})");
  EXPECT_EQ(read(400, R"({"error":{"message":"m","type":"t"}})").upstream_body(),
            "");  // another vendor's envelope
  EXPECT_EQ(read(400, envelope("invalid_request_error", std::string(70'000, 'x'))).upstream_body(), "");
  EXPECT_EQ(read(500, std::string(5'000, 'x')).upstream_message().size(), 2000U);
}

TEST(AnthropicErrorReading, FindsOutWhenToComeBack) {
  std::string const body = envelope("rate_limit_error", "slow");
  EXPECT_EQ(read(429, body, {{"retry-after", "12"}}).retry_after(), milliseconds(12'000));
  EXPECT_EQ(read(429, body, {{"retry-after", "12"}, {"retry-after-ms", "7"}}).retry_after(), milliseconds(7));
  EXPECT_EQ(read(529, body, {{"retry-after", "3"}}).retry_after(), milliseconds(3'000));
  std::map<std::string, std::string, std::less<>> limits{
      {"anthropic-ratelimit-requests-remaining", "3"},
      {"anthropic-ratelimit-requests-reset", "2025-11-24T16:00:30Z"},
      {"anthropic-ratelimit-input-tokens-remaining", "0"},
      {"anthropic-ratelimit-input-tokens-reset", "2025-11-24T16:00:10Z"}};
  EXPECT_EQ(read(429, body, limits).retry_after(), milliseconds(10'000));  // the one that is used up
  limits["anthropic-ratelimit-input-tokens-remaining"] = "1";
  EXPECT_EQ(read(429, body, limits).retry_after(), milliseconds(30'000));  // nobody says: the latest
  EXPECT_EQ(read(500, body, limits).retry_after(), milliseconds(-1));
  EXPECT_EQ(read(429, body).retry_after(), milliseconds(-1));
  EXPECT_EQ(read(429, body, {{"anthropic-ratelimit-tokens-reset", "2025-11-24T15:00:00Z"}}).retry_after(),
            milliseconds(0));
}

TEST(AnthropicError, TellsEachCodeInTheEnvelopeOfThisDialect) {
  struct Case {
    Errc code;
    int status;
    std::string_view type;
  };
  for (Case const& c :
       {Case{Errc::invalid_request, 400, "invalid_request_error"},
        Case{Errc::unauthenticated, 401, "authentication_error"},
        Case{Errc::permission_denied, 403, "permission_error"}, Case{Errc::not_found, 404, "not_found_error"},
        Case{Errc::too_large, 413, "request_too_large"},
        Case{Errc::unsupported, 400, "invalid_request_error"},
        Case{Errc::rate_limited, 429, "rate_limit_error"}, Case{Errc::circuit_open, 503, "overloaded_error"},
        Case{Errc::first_token_timeout, 504, "timeout_error"}, Case{Errc::upstream_failed, 502, "api_error"},
        Case{Errc::internal, 500, "api_error"}}) {
    ErrorReply const reply = to_anthropic_error(Error(c.code, "m", Origin::client), "req_9");
    EXPECT_EQ(reply.status, c.status) << c.type;
    EXPECT_EQ(reply.body, R"({"type":"error","error":{"type":")" + std::string(c.type) +
                              R"(","message":"m"},"request_id":"req_9"})");
    EXPECT_TRUE(is_anthropic_error_envelope(reply.body));
    EXPECT_FALSE(is_openai_error_envelope(reply.body));
  }
}

TEST(AnthropicError, PassesOnTheEnvelopeOfThisDialectOnly) {
  std::string const body = envelope("invalid_request_error", "max_tokens: too large");
  EXPECT_EQ(to_anthropic_error(read(400, body)).body, body);
  Error foreign(Errc::upstream_rejected, "the provider refused the request", Origin::upstream);
  std::move(foreign).with_upstream_status(404).with_upstream_message("no such").with_upstream_body(
      R"({"error":{"message":"no such","type":"x"}})");
  ErrorReply const reply = to_anthropic_error(foreign);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(
      reply.body,
      R"({"type":"error","error":{"type":"not_found_error","message":"the provider refused the request: no such"}})");
}

TEST(AnthropicError, TellsRetriesInHeaders) {
  Error limited(Errc::rate_limited, "slow", Origin::gateway);
  std::move(limited).with_retry_after(milliseconds(1'500));
  ErrorReply const reply = to_anthropic_error(limited);
  EXPECT_EQ(reply.retry_after, "2");
  EXPECT_EQ(reply.retry_after_ms, "1500");
  EXPECT_EQ(to_anthropic_error(Error(Errc::upstream_failed, "m", Origin::upstream)).should_retry, "false");
}

TEST(AnthropicError, EndsAStreamWithOneEvent) {
  Error const error(Errc::connection_lost, "a\nb", Origin::upstream);
  std::string const event =
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"a\\nb\"}}\n\n";
  EXPECT_EQ(anthropic_error_event(error), event);
  EXPECT_EQ(anthropic_error_event(error, true), "\n\n" + event);
}

TEST(AnthropicLimits, TellsAClientOfItsLimits) {
  std::vector<std::string> lines;
  tell_anthropic_limit("requests", 100, -1, milliseconds(1'001), now,
                       [&](std::string_view name, std::string_view value) {
                         lines.push_back(std::string(name) + ": " + std::string(value));
                       });
  EXPECT_EQ(lines, (std::vector<std::string>{"anthropic-ratelimit-requests-limit: 100",
                                             "anthropic-ratelimit-requests-remaining: 0",
                                             "anthropic-ratelimit-requests-reset: 2025-11-24T16:00:02Z"}));
}

TEST(Rfc3339, ReadsAndWritesPointsInTime) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339(" 2025-11-24t16:00:00z "), now);
  EXPECT_EQ(parse_rfc3339("2025-11-24T16:00:00.0000015Z"), now + 1);
  EXPECT_EQ(parse_rfc3339("2025-11-24T18:30:00+02:30"), now);
  EXPECT_EQ(parse_rfc3339("2025-11-24T15:00:00-01:00"), now);
  for (std::string_view const bad :
       {"", "2025-11-24", "2025-11-24T16:00:00", "2025-13-24T16:00:00Z", "2025-02-30T16:00:00Z",
        "2025-11-24T24:00:00Z", "2025-11-24T16:00:00.Z", "2025-11-24T16:00:00+0230", "2025-11-24T16:00:00Zx",
        "2025-1-24T016:00:00Z"})
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(now), "2025-11-24T16:00:00Z");
  EXPECT_EQ(rfc3339(now + 1), "2025-11-24T16:00:01Z");
  for (std::int64_t at = 0; at < 4'000'000'000'000'000; at += 86'399'000'000'000 / 7)
    ASSERT_EQ(parse_rfc3339(rfc3339(at)), (at + 999'999) / 1'000'000 * 1'000'000);
}

}  // namespace
}  // namespace lowart::anthropic_error_test
