#pragma once
/// Runtime: one event loop per core, each on its own thread.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

namespace lowart {

/// Loops that share nothing. What runs on one stays on it.
class Runtime {
 public:
  static constexpr std::size_t no_loop = static_cast<std::size_t>(-1);

  /// 0 threads: one per core.
  explicit Runtime(std::size_t threads = 0) {
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < threads; ++i) {
      loops_.push_back(std::make_unique<boost::asio::io_context>(1));
      guards_.emplace_back(boost::asio::make_work_guard(*loops_.back()));
    }
  }
  ~Runtime() { stop(); }
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;

  std::size_t size() const noexcept { return loops_.size(); }
  boost::asio::io_context& loop(std::size_t i) noexcept { return *loops_[i]; }

  /// Runs every loop, the first on this thread, until stop().
  void run() {
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < loops_.size(); ++i) threads.emplace_back([this, i] { run_loop(i); });
    run_loop(0);
    for (auto& thread : threads) thread.join();
  }
  /// Ends run() as soon as running handlers return. Any thread.
  void stop() noexcept {
    for (auto& guard : guards_) guard.reset();
    for (auto& loop : loops_) loop->stop();
  }
  /// Which loop this thread runs; no_loop on any other thread.
  static std::size_t this_loop() noexcept { return current(); }

 private:
  static std::size_t& current() noexcept {
    thread_local std::size_t loop = no_loop;
    return loop;
  }
  void run_loop(std::size_t i) {
    current() = i;
    loops_[i]->run();
    current() = no_loop;
  }

  std::vector<std::unique_ptr<boost::asio::io_context>> loops_;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
};

}  // namespace lowart
