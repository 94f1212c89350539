#include <lowart/dialect/openai_embeddings.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect::dialect_openai_embeddings_test {
namespace {

WireEmbedding facts_of(std::string_view body, std::string& scratch) {
  auto facts = read_openai_embedding_facts(body, scratch);
  EXPECT_TRUE(facts) << facts.error().message();
  return facts.value_or(WireEmbedding{});
}
std::string refused_param(std::string_view body) {
  std::string scratch;
  auto const facts = read_openai_embedding_facts(body, scratch);
  EXPECT_FALSE(facts) << body;
  return facts ? "" : facts.error().param();
}
EmbeddingInputs decoded(std::string_view body) {
  auto inputs = decode_openai_embeddings(body);
  EXPECT_TRUE(inputs) << inputs.error().message();
  return inputs.value_or(EmbeddingInputs{});
}
std::string wrong_param(std::string_view body) {
  auto const inputs = decode_openai_embeddings(body);
  EXPECT_FALSE(inputs) << body;
  return inputs ? "" : inputs.error().param();
}
std::string encoded(EmbeddingInputs const& inputs, MayDrop may_drop = MayDrop::hints) {
  Losses losses(may_drop);
  auto body = encode_openai_embeddings(inputs, "m", losses);
  return body ? *body : "refused " + body.error().param();
}

TEST(OpenAiEmbeddings, FactsNameTheModelAndWhereItStands) {
  std::string scratch;
  std::string const body = R"({"input":["a"],"model" : "text-\u0065mbedding","dimensions":4})";
  auto const facts = facts_of(body, scratch);
  EXPECT_EQ(facts.model, "text-embedding");
  ASSERT_EQ(facts.model_tokens.size(), 1U);
  EXPECT_EQ(facts.model_tokens[0], R"("text-\u0065mbedding")");
  EXPECT_EQ(facts.body.data(), body.data());
}

TEST(OpenAiEmbeddings, FactsRefuseWhatIsNoRequest) {
  EXPECT_EQ(refused_param(R"({"input":"a"})"), "model");
  EXPECT_EQ(refused_param(R"({"model":"m"})"), "input");
  EXPECT_EQ(refused_param(R"({"model":"m","input":null})"), "input");
  EXPECT_EQ(refused_param(R"({"model":"m","input":7})"), "input");
  EXPECT_EQ(refused_param(R"({"model":"m","input":"a","model":"n"})"), "model");
  EXPECT_EQ(refused_param(R"({"model":"m","input":"a")"), "");
}

TEST(OpenAiEmbeddings, ReadsEveryShapeOfInput) {
  EXPECT_EQ(decoded(R"({"model":"m","input":"caf\u00e9"})").inputs.at(0).text, "caf\u00e9");
  auto const texts = decoded(R"({"model":"m","input":["a","b"],"dimensions":8})").inputs;
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[1].text, "b");
  EXPECT_EQ(texts[1].dimensions, 8);
  auto const one = decoded(R"({"model":"m","input":[1,2,100257]})").inputs;
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].tokens, (std::vector<std::int64_t>{1, 2, 100257}));
  auto const many = decoded(R"({"model":"m","input":[[1,2],[3]]})").inputs;
  ASSERT_EQ(many.size(), 2U);
  EXPECT_EQ(many[1].tokens, std::vector<std::int64_t>{3});
}

TEST(OpenAiEmbeddings, NamesTheInputThatIsWrong) {
  EXPECT_EQ(wrong_param(R"({"model":"m","input":["a",1]})"), "input[1]");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":[[1],[2,"x"]]})"), "input[1][1]");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":[1,-2]})"), "input[1]");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":[1.5]})"), "input[0]");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":[{}]})"), "input[0]");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":[]})"), "input");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":[[],[4]]})"), "input[0]");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":"a","encoding_format":"hex"})"), "encoding_format");
  EXPECT_EQ(wrong_param(R"({"model":"m","input":"\ud800 \x"})"), "");
}

TEST(OpenAiEmbeddings, WritesWhatItReadAndKeepsWhatItDoesNotKnow) {
  std::string const body =
      R"({"model":"m","input":["a","b"],"dimensions":8,"encoding_format":"base64","user":"u","input_type":"query"})";
  EXPECT_EQ(encoded(decoded(body)), body);
  std::string const tokens = R"({"model":"m","input":[[1,2],[3]]})";
  EXPECT_EQ(encoded(decoded(tokens)), tokens);
}

TEST(OpenAiEmbeddings, RefusesWhatOnlyGeminiCanSayByItsName) {
  EmbeddingInputs inputs;
  inputs.dialect = EmbeddingDialect::gemini_batch;
  inputs.inputs.resize(2);
  inputs.inputs[0].text = "a";
  inputs.inputs[1].text = "b";
  EXPECT_EQ(encoded(inputs), R"({"model":"m","input":["a","b"]})");
  inputs.inputs[1].task = "RETRIEVAL_QUERY";
  EXPECT_EQ(encoded(inputs), "refused requests[1].taskType");
  EXPECT_EQ(encoded(inputs, MayDrop::anything), R"({"model":"m","input":["a","b"]})");
  inputs.inputs[1].task.clear();
  inputs.inputs[1].dimensions = 3;
  EXPECT_EQ(encoded(inputs), "refused requests[1].outputDimensionality");
  inputs.dialect = EmbeddingDialect::gemini;
  inputs.inputs.resize(1);
  inputs.inputs[0].title = "t";
  EXPECT_EQ(encoded(inputs), "refused title");
}

