#include <lowart/provider/openai.hpp>

#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::openai_embeddings_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

std::string const reply_text =
    R"({"object":"list","own":1.50,"data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"m-1","usage":{"prompt_tokens":8,"total_tokens":8}})";

struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  OpenAi<ScriptedTransport> provider;
  Result<EmbeddingReply> reply = fail(Errc::internal, "not asked");

  explicit Asked(std::vector<ScriptedAnswer> answers, OpenAiOptions options = {})
      : transport(std::move(answers)), provider(transport, std::move(options)) {}
  explicit Asked(ScriptedAnswer answer, OpenAiOptions options = {})
      : Asked(std::vector<ScriptedAnswer>{std::move(answer)}, std::move(options)) {}

  Result<EmbeddingReply>& ask(EmbeddingRequest const& request) {
    reply = loop.run(provider(request, call));
    return reply;
  }
  Result<EmbeddingReply>& ask() { return ask(EmbeddingRequest("m").add("Hi")); }
};

EmbeddingRequest wire_request(std::string const& body, std::string& scratch) {
  auto facts = dialect::read_openai_embedding_facts(body, scratch);
  EXPECT_TRUE(facts) << facts.error().message();
  facts->decode = &dialect::decode_openai_embeddings;
  return EmbeddingRequest(*facts);
}

std::string sent_body(std::string const& body, std::string const& model) {
  std::string scratch;
  Asked asked(ScriptedAnswer::json(200, reply_text));
  EXPECT_TRUE(asked.ask(wire_request(body, scratch).for_model(model)));
  return asked.transport.requests().at(0).body;
}

TEST(OpenAiEmbeddingCalls, ForwardTheBytesAndReplaceNothingButTheModelsName) {
  std::string const body = R"({ "input":["a"], "own" : 1e3 , "model"  :  "m" })";
  EXPECT_EQ(sent_body(body, "m"), body);
  EXPECT_EQ(sent_body(body, "o\""), R"({ "input":["a"], "own" : 1e3 , "model"  :  "o\"" })");
}

TEST(OpenAiEmbeddingCalls, GiveTheReplyAsItCame) {
  std::string scratch;
  std::string const body = R"({"model":"m","input":"a","encoding_format":"base64"})";
  OpenAiOptions options;
  options.api_key = Secret("sk-up");
  Asked asked(ScriptedAnswer::json(200, reply_text), options);
  auto& reply = asked.ask(wire_request(body, scratch));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->dialect(), EmbeddingDialect::openai);
  EXPECT_EQ(reply->bytes(), reply_text);
  EXPECT_EQ(reply->usage().get(UsageClass::input), 8);
  EXPECT_EQ(reply->head().provider, "openai");
  EXPECT_EQ(reply->head().upstream_model, "m");
  ASSERT_TRUE(reply->vectors());
  EXPECT_EQ(*reply->vectors(), (std::vector<Embedding>{{1.0F}}));
  auto const& sent = asked.transport.requests().at(0);
  EXPECT_EQ(sent.path, "/embeddings");
  EXPECT_EQ(sent.field("authorization"), "Bearer sk-up");
  EXPECT_EQ(sent.field("accept"), "application/json");
  ASSERT_EQ(asked.call.trail().size(), 1U);
  EXPECT_FALSE(asked.call.trail()[0].failure);
}

TEST(OpenAiEmbeddingCalls, GatherAReplyThatComesInPieces) {
  Asked asked(ScriptedAnswer(200)
                  .field("content-type", "application/json")
                  .piece(reply_text.substr(0, 40))
                  .piece(reply_text.substr(40)));
  ASSERT_TRUE(asked.ask());
  EXPECT_EQ(asked.reply->bytes(), reply_text);
}

TEST(OpenAiEmbeddingCalls, WriteRequestsMadeInProcess) {
  Asked asked(ScriptedAnswer::json(200, reply_text));
  ASSERT_TRUE(asked.ask(EmbeddingRequest("m").add("a").add("b")));
  EXPECT_EQ(asked.transport.requests().at(0).body, R"({"model":"m","input":["a","b"]})");
}

