#include <lowart/dialect/model_offer_page.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::dialect::model_offer_page_test {
namespace {

TEST(ModelOfferPage, ReadsOpenAiAndThoseWhoFollowedIt) {
  auto const page = read_openai_offers(
      R"({"object":"list","data":[{"id":"gpt-\u0034o","object":"model"},{"id":"a","context_length":1000},)"
      R"({"id":"b","max_model_len":2000,"permission":[{"id":"p"}]},{"object":"nameless"},{"id":7}]})");
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->models.size(), 3U);
  EXPECT_EQ(page->models[0].id, "gpt-4o");
  EXPECT_EQ(page->models[0].context_tokens, 0);
  EXPECT_EQ(page->models[1].context_tokens, 1000);
  EXPECT_EQ(page->models[2].context_tokens, 2000);
  EXPECT_EQ(page->next, "");
}

TEST(ModelOfferPage, FollowsTheCursorsOfAnthropicAndGemini) {
  auto const anthropic = read_anthropic_offers(
      R"({"data":[{"type":"model","id":"claude-x","display_name":"X"}],"has_more":true,"first_id":"a","last_id":"claude-x"})");
  ASSERT_TRUE(anthropic);
  EXPECT_EQ(anthropic->next, "claude-x");
  EXPECT_EQ(read_anthropic_offers(R"({"data":[],"has_more":false,"last_id":"z"})")->next, "");
  auto const gemini = read_gemini_offers(
      R"({"models":[{"name":"models/gemini-x","inputTokenLimit":1048576},{"name":"tunedModels/t"}],"nextPageToken":"p2"})");
  ASSERT_TRUE(gemini);
  EXPECT_EQ(gemini->models[0].id, "gemini-x");
  EXPECT_EQ(gemini->models[0].context_tokens, 1'048'576);
  EXPECT_EQ(gemini->models[1].id, "tunedModels/t");
  EXPECT_EQ(gemini->next, "p2");
}

TEST(ModelOfferPage, ReadsOllamasOnePage) {
  auto const page = read_ollama_offers(
      R"({"models":[{"name":"llama3:latest","model":"llama3:latest","size":1,"details":{"name":"no"}},{"size":2}]})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->models.size(), 1U);
  EXPECT_EQ(page->models[0].id, "llama3:latest");
  EXPECT_EQ(page->next, "");
}

TEST(ModelOfferPage, LeavesOutNamesThatAreTooLong) {
  std::string const longest(512, 'n');
  auto const page =
      read_openai_offers(R"({"data":[{"id":")" + longest + R"("},{"id":")" + longest + R"(n"},{"id":""}]})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->models.size(), 1U);
  EXPECT_EQ(page->models[0].id, longest);
}

TEST(ModelOfferPage, RefusesWhatIsNoList) {
  for (char const* const body :
       {"", "[]", "{}", R"({"data":{}})", R"({"data":[{"id":"a"})", R"({"data":[,]})"}) {
    auto const page = read_openai_offers(body);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().code(), Errc::malformed_reply);
  }
}

}  // namespace
}  // namespace lowart::dialect::model_offer_page_test
