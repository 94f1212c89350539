#include "decimal_text.hpp"

#include <gtest/gtest.h>

namespace lowart::server {
namespace {

TEST(DecimalText, ShiftsWithoutLosingADigit) {
  EXPECT_EQ(shifted_decimal("1.5e-07", 6), "0.15");
  EXPECT_EQ(shifted_decimal("0.00000015", 6), "0.15");
  EXPECT_EQ(shifted_decimal("3E-6", 6), "3");
  EXPECT_EQ(shifted_decimal("0.000000123456789012", 6), "0.123456789012");
  EXPECT_EQ(shifted_decimal("12.50", 0), "12.5");
  EXPECT_EQ(shifted_decimal("30.5", 3), "30500");
  EXPECT_EQ(shifted_decimal("+.5", 0), "0.5");
  EXPECT_EQ(shifted_decimal("5.", 1), "50");
  EXPECT_EQ(shifted_decimal("000.0e9", 3), "0");
  EXPECT_EQ(shifted_decimal("1e+3", 0), "1000");
}

TEST(DecimalText, RefusesWhatIsNoNumberOrTooLong) {
  for (auto const text :
       {"", ".", "-1", "1e", "1e5x", "1.2.3", "x", "1e99", "1e-99", "1e38", "nan", "0x10", "1_000"})
    EXPECT_FALSE(shifted_decimal(text, 6)) << text;
  EXPECT_FALSE(shifted_decimal(std::string(41, '1'), 0));
}

TEST(DecimalText, TellsWholeNumbersFromOthers) {
  EXPECT_EQ(whole_decimal("480", 0, 1000), 480);
  EXPECT_EQ(whole_decimal("1e3", 0, 1000), 1000);
  EXPECT_EQ(whole_decimal("0.7", 6, INT64_MAX), 700'000);
  EXPECT_FALSE(whole_decimal("0.5", 0, 1000));
  EXPECT_FALSE(whole_decimal("1001", 0, 1000));
  EXPECT_FALSE(whole_decimal("1e30", 0, INT64_MAX));
}

}  // namespace
}  // namespace lowart::server
