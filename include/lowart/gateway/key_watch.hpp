#pragma once
/// KeyWatch: ends a call whose key is revoked while the call is under way.

#include <lowart/core/call.hpp>
#include <lowart/gateway/key_policy.hpp>

#include <atomic>
#include <chrono>

namespace lowart {

/// Looks ten times a second, in case nothing comes that could be held back: whatever the call waits for then fails with
/// Errc::unauthenticated. What does come, its relay holds back by is_revoked(). The call outlives it; one loop.
class KeyWatch {
 public:
  /// `live` outlives it.
  KeyWatch(Call& call, std::atomic<KeyState> const& live)
      : call_(call), live_(live), alarm_(call.clock(), look, this) {
    alarm_.set_in(period);
  }
  KeyWatch(KeyWatch const&) = delete;
  KeyWatch& operator=(KeyWatch const&) = delete;

  bool is_revoked() const noexcept { return live_.load(std::memory_order_relaxed) == KeyState::revoked; }

 private:
  static constexpr std::chrono::milliseconds period{100};

  static void look(void* self) {
    auto& watch = *static_cast<KeyWatch*>(self);
    // Where another interruption was first, its owner may take that back: look again.
    if (watch.is_revoked() && !watch.call_.interruption()) watch.call_.interrupt(Errc::unauthenticated);
    else watch.alarm_.set_in(period);
  }

  Call& call_;
  std::atomic<KeyState> const& live_;
  Alarm alarm_;
};

}  // namespace lowart
