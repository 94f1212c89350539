#pragma once
/// `price` of a model or a target: one price, or a list of prices with the days from which they hold.

#include "yaml_reader.hpp"

#include <lowart/meter/price_card.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart::server {

inline void read_amounts(YamlMap& map, Price& price) {
  for (PriceName const& name : price_names) {
    std::string text;
    map.text(name.name, text);
    if (text.empty()) continue;
    if (auto const set = price.set(name, text); !set) map.wrong(name.name, set.error().message());
  }
}

/// `{input_tokens: 200000, input: 6}` of calls that read more, `{month_tokens: 1000000000, input: 2}` of months in which
/// more was used before the call.
inline void read_step(YamlMap& step, DatedPrice& dated) {
  constexpr std::int64_t most = 1'000'000'000'000'000;
  std::optional<std::int64_t> context, volume;
  step.integer("input_tokens", context, 1, most);
  step.integer("month_tokens", volume, 1, most);
  Price own;
  read_amounts(step, own);
  step.finish();
  if (context.has_value() == volume.has_value())
    return step.wrong("a step of 'above' needs either 'input_tokens' or 'month_tokens'");
  if (own.empty()) return step.wrong("a step of 'above' needs a price, such as 'input: 6'");
  std::vector<PriceStep>& steps = context ? dated.by_context : dated.by_volume;
  std::int64_t const above = context ? *context : *volume;
  if (std::any_of(steps.begin(), steps.end(), [above](PriceStep const& s) { return s.above == above; }))
    return step.wrong("another step of 'above' has the same number of tokens");
  steps.push_back(PriceStep{above, dated.price.with(own)});
}

inline DatedPrice read_dated_price(YamlMap& map) {
  DatedPrice dated;
  read_amounts(map, dated.price);
  std::string text;
  map.text("per_request", text);
  if (!text.empty()) {
    auto const fee = parse_usd(text);
    if (fee) dated.per_request = *fee;
    else map.wrong("per_request", fee.error().message());
  }
  std::string from;
  map.text("from", from);
  if (auto const day = parse_day(from)) dated.from = *day;
  else if (!from.empty()) map.wrong("from", "'from' is a day such as 2026-01-31, not '" + from + "'");
  map.each("above", [&](YamlMap& step) { read_step(step, dated); });
  for (auto* steps : {&dated.by_context, &dated.by_volume})
    std::sort(steps->begin(), steps->end(), [](auto const& a, auto const& b) { return a.above < b.above; });
  map.scalars("tiers", [&](std::string const& tier, YamlNode const& value) {
    auto const factor = PriceFactor::parse(value.scalar());
    if (factor) dated.tiers.push_back({tier, *factor});
    else map.wrong_at(value, factor.error().message());
  });
  map.finish();
  return dated;
}

/// Unset where the block has no price.
inline void read_price(YamlMap& parent, std::optional<PriceCard>& card) {
  if (!parent.has("price")) return;
  std::vector<DatedPrice> prices;
  if (parent.is_list("price")) {
    parent.each("price", [&](YamlMap& map) {
      DatedPrice dated = read_dated_price(map);
      auto const same_day = [&dated](DatedPrice const& p) { return p.from == dated.from; };
      if (std::any_of(prices.begin(), prices.end(), same_day))
        return map.wrong("from", "another price of this list begins on the same day, or neither says 'from'");
      prices.push_back(std::move(dated));
    });
  } else if (auto map = parent.map("price")) {
    prices.push_back(read_dated_price(*map));
  }
  auto made = PriceCard::make(std::move(prices));
  card = made ? *std::move(made) : PriceCard();
}

}  // namespace lowart::server
