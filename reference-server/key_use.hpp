#pragma once
/// When keys were last used, as the records of calls tell.

#include "registry/resource.hpp"

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/price_card.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace lowart::server {

/// When the last call of a key began, in microseconds since 1970; nullopt where there was none. The sums tell the day, so that
/// only its records are read.
inline Result<std::optional<std::int64_t>> last_use_of(SqliteStore& store, std::string const& key) {
  auto const days = store.grouped(UsageFilter{.key = key}, UsageDimension::day);
  if (!days) return tl::unexpected(days.error());
  auto const last = std::ranges::max_element(*days, {}, &UsageGroup::name);
  if (last == days->end()) return std::nullopt;
  auto const begin = parse_day(last->name);
  if (!begin) return std::nullopt;
  HistoryQuery query;
  query.filter.key = key;
  query.filter.from = *begin;
  query.limit = 1;
  auto const page = store.history(query);
  if (!page) return tl::unexpected(page.error());
  if (page->records.empty())
    return begin;  // of very many records that day, the page ended before one of this key
  return page->records.front().get().started_at;
}

/// Tells it of each key in an answer: one, or a list.
inline Result<void> add_last_use(SqliteStore& store, json::object& answer) {
  if (auto* const data = answer.if_contains("data"); data != nullptr && data->is_array()) {
    for (auto& one : data->get_array())
      if (auto* const key = one.if_object())
        if (auto done = add_last_use(store, *key); !done) return done;
    return {};
  }
  auto const used = last_use_of(store, std::string(text_in(answer, "name")));
  if (!used) return tl::unexpected(used.error());
  if (*used) answer["last_used_at"] = dialect::rfc3339_exact(**used);
  return {};
}

}  // namespace lowart::server
