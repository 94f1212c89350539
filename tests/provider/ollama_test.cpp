// Ollama's wire: where requests go, how they are framed, what replies and refusals become.

#include <lowart/provider/ollama.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "asked.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lowart::ollama_test {
namespace {

using lowart::testing::FailingStream;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using Asked = lowart::testing::Asked<Ollama<ScriptedTransport>, OllamaOptions>;

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
  lowart::testing::expect_answers_whole(asked, "llama3", Dialect::ollama);
  EXPECT_EQ(asked.sent().path, "/api/chat");
  EXPECT_EQ(asked.sent().body, R"({"model":"llama3","messages":[{"role":"user","content":"Hi"}],)"
                               R"("options":{"num_ctx":8192},"stream":false})");
}

TEST(Ollama, AnswersAsLines) {
  Asked asked(ndjson(said).piece(done.substr(0, 20)).piece(done.substr(20)));
  lowart::testing::expect_answers_as_a_stream(asked, "llama3", "application/x-ndjson");
  EXPECT_NE(asked.sent().body.find(R"("stream":true)"), std::string::npos);
}

TEST(Ollama, FailsWhenAStreamBreaksOffOrSaysAnError) {
  for (FailingStream const& c : std::vector<FailingStream>{
           {said, Errc::internal, Errc::connection_lost},
           {said + done.substr(0, 30), Errc::internal, Errc::connection_lost},
           {said + "{\"error\":\"out of memory\"}\n", Errc::internal, Errc::upstream_failed},
           {said + "data: x\n", Errc::internal, Errc::malformed_reply},
           {"{\"error\":\"out of memory\"}\n", Errc::upstream_failed, Errc::internal},
           {"", Errc::connection_lost, Errc::internal},
           {"<html>\n", Errc::malformed_reply, Errc::internal}}) {
    Asked asked(ndjson(c.stream));
    lowart::testing::expect_fails(asked, "llama3", c);
  }
}

TEST(Ollama, TellsWhatTheServerRefuses) {
  Asked asked(ScriptedAnswer::json(404, R"({"error":"model 'llama3' not found"})"));
  lowart::testing::expect_refused(asked, "llama3", "model 'llama3' not found");
}

TEST(Ollama, EmbedsTextsOfAnyClient) {
  Asked asked(ScriptedAnswer::json(200, R"({"model":"e","embeddings":[[1],[2]],"prompt_eval_count":4})"));
  lowart::testing::expect_embeds(asked, "e", "/api/embed", R"({"model":"e","input":["a","b"]})");
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
