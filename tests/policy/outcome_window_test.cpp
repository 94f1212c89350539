#include <lowart/policy/outcome_window.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace lowart::outcome_window_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

TEST(OutcomeWindow, CountsNothingUnlessItIsOfSomething) {
  OutcomeWindow window;
  window.note(start, true);
  EXPECT_FALSE(window.counts());
  EXPECT_EQ(window.count(start).calls, 0U);
}

TEST(OutcomeWindow, HoldsTheLastCalls) {
  auto window = OutcomeWindow::of_calls(3);
  for (bool const bad : {true, true, false, false}) window.note(start, bad);
  EXPECT_EQ(window.count(start).calls, 3U);
  EXPECT_EQ(window.count(start).bad, 1U);
  window.clear();
  EXPECT_EQ(window.count(start).calls, 0U);
}

TEST(OutcomeWindow, ForgetsWhatIsTooLongAgo) {
  auto window = OutcomeWindow::of_time(16s);
  window.note(start, true);
  EXPECT_EQ(window.count(start + 14s).bad, 1U);
  EXPECT_EQ(window.count(start + 16s).bad, 0U);
  window.note(start + 10h, false);
  EXPECT_EQ(window.count(start + 10h).calls, 1U);
}

TEST(OutcomeWindow, TakesNewsThatIsALittleOlder) {
  auto window = OutcomeWindow::of_time(16s);
  window.note(start + 5s, false);
  window.note(start, true);
  EXPECT_EQ(window.count(start + 5s).bad, 1U);
}

/// Between the calls of 15/16 of the span and those of the whole: whatever the order of notes and looks.
TEST(OutcomeWindow, AgreesWithAListOfAllCalls) {
  std::mt19937 random(7);
  auto window = OutcomeWindow::of_time(1600ms);
  std::deque<std::pair<TimePoint, bool>> all;
  TimePoint now = start;
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::milliseconds(random() % 10 == 0 ? random() % 4000 : random() % 30);
    if (random() % 4 != 0) {
      bool const bad = random() % 3 == 0;
      window.note(now, bad);
      all.emplace_back(now, bad);
    }
    while (!all.empty() && all.front().first <= now - 1600ms) all.pop_front();
    std::size_t surely = 0;
    std::size_t maybe = 0;
    for (auto const& [at, bad] : all) {
      surely += bad && at > now - 1500ms ? 1U : 0U;
      maybe += bad ? 1U : 0U;
    }
    ASSERT_GE(window.count(now).bad, surely) << i;
    ASSERT_LE(window.count(now).bad, maybe) << i;
  }
}

}  // namespace
}  // namespace lowart::outcome_window_test
