#pragma once
/// ask_store(): a question to the thread that owns the usage store.

#include <lowart/core/task.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace lowart::server {

/// What `question(SqliteStore&)` returns, a Result. It sees every record of a call that has ended. It runs on the folder's
/// thread; waits on `executor` without blocking its loop. What the question views must be its own.
template <class Question>
Task<std::invoke_result_t<Question&, SqliteStore&>> ask_store(Folder<SqliteStore>& folder,
                                                              asio::any_io_executor executor,
                                                              Question question) {
  using Answer = std::invoke_result_t<Question&, SqliteStore&>;
  struct Waiting {
    explicit Waiting(asio::any_io_executor const& e) : timer(e, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::optional<Answer> answer;
  };
  auto const waiting = std::make_shared<Waiting>(executor);
  folder.query(std::move(question), [waiting, executor](Answer result) {
    asio::post(executor, [waiting, result = std::move(result)]() mutable {
      waiting->answer = std::move(result);
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
