#include <lowart/core/wakeup.hpp>

#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace lowart::wakeup_test {
namespace {

using namespace std::chrono_literals;
using testing::TestLoop;

TEST(Wakeup, EndsAWaitFromAnotherThread) {
  TestLoop loop;
  Call call = loop.call();
  Wakeup wakeup(call);
  auto waiting = testing::start(loop.io, wakeup.wait(loop.clock.now() + 1h));
  loop.settle();
  EXPECT_FALSE(waiting.done());
  std::thread([&] { wakeup.ring(); }).join();
  loop.settle();
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.take());
}

TEST(Wakeup, RemembersARingThatCameBeforeTheWait) {
  TestLoop loop;
  Call call = loop.call();
  Wakeup wakeup(call);
  wakeup.ring();
  wakeup.ring();
  EXPECT_TRUE(loop.run(wakeup.wait(loop.clock.now() + 1h)));
  TimePoint const before = loop.clock.now();
  EXPECT_FALSE(loop.run(wakeup.wait(before + 1s))) << "two rings end one wait";
  EXPECT_GE(loop.clock.now(), before + 1s) << "and what is left of them does not end the next";
}

TEST(Wakeup, EndsWithItsTimeAndWithItsCall) {
  TestLoop loop;
  Call call = loop.call();
  Wakeup wakeup(call);
  EXPECT_FALSE(loop.run(wakeup.wait(loop.clock.now())));
  auto waiting = testing::start(loop.io, wakeup.wait(loop.clock.now() + 1h));
  loop.settle();
  call.cancel();
  loop.settle();
  ASSERT_TRUE(waiting.done());
  EXPECT_FALSE(waiting.take());
  EXPECT_FALSE(loop.run(wakeup.wait(loop.clock.now() + 1h))) << "a cancelled call waits for nothing";
}

TEST(Wakeup, MayBeGoneWhileARingIsOnItsWay) {
  TestLoop loop;
  Call call = loop.call();
  {
    Wakeup wakeup(call);
    auto waiting = testing::start(loop.io, wakeup.wait(loop.clock.now() + 1h));
    loop.settle();
    wakeup.ring();
    waiting.abandon();
    loop.settle();
    wakeup.ring();
  }
  loop.settle();
}

}  // namespace
}  // namespace lowart::wakeup_test
