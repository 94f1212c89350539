#include <lowart/provider/demo.hpp>

#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart::demo_embeddings_test {
namespace {

using lowart::testing::TestLoop;

struct Asked {
  TestLoop loop;
  Call call = loop.call();
  Demo demo;
  Result<EmbeddingReply> reply;
  explicit Asked(EmbeddingRequest const& request) : reply(loop.run(demo(request, call))) {}

  std::vector<Embedding> vectors() const {
    EXPECT_TRUE(reply) << reply.error().message();
    return reply ? reply->vectors().value_or(std::vector<Embedding>{}) : std::vector<Embedding>{};
  }
};

EmbeddingRequest texts(std::vector<std::string> const& all, std::optional<std::int64_t> dimensions = {}) {
  EmbeddingInputs inputs;
  for (auto const& text : all) {
    inputs.inputs.emplace_back().text = text;
    inputs.inputs.back().dimensions = dimensions;
  }
  return EmbeddingRequest("demo", inputs);
}

double dot(Embedding const& a, Embedding const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

TEST(DemoEmbeddings, AreUnitVectorsOfTheLengthAskedFor) {
  auto const usual = Asked(texts({"hello", "", "a b c"})).vectors();
  ASSERT_EQ(usual.size(), 3U);
  for (auto const& vector : usual) {
    EXPECT_EQ(vector.size(), 256U);
    EXPECT_NEAR(dot(vector, vector), 1, 1e-5);
  }
  auto const short_ones = Asked(texts({"hello", "x"}, 3)).vectors();
  ASSERT_EQ(short_ones.size(), 2U);
  EXPECT_EQ(short_ones[0].size(), 3U);
}

TEST(DemoEmbeddings, AreTheSameForTheSameTextAndNearForLikeOnes) {
  auto const all = Asked(texts({"the cat sat on the mat", "The cat sat on a mat", "quarterly revenue grew",
                                "the cat sat on the mat"}))
                       .vectors();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0], all[3]);
  EXPECT_GT(dot(all[0], all[1]), 0.7);
  EXPECT_LT(dot(all[0], all[2]), 0.4);
}

TEST(DemoEmbeddings, TakeTokensAndTellTheUsage) {
  EmbeddingInputs inputs;
  inputs.inputs.emplace_back().tokens = {1, 2, 3};
  inputs.inputs.emplace_back().text = "two words";
  Asked const asked(EmbeddingRequest("demo", inputs));
  ASSERT_EQ(asked.vectors().size(), 2U);
  EXPECT_EQ(asked.reply->usage().get(UsageClass::input), 5);
  EXPECT_EQ(asked.reply->head().provider, "demo");
  EXPECT_EQ(asked.call.trail().size(), 1U);
}

TEST(DemoEmbeddings, RefuseLengthsAndNumbersOutOfRange) {
  for (std::int64_t const dimensions : {0, -1, 4097}) {
    Asked const asked(texts({"a"}, dimensions));
    ASSERT_FALSE(asked.reply);
    EXPECT_EQ(asked.reply.error().code(), Errc::upstream_rejected);
    EXPECT_EQ(asked.reply.error().param(), "dimensions");
  }
  Asked const many(texts(std::vector<std::string>(2049, "a")));
  ASSERT_FALSE(many.reply);
  EXPECT_EQ(many.reply.error().param(), "input");
}

TEST(DemoEmbeddings, FailAsTheModelsNameSays) {
  for (auto const& [model, code] : std::vector<std::pair<std::string, Errc>>{
           {"demo-429", Errc::rate_limited}, {"demo-fail", Errc::upstream_failed}}) {
    Asked const asked(EmbeddingRequest(model).add("a"));
    ASSERT_FALSE(asked.reply);
    EXPECT_EQ(asked.reply.error().code(), code);
  }
}

TEST(DemoCounts, AreWhatTheUsageOfTheSameRequestSays) {
  TestLoop loop;
  Call call = loop.call();
  Demo demo;
  ChatRequest chat("demo-fast");
  chat.add(Role::user, "Count the words of this, please.");
  CountRequest const request(chat);
  auto const count = loop.run(demo(request, call));
  ASSERT_TRUE(count);
  auto const reply = loop.run(demo(chat, call));
  ASSERT_TRUE(reply);
  EXPECT_EQ(count->input_tokens(), demo::count_input(*chat.conversation()));
  EXPECT_EQ(count->provenance(), Provenance::reported);
}

}  // namespace
}  // namespace lowart::demo_embeddings_test
