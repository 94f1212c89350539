#include <lowart/core/loop_clock.hpp>
#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace lowart::clock_test {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;
using testing::TestLoop;

void count(void* counter) { ++*static_cast<int*>(counter); }

TEST(Alarm, RingsOnceWhenItsTimeHasCome) {
  ManualClock clock;
  int rung = 0;
  Alarm alarm(clock, count, &rung);
  alarm.set_in(1s);
  clock.advance(999ms);
  EXPECT_EQ(rung, 0);
  clock.advance(1ms);
  EXPECT_EQ(rung, 1);
  clock.advance(1h);
  EXPECT_EQ(rung, 1);
}

TEST(Alarm, CanBeMovedAndCleared) {
  ManualClock clock;
  int rung = 0;
  Alarm alarm(clock, count, &rung);
  alarm.set_in(1s);
  alarm.set_in(5s);
  clock.advance(4s);
  EXPECT_EQ(rung, 0);
  alarm.clear();
  clock.advance(10s);
  EXPECT_EQ(rung, 0);
}

TEST(Alarm, LeavesItsClockWhenItGoes) {
  ManualClock clock;
  int rung = 0;
  {
    Alarm alarm(clock, count, &rung);
    alarm.set_in(1s);
    EXPECT_TRUE(clock.is_awaited());
  }
  EXPECT_FALSE(clock.is_awaited());
  clock.advance(10s);
  EXPECT_EQ(rung, 0);
}

TEST(Alarm, MayBeDestroyedByAnotherThatRings) {
  for (int victim = 0; victim < 3; ++victim) {
    ManualClock clock;
    int rung = 0;
    std::vector<std::unique_ptr<Alarm>> alarms;
    for (int i = 0; i < 3; ++i) alarms.push_back(std::make_unique<Alarm>(clock, count, &rung));
    struct Killer {
      std::vector<std::unique_ptr<Alarm>>& alarms;
      std::size_t victim;
    } killer{alarms, static_cast<std::size_t>(victim)};
    Alarm first(
        clock,
        [](void* k) {
          auto& self = *static_cast<Killer*>(k);
          self.alarms[self.victim].reset();
        },
        &killer);
    for (auto& alarm : alarms) alarm->set_in(1s);
    first.set_in(1s);
    clock.advance(1s);
    EXPECT_EQ(rung, 2);
  }
}

TEST(Alarm, MaySetItselfAgainWhileItRings) {
  ManualClock clock;
  struct Repeating {
    explicit Repeating(Clock& c)
        : alarm(c, [](void* self) { static_cast<Repeating*>(self)->ring(); }, this) {}
    void ring() {
      ++rung;
      alarm.set_in(0s);
    }
    Alarm alarm;
    int rung{0};
  } repeating(clock);
  repeating.alarm.set_in(50ms);
  clock.advance(200ms);
  EXPECT_EQ(repeating.rung, 4) << "once per tick, never in a circle";
}

TEST(ManualClock, WakesSleepersInTheirTimeAndNotBefore) {
  TestLoop loop;
  Call call = loop.call();
  auto sleep = testing::start(loop.io, loop.clock.sleep(2s, call));
  loop.pass(1999ms);
  EXPECT_FALSE(sleep.done());
  loop.pass(1ms);
  ASSERT_TRUE(sleep.done());
  EXPECT_TRUE(sleep.take());
}

TEST(ManualClock, TellsUtcTimeThatMovesAlong) {
  ManualClock clock;
  auto const before = clock.utc_micros();
  clock.advance(90s);
  EXPECT_EQ(clock.utc_micros() - before, 90'000'000);
}

TEST(ManualClock, EndsTheSleepOfAnInterruptedCall) {
  TestLoop loop;
  Call call = loop.call();
  auto sleep = testing::start(loop.io, loop.clock.sleep(2s, call));
  loop.settle();
  call.cancel();
  loop.settle();
  ASSERT_TRUE(sleep.done());
  EXPECT_FALSE(sleep.take());
  EXPECT_FALSE(loop.run(loop.clock.sleep(2s, call))) << "nor does it sleep again";
  EXPECT_EQ(loop.clock.sleepers(), 0U);
}

TEST(TestLoop, TellsWhenATaskNeverEnds) {
  TestLoop loop;
  Call call = loop.call();
  EXPECT_THROW(loop.run(loop.clock.sleep(2h, call), 1h), std::runtime_error);
  EXPECT_EQ(loop.clock.sleepers(), 0U) << "nothing is left that points at the call";
}

TEST(LoopClock, SleepsAndRingsForReal) {
  asio::io_context io(1);
  LoopClock& clock = LoopClock::of(io);
  Arena arena;
  Call call(testing::AdmissionForTests::unlimited(), clock, io.get_executor(), arena);
  int rung = 0;
  Alarm alarm(clock, count, &rung);
  alarm.set_in(1ms);
  TimePoint const start = clock.now();
  EXPECT_TRUE(testing::run(io, clock.sleep(120ms, call)));
  EXPECT_GE(clock.now() - start, 120ms);
  EXPECT_EQ(rung, 1) << "within two ticks";
}

TEST(LoopClock, EndsTheSleepOfAnInterruptedCall) {
  asio::io_context io(1);
  LoopClock& clock = LoopClock::of(io);
  Arena arena;
  Call call(testing::AdmissionForTests::unlimited(), clock, io.get_executor(), arena);
  Alarm alarm(clock, [](void* c) { static_cast<Call*>(c)->interrupt(Errc::whole_timeout); }, &call);
  alarm.set_in(1ms);
  EXPECT_FALSE(testing::run(io, clock.sleep(1h, call)));
  EXPECT_EQ(call.interruption(), Errc::whole_timeout);
}

}  // namespace
}  // namespace lowart::clock_test