TEST(OpenAiEmbeddings, ReadsUsageAndTellsRepliesFromOtherThings) {
  auto const usage = read_openai_embeddings(
      R"({"object":"list","data":[{"embedding":[1]}],"usage":{"prompt_tokens":8,"total_tokens":8}})");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->get(UsageClass::input), 8);
  EXPECT_EQ(usage->get(UsageClass::output), std::nullopt);
  ASSERT_TRUE(read_openai_embeddings(R"({"data":[]})"));
  EXPECT_TRUE(read_openai_embeddings(R"({"data":[]})")->empty());
  for (auto const* other : {R"({"choices":[]})", R"({"data":{}})", "[]", "", R"({"data":[)", "<html>"}) {
    auto const read = read_openai_embeddings(other);
    ASSERT_FALSE(read) << other;
    EXPECT_EQ(read.error().code(), Errc::malformed_reply);
  }
}

TEST(OpenAiEmbeddings, PutsVectorsWhereTheirIndexSays) {
  auto const vectors = decode_openai_embedding_reply(
      R"({"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":"AACAPw=="}]})");
  ASSERT_TRUE(vectors);
  EXPECT_EQ(*vectors, (std::vector<Embedding>{{1.0F}, {2.0F}}));
  auto const plain =
      decode_openai_embedding_reply(R"({"data":[{"embedding":[1,2.5]},{"embedding":[-3e-1]}]})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, (std::vector<Embedding>{{1.0F, 2.5F}, {-0.3F}}));
}

TEST(OpenAiEmbeddings, DoesNotReadBrokenVectors) {
  for (auto const* body :
       {R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[2]}]})",
        R"({"data":[{"index":7,"embedding":[1]}]})", R"({"data":[{"index":-1,"embedding":[1]}]})",
        R"({"data":[{"index":0}]})", R"({"data":[{"embedding":["x"]}]})",
        R"({"data":[{"embedding":[1e99]}]})", R"({"data":[{"embedding":"AACA"}]})",
        R"({"data":[{"embedding":"AAC*Pw=="}]})", R"({"data":[7]})", R"({"dat":[]})"}) {
    auto const vectors = decode_openai_embedding_reply(body);
    ASSERT_FALSE(vectors) << body;
    EXPECT_EQ(vectors.error().code(), Errc::malformed_reply);
  }
}

TEST(OpenAiEmbeddings, WritesARepliesOfBothFormats) {
  Usage usage;
  usage.set(UsageClass::input, 5);
  EXPECT_EQ(
      encode_openai_embedding_reply({{0.5F, -1}, {0.1F}}, EmbeddingFormat::unset, "m", usage),
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},{"object":"embedding","index":1,"embedding":[0.1]}],"model":"m","usage":{"prompt_tokens":5,"total_tokens":5}})");
  EXPECT_EQ(
      encode_openai_embedding_reply({{1.0F}}, EmbeddingFormat::base64, "m", usage),
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"m","usage":{"prompt_tokens":5,"total_tokens":5}})");
}

TEST(OpenAiEmbeddings, KeepsEveryNumberBitByBitInBothFormats) {
  std::mt19937 random(7);  // NOLINT: a fixed seed keeps it repeatable
  std::vector<Embedding> vectors{{0.0F, -0.0F, std::numeric_limits<float>::denorm_min(),
                                  std::numeric_limits<float>::min(), std::numeric_limits<float>::max(),
                                  std::numeric_limits<float>::lowest(), 1.0F / 3}};
  for (std::size_t size = 1; size <= 64; ++size) {
    Embedding& vector = vectors.emplace_back();
    while (vector.size() < size) {
      auto const number = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
      if (std::isfinite(number)) vector.push_back(number);
    }
  }
  auto const bits = [](std::vector<Embedding> const& all) {
    std::vector<std::uint32_t> out;
    for (auto const& vector : all)
      for (float const number : vector) out.push_back(std::bit_cast<std::uint32_t>(number));
    return out;
  };
  for (auto const format : {EmbeddingFormat::floats, EmbeddingFormat::base64}) {
    auto const read =
        decode_openai_embedding_reply(encode_openai_embedding_reply(vectors, format, "m", Usage{}));
    ASSERT_TRUE(read);
    EXPECT_EQ(bits(*read), bits(vectors));
  }
}

TEST(OpenAiEmbeddings, ReadsNumbersTooSmallForSinglePrecisionAsZero) {
  auto const vectors = decode_openai_embedding_reply(R"({"data":[{"embedding":[1e-60,-1e-60]}]})");
  ASSERT_TRUE(vectors);
  EXPECT_EQ(*vectors, (std::vector<Embedding>{{0.0F, 0.0F}}));
}

}  // namespace
}  // namespace lowart::dialect::dialect_openai_embeddings_test
