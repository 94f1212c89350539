#include <lowart/policy/retry.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace lowart::retry_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

Error passing() { return Error(Errc::upstream_failed, "503", Origin::upstream).with_retryable(true); }
Error lasting() { return Error(Errc::upstream_rejected, "400", Origin::upstream); }

TEST(RetryDecision, WaitsSomewhereBelowADoublingCeiling) {
  RetryOptions const options{.attempts = 10, .first_wait = 100ms, .longest_wait = 1000ms};
  JitterSource random(1);
  int ceiling = 100;
  for (int failed = 1; failed < 10; ++failed, ceiling = std::min(ceiling * 2, 1000)) {
    std::chrono::milliseconds longest{0};
    for (int i = 0; i < 2000; ++i) longest = std::max(longest, backoff(options, failed, random.next()));
    EXPECT_LE(longest.count(), ceiling);
    EXPECT_GT(longest.count(), ceiling * 9 / 10) << "the whole range is used";
  }
}

TEST(RetryDecision, NeverWaitsLessThanTheProviderAsks) {
  RetryOptions const options{.attempts = 2, .first_wait = 100ms, .longest_wait = 10s};
  for (std::uint64_t random = 0; random < 300; ++random) {
    auto const wait = next_wait(options, 1, passing().with_retry_after(3s), random);
    ASSERT_TRUE(wait);
    EXPECT_GE(*wait, 3s);
    EXPECT_LE(*wait, 3100ms);
  }
  EXPECT_EQ(next_wait(options, 1, passing().with_retry_after(10s), 99), 10s)
      << "jitter does not pass the cap";
}

