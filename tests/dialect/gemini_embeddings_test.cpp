#include <lowart/dialect/gemini_embeddings.hpp>

#include <lowart/dialect/openai_embeddings.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect::gemini_embeddings_test {
namespace {

GeminiPath path_of(GeminiMethod method) { return {.model = "e", .method = method, .as_array = false}; }

std::string refused(GeminiMethod method, std::string_view body) {
  GeminiPath const path = path_of(method);
  auto const facts = read_gemini_embedding_facts(path, body);
  EXPECT_FALSE(facts) << body;
  return facts ? "" : facts.error().param();
}
std::string encoded(Result<EmbeddingInputs> const& inputs, MayDrop may_drop = MayDrop::hints) {
  EXPECT_TRUE(inputs) << inputs.error().message();
  Losses losses(may_drop);
  auto body = encode_gemini_embeddings(*inputs, "e", losses);
  return body ? *body : "refused " + body.error().param();
}

TEST(GeminiEmbeddings, FactsFindEveryPlaceThatNamesTheModel) {
  std::string const one = R"({"model":"models/e","content":{"parts":[{"text":"a"}]}})";
  GeminiPath const single = path_of(GeminiMethod::embed);
  auto const facts = read_gemini_embedding_facts(single, one);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->dialect, EmbeddingDialect::gemini);
  EXPECT_EQ(facts->model, "e");
  EXPECT_EQ(facts->model_tokens, std::vector<std::string_view>{R"("models/e")"});
  std::string const many =
      R"({"requests":[{"model":"models/e","content":{"parts":[]}},{"content":{}},{"model":"e","content":{}}]})";
  GeminiPath const batch = path_of(GeminiMethod::batch_embed);
  auto const all = read_gemini_embedding_facts(batch, many);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->dialect, EmbeddingDialect::gemini_batch);
  EXPECT_EQ(all->model_tokens, (std::vector<std::string_view>{R"("models/e")", R"("e")"}));
}

TEST(GeminiEmbeddings, FactsRefuseWhatIsNoRequestAndAnotherModelThanThePaths) {
  EXPECT_EQ(refused(GeminiMethod::embed, R"({"requests":[]})"), "content");
  EXPECT_EQ(refused(GeminiMethod::embed, R"({"content":{},"model":"models/other"})"), "model");
  EXPECT_EQ(refused(GeminiMethod::batch_embed, R"({"content":{}})"), "requests");
  EXPECT_EQ(refused(GeminiMethod::batch_embed, R"({"requests":{}})"), "requests");
  EXPECT_EQ(refused(GeminiMethod::batch_embed, R"({"requests":[{"model":"models/e"},{"model":7}]})"),
            "requests[1].model");
  EXPECT_EQ(refused(GeminiMethod::batch_embed, R"({"requests":[)"), "");
}

TEST(GeminiEmbeddings, FactsRefuseAModelThatIsNamedTwice) {
  EXPECT_EQ(refused(GeminiMethod::embed, R"({"content":{},"model":"models/e","model":"models/other"})"),
            "model");
  EXPECT_EQ(refused(GeminiMethod::embed, R"({"content":{},"model":null,"mod\u0065l":"models/e"})"), "model");
  EXPECT_EQ(refused(GeminiMethod::batch_embed, R"({"requests":[{"model":"e","model":"other"}]})"),
            "requests[0].model");
  EXPECT_EQ(refused(GeminiMethod::batch_embed, R"({"requests":[{"model":"other"}],"requests":[]})"),
            "requests");
}

TEST(GeminiEmbeddings, ReadsOneAndManyInBothSpellings) {
  auto const one = decode_gemini_embedding(
      R"({"model":"models/e","content":{"role":"user","parts":[{"text":"a"},{"text":"b"}]},"taskType":"RETRIEVAL_DOCUMENT","title":"t","outputDimensionality":4})");
  ASSERT_TRUE(one) << one.error().message();
  ASSERT_EQ(one->inputs.size(), 1U);
  EXPECT_EQ(one->inputs[0].text, "ab");
  EXPECT_EQ(one->inputs[0].task, "RETRIEVAL_DOCUMENT");
  EXPECT_EQ(one->inputs[0].title, "t");
  EXPECT_EQ(one->inputs[0].dimensions, 4);
  EXPECT_TRUE(one->extra.empty());
  auto const many = decode_gemini_embedding_batch(
      R"({"requests":[{"content":{"parts":{"text":"a"}}},{"content":{"parts":[{"text":"b"}]},"task_type":"CLUSTERING","output_dimensionality":2,"own":1}]})");
  ASSERT_TRUE(many) << many.error().message();
  ASSERT_EQ(many->inputs.size(), 2U);
  EXPECT_EQ(many->inputs[1].task, "CLUSTERING");
  EXPECT_EQ(many->inputs[1].dimensions, 2);
  ASSERT_EQ(many->extra.size(), 1U);
  EXPECT_EQ(many->extra[0].name, "requests[1].own");
}

