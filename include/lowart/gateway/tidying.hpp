#pragma once
/// Tidying: gives back, every few seconds, what a burst of calls has left in the loops of a runtime.

#include <lowart/core/heap.hpp>
#include <lowart/gateway/runtime.hpp>
#include <lowart/net/loop.hpp>
#include <lowart/net/reactor.hpp>

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace lowart {

/// Each loop closes upstream connections that are stale or dead, and lets go of spare buffers and frames. When no loop
/// has a buffer lent, which means that no call is under way, the heap's free pages go back to the system.
///
/// Made before the runtime runs, and gone after it.
class Tidying {
 public:
  static constexpr std::chrono::seconds every{5};

  explicit Tidying(Runtime& runtime) : runtime_(runtime), at_rest_(runtime.size()) {
    for (std::size_t i = 0; i < runtime.size(); ++i) {
      timers_.push_back(std::make_unique<asio::steady_timer>(runtime.loop(i)));
      wait(i);
    }
  }

 private:
  void wait(std::size_t loop) {
    timers_[loop]->expires_after(every);
    timers_[loop]->async_wait([this, loop](boost::system::error_code error) {
      if (error) return;
      tidy(loop);
      wait(loop);
    });
  }
  void tidy(std::size_t i) {
    net::Loop& loop = net::Loop::of(runtime_.loop(i));
    bool const outbox = net::Reactor::of(runtime_.loop(i)).tidy();
    if (loop.tidy() || outbox) came_free_ = true;
    at_rest_[i] = loop.buffers().lent_bytes() == 0;
    for (auto const& rests : at_rest_)
      if (!rests) return;
    if (came_free_.exchange(false)) trim_heap();
  }

  Runtime& runtime_;
  std::vector<std::unique_ptr<asio::steady_timer>> timers_;
  std::vector<std::atomic<bool>> at_rest_;
  std::atomic<bool> came_free_{false};
};

}  // namespace lowart
