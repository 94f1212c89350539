#include <lowart/dialect/json_scan.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::json_scan_test {
namespace {

namespace json = boost::json;
using lowart::dialect::find_bytes;
using lowart::dialect::find_member;
using lowart::dialect::JsonKind;
using lowart::dialect::JsonMember;
using lowart::dialect::JsonScan;
using lowart::dialect::scan_array;
using lowart::dialect::scan_object;
using namespace std::string_view_literals;

// A copy without slack: a read outside of it is an ASan report.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    text.copy(bytes_.get(), size_);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

JsonScan verdict(std::string_view text) {
  Exact const exact(text);
  return scan_object(exact.view(), [](JsonMember const&) {});
}

// Members as "key=value" lines, an escaped key marked by a star.
std::string spelled(std::string_view text) {
  Exact const exact(text);
  std::string out;
  JsonScan const scan = scan_object(exact.view(), [&](JsonMember const& m) {
    out.append(m.key_escaped ? "*" : "").append(m.key).append("=").append(m.value).append("\n");
  });
  return scan == JsonScan::ok ? out : std::string(to_string(scan));
}

TEST(JsonScan, ReportsMembersInOrderAsTheyAreWritten) {
  EXPECT_EQ(spelled("{}"), "");
  EXPECT_EQ(spelled(" \r\n\t{ \n} \n"), "");
  EXPECT_EQ(spelled(R"({"model":"gpt","stream":true})"), "model=\"gpt\"\nstream=true\n");
  EXPECT_EQ(spelled("{ \"a\" : 1 ,\n\"b\" :\tnull , \"c\": -0.5e+3 }"), "a=1\nb=null\nc=-0.5e+3\n");
  EXPECT_EQ(spelled(R"({"a":{"x":[1,{"y":"}]"}]},"b":[[],{}]})"),
            "a={\"x\":[1,{\"y\":\"}]\"}]}\nb=[[],{}]\n");
  EXPECT_EQ(spelled(R"({"a":1,"a":2,"a":3})"), "a=1\na=2\na=3\n");
  EXPECT_EQ(spelled(R"({"mod\u0065l":"x","":"\"\\"})"), "*mod\\u0065l=\"x\"\n=\"\\\"\\\\\"\n");
}

TEST(JsonScan, TellsTheKindOfEachValue) {
  std::vector<JsonKind> kinds;
  auto const scan = scan_object(R"({"a":{},"b":[],"c":"","d":0,"e":true,"f":false,"g":null})",
                                [&](JsonMember const& m) { kinds.push_back(m.kind); });
  EXPECT_EQ(scan, JsonScan::ok);
  EXPECT_EQ(kinds,
            (std::vector<JsonKind>{JsonKind::object, JsonKind::array, JsonKind::string, JsonKind::number,
                                   JsonKind::boolean, JsonKind::boolean, JsonKind::null}));
}

TEST(JsonScan, SaysWhatIsWrong) {
  struct {
    std::string_view text;
    JsonScan scan;
  } const rows[]{
      {"", JsonScan::truncated},
      {"   ", JsonScan::truncated},
      {"[]", JsonScan::not_an_object},
      {"\"{}\"", JsonScan::not_an_object},
      {"model", JsonScan::not_an_object},
      {"\xEF\xBB\xBF{}", JsonScan::not_an_object},
      {"\0{}"sv, JsonScan::not_an_object},
      {"{}x", JsonScan::trailing},
      {"{}{}", JsonScan::trailing},
      {"{}}", JsonScan::trailing},
      {"{}\0"sv, JsonScan::trailing},
      {"{\"a\":1]", JsonScan::unbalanced},
      {"{\"a\":[1}", JsonScan::unbalanced},
      {"{]", JsonScan::unbalanced},
      {"{\"a\":[1,2}}", JsonScan::unbalanced},
      {"{,}", JsonScan::malformed},
      {"{\"a\":1,}", JsonScan::malformed},
      {"{\"a\":1 \"b\":2}", JsonScan::malformed},
      {"{\"a\" 1}", JsonScan::malformed},
      {"{\"a\":}", JsonScan::malformed},
      {"{a:1}", JsonScan::malformed},
      {"{'a':1}", JsonScan::malformed},
      {"{\"a\":tru}", JsonScan::malformed},
      {"{\"a\":truex}", JsonScan::malformed},
      {"{\"a\":True}", JsonScan::malformed},
      {"{\"a\":NaN}", JsonScan::malformed},
      {"{\"a\":01}", JsonScan::malformed},
      {"{\"a\":+1}", JsonScan::malformed},
      {"{\"a\":1.}", JsonScan::malformed},
      {"{\"a\":.1}", JsonScan::malformed},
      {"{\"a\":1e}", JsonScan::malformed},
      {"{\"a\":-}", JsonScan::malformed},
      {"{/* */\"a\":1}", JsonScan::malformed},
      {"{\"a\":1}//", JsonScan::trailing},
  };
  for (auto const& row : rows) EXPECT_EQ(to_string(verdict(row.text)), to_string(row.scan)) << row.text;
}

