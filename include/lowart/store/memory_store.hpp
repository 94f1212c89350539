#pragma once
/// MemoryStore: usage sums and the latest records, for as long as the process lives.

#include <lowart/store/record_codec.hpp>
#include <lowart/store/usage_store.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>

namespace lowart {

/// A record that owns its names.
class KeptRecord {
 public:
  explicit KeptRecord(UsageRecord const& record) {
    std::array<std::byte, journal::max_record_bytes> room;
    bytes_.assign(room.data(), journal::encode(record, room.data()));
  }
  /// The record; its names live as long as this object.
  UsageRecord get() const noexcept { return journal::decode(bytes_).value_or(UsageRecord{}); }

 private:
  std::vector<std::byte> bytes_;
};

/// The whole hour that a time is in, counted from 1970.
constexpr std::int64_t hour_of(std::int64_t microseconds) noexcept {
  constexpr std::int64_t hour = 3'600'000'000;
  return microseconds / hour - (microseconds % hour < 0 ? 1 : 0);
}

struct MemoryStoreOptions {
  std::size_t max_records{10'000};  ///< The latest ones, which `recent` shows and repetitions are known by.
  std::size_t max_sums{100'000};    ///< Of a key, a model and an hour; then the oldest hours are forgotten.
};

/// Keeps sums by key, model and hour, and the latest records.
///
/// The times of a query are taken in whole hours: `from` rounded down, `until` up.
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

  Result<UsageTotals> totals(UsageQuery const& query) {
    UsageTotals sum;
    for_each(query, [&](std::string const&, UsageTotals const& t) { sum.add(t); });
    return sum;
  }

  Result<std::vector<ModelUsage>> by_model(UsageQuery const& query) {
    std::map<std::string, UsageTotals> sums;
    for_each(query, [&](std::string const& model, UsageTotals const& t) { sums[model].add(t); });
    std::vector<ModelUsage> result;
    for (auto const& [model, totals] : sums) result.push_back({model, totals});
    return result;
  }

  /// The latest records, newest first, at most `count`.
  Result<std::vector<KeptRecord>> recent(std::size_t count) {
    std::vector<KeptRecord> result;
    for (auto at = records_.rbegin(); at != records_.rend() && result.size() < count; ++at)
      result.push_back(*at);
    return result;
  }

  /// Sums that were forgotten because there were too many.
  std::uint64_t forgotten_sums() const noexcept { return forgotten_sums_; }

 private:
  using Place = std::tuple<std::int64_t, std::string, std::string>;  // Hour, key, model.
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
    sums_[Place(hour_of(record.started_at), record.key, record.model)].add(record);
    if (sums_.size() <= options_.max_sums) return;
    sums_.erase(sums_.begin());
    ++forgotten_sums_;
  }

  template <class Fn>
  void for_each(UsageQuery const& query, Fn fn) const {
    if (query.from >= query.until) return;
    auto const last = hour_of(query.until - 1);
    for (auto at = sums_.lower_bound(Place(hour_of(query.from), "", "")); at != sums_.end(); ++at) {
      auto const& [hour, key, model] = at->first;
      if (hour > last) return;
      if (!query.key.empty() && query.key != key) continue;
      if (!query.model.empty() && query.model != model) continue;
      fn(model, at->second);
    }
  }

  MemoryStoreOptions options_;
  std::deque<KeptRecord> records_;
  std::unordered_map<CallId, char, IdHash> known_;
  std::map<Place, UsageTotals> sums_;
  std::uint64_t forgotten_sums_{0};
};

static_assert(UsageStore<MemoryStore>);

}  // namespace lowart
