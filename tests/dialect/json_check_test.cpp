#include <lowart/dialect/json_check.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace lowart::json_check_test {
namespace {

namespace json = boost::json;
using lowart::dialect::first_json_error;
using lowart::dialect::json_depth_limit;
using namespace std::string_view_literals;

// In a copy without slack: a read outside of it is an ASan report.
std::optional<std::size_t> error_in(std::string_view text) {
  auto const exact = std::make_unique<char[]>(text.size());
  text.copy(exact.get(), text.size());
  return first_json_error({exact.get(), text.size()});
}

bool boost_accepts(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = json_depth_limit;
  json::parse({text.data(), text.size()}, error, {}, options);
  return !error;
}

TEST(JsonCheck, AcceptsEveryKindOfValue) {
  for (auto const text :
       {"null"sv, "true"sv, "false"sv, " 0 "sv, "-0"sv, "12.50e-3"sv, "1E+5"sv, "\"\""sv, "[]"sv, "{}"sv,
        "[ ]"sv, "{ }"sv, "\r\n\t [ 1 , { \"a\" : [ ] , \"a\" : null } ] \n"sv,
        R"("\"\\\/\b\f\n\r\t\u0000\uD83D\ude00")"sv, "\"\x7F\xC3\xA9\xF0\x9F\x98\x80\""sv}) {
    EXPECT_EQ(error_in(text), std::nullopt) << text;
    EXPECT_TRUE(boost_accepts(text)) << text;
  }
}

TEST(JsonCheck, TellsTheByteWhereATextStopsBeingJson) {
  struct {
    std::string_view text;
    std::size_t at;
  } const rows[]{
      {"", 0},
      {"  ", 2},
      {"{} x", 3},
      {"{}}", 2},
      {"[1,]", 3},
      {"[1 2]", 3},
      {"[1}", 2},
      {"{\"a\":1]", 6},
      {"{\"a\":1,}", 7},
      {"{\"a\" 1}", 5},
      {"{a:1}", 1},
      {"{,}", 1},
      {"[tru]", 4},
      {"[nulL]", 4},
      {"01", 1},
      {"1.", 2},
      {"[1.e3]", 3},
      {"-", 1},
      {"+1", 0},
      {"[1e]", 3},
      {"\"a", 2},
      {"\"a\nb\"", 2},
      {"\"a\0b\""sv, 2},
      {"\"\\x\"", 2},
      {"\"\\u12g4\"", 3},
      {"\"\\", 2},
      {"\0"sv, 0},
      {"[1,\0]"sv, 3},
      {"// a\n1", 0},
      {"\xEF\xBB\xBF{}", 0},
      {"{} \xFF", 3},
      {"[\"\xC0\x80\"]", 2},
      {"[x,\"\xFF\"]", 1},
  };
  for (auto const& row : rows) {
    EXPECT_EQ(error_in(row.text), row.at) << row.text;
    EXPECT_FALSE(boost_accepts(row.text)) << row.text;
  }
}

TEST(JsonCheck, RefusesHalvesOfSurrogatePairs) {
  for (auto const text :
       {R"("\ud83d")"sv, R"("\ude00")"sv, R"("\ud83dx")"sv, R"("\ud83d\n")"sv, R"("\ud83d\u0041")"sv,
        R"("\ud83d\ud83d\ude00")"sv, R"("\ude00\ud83d")"sv, R"("\ud83d\u12")"sv}) {
    EXPECT_TRUE(error_in(text)) << text;
    EXPECT_FALSE(boost_accepts(text)) << text;
  }
}

TEST(JsonCheck, AllowsTheDepthLimitAndNoMore) {
  auto const nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(error_in(nested(json_depth_limit)), std::nullopt);
  EXPECT_TRUE(boost_accepts(nested(json_depth_limit)));
  EXPECT_EQ(error_in(nested(json_depth_limit + 1)), json_depth_limit);
  EXPECT_FALSE(boost_accepts(nested(json_depth_limit + 1)));
  std::string mixed;
  for (std::size_t i = 0; i < json_depth_limit / 2; ++i) mixed += "[{\"a\":";
  EXPECT_EQ(error_in(mixed + "["), mixed.size());
  mixed += "0";
  for (std::size_t i = 0; i < json_depth_limit / 2; ++i) mixed += "}]";
  EXPECT_EQ(error_in(mixed), std::nullopt);
}

// On purpose: the grammar sets no bound, and whoever reads the number judges whether it fits.
TEST(JsonCheck, AcceptsExponentsThatBoostJsonCannotHold) {
  EXPECT_EQ(error_in("1e99999999999"), std::nullopt);
  EXPECT_FALSE(boost_accepts("1e99999999999"));
}

TEST(JsonCheck, FindsAnEscapeAndABadByteAtEveryPlaceOfABlock) {
  for (std::size_t before = 0; before < 100; ++before) {
    for (std::size_t after = 0; after < 70; ++after) {
      auto const padded = [&](std::string_view middle) {
        return ("\"" + std::string(before, 'a')).append(middle).append(after, 'b') + "\"";
      };
      ASSERT_EQ(error_in(padded("\\\"")), std::nullopt);
      ASSERT_EQ(error_in(padded("\xF0\x9F\x98\x80")), std::nullopt);
      ASSERT_EQ(error_in(padded("\xF0\x9F\x98")), before + 1);
      ASSERT_EQ(error_in(padded("\x1F")), before + 1);
      ASSERT_EQ(error_in(padded("\\x")), before + 2);
    }
  }
}

TEST(JsonCheck, AgreesWithBoostJsonOnDamagedDocuments) {
  std::string_view const document =
      R"( {"model":"gpt","n":[0,-1.5e+3,2E-1],"deep":[[{}],{"a":[true,false,null]}],"text":"a\"b\\\u00e9\ud83d\ude00)"
      "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",\"\":\"0123456789012345678901234567890123456789\"} ";
  ASSERT_EQ(error_in(document), std::nullopt);
  std::string_view const pieces =
      "{}[],:\"\\ \n\t0123456789eE+-.truefalsnuldD8\x80\xBF\xC2\xED\xA0\xF4\x90\x1F\0"sv;
  std::mt19937 random(11);
  int refused = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string text(document);
    for (auto n = random() % 3 + 1; n > 0; --n) {
      std::size_t const at = random() % text.size();
      switch (random() % 4) {
        case 0: text.erase(at, 1); break;
        case 1: text.insert(at, 1, pieces[random() % pieces.size()]); break;
        case 2: text[at] = pieces[random() % pieces.size()]; break;
        default: text = text.substr(0, text.size() - random() % 8); break;
      }
      if (text.empty()) text = "0";
    }
    auto const error = error_in(text);
    ASSERT_EQ(!error, boost_accepts(text)) << text;
    refused += error ? 1 : 0;
    ASSERT_LE(error.value_or(0), text.size());
  }
  EXPECT_GT(refused, 20'000);
  EXPECT_LT(refused, 39'800);
}

}  // namespace
}  // namespace lowart::json_check_test
