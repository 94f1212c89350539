#pragma once
/// UsageTotals: sums over the records of calls.

#include <lowart/model/usage_record.hpp>

#include <array>
#include <cstdint>
#include <string>

namespace lowart {

/// a + b, staying at the ends of the range instead of wrapping.
constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  return (NanoUsd(a) + NanoUsd(b)).count();
}

/// Sums over records. They saturate.
struct UsageTotals {
  std::int64_t request_count{0};
  std::int64_t failed_count{0};       ///< Of them, those with Outcome::failed.
  std::int64_t partial_count{0};      ///< Those with Outcome::partial.
  std::int64_t cached_count{0};       ///< Those answered from an earlier call (Provenance::cached).
  std::int64_t duration{0};           ///< Microseconds of all; divide by request_count for the mean.
  std::int64_t first_token{0};        ///< Microseconds to the first token, of those that had one.
  std::int64_t first_token_count{0};  ///< How many had one.
  std::array<std::int64_t, usage_class_count> tokens{};  ///< By UsageClass; absent counts as zero.
  NanoUsd cost;

  void add(UsageRecord const& record) noexcept {
    count(request_count, true);
    count(failed_count, record.outcome == Outcome::failed);
    count(partial_count, record.outcome == Outcome::partial);
    count(cached_count, record.provenance == Provenance::cached);
    duration = saturating_add(duration, record.duration);
    if (record.time_to_first_token >= 0) {
      first_token = saturating_add(first_token, record.time_to_first_token);
      count(first_token_count, true);
    }
    for (std::size_t i = 0; i < usage_class_count; ++i)
      tokens[i] = saturating_add(tokens[i], record.usage.value(static_cast<UsageClass>(i)));
    cost += record.cost;
  }
  void add(UsageTotals const& other) noexcept {
    for (auto member : counters) this->*member = saturating_add(this->*member, other.*member);
    for (std::size_t i = 0; i < usage_class_count; ++i)
      tokens[i] = saturating_add(tokens[i], other.tokens[i]);
    cost += other.cost;
  }

  friend bool operator==(UsageTotals const&, UsageTotals const&) = default;

  /// What is neither tokens nor cost, in the order in which databases keep it.
  static std::array<std::int64_t UsageTotals::*, 7> const counters;

 private:
  static void count(std::int64_t& counter, bool yes) noexcept {
    if (yes) counter = saturating_add(counter, 1);
  }
};
inline constexpr std::array<std::int64_t UsageTotals::*, 7> UsageTotals::counters{
    &UsageTotals::request_count,    &UsageTotals::failed_count, &UsageTotals::partial_count,
    &UsageTotals::cached_count,     &UsageTotals::duration,     &UsageTotals::first_token,
    &UsageTotals::first_token_count};

/// The sums of what has one name.
struct UsageGroup {
  std::string name;
  UsageTotals totals;
};

}  // namespace lowart
