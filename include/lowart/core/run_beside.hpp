#pragma once
/// run_beside(): starts a coroutine beside the one that runs.

#include <lowart/core/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace lowart {

/// Starts `task` on `executor`; it goes on while its starter waits for something else. It owns what it works with, or
/// its starter waits for its end.
inline void run_beside(asio::any_io_executor const& executor, Task<void> task) {
  asio::co_spawn(executor, std::move(task), asio::detached);
}

}  // namespace lowart
