#pragma once
/// MemoryStore: usage sums and the latest records, for as long as the process lives.

#include <lowart/store/usage_store.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

namespace lowart {

struct MemoryStoreOptions {
  std::size_t max_records{10'000};  ///< The latest ones, which `recent` shows and repetitions are known by.
  std::size_t max_sums{100'000};    ///< Of an hour and six names; then the oldest hours are forgotten.
};

/// Keeps sums by hour and all names of a filter, and the latest records.
///
/// The times of a filter are taken in whole hours: `from` rounded down, `until` up; those of a history are exact.
///
/// Errors:      none.
/// Concurrency: one thread at a time.
class MemoryStore {
 public:
  explicit MemoryStore(MemoryStoreOptions options = {}) : options_(options) {}

  Result<void> append(std::span<UsageRecord const> batch) {
    for (auto const& record : batch) add(record);
    return {};
  }

  Result<UsageTotals> totals(UsageFilter const& filter) {
    UsageTotals sum;
    for_each(filter, [&](Place const&, UsageTotals const& t) { sum.add(t); });
    return sum;
  }

  Result<std::vector<UsageGroup>> grouped(UsageFilter const& filter, UsageDimension dimension) {
    UsageGroups groups;
    for_each(filter, [&](Place const& place, UsageTotals const& t) {
      groups.add(group_name(dimension, place.as_record()), t);
    });
    return groups.take();
  }

  Result<std::int64_t> distinct(UsageFilter const& filter, UsageDimension dimension) {
    return named_count(*grouped(filter, dimension));
  }

  /// Of the latest records only.
  Result<RecordPage> history(HistoryQuery const& query) {
    auto const begin = page_begin(query);
    if (!begin) return tl::unexpected(begin.error());
    NewestRecords newest(query.limit, *begin);
    for (auto const& kept : records_)
      if (auto const record = kept.get(trail_); query.accepts(record)) newest.offer(record);
    return newest.take();
  }

  /// The records that came last, the last one first, at most `count`.
  Result<std::vector<KeptRecord>> recent(std::size_t count) {
    std::vector<KeptRecord> result;
    for (auto at = records_.rbegin(); at != records_.rend() && result.size() < count; ++at)
      result.push_back(*at);
    return result;
  }

  /// Sums that were forgotten because there were too many.
  std::uint64_t forgotten_sums() const noexcept { return forgotten_sums_; }

 private:
  struct Place {
    std::int64_t hour{std::numeric_limits<std::int64_t>::min()};
    std::array<std::string, 6> names{};

    explicit Place(std::int64_t h) : hour(h) {}
    explicit Place(UsageRecord const& r)
        : hour(hour_of(r.started_at)),
          names{std::string(r.key),   std::string(r.user),     std::string(r.team),
                std::string(r.model), std::string(r.provider), std::string(r.operation)} {}
    /// A record with these names that began with the hour.
    UsageRecord as_record() const {
      UsageRecord r;
      r.started_at =
          std::max(hour, hour_of(std::numeric_limits<std::int64_t>::min()) + 1) * hour_microseconds;
      r.key = names[0], r.user = names[1], r.team = names[2];
      r.model = names[3], r.provider = names[4], r.operation = names[5];
      return r;
    }
    friend auto operator<=>(Place const&, Place const&) = default;
  };
  struct IdHash {
    std::size_t operator()(CallId id) const noexcept { return id.low ^ (id.high * 0x9E3779B97F4A7C15u); }
  };

  void add(UsageRecord const& record) {
    if (!known_.emplace(record.id, 0).second) return;
    records_.emplace_back(record);
    if (records_.size() > options_.max_records) {
      known_.erase(records_.front().get().id);
      records_.pop_front();
    }
    sums_[Place(record)].add(record);
    if (sums_.size() <= options_.max_sums) return;
    sums_.erase(sums_.begin());
    ++forgotten_sums_;
  }

  template <class Fn>
  void for_each(UsageFilter const& filter, Fn fn) const {
    if (filter.from >= filter.until) return;
    auto const last = hour_of(filter.until - 1);
    for (auto at = sums_.lower_bound(Place(hour_of(filter.from))); at != sums_.end(); ++at) {
      if (at->first.hour > last) return;
      if (filter.accepts_names(at->first.as_record())) fn(at->first, at->second);
    }
  }

  MemoryStoreOptions options_;
  std::deque<KeptRecord> records_;
  std::unordered_map<CallId, char, IdHash> known_;
  std::map<Place, UsageTotals> sums_;
  std::vector<AttemptRecord> trail_;
  std::uint64_t forgotten_sums_{0};
};

static_assert(UsageStore<MemoryStore>);

}  // namespace lowart
