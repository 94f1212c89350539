#include <lowart/dialect/json_text.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::json_text_test {
namespace {

namespace json = boost::json;
using lowart::dialect::append_json_string;
using lowart::dialect::append_utf8;
using lowart::dialect::decode_string;
using lowart::dialect::is_valid_utf8;
using namespace std::string_view_literals;

std::string encoded(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, DecodesStringLiterals) {
  struct {
    std::string_view literal;
    std::string_view text;
  } const rows[]{
      {R"("")", ""},
      {R"("abc")", "abc"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u00E9\u20ac")", "A\xC3\xA9\xC3\xA9\xE2\x82\xAC"},
      {R"("a\u0000b")", "a\0b"sv},
      {R"("\ud83d\ude00!")", "\xF0\x9F\x98\x80!"},
      {R"("\uDBFF\uDFFF")", "\xF4\x8F\xBF\xBF"},
      {R"("\ud83d")", "\xEF\xBF\xBD"},
      {R"("\ud83dx")", "\xEF\xBF\xBDx"},
      {R"("\ude00\ud83d")", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"("\ud83d\u0041")",
       "\xEF\xBF\xBD"
       "A"},
      {R"("\ud83d\ud83d\ude00")", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
      {R"("\ud83d\n")", "\xEF\xBF\xBD\n"},
      {"\"\xE2\x80\xA8\x7F\"", "\xE2\x80\xA8\x7F"},
  };
  for (auto const& row : rows) {
    std::string out = "+";
    EXPECT_TRUE(decode_string(row.literal, out)) << row.literal;
    EXPECT_EQ(out, "+" + std::string(row.text)) << row.literal;
  }
}

TEST(JsonText, RefusesWhatIsNoStringLiteral) {
  for (auto const literal : {""sv, "\""sv, "abc"sv, "\"abc"sv, "abc\""sv, R"("\")"sv, R"("\x")"sv,
                             R"("\u12")"sv, R"("\u12g4")"sv, R"("\u")"sv, R"("\ud83d\u12")"sv, "\"a\"b\""sv,
                             "\"a\nb\""sv, "\"a\0b\""sv, R"("a\)"sv, R"("\U0041")"sv}) {
    std::string out;
    EXPECT_FALSE(decode_string(literal, out)) << literal;
  }
}

TEST(JsonText, EscapesWhatMustBeEscapedAndNothingElse) {
  EXPECT_EQ(encoded(""), R"("")");
  EXPECT_EQ(encoded("a/b'\x7F \xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80"),
            "\"a/b'\x7F \xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\"");
  EXPECT_EQ(encoded("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(encoded("\0\x01\x1F"sv), R"("\u0000\u0001\u001f")");
}

TEST(JsonText, ReplacesInvalidBytesOneByOne) {
  EXPECT_EQ(encoded("a\xFF\xC3(\x80"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\"");
  EXPECT_EQ(encoded("\xF0\x9F\x98"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonText, KnowsEveryCodePoint) {
  for (std::uint32_t code = 0; code <= 0x10FFFF; ++code) {
    std::string text;
    append_utf8(text, code);
    ASSERT_TRUE(is_valid_utf8(text)) << code;
    ASSERT_EQ(text == "\xEF\xBF\xBD", code == 0xFFFD || (code >= 0xD800 && code < 0xE000)) << code;
    ASSERT_EQ(text.size(), code < 0x80 ? 1U : code < 0x800 ? 2U : code < 0x10000 ? 3U : 4U) << code;
    if (text.size() > 1)
      ASSERT_FALSE(is_valid_utf8(std::string_view(text).substr(0, text.size() - 1))) << code;
  }
  std::string beyond;
  append_utf8(beyond, 0x110000);
  EXPECT_EQ(beyond, "\xEF\xBF\xBD");
}

TEST(JsonText, RefusesInvalidUtf8AtEveryOffset) {
  for (auto const bad :
       {"\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xC3"sv, "\xE0\x80\x80"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv,
        "\xED\xBF\xBF"sv, "\xE2\x82"sv, "\xF0\x80\x80\x80"sv, "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv,
        "\xF5\x80\x80\x80"sv, "\xFF"sv, "\xF0\x9F\x98"sv}) {
    for (std::size_t before = 0; before < 40; ++before) {
      std::string const text = std::string(before, 'a').append(bad);
      EXPECT_FALSE(is_valid_utf8(text)) << before;
      EXPECT_FALSE(is_valid_utf8(text + std::string(40, 'b'))) << before;
      EXPECT_TRUE(is_valid_utf8(std::string(before, 'a') + "\xE2\x82\xAC" + std::string(40, 'b')));
    }
  }
}

TEST(JsonText, SeesInvalidUtf8AsTheSequencesDo) {
  std::string_view const bytes =
      "aaaaaa\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF3\xF4\xF5\xFF";
  std::mt19937 random(17);
  int valid = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string text(random() % 60, 'a');
    for (auto n = random() % 4; n > 0; --n)
      append_utf8(text, static_cast<std::uint32_t>(random()) % 0x110000U);
    for (auto n = random() % 4; n > 0; --n) text += bytes[random() % bytes.size()];
    text.append(random() % 40, 'b');
    bool const good = lowart::dialect::valid_utf8_prefix(text) == text.size();
    ASSERT_EQ(is_valid_utf8(text), good) << round;
    valid += good ? 1 : 0;
  }
  EXPECT_GT(valid, 3'000);
  EXPECT_LT(valid, 27'000);
}

TEST(JsonText, EscapesAndDecodesAtEveryPlaceOfABlock) {
  for (std::size_t before = 0; before < 70; ++before) {
    for (std::size_t after = 0; after < 70; ++after) {
      for (auto const [plain, escaped] :
           {std::pair("\""sv, "\\\""sv), std::pair("\x01"sv, "\\u0001"sv), std::pair("\n\\"sv, "\\n\\\\"sv),
            std::pair("\xC3\xA9"sv, "\xC3\xA9"sv)}) {
        std::string const text = std::string(before, 'a').append(plain).append(after, 'b');
        std::string const literal =
            ("\"" + std::string(before, 'a')).append(escaped).append(after, 'b') + "\"";
        ASSERT_EQ(encoded(text), literal);
        std::string decoded = "+";
        ASSERT_TRUE(decode_string(literal, decoded));
        ASSERT_EQ(decoded, "+" + text);
      }
    }
  }
}

TEST(JsonText, HandsOverThePartBeforeABadEscape) {
  for (auto const bad : {"\\x"sv, "\\"sv, "\\u12"sv, "\n"sv, "\""sv}) {
    std::string out = "+";
    EXPECT_FALSE(lowart::dialect::decode_escapes(std::string("ab\\tc").append(bad), out));
    EXPECT_EQ(out, "+ab\tc");
  }
}

TEST(JsonText, AgreesWithBoostJsonBothWays) {
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) {
      std::uint32_t const top = (random() % 4 == 0) ? 0x110000U : (random() % 2 == 0) ? 0x80U : 0x30U;
      append_utf8(text, static_cast<std::uint32_t>(random()) % top);
    }
    ASSERT_EQ(json::parse(encoded(text)).as_string(), text);
    std::string decoded;
    ASSERT_TRUE(decode_string(json::serialize(json::string(text)), decoded));
    ASSERT_EQ(decoded, text);
  }
}

TEST(JsonText, MakesValidJsonOfAnyBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    for (auto n = random() % 24; n > 0; --n) bytes += static_cast<char>(random());
    std::string const literal = encoded(bytes);
    ASSERT_TRUE(is_valid_utf8(literal));
    json::string const oracle = json::parse(literal).as_string();
    std::string decoded;
    ASSERT_TRUE(decode_string(literal, decoded));
    ASSERT_EQ(std::string_view(oracle.data(), oracle.size()), decoded);
    if (is_valid_utf8(bytes)) ASSERT_EQ(decoded, bytes);
  }
}

}  // namespace
}  // namespace lowart::json_text_test
