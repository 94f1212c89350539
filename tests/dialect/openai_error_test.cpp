#include <lowart/dialect/openai_error_reading.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace lowart::openai_error_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using std::chrono::milliseconds;

Error upstream(Errc code) { return Error(code, "it failed", Origin::upstream); }

TEST(OpenAiError, WritesTheEnvelopeOfAnUnknownKey) {
  auto const reply =
      to_openai_error(Error(Errc::unauthenticated, "Incorrect API key provided.", Origin::client));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.body, R"({"error":{"message":"Incorrect API key provided.","type":"invalid_request_error",)"
                        R"("param":null,"code":"invalid_api_key"}})");
  EXPECT_EQ(reply.retry_after, "");
}

TEST(OpenAiError, GivesEachCodeItsStatusAndCode) {
  struct Case {
    Error error;
    int status;
    std::string_view type, code, should_retry;
  };
  constexpr std::string_view request = "invalid_request_error", server = "server_error";
  Case const cases[] = {
      {Error(Errc::invalid_request), 400, request, "", "false"},
      {Error(Errc::permission_denied), 403, request, "permission_denied", "false"},
      {Error(Errc::not_found), 404, request, "model_not_found", "false"},
      {Error(Errc::not_found).with_param("path"), 404, request, "not_found", "false"},
      {Error(Errc::too_large, "", Origin::client), 413, request, "request_too_large", "false"},
      {upstream(Errc::too_large), 502, server, "upstream_reply_too_large", "false"},
      {Error(Errc::unsupported).with_param("logit_bias"), 400, request, "unsupported_parameter", "false"},
      {Error(Errc::rate_limited), 429, "rate_limit_error", "rate_limit_exceeded", ""},
      {upstream(Errc::rate_limited), 429, "rate_limit_error", "rate_limit_exceeded", "false"},
      {upstream(Errc::rate_limited).with_retry_after(milliseconds(9)), 429, "rate_limit_error",
       "rate_limit_exceeded", ""},
      {Error(Errc::quota_exceeded), 429, "insufficient_quota", "insufficient_quota", "false"},
      {Error(Errc::circuit_open), 503, server, "circuit_open", "false"},
      {Error(Errc::circuit_open).with_retry_after(milliseconds(9)), 503, server, "circuit_open", "true"},
      {upstream(Errc::connect_failed), 502, server, "upstream_connect_failed", "false"},
      {upstream(Errc::connect_timeout), 504, server, "upstream_connect_timeout", "false"},
      {upstream(Errc::first_token_timeout), 504, server, "upstream_first_token_timeout", "false"},
      {upstream(Errc::between_tokens_timeout), 504, server, "upstream_between_tokens_timeout", "false"},
      {upstream(Errc::whole_timeout), 504, server, "upstream_timeout", "false"},
      {Error(Errc::client_deadline, "", Origin::client), 504, server, "client_deadline", ""},
      {upstream(Errc::connection_lost), 502, server, "upstream_connection_lost", "false"},
      {upstream(Errc::malformed_reply), 502, server, "upstream_malformed_reply", "false"},
      {upstream(Errc::upstream_rejected).with_upstream_status(422), 422, request, "upstream_rejected",
       "false"},
      {upstream(Errc::upstream_failed).with_upstream_status(500), 502, server, "upstream_failed", "false"},
      {upstream(Errc::upstream_auth).with_upstream_status(401), 502, server, "upstream_auth", "false"},
      {Error(Errc::overloaded), 503, server, "overloaded", ""},
      {Error(Errc::shutting_down), 503, server, "shutting_down", "true"},
      {Error(Errc::internal), 500, server, "internal", "false"},
  };
  for (Case const& c : cases) {
    auto const reply = to_openai_error(c.error);
    auto const fields = read_openai_error_body(reply.body);
    EXPECT_TRUE(is_openai_error_envelope(reply.body)) << reply.body;
    EXPECT_EQ(reply.status, c.status) << reply.body;
    EXPECT_EQ(fields.type, c.type) << reply.body;
    EXPECT_EQ(fields.code, c.code) << reply.body;
    EXPECT_EQ(reply.should_retry, c.should_retry) << reply.body;
  }
}

TEST(OpenAiError, SaysWhenToComeBackInSecondsRoundedUpAndInMilliseconds) {
  auto const reply =
      to_openai_error(Error(Errc::rate_limited, "slow down").with_retry_after(milliseconds(1200)));
  EXPECT_EQ(reply.retry_after, "2");
  EXPECT_EQ(reply.retry_after_ms, "1200");
}

