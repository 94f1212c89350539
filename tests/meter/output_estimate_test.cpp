#include <lowart/meter/output_estimate.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace lowart::output_estimate_test {
namespace {

TEST(OutputEstimate, SaysNothingUntilEnoughIsKnown) {
  OutputEstimate estimate;
  for (int i = 0; i < 19; ++i) estimate.observe(500);
  EXPECT_FALSE(estimate.tokens());
  estimate.observe(500);
  ASSERT_TRUE(estimate.tokens());
  EXPECT_NEAR(static_cast<double>(*estimate.tokens()), 500, 200);
}

TEST(OutputEstimate, RestsWhereOneInTenIsLonger) {
  std::mt19937 random(11);
  for (double const middle : {40.0, 400.0, 4000.0}) {
    OutputEstimate estimate;
    std::lognormal_distribution<double> lengths(std::log(middle), 0.8);
    for (int i = 0; i < 3'000; ++i) estimate.observe(static_cast<std::int64_t>(lengths(random)));
    int longer = 0;
    int all = 0;
    for (int i = 0; i < 3'000; ++i, ++all) {
      auto const length = static_cast<std::int64_t>(lengths(random));
      if (length > *estimate.tokens()) ++longer;
      estimate.observe(length);
    }
    EXPECT_NEAR(static_cast<double>(longer) / all, 0.1, 0.03) << middle;
  }
}

TEST(OutputEstimate, FollowsAModelThatChanges) {
  OutputEstimate estimate;
  for (int i = 0; i < 300; ++i) estimate.observe(50);
  for (int i = 0; i < 200; ++i) estimate.observe(8'000);
  EXPECT_GT(*estimate.tokens(), 6'000);
  for (int i = 0; i < 1'000; ++i) estimate.observe(50);
  EXPECT_LT(*estimate.tokens(), 100);
}

TEST(OutputEstimate, StaysWithinItsNumbers) {
  OutputEstimate estimate;
  for (int i = 0; i < 2'000; ++i) estimate.observe(std::numeric_limits<std::int64_t>::max());
  EXPECT_LE(*estimate.tokens(), std::int64_t{1} << 24U);
  for (int i = 0; i < 20'000; ++i) estimate.observe(std::numeric_limits<std::int64_t>::min());
  EXPECT_GE(*estimate.tokens(), 1);
}

}  // namespace
}  // namespace lowart::output_estimate_test
