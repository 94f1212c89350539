#pragma once
/// LoginAttempts: how long an account waits after passwords that were wrong. Pure: time is an argument.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lowart::server {

/// The failures of one account since it last logged in, as they are stored.
struct LoginAttempts {
  int failures{0};
  std::int64_t last_failure{0};  ///< Seconds since 1970, UTC.

  /// How long to wait before a password is looked at; zero: now. The fifth failure locks for a minute, each further one for
  /// twice as long, up to an hour. What is tried meanwhile is refused unseen, and counts for nothing.
  std::chrono::seconds wait(std::int64_t utc_seconds) const noexcept {
    std::int64_t const lock = lock_seconds();
    // A clock that was set back must not lock for longer than the lock.
    return std::chrono::seconds(std::clamp<std::int64_t>(last_failure + lock - utc_seconds, 0, lock));
  }
  LoginAttempts after_failure(std::int64_t utc_seconds) const noexcept {
    return {.failures = std::min(failures, most_counted) + 1, .last_failure = utc_seconds};
  }
  /// After one that was right.
  static LoginAttempts none() noexcept { return {}; }

  friend bool operator==(LoginAttempts const&, LoginAttempts const&) = default;

 private:
  static constexpr int free_failures = 4, most_counted = 1'000'000;

  std::int64_t lock_seconds() const noexcept {
    constexpr std::int64_t first = 60, longest = 3600;
    constexpr int most_doublings = 6;
    if (failures <= free_failures) return 0;
    return std::min(longest, first << std::min(failures - free_failures - 1, most_doublings));
  }
};

}  // namespace lowart::server
