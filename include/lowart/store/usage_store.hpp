#pragma once
/// UsageStore: where finished calls are kept and asked about.

#include <lowart/core/result.hpp>
#include <lowart/store/usage_filter.hpp>
#include <lowart/store/usage_history.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lowart {

/// How far a segment of the journal is folded.
struct JournalPosition {
  std::string segment;
  std::uint64_t offset{0};
};

/// A place for usage records. A batch is kept whole or not at all, and a record that is offered again is
/// ignored, so that a batch may be repeated after a crash. Called by one thread at a time, never on the data
/// path.
///
/// Every question sees every record whose append returned.
///   totals(filter)               sums over the calls of a filter
///   grouped(filter, dimension)   the same, apart for each name, ordered by name
///   distinct(filter, dimension)  how many names there are, the empty one not counted
///   history(query)               single calls; Errc::invalid_request when its limit or cursor is wrong
///
/// Exemplar: MemoryStore.   Models: MemoryStore, SqliteStore.
template <class S>
concept UsageStore = requires(S& store, std::span<UsageRecord const> batch, UsageFilter const& filter,
                              UsageDimension dimension, HistoryQuery const& query) {
  { store.append(batch) } -> std::same_as<Result<void>>;
  { store.totals(filter) } -> std::same_as<Result<UsageTotals>>;
  { store.grouped(filter, dimension) } -> std::same_as<Result<std::vector<UsageGroup>>>;
  { store.distinct(filter, dimension) } -> std::same_as<Result<std::int64_t>>;
  { store.history(query) } -> std::same_as<Result<RecordPage>>;
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