TEST(RetryDecision, GivesUpWhenItCannotHelp) {
  RetryOptions const options{.attempts = 2, .longest_wait = 10s};
  EXPECT_FALSE(next_wait(options, 1, lasting(), 0)) << "not retryable";
  EXPECT_FALSE(next_wait(options, 2, passing(), 0)) << "attempts used up";
  EXPECT_FALSE(next_wait(options, 1, passing().with_retry_after(10'001ms), 0)) << "too long a wait";
  EXPECT_FALSE(next_wait({.attempts = 1}, 1, passing(), 0));
}

TEST(RetryDecision, RefusesOptionsOutOfRange) {
  EXPECT_THROW(require_valid(RetryOptions{.attempts = 0}), std::invalid_argument);
  EXPECT_THROW(require_valid(RetryOptions{.attempts = 11}), std::invalid_argument);
  EXPECT_THROW(require_valid(RetryOptions{.first_wait = -1ms}), std::invalid_argument);
  EXPECT_THROW(require_valid(RetryOptions{.first_wait = 20s, .longest_wait = 10s}), std::invalid_argument);
  EXPECT_THROW(require_valid(RetryOptions{.budget_percent = 101}), std::invalid_argument);
  EXPECT_NO_THROW(require_valid(RetryOptions{}));
}

TEST(RetryBudget, PaysRetriesFromTraffic) {
  RetryBudget budget({.budget_percent = 20, .budget_reserve = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.withdraw());
  EXPECT_FALSE(budget.withdraw());
  for (int i = 0; i < 4; ++i) budget.deposit();
  EXPECT_FALSE(budget.withdraw());
  budget.deposit();
  EXPECT_TRUE(budget.withdraw());
  for (int i = 0; i < 1000; ++i) budget.deposit();
  EXPECT_EQ(budget.left(), 3) << "quiet times do not pile up retries";
}

TEST(RetryBudget, HandsOutEachRetryOnceAcrossThreads) {
  RetryBudget budget({.budget_percent = 0, .budget_reserve = 1000});
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) taken += budget.withdraw() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 1000);
}

TEST(JitterSource, IsRepeatable) {
  JitterSource a(42);
  JitterSource b(42);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
}

struct AskedAgain {
  TestLoop loop;
  Call call = loop.call();
  template <class P>
  Result<ChatReply> operator()(P& provider) {
    ChatRequest const request("m");
    return loop.run(provider(request, call));
  }
};

TEST(Retry, AsksAgainAndWaitsAsAsked) {
  AskedAgain ask;
  ScriptedProvider provider("a", {Step::fail(passing().with_retry_after(2s)), Step::answer("x")});
  auto patient = provider | retry({.first_wait = 0ms});
  TimePoint const start = ask.loop.clock.now();
  EXPECT_TRUE(ask(patient));
  EXPECT_EQ(ask.loop.clock.now() - start, 2s);
  EXPECT_EQ(ask.call.trail().size(), 2U);
}

TEST(Retry, HandsOutTheLastErrorAsItCame) {
  AskedAgain ask;
  ScriptedProvider provider("a", {Step::fail(passing()), Step::fail(lasting())});
  auto patient = provider | retry({.attempts = 5});
  auto const reply = ask(patient);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(), "400");
  EXPECT_EQ(provider.calls(), 2U);
}

TEST(Retry, DoesNotTouchAnAnswerThatHasBegun) {
  AskedAgain ask;
  ScriptedProvider provider("a", {Step::stream({"x"}).then_fail(passing()), Step::answer("y")});
  auto patient = provider | retry();
  auto reply = ask(patient);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(ask.loop.run(reply->next()));
  EXPECT_FALSE(ask.loop.run(reply->next()));
  EXPECT_EQ(provider.calls(), 1U);
}

TEST(Retry, StopsWaitingWhenTheCallIsCancelled) {
  AskedAgain ask;
  ScriptedProvider provider("a", {Step::fail(passing().with_retry_after(5s)), Step::answer("x")});
  auto patient = provider | retry();
  ChatRequest const request("m");
  auto running = testing::start(ask.loop.io, patient(request, ask.call));
  ask.loop.pass(1s);
  ASSERT_FALSE(running.done());
  ask.call.cancel();
  ask.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(provider.calls(), 1U);
}

TEST(Retry, DoesNotMultiplyTheLoadOfATargetThatIsDown) {
  TestLoop loop;
  ScriptedProvider provider = ScriptedProvider("a", {Step::fail(passing())}).repeat();
  auto patient =
      provider | retry({.attempts = 3, .first_wait = 0ms, .budget_percent = 10, .budget_reserve = 5});
  for (int i = 0; i < 1000; ++i) {
    Call call = loop.call();
    ChatRequest const request("m");
    EXPECT_FALSE(loop.run(patient(request, call)));
  }
  EXPECT_LE(provider.calls(), 1000U + 100U + 5U);
  EXPECT_GE(provider.calls(), 1090U);
}

TEST(Retry, WaitsForAnOpenBreakerWithoutPayingForIt) {
  AskedAgain ask;
  auto const refused = [] { return Error(Errc::circuit_open).with_retryable(true).with_retry_after(500ms); };
  ScriptedProvider provider("a", {Step::fail(refused()), Step::fail(refused()), Step::answer("x")});
  auto patient =
      provider | retry({.attempts = 3, .first_wait = 0ms, .budget_percent = 0, .budget_reserve = 0});
  TimePoint const start = ask.loop.clock.now();
  EXPECT_TRUE(ask(patient));
  EXPECT_EQ(ask.loop.clock.now() - start, 1s);
}

TEST(Retry, TwiceIsTwoWrappers) {
  auto twice = ScriptedProvider("a", {}) | retry() | retry();
  static_assert(std::same_as<decltype(twice), Retry<Retry<ScriptedProvider>>>);
}

TEST(Retry, SharesABudgetThroughItsState) {
  auto state = std::make_shared<RetryState>(RetryOptions{.budget_percent = 0, .budget_reserve = 1}, 7);
  AskedAgain ask;
  auto a = ScriptedProvider("a", {Step::fail(passing())}).repeat() | retry(state);
  ScriptedProvider second = ScriptedProvider("b", {Step::fail(passing())}).repeat();
  auto b = second | retry(state);
  EXPECT_FALSE(ask(a));
  EXPECT_FALSE(ask(b));
  EXPECT_EQ(second.calls(), 1U);
}

}  // namespace
}  // namespace lowart::retry_test
