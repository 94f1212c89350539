// Azure OpenAI: its two kinds of paths, its credentials, its streams and refusals.

#include <lowart/provider/azure_openai.hpp>

#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "asked.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace lowart::azure_openai_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;
using Asked = lowart::testing::Asked<AzureOpenAi<ScriptedTransport>, AzureOpenAiOptions>;

AzureOpenAiOptions at(std::string base_url, std::string api_version = "") {
  AzureOpenAiOptions options;
  options.base_url = std::move(base_url);
  options.api_version = std::move(api_version);
  return options;
}
AzureOpenAiOptions with_key(AzureOpenAiOptions options) {
  options.api_key = Secret("k");
  return options;
}
AzureOpenAiOptions with_token(AzureOpenAiOptions options, ScriptedTransport server) {
  TokenGrant grant =
      entra_grant("azure", EntraCredentials{.tenant = "t", .client_id = "c", .client_secret = Secret("s")});
  options.token = AccessToken(net::AnyTransport(std::move(server)), std::move(grant));
  return options;
}
std::string const older = "https://r.openai.azure.com/openai", newer = "https://r.openai.azure.com/openai/v1";

std::string const completion =
    R"({"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},)"
    R"("finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}})";
std::string const vectors =
    R"({"object":"list","data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":1,"total_tokens":1}})";
ScriptedAnswer token(std::string const& text) {
  return ScriptedAnswer::json(200, R"({"access_token":")" + text + R"(","expires_in":3600})");
}

ChatRequest chat_of(std::string const& body, std::string& scratch) {
  auto facts = dialect::read_openai_chat_facts(body, scratch);
  EXPECT_TRUE(facts) << body;
  facts->decode = &dialect::decode_openai_chat;
  return ChatRequest(*facts);
}
std::string const body = R"({"own":1.0, "model":"m","messages":[{"role":"user","content":"Hi"}]})";

TEST(AzureOpenAi, NamesTheDeploymentInThePathAndSendsTheBytesAsTheyCame) {
  std::string scratch;
  Asked asked({ScriptedAnswer::json(200, completion)}, with_key(at(older, "2024-10-21")));
  auto const reply = asked.ask(chat_of(body, scratch).for_model("m"));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(asked.sent().path, "/deployments/m/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(asked.sent().field("api-key"), "k");
  EXPECT_EQ(asked.sent().field("authorization"), "");
  EXPECT_EQ(asked.sent().body, body);
}

TEST(AzureOpenAi, EscapesWhatAPathCannotHold) {
  std::string scratch;
  Asked asked({ScriptedAnswer::json(200, completion)}, with_key(at(older, "a b")));
  EXPECT_TRUE(asked.ask(chat_of(body, scratch).for_model("a/../b?c")));
  EXPECT_EQ(asked.sent().path, "/deployments/a%2F..%2Fb%3Fc/chat/completions?api-version=a%20b");
}

TEST(AzureOpenAi, HasThePathsOfOpenAiBehindV1) {
  std::string scratch;
  for (auto const& [base, version, path] :
       std::vector<std::array<std::string, 3>>{{newer, "", "/chat/completions"},
                                               {newer + "/", "", "/chat/completions"},
                                               {newer, "preview", "/chat/completions?api-version=preview"}}) {
    Asked asked({ScriptedAnswer::json(200, completion)}, with_key(at(base, version)));
    ASSERT_TRUE(asked.ask(chat_of(body, scratch).for_model("dep")));
    EXPECT_EQ(asked.sent().path, path);
    EXPECT_EQ(asked.sent().body, R"({"own":1.0, "model":"dep","messages":[{"role":"user","content":"Hi"}]})");
  }
}

TEST(AzureOpenAi, EmbedsAndListsModels) {
  std::string scratch;
  auto facts = dialect::read_openai_embedding_facts(R"({"model":"e","input":"a"})", scratch);
  ASSERT_TRUE(facts);
  Asked asked({ScriptedAnswer::json(200, vectors), ScriptedAnswer::json(200, R"({"data":[{"id":"gpt-x"}]})")},
              with_key(at(older, "v")));
  ASSERT_TRUE(asked.ask(EmbeddingRequest(*facts)));
  EXPECT_EQ(asked.sent().path, "/deployments/e/embeddings?api-version=v");
  auto const offers = asked.ask(ModelOffersRequest());
  ASSERT_TRUE(offers) << offers.error().message();
  EXPECT_EQ(asked.sent(1).path, "/models?api-version=v");
  EXPECT_EQ(asked.sent(1).field("api-key"), "k");
}

TEST(AzureOpenAi, DoesNotCommitToTheFiltersVerdictOnThePrompt) {
  std::string scratch;
  std::string const first =
      "data: "
      "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{"
      "\"prompt_index\":0,"
      "\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":\"safe\"}}}]}\n\n";
  std::string const streamed = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]})";
  {
    Asked asked({ScriptedAnswer(200)
                     .field("content-type", "text/event-stream")
                     .piece(first)
                     .then_fail(Error(Errc::connection_lost, "cut", Origin::upstream))},
                with_key(at(newer)));
    auto const reply = asked.ask(chat_of(streamed, scratch));
    ASSERT_FALSE(reply) << "committed";
    EXPECT_EQ(reply.error().code(), Errc::connection_lost);
  }
  std::string const rest =
      "data: "
      "{\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"Hello\",\"role\":\"assistant\"},"
      "\"finish_reason\":\"stop\",\"index\":0}],\"id\":\"c\",\"object\":\"chat.completion.chunk\"}\n\ndata: "
      "[DONE]\n\n";
  Asked asked({ScriptedAnswer(200).field("content-type", "text/event-stream").piece(first).piece(rest)},
              with_key(at(newer)));
  auto reply = asked.ask(chat_of(streamed, scratch));
  ASSERT_TRUE(reply) << reply.error().message();
  std::string seen;
  auto const answer = asked.loop.run(collect(*reply, asked.call));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "Hello");
}

