#pragma once
/// UsageQuestions: what the tables of a usage database answer.

#include <lowart/store/batch_table.hpp>
#include <lowart/store/usage_history.hpp>
#include <lowart/store/usage_periods.hpp>
#include <lowart/store/usage_sums.hpp>

#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lowart {

/// Whole days and hours come from the sums, the ends of a range from the records, and so does what the sums in the file do
/// not have yet. Writes nothing.
///
/// Errors:      Errc::storage_failed with SQLite's message. A page of history that is asked for wrongly:
///              Errc::invalid_request.
/// Concurrency: one thread at a time. Exact when nobody writes between its statements: in a transaction, or by the only one
///              who writes.
class UsageQuestions {
 public:
  /// Both must live longer.
  UsageQuestions(BatchTable& batches, UsageSums& sums) noexcept : batches_(&batches), sums_(&sums) {}

  Result<UsageTotals> totals(UsageFilter const& filter);
  Result<std::vector<UsageGroup>> grouped(UsageFilter const& filter, UsageDimension dimension);
  Result<RecordPage> history(HistoryQuery const& query);

 private:
  /// A page of history is ended after so many records were read for it: a fraction of a second.
  static constexpr std::size_t max_read_for_page = 200'000;

  template <class OnSum, class OnRecord>
  Result<void> for_each(UsageFilter const& filter, std::optional<UsageDimension> dimension, OnSum on_sum,
                        OnRecord on_record);
  template <class Fn>
  Result<void> read_records(UsageFilter const& filter, std::int64_t from, std::int64_t until, Fn& fn);
  template <class Fn>
  Result<void> read_unsummed(UsageFilter const& filter, std::int64_t first, std::int64_t last, Fn& fn);

  BatchTable* batches_;
  UsageSums* sums_;
};

/// Calls fn(record) for each record of the filter's names that began in [from, until).
template <class Fn>
Result<void> UsageQuestions::read_records(UsageFilter const& filter, std::int64_t from, std::int64_t until,
                                          Fn& fn) {
  if (from >= until) return {};
  return batches_->read(from, until - 1, [&](UsageRecord const& r) {
    if (r.started_at >= from && r.started_at < until && filter.accepts_names(r)) fn(r);
  });
}

/// Calls fn(record) for each record of the filter's names that began in the whole hours [first, last) and that the sums in
/// the file do not have yet.
template <class Fn>
Result<void> UsageQuestions::read_unsummed(UsageFilter const& filter, std::int64_t first, std::int64_t last,
                                           Fn& fn) {
  auto const begin = sums_->written_to();
  if (!begin) return tl::unexpected(begin.error());
  for (auto at = *begin;;) {
    auto const row = batches_->read_unsummed(at, [&](UsageRecord const& r) -> Result<void> {
      auto const hour = hour_of(r.started_at);
      if (hour >= first && hour < last && filter.accepts_names(r)) fn(r);
      return {};
    });
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    at = **row;
  }
}

/// Calls on_sum(UsagePeriod, UsageSum) and on_record(UsageRecord) for what together is all of the filter.
template <class OnSum, class OnRecord>
Result<void> UsageQuestions::for_each(UsageFilter const& filter, std::optional<UsageDimension> dimension,
                                      OnSum on_sum, OnRecord on_record) {
  auto const from = filter.from;
  auto const until = filter.until;
  if (from >= until) return {};
  // Whole hours [first, last). An hour that the range cuts counts as whole when nothing is in the rest of it:
  // so is the present hour, when the range ends now.
  using Limits = std::numeric_limits<std::int64_t>;
  auto first = hour_of(from);
  auto last = hour_of(until);
  auto const first_begin = first == hour_of(Limits::min()) ? Limits::min() : first * hour_microseconds;
  auto const last_end = last == hour_of(Limits::max()) ? Limits::max() : (last + 1) * hour_microseconds;
  auto const before = batches_->may_have_records(first_begin, from);
  if (!before) return tl::unexpected(before.error());
  auto const after = batches_->may_have_records(until, last_end);
  if (!after) return tl::unexpected(after.error());
  if (*before) ++first;
  if (!*after) ++last;
  if (first >= last) return read_records(filter, from, until, on_record);

  auto const split = split_for(filter, dimension);
  auto const read = [&](UsagePeriod period, PeriodRange range) {
    auto on_row = [&](UsageSum const& sum) { on_sum(period, sum); };
    return sums_->read(period, split, filter, range.first, range.last, on_row);
  };
  auto const periods =
      dimension == UsageDimension::hour ? UsagePeriods{{first, last}, {}, {}} : usage_periods(first, last);
  if (auto done = read(UsagePeriod::hour, periods.hours_before); !done) return done;
  if (auto done = read(UsagePeriod::day, periods.days); !done) return done;
  if (auto done = read(UsagePeriod::hour, periods.hours_after); !done) return done;
  if (auto done = read_unsummed(filter, first, last, on_record); !done) return done;
  if (*before)
    if (auto done = read_records(filter, from, first * hour_microseconds, on_record); !done) return done;
  if (*after) return read_records(filter, last * hour_microseconds, until, on_record);
  return {};
}

inline Result<UsageTotals> UsageQuestions::totals(UsageFilter const& filter) {
  UsageTotals sum;
  auto done = for_each(
      filter, std::nullopt, [&](UsagePeriod, UsageSum const& s) { sum.add(s.totals); },
      [&](UsageRecord const& r) { sum.add(r); });
  if (!done) return tl::unexpected(std::move(done).error());
  return sum;
}

inline Result<std::vector<UsageGroup>> UsageQuestions::grouped(UsageFilter const& filter,
                                                               UsageDimension dimension) {
  std::unordered_map<std::int64_t, UsageTotals> sums;  // By account, subject or hour: names are dearer.
  UsageGroups groups;
  auto const number_of = [dimension](UsagePeriod period, UsageSum const& s) {
    if (is_time(dimension)) return period == UsagePeriod::hour ? s.time : s.time * 24;
    return dimension <= UsageDimension::team ? s.account : s.subject;
  };
  auto done = for_each(
      filter, dimension,
      [&](UsagePeriod period, UsageSum const& s) { sums[number_of(period, s)].add(s.totals); },
      [&](UsageRecord const& r) {
        UsageTotals one;
        one.add(r);
        groups.add(group_name(dimension, r), one);
      });
  if (!done) return tl::unexpected(std::move(done).error());
  if (is_time(dimension)) {
    for (auto const& [hour, totals] : sums) groups.add(period_name(dimension, hour), totals);
    return groups.take();
  }
  auto const names = sums_->names(dimension);
  if (!names) return tl::unexpected(names.error());
  for (auto const& [number, totals] : sums)
    if (auto const at = names->find(number); at != names->end()) groups.add(at->second, totals);
  return groups.take();
}

inline Result<RecordPage> UsageQuestions::history(HistoryQuery const& query) {
  auto const begin = page_begin(query);
  if (!begin) return tl::unexpected(begin.error());
  NewestRecords newest(query.limit, *begin);
  auto const end = batches_->offer(newest, query.filter.from, *begin, max_read_for_page,
                                   [&](UsageRecord const& r) { return query.accepts(r); });
  if (!end) return tl::unexpected(end.error());
  return *end ? newest.take_down_to(**end) : newest.take();
}

}  // namespace lowart
