#pragma once
/// TokenState: when an access token is used, fetched, refreshed and dropped. Decides only; the time is an argument.

#include <lowart/core/clock.hpp>
#include <lowart/core/secret.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace lowart {

/// One fetch at a time, whoever asks.
///
///   no token, or its time is over   the first who asks fetches, all others wait
///   the last fifth of its life      the first who asks fetches beside, everybody uses the old one; five minutes at most
///   refused by the provider         dropped, see refused()
class TokenState {
 public:
  enum class Step : std::uint8_t {
    use,      ///< held() is good.
    refresh,  ///< held() is good, and the caller starts a fetch.
    fetch,    ///< The caller starts a fetch and waits.
    wait,     ///< Another one fetches.
  };
  using Held = std::shared_ptr<Secret const>;

  Step next(TimePoint now) {
    if (is_good(now)) {
      if (fetching_ || now < refresh_at_) return Step::use;
      fetching_ = true;
      return Step::refresh;
    }
    if (fetching_) return Step::wait;
    fetching_ = true;
    return Step::fetch;
  }
  /// What next() would give is `use`.
  bool is_fresh(TimePoint now) const noexcept { return is_good(now) && (fetching_ || now < refresh_at_); }

  /// A fetch that began at `asked_at` brought a token.
  void landed(Secret token, TimePoint asked_at, std::chrono::seconds life) {
    constexpr Duration longest_margin = std::chrono::minutes(5), longest_rest = std::chrono::seconds(10);
    Duration const whole = life;
    fetching_ = false;
    held_ = std::make_shared<Secret const>(std::move(token));
    asked_at_ = asked_at;
    refresh_at_ = asked_at + whole - std::min<Duration>(whole / 5, longest_margin);
    ends_at_ = asked_at + whole - std::min<Duration>(whole / 20, longest_rest);  // it must still arrive
  }
  /// A fetch brought none. A token that is still good is not refreshed again at once.
  void failed(TimePoint now) noexcept {
    constexpr std::chrono::seconds pause{5};
    fetching_ = false;
    refresh_at_ = std::max(refresh_at_, now + pause);
  }

  /// The provider did not accept `token`, which a call that began at `began_at` had sent. True: it will be given another
  /// one. A token that was fetched for this very call, or a moment ago, is kept: a new one would fare no better.
  bool refused(std::string_view token, TimePoint began_at, TimePoint now) noexcept {
    constexpr std::chrono::seconds moment{2};
    if (!held_ || held_->reveal() != token) return true;
    if (asked_at_ >= began_at || now - asked_at_ < moment) return false;
    held_.reset();
    return true;
  }

  Held const& held() const noexcept { return held_; }

 private:
  bool is_good(TimePoint now) const noexcept { return held_ != nullptr && now < ends_at_; }

  Held held_;
  TimePoint asked_at_{}, refresh_at_{}, ends_at_{};
  bool fetching_{false};
};

}  // namespace lowart