TEST(OpenAiError, KeepsAnyTextValidJson) {
  auto const body = openai_error_body(upstream(Errc::upstream_failed)
                                          .with_upstream_message("quote \" line\n bad \xFF byte")
                                          .with_param("a\"b"));
  auto const fields = read_openai_error_body(body);
  EXPECT_EQ(fields.message, "it failed: quote \" line\n bad \xEF\xBF\xBD byte");
  EXPECT_EQ(fields.param, "a\"b");
}

TEST(OpenAiError, HidesWhatAProviderSaysAboutOurKey) {
  auto const body = openai_error_body(
      upstream(Errc::upstream_auth).with_upstream_message("Incorrect API key provided: sk-secret"));
  EXPECT_EQ(body.find("sk-secret"), std::string::npos);
}

TEST(OpenAiError, PassesTheProvidersOwnRefusalThrough) {
  std::string const own =
      R"({"error": {"message": "too long", "type": "invalid_request_error", "param": "messages",
   "code": "context_length_exceeded", "vendor": 1}})";
  auto const error = from_openai_error(400, own, [](std::string_view) { return std::string_view(); }, 0);
  auto const reply = to_openai_error(error);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, own);
  EXPECT_EQ(error.param(), "messages");
  EXPECT_FALSE(error.retryable());
}

TEST(OpenAiError, EndsABrokenStreamWithOneEventAndNoDone) {
  Error const error = upstream(Errc::connection_lost);
  EXPECT_EQ(openai_error_event(error), "data: " + openai_error_body(error) + "\n\n");
  EXPECT_EQ(openai_error_event(error, true), "\n\ndata: " + openai_error_body(error) + "\n\n");
}

TEST(OpenAiError, KeepsARefusalOfSeveralLinesInOneEvent) {
  Error const error =
      upstream(Errc::upstream_rejected).with_upstream_body("{\"error\":\n{\"message\":\"x\"}\r\n}");
  EXPECT_EQ(openai_error_event(error), "data: {\"error\":{\"message\":\"x\"}}\n\n");
}

struct Headers {
  std::map<std::string, std::string, std::less<>> values;
  std::string_view operator()(std::string_view name) const {
    auto const at = values.find(name);
    return at == values.end() ? std::string_view() : std::string_view(at->second);
  }
};

TEST(OpenAiErrorReading, ClassifiesEachStatus) {
  struct Case {
    int status;
    std::string_view body;
    Errc code;
    bool retryable;
  };
  for (Case const& c :
       {Case{401, "", Errc::upstream_auth, false},
        {403, "", Errc::upstream_auth, false},
        {402, "", Errc::quota_exceeded, false},
        {404, R"({"error":{"message":"m","code":"model_not_found"}})", Errc::upstream_rejected, false},
        {400, "", Errc::upstream_rejected, false},
        {413, "", Errc::upstream_rejected, false},
        {422, "", Errc::upstream_rejected, false},
        {408, "", Errc::upstream_failed, true},
        {409, "", Errc::upstream_failed, true},
        {425, "", Errc::upstream_failed, true},
        {429, "", Errc::rate_limited, true},
        {429, R"({"error":{"message":"m","code":"insufficient_quota"}})", Errc::quota_exceeded, false},
        {500, "", Errc::upstream_failed, true},
        {502, "<html>", Errc::upstream_failed, true},
        {503, "", Errc::upstream_failed, true},
        {529, "", Errc::upstream_failed, true},
        {302, "", Errc::malformed_reply, false}}) {
    auto const error = from_openai_error(c.status, c.body, Headers(), 0);
    EXPECT_EQ(error.code(), c.code) << c.status;
    EXPECT_EQ(error.retryable(), c.retryable) << c.status;
    EXPECT_EQ(error.upstream_status(), c.status);
    EXPECT_EQ(error.origin(), Origin::upstream);
    EXPECT_EQ(error.sent(), Sent::yes);
    EXPECT_LT(error.retry_after().count(), 0);
  }
}

TEST(OpenAiErrorReading, FindsTheMessageWhereverItStands) {
  EXPECT_EQ(read_openai_error_body(R"({"error":{"message":"a","code":429}})").message, "a");
  EXPECT_EQ(read_openai_error_body(R"({"error":{"message":"a","code":429}})").code, "429");
  EXPECT_EQ(read_openai_error_body(R"({"error":"plain\n"})").message, "plain\n");
  EXPECT_EQ(read_openai_error_body(R"({"object":"error","message":"top","type":"T"})").message, "top");
  EXPECT_EQ(read_openai_error_body(R"({"detail":"Not Found"})").message, "Not Found");
  EXPECT_EQ(read_openai_error_body("upstream connect error").message, "upstream connect error");
  EXPECT_EQ(read_openai_error_body("").message, "");
}

