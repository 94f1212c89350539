#pragma once
/// CredentialState: when a fetched credential is used, fetched, refreshed and dropped. Decides only; the time is an
/// argument.

#include <lowart/core/clock.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <utility>

namespace lowart {

/// One fetch at a time, whoever asks. `Value` is what is fetched: a token, or keys.
///
///   none yet, or its time is over   the first who asks fetches, all others wait
///   the last fifth of its life      the first who asks fetches beside, everybody uses the old one; five minutes at most
///   refused by the provider         dropped, see refused()
template <class Value>
class CredentialState {
 public:
  enum class Step : std::uint8_t {
    use,      ///< held() is good.
    refresh,  ///< held() is good, and the caller starts a fetch.
    fetch,    ///< The caller starts a fetch and waits.
    wait,     ///< Another one fetches.
  };
  using Held = std::shared_ptr<Value const>;

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

  /// A fetch that began at `asked_at` brought a credential.
  void landed(Value value, TimePoint asked_at, std::chrono::seconds life) {
    constexpr Duration longest_margin = std::chrono::minutes(5), longest_rest = std::chrono::seconds(10);
    Duration const whole = life;
    fetching_ = false;
    held_ = std::make_shared<Value const>(std::move(value));
    asked_at_ = asked_at;
    refresh_at_ = asked_at + whole - std::min<Duration>(whole / 5, longest_margin);
    ends_at_ = asked_at + whole - std::min<Duration>(whole / 20, longest_rest);  // it must still arrive
  }
  /// A fetch brought none. One that is still good is not refreshed again at once.
  void failed(TimePoint now) noexcept {
    constexpr std::chrono::seconds pause{5};
    fetching_ = false;
    refresh_at_ = std::max(refresh_at_, now + pause);
  }

  /// The provider did not accept what a call that began at `began_at` had sent; `was_sent` tells whether that is this
  /// value. True: the call will be given another one. What was fetched for this very call, or a moment ago, is kept: a
  /// new one would fare no better.
  template <std::predicate<Value const&> F>
  bool refused(F&& was_sent, TimePoint began_at, TimePoint now) {
    constexpr std::chrono::seconds moment{2};
    if (!held_ || !was_sent(*held_)) return true;
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
