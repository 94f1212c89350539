// Embeddings and counts of tokens by the providers of each dialect.
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai_responses.hpp>

#include <lowart/dialect/anthropic_facts.hpp>
#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/gemini_count.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace lowart::whole_calls_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

/// One provider over a script, one call. Declared in the order in which they must go.
template <class P>
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  P provider;

  explicit Asked(ScriptedAnswer answer, typename P::Options options = {})
      : transport(std::vector<ScriptedAnswer>{std::move(answer)}), provider(transport, std::move(options)) {}

  template <class R>
  auto ask(R const& request) {
    return loop.run(provider(request, call));
  }
  auto const& sent() { return transport.requests().at(0); }
};
using AskedGemini = Asked<Gemini<ScriptedTransport>>;
using AskedAnthropic = Asked<Anthropic<ScriptedTransport>>;
using AskedResponses = Asked<OpenAiResponses<ScriptedTransport>>;

CountRequest count_of(Result<WireRequest> facts, Result<Conversation> (*decode)(std::string_view)) {
  EXPECT_TRUE(facts) << facts.error().message();
  facts->decode = decode;
  return CountRequest(ChatRequest(*facts));
}

// --- Gemini -----------------------------------------------------------------------------------------------

TEST(GeminiEmbeddingCalls, ReplaceTheModelInPathAndBodyAndNothingElse) {
  std::string const body =
      R"({"requests":[{"model":"models/e", "content":{"parts":[{"text":"a"}]}},{"own":1.0,"model" :"e","content":{}}]})";
  std::string const reply = R"({ "embeddings":[{"values":[0.5]},{"values":[2]}]})";
  dialect::GeminiPath const path{
      .model = "e", .method = dialect::GeminiMethod::batch_embed, .as_array = false};
  auto facts = dialect::read_gemini_embedding_facts(path, body);
  ASSERT_TRUE(facts);
  GeminiOptions options;
  options.api_key = Secret("k");
  AskedGemini asked(ScriptedAnswer::json(200, reply), options);
  auto const got = asked.ask(EmbeddingRequest(*facts).for_model("other"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(asked.sent().path, "/models/other:batchEmbedContents");
  EXPECT_EQ(asked.sent().field("x-goog-api-key"), "k");
  EXPECT_EQ(
      asked.sent().body,
      R"({"requests":[{"model":"models/other", "content":{"parts":[{"text":"a"}]}},{"own":1.0,"model" :"models/other","content":{}}]})");
  EXPECT_EQ(got->bytes(), reply);
  EXPECT_EQ(got->dialect(), EmbeddingDialect::gemini_batch);
  EXPECT_EQ(*got->vectors(), (std::vector<Embedding>{{0.5F}, {2.0F}}));
}

TEST(GeminiEmbeddingCalls, SendOneAsOneWhereTheClientDid) {
  std::string const body = R"({"content":{"parts":[{"text":"a"}]}})";
  dialect::GeminiPath const path{.model = "e", .method = dialect::GeminiMethod::embed, .as_array = false};
  auto facts = dialect::read_gemini_embedding_facts(path, body);
  ASSERT_TRUE(facts);
  AskedGemini asked(ScriptedAnswer::json(200, R"({"embedding":{"values":[1]}})"));
  auto const got = asked.ask(EmbeddingRequest(*facts));
  ASSERT_TRUE(got);
  EXPECT_EQ(asked.sent().path, "/models/e:embedContent");
  EXPECT_EQ(asked.sent().body, body);
  EXPECT_EQ(got->dialect(), EmbeddingDialect::gemini);
}

TEST(GeminiEmbeddingCalls, WriteABatchForOpenAisClients) {
  std::string const body = R"({"model":"m","input":["a","b"],"user":"u"})";
  std::string scratch;
  auto facts = dialect::read_openai_embedding_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->decode = &dialect::decode_openai_embeddings;
  AskedGemini asked(ScriptedAnswer::json(200, R"({"embeddings":[{"values":[1]},{"values":[2]}]})"));
  auto const got = asked.ask(EmbeddingRequest(*facts).for_model("e"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(asked.sent().path, "/models/e:batchEmbedContents");
  EXPECT_EQ(
      asked.sent().body,
      R"({"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]}},{"model":"models/e","content":{"parts":[{"text":"b"}]}}]})");
  EXPECT_EQ(got->head().dropped, "user");
  EXPECT_EQ(*got->vectors(), (std::vector<Embedding>{{1.0F}, {2.0F}}));
}

