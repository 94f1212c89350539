#include <lowart/model/token_estimate.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>

namespace lowart::token_estimate_test {
namespace {

TEST(TokenEstimate, TakesAQuarterOfTheBytes) {
  EXPECT_EQ(estimated_tokens(0), 0);
  EXPECT_EQ(estimated_tokens(3), 0);
  EXPECT_EQ(estimated_tokens(4000), 1000);
}

TEST(TokenEstimate, TakesTheClientsLimitForEachAnswer) {
  EXPECT_EQ(estimated_output(100, 1), 100);
  EXPECT_EQ(estimated_output(100, 3), 300);
  EXPECT_EQ(estimated_output(std::nullopt, 1), assumed_output_tokens);
  EXPECT_EQ(estimated_output(std::nullopt, 2, 50), 100);
}

TEST(TokenEstimate, NeitherOverflowsNorGivesBackWhatAHostileClientAsksFor) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_GT(estimated_output(most, most), 0);
  EXPECT_EQ(estimated_output(-5, 1), 0);
  EXPECT_EQ(estimated_output(-most, -most), 0);
  EXPECT_EQ(estimated_output(10, 0), 10);
}

}  // namespace
}  // namespace lowart::token_estimate_test
