#pragma once
/// Whether and when to try again. Decides only; randomness is an argument.

#include <lowart/core/error.hpp>
#include <lowart/policy/call_budget.hpp>
#include <lowart/policy/jitter_source.hpp>
#include <lowart/policy/option_range.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace lowart {

struct RetryOptions {
  int attempts{2};                                 ///< In all, the first included; 1 to 10.
  std::chrono::milliseconds first_wait{250};       ///< Upper end of the first random wait; 0 to 60 s.
  std::chrono::milliseconds longest_wait{10'000};  ///< No single wait is longer; first_wait to 10 min.
  int budget_percent{20};  ///< Retries that each call pays into the budget, in hundredths; 0 to 100.
  int budget_reserve{10};  ///< Retries that the budget holds at most, and begins with; 0 to 100'000.
};

/// Throws std::invalid_argument when an option is out of its range.
inline void require_valid(RetryOptions const& options) {
  using namespace std::chrono_literals;
  require_option(options.attempts >= 1 && options.attempts <= 10, "retry attempts: 1 to 10");
  require_option(options.first_wait >= 0ms && options.first_wait <= 60s, "retry first_wait: 0 to 60 s");
  require_option(options.longest_wait >= options.first_wait && options.longest_wait <= 10min,
                 "retry longest_wait: first_wait to 10 min");
  require_option(options.budget_percent >= 0 && options.budget_percent <= 100,
                 "retry budget_percent: 0 to 100");
  require_option(options.budget_reserve >= 0 && options.budget_reserve <= 100'000,
                 "retry budget_reserve: 0 to 100'000");
}

/// A wait in [0, min(longest_wait, first_wait * 2^(failed - 1))]: "full jitter", which spreads a crowd of
/// clients best (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015). `failed` counts from 1.
inline std::chrono::milliseconds backoff(RetryOptions const& options, int failed,
                                         std::uint64_t random) noexcept {
  std::int64_t ceiling = options.first_wait.count();
  for (int i = 1; i < failed && ceiling < options.longest_wait.count(); ++i) ceiling *= 2;
  ceiling = std::min<std::int64_t>(ceiling, options.longest_wait.count());
  return std::chrono::milliseconds(random % (static_cast<std::uint64_t>(ceiling) + 1));
}

/// The wait before the next attempt, or nullopt when there should be none: the error is not retryable, the
/// attempts are used up, or the provider asks to wait longer than `longest_wait`. Never waits less than the
/// provider asks.
inline std::optional<std::chrono::milliseconds> next_wait(RetryOptions const& options, int failed,
                                                          Error const& error, std::uint64_t random) noexcept {
  if (!error.retryable() || failed >= options.attempts) return std::nullopt;
  if (error.retry_after() > options.longest_wait) return std::nullopt;
  auto const asked = std::max(error.retry_after(), std::chrono::milliseconds{0});
  return std::min(asked + backoff(options, failed, random), options.longest_wait);
}

/// Whether a retry after this failure is paid for from the budget. Where a breaker keeps the calls away, they are no load
/// to anybody; and when its target is back after a rest, all who waited for the probe may ask it.
inline bool is_paid(Error const& error) noexcept { return error.code() != Errc::circuit_open; }

/// How many retries the recent traffic has paid for, so that a target that is down does not get a multiple of
/// its load.
class RetryBudget : public CallBudget {
 public:
  explicit RetryBudget(RetryOptions const& options) noexcept
      : CallBudget(options.budget_percent, options.budget_reserve) {}
};

}  // namespace lowart
