#pragma once
/// PriceCard: what a model costs, by date, length of the context, volume of the month and service tier.

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/calendar_window.hpp>
#include <lowart/meter/price.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// A factor with at most four decimals, from 0 to 100, exact.
class PriceFactor {
 public:
  static constexpr std::int64_t one = 10'000;

  constexpr PriceFactor() = default;
  /// Reads "0.5". Errors: config_invalid.
  static Result<PriceFactor> parse(std::string_view text) {
    constexpr std::int64_t nanos_each = 1'000'000'000 / one;
    auto const read = parse_usd(text);
    if (!read || read->count() % nanos_each != 0 || read->count() / nanos_each > 100 * one)
      return fail(Errc::config_invalid,
                  "'" + std::string(text) + "' is not a factor from 0 to 100 with at most four decimals");
    return PriceFactor(read->count() / nanos_each);
  }
  /// Of ten thousand parts.
  constexpr std::int64_t count() const noexcept { return parts_; }
  /// "0.5"
  std::string text() const { return usd_text(NanoUsd(parts_ * (1'000'000'000 / one))); }
  friend constexpr bool operator==(PriceFactor, PriceFactor) = default;

 private:
  constexpr explicit PriceFactor(std::int64_t parts) noexcept : parts_(parts) {}
  std::int64_t parts_{one};
};

/// From the call on that goes beyond `above`, another price holds for the whole of it.
struct PriceStep {
  std::int64_t above{0};
  Price price;  ///< Whole: what the step does not name is that of the price it belongs to.
  friend bool operator==(PriceStep const&, PriceStep const&) = default;
};
/// What the calls of a service tier cost, against the usual one.
struct TierFactor {
  std::string tier;
  PriceFactor factor;
  friend bool operator==(TierFactor const&, TierFactor const&) = default;
};

/// What is charged from one day on.
struct DatedPrice {
  static constexpr std::int64_t always = std::numeric_limits<std::int64_t>::min();

  std::int64_t from{always};  ///< UTC microseconds of the day's begin.
  Price price{};
  NanoUsd per_request{};                ///< For each call that used something.
  std::vector<PriceStep> by_context{};  ///< By the tokens that a call reads, from small to large.
  std::vector<PriceStep>
      by_volume{};  ///< By the tokens used in the month before the call, from small to large.
  std::vector<TierFactor> tiers{};

  /// It knows no price at all.
  bool empty() const noexcept {
    return price.empty() && per_request == NanoUsd() && by_context.empty() && by_volume.empty();
  }
  friend bool operator==(DatedPrice const&, DatedPrice const&) = default;
};

/// What a price depends on beside the usage.
struct PriceFacts {
  std::int64_t started_at{0};  ///< Of the call, UTC microseconds.
  std::string_view service_tier{};
  std::int64_t used_before{0};  ///< Tokens in the call's month, UTC, before it.
};

/// The price of the last step that `amount` goes beyond.
inline Price const& price_at(Price const& usual, std::vector<PriceStep> const& steps,
                             std::int64_t amount) noexcept {
  Price const* price = &usual;
  for (PriceStep const& step : steps)
    if (amount > step.above) price = &step.price;
  return *price;
}

/// What `usage` costs. Steps of a volume change the price of whole calls, and one of the context goes before them. The
/// factor of the tier is on everything but searches and the fee of a call, which no vendor sells cheaper with them.
/// Exact up to one rounding, half up, to a whole nano-dollar; saturates. Nothing used costs nothing, and no fee.
inline NanoUsd cost(Usage const& usage, DatedPrice const& dated, PriceFacts const& facts) noexcept {
  using namespace price_sum;
  std::int64_t const context = usage.input_total();
  bool const is_long = !dated.by_context.empty() && context > dated.by_context.front().above;
  Price const& price = is_long ? price_at(dated.price, dated.by_context, context)
                               : price_at(dated.price, dated.by_volume, facts.used_before);
  Wide scaled = 0;
  Wide fixed = 0;
  bool used = false;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    std::int64_t const amount = usage.value(c);
    if (amount <= 0) continue;  // as most are
    used = true;
    Wide& sum = c == UsageClass::searches ? fixed : scaled;
    sum = add(sum, of(c, amount, price.per_million(c)));
  }
  if (!used) return NanoUsd();
  fixed = add(fixed, std::min(Wide{dated.per_request.count()} * parts, most));
  PriceFactor factor;
  for (TierFactor const& tier : dated.tiers)
    if (tier.tier == facts.service_tier) factor = tier.factor;
  // Both below 2^126, so the sum of them is no overflow.
  return rounded(scaled * factor.count() + std::min(fixed, most / 2) * PriceFactor::one,
                 parts * PriceFactor::one);
}

/// Prices in the order of their days. A value, and never changed after it was made.
class PriceCard {
 public:
  PriceCard() = default;
  /// One price for all time.
  explicit PriceCard(Price const& price) {
    if (!price.empty()) prices_.push_back(DatedPrice{.price = price});
  }
  /// Errors: config_invalid when two begin on the same day.
  static Result<PriceCard> make(std::vector<DatedPrice> prices) {
    std::sort(prices.begin(), prices.end(), [](auto const& a, auto const& b) { return a.from < b.from; });
    for (std::size_t i = 1; i < prices.size(); ++i)
      if (prices[i - 1].from == prices[i].from)
        return fail(Errc::config_invalid, "two prices begin on the same day");
    PriceCard card;
    card.prices_ = std::move(prices);
    return card;
  }

  /// The one that holds then; null before the first one's day.
  DatedPrice const* at(std::int64_t utc_micros) const noexcept {
    DatedPrice const* found = nullptr;
    for (DatedPrice const& price : prices_)
      if (price.from <= utc_micros) found = &price;
    return found;
  }
  std::vector<DatedPrice> const& prices() const noexcept { return prices_; }
  bool empty() const noexcept {
    return std::all_of(prices_.begin(), prices_.end(), [](DatedPrice const& p) { return p.empty(); });
  }
  /// Whether a call's price depends on what the month has used.
  bool has_volume() const noexcept {
    return std::any_of(prices_.begin(), prices_.end(), [](auto const& p) { return !p.by_volume.empty(); });
  }
  friend bool operator==(PriceCard const&, PriceCard const&) = default;

 private:
  std::vector<DatedPrice> prices_;
};

/// What `usage` costs by the price that holds at the call's start; nothing before the first one.
inline NanoUsd cost(Usage const& usage, PriceCard const& card, PriceFacts const& facts) noexcept {
  DatedPrice const* const dated = card.at(facts.started_at);
  return dated == nullptr ? NanoUsd() : cost(usage, *dated, facts);
}

/// A day, "2026-01-31", as the UTC microseconds of its begin; nullopt when it is none.
inline std::optional<std::int64_t> parse_day(std::string_view text) {
  if (text.size() != 10) return std::nullopt;
  return dialect::parse_rfc3339(std::string(text).append("T00:00:00Z"));
}
/// The same backwards, for times from 1970 to 9999.
inline std::string day_text(std::int64_t utc_micros) {
  return dialect::rfc3339_exact(utc_micros).substr(0, 10);
}

/// The begin of the month that a time is in: UTC microseconds.
inline std::int64_t month_of(std::int64_t utc_micros) noexcept {
  return calendar_span(LimitPeriod::month, utc_micros).begin;
}

}  // namespace lowart
