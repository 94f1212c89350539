#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/calendar_window.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string_view>

namespace lowart::calendar_window_test {
namespace {

constexpr std::int64_t day = 86'400'000'000;

std::int64_t utc(std::string_view text) { return *dialect::parse_rfc3339(text); }
CalendarSpan span(std::string_view begin, std::string_view end) { return {utc(begin), utc(end)}; }

TEST(CalendarSpan, IsADayAWeekFromMondayOrAMonth) {
  std::int64_t const at = utc("2026-11-29T23:59:59.999999Z");  // a Sunday
  EXPECT_EQ(calendar_span(LimitPeriod::day, at), span("2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"));
  EXPECT_EQ(calendar_span(LimitPeriod::week, at), span("2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"));
  EXPECT_EQ(calendar_span(LimitPeriod::month, at), span("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
  EXPECT_EQ(calendar_span(LimitPeriod::week, at + 1), span("2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"));
  EXPECT_EQ(calendar_span(LimitPeriod::month, utc("2026-12-31T12:00:00Z")),
            span("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
  EXPECT_EQ(calendar_span(LimitPeriod::month, utc("2028-02-29T12:00:00Z")),
            span("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"));
  EXPECT_EQ(calendar_span(LimitPeriod::week, 0), span("1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"));
}

TEST(CalendarSpan, HoldsItsTimeAndMeetsTheNextOne) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    auto const at = static_cast<std::int64_t>(random() % (std::uint64_t{200} * 365 * day));
    for (auto const period : {LimitPeriod::day, LimitPeriod::week, LimitPeriod::month}) {
      CalendarSpan const is = calendar_span(period, at);
      ASSERT_LE(is.begin, at);
      ASSERT_GT(is.end, at);
      ASSERT_EQ(calendar_span(period, is.begin), is);
      ASSERT_EQ(calendar_span(period, is.end - 1), is);
      ASSERT_EQ(calendar_span(period, is.end).begin, is.end);
    }
  }
}

TEST(CalendarWindow, CountsTheCallsThatBeganInIt) {
  std::int64_t const evening = utc("2026-11-30T23:00:00Z");
  CalendarWindow window(LimitPeriod::day, 100, evening);
  window.take(40);
  window.take(30);
  EXPECT_EQ(window.left(), 30);
  EXPECT_FALSE(window.has_room(31));
  window.settle(evening, 40, 10);
  EXPECT_EQ(window.used(), 10);
  EXPECT_EQ(window.reserved(), 30);
  EXPECT_TRUE(window.roll(evening + day / 12));
  EXPECT_EQ(window.taken(), 0);
  window.settle(evening, 30, 25);
  EXPECT_EQ(window.taken(), 0) << "a call of yesterday is no use of today";
  EXPECT_FALSE(window.roll(evening)) << "time that runs backwards opens no old window";
}

TEST(CalendarWindow, LeavesCallsAloneThatBeganBeforeItCounted) {
  std::int64_t const noon = utc("2026-11-30T12:00:00Z");
  CalendarWindow window(LimitPeriod::day, 100, noon);
  window.settle(noon - 1, 50, 50);
  EXPECT_EQ(window.taken(), 0);
  window.add(70);
  EXPECT_EQ(window.left(), 30);
  EXPECT_EQ(window.since(), noon);
}

TEST(CalendarWindow, ChargesWhatWasUsedBeyondTheReservation) {
  CalendarWindow window(LimitPeriod::month, 100, 0);
  window.take(10);
  window.settle(0, 10, 400);
  EXPECT_EQ(window.used(), 400);
  EXPECT_EQ(window.left(), 0);
  EXPECT_FALSE(window.has_room(0)) << "a limit that is overdrawn lets nothing in";
  window.resize(1000);
  EXPECT_EQ(window.left(), 600);
}

TEST(CalendarWindow, StaysWithinItsNumbers) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CalendarWindow window(LimitPeriod::month, most, 0);
  for (int i = 0; i < 20'000; ++i) {
    window.take(most);
    window.settle(0, 0, most);
    window.add(most);
  }
  EXPECT_EQ(window.taken(), most);
  EXPECT_EQ(window.left(), 0);
  window.settle(0, most, -5);
  EXPECT_GE(window.reserved(), 0);
}

}  // namespace
}  // namespace lowart::calendar_window_test
