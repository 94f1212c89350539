#pragma once
/// LoopClock: real time for one io_context, with one tick for all alarms.

#include <lowart/core/call.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <ctime>

namespace lowart {

/// The clock of the io_context it is a service of. An idle loop (no alarm) does not tick.
class LoopClock final : public asio::execution_context::service, public Clock {
 public:
  static constexpr std::chrono::milliseconds tick{50};
  inline static asio::execution_context::id id;

  explicit LoopClock(asio::execution_context& context)
      : asio::execution_context::service(context), timer_(static_cast<asio::io_context&>(context)) {}

  /// The clock of `context`, made on first use.
  static LoopClock& of(asio::io_context& context) { return asio::use_service<LoopClock>(context); }

  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  TimePoint coarse_now() const noexcept override {
    timespec last_step{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &last_step);
    return TimePoint(duration_of(last_step)) + coarse_step_;
  }
  std::int64_t utc_micros() const noexcept override {
    auto const since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }
  /// The two clocks are compared ten times a second, so that one which is put right is followed.
  std::int64_t utc_micros_at(TimePoint at) const noexcept override {
    constexpr std::chrono::milliseconds trusted{100};
    if (at - compared_at_ >= trusted) {
      compared_at_ = now();
      utc_offset_ = std::chrono::system_clock::now().time_since_epoch() - compared_at_.time_since_epoch();
    }
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch() + utc_offset_).count();
  }

  Task<bool> sleep(Duration duration, Call& call) override {
    if (call.interruption()) co_return false;
    asio::steady_timer timer(call.executor(), duration);
    InterruptHook hook(call, [](void* t) { static_cast<asio::steady_timer*>(t)->cancel(); }, &timer);
    auto const [error] = co_await timer.async_wait(asio::as_tuple(asio::deferred));
    co_return !error && !call.interruption();
  }

 private:
  static Duration duration_of(timespec const& t) noexcept {
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }
  static Duration coarse_step() noexcept {
    timespec step{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &step);
    return duration_of(step);
  }
  void shutdown() override { stopped_ = true; }
  void first_alarm_linked() override {
    if (!ticking_ && !stopped_) wait();
  }
  void wait() {
    ticking_ = true;
    timer_.expires_after(tick);
    timer_.async_wait([this](boost::system::error_code error) {
      ticking_ = false;
      if (error || stopped_) return;
      ring(now());
      if (has_alarms()) wait();
    });
  }

  Duration const coarse_step_{coarse_step()};
  mutable TimePoint compared_at_{std::chrono::seconds(-1)};
  mutable Duration utc_offset_{};
  asio::steady_timer timer_;
  bool ticking_{false};
  bool stopped_{false};
};

}  // namespace lowart