TEST(JsonScan, CallsEveryProperPrefixTruncated) {
  std::string_view const text =
      R"({"model":"a\"b\\","messages":[{"content":"x]}\\\""},[true,null]],"n":-1.5e3,"t":true,"o":{"p":{}},"q\n":null})";
  ASSERT_EQ(verdict(text), JsonScan::ok);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(to_string(verdict(text.substr(0, size))), to_string(JsonScan::truncated))
        << text.substr(0, size);
}

TEST(JsonScan, AllowsTheDepthLimitAndNoMore) {
  auto const nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(verdict(nested(lowart::dialect::json_depth_limit)), JsonScan::ok);
  EXPECT_EQ(verdict(nested(lowart::dialect::json_depth_limit + 1)), JsonScan::too_deep);
  EXPECT_EQ(verdict("{\"a\":" + std::string(1'000'000, '[')), JsonScan::too_deep);
  std::string zigzag = "{\"a\":[";
  for (int i = 0; i < 100'000; ++i) zigzag += "[[{}]],";
  EXPECT_EQ(verdict(zigzag + "0]}"), JsonScan::ok);
}

TEST(JsonScan, StopsWhenTheCallbackSaysSo) {
  int calls = 0;
  auto const scan =
      scan_object(R"({"a":1,"b":2,"c":)", [&](JsonMember const& m) { return ++calls, m.key != "b"; });
  EXPECT_EQ(scan, JsonScan::stopped);
  EXPECT_EQ(calls, 2);
}

TEST(JsonScan, WalksArrays) {
  std::vector<std::string> values;
  auto const collect = [&](JsonMember const& m) { values.emplace_back(m.value); };
  EXPECT_EQ(scan_array(R"( [1, "a", {"b":[]} ,[2]] )", collect), JsonScan::ok);
  EXPECT_EQ(values, (std::vector<std::string>{"1", "\"a\"", "{\"b\":[]}", "[2]"}));
  EXPECT_EQ(scan_array("[]", collect), JsonScan::ok);
  EXPECT_EQ(scan_array("{}", collect), JsonScan::not_an_object);
  EXPECT_EQ(scan_array("[1,]", collect), JsonScan::malformed);
  EXPECT_EQ(scan_array("[1}", collect), JsonScan::unbalanced);
}

// Runs of backslashes of every length, ending at every place relative to the 64-byte blocks.
TEST(JsonScan, TellsEscapedQuotesFromClosingOnesAtEveryBlockPosition) {
  for (std::size_t pad = 0; pad < 130; ++pad) {
    for (std::size_t slashes = 0; slashes < 8; ++slashes) {
      std::string const inner = std::string(pad, 'x') + std::string(slashes * 2, '\\');
      for (std::string const& value :
           {"\"" + inner + "\"", "\"" + inner + "\\\"}]\"", "[\"" + inner + "\\\"}]\",{}]",
            "{\"" + inner + "\":[\"" + inner + "\\\"]\"]}"}) {
        ASSERT_EQ(spelled("{\"a\":" + value + ",\"b\":1}"), "a=" + value + "\nb=1\n")
            << pad << " " << slashes;
      }
    }
  }
}

TEST(JsonScan, FindsTheLastMemberOfAName) {
  std::string_view const text = R"({"a":1,"usage":{"x":{"y":7}},"\u0061":2,"b":null})";
  EXPECT_EQ(find_member(text, "a")->value, "2");
  EXPECT_EQ(find_member(text, "b")->kind, JsonKind::null);
  EXPECT_EQ(find_member(find_member(find_member(text, "usage")->value, "x")->value, "y")->value, "7");
  EXPECT_FALSE(find_member(text, "c"));
  EXPECT_FALSE(find_member("[1]", "a"));
  EXPECT_FALSE(find_member(R"({"a":1,)", "a"));
}

TEST(JsonScan, ReadsScalars) {
  using lowart::dialect::as_bool;
  using lowart::dialect::as_int;
  using lowart::dialect::as_string_view;
  EXPECT_EQ(as_int("0"), 0);
  EXPECT_EQ(as_int("-12"), -12);
  EXPECT_EQ(as_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (auto const* bad : {"9223372036854775808", "1.0", "1e3", "", "-", "\"1\"", "1 ", "null"})
    EXPECT_FALSE(as_int(bad)) << bad;
  EXPECT_EQ(as_bool("true"), true);
  EXPECT_EQ(as_bool("false"), false);
  for (auto const* bad : {"null", "1", "\"true\"", "tru", ""}) EXPECT_FALSE(as_bool(bad)) << bad;
  EXPECT_EQ(as_string_view("\"abc\""), "abc");
  EXPECT_EQ(as_string_view("\"\""), "");
  for (auto const* bad : {"\"a\\n\"", "abc", "\"", "", "null"}) EXPECT_FALSE(as_string_view(bad)) << bad;
}

// Documents with everything that JSON allows, small alphabets, so that collisions with the scanner's cases
// are common.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string object(int depth) {
    std::string out = "{" + space();
    for (std::size_t i = 0, n = below(6); i < n; ++i)
      out += (i != 0 ? "," : "") + space() + string() + space() + ":" + space() + value(depth) + space();
    return out + "}";
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string space() {
    std::string out;
    if (below(3) == 0)
      for (std::size_t n = below(below(20) == 0 ? 80 : 3); n > 0; --n) out += " \n\t\r"[below(4)];
    return out;
  }
  std::string string() {
    static char const* const parts[]{"a",
                                     "{",
                                     "}",
                                     "[",
                                     "]",
                                     ",",
                                     ":",
                                     "\\\"",
                                     "\\\\",
                                     "\\n",
                                     "\\/",
                                     "\\u0041",
                                     "\\u00e9",
                                     "\xC3\xA9",
                                     "model",
                                     "usage",
                                     " ",
                                     "\xE2\x80\xA8",
                                     "\\ud83d\\ude00",
                                     "0123456789012345678901234567890123456789"};
    std::string out = "\"";
    for (std::size_t n = below(below(8) == 0 ? 40 : 5); n > 0; --n) out += parts[below(std::size(parts))];
    return out + "\"";
  }
  std::string array(int depth) {
    std::string out = "[" + space();
    for (std::size_t i = 0, n = below(5); i < n; ++i)
      out += (i != 0 ? "," : "") + space() + value(depth) + space();
    return out + "]";
  }
  std::string value(int depth) {
    static char const* const scalars[]{"true",     "false",           "null", "0", "-1", "12.5", "1e5",
                                       "-0.25E-2", "9007199254740993"};
    std::size_t const kind = below(depth > 0 ? 8 : 5);
    if (kind < 2) return scalars[below(std::size(scalars))];
    if (kind < 5) return string();
    return kind == 5 ? array(depth - 1) : object(depth - 1);
  }
  std::mt19937 random_;
};

TEST(JsonScan, AgreesWithBoostJsonOnGeneratedDocuments) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::string const text = Generator(seed).object(5);
    json::value const oracle = json::parse(text);
    Exact const exact(text);
    json::object rebuilt;
    std::string key;
    auto const scan = scan_object(exact.view(), [&](JsonMember const& m) {
      key.clear();
      ASSERT_TRUE(lowart::dialect::decode_escapes(m.key, key));
      ASSERT_EQ(m.key_escaped, m.key.find('\\') != std::string_view::npos);
      json::value value = json::parse({m.value.data(), m.value.size()});
      ASSERT_EQ(m.kind == JsonKind::object, value.is_object());
      ASSERT_EQ(m.kind == JsonKind::array, value.is_array());
      ASSERT_EQ(m.kind == JsonKind::string, value.is_string());
      ASSERT_EQ(m.kind == JsonKind::number, value.is_number());
      ASSERT_EQ(m.kind == JsonKind::boolean, value.is_bool());
      ASSERT_EQ(m.kind == JsonKind::null, value.is_null());
      rebuilt[key] = std::move(value);  // Boost.JSON too lets the last of several count
    });
    ASSERT_EQ(scan, JsonScan::ok) << text;
    ASSERT_EQ(json::value(rebuilt), oracle) << text;
  }
}

