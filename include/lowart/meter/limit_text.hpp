#pragma once
/// How limits are told of: in refusals, warnings and reports.

#include <lowart/core/result.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/limits.hpp>
#include <lowart/meter/price.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// "12", or of money "0.15": exact.
inline std::string limit_amount(LimitKind kind, std::int64_t amount) {
  if (quantity_of(kind) == LimitQuantity::cost) return usd_text(NanoUsd(std::max<std::int64_t>(amount, 0)));
  return std::to_string(amount);
}

/// "requests per minute", "calls at the same time", "USD per month".
constexpr std::string_view words_of(LimitKind kind) noexcept {
  constexpr std::array<std::string_view, limit_kind_count> words{
      "requests per minute", "tokens per minute",  "calls at the same time", "requests per day",
      "tokens per day",      "USD per day",        "requests per week",      "tokens per week",
      "USD per week",        "requests per month", "tokens per month",       "USD per month"};
  return words[static_cast<std::size_t>(kind)];
}

/// "100.00 USD per month": a limit with its words.
inline std::string limit_words(LimitKind kind, std::int64_t limit) {
  return limit_amount(kind, limit).append(" ").append(words_of(kind));
}

/// "key alice: 83% of 100 USD per month".
inline std::string warning_text(LimitNotice const& notice) {
  __extension__ using Wide = __int128;
  LimitUse const& use = notice.use;
  auto const percent = static_cast<std::int64_t>((Wide{use.used} + use.reserved) * 100 / use.limit);
  std::string text = notice.subject;
  if (!text.empty()) text.append(": ");
  return text.append(std::to_string(percent)).append("% of ").append(limit_words(use.kind, use.limit));
}

/// Refusals: rate_limited for what a moment gives back, quota_exceeded for a day's, week's or month's limit, too_large
/// for what no waiting helps. All of origin client.
namespace limit_refusal {

/// "the limit of 60 requests per minute of key alice".
inline std::string name_of(std::string_view subject, LimitUse const& use) {
  std::string text = "the limit of " + limit_words(use.kind, use.limit);
  if (!subject.empty()) text.append(" of ").append(subject);
  return text;
}
inline Error refused(Errc code, std::string message) {
  return Error(code, std::move(message), Origin::client);
}

[[gnu::cold]] inline Error never(std::string_view subject, LimitUse const& use, std::int64_t wanted) {
  std::string_view const unit = quantity_of(use.kind) == LimitQuantity::cost ? " USD" : " tokens";
  return refused(Errc::too_large, "the request reserves " + limit_amount(use.kind, wanted) +
                                      std::string(unit) + ", more than " + name_of(subject, use) +
                                      " can ever hold; shorten it or lower max_tokens");
}
/// `wait`: until there is room again; `reset`: until all is back.
[[gnu::cold]] inline Error later(std::string_view subject, LimitUse const& use, std::int64_t wanted,
                                 std::chrono::milliseconds wait, std::chrono::milliseconds reset) {
  std::string message = name_of(subject, use) + " is reached: used " + std::to_string(use.used) +
                        ", requested " + std::to_string(wanted) + "; try again in " +
                        std::to_string(wait.count()) + " ms, all of it is back in " +
                        std::to_string(reset.count()) + " ms";
  return refused(Errc::rate_limited, std::move(message)).with_retryable(true).with_retry_after(wait);
}
[[gnu::cold]] inline Error used_up(std::string_view subject, LimitUse const& use, std::int64_t wanted,
                                   std::chrono::milliseconds wait) {
  std::string message = name_of(subject, use) + " is reached: used " + limit_amount(use.kind, use.used);
  if (use.reserved > 0)
    message.append(", reserved by running calls ").append(limit_amount(use.kind, use.reserved));
  message.append(", requested ").append(limit_amount(use.kind, wanted));
  message.append("; it begins anew at ").append(dialect::rfc3339(use.resets_utc.value_or(0)));
  return refused(Errc::quota_exceeded, std::move(message)).with_retry_after(wait);
}
[[gnu::cold]] inline Error crowded(std::string_view subject, LimitUse const& use) {
  constexpr std::chrono::milliseconds wait_for_a_place{1'000};  // no one knows when a running call ends
  std::string message = name_of(subject, use) + " is reached: " + std::to_string(use.used) +
                        " are running; try again when one has ended";
  return refused(Errc::rate_limited, std::move(message))
      .with_retryable(true)
      .with_retry_after(wait_for_a_place);
}

}  // namespace limit_refusal

}  // namespace lowart
