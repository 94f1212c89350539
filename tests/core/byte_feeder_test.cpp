#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lowart::byte_feeder_test {
namespace {

TEST(ByteFeeder, CutsInEveryWayAndLosesNothing) {
  std::set<std::size_t> first_sizes;
  int ways = 0;
  testing::feed_every_split("abcd", [&](auto const& pieces) {
    std::string whole;
    for (auto const& piece : pieces) whole += piece.view();
    EXPECT_EQ(whole, "abcd");
    first_sizes.insert(pieces[0].view().size());
    ++ways;
  });
  EXPECT_EQ(ways, 5);
  EXPECT_EQ(first_sizes, (std::set<std::size_t>{1, 2, 3, 4}));
}

TEST(ByteFeeder, FeedsNothingForNothing) {
  testing::feed_every_split("", [](auto const& pieces) { EXPECT_TRUE(pieces.empty()); });
}

TEST(ByteFeeder, CutsTwice) {
  int ways = 0;
  testing::feed_every_double_split("abcde", [&](auto const& pieces) {
    EXPECT_EQ(pieces.size(), 3U);
    ++ways;
  });
  EXPECT_EQ(ways, 6);
}

}  // namespace
}  // namespace lowart::byte_feeder_test
