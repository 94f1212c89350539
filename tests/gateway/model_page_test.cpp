#include <lowart/gateway/model_page.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::model_page_test {
namespace {

std::vector<ModelCard> const cards{{.id = "a", .owner = "o"},
                                   {.id = "org/b", .owner = "o"},
                                   {.id = "c", .owner = "o"},
                                   {.id = "d", .owner = "o"}};

/// The ids of the page, "+" behind them where there are more; the parameter that is wrong behind "!".
std::string page(Dialect asker, std::string_view query) {
  std::vector<ModelCard const*> all;
  for (ModelCard const& card : cards) all.push_back(&card);
  auto const wish = read_model_page_wish(asker, query);
  if (!wish) return "!" + wish.error().param();
  auto const found = find_model_page(*wish, all);
  if (!found) return "!" + found.error().param();
  std::string ids;
  for (ModelCard const* card : found->cards) ids.append(card->id).append(" ");
  return ids + (found->has_more ? "+" : "");
}

TEST(ModelPage, TurnsAnthropicsPagesInBothDirections) {
  auto const at = [](std::string_view query) { return page(Dialect::anthropic, query); };
  EXPECT_EQ(at(""), "a org/b c d ");
  EXPECT_EQ(at("limit=2"), "a org/b +");
  EXPECT_EQ(at("limit=1000"), "a org/b c d ");
  EXPECT_EQ(at("after_id=org%2Fb&limit=1"), "c +");
  EXPECT_EQ(at("after_id=org%2Fb&limit=2"), "c d ");
  EXPECT_EQ(at("after_id=d"), "");
  EXPECT_EQ(at("before_id=d&limit=2"), "org/b c +") << "the two before it";
  EXPECT_EQ(at("before_id=c&limit=2"), "a org/b ");
  EXPECT_EQ(at("before_id=a"), "");
}

TEST(ModelPage, TurnsGeminisPagesByTheTokenItGave) {
  auto const at = [](std::string_view query) { return page(Dialect::gemini, query); };
  EXPECT_EQ(at("pageSize=3"), "a org/b c +");
  EXPECT_EQ(at("pageSize=2&pageToken=org%2Fb"), "c d ");
  EXPECT_EQ(at("pageSize=0"), "a org/b c d ") << "no wish";
  EXPECT_EQ(at("pageSize=100000000000000000000000"), "a org/b c d ") << "as many as may be";
  std::vector<ModelCard const*> const shown{cards.data(), cards.data() + 1};
  EXPECT_NE(encode_model_list(Dialect::gemini, {shown, true}).find(R"(],"nextPageToken":"org/b"})"),
            std::string::npos);
  EXPECT_EQ(encode_model_list(Dialect::gemini, {shown, false}).find("nextPageToken"), std::string::npos);
}

TEST(ModelPage, RefusesWhatIsNoPageWithTheNameOfWhatIsWrong) {
  for (auto const* limit : {"0", "-1", "1001", "two", "1.5", "99999999999999999999999", "2x", "%32x"})
    EXPECT_EQ(page(Dialect::anthropic, std::string("limit=") + limit), "!limit") << limit;
  EXPECT_EQ(page(Dialect::anthropic, "after_id=nobody"), "!after_id");
  EXPECT_EQ(page(Dialect::anthropic, "before_id=nobody"), "!before_id");
  EXPECT_EQ(page(Dialect::anthropic, "before_id=c&after_id=a"), "!before_id");
  for (auto const* size : {"-1", "two", "1e3"})
    EXPECT_EQ(page(Dialect::gemini, std::string("pageSize=") + size), "!pageSize") << size;
  EXPECT_EQ(page(Dialect::gemini, "pageToken=nobody"), "!pageToken");
}

TEST(ModelPage, IsWholeForOpenAisClients) {
  EXPECT_EQ(page(Dialect::openai_chat, "limit=1&after_id=nobody"), "a org/b c d ");
}

}  // namespace
}  // namespace lowart::model_page_test
