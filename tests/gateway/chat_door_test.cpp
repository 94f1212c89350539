#include <lowart/gateway/chat_door.hpp>

#include "gateway_fixture.hpp"

#include <lowart/provider/openai.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::door_test {
namespace {

using namespace lowart::testing;
using Meter = Metered<AnyProvider, NoSink>;
using Server = GatewayServer<Gateway<Meter>>;

std::string const plain_request = R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})";
std::string const stream_request =
    R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]})";

struct Setting {
  LogFile log;
  std::optional<Server> server;

  template <class P>
  explicit Setting(P provider, GatewayOptions options = {}) {
    options.log_fd = log.fd();
    server.emplace(
        Gateway<Meter>(Meter(AnyProvider(std::move(provider)), TokenMeter{}, NoSink{}), std::move(options)));
  }
  explicit Setting(Step step, GatewayOptions options = {})
      : Setting(ScriptedProvider("p", {std::move(step)}).repeat(), std::move(options)) {}

  HttpAnswer chat(std::string_view body, std::string_view fields = "") const {
    return server->ask(post("/v1/chat/completions", body, fields));
  }
  /// Ends the server; the one line that it wrote.
  boost::json::object logged() {
    server->stop();
    auto lines = log.lines();
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? boost::json::object() : lines[0];
  }
};

GatewayOptions with_key(Limits limits = {}, std::vector<std::string> models = {}) {
  GatewayOptions options;
  options.keys.push_back({.name = "first",
                          .digest = net::sha256("sk-lw-1"),
                          .limits = std::make_shared<LimitState>(limits, std::chrono::steady_clock::now()),
                          .models = std::move(models)});
  return options;
}
constexpr std::string_view good_key = "Authorization: Bearer sk-lw-1\r\n";

std::string_view text_of(boost::json::object const& line, std::string_view name) {
  return line.contains(name) ? std::string_view(line.at(name).as_string()) : "";
}

TEST(ChatDoor, AnswersAndLogsAndCounts) {
  Usage usage;
  usage.set(UsageClass::input, 9);
  usage.set(UsageClass::output, 2);
  Setting s(Step::answer("Hello").reporting(usage), with_key());
  HttpAnswer const answer = s.chat(plain_request, good_key);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(field_of(answer, "x-lowart-provider"), "p");
  EXPECT_EQ(field_of(answer, "content-type"), "application/json");
  EXPECT_TRUE(field_of(answer, "x-request-id").starts_with("req_"));
  auto const body = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content").as_string(), "Hello");
  EXPECT_EQ(body.at("usage").at("total_tokens").as_int64(), 11);
  auto const line = s.logged();
  EXPECT_EQ(text_of(line, "request_id"), field_of(answer, "x-request-id"));
  EXPECT_EQ(text_of(line, "method"), "POST");
  EXPECT_EQ(text_of(line, "path"), "/v1/chat/completions");
  EXPECT_EQ(text_of(line, "key"), "first");
  EXPECT_EQ(text_of(line, "model"), "m");
  EXPECT_EQ(text_of(line, "provider"), "p");
  EXPECT_EQ(text_of(line, "outcome"), "complete");
  EXPECT_TRUE(text_of(line, "peer").starts_with("127.0.0.1:"));
  EXPECT_EQ(line.at("status").as_int64(), 200);
  EXPECT_EQ(line.at("attempts").as_int64(), 1);
  EXPECT_EQ(line.at("input_tokens").as_int64(), 9);
  EXPECT_EQ(line.at("output_tokens").as_int64(), 2);
  for (auto const* name : {"duration_us", "first_token_us", "overhead_us"})
    EXPECT_GE(line.at(name).as_int64(), 0);
  EXPECT_FALSE(line.contains("error"));
  auto const metrics = s.server->metrics();
  EXPECT_EQ(metrics.value("http_requests_total{route=\"/v1/chat/completions\",status=\"200\"}"), 1);
  EXPECT_EQ(metrics.value("http_request_duration_seconds_count{route=\"/v1/chat/completions\"}"), 1);
  EXPECT_EQ(metrics.value("gateway_tokens_total{model=\"m\",class=\"input\"}"), 9);
  EXPECT_EQ(metrics.value("gateway_tokens_total{model=\"m\",class=\"output\"}"), 2);
  EXPECT_EQ(metrics.value("gateway_upstream_attempts_total{provider=\"p\",outcome=\"ok\"}"), 1);
  EXPECT_EQ(metrics.value("gateway_usage_records_total{provenance=\"reported\",outcome=\"complete\"}"), 1);
  EXPECT_EQ(metrics.value("gateway_time_to_first_token_seconds_count{model=\"m\"}"), 1);
  EXPECT_EQ(metrics.value("gateway_in_flight"), 0);
}

