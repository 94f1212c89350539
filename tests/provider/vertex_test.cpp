// Vertex AI: where requests go, and with which credentials.

#include <lowart/provider/vertex.hpp>

#include <lowart/dialect/gemini_count.hpp>
#include <lowart/dialect/gemini_facts.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lowart::vertex_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

static_assert(doors_served<Vertex<>>.has(DoorKind::embeddings));
static_assert(doors_served<Counted<Vertex<>>>.has(DoorKind::count_tokens));

std::string const generated =
    R"({"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"finishReason":"STOP"}],)"
    R"("usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4}})";

/// One provider over a script. Declared in the order in which they must go.
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Vertex<ScriptedTransport> provider;

  Asked(ScriptedAnswer answer, VertexOptions options)
      : transport(std::vector<ScriptedAnswer>{std::move(answer)}), provider(transport, std::move(options)) {}
  template <class R>
  auto ask(R const& request) {
    return loop.run(provider(request, call));
  }
  auto const& sent() { return transport.requests().at(0); }
};

VertexOptions with_token(ScriptedTransport server) {
  VertexOptions options;
  TokenGrant grant;
  grant.owner = "vertex";
  grant.path = "/token";
  grant.form = [](std::int64_t) -> Result<Secret> { return Secret("form"); };
  options.token = AccessToken(net::AnyTransport(std::move(server)), std::move(grant));
  return options;
}
ScriptedTransport token_server() {
  return ScriptedTransport(
      {ScriptedAnswer::json(200, R"({"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"})")});
}

TEST(Vertex, KnowsWhereAProjectIs) {
  EXPECT_EQ(vertex_url(vertex_host("us-central1"), "my-project", "us-central1"),
            "https://us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1/"
            "publishers/google");
  EXPECT_EQ(vertex_url(vertex_host("global"), "example.com:p", "global"),
            "https://aiplatform.googleapis.com/v1/projects/example.com:p/locations/global/publishers/google");
}

TEST(Vertex, AsksWithTheTokenOfItsAccount) {
  Asked asked(ScriptedAnswer::json(200, generated), with_token(token_server()));
  ChatRequest const request = std::move(ChatRequest("gemini-2.5-flash").add(Role::user, "Hi"));
  auto reply = asked.ask(request);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(asked.sent().path, "/models/gemini-2.5-flash:generateContent");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer ya29.x");
  EXPECT_EQ(asked.sent().field("x-goog-api-key"), "");
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text(), "Hello");
}

TEST(Vertex, AsksWithAGivenToken) {
  VertexOptions options;
  options.api_key = Secret("given");
  Asked asked(
      ScriptedAnswer::json(401, R"({"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}})"),
      options);
  ChatRequest request = std::move(ChatRequest("g").add(Role::user, "Hi"));
  request.edit().stream = true;
  auto const reply = asked.ask(request);
  EXPECT_EQ(asked.sent().path, "/models/g:streamGenerateContent?alt=sse");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer given");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::upstream_auth);
}

TEST(VertexEmbeddings, ArePredictionsForTheInputsOfAnyDialect) {
  std::string const body = R"({"model":"m","input":["a","b"],"dimensions":2})";
  std::string scratch;
  auto facts = dialect::read_openai_embedding_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->decode = &dialect::decode_openai_embeddings;
  Asked asked(ScriptedAnswer::json(
                  200, R"({"predictions":[{"embeddings":{"values":[1,2],"statistics":{"token_count":3}}},)"
                       R"({"embeddings":{"values":[3,4],"statistics":{"token_count":1}}}]})"),
              with_token(token_server()));
  auto const reply = asked.ask(EmbeddingRequest(*facts).for_model("text-embedding-005"));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(asked.sent().path, "/models/text-embedding-005:predict");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer ya29.x");
  EXPECT_EQ(asked.sent().body,
            R"({"instances":[{"content":"a"},{"content":"b"}],"parameters":{"outputDimensionality":2}})");
  EXPECT_EQ(reply->vectors().value(), (std::vector<Embedding>{{1, 2}, {3, 4}}));
  EXPECT_EQ(reply->usage().input_total(), 4);
  Asked odd(ScriptedAnswer::json(200, R"({"embedding":{"values":[1]}})"), with_token(token_server()));
  auto const none = odd.ask(EmbeddingRequest(*facts));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::malformed_reply);
}

TEST(VertexCounts, AskWithTheBytesAsTheyCameButNotWithinAnEnvelope) {
  dialect::GeminiPath const path{
      .model = "g", .method = dialect::GeminiMethod::count_tokens, .as_array = false};
  auto const count_of = [&](std::string const& body) {
    auto facts = dialect::read_gemini_count_facts(path, body);
    EXPECT_TRUE(facts) << body;
    facts->decode = &dialect::decode_gemini_count;
    return CountRequest(ChatRequest(*facts));
  };
  std::string const plain = R"({"contents":[{"role":"user","parts":[{"text":"a"}]}]})";
  Asked asked(ScriptedAnswer::json(200, R"({"totalTokens": 31})"), with_token(token_server()));
  auto const count = asked.ask(count_of(plain));
  ASSERT_TRUE(count) << count.error().message();
  EXPECT_EQ(count->input_tokens(), 31);
  EXPECT_EQ(asked.sent().path, "/models/g:countTokens");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer ya29.x");
  EXPECT_EQ(asked.sent().body, plain);

  std::string const whole = R"({"generateContentRequest":{"model":"models/g","contents":[]}})";
  Asked again(ScriptedAnswer::json(200, R"({"totalTokens": 31})"), with_token(token_server()));
  auto const refused = again.ask(count_of(whole));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
  EXPECT_TRUE(again.transport.requests().empty());
}

}  // namespace
}  // namespace lowart::vertex_test