TEST(JsonScan, CallsEveryPrefixOfGeneratedDocumentsTruncated) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::string const text = Generator(seed).object(3);
    for (std::size_t size = 0; size < text.size(); ++size)
      ASSERT_EQ(verdict(std::string_view(text).substr(0, size)), JsonScan::truncated) << text.substr(0, size);
  }
}

TEST(FindBytes, AgreesWithTheStandardSearchAtEveryPlace) {
  std::string_view const needle = "\"usage\":";
  for (std::size_t size = 0; size < 120; ++size) {
    for (std::size_t place = 0; place + needle.size() <= size; ++place) {
      std::string text(size, '"');
      text.replace(place, needle.size(), needle);
      Exact const exact(text);
      ASSERT_EQ(find_bytes(exact.view(), needle), text.find(needle)) << size << " " << place;
      ASSERT_EQ(find_bytes(exact.view().substr(0, place + needle.size() - 1), needle),
                std::string_view::npos);
    }
  }
}

TEST(FindBytes, AgreesWithTheStandardSearchOnSmallAlphabets) {
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    std::string text, needle;
    for (auto n = random() % 200; n > 0; --n) text += static_cast<char>('a' + random() % 2);
    for (auto n = random() % 8; n > 0; --n) needle += static_cast<char>('a' + random() % 2);
    Exact const exact(text);
    ASSERT_EQ(find_bytes(exact.view(), needle), text.find(needle)) << text << " " << needle;
  }
}

}  // namespace
}  // namespace lowart::json_scan_test