TEST(GeminiCounts, AskWithTheBytesAsTheyCameAndTheModelReplaced) {
  dialect::GeminiPath const path{
      .model = "g", .method = dialect::GeminiMethod::count_tokens, .as_array = false};
  std::string const plain = R"({"contents":[{"parts":[{"text":"a"}]}]})";
  AskedGemini asked(ScriptedAnswer::json(200, R"({"totalTokens": 31, "own":[]})"));
  auto const count = asked.ask(
      count_of(dialect::read_gemini_count_facts(path, plain), &dialect::decode_gemini_count).for_model("h"));
  ASSERT_TRUE(count);
  EXPECT_EQ(asked.sent().path, "/models/h:countTokens");
  EXPECT_EQ(asked.sent().body, plain);
  EXPECT_EQ(count->input_tokens(), 31);
  EXPECT_EQ(count->bytes(), R"({"totalTokens": 31, "own":[]})");
  EXPECT_EQ(count->dialect(), Dialect::gemini);
  EXPECT_EQ(count->provenance(), Provenance::reported);

  std::string const whole = R"({"generateContentRequest":{"model":"models/g","contents":[]}})";
  AskedGemini again(ScriptedAnswer::json(200, R"({"totalTokens":1})"));
  auto const counted = again.ask(
      count_of(dialect::read_gemini_count_facts(path, whole), &dialect::decode_gemini_count).for_model("h"));
  ASSERT_TRUE(counted);
  EXPECT_EQ(again.sent().body, R"({"generateContentRequest":{"model":"models/h","contents":[]}})");
}

TEST(GeminiCounts, AreRefusedWithoutContentsAndWithAnotherModelThanThePaths) {
  dialect::GeminiPath const path{
      .model = "g", .method = dialect::GeminiMethod::count_tokens, .as_array = false};
  for (auto const& [body, param] : std::vector<std::pair<std::string, std::string>>{
           {R"({})", "contents"},
           {R"({"generateContentRequest":{"model":"models/x"}})", "generateContentRequest.model"},
           {R"({"generateContentRequest":{"model":"models/g","model":"models/x"}})",
            "generateContentRequest.model"},
           {R"({"generateContentRequest":{"model":"models/x"},"generate_content_request":{"contents":[]}})",
            "generateContentRequest"},
           {R"({"contents":[)", ""}}) {
    auto const facts = dialect::read_gemini_count_facts(path, body);
    ASSERT_FALSE(facts) << body;
    EXPECT_EQ(facts.error().param(), param);
  }
}

// --- Anthropic, Responses ---------------------------------------------------------------------------------

TEST(AnthropicCounts, AskWithTheBytesAsTheyCameAndTheClientsOwnFields) {
  std::string const body = R"({"messages":[], "model":"c","own":1e3})";
  std::string scratch;
  auto facts = dialect::read_anthropic_facts(body, scratch);
  std::array<std::pair<std::string_view, std::string_view>, 1> const fields{{{"anthropic-beta", "b"}}};
  facts->fields = fields;
  AnthropicOptions options;
  options.api_key = Secret("k");
  AskedAnthropic asked(ScriptedAnswer::json(200, R"({"input_tokens":9, "own":1})"), options);
  auto const count = asked.ask(count_of(facts, &dialect::decode_anthropic).for_model("d"));
  ASSERT_TRUE(count) << count.error().message();
  EXPECT_EQ(asked.sent().path, "/messages/count_tokens");
  EXPECT_EQ(asked.sent().body, R"({"messages":[], "model":"d","own":1e3})");
  EXPECT_EQ(asked.sent().field("anthropic-beta"), "b");
  EXPECT_EQ(asked.sent().field("x-api-key"), "k");
  EXPECT_EQ(count->input_tokens(), 9);
  EXPECT_EQ(count->bytes(), R"({"input_tokens":9, "own":1})");
}

TEST(AnthropicCounts, TellWhatWentWrongAndSendNothingOfAnotherDialect) {
  std::string const body = R"({"messages":[],"model":"c"})";
  std::string scratch;
  AskedAnthropic full(ScriptedAnswer::json(
      429, R"({"type":"error","error":{"type":"rate_limit_error","message":"slow down"}})"));
  auto const refused =
      full.ask(count_of(dialect::read_anthropic_facts(body, scratch), &dialect::decode_anthropic));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::rate_limited);
  AskedAnthropic odd(ScriptedAnswer::json(200, R"({"tokens":9})"));
  auto const malformed =
      odd.ask(count_of(dialect::read_anthropic_facts(body, scratch), &dialect::decode_anthropic));
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code(), Errc::malformed_reply);
  AskedAnthropic other(ScriptedAnswer::json(200, R"({"input_tokens":9})"));
  auto const unsupported =
      other.ask(count_of(dialect::read_openai_chat_facts(body, scratch), &dialect::decode_openai_chat));
  ASSERT_FALSE(unsupported);
  EXPECT_EQ(unsupported.error().code(), Errc::unsupported);
  EXPECT_TRUE(other.transport.requests().empty());
  EXPECT_TRUE(other.call.trail().empty());
}

