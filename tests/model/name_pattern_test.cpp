#include <lowart/model/name_pattern.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::name_pattern_test {
namespace {

TEST(NamePattern, LetsEachStarStandForAnything) {
  struct Case {
    char const* pattern;
    char const* name;
    bool matches;
  };
  for (auto const& [pattern, name, matches] : {
           Case{"gpt-4*", "gpt-4", true},
           Case{"gpt-4*", "gpt-4o-mini", true},
           Case{"gpt-4*", "gpt-3", false},
           Case{"gpt-4*", "my-gpt-4", false},
           Case{"*claude*", "anthropic/claude-opus", true},
           Case{"*claude*", "claude", true},
           Case{"*claude*", "clau-de", false},
           Case{"*-mini", "o4-mini", true},
           Case{"*-mini", "o4-mini-high", false},
           Case{"*-mini", "a-mini-mini", true},
           Case{"a*b*c", "aXbYbZc", true},
           Case{"a*b*c", "aXcYb", false},
           Case{"*", "", true},
           Case{"**", "x", true},
           Case{"", "", true},
           Case{"", "x", false},
           Case{"x", "", false},
           Case{"GPT*", "gpt-4", false},
       })
    EXPECT_EQ(name_matches(pattern, name), matches) << pattern << " ~ " << name;
}

TEST(NamePattern, IsQuickWithHostileNames) {
  std::string const name(100'000, 'a');
  EXPECT_FALSE(name_matches("*a*a*a*a*a*a*a*a*b", name)) << "backtracking would not come back";
}

TEST(NamePattern, SaysMoreTheLessOfItIsStars) {
  EXPECT_EQ(NamePattern("gpt-4*").weight(), 5U);
  EXPECT_EQ(NamePattern("*").weight(), 0U);
  EXPECT_TRUE(NamePattern::is_one("a*"));
  EXPECT_FALSE(NamePattern::is_one("a"));
}

TEST(NamePattern, KnowsWhatItsStarStandsFor) {
  EXPECT_EQ(NamePattern("router/*").star_in("router/meta/llama"), "meta/llama");
  EXPECT_EQ(NamePattern("*-latest").star_in("opus-latest"), "opus");
  EXPECT_EQ(NamePattern("a*z").star_in("az"), "");
  EXPECT_EQ(NamePattern("*").star_in("x"), "x");
  EXPECT_EQ(NamePattern("*b*").star_in("abc"), "abc") << "of two stars none is the one that is meant";
}

}  // namespace
}  // namespace lowart::name_pattern_test
