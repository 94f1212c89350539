#include <lowart/model/name_table.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace lowart::name_table_test {
namespace {

int found(NameTable<int> const& table, char const* name) {
  int const* const value = table.find(name);
  return value == nullptr ? 0 : *value;
}

TEST(NameTable, PrefersTheNameThenThePatternThatSaysMost) {
  NameTable<int> table;
  EXPECT_TRUE(table.add("*", 1));
  EXPECT_TRUE(table.add("a*", 2));
  EXPECT_TRUE(table.add("abc*", 3));
  EXPECT_TRUE(table.add("abcd", 4));
  EXPECT_EQ(found(table, "abcd"), 4);
  EXPECT_EQ(found(table, "abce"), 3);
  EXPECT_EQ(found(table, "ab"), 2);
  EXPECT_EQ(found(table, ""), 1);
}

TEST(NameTable, TakesTheFirstOfPatternsThatSayAsMuch) {
  NameTable<int> table;
  table.add("*ab", 1);
  table.add("ab*", 2);
  EXPECT_EQ(found(table, "abab"), 1);
  EXPECT_EQ(found(table, "abx"), 2);
}

TEST(NameTable, KeepsWhatWasThere) {
  NameTable<int> table;
  table.add("a", 1);
  table.add("a*", 2);
  EXPECT_FALSE(table.add("a", 3));
  EXPECT_FALSE(table.add("a*", 4));
  EXPECT_EQ(found(table, "a"), 1);
  EXPECT_EQ(found(table, "ab"), 2);
  EXPECT_EQ(found(table, "b"), 0);
}

TEST(NameTable, FindsAllItHoldsAfterItWasMoved) {
  NameTable<int> filled;
  for (int i = 1; i <= 1000; ++i) EXPECT_TRUE(filled.add("n" + std::to_string(i), i));
  NameTable<int> const table = std::move(filled);
  for (int i = 1; i <= 1000; ++i) EXPECT_EQ(found(table, ("n" + std::to_string(i)).c_str()), i);
}

}  // namespace
}  // namespace lowart::name_table_test
