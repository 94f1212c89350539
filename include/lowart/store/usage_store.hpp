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

/// Which records to add up. Empty strings match everything; the time range is [from, until) in UTC
/// microseconds.
struct UsageQuery {
  std::string_view key;
  std::string_view model;
  std::int64_t from{0};
  std::int64_t until{std::numeric_limits<std::int64_t>::max()};
};

/// a + b, staying at the ends of the range instead of wrapping.
constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  return (NanoUsd(a) + NanoUsd(b)).count();
}

/// Sums over records. They saturate.
struct UsageTotals {
  std::int64_t request_count{0};
  std::array<std::int64_t, usage_class_count> tokens{};  ///< By UsageClass; absent counts as zero.
  NanoUsd cost;

  void add(UsageRecord const& record) noexcept {
    request_count = saturating_add(request_count, 1);
    for (std::size_t i = 0; i < usage_class_count; ++i)
      tokens[i] = saturating_add(tokens[i], record.usage.value(static_cast<UsageClass>(i)));
    cost += record.cost;
  }
  void add(UsageTotals const& other) noexcept {
    request_count = saturating_add(request_count, other.request_count);
    for (std::size_t i = 0; i < usage_class_count; ++i)
      tokens[i] = saturating_add(tokens[i], other.tokens[i]);
    cost += other.cost;
  }

  friend bool operator==(UsageTotals const&, UsageTotals const&) = default;
};

/// Sums of one model.
struct ModelUsage {
  std::string model;
  UsageTotals totals;
};

/// How far a segment of the journal is folded.
struct JournalPosition {
  std::string segment;
  std::uint64_t offset{0};
};

/// A place for usage records. A batch is kept whole or not at all, and a record that is offered again is
/// ignored, so that a batch may be repeated after a crash. Called by one thread at a time, never on the data
/// path.
///
/// `totals` and `by_model` (ordered by name) see every record whose append returned.
///
/// Exemplar: MemoryStore.   Models: MemoryStore, SqliteStore.
template <class S>
concept UsageStore = requires(S& store, std::span<UsageRecord const> batch, UsageQuery const& query) {
  { store.append(batch) } -> std::same_as<Result<void>>;
  { store.totals(query) } -> std::same_as<Result<UsageTotals>>;
  { store.by_model(query) } -> std::same_as<Result<std::vector<ModelUsage>>>;
};

/// A UsageStore that outlives the process and remembers how far the journal is folded.
///
/// `append` keeps the records and the positions in one transaction. `sync` says whether everything appended
/// so far would survive a power cut; it may be false for a while. `forget` drops the position of a segment.
///
/// Models: SqliteStore.
template <class S>
concept DurableUsageStore =
    UsageStore<S> && requires(S& store, std::span<UsageRecord const> batch,
                              std::span<JournalPosition const> positions, std::string const& segment) {
      { store.append(batch, positions) } -> std::same_as<Result<void>>;
      { store.positions() } -> std::same_as<Result<std::vector<JournalPosition>>>;
      { store.forget(segment) } -> std::same_as<Result<void>>;
      { store.sync() } -> std::same_as<Result<bool>>;
    };

/// A UsageStore that lets go of memory it can do without when nothing has come for a while.
///
/// Models: SqliteStore.
template <class S>
concept RestingUsageStore = UsageStore<S> && requires(S& store) {
  { store.rest() } noexcept -> std::same_as<void>;
};

}  // namespace lowart
