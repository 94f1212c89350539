#include <lowart/gateway/whole_door.hpp>

#include "gateway_fixture.hpp"

#include <lowart/dialect/base64_vector.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::embedding_door_test {
namespace {

using namespace lowart::testing;
using Meter = Metered<AnyProvider, NoSink>;
using Server = GatewayServer<Gateway<Meter>>;

std::string const body = R"({"model":"m","input":["Hello","there"]})";
constexpr std::string_view good_key = "Authorization: Bearer sk-lw-1\r\n";

GatewayOptions with_key(Limits limits = {}, std::vector<std::string> models = {}) {
  GatewayOptions options;
  options.keys.push_back({.name = "first",
                          .digest = net::sha256("sk-lw-1"),
                          .limits = std::make_shared<LimitState>(limits, std::chrono::steady_clock::now()),
                          .models = std::move(models)});
  return options;
}

struct Setting {
  LogFile log;
  std::optional<Server> server;

  template <class P>
  explicit Setting(P provider, GatewayOptions options = {}) {
    options.log_fd = log.fd();
    server.emplace(
        Gateway<Meter>(Meter(AnyProvider(std::move(provider)), TokenMeter{}, NoSink{}), std::move(options)));
  }
  HttpAnswer embed(std::string_view text, std::string_view fields = "") const {
    return server->ask(post("/v1/embeddings", text, fields));
  }
  /// Ends the server; the one line that it wrote.
  boost::json::object logged() {
    server->stop();
    auto lines = log.lines();
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? boost::json::object() : lines[0];
  }
};

OpenAi<ScriptedTransport> upstream(ScriptedAnswer answer) {
  return OpenAi<ScriptedTransport>(ScriptedTransport({std::move(answer)}), {});
}
/// A provider whose replies are neutral, or which fails.
struct Embedder {
  std::optional<Error> error{};
  std::string_view name() const { return "e"; }
  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const&, Call&) {
    if (error) co_return fail(*error);
    WholeHead head;
    head.provider = "e";
    head.dropped = "taskType";
    std::vector<Embedding> vectors{Embedding{0.5F, -1}};
    co_return EmbeddingReply(head, std::move(vectors), Usage{});
  }
};

TEST(EmbeddingDoor, PassesTheProvidersBytesOn) {
  std::string const reply =
      R"({"object":"list", "own":1.0,"data":[{"object":"embedding","index":0,"embedding":[1]}],"usage":{"prompt_tokens":8,"total_tokens":8}})";
  Setting s(upstream(ScriptedAnswer::json(200, reply)), with_key());
  HttpAnswer const answer = s.embed(body, good_key);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, reply);
  EXPECT_EQ(field_of(answer, "content-type"), "application/json");
  EXPECT_EQ(field_of(answer, "x-lowart-provider"), "openai");
  EXPECT_TRUE(field_of(answer, "x-request-id").starts_with("req_"));
  auto const line = s.logged();
  EXPECT_EQ(line.at("path").as_string(), "/v1/embeddings");
  EXPECT_EQ(line.at("key").as_string(), "first");
  EXPECT_EQ(line.at("model").as_string(), "m");
  EXPECT_EQ(line.at("outcome").as_string(), "complete");
  EXPECT_EQ(line.at("status").as_int64(), 200);
  EXPECT_EQ(line.at("attempts").as_int64(), 1);
  EXPECT_EQ(line.at("input_tokens").as_int64(), 8);
  auto const metrics = s.server->metrics();
  EXPECT_EQ(metrics.value("http_requests_total{route=\"/v1/embeddings\",status=\"200\"}"), 1);
  EXPECT_EQ(metrics.value("gateway_tokens_total{model=\"m\",class=\"input\"}"), 8);
  EXPECT_EQ(metrics.value("gateway_usage_records_total{provenance=\"reported\",outcome=\"complete\"}"), 1);
  EXPECT_EQ(metrics.value("gateway_in_flight"), 0);
}

TEST(EmbeddingDoor, WritesNeutralVectorsAsTheClientWantsThem) {
  Setting floats{Embedder{}};
  auto const answer = floats.embed(body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(field_of(answer, "x-lowart-dropped"), "taskType");
  auto const json = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(json.at("model").as_string(), "m");
  EXPECT_EQ(json.at("data").at(0).at("embedding"), boost::json::parse("[0.5,-1]"));
  EXPECT_GT(json.at("usage").at("prompt_tokens").as_int64(), 1) << "counted, as nobody reported";
  Setting base64{Embedder{}};
  auto const other = base64.embed(R"({"model":"m","input":"Hi","encoding_format":"base64"})");
  auto const text = boost::json::parse(other.body).at("data").at(0).at("embedding").as_string();
  EXPECT_EQ(dialect::decode_base64_vector(text), (Embedding{0.5F, -1}));
}

TEST(EmbeddingDoor, RefusesWithoutAskingAnybody) {
  Setting s(upstream(ScriptedAnswer::json(200, "{}")), with_key({}, {"other"}));
  EXPECT_EQ(s.embed(body).status, 401);
  EXPECT_EQ(s.embed(body, good_key).status, 403);
  EXPECT_EQ(s.embed(R"({"model":"other"})", good_key).status, 400);
  auto const wrong = s.embed(R"({"model":"other","input":3})", good_key);
  EXPECT_EQ(error_of(wrong).at("param").as_string(), "input");
  EXPECT_EQ(s.server->metrics().value("gateway_denied_total{reason=\"unauthenticated\"}"), 1);
}

TEST(EmbeddingDoor, CountsAgainstTheLimitsOfTheKey) {
  Setting s(Demo{}, with_key({.rpm = 2, .tpm = 0, .concurrency = 0}));
  HttpAnswer const first = s.embed(body, good_key);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(field_of(first, "x-ratelimit-remaining-requests"), "1");
  EXPECT_EQ(s.embed(body, good_key).status, 200);
  HttpAnswer const last = s.embed(body, good_key);
  EXPECT_EQ(last.status, 429);
  EXPECT_FALSE(field_of(last, "retry-after").empty());
}

TEST(EmbeddingDoor, TellsWhatWentWrongAsTheClientUnderstandsIt) {
  Setting failing{Embedder{.error = Error(Errc::upstream_failed, "boom", Origin::upstream)}};
  HttpAnswer const answer = failing.embed(body);
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(error_of(answer).at("code").as_string(), "upstream_failed");
  EXPECT_EQ(failing.logged().at("outcome").as_string(), "failed");
  Setting chat_only(ScriptedProvider("p", {}));
  HttpAnswer const none = chat_only.embed(body);
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(error_of(none).at("message").as_string(), "p does not serve embedding");
}

TEST(EmbeddingDoor, IsNotThereWhereNothingIsBehindIt) {
  GatewayServer<Gateway<ScriptedProvider>> server(Gateway<ScriptedProvider>(ScriptedProvider("p", {})));
  EXPECT_EQ(server.ask(post("/v1/embeddings", body)).status, 404);
  GatewayServer<Gateway<Embedder>> embeds(Gateway<Embedder>(Embedder{}));
  EXPECT_EQ(embeds.ask(post("/v1/embeddings", body)).status, 200);
  EXPECT_EQ(embeds.ask(post("/v1/chat/completions", R"({"model":"m","messages":[]})")).status, 404);
  EXPECT_EQ(embeds.ask(get("/v1/embeddings")).status, 405);
}

}  // namespace
}  // namespace lowart::embedding_door_test
