#pragma once
/// Price: what a model's tokens cost. Integers only.

#include <lowart/core/money.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>

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

/// USD per million tokens of each usage class.
///
/// A class without a price of its own costs what its kind costs: cached, written, audio and image input as
/// input; reasoning, audio and image output as output. A price of zero is a price.
class Price {
 public:
  void set(UsageClass c, NanoUsd per_million) noexcept { own_[static_cast<std::size_t>(c)] = per_million; }

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
    for (auto const& own : own_)
      if (own) return false;
    return true;
  }

  friend bool operator==(Price const&, Price const&) = default;

 private:
  std::array<std::optional<NanoUsd>, usage_class_count> own_{};
};

/// What `usage` costs. Exact up to one rounding per record, half up, to a whole nano-dollar; saturates.
inline NanoUsd cost(Usage const& usage, Price const& price) noexcept {
  __extension__ using Wide = __int128;
  constexpr Wide million = 1'000'000;
  // At most 14 * 2^63 * 1e15 nanos: about 2^117.
  Wide sum = 0;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    sum += Wide{usage.value(c)} * price.per_million(c).count();
  }
  Wide const rounded = (sum + million / 2) / million;
  constexpr Wide most = std::numeric_limits<std::int64_t>::max();
  return NanoUsd(rounded > most ? std::numeric_limits<std::int64_t>::max()
                                : static_cast<std::int64_t>(rounded));
}

}  // namespace lowart