TEST(ChatDoor, StreamsInTheClientsDialectFromNeutralSteps) {
  Setting s(Step::stream({"Hel", "lo"}));
  HttpAnswer const answer = s.chat(stream_request);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(field_of(answer, "content-type").starts_with("text/event-stream"));
  EXPECT_TRUE(answer.body.ends_with("data: [DONE]\n\n")) << answer.body;
  dialect::OpenAiChatReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  EXPECT_TRUE(reader.feed(answer.body, progress));
  EXPECT_EQ(progress.text, "Hello");
  EXPECT_TRUE(reader.done());
}

TEST(ChatDoor, PassesOnTheBytesOfAProviderOfTheSameDialect) {
  std::string const event =
      "data: {\"id\":\"c\",\"x\": 1e3,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
  std::string const text =
      ": note\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n" + event + event +
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
  ScriptedAnswer upstream = ScriptedAnswer(200).field("content-type", "text/event-stream").piece(text);
  Setting s(OpenAi<ScriptedTransport>(ScriptedTransport({std::move(upstream)}), {}));
  HttpAnswer const answer = s.chat(stream_request);
  EXPECT_EQ(answer.body, text);
  EXPECT_EQ(field_of(answer, "content-type"), "text/event-stream");
  EXPECT_EQ(text_of(s.logged(), "outcome"), "complete");
}

TEST(ChatDoor, TellsAStreamsBreakInTheStreamAndRecordsItAsPartial) {
  Setting s(Step::stream({"Hel"}).then_fail(Error(Errc::connection_lost, "cut off", Origin::upstream)));
  HttpAnswer const answer = s.chat(stream_request);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.find("[DONE]"), std::string::npos) << "that would say: complete";
  auto const at = answer.body.find("data: {\"error\"");
  ASSERT_NE(at, std::string::npos);
  auto const event = boost::json::parse(answer.body.substr(at + 6)).as_object();
  EXPECT_EQ(event.at("error").at("code").as_string(), "upstream_connection_lost");
  auto const line = s.logged();
  EXPECT_EQ(text_of(line, "outcome"), "partial");
  EXPECT_EQ(text_of(line, "error"), "connection_lost");
  EXPECT_EQ(
      s.server->metrics().value("gateway_usage_records_total{provenance=\"partial\",outcome=\"partial\"}"),
      1);
}

TEST(ChatDoor, TellsABreakWithAnErrorStatusWhereNothingWasSent) {
  Setting s(Step::stream({"Hel"}).then_fail(Error(Errc::connection_lost, "cut off", Origin::upstream)));
  HttpAnswer const answer = s.chat(plain_request);
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(error_of(answer).at("code").as_string(), "upstream_connection_lost");
  auto const line = s.logged();
  EXPECT_EQ(line.at("status").as_int64(), 502) << "what the client saw";
  EXPECT_EQ(text_of(line, "outcome"), "partial");
}

