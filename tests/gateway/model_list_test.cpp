#include <lowart/gateway/model_list.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::model_list_test {
namespace {

ModelCard known_card() {
  ModelCard card{.id = "m", .owner = "o"};
  card.facts.context_tokens = 128000;
  card.facts.output_tokens = 16384;
  card.facts.types = {"text", "vision"};
  card.facts.capabilities = {"tools"};
  card.facts.price.set(UsageClass::input, *parse_usd("0.15"));
  card.facts.price.set(UsageClass::output, *parse_usd("10"));
  return card;
}

TEST(ModelList, TellsOpenAisClientsWhatIsKnownOfAModel) {
  EXPECT_EQ(encode_model(Dialect::openai_chat, known_card()),
            R"({"id":"m","object":"model","created":0,"owned_by":"o","context_length":128000,)"
            R"("max_output_tokens":16384,"types":["text","vision"],"capabilities":["tools"],)"
            R"("usd_per_million_tokens":{"input":"0.15","output":"10"}})");
}

TEST(ModelList, SaysNothingOfWhatIsNotKnown) {
  ModelCard const card{.id = "m", .owner = "o"};
  EXPECT_EQ(encode_model(Dialect::openai_chat, card),
            R"({"id":"m","object":"model","created":0,"owned_by":"o"})");
  EXPECT_EQ(encode_model(Dialect::gemini, card).find("TokenLimit"), std::string::npos);
}

TEST(ModelList, KeepsToTheMembersThatGeminiAndAnthropicHave) {
  EXPECT_NE(encode_model(Dialect::gemini, known_card())
                .find(R"("inputTokenLimit":128000,"outputTokenLimit":16384,"supportedGenerationMethods")"),
            std::string::npos);
  EXPECT_EQ(encode_model(Dialect::gemini, known_card()).find("usd"), std::string::npos);
  EXPECT_EQ(encode_model(Dialect::anthropic, known_card()),
            encode_model(Dialect::anthropic, ModelCard{.id = "m", .owner = "o"}));
}

TEST(UsdText, IsTheShortestThatIsReadAsTheSame) {
  for (auto const* text : {"0", "1", "0.15", "0.0375", "0.000000001", "1000000", "3.75", "10"}) {
    EXPECT_EQ(usd_text(*parse_usd(text)), text);
    EXPECT_EQ(*parse_usd(usd_text(*parse_usd(text))), *parse_usd(text));
  }
  EXPECT_EQ(usd_text(*parse_usd("0.150")), "0.15");
}

}  // namespace
}  // namespace lowart::model_list_test
