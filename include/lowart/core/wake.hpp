#pragma once
/// Wake: one coroutine waits until another says go. run_beside(): starts a coroutine beside the one that runs.

#include <lowart/core/clock.hpp>
#include <lowart/core/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <utility>

namespace lowart {

/// Set once; what waits for it goes on then, and who comes later does not wait. Used on the loop of its executor, but for
/// set_from_anywhere(). One waiter.
///
/// A loop that is torn down destroys who waits, as with any other wait: so it is a timer that never rings by itself.
class Wake {
 public:
  explicit Wake(asio::any_io_executor executor) : timer_(std::move(executor), TimePoint::max()) {}

  bool is_set() const noexcept { return set_; }
  Task<void> wait() {
    while (!set_) co_await timer_.async_wait(asio::as_tuple(asio::deferred));
  }
  void set() noexcept {
    set_ = true;
    timer_.cancel();
  }
  /// On any thread: sets it soon, on its own loop. `wake` keeps alive what it is part of.
  static void set_from_anywhere(std::shared_ptr<Wake> wake) {
    asio::any_io_executor const executor = wake->timer_.get_executor();
    asio::post(executor, [wake = std::move(wake)] { wake->set(); });
  }

 private:
  asio::steady_timer timer_;
  bool set_{false};
};

/// Starts `task` on `executor`; it goes on while its starter waits for something else. It owns what it works with, or
/// its starter waits for its end.
inline void run_beside(asio::any_io_executor const& executor, Task<void> task) {
  asio::co_spawn(executor, std::move(task), asio::detached);
}

}  // namespace lowart
