#pragma once
/// Decimal numbers as texts: exact, however they are written.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::server {

/// "1.5e-07" with `places` 6 is "0.15": the number times ten to the power of `places`, without an exponent. Nothing for
/// what is no number, is negative or has more than 40 digits then.
inline std::optional<std::string> shifted_decimal(std::string_view text, int places) {
  constexpr std::ptrdiff_t most = 40;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::string digits;
  std::ptrdiff_t point = 0;  // how many digits stand before it
  bool seen_point = false;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.' && !seen_point) {
      seen_point = true;
    } else if (text[i] >= '0' && text[i] <= '9') {
      digits.push_back(text[i]);
      point += seen_point ? 0 : 1;
    } else {
      return std::nullopt;
    }
  }
  if (digits.empty() || digits.size() > static_cast<std::size_t>(most)) return std::nullopt;
  int exponent = 0;
  if (i < text.size()) {
    std::string_view power = text.substr(i + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    auto const [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc() || end != power.data() + power.size() || exponent < -most || exponent > most)
      return std::nullopt;
  }
  point += exponent + places;
  while (digits.size() > 1 && digits.front() == '0') digits.erase(0, 1), --point;
  if (digits == "0") return "0";
  if (point <= 0) digits.insert(0, static_cast<std::size_t>(1 - point), '0'), point = 1;
  while (static_cast<std::ptrdiff_t>(digits.size()) < point) digits.push_back('0');
  std::string whole = digits.substr(0, static_cast<std::size_t>(point));
  std::string fraction = digits.substr(static_cast<std::size_t>(point));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (static_cast<std::ptrdiff_t>(whole.size() + fraction.size()) > most) return std::nullopt;
  return fraction.empty() ? whole : whole + "." + fraction;
}

/// A whole number up to `most`; nothing where it has a fraction.
inline std::optional<std::int64_t> whole_decimal(std::string_view text, int places, std::int64_t most) {
  auto const number = shifted_decimal(text, places);
  if (!number) return std::nullopt;
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(number->data(), number->data() + number->size(), value);
  bool const fits = error == std::errc() && end == number->data() + number->size() && value <= most;
  return fits ? std::optional(value) : std::nullopt;
}

}  // namespace lowart::server
