// Cohere's wire: where requests go, what replies and refusals become.

#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/cohere.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lowart::cohere_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

static_assert(doors_served<Counted<Cohere<>>>.has(DoorKind::embeddings));
static_assert(doors_served<Cohere<>>.has(DoorKind::rerank));
static_assert(Cohere<>::operations() == DoorSet{DoorKind::rerank});

/// One provider over a script, one call. Declared in the order in which they must go.
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Cohere<ScriptedTransport> provider;

  explicit Asked(std::vector<ScriptedAnswer> answers, CohereOptions options = {})
      : transport(std::move(answers)), provider(transport, std::move(options)) {}
  explicit Asked(ScriptedAnswer answer, CohereOptions options = {})
      : Asked(std::vector<ScriptedAnswer>{std::move(answer)}, std::move(options)) {}
  template <class R>
  auto ask(R const& request) {
    return loop.run(provider(request, call));
  }
  auto const& sent(std::size_t i = 0) { return transport.requests().at(i); }
};

ChatRequest hello(bool stream = false) {
  ChatRequest request("command-a");
  request.add(Role::user, "Hi");
  request.edit().stream = stream;
  return request;
}
ScriptedAnswer sse() { return ScriptedAnswer(200).field("content-type", "text/event-stream"); }
std::string event(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }
std::string const said =
    event(R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hello"}}}})");
std::string const done = event(
    R"({"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":2}}}})");

TEST(Cohere, AnswersWhole) {
  CohereOptions options;
  options.api_key = Secret("sk-upstream");
  Asked asked(
      ScriptedAnswer::json(
          200,
          R"({"id":"x","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"lo"}]},)"
          R"("usage":{"billed_units":{"input_tokens":3,"output_tokens":2}}})")
          .field("x-debug-trace-id", "trace-1"),
      options);
  auto reply = asked.ask(hello());
  ASSERT_TRUE(reply) << reply.error().message();
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "lo");
  EXPECT_EQ(answer->whole.usage->input_total(), 3);
  EXPECT_EQ(reply->head().dialect, Dialect::cohere);
  EXPECT_EQ(reply->head().upstream_id, "trace-1");
  EXPECT_EQ(asked.sent().path, "/v2/chat");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer sk-upstream");
  EXPECT_EQ(asked.sent().field("accept"), "application/json");
  EXPECT_EQ(asked.sent().body,
            R"({"model":"command-a","messages":[{"role":"user","content":"Hi"}],"stream":false})");
}

TEST(Cohere, AnswersAsAStream) {
  Asked asked(sse().piece(said).piece(done.substr(0, 20)).piece(done.substr(20)));
  auto reply = asked.ask(hello(true));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_TRUE(reply->head().streamed);
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "Hello");
  EXPECT_EQ(reply->progress().usage.output_total(), 2);
  EXPECT_EQ(asked.sent().field("accept"), "text/event-stream");
  EXPECT_EQ(asked.sent().field("authorization"), "") << "no key, no credentials";
}

TEST(Cohere, FailsWhenAStreamBreaksOffOrEndsByAnError) {
  std::string const broke =
      event(R"({"type":"message-end","delta":{"finish_reason":"ERROR","error":"gone"}})");
  struct Case {
    std::string stream;
    Errc at_once, later;  ///< none: internal
  };
  for (Case const& c : std::vector<Case>{{said, Errc::internal, Errc::connection_lost},
                                         {said + done.substr(0, 30), Errc::internal, Errc::connection_lost},
                                         {said + broke, Errc::internal, Errc::upstream_failed},
                                         {said + "data: x\n\n", Errc::internal, Errc::malformed_reply},
                                         {broke, Errc::upstream_failed, Errc::internal},
                                         {"", Errc::connection_lost, Errc::internal}}) {
    Asked asked(sse().piece(c.stream));
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

TEST(Cohere, TellsWhatTheServerRefuses) {
  Asked asked(ScriptedAnswer::json(404, R"({"id":"x","message":"model 'command-a' not found"})"));
  auto const reply = asked.ask(hello());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::upstream_rejected);
  EXPECT_EQ(reply.error().upstream_message(), "model 'command-a' not found");
  EXPECT_EQ(reply.error().upstream_status(), 404);
}

TEST(Cohere, EmbedsTextsOfAnyClient) {
  std::string const body = R"({"model":"m","input":["a","b"],"user":"u"})";
  std::string scratch;
  auto facts = dialect::read_openai_embedding_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->decode = &dialect::decode_openai_embeddings;
  CohereOptions options;
  options.variant.input_type = "search_query";
  Asked asked(ScriptedAnswer::json(
                  200, R"({"embeddings":{"float":[[1],[2]]},"meta":{"billed_units":{"input_tokens":4}}})"),
              options);
  auto const got = asked.ask(EmbeddingRequest(*facts).for_model("embed-v4.0"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(asked.sent().path, "/v2/embed");
  EXPECT_EQ(asked.sent().body, R"({"model":"embed-v4.0","input_type":"search_query","texts":["a","b"],)"
                               R"("embedding_types":["float"]})");
  EXPECT_EQ(got->head().dropped, "user");
  EXPECT_EQ(got->usage().get(UsageClass::input), 4);
  EXPECT_EQ(*got->vectors(), (std::vector<Embedding>{{1.0F}, {2.0F}}));
}

TEST(Cohere, RanksAndRefusesOtherOperations) {
  std::string const body = R"({"model":"rerank-v3.5","query":"q","documents":["a"],"top_n":1})";
  std::string const ranking =
      R"({"id":"x","results":[{"index":0,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}})";
  Asked asked(ScriptedAnswer::json(200, ranking));
  auto const got = asked.ask(OperationRequest(OperationKind::rerank, "rerank-v3.5", body));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(asked.sent().path, "/v2/rerank");
  EXPECT_EQ(asked.sent().body, body);
  auto const no = asked.ask(OperationRequest(OperationKind::image, "m", "{}"));
  ASSERT_FALSE(no);
  EXPECT_EQ(no.error().code(), Errc::unsupported);
  EXPECT_EQ(no.error().message(), "cohere does not serve image");
  EXPECT_EQ(asked.transport.requests().size(), 1U);
}

TEST(Cohere, ListsItsModelsPageByPage) {
  Asked asked(std::vector<ScriptedAnswer>{
      ScriptedAnswer::json(
          200,
          R"({"models":[{"name":"command-a","context_length":256000,"endpoints":["chat"]}],"next_page_token":"a b"})"),
      ScriptedAnswer::json(200, R"({"models":[{"name":"embed-v4.0"},{"finetuned":true}]})")});
  auto const offers = asked.ask(ModelOffersRequest());
  ASSERT_TRUE(offers) << offers.error().message();
  ASSERT_EQ(offers->models().size(), 2U);
  EXPECT_EQ(offers->models()[0].id, "command-a");
  EXPECT_EQ(offers->models()[0].context_tokens, 256000);
  EXPECT_EQ(offers->models()[1].id, "embed-v4.0");
  EXPECT_EQ(asked.sent().path, "/v1/models?page_size=1000");
  EXPECT_EQ(asked.sent(1).path, "/v1/models?page_size=1000&page_token=a%20b");
}

}  // namespace
}  // namespace lowart::cohere_test