TEST(GeminiEmbeddings, NamesWhatCannotBeRead) {
  auto const image = decode_gemini_embedding_batch(
      R"({"requests":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}}]})");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().param(), "requests[0].content.parts[0].text");
  auto const none = decode_gemini_embedding(R"({"title":"t"})");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().param(), "content");
  EXPECT_FALSE(decode_gemini_embedding_batch(R"({"requests":7})"));
  EXPECT_FALSE(decode_gemini_embedding_batch("[]"));
}

TEST(GeminiEmbeddings, WritesWhatOpenAiSays) {
  EXPECT_EQ(
      encoded(decode_openai_embeddings(R"({"model":"m","input":["a","b"],"dimensions":3,"user":"u"})")),
      R"({"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"outputDimensionality":3},{"model":"models/e","content":{"parts":[{"text":"b"}]},"outputDimensionality":3}]})");
  EXPECT_EQ(encoded(decode_openai_embeddings(R"({"model":"m","input":[1,2]})"), MayDrop::anything),
            "refused input")
      << "no text stands for tokens";
  EXPECT_EQ(encoded(decode_openai_embeddings(R"({"model":"m","input":"a","input_type":"query"})")),
            "refused input_type");
  EXPECT_EQ(encoded(decode_openai_embeddings(R"({"model":"m","input":"a","user":"u"})"), MayDrop::nothing),
            "refused user");
}

TEST(GeminiEmbeddings, SaysGeminisOwnWordsToGemini) {
  std::string const body =
      R"({"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","title":"t","outputDimensionality":2}]})";
  EXPECT_EQ(encoded(decode_gemini_embedding_batch(body)), body);
}

TEST(GeminiEmbeddings, ReadsAndWritesRepliesOfBothMethods) {
  std::string const one = R"({"embedding":{"values":[0.5,-1]}})";
  auto const vector = decode_gemini_embedding_reply(one);
  ASSERT_TRUE(vector);
  EXPECT_EQ(encode_gemini_embedding_reply(EmbeddingDialect::gemini, *vector), one);
  std::string const many = R"({"embeddings":[{"values":[0.013168523]},{"values":[2]}]})";
  auto const vectors = decode_gemini_embedding_batch_reply(many);
  ASSERT_TRUE(vectors);
  EXPECT_EQ(encode_gemini_embedding_reply(EmbeddingDialect::gemini_batch, *vectors), many);
  for (auto const* broken : {R"({"embeddings":[{"values":["x"]}]})", R"({"embeddings":[{}]})", "{}", "7"}) {
    ASSERT_FALSE(decode_gemini_embedding_batch_reply(broken)) << broken;
    EXPECT_FALSE(decode_gemini_embedding_reply(broken)) << broken;
  }
}

TEST(GeminiEmbeddings, TellsRepliesFromOtherThingsAndReadsUsageWhereItIsTold) {
  auto const usage = read_gemini_embeddings(EmbeddingDialect::gemini_batch,
                                            R"({"embeddings":[],"usageMetadata":{"promptTokenCount":6}})");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->get(UsageClass::input), 6);
  EXPECT_EQ(usage->get(UsageClass::output), std::nullopt);
  auto const untold = read_gemini_embeddings(EmbeddingDialect::gemini, R"({"embedding":{"values":[]}})");
  ASSERT_TRUE(untold);
  EXPECT_TRUE(untold->empty());
  EXPECT_FALSE(read_gemini_embeddings(EmbeddingDialect::gemini, R"({"embeddings":[]})"));
  EXPECT_FALSE(read_gemini_embeddings(EmbeddingDialect::gemini_batch, R"({"candidates":[]})"));
  EXPECT_FALSE(read_gemini_embeddings(EmbeddingDialect::gemini, R"({"embedding":{)"));
}

}  // namespace
}  // namespace lowart::dialect::gemini_embeddings_test
