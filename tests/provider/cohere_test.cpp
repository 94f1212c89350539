// Cohere's wire: where requests go, what replies and refusals become.

#include <lowart/meter/counted.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/cohere.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "asked.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::cohere_test {
namespace {

using lowart::testing::FailingStream;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using Asked = lowart::testing::Asked<Cohere<ScriptedTransport>, CohereOptions>;

static_assert(doors_served<Counted<Cohere<>>>.has(DoorKind::embeddings));
static_assert(doors_served<Cohere<>>.has(DoorKind::rerank));
static_assert(Cohere<>::operations() == DoorSet{DoorKind::rerank});

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
  lowart::testing::expect_answers_whole(asked, "command-a", Dialect::cohere, "trace-1");
  EXPECT_EQ(asked.sent().path, "/v2/chat");
  EXPECT_EQ(asked.sent().body,
            R"({"model":"command-a","messages":[{"role":"user","content":"Hi"}],"stream":false})");
}

TEST(Cohere, AnswersAsAStream) {
  Asked asked(sse().piece(said).piece(done.substr(0, 20)).piece(done.substr(20)));
  lowart::testing::expect_answers_as_a_stream(asked, "command-a", "text/event-stream");
}

TEST(Cohere, FailsWhenAStreamBreaksOffOrEndsByAnError) {
  std::string const broke =
      event(R"({"type":"message-end","delta":{"finish_reason":"ERROR","error":"gone"}})");
  for (FailingStream const& c :
       std::vector<FailingStream>{{said, Errc::internal, Errc::connection_lost},
                                  {said + done.substr(0, 30), Errc::internal, Errc::connection_lost},
                                  {said + broke, Errc::internal, Errc::upstream_failed},
                                  {said + "data: x\n\n", Errc::internal, Errc::malformed_reply},
                                  {broke, Errc::upstream_failed, Errc::internal},
                                  {"", Errc::connection_lost, Errc::internal}}) {
    Asked asked(sse().piece(c.stream));
    lowart::testing::expect_fails(asked, "command-a", c);
  }
}

TEST(Cohere, TellsWhatTheServerRefuses) {
  Asked asked(ScriptedAnswer::json(404, R"({"id":"x","message":"model 'command-a' not found"})"));
  lowart::testing::expect_refused(asked, "command-a", "model 'command-a' not found");
}

TEST(Cohere, EmbedsTextsOfAnyClient) {
  CohereOptions options;
  options.variant.input_type = "search_query";
  Asked asked(ScriptedAnswer::json(
                  200, R"({"embeddings":{"float":[[1],[2]]},"meta":{"billed_units":{"input_tokens":4}}})"),
              options);
  lowart::testing::expect_embeds(
      asked, "embed-v4.0", "/v2/embed",
      R"({"model":"embed-v4.0","input_type":"search_query","texts":["a","b"],"embedding_types":["float"]})");
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
