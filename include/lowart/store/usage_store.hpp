#pragma once
/// UsageStore: where finished calls are kept and asked about.

#include <lowart/core/result.hpp>
#include <lowart/model/usage_record.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// Which records to add up. Empty strings match everything; the time range is [from, until) in UTC microseconds.
struct UsageQuery {
  std::string_view key;
  std::string_view model;
  std::int64_t from{0};
  std::int64_t until{std::numeric_limits<std::int64_t>::max()};
};

/// Sums over records.
struct UsageTotals {
  std::int64_t request_count{0};
  std::array<std::int64_t, usage_class_count> tokens{};  ///< By UsageClass; absent counts as zero.
  NanoUsd cost;

  void add(UsageRecord const& record) noexcept {
    ++request_count;
    for (std::size_t i = 0; i < usage_class_count; ++i) tokens[i] += record.usage.value(static_cast<UsageClass>(i));
    cost += record.cost;
  }
};

/// Sums of one model.
struct ModelUsage {
  std::string model;
  UsageTotals totals;
};

/// A place for usage records. A batch is kept whole or not at all, and a record whose id is known is ignored, so
/// that a batch may be offered again after a crash. Called by one thread at a time, never on the data path.
///
/// Exemplar: MemoryStore.   Models: MemoryStore, SqliteStore.
template <class S>
concept UsageStore = requires(S& store, std::span<UsageRecord const> batch, UsageQuery const& query) {
  { store.append(batch) } -> std::same_as<Result<void>>;
  { store.totals(query) } -> std::same_as<Result<UsageTotals>>;
  { store.by_model(query) } -> std::same_as<Result<std::vector<ModelUsage>>>;
};

}  // namespace lowart
