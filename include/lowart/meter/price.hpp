#pragma once
/// Price: what a model's tokens, pictures, minutes, characters and searches cost. Integers only.

#include <lowart/core/money.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

/// Reads a decimal amount of USD ("0.15", "15", ".075") exactly, as nano-dollars.
///
/// Errc::config_invalid when it is not digits with at most one point, has more than nine decimals (beyond
/// trailing zeros) or is more than 1'000'000 USD. No sign, no exponent, no separators: a price that needs
/// guessing is refused.
inline Result<NanoUsd> parse_usd(std::string_view text) {
  constexpr std::int64_t one = 1'000'000'000;
  std::int64_t nanos = 0;
  std::int64_t unit = one;
  bool digits = false;
  bool point = false;
  for (char const c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9')
      return fail(Errc::config_invalid, "'" + std::string(text) + "' is not an amount like 0.15");
    digits = true;
    std::int64_t const digit = c - '0';
    if (!point) {
      nanos = nanos * 10 + digit * one;
      if (nanos > 1'000'000 * one) return fail(Errc::config_invalid, "a price above 1000000 USD");
      continue;
    }
    unit /= 10;
    if (unit == 0 && digit != 0) return fail(Errc::config_invalid, "a price with more than nine decimals");
    nanos += digit * unit;
  }
  if (!digits) return fail(Errc::config_invalid, "'" + std::string(text) + "' is not an amount like 0.15");
  if (nanos > 1'000'000 * one) return fail(Errc::config_invalid, "a price above 1000000 USD");
  return NanoUsd(nanos);
}

/// The shortest text that parse_usd() reads as this amount, which is not negative: "0.15".
inline std::string usd_text(NanoUsd amount) {
  constexpr std::int64_t one = 1'000'000'000;
  std::string text = std::to_string(amount.count() / one);
  std::string nanos = std::to_string(one + amount.count() % one);  // a one in front keeps the zeros
  nanos.erase(nanos.find_last_not_of('0') + 1);
  if (nanos.size() > 1) text.append(".").append(nanos, 1);
  return text;
}

