#pragma once
/// AnswerCache: answers that are kept, and the calls whose answers are on their way. Decides only: it waits for nothing.

#include <lowart/core/clock.hpp>
#include <lowart/core/error.hpp>
#include <lowart/policy/cache_key.hpp>
#include <lowart/policy/fallback_decision.hpp>
#include <lowart/policy/kept_answer.hpp>
#include <lowart/policy/option_range.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace lowart {

class CacheTurn;

struct CacheOptions {
  std::chrono::milliseconds ttl{
      std::chrono::minutes{10}};  ///< How long an answer is good, from when it was complete.
  std::size_t size{64U << 20U};   ///< Bytes of all answers that are kept.
  std::size_t entry{1U << 20U};   ///< Bytes of one.
  std::chrono::milliseconds wait{
      std::chrono::seconds{60}};  ///< How long an equal call is waited for without a sign.
  friend bool operator==(CacheOptions const&, CacheOptions const&) = default;
};

/// What a cache has done so far, and holds.
struct CacheFigures {
  std::uint64_t hits{0};
  std::uint64_t misses{0};
  std::uint64_t joined{0};
  std::uint64_t evicted{0};  ///< Answers that went before their time, for others to fit in.
  std::size_t bytes{0};
  std::size_t entries{0};
};

/// Answers by key, within a bound in bytes, and one flight for each key that is being asked for.
///
/// What goes first when there is no room: the oldest that nobody asked for since it was last passed over (SIEVE: Zhang
/// et al., NSDI 2024), which keeps what is asked for often and is not emptied by a scan.
///
/// A flight has leaders, who ask the provider (one, as a rule), and calls that wait. Whichever leader has a complete
/// answer first ends the wait of all. A leader that fails, or leaves, is followed by one of those who wait; the error
/// becomes everybody's when it would be the same for each of them, or when `most_failures` leaders have failed. A flight
/// without a sign of life for `wait` gets one more leader, up to `most_leaders`; after that those who wait give up.
///
/// Concurrency: any thread; one lock, held for a look-up, never while an answer is copied.
class AnswerCache {
 public:
  static constexpr int most_failures = 3;
  static constexpr int most_leaders = 3;

  /// ttl above 0 and up to 24 h, wait the same, entry at most size: else std::invalid_argument.
  explicit AnswerCache(CacheOptions options = {}) : options_(options) {
    constexpr std::chrono::hours day{24};
    require_option(options.ttl.count() > 0 && options.ttl <= day, "cache ttl: above 0, up to 24 h");
    require_option(options.wait.count() > 0 && options.wait <= day, "cache wait: above 0, up to 24 h");
    require_option(options.entry <= options.size, "cache entry: at most size");
  }
  AnswerCache(AnswerCache const&) = delete;
  AnswerCache& operator=(AnswerCache const&) = delete;

  CacheOptions const& options() const noexcept { return options_; }

  CacheFigures figures() const {
    std::lock_guard const lock(mutex_);
    CacheFigures figures = figures_;
    figures.bytes = bytes_;
    figures.entries = entries_.size();
    return figures;
  }

 private:
  friend class CacheTurn;
  static constexpr std::size_t entry_bytes = 256;  ///< About what an entry takes beside its answer.

  struct Entry {
    CacheKey key;
    std::shared_ptr<KeptAnswer const> answer;
    TimePoint kept_at;
    std::size_t bytes;
    bool visited{false};
  };
  using Order = std::list<Entry>;

  /// How a flight ended.
  enum class End : std::uint8_t {
    none,
    answered,
    failed,
    too_large,  ///< Its answer is more than may be held for those who wait.
  };

  /// Calls for one key. Guarded by the cache's lock but for `sign` and `waiting`.
  struct Flight {
    explicit Flight(CacheKey const& k, TimePoint now) : key(k), sign(now.time_since_epoch().count()) {}
    CacheKey key;
    int leaders{0};
    int failures{0};
    CacheTurn* first{nullptr};  ///< Those who wait, in the order in which they came.
    CacheTurn* last{nullptr};
    End end{End::none};
    std::shared_ptr<KeptAnswer const> answer;
    std::optional<Error> error;
    std::atomic<Duration::rep> sign;      ///< When it was last seen to go on.
    std::atomic<std::size_t> waiting{0};  ///< How many wait.

    TimePoint seen_at() const noexcept { return TimePoint(Duration(sign.load(std::memory_order_relaxed))); }
    void give_sign(TimePoint now) noexcept {
      sign.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }
  };

  Entry* find(CacheKey const& key, TimePoint now) {
    auto const found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    if (now - found->second->kept_at < options_.ttl) return &*found->second;
    drop(found->second);
    return nullptr;
  }
  void keep(CacheKey const& key, std::shared_ptr<KeptAnswer const> answer, TimePoint now) {
    std::size_t const bytes = answer->bytes() + entry_bytes;
    if (auto const old = entries_.find(key); old != entries_.end()) drop(old->second);
    if (bytes > options_.entry) return;
    while (bytes_ + bytes > options_.size) evict(now);
    order_.push_front(Entry{key, std::move(answer), now, bytes});
    entries_.emplace(key, order_.begin());
    bytes_ += bytes;
  }
  /// Takes one out: there is one.
  void evict(TimePoint now) {
    for (;;) {
      Order::iterator const at = hand_ == order_.end() ? std::prev(order_.end()) : hand_;
      bool const over = now - at->kept_at >= options_.ttl;
      if (over || !at->visited) {
        if (!over) ++figures_.evicted;
        hand_ = at;  // drop() moves it on
        return drop(at);
      }
      at->visited = false;
      hand_ = at == order_.begin() ? order_.end() : std::prev(at);
    }
  }
  void drop(Order::iterator entry) {
    if (hand_ == entry) hand_ = entry == order_.begin() ? order_.end() : std::prev(entry);
    bytes_ -= entry->bytes;
    entries_.erase(entry->key);
    order_.erase(entry);
  }
  /// The flight is no longer one that others can join.
  void close(std::shared_ptr<Flight> const& flight) {
    auto const found = flights_.find(flight->key);
    if (found != flights_.end() && found->second == flight) flights_.erase(found);
  }

  CacheOptions const options_;
  mutable std::mutex mutex_;
  Order order_;                         ///< The newest stands first.
  Order::iterator hand_{order_.end()};  ///< Who is looked at next for room; the end: the oldest.
  std::unordered_map<CacheKey, Order::iterator, CacheKeyHash> entries_;
  std::unordered_map<CacheKey, std::shared_ptr<Flight>, CacheKeyHash> flights_;
  std::size_t bytes_{0};
  std::atomic<std::size_t> gathered_{0};  ///< Bytes of answers that are on their way.
  CacheFigures figures_;
};

}  // namespace lowart
