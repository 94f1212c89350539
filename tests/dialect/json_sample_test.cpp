#include <lowart/dialect/json_sample.hpp>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace lowart::json_sample_test {
namespace {

namespace json = boost::json;
using lowart::dialect::JsonSampleHints;
using lowart::dialect::sample_of_schema;

json::value sample(std::string_view schema, std::uint64_t seed = 1) {
  boost::system::error_code error;
  std::string const text = sample_of_schema(schema, seed);
  json::value const value = json::parse(text, error);
  EXPECT_FALSE(error) << text;
  return value;
}
/// A sample of one property.
json::value sample_of(std::string_view schema, std::uint64_t seed = 1) {
  return sample(R"({"type":"object","properties":{"p":)" + std::string(schema) + "}}", seed).at("p");
}

TEST(JsonSample, GivesEveryTypeItsOwnKind) {
  EXPECT_TRUE(sample_of(R"({"type":"string"})").is_string());
  EXPECT_TRUE(sample_of(R"({"type":"integer"})").is_int64());
  EXPECT_TRUE(sample_of(R"({"type":"number"})").is_number());
  EXPECT_TRUE(sample_of(R"({"type":"boolean"})").is_bool());
  EXPECT_TRUE(sample_of(R"({"type":"null"})").is_null());
  EXPECT_TRUE(sample_of(R"({"type":"array","items":{"type":"integer"}})").as_array().at(0).is_int64());
  EXPECT_TRUE(sample_of(R"({"type":["null","integer"]})").is_int64());
}

TEST(JsonSample, TakesRequiredMembersOnlyAndAllWhenNoneIs) {
  auto const some =
      sample(R"({"type":"object","required":["b","c"],"properties":{"a":{},"b":{"type":"integer"}}})");
  EXPECT_EQ(some.as_object().size(), 2U);
  EXPECT_TRUE(some.at("b").is_int64());
  EXPECT_TRUE(some.as_object().contains("c"));
  auto const all = sample(R"({"type":"object","properties":{"a":{},"b":{"type":"integer"}}})");
  EXPECT_EQ(all.as_object().size(), 2U);
}

TEST(JsonSample, CopiesEnumConstAndDefault) {
  EXPECT_EQ(sample_of(R"({"const":{"x":[1,"é"]}})"), json::parse(R"({"x":[1,"é"]})"));
  EXPECT_EQ(sample_of(R"({"type":"integer","default":42})"), json::value(42));
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    auto const unit = sample_of(R"({"enum":["celsius","fahrenheit"]})", seed);
    EXPECT_TRUE(unit == "celsius" || unit == "fahrenheit");
  }
}

TEST(JsonSample, KeepsNumbersWithinTheirBounds) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto const whole =
        sample_of(R"({"type":"integer","minimum":20,"maximum":30,"multipleOf":7})", seed).as_int64();
    EXPECT_TRUE(whole == 21 || whole == 28) << whole;
    EXPECT_GE(sample_of(R"({"type":"integer","exclusiveMinimum":100})", seed).as_int64(), 101);
    EXPECT_LE(sample_of(R"({"type":"integer","exclusiveMaximum":-5})", seed).as_int64(), -6);
    EXPECT_GE(sample_of(R"({"type":"integer","minimum":1.5})", seed).as_int64(), 2);
    double const part =
        sample_of(R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", seed).to_number<double>();
    EXPECT_TRUE(part > 0 && part < 1) << part;
    double const share = sample_of(R"({"type":"number","minimum":0,"maximum":1})", seed).to_number<double>();
    EXPECT_TRUE(share >= 0 && share <= 1) << share;
  }
  EXPECT_EQ(sample_of_schema(R"({"properties":{"p":{"type":"number","multipleOf":0.1}},"type":"object"})", 0),
            R"({"p":1.5})");
}