/// A name under which a price is written down: which class it is of, and how many of it a million are. Audio is counted
/// in milliseconds and priced by the hour, of which minutes and seconds are whole parts that times need not be.
struct PriceName {
  std::string_view name;
  UsageClass of;
  std::int64_t factor;  ///< USD under this name, times this, is USD for a million.
};
inline constexpr std::array<PriceName, 17> price_names{{
    {"input", UsageClass::input, 1},
    {"cache_read", UsageClass::cache_read, 1},
    {"cache_write", UsageClass::cache_write, 1},
    {"cache_write_1h", UsageClass::cache_write_1h, 1},
    {"output", UsageClass::output, 1},
    {"reasoning", UsageClass::reasoning, 1},
    {"input_audio", UsageClass::input_audio, 1},
    {"output_audio", UsageClass::output_audio, 1},
    {"input_image", UsageClass::input_image, 1},
    {"output_image", UsageClass::output_image, 1},
    {"per_image", UsageClass::images, 1'000'000},
    {"per_minute", UsageClass::audio_milliseconds, 60'000'000},
    {"per_hour", UsageClass::audio_milliseconds, 1'000'000},
    {"per_second", UsageClass::audio_milliseconds, 3'600'000'000},
    {"per_million_characters", UsageClass::characters, 1},
    {"per_character", UsageClass::characters, 1'000'000},
    {"per_search", UsageClass::searches, 1'000'000},
}};

/// What each usage class costs: for a million tokens, pictures, hours of audio, characters or searches.
///
/// A class of tokens without a price of its own costs what its kind costs: cached, written, audio and image input as
/// input, what is written for an hour as what is written; reasoning, audio and image output as output. What is no token
/// costs nothing then. A price of zero is a price.
class Price {
 public:
  void set(UsageClass c, NanoUsd per_million) noexcept { own_[static_cast<std::size_t>(c)] = per_million; }

  /// Sets the price that stands under this name as decimal USD.
  /// Errors: config_invalid as of parse_usd(), and for a price above what can be counted (9 billion USD a million).
  Result<void> set(PriceName const& name, std::string_view usd) {
    auto const amount = parse_usd(usd);
    if (!amount) return fail(amount.error());
    std::int64_t per_million = 0;
    if (__builtin_mul_overflow(amount->count(), name.factor, &per_million))
      return fail(Errc::config_invalid, "'" + std::string(usd) + "' is more than '" + std::string(name.name) +
                                            "' can count; the most is " + usd_text(most(name)));
    set(name.of, NanoUsd(per_million));
    return {};
  }

  /// What was set; nullopt where the class costs what its kind does.
  std::optional<NanoUsd> own(UsageClass c) const noexcept { return own_[static_cast<std::size_t>(c)]; }
  NanoUsd per_million(UsageClass c) const noexcept {
    if (auto const own = own_[static_cast<std::size_t>(c)]) return *own;
    if (!is_tokens(c)) return NanoUsd();
    if (c == UsageClass::cache_write_1h) return per_million(UsageClass::cache_write);
    bool const is_output = c == UsageClass::output || c == UsageClass::reasoning ||
                           c == UsageClass::output_audio || c == UsageClass::output_image;
    auto const kind = own_[static_cast<std::size_t>(is_output ? UsageClass::output : UsageClass::input)];
    return kind.value_or(NanoUsd());
  }
  /// No class has a price.
  bool empty() const noexcept {
    return std::none_of(own_.begin(), own_.end(), [](auto const& own) { return own.has_value(); });
  }
  /// This price, with those of `other` in place of its own where that has some.
  Price with(Price const& other) const noexcept {
    Price both = *this;
    for (std::size_t i = 0; i < own_.size(); ++i)
      if (other.own_[i]) both.own_[i] = other.own_[i];
    return both;
  }
  /// Calls fn(name, USD as text) for each price of its own under the name that says it exactly.
  template <class Fn>
  void each(Fn fn) const {
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (!own_[i]) continue;
      for (PriceName const& name : price_names)
        if (static_cast<std::size_t>(name.of) == i && own_[i]->count() % name.factor == 0) {
          fn(name, usd_text(NanoUsd(own_[i]->count() / name.factor)));
          break;
        }
    }
  }

  friend bool operator==(Price const&, Price const&) = default;

 private:
  static NanoUsd most(PriceName const& name) noexcept {
    return NanoUsd(std::numeric_limits<std::int64_t>::max() / name.factor);
  }
  std::array<std::optional<NanoUsd>, usage_class_count> own_{};
};

namespace price_sum {

__extension__ using Wide = __int128;

/// A sum of money is counted in parts of a nano-dollar so small that every price has whole ones: a million of the
/// units that are priced, 3,600,000 milliseconds in an hour.
inline constexpr Wide milliseconds_per_hour = 3'600'000;
inline constexpr Wide parts = 1'000'000 * milliseconds_per_hour;
/// What is more counts as this: 22 billion USD. A factor of up to 2^20 fits above it.
inline constexpr Wide most = Wide{1} << 106U;

/// What the amounts of one class cost, in parts.
inline Wide of(UsageClass c, std::int64_t amount, NanoUsd per_million) noexcept {
  Wide const product = Wide{amount} * per_million.count();  // below 2^126
  if (c == UsageClass::audio_milliseconds) return std::min(product, most);
  return product > most / milliseconds_per_hour ? most : product * milliseconds_per_hour;
}
inline Wide add(Wide a, Wide b) noexcept { return std::min(a + b, most); }

/// Rounded half up to a whole nano-dollar; saturates. `divisor` is even.
inline NanoUsd rounded(Wide sum, Wide divisor) noexcept {
  constexpr Wide largest = std::numeric_limits<std::int64_t>::max();
  return NanoUsd(static_cast<std::int64_t>(std::min((sum + divisor / 2) / divisor, largest)));
}

}  // namespace price_sum

/// What `usage` costs. Exact up to one rounding, half up, to a whole nano-dollar; saturates.
inline NanoUsd cost(Usage const& usage, Price const& price) noexcept {
  price_sum::Wide sum = 0;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    if (std::int64_t const amount = usage.value(c); amount > 0)
      sum = price_sum::add(sum, price_sum::of(c, amount, price.per_million(c)));
  }
  return price_sum::rounded(sum, price_sum::parts);
}

}  // namespace lowart
