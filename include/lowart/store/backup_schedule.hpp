#pragma once
/// BackupSchedule: whether it is time for a backup.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace lowart {

/// Goes by the newest backup that is there, so that a restart neither delays one nor makes more of them. After a failure
/// it waits a minute, or `every` where that is less. A clock that was put back makes one backup at once, then one
/// `every`. Times are UTC microseconds.
class BackupSchedule {
 public:
  explicit BackupSchedule(std::chrono::microseconds every) noexcept : every_(every.count()) {}

  /// `newest`: when the newest backup was made; nullopt: there is none.
  bool is_due(std::optional<std::int64_t> newest, std::int64_t now) const noexcept {
    bool const rests = now >= since_ && now < not_before_;
    if (rests) return false;
    return !newest || *newest > now || now - *newest >= every_;
  }
  void note_success(std::int64_t now) noexcept { rest(now, every_); }
  void note_failure(std::int64_t now) noexcept {
    constexpr std::int64_t minute = 60'000'000;
    rest(now, std::min(every_, minute));
  }

 private:
  void rest(std::int64_t now, std::int64_t time) noexcept {
    constexpr std::int64_t second = 1'000'000;  // names of backups have whole ones
    since_ = now;
    not_before_ = now + time - std::min(time / 2, second);
  }

  std::int64_t every_;
  std::int64_t since_{0};
  std::int64_t not_before_{std::numeric_limits<std::int64_t>::min()};
};

}  // namespace lowart
