#include <lowart/meter/token_bucket.hpp>

#include <gtest/gtest.h>

#include <random>

namespace lowart::token_bucket_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

TEST(TokenBucket, BeginsFullAndTakesAllOrNothing) {
  TokenBucket bucket(10, 1min, start);
  EXPECT_TRUE(bucket.take(10, start));
  EXPECT_FALSE(bucket.take(1, start));
  EXPECT_TRUE(bucket.take(0, start));
  EXPECT_EQ(bucket.remaining(start), 0);
}

TEST(TokenBucket, FillsSteadilyUpToItsCapacity) {
  TokenBucket bucket(60, 1min, start);
  EXPECT_TRUE(bucket.take(60, start));
  EXPECT_EQ(bucket.remaining(start + 999ms), 0);
  EXPECT_EQ(bucket.remaining(start + 1s), 1);
  EXPECT_EQ(bucket.remaining(start + 30s), 30);
  EXPECT_EQ(bucket.remaining(start + 1h), 60);
}

TEST(TokenBucket, LosesNothingToRounding) {
  TokenBucket bucket(7, 1min, start);
  EXPECT_TRUE(bucket.take(7, start));
  std::int64_t taken = 0;
  TimePoint now = start;
  while (now < start + 100min) {
    now += 13ms;
    while (bucket.take(1, now)) ++taken;
  }
  EXPECT_EQ(taken, 700);
}

TEST(TokenBucket, SaysExactlyWhenEnoughIsThere) {
  std::mt19937 random(1);
  auto const below = [&random](std::int64_t end) { return static_cast<std::int64_t>(random()) % end; };
  for (int round = 0; round < 2000; ++round) {
    std::int64_t const capacity = 1 + below(100'000);
    TokenBucket bucket(capacity, 1min, start);
    bucket.take(below(capacity + 1), start);
    std::int64_t const wanted = below(capacity + 1);
    TimePoint const asked = start + std::chrono::nanoseconds(below(4'000'000'000));
    Duration const wait = bucket.until(wanted, asked);
    TokenBucket early = bucket;
    if (wait > 0ns) {
      EXPECT_FALSE(early.take(wanted, asked + wait - 1ns));
    }
    EXPECT_TRUE(bucket.take(wanted, asked + wait));
  }
}

TEST(TokenBucket, NeverHoldsMoreThanItsCapacity) {
  TokenBucket bucket(10, 1min, start);
  bucket.give_back(100);
  EXPECT_EQ(bucket.remaining(start), 10);
  EXPECT_FALSE(bucket.can_hold(11));
  EXPECT_EQ(bucket.until(11, start), Duration::max());
}

TEST(TokenBucket, ForgetsAStartedTokenWhenWhatIsGivenBackFillsIt) {
  TokenBucket bucket(10, 1min, start);  // one in six seconds
  bucket.take(10, start);
  EXPECT_EQ(bucket.level(start + 5s), 0);
  bucket.give_back(10);
  EXPECT_TRUE(bucket.take(10, start + 5s));
  EXPECT_EQ(bucket.remaining(start + 10s), 0) << "five sixths from before it was full, five sixths since";
  EXPECT_EQ(bucket.remaining(start + 11s), 1);
}

TEST(TokenBucket, WorksDebtOffFirst) {
  TokenBucket bucket(60, 1min, start);
  bucket.charge(90);
  EXPECT_EQ(bucket.level(start), -30);
  EXPECT_EQ(bucket.remaining(start), 0);
  EXPECT_EQ(bucket.until(1, start), 31s);
  EXPECT_EQ(bucket.until_full(start), 90s);
  EXPECT_TRUE(bucket.take(1, start + 31s));
}

TEST(TokenBucket, StandsStillWhenTimeRunsBackwards) {
  TokenBucket bucket(60, 1min, start);
  bucket.take(60, start);
  EXPECT_EQ(bucket.remaining(start - 1h), 0);
  EXPECT_EQ(bucket.remaining(start + 1s), 1);
}

TEST(TokenBucket, KeepsWhatIsUsedWhenItsCapacityChanges) {
  TokenBucket bucket(100, 1min, start);
  bucket.take(70, start);
  bucket.resize(200, start);
  EXPECT_EQ(bucket.remaining(start), 130);
  bucket.resize(50, start);
  EXPECT_EQ(bucket.level(start), -20);
}

TEST(TokenBucket, HoldsAtTheEndsOfItsRange) {
  TokenBucket bucket(std::numeric_limits<std::int64_t>::max(), 24h, start);
  bucket.charge(std::numeric_limits<std::int64_t>::max());
  bucket.charge(std::numeric_limits<std::int64_t>::max());
  bucket.give_back(std::numeric_limits<std::int64_t>::max());
  bucket.take(-5, start);
  EXPECT_LE(bucket.remaining(start), bucket.capacity());
  EXPECT_EQ(bucket.remaining(TimePoint::max()), bucket.capacity());
}

}  // namespace
}  // namespace lowart::token_bucket_test