TEST(ResponsesCounts, AskWithTheBytesAsTheyCame) {
  std::string const body = R"({"model":"r","input":"a"})";
  std::string scratch;
  auto const facts = dialect::read_responses_facts(body, scratch);
  ASSERT_TRUE(facts);
  AskedResponses asked(ScriptedAnswer::json(200, R"({"object":"response.input_tokens","input_tokens":4})"));
  auto const count = asked.ask(count_of(facts->wire, &dialect::decode_responses).for_model("s"));
  ASSERT_TRUE(count);
  EXPECT_EQ(asked.sent().path, "/responses/input_tokens");
  EXPECT_EQ(asked.sent().body, R"({"model":"s","input":"a"})");
  EXPECT_EQ(count->input_tokens(), 4);
}

// --- lists of models --------------------------------------------------------------------------------------

TEST(ModelOfferCalls, AskForAllPagesWithTheProvidersOwnCredentials) {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport(
      {ScriptedAnswer::json(200, R"({"models":[{"name":"models/a"}],"nextPageToken":"x/=&"})"),
       ScriptedAnswer::json(200, R"({"models":[{"name":"models/b"}]})")});
  GeminiOptions options;
  options.api_key = Secret("k");
  Gemini provider(transport, options);
  ModelOffersRequest const request;
  auto const offers = loop.run(provider(request, call));
  ASSERT_TRUE(offers) << offers.error().message();
  ASSERT_EQ(offers->models().size(), 2U);
  EXPECT_EQ(offers->models()[1].id, "b");
  auto const& second = transport.requests().at(1);
  EXPECT_EQ(second.method, "GET");
  EXPECT_EQ(second.path, "/models?pageSize=1000&pageToken=x%2F%3D%26");
  EXPECT_EQ(second.field("x-goog-api-key"), "k");
  EXPECT_EQ(call.trail().size(), 1U);
}

TEST(ModelOfferCalls, SayWhatAProviderAnsweredInstead) {
  AskedAnthropic refused(ScriptedAnswer::json(401, R"({"type":"error","error":{"message":"no"}})"));
  EXPECT_EQ(refused.ask(ModelOffersRequest()).error().code(), Errc::upstream_auth);
  EXPECT_EQ(refused.sent().path, "/models?limit=1000");
  EXPECT_EQ(refused.sent().field("anthropic-version"), "2023-06-01");
  AskedResponses odd(ScriptedAnswer::json(200, R"({"hello":1})"));
  EXPECT_EQ(odd.ask(ModelOffersRequest()).error().code(), Errc::malformed_reply);
}

TEST(ModelOfferCalls, EndWhereAListDoesNot) {
  TestLoop loop;
  Call call = loop.call();
  std::vector<ScriptedAnswer> pages;
  for (int i = 0; i < 40; ++i)
    pages.push_back(ScriptedAnswer::json(200, R"({"data":[{"id":"m"}],"has_more":true,"last_id":"m"})"));
  ScriptedTransport transport(std::move(pages));
  Anthropic provider(transport, AnthropicOptions{});
  ModelOffersRequest const request;
  auto const offers = loop.run(provider(request, call));
  ASSERT_FALSE(offers);
  EXPECT_EQ(offers.error().code(), Errc::malformed_reply);
  EXPECT_EQ(transport.requests().size(), 32U);
}

TEST(ModelOfferCalls, DoNotFollowACursorThatIsTooLong) {
  TestLoop loop;
  Call call = loop.call();
  std::string const page =
      R"({"data":[{"id":"m"}],"has_more":true,"last_id":")" + std::string(8193, 'c') + R"("})";
  ScriptedTransport transport({ScriptedAnswer::json(200, page), ScriptedAnswer::json(200, R"({"data":[]})")});
  Anthropic provider(transport, AnthropicOptions{});
  ModelOffersRequest const request;
  auto const offers = loop.run(provider(request, call));
  ASSERT_FALSE(offers);
  EXPECT_EQ(offers.error().code(), Errc::malformed_reply);
  EXPECT_EQ(transport.requests().size(), 1U);
}

std::string openai_list_of(int models) {
  std::string body = R"({"data":[)";
  for (int i = 0; i < models; ++i)
    body.append(i == 0 ? "" : ",").append(R"({"id":"m)").append(std::to_string(i)).append("\"}");
  return body + "]}";
}

TEST(ModelOfferCalls, AreNoLongerThanTenThousandModels) {
  AskedResponses full(ScriptedAnswer::json(200, openai_list_of(10'000)));
  auto const offers = full.ask(ModelOffersRequest());
  ASSERT_TRUE(offers) << offers.error().message();
  EXPECT_EQ(offers->models().size(), 10'000U);
  AskedResponses over(ScriptedAnswer::json(200, openai_list_of(10'001)));
  EXPECT_EQ(over.ask(ModelOffersRequest()).error().code(), Errc::malformed_reply);
}

}  // namespace
}  // namespace lowart::whole_calls_test
