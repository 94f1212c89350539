#pragma once
/// recall_month(): what was used this month before the server started, for prices that depend on it.

#include "event_log.hpp"
#include "snapshot.hpp"

#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <utility>
#include <vector>

namespace lowart::server {

/// Adds it to the snapshot's volumes. Blocks: to be called before calls are served. Logs when it cannot be read.
inline void recall_month(Snapshot const& snapshot, Folder<SqliteStore>& folder) {
  if (!snapshot.prices->has_volume()) return;
  using namespace std::chrono;
  std::int64_t const now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  UsageFilter filter;
  filter.from = month_of(now);
  std::promise<Result<std::vector<UsageGroup>>> answered;
  folder.query(
      [filter](SqliteStore& store) { return store.grouped(filter, UsageDimension::model); },
      [&answered](Result<std::vector<UsageGroup>> groups) { answered.set_value(std::move(groups)); });
  auto const groups = answered.get_future().get();
  if (!groups) return log_event(Level::error, "month_not_recalled", {{"error", groups.error().message()}});
  for (UsageGroup const& used : *groups) {
    auto const model = snapshot.prices->volume_of(used.name);
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < token_class_count; ++i)
      tokens = saturating_add(tokens, used.totals.tokens[i]);
    if (!model.empty()) snapshot.volumes->add(model, now, tokens);
  }
}

}  // namespace lowart::server
