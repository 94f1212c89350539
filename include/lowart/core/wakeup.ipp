#pragma once
/// The bodies of Wakeup.

#include <lowart/core/wakeup.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lowart {

namespace detail {

/// Where a bell finds the timer to stop, for as long as there is one.
class TimerPlace {
 public:
  TimerPlace(void*& place, asio::steady_timer& timer) noexcept : place_(place) { place_ = &timer; }
  ~TimerPlace() { place_ = nullptr; }
  TimerPlace(TimerPlace const&) = delete;
  TimerPlace& operator=(TimerPlace const&) = delete;
  static void stop(void* timer) {
    if (timer != nullptr) static_cast<asio::steady_timer*>(timer)->cancel();
  }

 private:
  void*& place_;
};

}  // namespace detail

LOWART_DECL void Wakeup::ring() {
  if (bell_->rung.exchange(true)) return;
  asio::post(bell_->executor, [bell = bell_] { detail::TimerPlace::stop(bell->waiting); });
}

LOWART_DECL Task<bool> Wakeup::wait(TimePoint until) {
  asio::steady_timer timer(call_.executor(), TimePoint::max());
  std::shared_ptr<Bell> const bell = bell_;
  detail::TimerPlace const place(bell->waiting, timer);
  Alarm alarm(call_.clock(), &detail::TimerPlace::stop, &timer);
  alarm.set(until);
  InterruptHook const hook(call_, &detail::TimerPlace::stop, &timer);
  // A ring that ended an earlier wait may stop this one: it goes on.
  while (!bell->rung && !call_.interruption() && call_.now() < until)
    co_await timer.async_wait(asio::as_tuple(asio::deferred));
  co_return bell->rung.exchange(false);
}

}  // namespace lowart
