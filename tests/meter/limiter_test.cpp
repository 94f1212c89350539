#include <lowart/meter/limiter.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

namespace lowart::limiter_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};
constexpr std::int64_t noon = 1'796'040'000'000'000;  // 2026-11-30T12:00:00Z, a Monday

LimitTime at(TimePoint now) {
  return {now, noon + std::chrono::duration_cast<std::chrono::microseconds>(now - start).count()};
}
Result<Admission> admit(LimitState& state, TimePoint now, std::int64_t tokens) {
  return Limiter::admit(state, at(now), {.tokens = tokens, .cost = {}});
}
CallUse tokens(std::int64_t count) { return {.tokens = count, .cost = {}}; }

static_assert(!std::is_default_constructible_v<Admission> && !std::is_copy_constructible_v<Admission>);
static_assert(!std::is_constructible_v<Admission, Ledger*, Reservation>, "only a Limiter makes one");

TEST(Limiter, LetsInWithinTheLimits) {
  LimitState state({.rpm = 2, .tpm = 1000, .concurrency = 2}, start);
  auto const a = admit(state, start, 400);
  auto const b = admit(state, start, 400);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->reserved().most.tokens, 400);
  auto const seen = state.snapshot(start);
  EXPECT_EQ(seen.requests.limit, 2);
  EXPECT_EQ(seen.requests.remaining, 0);
  EXPECT_EQ(seen.requests.reset, 60s);
  EXPECT_EQ(seen.tokens.remaining, 200);
  EXPECT_EQ(seen.tokens.reset, 48s);
  EXPECT_EQ(seen.running, 2);
}

TEST(Limiter, SaysWhichLimitHowMuchAndWhen) {
  LimitState state({.rpm = 2, .tpm = 0, .concurrency = 0}, start);
  auto const a = admit(state, start, 1);
  auto const b = admit(state, start, 1);
  auto const refused = admit(state, start, 1);
  ASSERT_FALSE(refused);
  Error const& error = refused.error();
  EXPECT_EQ(error.code(), Errc::rate_limited);
  EXPECT_EQ(error.origin(), Origin::client);
  EXPECT_TRUE(error.retryable());
  EXPECT_EQ(error.retry_after(), 30s);
  EXPECT_EQ(error.message(),
            "the limit of 2 requests per minute is reached: used 2, requested 1; try again in 30000 ms, all "
            "of it is "
            "back in 60000 ms");
  EXPECT_TRUE(admit(state, start + error.retry_after(), 1)) << "the time is true";
}

TEST(Limiter, TellsTheLimitThatTakesLongest) {
  LimitState state({.rpm = 60, .tpm = 60, .concurrency = 0}, start);
  auto const all = admit(state, start, 60);
  auto const refused = admit(state, start, 30);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("60 tokens per minute"), std::string::npos);
  EXPECT_EQ(refused.error().retry_after(), 30s);
}

TEST(Limiter, BoundsCallsAtTheSameTime) {
  LimitState state({.concurrency = 1}, start);
  {
    auto const running = admit(state, start, 0);
    auto const refused = admit(state, start, 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::rate_limited);
    EXPECT_EQ(refused.error().retry_after(), 1s);
    EXPECT_NE(refused.error().message().find("1 calls at the same time"), std::string::npos);
  }
  EXPECT_TRUE(admit(state, start, 0));
}

TEST(Limiter, TellsARequestThatCanNeverFit) {
  LimitState state({.tpm = 1000}, start);
  auto const refused = admit(state, start, 1001);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::too_large);
  EXPECT_FALSE(refused.error().retryable());
  EXPECT_LT(refused.error().retry_after().count(), 0);
  EXPECT_TRUE(admit(state, start, 1000));
}

TEST(Limiter, ReservesAllOrNothing) {
  LimitState state({.rpm = 10, .tpm = 100, .concurrency = 1}, start);
  auto const running = admit(state, start, 60);
  EXPECT_FALSE(admit(state, start, 60)) << "tokens";
  EXPECT_FALSE(admit(state, start, 10)) << "place";
  auto const seen = state.snapshot(start);
  EXPECT_EQ(seen.requests.remaining, 9) << "a refused call takes nothing";
  EXPECT_EQ(seen.tokens.remaining, 40);
  EXPECT_EQ(seen.running, 1);
}

