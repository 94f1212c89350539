#include <lowart/policy/bulkhead_state.hpp>

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace lowart::bulkhead_state_test {
namespace {

using namespace std::chrono_literals;
using State = BulkheadState<int>;
using Entry = State::Entry;

constexpr TimePoint start{1h};

/// One place, taken; whoever comes now waits.
State full(std::int64_t queue = 100) {
  State state({.concurrency = 1, .queue = queue});
  EXPECT_EQ(state.enter(-1, "first", 5, start).entry, Entry::taken);
  return state;
}
Entry wait(State& state, int who, std::string_view key, int priority = 5) {
  return state.enter(who, key, priority, start).entry;
}
/// Everybody who waits, as they are served.
std::vector<int> served(State& state) {
  std::vector<int> order;
  while (state.waiting() > 0) {
    state.release(1s, start);
    order.push_back(state.grant().value());
  }
  return order;
}

TEST(BulkheadState, TakesSoManyAtOnceAndLetsTheNextWait) {
  State state({.concurrency = 2, .queue = 1});
  EXPECT_EQ(wait(state, 1, "a"), Entry::taken);
  EXPECT_EQ(wait(state, 2, "a"), Entry::taken);
  EXPECT_EQ(wait(state, 3, "a"), Entry::queued);
  EXPECT_EQ(wait(state, 4, "a"), Entry::refused);
  EXPECT_EQ(state.in_use(), 2);
  EXPECT_EQ(state.waiting(), 1U);
  EXPECT_FALSE(state.grant()) << "no place is free";
  state.release(1s, start);
  EXPECT_EQ(state.grant(), 3);
  EXPECT_FALSE(state.grant());
  EXPECT_EQ(state.in_use(), 2);
}

TEST(BulkheadState, ServesAKeyInTheOrderOfItsCalls) {
  State state = full();
  for (int i = 0; i < 5; ++i) wait(state, i, "a");
  EXPECT_EQ(served(state), (std::vector{0, 1, 2, 3, 4}));
}

TEST(BulkheadState, LetsKeysTakeTurns) {
  State state = full();
  for (int i = 0; i < 6; ++i) wait(state, i, "greedy");
  wait(state, 10, "b");
  wait(state, 20, "c");
  wait(state, 21, "c");
  EXPECT_EQ(served(state), (std::vector{0, 10, 20, 1, 21, 2, 3, 4, 5}));
}

TEST(BulkheadState, GivesAKeyThatComesBackItsTurnAndNoMore) {
  State state = full();
  for (int i = 0; i < 50; ++i) wait(state, i, "greedy");
  std::map<bool, int> count;
  int returning = 100;
  wait(state, returning, "busy");
  for (int i = 0; i < 40; ++i) {
    state.release(1s, start);
    int const who = state.grant().value();
    ++count[who >= 100];
    if (who >= 100) wait(state, ++returning, "busy");
  }
  EXPECT_EQ(count[false], 20);
  EXPECT_EQ(count[true], 20);
}

TEST(BulkheadState, ServesHigherPrioritiesFirst) {
  State state = full();
  wait(state, 1, "a", 0);
  wait(state, 2, "b", 5);
  wait(state, 3, "c", 9);
  wait(state, 4, "a", 9);
  wait(state, 5, "d", 99);
  EXPECT_EQ(served(state), (std::vector{3, 4, 5, 2, 1}));
}

TEST(BulkheadState, LetsNobodyKeepOthersOutByFillingTheQueue) {
  State state = full(4);
  for (int i = 0; i < 4; ++i) wait(state, i, "greedy");
  EXPECT_EQ(wait(state, 4, "greedy"), Entry::refused);
  auto const entered = state.enter(10, "b", 5, start);
  EXPECT_EQ(entered.entry, Entry::queued);
  EXPECT_EQ(entered.displaced, 3) << "the last of the one with most";
  EXPECT_EQ(state.enter(11, "b", 5, start).displaced, 2);
  EXPECT_EQ(wait(state, 12, "b"), Entry::refused) << "two each";
  EXPECT_EQ(wait(state, 5, "greedy"), Entry::refused);
  EXPECT_EQ(served(state), (std::vector{0, 10, 1, 11}));
}

TEST(BulkheadState, LetsHigherPrioritiesDisplaceLowerOnes) {
  State state = full(2);
  wait(state, 1, "a", 3);
  wait(state, 2, "b", 2);
  EXPECT_EQ(wait(state, 3, "c", 1), Entry::refused);
  EXPECT_EQ(state.enter(4, "c", 9, start).displaced, 2);
  EXPECT_EQ(state.enter(5, "c", 9, start).displaced, 1);
  EXPECT_EQ(wait(state, 6, "c", 9), Entry::refused);
  EXPECT_EQ(served(state), (std::vector{4, 5}));
}

TEST(BulkheadState, ForgetsWhoLeaves) {
  State state = full();
  for (int i = 0; i < 3; ++i) wait(state, i, "a");
  EXPECT_TRUE(state.leave(1));
  EXPECT_FALSE(state.leave(1));
  EXPECT_FALSE(state.leave(77));
  EXPECT_EQ(served(state), (std::vector{0, 2}));
  EXPECT_EQ(state.in_use(), 1);
}

TEST(BulkheadState, GrantsMoreWhenThereAreMorePlaces) {
  State state = full();
  for (int i = 0; i < 3; ++i) wait(state, i, "a");
  state.change({.concurrency = 3});
  EXPECT_EQ(state.grant(), 0);
  EXPECT_EQ(state.grant(), 1);
  EXPECT_FALSE(state.grant());
  state.change({.concurrency = 1});
  state.release(1s, start);
  state.release(1s, start);
  EXPECT_FALSE(state.grant()) << "one is left, which is all there may be";
  state.release(1s, start);
  EXPECT_EQ(state.grant(), 2);
}

TEST(BulkheadState, SaysTrulyWhenToComeBack) {
  State state({.concurrency = 4, .queue = 100});
  EXPECT_EQ(state.retry_after(start), 1s) << "nothing is known";
  for (int i = 0; i < 4; ++i) wait(state, i, "a");
  TimePoint now = start;
  for (int i = 0; i < 20; ++i) {
    now += 500ms;
    wait(state, 10 + i, "a");
    state.release(2s, now);
    state.grant();
  }
  EXPECT_EQ(state.retry_after(now), 500ms) << "2 s each, four at once";
  for (int i = 0; i < 9; ++i) wait(state, 50 + i, "a");
  EXPECT_EQ(state.retry_after(now), 5s) << "ten of them";
  EXPECT_EQ(state.retry_after(now + 3s), 30s) << "nobody has left for 3 s";
  EXPECT_EQ(state.retry_after(now + 24h), 10min);
}

TEST(BulkheadState, IsQuickWithManyKeys) {
  State state = full(50);
  for (int i = 0; i < 20'000; ++i) {
    wait(state, i, "key" + std::to_string(i));
    if (state.waiting() < 40) continue;
    state.release(1s, start);
    ASSERT_TRUE(state.grant());
  }
  EXPECT_EQ(state.waiting(), 39U);
  EXPECT_EQ(state.in_use(), 1);
}

TEST(BulkheadState, RefusesOptionsOutOfRange) {
  EXPECT_THROW(State({.concurrency = 0}), std::invalid_argument);
  EXPECT_THROW(State({.queue = 10'001}), std::invalid_argument);
  EXPECT_THROW(State({.wait = 2h}), std::invalid_argument);
  EXPECT_NO_THROW(State({.concurrency = 1, .queue = 0, .wait = 0ms}));
}

}  // namespace
}  // namespace lowart::bulkhead_state_test
