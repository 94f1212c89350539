#pragma once
/// ask_store(): a question to the thread that owns the usage store.

#include "await_answer.hpp"

#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

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
  return await_answer<Answer>(std::move(executor),
                              [&folder, question = std::move(question)](auto answer) mutable {
                                folder.query(std::move(question), std::move(answer));
                              });
}

}  // namespace lowart::server
