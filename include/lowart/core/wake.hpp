#pragma once
/// Wake: one coroutine waits until another says go.

#include <lowart/core/clock.hpp>
#include <lowart/core/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lowart {

/// Set once; what waits for it goes on then, and who comes later does not wait. Used on the loop of its executor only:
/// see Wakeup for a wait that other threads may end. One waiter.
///
/// A loop that is torn down destroys who waits, as with any other wait: so it is a timer that never rings by itself.
class Wake {
 public:
  explicit Wake(asio::any_io_executor const& executor) : timer_(executor, TimePoint::max()) {}

  bool is_set() const noexcept { return set_; }
  Task<void> wait() {
    while (!set_) co_await timer_.async_wait(asio::as_tuple(asio::deferred));
  }
  void set() noexcept {
    set_ = true;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  bool set_{false};
};

}  // namespace lowart