TEST(OpenAiEmbeddingCalls, RefuseWhatTheDialectCannotSayBeforeAnythingIsSent) {
  EmbeddingInputs inputs;
  inputs.dialect = EmbeddingDialect::gemini;
  inputs.inputs.emplace_back().text = "a";
  inputs.inputs[0].task = "CLUSTERING";
  Asked asked(ScriptedAnswer::json(200, reply_text));
  ASSERT_FALSE(asked.ask(EmbeddingRequest("m", inputs)));
  EXPECT_EQ(asked.reply.error().code(), Errc::unsupported);
  EXPECT_EQ(asked.reply.error().param(), "taskType");
  EXPECT_TRUE(asked.transport.requests().empty());
  OpenAiOptions options;
  options.may_drop = MayDrop::anything;
  Asked lax(ScriptedAnswer::json(200, reply_text), options);
  ASSERT_TRUE(lax.ask(EmbeddingRequest("m", inputs)));
  EXPECT_EQ(lax.reply->head().dropped, "taskType");
}

TEST(OpenAiEmbeddingCalls, SayWhatWentWrong) {
  struct Case {
    ScriptedAnswer answer;
    Errc code;
    bool retryable;
  };
  std::string const error = R"({"error":{"message":"no","type":"t","param":"input","code":null}})";
  OpenAiOptions small;
  small.reply_bytes = 40;
  std::vector<Case> cases;
  cases.push_back({ScriptedAnswer::json(400, error), Errc::upstream_rejected, false});
  cases.push_back({ScriptedAnswer::json(401, error), Errc::upstream_auth, false});
  cases.push_back({ScriptedAnswer::json(429, error), Errc::rate_limited, true});
  cases.push_back({ScriptedAnswer::json(500, error), Errc::upstream_failed, true});
  cases.push_back({ScriptedAnswer::json(200, R"({"choices":[]})"), Errc::malformed_reply, true});
  for (Case& each : cases) {
    Asked asked(std::move(each.answer));
    ASSERT_FALSE(asked.ask());
    EXPECT_EQ(asked.reply.error().code(), each.code);
    EXPECT_EQ(asked.reply.error().retryable(), each.retryable);
    EXPECT_EQ(asked.call.trail().at(0).failure, each.code);
  }
  Asked large(ScriptedAnswer::json(200, reply_text), small);
  ASSERT_FALSE(large.ask());
  EXPECT_EQ(large.reply.error().code(), Errc::too_large);
}

// --- through the policies ---------------------------------------------------------------------------------

TEST(OpenAiEmbeddingCalls, AreRetriedRenamedAndGuardedLikeChats) {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport({ScriptedAnswer::json(503, "{}"), ScriptedAnswer::json(200, reply_text)});
  auto provider = AnyProvider(ForModel(OpenAi<ScriptedTransport>(transport, {}) | timeouts() | breaker() |
                                           retry({.attempts = 2, .first_wait = 0ms}),
                                       "other"));
  EmbeddingRequest const request = EmbeddingRequest("m").add("a");
  auto const reply = loop.run(provider(request, call));
  ASSERT_TRUE(reply) << reply.error().message();
  ASSERT_EQ(transport.requests().size(), 2U);
  EXPECT_EQ(transport.requests()[1].body, R"({"model":"other","input":["a"]})");
  EXPECT_EQ(reply->head().upstream_model, "other");
}

TEST(OpenAiEmbeddingCalls, FallBackFromAProviderThatServesNone) {
  struct ChatOnly {
    std::string_view name() const { return "chat-only"; }
    Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) { co_return fail(Errc::internal, ""); }
  };
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport({ScriptedAnswer::json(200, reply_text)});
  std::vector<AnyProvider> targets;
  targets.emplace_back(ChatOnly{});
  targets.emplace_back(OpenAi<ScriptedTransport>(transport, {}));
  FallbackList<AnyProvider> chain(std::move(targets));
  EmbeddingRequest const request = EmbeddingRequest("m").add("a");
  auto const reply = loop.run(chain(request, call));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->head().provider, "openai");
}

TEST(OpenAiEmbeddingCalls, OpenTheBreakerOfAProviderThatKeepsFailing) {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport({ScriptedAnswer::json(500, "{}"), ScriptedAnswer::json(200, reply_text)});
  auto provider = OpenAi<ScriptedTransport>(transport, {}) | breaker({.failures = 1});
  EmbeddingRequest const request = EmbeddingRequest("m").add("a");
  EXPECT_FALSE(loop.run(provider(request, call)));
  auto const refused = loop.run(provider(request, call));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::circuit_open);
  EXPECT_EQ(transport.requests().size(), 1U);
}

}  // namespace
}  // namespace lowart::openai_embeddings_test
