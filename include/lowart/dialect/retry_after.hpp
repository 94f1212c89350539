#pragma once
/// When to come back: what providers write into retry-after and x-ratelimit-reset-* headers, as a duration.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart::dialect {

/// Longer waits are cut to this: a provider cannot make us add up to an overflow.
inline constexpr std::chrono::milliseconds retry_after_limit{30LL * 24 * 3600 * 1000};

namespace retry_text {

constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Takes a decimal number such as "17" or "17.39" off the front; in thousandths, rounded up, at most 10^18.
constexpr std::optional<std::int64_t> take_thousandths(std::string_view& text) noexcept {
  constexpr std::int64_t most = 1'000'000'000'000'000;  // units before the point
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  std::int64_t whole = 0;
  while (!text.empty() && is_digit(text.front())) {
    whole = whole * 10 + (text.front() - '0');
    if (whole > most) whole = most;
    text.remove_prefix(1);
  }
  std::int64_t value = whole * 1000;
  if (text.empty() || text.front() != '.') return value;
  text.remove_prefix(1);
  std::int64_t weight = 100;
  bool rest = false;
  while (!text.empty() && is_digit(text.front())) {
    value += (text.front() - '0') * weight;
    if (weight == 0 && text.front() != '0') rest = true;
    weight /= 10;
    text.remove_prefix(1);
  }
  return value + (rest ? 1 : 0);
}

constexpr std::chrono::milliseconds limited(std::int64_t ms) noexcept {
  if (ms < 0) return std::chrono::milliseconds(0);
  return ms > retry_after_limit.count() ? retry_after_limit : std::chrono::milliseconds(ms);
}

/// Two digits at text[at], -1 when they are not there.
constexpr int two_digits(std::string_view text, std::size_t at) noexcept {
  if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

/// A unit of time: a thousandth of it is factor / divisor microseconds.
struct Unit {
  std::string_view name;
  std::int64_t factor, divisor;
};
inline constexpr std::array<Unit, 8> units{{{"ms", 1, 1},
                                            {"us", 1, 1000},
                                            {"\xC2\xB5s", 1, 1000},
                                            {"ns", 1, 1'000'000},
                                            {"d", 86'400'000, 1},
                                            {"h", 3'600'000, 1},
                                            {"m", 60'000, 1},
                                            {"s", 1000, 1}}};

/// The unit that `text` begins with; null when it is none.
constexpr Unit const* unit_of(std::string_view text) noexcept {
  for (Unit const& unit : units)
    if (text.starts_with(unit.name)) return &unit;
  return nullptr;
}

constexpr int month_of(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<int>(i) + 1;
  return 0;
}

}  // namespace retry_text

/// Seconds since 1970 of an HTTP-date in the one form that may be sent, "Sun, 06 Nov 1994 08:49:37 GMT"
/// (RFC 9110, 5.6.7); nullopt for anything else.
constexpr std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept {
  using namespace retry_text;
  text = trim(text);
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  if (text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  int const day = two_digits(text, 5), month = month_of(text.substr(8, 3));
  int const century = two_digits(text, 12), year = two_digits(text, 14);
  int const hour = two_digits(text, 17), minute = two_digits(text, 20), second = two_digits(text, 23);
  if (century < 0 || year < 0 || month == 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60)
    return std::nullopt;
  std::chrono::year_month_day const date{std::chrono::year(century * 100 + year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day < 0 ? 0 : day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t const days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + hour * 3600 + minute * 60 + second;
}

namespace retry_text {

/// A bare number of seconds, in thousandths; from 10^9 up a point in time since 1970, in seconds or milliseconds.
constexpr std::chrono::milliseconds seconds_or_moment(std::int64_t thousandths, std::int64_t now) noexcept {
  constexpr std::int64_t moment = 1'000'000'000, moment_ms = 100'000'000'000;
  std::int64_t const number = thousandths / 1000;
  if (number >= moment_ms) return limited(number - now / 1000);
  if (number >= moment) return limited(thousandths - now / 1000);
  return limited(thousandths);
}

}  // namespace retry_text

/// `retry-after`: seconds, with a fraction when the provider likes, or an HTTP-date; some say a point in time in seconds
/// since 1970. `now` is UTC in microseconds since 1970. A time that has passed is 0. nullopt when it is none of them.
constexpr std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                                     std::int64_t now) noexcept {
  value = retry_text::trim(value);
  if (auto const at = parse_http_date(value)) return retry_text::limited(*at * 1000 - now / 1000);
  auto const ms = retry_text::take_thousandths(value);
  if (!ms || !value.empty()) return std::nullopt;
  return retry_text::seconds_or_moment(*ms, now);
}

/// `retry-after-ms`: milliseconds, rounded up.
constexpr std::optional<std::chrono::milliseconds> parse_retry_after_ms(std::string_view value) noexcept {
  value = retry_text::trim(value);
  auto const us = retry_text::take_thousandths(value);
  if (!us || !value.empty()) return std::nullopt;
  return retry_text::limited((*us + 999) / 1000);
}

/// `x-ratelimit-reset-*`: a sum of parts as Go prints it ("12ms", "0s", "6m0s", "17.39s", "1h2m3s"), a bare
/// number of seconds (Azure), or, from 10^9 up, a point in time in seconds or milliseconds since 1970
/// (OpenRouter).
constexpr std::optional<std::chrono::milliseconds> parse_reset(std::string_view value,
                                                               std::int64_t now) noexcept {
  value = retry_text::trim(value);
  std::int64_t total = 0;  // microseconds
  bool any = false;
  while (!value.empty()) {
    auto const thousandths = retry_text::take_thousandths(value);
    if (!thousandths) return std::nullopt;
    if (value.empty()) {
      if (any) return std::nullopt;  // "6m0": a part without its unit
      return retry_text::seconds_or_moment(*thousandths, now);
    }
    retry_text::Unit const* unit = retry_text::unit_of(value);
    if (unit == nullptr) return std::nullopt;
    value.remove_prefix(unit->name.size());
    any = true;
    constexpr std::int64_t most = retry_after_limit.count() * 1000;
    std::int64_t const micros =
        *thousandths > most / unit->factor ? most : *thousandths * unit->factor / unit->divisor;
    total = micros > most - total ? most : total + micros;
  }
  if (!any) return std::nullopt;
  return retry_text::limited((total + 999) / 1000);
}

}  // namespace lowart::dialect