TEST(ChatDoor, AnswersEveryErrorInTheEnvelopeWithItsStatus) {
  struct Case {
    Error error;
    int status;
    std::string_view code;
  };
  for (auto const& c :
       {Case{Error(Errc::not_found, "no", Origin::client).with_param("model"), 404, "model_not_found"},
        Case{Error(Errc::unsupported, "no"), 400, "unsupported"},
        Case{Error(Errc::rate_limited, "no", Origin::upstream)
                 .with_retry_after(std::chrono::milliseconds(1500)),
             429, "rate_limit_exceeded"},
        Case{Error(Errc::quota_exceeded, "no"), 429, "insufficient_quota"},
        Case{Error(Errc::circuit_open, "no"), 503, "circuit_open"},
        Case{Error(Errc::connect_failed, "no", Origin::upstream), 502, "upstream_connect_failed"},
        Case{Error(Errc::connect_timeout, "no", Origin::upstream), 504, "upstream_connect_timeout"},
        Case{Error(Errc::first_token_timeout, "no", Origin::upstream), 504, "upstream_first_token_timeout"},
        Case{Error(Errc::upstream_failed, "no", Origin::upstream), 502, "upstream_failed"},
        Case{Error(Errc::upstream_auth, "no", Origin::upstream), 502, "upstream_auth"},
        Case{Error(Errc::overloaded, "no"), 503, "overloaded"},
        Case{Error(Errc::internal, "no"), 500, "internal"}}) {
    Setting s(Step::fail(c.error));
    HttpAnswer const answer = s.chat(stream_request);
    EXPECT_EQ(answer.status, c.status) << c.code;
    EXPECT_EQ(error_of(answer).at("code").as_string(), c.code);
    EXPECT_EQ(field_of(answer, "content-type"), "application/json");
    EXPECT_FALSE(field_of(answer, "x-request-id").empty());
    bool const says_when = c.error.retry_after().count() >= 0;
    EXPECT_EQ(field_of(answer, "retry-after"), says_when ? "2" : "");
    EXPECT_EQ(field_of(answer, "retry-after-ms"), says_when ? "1500" : "");
    auto const line = s.logged();
    EXPECT_EQ(line.at("status").as_int64(), c.status);
    EXPECT_EQ(text_of(line, "error"), to_string(c.error.code()));
    EXPECT_EQ(text_of(line, "detail"), "no");
    EXPECT_EQ(text_of(line, "outcome"), "failed");
    auto const metrics = s.server->metrics();
    EXPECT_EQ(metrics.value("gateway_usage_records_total{provenance=\"none\",outcome=\"failed\"}"), 1);
    EXPECT_FALSE(metrics.mentions("model=")) << "a model that never answered is no label";
  }
}

TEST(ChatDoor, RefusesABadKeyBeforeItReadsTheBody) {
  Setting s(Step::answer("never"), with_key());
  for (std::string_view const fields :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: Basic sk-lw-1\r\n",
        "Authorization: Bearer\r\n", "Authorization: Bearer  \r\n", "x-api-key: wrong\r\n"}) {
    HttpAnswer const answer = s.chat("no json", fields);
    EXPECT_EQ(answer.status, 401) << fields;
    EXPECT_EQ(error_of(answer).at("code").as_string(), "invalid_api_key");
  }
  for (std::string_view const fields :
       {good_key, std::string_view("authorization: bearer   sk-lw-1\r\n"),
        std::string_view("x-api-key: sk-lw-1\r\n"), std::string_view("api-key: sk-lw-1\r\n")})
    EXPECT_EQ(s.chat(plain_request, fields).status, 200) << fields;
  auto const metrics = s.server->metrics();
  EXPECT_EQ(metrics.value("gateway_denied_total{reason=\"unauthenticated\"}"), 6);
  EXPECT_EQ(metrics.value("gateway_usage_records_total{provenance=\"none\",outcome=\"failed\"}"), -1)
      << "what was not let in leaves no record";
}

