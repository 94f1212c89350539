#include <lowart/policy/cache.hpp>

#include <lowart/policy/timeouts.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cache_fixture.hpp"

namespace lowart::cache_test {
namespace {

TEST(Cached, AsksOnceForAThousandEqualCalls) {
  TestLoop loop;
  ScriptedProvider const up("up", {events({"a", "b"}).after(2s).every(3s)});
  Cached cached(up);
  Crowd crowd(loop);
  crowd.join(cached, 500);
  loop.pass(3s);
  crowd.join(cached, 500);  // while the answer runs
  EXPECT_EQ(crowd.done(), 0);
  loop.pass(3s);
  ASSERT_EQ(crowd.done(), 1'000);
  EXPECT_EQ(up.calls(), 1U);
  int joined = 0;
  for (auto& r : crowd.running) {
    Heard const heard = r.take();
    EXPECT_EQ(heard.bytes, "ab");
    joined += heard.head.cache.role == CacheRole::joined ? 1 : 0;
  }
  EXPECT_EQ(joined, 999);
}

TEST(Cached, GoesOnWithOneWhoWaitsWhenTheFirstClientLeaves) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {events({"a", "b"}).every(2s)}).repeat();
  Cached cached(up);
  Crowd crowd(loop);
  crowd.join(cached, 100);
  loop.pass(1s);
  crowd.callers.front().call.cancel();
  loop.settle();
  EXPECT_EQ(crowd.running.front().take().error->code(), Errc::cancelled);
  EXPECT_EQ(up.calls(), 2U) << "one of those who waited asks";
  crowd.callers[50].call.cancel();  // one that only waits
  loop.settle();
  EXPECT_EQ(crowd.done(), 2);
  loop.pass(3s);
  EXPECT_EQ(crowd.done(), 100);
  EXPECT_EQ(up.calls(), 2U);
  EXPECT_EQ(crowd.running.back().take().bytes, "ab");
}

TEST(Cached, FailsAllOnlyAfterSeveralHaveFailed) {
  TestLoop loop;
  Error const down(Errc::upstream_failed, "down", Origin::upstream);
  ScriptedProvider const up(
      "up", {Step::fail(down).after(1s), Step::fail(down).after(1s), events({"x"}).after(1s)});
  Cached good(up);
  Crowd lucky(loop);
  lucky.join(good, 10);
  loop.pass(4s);
  ASSERT_EQ(lucky.done(), 10);
  EXPECT_EQ(lucky.running.back().take().bytes, "x");
  EXPECT_TRUE(lucky.running.front().take().error);

  ScriptedProvider const broken = ScriptedProvider("up", {Step::fail(down).after(1s)}).repeat();
  Cached bad(broken);
  Crowd unlucky(loop);
  unlucky.join(bad, 10);
  loop.pass(4s);
  ASSERT_EQ(unlucky.done(), 10);
  EXPECT_EQ(broken.calls(), 3U);
  EXPECT_EQ(unlucky.running.back().take().error->code(), Errc::upstream_failed);
}

TEST(Cached, DoesNotWaitForEverForOneThatIsSilent) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {Step::stall()}).repeat();
  Cached cached(up, {.wait = 10s});
  Crowd crowd(loop);
  crowd.join(cached, 20);
  loop.pass(11s);
  EXPECT_EQ(up.calls(), 2U) << "one more is asked, not nineteen";
  loop.pass(20s);
  EXPECT_EQ(up.calls(), 3U);
  EXPECT_EQ(crowd.done(), 17);
  for (auto& r : crowd.running)
    if (r.done()) EXPECT_EQ(r.take().error->code(), Errc::first_token_timeout);
  for (auto& caller : crowd.callers) caller.call.cancel();
  loop.settle();
  EXPECT_EQ(crowd.done(), 20);
}

TEST(Cached, LetsAWaitEndWithItsOwnClock) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {Step::stall()}).repeat();
  Cached cached(up);
  auto hurried = std::move(cached) | timeouts({.first_token = 2s});
  Crowd crowd(loop);
  crowd.join(hurried, 2);
  loop.pass(3s);
  ASSERT_EQ(crowd.done(), 2);
  EXPECT_EQ(crowd.running.back().take().error->code(), Errc::first_token_timeout);
}

TEST(Cached, MakesWaitersOfSeveralLoopsWaitForEachOther) {
  auto const cache = std::make_shared<AnswerCache>();
  /// Answers when the test says so, on whichever loop it is asked.
  struct Gate {
    std::string_view name() const { return "gate"; }
    Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
      ++*calls;
      while (!*open) {
        bool const waited = co_await call.clock().sleep(1ms, call);
        if (!waited) co_return fail(call.interruption_error());
      }
      Result<ChatReply> reply = co_await inner(request, call);
      co_return reply;
    }
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<bool>> open = std::make_shared<std::atomic<bool>>(false);
    ScriptedProvider inner = ScriptedProvider("up", {events({"a", "b"})}).repeat();
  };
  Gate const gate;
  std::atomic<int> good{0};
  std::atomic<int> begun{0};
  std::vector<std::thread> threads;
  constexpr int each = 50;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      TestLoop loop;
      Cached cached(gate, cache);
      Crowd crowd(loop);
      crowd.join(cached, each);
      ++begun;
      auto const until = std::chrono::steady_clock::now() + 20s;
      while (crowd.done() < each && std::chrono::steady_clock::now() < until) loop.pass(1ms);
      for (auto& r : crowd.running)
        if (r.done() && r.take().bytes == "ab") ++good;
      if (crowd.done() < each)
        for (auto& caller : crowd.callers) caller.call.cancel();
      loop.settle();
    });
  while (begun < 4) std::this_thread::yield();
  *gate.open = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 4 * each);
  EXPECT_EQ(gate.calls->load(), 1);
}

}  // namespace
}  // namespace lowart::cache_test
