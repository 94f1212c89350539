#include <lowart/meter/price.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace lowart::price_test {
namespace {

std::int64_t nanos(std::string_view text) {
  auto const parsed = parse_usd(text);
  return parsed ? parsed->count() : -1;
}

TEST(Price, ReadsDecimalTextExactly) {
  EXPECT_EQ(nanos("0.15"), 150'000'000);
  EXPECT_EQ(nanos("0.075"), 75'000'000);
  EXPECT_EQ(nanos(".5"), 500'000'000);
  EXPECT_EQ(nanos("5."), 5'000'000'000);
  EXPECT_EQ(nanos("15"), 15'000'000'000);
  EXPECT_EQ(nanos("0"), 0);
  EXPECT_EQ(nanos("0.000000001"), 1);
  EXPECT_EQ(nanos("0.1000000000000"), 100'000'000);
  EXPECT_EQ(nanos("1000000"), 1'000'000'000'000'000);
}

TEST(Price, RefusesWhatNeedsGuessing) {
  for (auto const* text : {"", ".", "-1", "+1", "1,5", "1e3", "0.0000000001", " 1", "1 ", "1.2.3", "$1",
                           "1000000.1", "1000001", "99999999999999999999999999", "nan", "0x10"}) {
    auto const parsed = parse_usd(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::config_invalid);
  }
}

Price gpt_4o_mini() {
  Price price;
  price.set(UsageClass::input, *parse_usd("0.15"));
  price.set(UsageClass::cache_read, *parse_usd("0.075"));
  price.set(UsageClass::output, *parse_usd("0.60"));
  return price;
}

TEST(Price, AddsUpTheClasses) {
  Usage usage;
  usage.set(UsageClass::input, 1000);
  usage.set(UsageClass::cache_read, 200);
  usage.set(UsageClass::output, 30);
  EXPECT_EQ(cost(usage, gpt_4o_mini()).count(), 150'000 + 15'000 + 18'000);
}

TEST(Price, TakesThePriceOfTheKindForAClassWithoutItsOwn) {
  Price price = gpt_4o_mini();
  EXPECT_EQ(price.per_million(UsageClass::reasoning), price.per_million(UsageClass::output));
  EXPECT_EQ(price.per_million(UsageClass::output_audio), price.per_million(UsageClass::output));
  EXPECT_EQ(price.per_million(UsageClass::cache_write), price.per_million(UsageClass::input));
  EXPECT_EQ(price.per_million(UsageClass::input_image), price.per_million(UsageClass::input));
  price.set(UsageClass::reasoning, NanoUsd(0));
  EXPECT_EQ(price.per_million(UsageClass::reasoning).count(), 0) << "zero is a price";
}

TEST(Price, RoundsHalfUpOncePerRecord) {
  Price price;
  price.set(UsageClass::input, NanoUsd(500'000));
  price.set(UsageClass::output, NanoUsd(499'999));
  Usage input;
  input.set(UsageClass::input, 1);
  EXPECT_EQ(cost(input, price).count(), 1);
  Usage output;
  output.set(UsageClass::output, 1);
  EXPECT_EQ(cost(output, price).count(), 0);
  Usage both;
  both.set(UsageClass::input, 1);
  both.set(UsageClass::output, 1);
  EXPECT_EQ(cost(both, price).count(), 1);
  both.set(UsageClass::output, 2);
  EXPECT_EQ(cost(both, price).count(), 1) << "1.499998; rounding each class would make it 2";
}

TEST(Price, SaturatesInsteadOfWrapping) {
  Price price;
  for (std::size_t i = 0; i < usage_class_count; ++i)
    price.set(static_cast<UsageClass>(i), *parse_usd("1000000"));
  Usage usage;
  for (std::size_t i = 0; i < usage_class_count; ++i)
    usage.set(static_cast<UsageClass>(i), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(cost(usage, price).count(), std::numeric_limits<std::int64_t>::max());
}

TEST(Price, CostsNothingWhenNothingIsKnown) {
  EXPECT_TRUE(Price().empty());
  EXPECT_FALSE(gpt_4o_mini().empty());
  EXPECT_EQ(cost(Usage(), gpt_4o_mini()).count(), 0);
  Usage usage;
  usage.set(UsageClass::input, 1'000'000);
  EXPECT_EQ(cost(usage, Price()).count(), 0);
}

}  // namespace
}  // namespace lowart::price_test