TEST(ChatDoor, RefusesAModelThatTheKeyMayNotUse) {
  Setting s(Step::answer("never"), with_key({}, {"other"}));
  HttpAnswer const answer = s.chat(plain_request, good_key);
  EXPECT_EQ(answer.status, 403);
  auto const error = error_of(answer);
  EXPECT_EQ(error.at("message").as_string(), "this API key may not use the model 'm'");
  EXPECT_EQ(error.at("param").as_string(), "model");
  std::string const huge = R"({"messages":[],"model":")" + std::string(1U << 20U, 'x') + "\"}";
  HttpAnswer const short_answer = s.chat(huge, good_key);
  EXPECT_EQ(short_answer.status, 403);
  EXPECT_LT(short_answer.body.size(), 1000U) << "a client's own words are not sent back by the megabyte";
  s.server->stop();
  for (auto const& line : s.log.lines()) EXPECT_LT(boost::json::serialize(line).size(), 1500U);
}

TEST(ChatDoor, RefusesWhatIsNoRequest) {
  GatewayOptions options;
  options.limits.body_bytes = 1000;
  Setting s(Step::answer("never"), options);
  EXPECT_EQ(s.chat("").status, 400);
  EXPECT_EQ(s.chat("{").status, 400);
  EXPECT_EQ(s.chat(R"({"messages":[]})").status, 400);
  HttpAnswer const answer = s.chat(std::string(1001, ' '));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(error_of(answer).at("code").as_string(), "request_too_large");
  s.server->stop();
  EXPECT_EQ(s.server->metrics().value("gateway_in_flight"), 0);
}

TEST(ChatDoor, TellsItsLimitsAndHoldsThem) {
  Setting s(Step::answer("Hi"), with_key(Limits{.rpm = 2, .tpm = 5000, .concurrency = 1}));
  HttpAnswer const first = s.chat(plain_request, good_key);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(field_of(first, "x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(field_of(first, "x-ratelimit-remaining-requests"), "1");
  EXPECT_EQ(field_of(first, "x-ratelimit-limit-tokens"), "5000");
  EXPECT_TRUE(field_of(first, "x-ratelimit-reset-requests").ends_with("ms"));
  EXPECT_EQ(s.chat(plain_request, good_key).status, 200) << "what was reserved is given back";
  HttpAnswer const third = s.chat(plain_request, good_key);
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(field_of(third, "x-ratelimit-remaining-requests"), "0");
  EXPECT_FALSE(field_of(third, "retry-after").empty());
  EXPECT_FALSE(field_of(third, "retry-after-ms").empty());
  EXPECT_EQ(s.server->metrics().value("gateway_denied_total{reason=\"rate_limited\"}"), 1);
}

TEST(ChatDoor, ReservesWithoutOverflow) {
  Setting s(Step::answer("Hi"), with_key(Limits{.rpm = 0, .tpm = 5000, .concurrency = 0}));
  HttpAnswer const answer =
      s.chat(R"({"model":"m","n":128,"max_tokens":9223372036854775807,"messages":[]})", good_key);
  EXPECT_EQ(answer.status, 413) << answer.body;
  EXPECT_EQ(s.chat(plain_request, good_key).status, 200);
}

TEST(ChatDoor, TakesAKeyWithoutLimits) {
  GatewayOptions options;
  options.keys.push_back({.name = "k", .digest = net::sha256("sk-lw-1"), .limits = {}, .models = {}});
  Setting s(Step::answer("Hi"), std::move(options));
  EXPECT_EQ(s.chat(plain_request, good_key).status, 200);
}

TEST(ChatDoor, KeepsAClientsRequestIdToTheLogAlsoBehindALongBody) {
  std::string const long_request =
      R"({"model":"m","messages":[{"role":"user","content":")" + std::string(3U << 20U, 'x') + "\"}]}";
  for (std::string const& request : {plain_request, long_request})
    for (bool const chunked : {false, true}) {
      Setting s(Step::answer("Hi"));
      std::string const fields = "x-request-id: mine-1.2:3\r\n";
      HttpAnswer const answer =
          s.server->ask(chunked ? post_chunked("/v1/chat/completions", request, 60'000, fields)
                                : post("/v1/chat/completions", request, fields));
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(field_of(answer, "x-request-id"), "mine-1.2:3");
      EXPECT_EQ(text_of(s.logged(), "request_id"), "mine-1.2:3");
    }
}

TEST(ChatDoor, ReplacesARequestIdThatWouldNeedEscapes) {
  Setting s(Step::answer("Hi"));
  HttpAnswer const answer = s.chat(plain_request, "x-request-id: <script>\r\n");
  EXPECT_TRUE(field_of(answer, "x-request-id").starts_with("req_"));
}

TEST(ChatDoor, MakesNoLabelOfAnOddModelName) {
  Setting s(Step::answer("Hi"));
  for (auto const& name : {std::string(300, 'm'), std::string("t\\u0001"), std::string("\xC3\xA4")})
    EXPECT_EQ(s.chat(R"({"messages":[],"model":")" + name + "\"}").status, 200);
  auto const metrics = s.server->metrics();
  EXPECT_EQ(metrics.value("gateway_time_to_first_token_seconds_count{model=\"other\"}"), 3);
  EXPECT_FALSE(metrics.mentions("mmm"));
}

TEST(ChatDoor, CancelsTheCallOfAClientThatLeaves) {
  Setting s(Step::stall());
  {
    TestClient client = s.server->client();
    client.send(post("/v1/chat/completions", plain_request));
    while (s.server->metrics().value("gateway_in_flight") < 1) std::this_thread::yield();
  }
  while (s.server->metrics().value("gateway_in_flight") > 0) std::this_thread::yield();
  auto const line = s.logged();
  EXPECT_EQ(text_of(line, "outcome"), "cancelled");
  EXPECT_EQ(text_of(line, "error"), "cancelled");
  EXPECT_EQ(line.at("status").as_int64(), 499);
  EXPECT_EQ(
      s.server->metrics().value("gateway_usage_records_total{provenance=\"none\",outcome=\"cancelled\"}"), 1);
}

TEST(ChatDoor, LooksOutNoMoreForAClientWhoseCallIsOver) {
  // The refusal is longer than the socket takes at once, and its reader has shut its sending side down.
  std::string const long_text(24U << 20U, 'x');
  Error const refused = Error(Errc::upstream_rejected, "no", Origin::upstream)
                            .with_upstream_status(400)
                            .with_upstream_body(R"({"error":{"message":")" + long_text + "\"}}");
  Setting s(Step::fail(refused));
  TestClient client = s.server->client();
  client.send(post("/v1/chat/completions", plain_request));
  ASSERT_TRUE(client.more());
  ::shutdown(client.fd(), SHUT_WR);
  std::this_thread::sleep_for(LoopClock::tick * 3);  // in which a look-out that was left behind would ring
  EXPECT_EQ(client.receive().status, 400);
}