TEST(OpenAiErrorReading, PrefersTheMostExactWordOnWhenToComeBack) {
  Headers h;
  auto const wait = [&](int status = 429) {
    return from_openai_error(status, "", h, 0).retry_after().count();
  };
  h.values["x-ratelimit-reset-requests"] = "8s";
  h.values["x-ratelimit-reset-tokens"] = "6m0s";
  EXPECT_EQ(wait(), 360'000);
  EXPECT_EQ(wait(500), -1);
  h.values["x-ratelimit-remaining-requests"] = "0";
  h.values["x-ratelimit-remaining-tokens"] = "1000";
  EXPECT_EQ(wait(), 8000);
  h.values["retry-after"] = "3";
  EXPECT_EQ(wait(), 3000);
  EXPECT_EQ(wait(503), 3000);
  h.values["retry-after-ms"] = "250";
  EXPECT_EQ(wait(), 250);
}

TEST(OpenAiErrorReading, ReadsEveryFormOfAReset) {
  constexpr std::int64_t now = 1'764'000'000'000'000;  // 2025-11-24T16:00:00Z
  Headers h;
  auto const wait = [&](std::string_view field, std::string_view value) {
    h.values.clear();
    h.values[std::string(field)] = std::string(value);
    return from_openai_error(429, "", h, now).retry_after().count();
  };
  for (std::string_view const field :
       {"x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset"}) {
    EXPECT_EQ(wait(field, "6m0s"), 360'000) << field;
    EXPECT_EQ(wait(field, "1s"), 1'000) << field;
    EXPECT_EQ(wait(field, "20ms"), 20) << field;
    EXPECT_EQ(wait(field, "2m59.56s"), 179'560) << field;
    EXPECT_EQ(wait(field, "12.382867"), 12'383) << field;
    EXPECT_EQ(wait(field, "1764000007"), 7'000) << field;
    EXPECT_EQ(wait(field, "1764000007250"), 7'250) << field;
    EXPECT_EQ(wait(field, "2025-11-24T16:00:09Z"), 9'000) << field;
    EXPECT_EQ(wait(field, "2025-11-24T17:00:09.5+01:00"), 9'500) << field;
    EXPECT_EQ(wait(field, "Mon, 24 Nov 2025 16:00:11 GMT"), 11'000) << field;
    EXPECT_EQ(wait(field, "2025-11-24T15:00:00Z"), 0) << field << ": it has passed";
    EXPECT_EQ(wait(field, "soon"), -1) << field;
  }
  EXPECT_EQ(wait("retry-after", "Mon, 24 Nov 2025 16:00:11 GMT"), 11'000);
  EXPECT_EQ(wait("retry-after", "1764000004"), 4'000);
  EXPECT_EQ(wait("retry-after-ms", "1500.2"), 1'501);
}

TEST(OpenAiErrorReading, GivesAnErrorEventTheStatusItMeans) {
  auto const status = [](std::string_view type, std::string_view code) {
    return status_of_openai_error(UpstreamErrorWords{"", std::string(type), std::string(code), ""});
  };
  EXPECT_EQ(status("", "429"), 429);
  EXPECT_EQ(status("tokens", "rate_limit_exceeded"), 429);
  EXPECT_EQ(status("insufficient_quota", "insufficient_quota"), 429);
  EXPECT_EQ(status("invalid_request_error", "invalid_api_key"), 401);
  EXPECT_EQ(status("invalid_request_error", "context_length_exceeded"), 400);
  EXPECT_EQ(status("server_error", ""), 500);
  EXPECT_EQ(status("overloaded_error", ""), 503);
  EXPECT_EQ(status("", "7"), 500);
}

TEST(OpenAiError, TellsTheEnvelopeFromThoseOfOtherDialects) {
  EXPECT_TRUE(is_openai_error_envelope(R"({"error":{"message":"m","code":"content_filter"}})"));
  EXPECT_TRUE(is_openai_error_envelope(R"({"error":{"message":"m","status":400}})")) << "Azure's";
  EXPECT_FALSE(
      is_openai_error_envelope(R"({"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}})"));
  EXPECT_FALSE(is_openai_error_envelope(R"({"type":"error","error":{"type":"t","message":"m"}})"));
  EXPECT_FALSE(is_openai_error_envelope(R"({"error":"m"})"));
}

}  // namespace
}  // namespace lowart::openai_error_test
