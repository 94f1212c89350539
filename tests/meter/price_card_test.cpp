#include <lowart/meter/price_card.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <random>

namespace lowart::price_card_test {
namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();

Usage used(std::initializer_list<std::pair<UsageClass, std::int64_t>> amounts) {
  Usage usage;
  for (auto const& [c, amount] : amounts) usage.set(c, amount);
  return usage;
}
PriceName const& named(std::string_view name) {
  return *std::find_if(price_names.begin(), price_names.end(), [&](auto const& n) { return n.name == name; });
}
Price price_of(std::initializer_list<std::pair<std::string_view, std::string_view>> parts) {
  Price price;
  for (auto const& [name, usd] : parts) EXPECT_TRUE(price.set(named(name), usd)) << name << " " << usd;
  return price;
}
DatedPrice sonnet() {
  DatedPrice dated{
      .price = price_of({{"input", "3"}, {"cache_read", "0.3"}, {"cache_write", "3.75"}, {"output", "15"}})};
  dated.by_context.push_back(
      {200'000, dated.price.with(price_of({{"input", "6"}, {"output", "22.5"}, {"cache_read", "0.6"}}))});
  dated.tiers.push_back({"batch", *PriceFactor::parse("0.5")});
  dated.tiers.push_back({"priority", *PriceFactor::parse("1.75")});
  return dated;
}

TEST(PriceUnits, AreExactForMinutesHoursAndSeconds) {
  auto const heard = used({{UsageClass::audio_milliseconds, 90'000}});
  EXPECT_EQ(cost(heard, price_of({{"per_minute", "0.006"}})).count(), 9'000'000);
  EXPECT_EQ(cost(heard, price_of({{"per_second", "0.0001"}})).count(), 9'000'000);
  EXPECT_EQ(cost(heard, price_of({{"per_hour", "0.04"}})).count(), 1'000'000);
  EXPECT_EQ(cost(used({{UsageClass::audio_milliseconds, 1}}), price_of({{"per_minute", "0.0043"}})).count(),
            72)
      << "71.67, rounded once";
  EXPECT_EQ(cost(used({{UsageClass::audio_milliseconds, 3}}), price_of({{"per_minute", "0.0043"}})).count(),
            215);
}

TEST(PriceUnits, PriceImagesCharactersAndSearches) {
  EXPECT_EQ(cost(used({{UsageClass::images, 2}}), price_of({{"per_image", "0.04"}})).count(), 80'000'000);
  EXPECT_EQ(
      cost(used({{UsageClass::characters, 1000}}), price_of({{"per_million_characters", "15"}})).count(),
      15'000'000);
  EXPECT_EQ(cost(used({{UsageClass::characters, 1000}}), price_of({{"per_character", "0.000015"}})).count(),
            15'000'000);
  EXPECT_EQ(cost(used({{UsageClass::searches, 3}}), price_of({{"per_search", "0.01"}})).count(), 30'000'000);
}

TEST(PriceUnits, AreWrittenAsTheyAreReadAndRefusedWhereTheyCannotBeCounted) {
  for (PriceName const& name : price_names) {
    Price price;
    ASSERT_TRUE(price.set(name, "0.25")) << name.name;
    Price again;
    price.each([&](PriceName const& n, std::string const& usd) { EXPECT_TRUE(again.set(n, usd)); });
    EXPECT_EQ(price, again) << name.name;
  }
  Price price;
  auto const refused = price.set(named("per_second"), "3");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("per_second"), std::string::npos);
  EXPECT_TRUE(price.empty());
}

TEST(PriceCard, TakesThePriceThatHeldWhenTheCallBegan) {
  DatedPrice older{.from = *parse_day("2026-01-01"), .price = price_of({{"input", "10"}})};
  DatedPrice newer{.from = *parse_day("2026-07-01"), .price = price_of({{"input", "5"}})};
  auto const card = PriceCard::make({newer, older});
  ASSERT_TRUE(card);
  auto const usage = used({{UsageClass::input, 1'000'000}});
  auto const at = [&](std::int64_t when) { return cost(usage, *card, {.started_at = when}).count(); };
  EXPECT_EQ(at(*parse_day("2026-01-01") - 1), 0) << "before the first";
  EXPECT_EQ(at(*parse_day("2026-01-01")), 10'000'000'000);
  EXPECT_EQ(at(*parse_day("2026-07-01") - 1), 10'000'000'000);
  EXPECT_EQ(at(*parse_day("2026-07-01")), 5'000'000'000);
  EXPECT_FALSE(PriceCard::make({older, older}));
}

TEST(PriceCard, BillsAWholeCallDearerBeyondAContext) {
  auto const cost_of = [](std::int64_t input, std::int64_t cached) {
    return cost(
               used(
                   {{UsageClass::input, input}, {UsageClass::cache_read, cached}, {UsageClass::output, 100}}),
               sonnet(), {})
        .count();
  };
  EXPECT_EQ(cost_of(100'000, 100'000), 300'000'000 + 30'000'000 + 1'500'000);
  EXPECT_EQ(cost_of(100'001, 100'000), 600'006'000 + 60'000'000 + 2'250'000);
}

TEST(PriceCard, TakesWhatAStepDoesNotNameFromItsPrice) {
  auto const usage = used({{UsageClass::input, 200'001}, {UsageClass::cache_write, 1'000'000}});
  EXPECT_EQ(cost(usage, sonnet(), {}).count(), 200'001 * 6'000LL + 3'750'000'000);
}

TEST(PriceCard, ChangesWithTheVolumeOfTheMonthBeforeTheCall) {
  DatedPrice dated{.price = price_of({{"input", "2"}})};
  dated.by_volume.push_back({1'000'000, price_of({{"input", "1"}})});
  dated.by_volume.push_back({5'000'000, price_of({{"input", "0.5"}})});
  auto const usage = used({{UsageClass::input, 1'000'000}});
  EXPECT_EQ(cost(usage, dated, {.used_before = 0}).count(), 2'000'000'000);
  EXPECT_EQ(cost(usage, dated, {.used_before = 1'000'000}).count(), 2'000'000'000);
  EXPECT_EQ(cost(usage, dated, {.used_before = 1'000'001}).count(), 1'000'000'000);
  EXPECT_EQ(cost(usage, dated, {.used_before = most}).count(), 500'000'000);
}

TEST(PriceCard, MultipliesByTheTierButSearchesAndTheFee) {
  DatedPrice dated = sonnet();
  dated.price = dated.price.with(price_of({{"per_search", "0.01"}}));
  dated.per_request = *parse_usd("0.001");
  auto const usage = used({{UsageClass::output, 1'000'000}, {UsageClass::searches, 2}});
  auto const at = [&](std::string_view tier) { return cost(usage, dated, {.service_tier = tier}).count(); };
  EXPECT_EQ(at(""), 15'000'000'000 + 20'000'000 + 1'000'000);
  EXPECT_EQ(at("batch"), 7'500'000'000 + 21'000'000);
  EXPECT_EQ(at("priority"), 26'250'000'000 + 21'000'000);
  EXPECT_EQ(at("unheard of"), at(""));
  EXPECT_EQ(cost(Usage{}, dated, {}).count(), 0) << "no fee for nothing";
  EXPECT_EQ(cost(used({{UsageClass::input, 0}, {UsageClass::output, 0}}), dated, {}).count(), 0);
}

TEST(PriceFactor, IsReadExactly) {
  EXPECT_EQ(PriceFactor::parse("0.5")->count(), 5'000);
  EXPECT_EQ(PriceFactor::parse("1.1")->count(), 11'000);
  EXPECT_EQ(PriceFactor::parse("100")->count(), 1'000'000);
  for (auto const* text : {"", "-1", "0.00001", "100.0001", "1e2", "50%", "half"})
    EXPECT_FALSE(PriceFactor::parse(text)) << text;
}

TEST(Days, AreReadAndWritten) {
  EXPECT_EQ(parse_day("1970-01-02"), std::int64_t{86'400} * 1'000'000);
  EXPECT_EQ(day_text(*parse_day("2026-02-28")), "2026-02-28");
  for (auto const* text :
       {"", "2026-2-01", "2026-02-30", "2026-13-01", "2026-01-01T", "20260101", "2026/01/01"})
    EXPECT_FALSE(parse_day(text)) << text;
  EXPECT_EQ(month_of(*parse_day("2026-02-28") + 5), *parse_day("2026-02-01"));
  EXPECT_EQ(month_of(*parse_day("2026-03-01")), *parse_day("2026-03-01"));
  EXPECT_EQ(month_of(*parse_day("2026-03-01") - 1), *parse_day("2026-02-01"));
}

/// Of random cards and usages.
class PriceProperties : public ::testing::Test {
 protected:
  std::int64_t up_to(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n)(random_); }
  std::int64_t any_size() { return up_to(most) >> up_to(62); }
  Price any_price() {
    Price price;
    for (std::size_t i = 0; i < usage_class_count; ++i)
      if (up_to(2) > 0) price.set(static_cast<UsageClass>(i), NanoUsd(any_size()));
    return price;
  }
  Usage any_usage() {
    Usage usage;
    for (std::size_t i = 0; i < usage_class_count; ++i)
      if (up_to(2) > 0) usage.set(static_cast<UsageClass>(i), any_size() / 32);
    return usage;
  }
  DatedPrice any_dated() {
    DatedPrice dated{.price = any_price(), .per_request = NanoUsd(up_to(1'000'000'000))};
    dated.tiers.push_back({"batch", *PriceFactor::parse(std::to_string(up_to(100)))});
    return dated;
  }
  std::mt19937_64 random_{7};
};

TEST_F(PriceProperties, NothingOverflowsAndMoreCostsNoLess) {
  for (int i = 0; i < 3000; ++i) {
    DatedPrice const dated = any_dated();
    Usage const usage = any_usage();
    Usage more = usage;
    auto const c = static_cast<UsageClass>(up_to(usage_class_count - 1));
    more.set(c, usage.value(c) + up_to(most - usage.value(c)) / 64);
    for (auto const* tier : {"", "batch"}) {
      auto const a = cost(usage, dated, {.service_tier = tier});
      EXPECT_GE(a.count(), 0);
      EXPECT_GE(cost(more, dated, {.service_tier = tier}), a);
    }
  }
}

TEST_F(PriceProperties, ASumCostsWhatItsPartsCostButForTheirRounding) {
  for (int i = 0; i < 3000; ++i) {
    DatedPrice dated{.price = {}, .tiers = {{"batch", *PriceFactor::parse("0.3333")}}};
    std::array<Usage, 2> parts;
    for (std::size_t k = 0; k < usage_class_count; ++k) {
      dated.price.set(static_cast<UsageClass>(k), NanoUsd(up_to(100'000'000'000)));
      for (Usage& part : parts) part.set(static_cast<UsageClass>(k), up_to(1'000'000));
    }
    Usage whole = parts[0];
    whole.add(parts[1]);
    PriceFacts const facts{.service_tier = i % 2 == 0 ? "" : "batch"};
    auto const apart = cost(parts[0], dated, facts).count() + cost(parts[1], dated, facts).count();
    EXPECT_LE(std::abs(cost(whole, dated, facts).count() - apart), 1);
  }
}

TEST_F(PriceProperties, ACardOfOnePriceCostsWhatThatDoes) {
  for (int i = 0; i < 1000; ++i) {
    Price const price = any_price();
    Usage const usage = any_usage();
    EXPECT_EQ(cost(usage, PriceCard(price), {.started_at = any_size()}), cost(usage, price));
  }
}

TEST_F(PriceProperties, TheDearestOfAllSaturates) {
  DatedPrice dated{.per_request = NanoUsd(most)};
  Usage usage;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    dated.price.set(static_cast<UsageClass>(i), NanoUsd(most));
    usage.set(static_cast<UsageClass>(i), most / 16);
  }
  dated.tiers.push_back({"dear", *PriceFactor::parse("100")});
  EXPECT_EQ(cost(usage, dated, {}).count(), most);
  EXPECT_EQ(cost(usage, dated, {.service_tier = "dear"}).count(), most);
}

}  // namespace
}  // namespace lowart::price_card_test
