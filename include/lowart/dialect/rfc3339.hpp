#pragma once
/// Points in time as RFC 3339 writes them, "2026-11-24T04:15:51Z", read and written.

#include <lowart/dialect/retry_after.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Microseconds since 1970 UTC; digits beyond them are cut off. nullopt when the text is none.
constexpr std::optional<std::int64_t> parse_rfc3339(std::string_view text) noexcept {
  using namespace retry_text;
  text = trim(text);
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
      text[13] != ':' || text[16] != ':')
    return std::nullopt;
  int const century = two_digits(text, 0), year = two_digits(text, 2), month = two_digits(text, 5);
  int const day = two_digits(text, 8), hour = two_digits(text, 11), minute = two_digits(text, 14);
  int const second = two_digits(text, 17);
  if (century < 0 || year < 0 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60)
    return std::nullopt;
  std::chrono::year_month_day const date{std::chrono::year(century * 100 + year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  std::string_view rest = text.substr(19);
  std::int64_t micros = 0;
  if (rest.front() == '.') {
    rest.remove_prefix(1);
    if (rest.empty() || !is_digit(rest.front())) return std::nullopt;
    std::int64_t weight = 100'000;
    for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1), weight /= 10)
      micros += (rest.front() - '0') * weight;
  }
  std::int64_t offset = 0;  // minutes east of UTC
  if (rest != "Z" && rest != "z") {
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return std::nullopt;
    int const hours = two_digits(rest, 1), minutes = two_digits(rest, 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
    offset = (rest[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  std::int64_t const days = std::chrono::sys_days(date).time_since_epoch().count();
  std::int64_t const seconds = days * 86'400 + hour * 3'600 + (minute - offset) * 60 + second;
  return seconds * 1'000'000 + micros;
}

namespace rfc3339_text {

inline void put(std::string& text, std::int64_t value, int digits) {
  std::string const number = std::to_string(value);
  if (number.size() < static_cast<std::size_t>(digits))
    text.append(static_cast<std::size_t>(digits) - number.size(), '0');
  text.append(number);
}

/// "2026-11-24T04:15:51", without a zone.
inline std::string date_and_time(std::int64_t seconds) {
  std::chrono::sys_days const day{std::chrono::days(seconds / 86'400)};
  std::chrono::year_month_day const date(day);
  std::string text;
  put(text, int(date.year()), 4), text.push_back('-');
  put(text, unsigned(date.month()), 2), text.push_back('-');
  put(text, unsigned(date.day()), 2), text.push_back('T');
  std::int64_t const of_day = seconds % 86'400;
  put(text, of_day / 3'600, 2), text.push_back(':');
  put(text, of_day / 60 % 60, 2), text.push_back(':');
  put(text, of_day % 60, 2);
  return text;
}

}  // namespace rfc3339_text

/// Whole seconds in UTC, rounded up: who waits until then has waited long enough. For times from 1970 to 9999.
inline std::string rfc3339(std::int64_t micros) {
  return rfc3339_text::date_and_time((micros + 999'999) / 1'000'000).append("Z");
}

/// The same to the microsecond: "2026-11-24T04:15:51.000123Z".
inline std::string rfc3339_exact(std::int64_t micros) {
  std::string text = rfc3339_text::date_and_time(micros / 1'000'000).append(".");
  rfc3339_text::put(text, micros % 1'000'000, 6);
  return text.append("Z");
}

}  // namespace lowart::dialect
