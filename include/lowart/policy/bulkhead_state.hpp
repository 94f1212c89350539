#pragma once
/// BulkheadState: who has one of so many places, who waits for one, and who is next. Decides only; time is an argument.

#include <lowart/core/clock.hpp>
#include <lowart/policy/option_range.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart {

struct BulkheadOptions {
  std::int64_t concurrency{20};            ///< Calls at once, 1 to 1'000'000.
  std::int64_t queue{100};                 ///< Calls that wait for a place, 0 to 10'000.
  std::chrono::milliseconds wait{10'000};  ///< How long each may wait, 0 to 1 h.
  friend bool operator==(BulkheadOptions const&, BulkheadOptions const&) = default;
};

/// Throws std::invalid_argument when an option is out of its range.
inline void require_valid(BulkheadOptions const& options) {
  using namespace std::chrono_literals;
  require_option(options.concurrency >= 1 && options.concurrency <= 1'000'000,
                 "bulkhead concurrency: 1 to 1'000'000");
  require_option(options.queue >= 0 && options.queue <= 10'000, "bulkhead queue: 0 to 10'000");
  require_option(options.wait >= 0ms && options.wait <= 1h, "bulkhead wait: 0 to 1 h");
}

/// A bounded number of places, and a bounded queue for them.
///
/// Next is whoever has the highest priority (0 to 9); among those the keys take turns, whichever of them has more
/// waiting, and within a key first come is first served (start-time fair queueing). Where the queue is full a newcomer
/// takes the place of the last in this order, if it would be served before it: so no key can keep others out by filling
/// the queue.
///
/// `Who` names a waiter; it is compared and copied. Not thread-safe. Cost: a look through the queue.
template <class Who>
class BulkheadState {
 public:
  static constexpr int priorities = 10;

  /// Throws std::invalid_argument when an option is out of its range.
  explicit BulkheadState(BulkheadOptions options) { change(options); }

  BulkheadOptions const& options() const noexcept { return options_; }
  std::int64_t in_use() const noexcept { return in_use_; }
  std::size_t waiting() const noexcept { return queue_.size(); }

  /// From now on. Then call grant() until nobody gets a place: there may be more of them.
  void change(BulkheadOptions options) {
    require_valid(options);
    options_ = options;
  }

  enum class Entry : std::uint8_t { taken, queued, refused };
  struct Entered {
    Entry entry;
    std::optional<Who> displaced{};  ///< Who does not wait any more, for the newcomer to wait.
  };
  Entered enter(Who who, std::string_view key, int priority, TimePoint now) {
    if (in_use_ < options_.concurrency && queue_.empty()) {
      if (++in_use_ == options_.concurrency) last_free_ = now;
      return {Entry::taken};
    }
    priority = std::clamp(priority, 0, priorities - 1);
    Level& level = levels_[static_cast<std::size_t>(priority)];
    auto const last = level.last.find(std::string(key));
    std::uint64_t const turn = last == level.last.end() ? level.turn : std::max(level.turn, last->second + 1);
    Entered entered{Entry::queued};
    if (queue_.size() >= static_cast<std::size_t>(options_.queue)) {
      auto const victim = std::max_element(queue_.begin(), queue_.end(), is_before);
      bool const is_later = victim != queue_.end() && (victim->priority < priority ||
                                                       (victim->priority == priority && victim->turn > turn));
      if (!is_later) return {Entry::refused};
      entered.displaced = victim->who;
      take_out(victim);
    }
    level.last[std::string(key)] = turn;
    queue_.push_back(Waiter{std::move(who), std::string(key), priority, turn, ++arrivals_});
    return entered;
  }
  /// It waits no longer. False: it did not wait.
  bool leave(Who const& who) {
    auto const found =
        std::find_if(queue_.begin(), queue_.end(), [&](Waiter const& waiter) { return waiter.who == who; });
    if (found == queue_.end()) return false;
    take_out(found);
    return true;
  }
  /// A place that was held so long is free. Then call grant().
  void release(Duration held, TimePoint now) {
    --in_use_;
    last_free_ = now;
    completions_ = std::min(completions_ + 1, most_completions);
    mean_held_ += (held - mean_held_) / completions_;
  }
  /// Who gets a free place, if there is one and somebody waits for it.
  std::optional<Who> grant() {
    if (in_use_ >= options_.concurrency || queue_.empty()) return std::nullopt;
    auto const next = std::min_element(queue_.begin(), queue_.end(), is_before);
    Level& level = levels_[static_cast<std::size_t>(next->priority)];
    level.turn = std::max(level.turn, next->turn);
    Who who = next->who;
    take_out(next, false);
    forget_old_turns(level);
    ++in_use_;
    return who;
  }

  /// How long until everybody who waits now has had a place: as the last calls freed theirs, but never quicker than
  /// they do now. From 100 ms to 10 min; a second when nothing is known.
  std::chrono::milliseconds retry_after(TimePoint now) const noexcept {
    using namespace std::chrono_literals;
    Duration const usual = completions_ == 0 ? Duration(0) : mean_held_ / options_.concurrency;
    Duration const silent = in_use_ < options_.concurrency ? Duration(0) : now - last_free_;
    Duration const each = std::max(usual, silent);
    auto const all = std::min<Duration>(each, 10min) * (static_cast<std::int64_t>(queue_.size()) + 1);
    auto const least = completions_ == 0 ? std::chrono::milliseconds(1000) : std::chrono::milliseconds(100);
    return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(all), least,
                      std::chrono::milliseconds(10min));
  }

 private:
  static constexpr int most_completions = 50;
  static constexpr std::size_t least_table = 64;

  struct Waiter {
    Who who;
    std::string key;
    int priority;
    std::uint64_t turn;
    std::uint64_t arrival;
  };
  struct Level {
    std::uint64_t turn{0};                                ///< Whose turn it was last.
    std::unordered_map<std::string, std::uint64_t> last;  ///< Of each key, as far as it matters.
    std::size_t look_at{least_table};
  };

  static bool is_before(Waiter const& a, Waiter const& b) noexcept {
    return std::tuple(-a.priority, a.turn, a.arrival) < std::tuple(-b.priority, b.turn, b.arrival);
  }
  /// `unserved`: so the turn of its key is not used.
  void take_out(typename std::vector<Waiter>::iterator waiter, bool unserved = true) {
    Level& level = levels_[static_cast<std::size_t>(waiter->priority)];
    auto const last = level.last.find(waiter->key);
    if (unserved && last != level.last.end() && last->second == waiter->turn && waiter->turn > 0)
      --last->second;
    queue_.erase(waiter);
    if (queue_.empty())
      for (Level& each : levels_) each = Level{};
  }
  /// Keeps of those who do not wait only whose turn has been in this round, which are at most all keys. Looks through
  /// the table each time that it has doubled.
  void forget_old_turns(Level& level) {
    if (level.last.size() < level.look_at) return;
    std::erase_if(level.last, [&](auto const& entry) { return entry.second < level.turn; });
    level.look_at = 2 * level.last.size() + least_table;
  }

  BulkheadOptions options_;
  std::int64_t in_use_{0};
  std::vector<Waiter> queue_;  ///< In no order.
  std::array<Level, priorities> levels_;
  std::uint64_t arrivals_{0};
  TimePoint last_free_{};  ///< Or when the last place was taken.
  Duration mean_held_{};
  int completions_{0};
};

}  // namespace lowart
