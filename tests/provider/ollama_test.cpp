// Ollama's wire: where requests go, how they are framed, what replies and refusals become.

#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/provider/ollama.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lowart::ollama_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

/// One provider over a script, one call. Declared in the order in which they must go.
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Ollama<ScriptedTransport> provider;

  explicit Asked(ScriptedAnswer answer, OllamaOptions options = {})
      : transport(std::vector<ScriptedAnswer>{std::move(answer)}), provider(transport, std::move(options)) {}
  template <class R>
  auto ask(R const& request) {
    return loop.run(provider(request, call));
  }
  auto const& sent() { return transport.requests().at(0); }
};

ChatRequest hello(bool stream = false) {
  ChatRequest request("llama3");
  request.add(Role::user, "Hi");
  request.edit().stream = stream;
  return request;
}
ScriptedAnswer ndjson(std::string text) {
  return ScriptedAnswer(200).field("content-type", "application/x-ndjson").piece(std::move(text));
}
std::string const said = "{\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n";
std::string const done =
    "{\"message\":{\"role\":\"assistant\",\"content\":\"lo\"},\"done\":true,\"done_reason\":\"stop\","
    "\"prompt_eval_count\":3,\"eval_count\":2}\n";

TEST(Ollama, AnswersWhole) {
  OllamaOptions options;
  options.api_key = Secret("sk-upstream");
  options.variant.num_ctx = 8192;
  Asked asked(ScriptedAnswer::json(200, done), options);
  auto reply = asked.ask(hello());
  ASSERT_TRUE(reply) << reply.error().message();
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "lo");
  EXPECT_EQ(answer->whole.usage->input_total(), 3);
  EXPECT_EQ(reply->head().dialect, Dialect::ollama);
  EXPECT_EQ(asked.sent().path, "/api/chat");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer sk-upstream");
  EXPECT_EQ(asked.sent().field("accept"), "application/json");
  EXPECT_EQ(asked.sent().body, R"({"model":"llama3","messages":[{"role":"user","content":"Hi"}],)"
                               R"("options":{"num_ctx":8192},"stream":false})");
}

TEST(Ollama, AnswersAsLines) {
  Asked asked(ndjson(said).piece(done.substr(0, 20)).piece(done.substr(20)));
  auto reply = asked.ask(hello(true));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_TRUE(reply->head().streamed);
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "Hello");
  EXPECT_EQ(reply->progress().usage.output_total(), 2);
  EXPECT_EQ(asked.sent().field("accept"), "application/x-ndjson");
  EXPECT_EQ(asked.sent().field("authorization"), "") << "no key, no credentials";
  EXPECT_NE(asked.sent().body.find(R"("stream":true)"), std::string::npos);
}

TEST(Ollama, FailsWhenAStreamBreaksOffOrSaysAnError) {
  struct Case {
    std::string stream;
    Errc at_once, later;  ///< none: internal
  };
  for (Case const& c :
       std::vector<Case>{{said, Errc::internal, Errc::connection_lost},
                         {said + done.substr(0, 30), Errc::internal, Errc::connection_lost},
                         {said + "{\"error\":\"out of memory\"}\n", Errc::internal, Errc::upstream_failed},
                         {said + "data: x\n", Errc::internal, Errc::malformed_reply},
                         {"{\"error\":\"out of memory\"}\n", Errc::upstream_failed, Errc::internal},
                         {"", Errc::connection_lost, Errc::internal},
                         {"<html>\n", Errc::malformed_reply, Errc::internal}}) {
    Asked asked(ndjson(c.stream));
    auto reply = asked.ask(hello(true));
    if (c.at_once != Errc::internal) {
      ASSERT_FALSE(reply) << c.stream;
      EXPECT_EQ(reply.error().code(), c.at_once) << c.stream;
      continue;
    }
    ASSERT_TRUE(reply) << c.stream;
    auto const answer = asked.loop.run(collect(*reply, asked.call));
    ASSERT_FALSE(answer) << c.stream;
    EXPECT_EQ(answer.error().code(), c.later) << c.stream;
  }
}

TEST(Ollama, TellsWhatTheServerRefuses) {
  Asked asked(ScriptedAnswer::json(404, R"({"error":"model 'llama3' not found"})"));
  auto const reply = asked.ask(hello());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::upstream_rejected);
  EXPECT_EQ(reply.error().upstream_message(), "model 'llama3' not found");
  EXPECT_EQ(reply.error().upstream_status(), 404);
}

TEST(Ollama, EmbedsTextsOfAnyClient) {
  std::string const body = R"({"model":"m","input":["a","b"],"user":"u"})";
  std::string scratch;
  auto facts = dialect::read_openai_embedding_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->decode = &dialect::decode_openai_embeddings;
  Asked asked(ScriptedAnswer::json(200, R"({"model":"e","embeddings":[[1],[2]],"prompt_eval_count":4})"));
  auto const got = asked.ask(EmbeddingRequest(*facts).for_model("e"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(asked.sent().path, "/api/embed");
  EXPECT_EQ(asked.sent().body, R"({"model":"e","input":["a","b"]})");
  EXPECT_EQ(got->head().dropped, "user");
  EXPECT_EQ(got->usage().get(UsageClass::input), 4);
  EXPECT_EQ(*got->vectors(), (std::vector<Embedding>{{1.0F}, {2.0F}}));
}

TEST(Ollama, ListsItsModels) {
  Asked asked(ScriptedAnswer::json(
      200, R"({"models":[{"name":"llama3:latest","model":"llama3:latest","size":1},{"name":"qwen3:8b"}]})"));
  auto const offers = asked.ask(ModelOffersRequest());
  ASSERT_TRUE(offers) << offers.error().message();
  ASSERT_EQ(offers->models().size(), 2U);
  EXPECT_EQ(offers->models()[0].id, "llama3:latest");
  EXPECT_EQ(offers->models()[1].id, "qwen3:8b");
  EXPECT_EQ(asked.sent().method, "GET");
  EXPECT_EQ(asked.sent().path, "/api/tags");
}

}  // namespace
}  // namespace lowart::ollama_test
