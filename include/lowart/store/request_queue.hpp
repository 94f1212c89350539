#pragma once
/// RequestQueue: where finished requests wait for the thread that writes the request log.

#include <lowart/store/request_entry.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace lowart {

struct RequestQueueLimits {
  std::size_t entries{20'000};
  std::size_t bytes{std::size_t{64} << 20U};
};

/// Bounded in entries and bytes. Nobody waits: what does not fit is dropped and counted, because a disk that is slow
/// must not slow calls (law 9).
///
/// Concurrency: any thread; one lock, held while an entry is moved.
class RequestQueue {
 public:
  explicit RequestQueue(RequestQueueLimits limits = {}) noexcept : limits_(limits) {}

  /// False: it was full, and the entry is dropped. Content goes first: without it the entry may fit.
  bool offer(RequestEntry entry) {
    {
      std::lock_guard const lock(mutex_);
      if (bytes_ + entry.bytes() > limits_.bytes && entry.held > 0) entry.drop_content();
      if (waiting_.size() < limits_.entries && bytes_ + entry.bytes() <= limits_.bytes) {
        bytes_ += entry.bytes();
        waiting_.push_back(std::move(entry));
        return true;
      }
    }
    note_dropped(1);
    return false;
  }
  /// Everything that waits, in the order in which it came.
  std::vector<RequestEntry> take() {
    std::lock_guard const lock(mutex_);
    bytes_ = 0;
    return std::exchange(waiting_, {});
  }
  void note_dropped(std::size_t count) noexcept {
    dropped_.fetch_add(static_cast<std::int64_t>(count), std::memory_order_relaxed);
  }
  /// Entries that are in no log: the queue was full, or the log could not be written.
  std::int64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  std::size_t size() const {
    std::lock_guard const lock(mutex_);
    return waiting_.size();
  }

 private:
  RequestQueueLimits limits_;
  mutable std::mutex mutex_;
  std::vector<RequestEntry> waiting_;
  std::size_t bytes_{0};
  std::atomic<std::int64_t> dropped_{0};
};

}  // namespace lowart
