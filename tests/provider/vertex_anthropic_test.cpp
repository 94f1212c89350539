// Anthropic's models at Vertex AI: where requests go, and the member that stands where the model's name did.

#include <lowart/provider/vertex_anthropic.hpp>

#include <lowart/dialect/anthropic_facts.hpp>
#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "asked.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::vertex_anthropic_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;

static_assert(doors_served<Counted<VertexAnthropic<>>>.has(DoorKind::count_tokens));

std::string const message =
    R"({"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"Hello"}],"model":"c",)"
    R"("stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}})";
std::string const events =
    "event: message_start\ndata: "
    "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":"
    "\"assistant\",\"content\":[],\"model\":\"c\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: "
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
    "\"text\",\"text\":\"\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
    "\"text_delta\",\"text\":\"Hello\"}}\n\n";
std::string const ending =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\ndata: "
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
    "{\"output_tokens\":1}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

ScriptedAnswer sse(std::string bytes) {
  return ScriptedAnswer(200).field("content-type", "text/event-stream").piece(std::move(bytes));
}
VertexAnthropicOptions with_key() {
  VertexAnthropicOptions options;
  options.api_key = Secret("ya29.x");
  return options;
}

using AskedProvider = lowart::testing::Asked<VertexAnthropic<ScriptedTransport>, VertexAnthropicOptions>;
struct Asked : AskedProvider {
  explicit Asked(ScriptedAnswer answer, VertexAnthropicOptions options = with_key())
      : AskedProvider(std::move(answer), std::move(options)) {}
};

WireRequest came(std::string const& body, std::string& scratch) {
  auto facts = dialect::read_anthropic_facts(body, scratch);
  EXPECT_TRUE(facts) << body;
  facts->decode = &dialect::decode_anthropic;
  return *facts;
}

TEST(VertexAnthropic, PutsTheVersionWhereTheModelStandsInTheBytesAsTheyCame) {
  std::string const version = R"("anthropic_version":"vertex-2023-10-16")";
  for (auto const& [body, wanted] : std::vector<std::array<std::string, 2>>{
           {R"({ "own":1e3, "model" : "mine", "messages":[],"s":"\u0048"})",
            "{ \"own\":1e3, " + version + R"(, "messages":[],"s":"\u0048"})"},
           {R"({"model":"mine","messages":[]})", "{" + version + R"(,"messages":[]})"},
           {R"({"messages":[],"model":"mine"})", R"({"messages":[],)" + version + "}"},
           {"{\"messages\":[],\n\"model\"\t:\n\"mi\\\"ne\"}", "{\"messages\":[],\n" + version + "}"},
           {R"({"messages":[],"\u006dodel":"mine"})", R"({"messages":[],)" + version + "}"}}) {
    std::string scratch;
    Asked asked(ScriptedAnswer::json(200, message));
    auto const reply = asked.ask(ChatRequest(came(body, scratch)).for_model("claude-sonnet-4-5@20250929"));
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_EQ(asked.sent().path, "/models/claude-sonnet-4-5@20250929:rawPredict");
    EXPECT_EQ(asked.sent().field("authorization"), "Bearer ya29.x");
    EXPECT_EQ(asked.sent().field("x-api-key"), "");
    EXPECT_EQ(asked.sent().field("anthropic-version"), "");
    EXPECT_EQ(asked.sent().body, wanted) << body;
    EXPECT_EQ(reply->head().dialect, Dialect::anthropic);
  }
}

TEST(VertexAnthropic, PassesTheClientsBetaOnAndEscapesWhatAPathCannotHold) {
  std::string scratch;
  std::string const body = R"({"model":"m","stream":true,"messages":[]})";
  auto facts = came(body, scratch);
  std::array<std::pair<std::string_view, std::string_view>, 1> const fields{{{"anthropic-beta", "one"}}};
  facts.fields = fields;
  Asked asked(sse(events + ending));
  ASSERT_TRUE(asked.ask(ChatRequest(facts).for_model("../a?b")));
  EXPECT_EQ(asked.sent().path, "/models/..%2Fa%3Fb:streamRawPredict");
  EXPECT_EQ(asked.sent().field("anthropic-beta"), "one");
}

TEST(VertexAnthropic, TranslatesOtherDialectsAndStreams) {
  Asked asked(sse(events + ending));
  ChatRequest request = std::move(ChatRequest("claude-x").add(Role::user, "Hi"));
  request.edit().stream = true;
  auto reply = asked.ask(request);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(asked.sent().path, "/models/claude-x:streamRawPredict");
  EXPECT_NE(asked.sent().body.find(R"("anthropic_version":"vertex-2023-10-16")"), std::string::npos);
  EXPECT_EQ(asked.sent().body.find(R"("model")"), std::string::npos) << asked.sent().body;
  EXPECT_NE(asked.sent().body.find(R"("stream":true)"), std::string::npos);
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "Hello");
  Asked cut{sse(events)};
  auto partial = cut.ask(request);
  ASSERT_TRUE(partial);
  EXPECT_EQ(cut.loop.run(collect(*partial, cut.call)).error().code(), Errc::connection_lost);
}

TEST(VertexAnthropic, CountsWithTheModelInTheBody) {
  std::string scratch;
  std::string const body = R"({"messages":[], "model":"c","own":1e3})";
  Asked asked(ScriptedAnswer::json(200, R"({"input_tokens":9})"));
  auto const count = asked.ask(CountRequest(ChatRequest(came(body, scratch))).for_model("d"));
  ASSERT_TRUE(count) << count.error().message();
  EXPECT_EQ(asked.sent().path, "/models/count-tokens:rawPredict");
  EXPECT_EQ(asked.sent().body, R"({"messages":[], "model":"d","own":1e3})");
  EXPECT_EQ(count->input_tokens(), 9);
}

TEST(VertexAnthropic, SaysWhatGoogleAndAnthropicRefuse) {
  auto const refused = [](int status, std::string body) {
    Asked asked(ScriptedAnswer::json(status, std::move(body)));
    auto const reply = asked.ask(std::move(ChatRequest("c").add(Role::user, "Hi")));
    return reply ? Error(Errc::internal, "answered") : reply.error();
  };
  std::string const of_google = R"({"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}})";
  EXPECT_EQ(refused(403, of_google).code(), Errc::upstream_auth);
  EXPECT_TRUE(refused(403, of_google).message().starts_with("Google Cloud did not let the credentials in"));
  EXPECT_EQ(refused(404, of_google).message(),
            "Vertex AI does not know this model in the provider's project and location (status 404)");
  EXPECT_EQ(refused(429, of_google).code(), Errc::rate_limited);
  Error const bad = refused(
      400, R"({"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too large"}})");
  EXPECT_EQ(bad.code(), Errc::upstream_rejected);
  EXPECT_EQ(bad.upstream_message(), "max_tokens: too large");
}

}  // namespace
}  // namespace lowart::vertex_anthropic_test