TEST(AzureOpenAi, ShowsATokenWhereverItAsks) {
  std::string scratch;
  ScriptedTransport server({token("t-1")});
  Asked asked({ScriptedAnswer::json(200, completion), ScriptedAnswer::json(200, vectors)},
              with_token(at(newer), server));
  ASSERT_TRUE(asked.ask(chat_of(body, scratch)));
  auto facts = dialect::read_openai_embedding_facts(R"({"model":"e","input":"a"})", scratch);
  ASSERT_TRUE(facts);
  ASSERT_TRUE(asked.ask(EmbeddingRequest(*facts)));
  for (std::size_t i : {0U, 1U}) {
    EXPECT_EQ(asked.sent(i).field("authorization"), "Bearer t-1");
    EXPECT_EQ(asked.sent(i).field("api-key"), "");
  }
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(AzureOpenAi, SendsNothingWithoutItsToken) {
  std::string scratch;
  Asked asked({ScriptedAnswer::json(200, completion)},
              with_token(at(newer),
                         ScriptedTransport({ScriptedAnswer::json(400, R"({"error":"invalid_request"})")})));
  auto const reply = asked.ask(chat_of(body, scratch));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::upstream_auth);
  EXPECT_TRUE(asked.transport.requests().empty());
  EXPECT_EQ(asked.call.trail().at(0).failure, Errc::upstream_auth);
}

TEST(AzureOpenAi, AsksAgainOnceWithANewTokenWhenItsOwnIsRefused) {
  std::string scratch;
  ScriptedTransport server({token("t-1"), token("t-2")});
  ScriptedTransport transport({ScriptedAnswer::json(200, completion), ScriptedAnswer::json(401, "{}"),
                               ScriptedAnswer::json(200, completion), ScriptedAnswer::json(401, "{}"),
                               ScriptedAnswer::json(401, "{}"), ScriptedAnswer::json(200, completion)});
  TestLoop loop;
  auto provider =
      AzureOpenAi<ScriptedTransport>(transport, with_token(at(newer), server)) | retry({.attempts = 5});
  auto const ask = [&] {
    Call call = loop.call();
    ChatRequest const request = chat_of(body, scratch);
    auto const reply = loop.run(provider(request, call));
    return reply ? std::string("answered") : std::string(to_string(reply.error().code()));
  };
  EXPECT_EQ(ask(), "answered");
  loop.pass(1min);
  EXPECT_EQ(ask(), "answered");
  EXPECT_EQ(transport.requests().at(1).field("authorization"), "Bearer t-1");
  EXPECT_EQ(transport.requests().at(2).field("authorization"), "Bearer t-2");
  EXPECT_EQ(ask(), "upstream_auth") << "a token of a moment ago is no better when it is new";
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(AzureOpenAiRefusals, SayTheCause) {
  struct Row {
    int status;
    std::string body;
    Errc code;
    std::string words;
    bool passed;
  };
  for (
      auto const& row : std::vector<Row>{
          {401,
           R"({"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}})",
           Errc::upstream_auth, "is it a key of this very resource?", false},
          {401, R"({"statusCode":401,"message":"Unauthorized."})", Errc::upstream_auth, "this very resource",
           false},
          {403, R"({"error":{"code":"PermissionDenied","message":"lacks the action"}})", Errc::upstream_auth,
           "a role", false},
          {404,
           R"({"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}})",
           Errc::upstream_rejected, "no deployment of this name", true},
          {404, R"({"error":{"code":"404","message":"Resource not found"}})", Errc::upstream_rejected,
           "api-version", true},
          {400,
           R"({"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","status":400,)"
           R"("innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
           Errc::upstream_rejected, "content filter", true}}) {
    std::string scratch;
    Asked asked({ScriptedAnswer::json(row.status, row.body)}, with_key(at(older, "v")));
    auto const reply = asked.ask(chat_of(body, scratch));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code(), row.code) << row.body;
    EXPECT_NE(reply.error().message().find(row.words), std::string::npos) << reply.error().message();
    EXPECT_EQ(reply.error().upstream_body(), row.passed ? row.body : "");
    EXPECT_FALSE(reply.error().retryable());
  }
}

TEST(AzureOpenAiRefusals, TellWhenToComeBackByABareNumber) {
  std::string scratch;
  Asked asked({ScriptedAnswer(429)
                   .field("x-ratelimit-reset-requests", "7")
                   .field("x-ratelimit-remaining-requests", "0")
                   .field("content-type", "application/json")
                   .piece(R"({"error":{"code":"429","message":"Requests have exceeded the rate limit"}})")},
              with_key(at(older, "v")));
  auto const reply = asked.ask(chat_of(body, scratch));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::rate_limited);
  EXPECT_EQ(reply.error().retry_after(), 7s);
}

}  // namespace
}  // namespace lowart::azure_openai_test
