#include <lowart/dialect/retry_after.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace lowart::retry_after_test {
namespace {

using namespace lowart::dialect;
using std::chrono::milliseconds;

constexpr std::int64_t now = 784'111'777'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT

TEST(RetryAfter, ReadsSecondsFractionsAndDates) {
  struct Case {
    std::string_view value;
    std::int64_t ms;  // -1: not readable
  };
  for (Case const& c : {Case{"0", 0},
                        {"20", 20'000},
                        {" 20 ", 20'000},
                        {"0.5", 500},
                        {"1.0004", 1001},
                        {"7.", 7000},
                        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
                        {"Sun, 06 Nov 1994 08:50:07 GMT", 30'000},
                        {"Sun, 06 Nov 1994 08:00:00 GMT", 0},
                        {"Mon, 07 Nov 1994 08:49:37 GMT", 86'400'000},
                        {"99999999999999999999999", retry_after_limit.count()},
                        {"", -1},
                        {"soon", -1},
                        {"-5", -1},
                        {"20s", -1},
                        {".5", -1},
                        {"Sun, 31 Feb 1994 08:49:37 GMT", -1},
                        {"Sun, 06 Nov 1994 25:49:37 GMT", -1},
                        {"Sun, 06 Nov 1994 08:49:37 CET", -1},
                        {"Sunday, 06-Nov-94 08:49:37 GMT", -1}}) {
    auto const wait = parse_retry_after(c.value, now);
    EXPECT_EQ(wait ? wait->count() : -1, c.ms) << c.value;
  }
}

TEST(RetryAfter, ReadsMilliseconds) {
  EXPECT_EQ(parse_retry_after_ms("1500"), milliseconds(1500));
  EXPECT_EQ(parse_retry_after_ms("12.5"), milliseconds(13));
  EXPECT_EQ(parse_retry_after_ms("0"), milliseconds(0));
  EXPECT_EQ(parse_retry_after_ms(""), std::nullopt);
  EXPECT_EQ(parse_retry_after_ms("x"), std::nullopt);
}

TEST(RetryAfter, ReadsEveryFormOfReset) {
  struct Case {
    std::string_view value;
    std::int64_t ms;
  };
  for (Case const& c : {Case{"12ms", 12},
                        {"0s", 0},
                        {"6m0s", 360'000},
                        {"17.39s", 17'390},
                        {"1h2m3s", 3'723'000},
                        {"1d", 86'400'000},
                        {"1.5ms", 2},
                        {"500us", 1},
                        {"500\xC2\xB5s", 1},
                        {"1ns", 0},
                        {"3600000ms", 3'600'000},
                        {"59", 59'000},
                        {"0.25", 250},
                        {"784111780", retry_after_limit.count()},
                        {"1784111780", retry_after_limit.count()},
                        {"9000d", retry_after_limit.count()},
                        {"999999999999999d999999999999999d", retry_after_limit.count()},
                        {"", -1},
                        {"6m0", -1},
                        {"m", -1},
                        {"5 s", -1},
                        {"5y", -1}}) {
    auto const wait = parse_reset(c.value, now);
    EXPECT_EQ(wait ? wait->count() : -1, c.ms) << c.value;
  }
}

TEST(RetryAfter, ReadsAResetThatIsAPointInTime) {
  constexpr std::int64_t later = 1'900'000'000'000'000;
  EXPECT_EQ(parse_reset("1900000005", later), milliseconds(5000));
  EXPECT_EQ(parse_reset("1900000005250", later), milliseconds(5250));
  EXPECT_EQ(parse_reset("1899999999", later), milliseconds(0));
}

TEST(RetryAfter, ReadsARetryAfterThatIsAPointInTime) {
  constexpr std::int64_t later = 1'900'000'000'000'000;
  EXPECT_EQ(parse_retry_after("1900000005", later), milliseconds(5000));
  EXPECT_EQ(parse_retry_after("1899999999", later), milliseconds(0));
  EXPECT_EQ(parse_retry_after("999999999", later), retry_after_limit) << "a number of seconds";
}

TEST(RetryAfter, ReadsTheDaysAtTheEdges) {
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT"), 1'709'251'199);
  EXPECT_EQ(parse_http_date("Wed, 29 Feb 2023 00:00:00 GMT"), std::nullopt);
  EXPECT_EQ(parse_http_date("Sat, 00 Jan 2022 00:00:00 GMT"), std::nullopt);
}

}  // namespace
}  // namespace lowart::retry_after_test
