#pragma once
/// ConnectClock: the one clock over name, address and TLS while a call connects.

#include <lowart/core/call.hpp>

#include <string>

namespace lowart::net {

/// The connect phase of one call: over when its time is up or the call is interrupted. Whoever waits in this
/// phase puts up a Watch, so that the wait ends with it.
class ConnectClock {
 public:
  explicit ConnectClock(Call& call)
      : call_(call),
        hook_(
            call, [](void* self) { static_cast<ConnectClock*>(self)->stop(); }, this),
        alarm_(
            call.clock(), [](void* self) { static_cast<ConnectClock*>(self)->expire(); }, this),
        slice_(call.clock(), [](void* self) { static_cast<ConnectClock*>(self)->end_slice(); }, this) {
    if (call.connect_timeout().count() <= 0) return;
    ends_ = call.now() + call.connect_timeout();
    alarm_.set(ends_);
  }

  using Cancel = void (*)(void* what);
  /// While it lives, the end of the phase (or slice) cancels `what`. Look at over() before the wait.
  class Watch {
   public:
    Watch(ConnectClock& clock, void* what, Cancel cancel) noexcept : clock_(clock) {
      clock_.what_ = what;
      clock_.cancel_ = cancel;
    }
    ~Watch() { clock_.what_ = nullptr; }
    Watch(Watch const&) = delete;
    Watch& operator=(Watch const&) = delete;

   private:
    ConnectClock& clock_;
  };

  bool over() const noexcept { return expired_ || call_.interruption(); }
  /// The error of a phase that is over. Nothing was sent.
  Error error() const {
    if (call_.interruption()) return call_.interruption_error().with_sent(Sent::nothing);
    return Error(Errc::connect_timeout, "no connection to the provider in time", Origin::upstream)
        .with_retryable(true);
  }

  /// Gives what is waited for at most until `at`, without ending the phase. slice_over() tells.
  void slice(TimePoint at) noexcept {
    slice_over_ = false;
    slice_.set(at);
  }
  bool slice_over() const noexcept { return slice_over_; }
  /// When the phase ends; TimePoint::max() without a limit.
  TimePoint ends() const noexcept { return ends_; }

 private:
  void stop() const noexcept {
    if (what_ != nullptr) cancel_(what_);
  }
  void expire() noexcept {
    expired_ = true;
    stop();
  }
  void end_slice() noexcept {
    slice_over_ = true;
    stop();
  }

  Call& call_;
  TimePoint ends_{TimePoint::max()};
  void* what_{nullptr};
  Cancel cancel_{nullptr};
  bool expired_{false};
  bool slice_over_{false};
  InterruptHook hook_;
  Alarm alarm_;
  Alarm slice_;
};

/// The error of connecting to `where` ("host:port"). Nothing was sent.
inline Error connect_error(std::string const& where, std::string const& reason) {
  return Error(Errc::connect_failed, "cannot connect to " + where + ": " + reason, Origin::upstream)
      .with_retryable(true);
}

}  // namespace lowart::net
