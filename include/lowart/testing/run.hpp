#pragma once
/// Runs a Task to its end, bounded: under a ManualClock in no real time, or for real with a time limit.

#include <lowart/core/task.hpp>
#include <lowart/testing/admission_for_tests.hpp>
#include <lowart/testing/manual_clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace lowart::testing {

/// A task that was started: what it returned, once it has.
template <class T>
class Running {
 public:
  bool done() const noexcept { return shared_->value.has_value() || shared_->exception; }
  /// What it returned; its exception is thrown on. Only when done().
  T take() {
    if (shared_->exception) std::rethrow_exception(shared_->exception);
    return std::move(*shared_->value);
  }
  /// Gives a task up that a failed test would otherwise leave behind, holding what the test owns. It is gone
  /// when the io_context has run what is ready.
  void abandon() { shared_->stop.emit(asio::cancellation_type::terminal); }

 private:
  template <class U>
  friend Running<U> start(asio::io_context&, Task<U>);
  struct Shared {
    std::optional<T> value;
    std::exception_ptr exception;
    asio::cancellation_signal stop;
  };
  static Task<void> collect(Task<T> task, std::shared_ptr<Shared> shared) {
    T value = co_await std::move(task);
    shared->value.emplace(std::move(value));
  }
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

/// Starts `task`; it runs when `io` does.
template <class T>
Running<T> start(asio::io_context& io, Task<T> task) {
  Running<T> running;
  auto shared = running.shared_;
  auto ended = [shared](std::exception_ptr exception) { shared->exception = exception; };
  asio::co_spawn(io, Running<T>::collect(std::move(task), shared),
                 asio::bind_cancellation_slot(shared->stop.slot(), std::move(ended)));
  return running;
}

/// Runs `task` in real time; throws std::runtime_error when it takes longer than `limit`.
template <class T>
T run(asio::io_context& io, Task<T> task, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  Running<T> running = start(io, std::move(task));
  auto const until = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (!running.done()) {
    bool const progress = io.run_one_until(until) > 0;
    if (progress || running.done()) continue;
    running.abandon();
    io.restart();
    io.poll();
    throw std::runtime_error("the task did not end in time");
  }
  return running.take();
}

/// One event loop under a ManualClock, with what a call needs. Nothing in it takes real time.
class TestLoop {
 public:
  asio::io_context io{1};
  ManualClock clock;
  Arena arena;

  /// A call without limits. It must be gone before the loop is.
  Call call() { return Call(AdmissionForTests::unlimited(), clock, io.get_executor(), arena); }

  /// Runs everything that can run without time passing.
  void settle() {
    io.restart();
    while (io.poll() > 0) io.restart();
  }
  /// Lets time pass in ticks, and runs what that wakes.
  void pass(Duration duration) {
    settle();
    TimePoint const until = clock.now() + duration;
    while (clock.now() < until) {
      clock.advance(std::min<Duration>(ManualClock::tick, until - clock.now()));
      settle();
    }
  }
  /// Runs `task` to its end and lets time pass as it asks for; throws std::runtime_error when `limit` of
  /// manual time is not enough or when the task waits for something else.
  template <class T>
  T run(Task<T> task, Duration limit = std::chrono::hours(1)) {
    Running<T> running = start(io, std::move(task));
    TimePoint const until = clock.now() + limit;
    settle();
    while (!running.done()) {
      if (!clock.is_awaited()) give_up(running, "the task waits for something that never comes");
      if (clock.now() >= until) give_up(running, "the task did not end in its time");
      pass(ManualClock::tick);
    }
    return running.take();
  }

 private:
  template <class T>
  [[noreturn]] void give_up(Running<T>& running, char const* why) {
    running.abandon();
    settle();
    throw std::runtime_error(why);
  }
};

}  // namespace lowart::testing
