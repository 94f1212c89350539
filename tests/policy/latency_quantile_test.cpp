#include <lowart/policy/latency_quantile.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace lowart::latency_quantile_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

TEST(LatencyQuantile, KnowsNothingAtFirst) {
  LatencyQuantile const known;
  EXPECT_FALSE(known.at(0.95));
  EXPECT_EQ(known.samples(start), 0);
}

TEST(LatencyQuantile, IsWhatSoManyAnswersKept) {
  LatencyQuantile known;
  for (int ms = 1; ms <= 400; ++ms) known.observe(std::chrono::milliseconds(ms), start);
  for (double const share : {0.5, 0.9, 0.95, 0.99}) {
    auto const at = std::chrono::duration<double, std::milli>(*known.at(share)).count();
    double const exact = 400 * share;  // the newest count a little more than the oldest
    EXPECT_GE(at, exact * 0.99) << share;
    EXPECT_LE(at, exact * 1.4) << share;
  }
}

TEST(LatencyQuantile, IsNeverBelowWhatAllAnswersTook) {
  for (Duration const latency :
       {Duration(0), Duration(1ms), Duration(3ms), Duration(100ms), Duration(1234ms), Duration(10min)}) {
    LatencyQuantile known;
    known.observe(latency, start);
    EXPECT_GE(*known.at(0.95), latency);
    EXPECT_LE(*known.at(0.95), std::max<Duration>(latency * 6 / 5, 2ms));
  }
  LatencyQuantile known;
  known.observe(24h, start);
  EXPECT_LT(*known.at(0.5), 20min) << "longer ones count as the longest step";
}

TEST(LatencyQuantile, BelievesTheLast500) {
  LatencyQuantile known;
  for (int i = 0; i < 1000; ++i) known.observe(100ms, start);
  EXPECT_LT(*known.at(0.95), 150ms);
  for (int i = 0; i < 60; ++i) known.observe(2s, start);
  EXPECT_GE(*known.at(0.95), 2s) << "a tenth of what counts";
  EXPECT_LT(*known.at(0.5), 150ms);
  for (int i = 0; i < 1000; ++i) known.observe(100ms, start);
  EXPECT_LT(*known.at(0.95), 150ms) << "forgotten";
}

TEST(LatencyQuantile, FadesWithTime) {
  LatencyQuantile known;
  for (int i = 0; i < 100; ++i) known.observe(100ms, start);
  double const fresh = known.samples(start);
  EXPECT_NEAR(fresh, 91, 1) << "the oldest count less already";
  EXPECT_NEAR(known.samples(start + 30min), fresh / 2, 0.01);
  EXPECT_NEAR(known.samples(start + 1h), fresh / 4, 0.01);
  known.observe(5s, start + 300min);
  EXPECT_NEAR(known.samples(start + 300min), 1.09, 0.01);
  EXPECT_GE(*known.at(0.95), 5s);
}

}  // namespace
}  // namespace lowart::latency_quantile_test
