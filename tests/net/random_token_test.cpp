// Random texts: of the length that was asked for, of their alphabet, each letter as likely, none twice.

#include <lowart/net/random_token.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>

namespace lowart::random_token_test {
namespace {

using namespace lowart::net;

TEST(RandomToken, HasTheLengthAndTheAlphabet) {
  for (std::size_t const length : {0U, 1U, 43U, 64U, 65U, 1000U}) {
    std::string const text = random_base62(length);
    EXPECT_EQ(text.size(), length);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0; }));
  }
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(3'000'000).size(), 3'000'000U);
}

TEST(RandomToken, MakesEachLetterAsLikely) {
  // With a remainder taken of all bytes, eight letters would come a quarter more often.
  constexpr std::size_t drawn = 620'000;
  std::map<char, std::size_t> counts;
  for (char const c : random_base62(drawn)) ++counts[c];
  ASSERT_EQ(counts.size(), 62U);
  for (auto const& [letter, count] : counts) {
    EXPECT_GT(count, 9'300U) << letter;  // seven standard deviations of 100 from 10,000
    EXPECT_LT(count, 10'700U) << letter;
  }
}

TEST(RandomToken, IsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::string const key = new_api_key();
    EXPECT_TRUE(key.starts_with("sk-lw-") && key.size() == 49) << key;
    EXPECT_TRUE(seen.insert(key).second);
  }
}

}  // namespace
}  // namespace lowart::random_token_test
