#pragma once
/// History: single calls, newest first, page by page.

#include <lowart/core/result.hpp>
#include <lowart/store/record_codec.hpp>
#include <lowart/store/usage_filter.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

namespace lowart {

/// A record that owns its names.
class KeptRecord {
 public:
  explicit KeptRecord(UsageRecord const& record) {
    std::array<std::byte, journal::max_record_bytes> room;
    bytes_.assign(room.data(), journal::encode(record, room.data()));
  }
  /// The record without its trail; its names live as long as this object.
  UsageRecord get() const noexcept { return journal::decode(bytes_).value_or(UsageRecord{}); }
  /// With its trail, which is put into `trail` and lives as long as both.
  UsageRecord get(std::vector<AttemptRecord>& trail) const {
    trail.clear();
    return journal::decode(bytes_, &trail).value_or(UsageRecord{});
  }

 private:
  std::vector<std::byte> bytes_;
};

/// The order of records: by start, then by id.
using RecordAge = std::tuple<std::int64_t, std::uint64_t, std::uint64_t>;
inline RecordAge age_of(UsageRecord const& r) noexcept { return {r.started_at, r.id.high, r.id.low}; }
/// Younger than every record.
inline constexpr RecordAge youngest_age{std::numeric_limits<std::int64_t>::max(),
                                        std::numeric_limits<std::uint64_t>::max(),
                                        std::numeric_limits<std::uint64_t>::max()};

/// Which single calls.
struct HistoryQuery {
  static constexpr std::size_t max_limit = 1000;

  UsageFilter filter{};
  std::optional<Outcome> outcome{};  ///< Only those that ended so.
  bool failed_only{false};           ///< Only Outcome::failed and Outcome::partial.
  CallFeatures features{};           ///< Only those that have all of these.
  std::string_view conversation{};   ///< Only those of this one; empty: all.
  std::size_t limit{100};            ///< Records in the page, 1 to max_limit.
  std::string_view after{};          ///< RecordPage::next of the page before; empty: the first page.

  bool accepts(UsageRecord const& r) const noexcept {
    if (outcome && r.outcome != *outcome) return false;
    if (failed_only && r.outcome != Outcome::failed && r.outcome != Outcome::partial) return false;
    if ((r.features.bits() & features.bits()) != features.bits()) return false;
    if (!conversation.empty() && r.conversation != conversation) return false;
    return filter.accepts(r);
  }
};

/// A page of history. A record that arrives later moves no other one: a page goes on after a record, not after a number of
/// them.
struct RecordPage {
  std::vector<KeptRecord> records;  ///< Newest first, by start and then by id.
  /// Where the next page begins; empty: there is none. A page may have fewer records than its limit, even none, and
  /// yet a next one: the search was ended because it took long.
  std::string next;
};

/// `age` as RecordPage::next tells it: 48 hexadecimal digits.
inline std::string cursor_text(RecordAge const& age) {
  auto const& [start, high, low] = age;
  std::string text;
  for (auto part : {static_cast<std::uint64_t>(start), high, low})
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[part >> shift & 15]);
  return text;
}

/// What cursor_text() wrote; Errc::invalid_request when it did not.
inline Result<RecordAge> parse_cursor(std::string_view text) {
  std::array<std::uint64_t, 3> parts{};
  bool good = text.size() == 48;
  for (std::size_t i = 0; good && i < parts.size(); ++i) {
    auto const* const from = text.data() + 16 * i;
    auto const [end, error] = std::from_chars(from, from + 16, parts[i], 16);
    good = error == std::errc() && end == from + 16;
  }
  if (!good)
    return fail(Errc::invalid_request,
                "'after' is not the 'next' of a page: leave it out to begin with the newest record");
  return RecordAge{static_cast<std::int64_t>(parts[0]), parts[1], parts[2]};
}

/// Before which age the page of a query begins. Errc::invalid_request when the cursor or the limit is wrong.
inline Result<RecordAge> page_begin(HistoryQuery const& query) {
  if (query.limit < 1 || query.limit > HistoryQuery::max_limit)
    return fail(Errc::invalid_request,
                "'limit' must be from 1 to " + std::to_string(HistoryQuery::max_limit));
  auto begin = youngest_age;
  if (!query.after.empty()) {
    auto const parsed = parse_cursor(query.after);
    if (!parsed) return parsed;
    begin = *parsed;
  }
  if (query.filter.until == std::numeric_limits<std::int64_t>::max()) return begin;
  return std::min(begin, RecordAge{query.filter.until, 0, 0});
}

/// The newest of the records that it is offered, in whatever order.
class NewestRecords {
 public:
  /// At most `limit`, all of them older than `before`.
  NewestRecords(std::size_t limit, RecordAge before) : limit_(limit), before_(before) {}

  /// Whether a record that began at `start` might have a place.
  bool has_place(std::int64_t start) const noexcept {
    return heap_.size() <= limit_ || start >= std::get<0>(heap_.front().age);
  }
  void offer(UsageRecord const& record) {
    auto const age = age_of(record);
    if (age >= before_) return;
    if (heap_.size() > limit_) {  // One more than the page has tells that there is another page.
      if (age < heap_.front().age) return;
      std::ranges::pop_heap(heap_, is_newer);
      heap_.pop_back();
    }
    heap_.push_back({age, KeptRecord(record)});
    std::ranges::push_heap(heap_, is_newer);
  }

  /// The page, when all were offered that could be in it.
  RecordPage take() { return page(before_); }
  /// The page, when all were offered that are not older than `seen_to`.
  RecordPage take_down_to(RecordAge seen_to) {
    std::erase_if(heap_, [&](Found const& f) { return f.age < seen_to; });
    return page(seen_to, true);
  }

 private:
  struct Found {
    RecordAge age;
    KeptRecord record;
  };
  static bool is_newer(Found const& a, Found const& b) noexcept { return a.age > b.age; }

  RecordPage page(RecordAge end, bool goes_on = false) {
    std::ranges::sort(heap_, is_newer);
    if (heap_.size() > limit_) {
      heap_.erase(heap_.begin() + static_cast<std::ptrdiff_t>(limit_), heap_.end());
      if (!heap_.empty()) end = heap_.back().age;
      goes_on = true;
    }
    RecordPage result;
    for (auto& found : heap_) result.records.push_back(std::move(found.record));
    heap_.clear();
    if (goes_on) result.next = cursor_text(end);
    return result;
  }

  std::size_t limit_;
  RecordAge before_;
  std::vector<Found> heap_;  // The oldest on top.
};

}  // namespace lowart