TEST(JsonSample, KeepsLengthsOfStringsAndLists) {
  EXPECT_EQ(sample_of(R"({"type":"string","minLength":30})").as_string().size(), 30U);
  EXPECT_EQ(sample_of(R"({"type":"string","maxLength":3})").as_string().size(), 3U);
  EXPECT_EQ(sample_of(R"({"type":"array","minItems":5,"items":{"type":"boolean"}})").as_array().size(), 5U);
  EXPECT_EQ(sample_of(R"({"type":"array","maxItems":0})").as_array().size(), 0U);
  auto const pair =
      sample_of(R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}]})").as_array();
  ASSERT_EQ(pair.size(), 2U);
  EXPECT_TRUE(pair[0].is_int64() && pair[1].is_string());
}

TEST(JsonSample, FollowsReferencesAndBranches) {
  auto const value = sample(R"({"type":"object","required":["where","how","maybe"],"properties":{
      "where":{"$ref":"#/$defs/a~1place"},
      "how":{"allOf":[{"properties":{"x":{"type":"integer"}},"required":["x"]},
                      {"properties":{"y":{"type":"boolean"}},"required":["y"]}]},
      "maybe":{"anyOf":[{"type":"null"},{"type":"integer"}]}},
      "$defs":{"a/place":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}})");
  EXPECT_TRUE(value.at("where").at("city").is_string());
  EXPECT_TRUE(value.at("how").at("x").is_int64());
  EXPECT_TRUE(value.at("how").at("y").is_bool());
  EXPECT_TRUE(value.at("maybe").is_int64());
}

TEST(JsonSample, EndsRecursionWhereTheSchemaAllowsIt) {
  auto value =
      sample(R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","required":["next"],"properties":{
      "next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}}}}})");
  int depth = 0;
  for (; value.is_object(); ++depth) value = json::value(value.at("next"));
  EXPECT_TRUE(value.is_null());
  EXPECT_LE(depth, 9);
}

TEST(JsonSample, StaysBoundedWhateverTheSchema) {
  EXPECT_LT(sample_of_schema(
                R"({"type":"object","required":["a","b","c"],"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},
      "c":{"type":"array","minItems":1000000,"items":{"$ref":"#"}}}})",
                1)
                .size(),
            1U << 21U);
  EXPECT_TRUE(sample(R"({"$ref":"#"})").is_object());
  EXPECT_TRUE(sample(R"({"allOf":[{"$ref":"#"},{"$ref":"#"}],"anyOf":[{"$ref":"#"}]})").is_object());
  EXPECT_EQ(sample_of(R"({"type":"string","minLength":999999999})").as_string().size(), 4'096U);
}

TEST(JsonSample, GivesAnEmptyObjectForNoSchema) {
  for (std::string_view const schema :
       {"", " ", "{}", "true", "[]", "{", R"({"default":{"a":tru}})", R"({"const":"\x"})",
        R"({"description":"no parameters"})", R"({"type":"object"})"})
    EXPECT_EQ(sample_of_schema(schema, 1), "{}") << schema;
}

TEST(JsonSample, UsesTheHintsForPlacesAndTopics) {
  JsonSampleHints hints;
  hints.topic = "tea \"green\"";
  hints.place = "Kyoto";
  EXPECT_EQ(sample_of_schema(
                R"({"type":"object","properties":{"query":{"type":"string"},"homeCity":{"type":"string"}}})",
                1, hints),
            R"({"query":"tea \"green\"","homeCity":"Kyoto"})");
}

TEST(JsonSample, IsTheSameForTheSameSeed) {
  constexpr std::string_view schema =
      R"({"type":"object","properties":{"city":{"type":"string"},"n":{"type":"integer"}}})";
  EXPECT_EQ(sample_of_schema(schema, 5), sample_of_schema(schema, 5));
  EXPECT_NE(sample_of_schema(schema, 5), sample_of_schema(schema, 6));
}

}  // namespace
}  // namespace lowart::json_sample_test
