#include <lowart/meter/token_meter.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::operation_test {
namespace {

using namespace std::chrono_literals;
using dialect::read_operation_facts;
using dialect::read_operation_reply;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

std::string param_of(OperationKind kind, std::string_view body) {
  std::string scratch;
  auto const facts = read_operation_facts(kind, body, scratch);
  return facts ? "none" : facts.error().param();
}

TEST(OperationFacts, NameWhatIsMissing) {
  using enum OperationKind;
  EXPECT_EQ(param_of(moderation, R"({"model":"m","input":"a"})"), "none");
  EXPECT_EQ(param_of(moderation, R"({"model":"m"})"), "input");
  EXPECT_EQ(param_of(moderation, R"({"input":"a"})"), "model");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","query":"q","documents":[]})"), "none");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","documents":[]})"), "query");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","query":"q"})"), "documents");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","query":"q","documents":"a"})"), "documents");
  EXPECT_EQ(param_of(image, R"({"model":"m","prompt":"a cat","stream":false})"), "none");
  EXPECT_EQ(param_of(image, R"({"model":"m","prompt":"a cat","stream":true})"), "stream");
  EXPECT_EQ(param_of(image, R"({"model":"m","Model":"n","prompt":"a cat"})"), "model");
  EXPECT_EQ(param_of(image, R"({"model":"m","prompt":null})"), "prompt");
}

TEST(OperationReplies, TellTheirUsageInEachVendorsWords) {
  auto const input = [](std::string_view body) { return read_operation_reply(body)->get(UsageClass::input); };
  EXPECT_EQ(input(R"({"results":[],"usage":{"total_tokens":38}})"), 38);                  // Jina, vLLM
  EXPECT_EQ(input(R"({"data":[],"usage":{"total_tokens":26,"prompt_tokens":20}})"), 20);  // told apart
  EXPECT_EQ(input(R"({"results":[],"meta":{"tokens":{"input_tokens":7,"output_tokens":0}}})"), 7);  // Cohere
  EXPECT_EQ(input(R"({"results":[],"meta":{"billed_units":{"search_units":1}}})"), std::nullopt);
  EXPECT_EQ(input(R"({"results":[],"usage":{"total_tokens":-1}})"), std::nullopt);
  auto const image = read_operation_reply(
      R"({"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":50,"output_tokens":272,"total_tokens":322,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}})");
  EXPECT_EQ(image->get(UsageClass::input), 10);
  EXPECT_EQ(image->get(UsageClass::input_image), 40);
  EXPECT_EQ(image->get(UsageClass::output), 272);
}

TEST(OperationReplies, AreRefusedWhenTheyAreNone) {
  for (std::string_view const body :
       {"", "<html>", "[]", R"({"choices":[]})", R"({"results":{}})", R"({"data":[)"})
    EXPECT_EQ(read_operation_reply(body).error().code(), Errc::malformed_reply) << body;
}

struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  OpenAi<ScriptedTransport> provider;

  explicit Asked(std::vector<ScriptedAnswer> answers, OpenAiOptions options = {})
      : transport(std::move(answers)), provider(transport, std::move(options)) {}
};

TEST(OperationCalls, ForwardTheBytesAndReplaceNothingButTheModelsName) {
  std::string const reply = R"({ "results":[ {"index":1,"relevance_score":0.90} ], "own":1.0 })";
  std::string const body = R"({ "query":"q\u00e9","own":1e3, "model" : "m","documents":["a"] })";
  for (auto const& [model, sent] : std::vector<std::pair<std::string, std::string>>{
           {"m", body}, {"o\"", R"({ "query":"q\u00e9","own":1e3, "model" : "o\"","documents":["a"] })"}}) {
    Asked asked({ScriptedAnswer::json(200, reply)}, {.api_key = Secret("sk-up")});
    std::string scratch;
    auto const facts = read_operation_facts(OperationKind::rerank, body, scratch);
    ASSERT_TRUE(facts);
    auto const answer = asked.loop.run(asked.provider(OperationRequest(*facts).for_model(model), asked.call));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->bytes(), reply);
    EXPECT_EQ(answer->head().upstream_model, model);
    auto const& request = asked.transport.requests().at(0);
    EXPECT_EQ(request.path, "/rerank");
    EXPECT_EQ(request.body, sent);
    EXPECT_EQ(request.field("authorization"), "Bearer sk-up");
  }
}

TEST(OperationCalls, GoToThePathOfTheirKind) {
  for (auto const& [kind, path] :
       std::vector<std::pair<OperationKind, std::string>>{{OperationKind::moderation, "/moderations"},
                                                          {OperationKind::rerank, "/rerank"},
                                                          {OperationKind::image, "/images/generations"}}) {
    Asked asked({ScriptedAnswer::json(200, R"({"results":[]})")});
    OperationRequest const request(kind, "m", R"({"model":"m"})");
    ASSERT_TRUE(asked.loop.run(asked.provider(request, asked.call)));
    EXPECT_EQ(asked.transport.requests().at(0).path, path);
    EXPECT_EQ(asked.transport.requests().at(0).body, R"({"model":"m"})");
  }
}

TEST(OperationCalls, PassThroughThePolicies) {
  Asked asked({ScriptedAnswer::json(503, R"({"error":{"message":"busy"}})"),
               ScriptedAnswer::json(200, "<html>"), ScriptedAnswer::json(200, R"({"data":[]})")});
  RetryOptions patient;
  patient.attempts = 3;
  patient.first_wait = 1ms;
  auto chain =
      Fallback{AnyProvider(ForModel(asked.provider | timeouts({}) | breaker() | retry(patient), "up"))};
  auto const reply = asked.loop.run(chain(OperationRequest(OperationKind::image, "m", "{}"), asked.call));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->head().upstream_model, "up");
  EXPECT_EQ(asked.call.trail().size(), 3U);
}

TEST(OperationCalls, AreUnsupportedByThoseThatHaveNone) {
  TestLoop loop;
  Call call = loop.call();
  AnyProvider claude(Anthropic<ScriptedTransport>(ScriptedTransport({}), {}));
  auto const reply = loop.run(claude(OperationRequest(OperationKind::rerank, "m", "{}"), call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unsupported);
  EXPECT_FALSE(claude.doors().has(DoorKind::rerank));
}

}  // namespace
}  // namespace lowart::operation_test
