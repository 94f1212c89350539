#pragma once
/// Month: a month of the calendar in UTC, which names files: "2026-11".

#include <charconv>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

/// Counts months, so that the difference of two is their distance.
class Month {
 public:
  /// That of a time in UTC microseconds since 1970.
  static Month of(std::int64_t utc_us) noexcept {
    using std::chrono::floor, std::chrono::days;
    std::chrono::sys_time<std::chrono::microseconds> const time{std::chrono::microseconds(utc_us)};
    std::chrono::year_month_day const date{floor<days>(time)};
    return Month(static_cast<int>(date.year()) * months_a_year +
                 static_cast<int>(static_cast<unsigned>(date.month())) - 1);
  }
  /// Of exactly "YYYY-MM"; nullopt for anything else.
  static std::optional<Month> parse(std::string_view text) noexcept {
    if (text.size() != 7 || text[4] != '-') return std::nullopt;
    int year = 0, month = 0;
    auto const read = [](std::string_view digits, int& number) {
      auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      return error == std::errc() && end == digits.data() + digits.size() && digits[0] != '-';
    };
    bool const good = read(text.substr(0, 4), year) && read(text.substr(5), month);
    if (!good || month < 1 || month > months_a_year) return std::nullopt;
    return Month(year * months_a_year + month - 1);
  }
  std::string text() const {
    std::string const year = std::to_string(count_ / months_a_year);
    std::string const month = std::to_string(count_ % months_a_year + 1);
    return std::string(year.size() < 4 ? 4 - year.size() : 0, '0') + year + (month.size() < 2 ? "-0" : "-") +
           month;
  }
  friend int operator-(Month a, Month b) noexcept { return a.count_ - b.count_; }
  friend auto operator<=>(Month, Month) = default;

 private:
  static constexpr int months_a_year = 12;
  explicit Month(int count) noexcept : count_(count) {}
  int count_;
};

}  // namespace lowart
