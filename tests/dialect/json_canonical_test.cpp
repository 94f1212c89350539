#include <lowart/dialect/json_canonical.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lowart::dialect::json_canonical_test {
namespace {

std::string canonical(std::string_view text, int levels = 9) {
  std::string out;
  canonical_json(text, levels, [&](std::string_view piece) { out.append(piece); });
  return out;
}

TEST(JsonCanonical, DropsWhiteSpaceBetweenTokensOnly) {
  EXPECT_EQ(canonical("[ 1 ,\n\t\"a b\\\" c\" , true ]", 0), R"([1,"a b\" c",true])");
  EXPECT_EQ(canonical(R"("  kept  ")"), R"("  kept  ")");
  EXPECT_EQ(canonical("  12  "), "12");
}

TEST(JsonCanonical, PutsMembersInOneOrder) {
  EXPECT_EQ(canonical(R"({"b":1,"a":{"d":[{"y":1,"x":2}],"c":null}})"),
            canonical(R"({ "a": {"c" : null, "d":[ {"x":2, "y":1} ]}, "b":1 })"));
  EXPECT_NE(canonical(R"([1,2])"), canonical(R"([2,1])")) << "an array is an order";
}

TEST(JsonCanonical, KeepsTheOrderFurtherDown) {
  EXPECT_EQ(canonical(R"({"b":{"d":1,"c":2},"a":1})", 1), R"({"a":1,"b":{"d":1,"c":2},})");
  EXPECT_NE(canonical(R"({"a":{"d":1,"c":2}})", 1), canonical(R"({"a":{"c":2,"d":1}})", 1));
}

TEST(JsonCanonical, KeepsTheOrderOfDuplicates) {
  EXPECT_NE(canonical(R"({"a":1,"a":2})"), canonical(R"({"a":2,"a":1})"));
  EXPECT_EQ(canonical(R"({"a":1,"b":0,"a":2})"), canonical(R"({"b":0,"a":1,"a":2})"));
}

TEST(JsonCanonical, TellsNumbersAndSpellingsApart) {
  EXPECT_NE(canonical("1"), canonical("1.0"));
  EXPECT_NE(canonical("9007199254740993"), canonical("9007199254740992"));
  EXPECT_NE(canonical(R"("\u0041")"), canonical(R"("A")")) << "equal, but nobody is wronged by a miss";
}

TEST(JsonCanonical, NeverTakesWhatIsNoJsonForSomethingElse) {
  EXPECT_NE(canonical("[1 2]"), canonical("[12]"));
  EXPECT_NE(canonical("[1 2]", 0), canonical("[12]", 0));
  EXPECT_NE(canonical("[1,]"), canonical("[1]"));
  EXPECT_NE(canonical(R"({"a":1,})"), canonical(R"({"a":1})"));
  EXPECT_EQ(canonical(R"(["never closed)"), R"(!["never closed)");
}

}  // namespace
}  // namespace lowart::dialect::json_canonical_test