TEST(Limiter, SettlesTheDifference) {
  LimitState state({.tpm = 1000}, start);
  auto little = admit(state, start, 500);
  little->settle(tokens(100));
  EXPECT_EQ(state.snapshot(start).tokens.remaining, 900);
  little->settle(tokens(100));
  EXPECT_EQ(state.snapshot(start).tokens.remaining, 900) << "once";
  auto much = admit(state, start, 500);
  much->settle(tokens(1400));
  EXPECT_EQ(state.snapshot(start).tokens.remaining, 0);
  auto const refused = admit(state, start, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after(), 30060ms) << "500 tokens of debt, then one to take";
  EXPECT_NE(refused.error().message().find("used 1500"), std::string::npos);
}

TEST(Limiter, KeepsTheRequestCountedWhateverBecameOfIt) {
  LimitState state({.rpm = 5, .tpm = 100, .concurrency = 5}, start);
  {
    auto const dropped = admit(state, start, 50);
  }
  auto const seen = state.snapshot(start);
  EXPECT_EQ(seen.requests.remaining, 4);
  EXPECT_EQ(seen.tokens.remaining, 100);
  EXPECT_EQ(seen.running, 0);
}

TEST(Limiter, LimitsNothingInProcess) {
  Admission admission = Limiter::unlimited();
  EXPECT_EQ(admission.reserved().most.tokens, 0);
  admission.settle(tokens(1'000'000));
  LimitState none({}, start);
  std::vector<Admission> many;
  for (int i = 0; i < 1000; ++i) many.push_back(*admit(none, start, 1'000'000));
  EXPECT_EQ(none.snapshot(start).requests.limit, 0);
  EXPECT_EQ(none.snapshot(start).running, 1000);
}

TEST(Limiter, TakesOverNewLimitsWhileCallsRun) {
  LimitState state({.rpm = 10, .tpm = 100, .concurrency = 1}, start);
  auto running = admit(state, start, 80);
  state.change({.rpm = 20, .tpm = 200, .concurrency = 2}, at(start), "");
  EXPECT_EQ(state.snapshot(start).requests.remaining, 19);
  EXPECT_EQ(state.snapshot(start).tokens.remaining, 120);
  auto const second = admit(state, start, 100);
  EXPECT_TRUE(second);
  state.change({}, at(start), "");
  running->settle(tokens(80));
  EXPECT_EQ(state.snapshot(start).running, 1);
}

TEST(Limiter, NeverLetsTooManyInAndLeavesNothingBehindAcrossThreads) {
  constexpr int rpm = 5000;
  constexpr int places = 3;
  constexpr int tpm = 100'000;
  LimitState state({.rpm = rpm, .tpm = tpm, .concurrency = places}, start);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> admitted{0};
  std::atomic<std::int64_t> held{0};
  std::atomic<std::int64_t> most_held{0};
  auto const raise = [](auto& maximum, auto value) {
    auto seen = maximum.load();
    while (seen < value && !maximum.compare_exchange_weak(seen, value)) {
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      std::vector<Admission> mine;
      for (int i = 0; i < 20'000; ++i) {
        if (!mine.empty() && random() % 2 == 0) {
          held -= mine.back().reserved().most.tokens;
          --running;
          if (random() % 2 == 0) mine.back().settle(tokens(0));
          mine.pop_back();
          continue;
        }
        std::int64_t const wanted = random() % 60'000;
        auto admission = admit(state, start, wanted);
        if (!admission) continue;
        ++admitted;
        raise(most, ++running);
        raise(most_held, held += wanted);
        mine.push_back(*std::move(admission));
        if (random() % 8 == 0) std::this_thread::yield();
      }
      for (auto& admission : mine) {
        held -= admission.reserved().most.tokens;
        --running;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(admitted, rpm);
  EXPECT_LE(most, places);
  EXPECT_LE(most_held, tpm);
  EXPECT_GT(admitted, 100);
  auto const seen = state.snapshot(start);
  EXPECT_EQ(seen.running, 0);
  EXPECT_EQ(seen.tokens.remaining, tpm);
  EXPECT_EQ(seen.requests.remaining, rpm - admitted);
}

TEST(Limiter, KeepsToTheRateOverRandomTime) {
  std::mt19937 random(7);
  LimitState state({.rpm = 30}, start);
  TimePoint now = start;
  std::vector<TimePoint> let_in;
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::milliseconds(random() % 700);
    if (admit(state, now, 0)) let_in.push_back(now);
  }
  for (std::size_t first = 0; first + 61 < let_in.size(); ++first)
    EXPECT_GT(let_in[first + 61] - let_in[first], 1min)
        << "a bucket and its refill: at most 60 in any minute";
  EXPECT_LE(let_in.size(), static_cast<std::size_t>(30 + (now - start) / 2s + 1));
  EXPECT_GE(let_in.size(), static_cast<std::size_t>((now - start) / 2s));
}

}  // namespace
}  // namespace lowart::limiter_test
