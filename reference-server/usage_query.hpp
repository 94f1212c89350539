#pragma once
/// ask_usage(): what a key has used, as far as it was folded into the store.

#include "usage_page.hpp"

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
#include <string>
#include <utility>

namespace lowart::server {

/// The sums of the key of this name. Asks the folder's thread, and waits on `executor` without blocking its loop.
inline Task<Result<KeyUsage>> ask_usage(Folder<SqliteStore>& folder, std::string name,
                                        asio::any_io_executor executor) {
  struct Waiting {
    explicit Waiting(asio::any_io_executor const& e) : timer(e, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::optional<Result<KeyUsage>> answer;
  };
  auto const waiting = std::make_shared<Waiting>(executor);
  folder.query(
      [name](SqliteStore& store) -> Result<KeyUsage> {
        UsageFilter const filter{.key = name};
        auto totals = store.totals(filter);
        if (!totals) return fail(totals.error());
        auto models = store.grouped(filter, UsageDimension::model);
        if (!models) return fail(models.error());
        return KeyUsage{.totals = *totals, .models = std::move(*models)};
      },
      [waiting, executor](Result<KeyUsage> result) {
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
