#pragma once
/// ConversationTable: which conversation a request goes on with, by what has been said in it so far.

#include <lowart/core/clock.hpp>
#include <lowart/gateway/conversation_digest.hpp>
#include <lowart/gateway/metrics.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

struct ConversationOptions {
  std::chrono::milliseconds window{std::chrono::minutes{30}};  ///< Since its last request, > 0.
  std::size_t entries{100'000};  ///< Requests that are remembered, 48 bytes each; >= 1.
};

/// What a request is a part of.
struct ConversationPlace {
  ConversationDigest id;
  bool begins{false};
};

/// Remembers, for each request of the last `window`, all it had said and its conversation.
///
/// A request goes on with a conversation when its first messages are exactly those of an earlier request of that
/// conversation; the longest such beginning counts, and there must be more behind it. So a conversation that forks
/// stays one, one whose earlier words were changed is another, and the same opening said twice begins two: what goes
/// on from that opening then belongs to the later one.
///
/// Bounded: entries lie in buckets of eight, in which a new one takes the place of what is over its window, else of what
/// was used longest ago.
///
/// Concurrency: any thread. A client's connections land on different event loops, so there is one table for all;
/// each look-up holds the short lock of a group of buckets.
class ConversationTable {
 public:
  explicit ConversationTable(ConversationOptions options = {})
      : window_(options.window), buckets_(std::max<std::size_t>(1, (options.entries + ways - 1) / ways)) {}

  /// The conversation of a request with this trace (see trace_conversation(), not empty). `fresh` names it where it
  /// begins one.
  ConversationPlace place(std::span<ConversationDigest const> trace, ConversationDigest fresh,
                          TimePoint now) {
    std::optional<ConversationDigest> known;
    std::size_t const oldest = trace.size() > most_prefixes ? trace.size() - most_prefixes : 1;
    for (std::size_t n = trace.size() - 1; !known && n >= oldest; --n) known = find(trace[n - 1], now);
    put(trace.back(), known.value_or(fresh), now);
    (known ? continued_ : begun_).fetch_add(1, std::memory_order_relaxed);
    return {.id = known.value_or(fresh), .begins = !known};
  }
  /// Counts a request whose client named its conversation.
  void note_named() noexcept { named_.fetch_add(1, std::memory_order_relaxed); }

  /// Conversations that a request can go on with at `now`. Looks at every entry: for pages, not for calls.
  std::int64_t live(TimePoint now) {
    std::set<std::pair<std::uint64_t, std::uint64_t>> ids;
    for (std::size_t at = 0; at < buckets_.size(); ++at) {
      std::lock_guard const lock(lock_of(at));
      for (Entry const& entry : buckets_[at])
        if (entry.taken && !is_over(entry, now)) ids.emplace(entry.id.high, entry.id.low);
    }
    return static_cast<std::int64_t>(ids.size());
  }
  /// Those that have begun since it was made, without those that clients named.
  std::int64_t begun() const noexcept { return begun_.load(std::memory_order_relaxed); }
  std::int64_t evicted() const noexcept { return evicted_.load(std::memory_order_relaxed); }
  void render(PrometheusText& out) const {
    constexpr auto relaxed = std::memory_order_relaxed;
    out.head("gateway_conversations_total", "counter", "Chat requests, by how their conversation was found");
    out.sample("gateway_conversations_total", "found=\"begun\"", begun_.load(relaxed));
    out.sample("gateway_conversations_total", "found=\"continued\"", continued_.load(relaxed));
    out.sample("gateway_conversations_total", "found=\"named\"", named_.load(relaxed));
    out.head("gateway_conversations_evicted_total", "counter",
             "Requests that were forgotten before their window was over, for others to fit in");
    out.sample("gateway_conversations_evicted_total", "", evicted());
  }

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t lock_count = 64;
  static constexpr std::size_t most_prefixes = 256;  ///< That are looked up: a turn adds a few messages.

  struct Entry {
    ConversationDigest said;
    ConversationDigest id;
    TimePoint used_at{};
    bool taken{false};
  };
  using Bucket = std::array<Entry, ways>;

  std::size_t bucket_of(ConversationDigest said) const noexcept { return said.low % buckets_.size(); }
  std::mutex& lock_of(std::size_t bucket) noexcept { return locks_[bucket % lock_count]; }
  bool is_over(Entry const& entry, TimePoint now) const noexcept { return now - entry.used_at > window_; }

  std::optional<ConversationDigest> find(ConversationDigest said, TimePoint now) {
    std::size_t const at = bucket_of(said);
    std::lock_guard const lock(lock_of(at));
    for (Entry& entry : buckets_[at]) {
      if (!entry.taken || entry.said != said || is_over(entry, now)) continue;
      entry.used_at = std::max(entry.used_at, now);
      return entry.id;
    }
    return std::nullopt;
  }
  void put(ConversationDigest said, ConversationDigest id, TimePoint now) {
    std::size_t const at = bucket_of(said);
    std::lock_guard const lock(lock_of(at));
    Bucket& bucket = buckets_[at];
    auto same = std::find_if(bucket.begin(), bucket.end(),
                             [&](Entry const& entry) { return entry.taken && entry.said == said; });
    if (same == bucket.end()) {
      same = std::min_element(bucket.begin(), bucket.end(), [](Entry const& a, Entry const& b) {
        return a.taken != b.taken ? !a.taken : a.used_at < b.used_at;
      });
      if (same->taken && !is_over(*same, now)) evicted_.fetch_add(1, std::memory_order_relaxed);
    }
    *same = Entry{.said = said, .id = id, .used_at = now, .taken = true};
  }

  std::chrono::milliseconds window_;
  std::vector<Bucket> buckets_;
  std::array<std::mutex, lock_count> locks_;
  std::atomic<std::int64_t> begun_{0};
  std::atomic<std::int64_t> continued_{0};
  std::atomic<std::int64_t> named_{0};
  std::atomic<std::int64_t> evicted_{0};
};

/// Appends the id that clients see: `conv_` and 32 hexadecimal digits.
template <class Out>
void append_conversation_id(Out& out, ConversationDigest id) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.append("conv_");
  for (std::uint64_t const half : {id.high, id.low})
    for (unsigned shift = 64; shift > 0; shift -= 4) out.push_back(digits[half >> (shift - 4U) & 15U]);
}

}  // namespace lowart
