#pragma once
/// await_answer(): waits on an event loop for what another thread answers.

#include <lowart/core/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace lowart::server {

/// Calls `ask(answer)`, which hands a T to `answer` once, on any thread; waits for it without blocking the loop of
/// `executor`.
template <class T, class Ask>
Task<T> await_answer(asio::any_io_executor executor, Ask ask) {
  struct Waiting {
    explicit Waiting(asio::any_io_executor const& e) : timer(e, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::optional<T> answer;
  };
  auto const waiting = std::make_shared<Waiting>(executor);
  ask([waiting, executor](T answer) {
    asio::post(executor, [waiting, answer = std::move(answer)]() mutable {
      waiting->answer.emplace(std::move(answer));
      waiting->timer.cancel();
    });
  });
  while (!waiting->answer) {
    auto const [ignored] = co_await waiting->timer.async_wait(asio::as_tuple(asio::deferred));
    (void)ignored;
  }
  co_return std::move(*waiting->answer);
}

}  // namespace lowart::server