TEST(ChatDoor, CountsNobodyInFlightWhenItIsStoppedInTheMiddle) {
  Setting s(Step::stream({"a"}).then_stall());
  TestClient client = s.server->client();
  client.send(post("/v1/chat/completions", stream_request));
  ASSERT_TRUE(client.more());
  EXPECT_EQ(s.server->metrics().value("gateway_in_flight"), 1);
  s.server->stop();
  EXPECT_EQ(s.server->metrics().value("gateway_in_flight"), 0);
}

TEST(ChatDoor, AnswersTheOldCompletionsToo) {
  Setting s(Step::stream({"Hel", "lo"}));
  HttpAnswer const answer = s.server->ask(post("/v1/completions", R"({"model":"m","prompt":"Hi"})"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  auto const body = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(body.at("choices").at(0).at("text").as_string(), "Hello");
  EXPECT_TRUE(body.at("id").as_string().starts_with("cmpl-"));
  auto const streamed =
      s.server->ask(post("/v1/completions", R"({"model":"m","stream":true,"prompt":"Hi"})"));
  EXPECT_TRUE(streamed.body.ends_with("data: [DONE]\n\n"));
  s.server->stop();
  EXPECT_EQ(s.server->metrics().value("http_requests_total{route=\"/v1/completions\",status=\"200\"}"), 2);
}

}  // namespace
}  // namespace lowart::door_test
