#pragma once
/// JournalWriter: what a core appends its usage records to.

#include <lowart/store/journal_segment.hpp>

#include <atomic>
#include <deque>
#include <mutex>

namespace lowart {

/// Appends records to memory-mapped segments.
///
/// A record is in the page cache when append() returns, so it survives the death of the process at any
/// instruction. Against a power cut it is safe after the folder's next sync (see Folder).
///
/// Errors:      Errc::storage_failed from append() when the segment is full and there is no space for
/// another;
///              the record is not kept. It works again when the folder has found space.
/// Concurrency: append() by one thread. The rest is for the folder's thread.
/// Cost:        about 100 ns; no system call, lock or allocation, except when a segment is full and the
/// folder
///              has not made the next one in time.
class JournalWriter {
 public:
  JournalWriter(std::string directory, std::uint64_t run, std::uint32_t number, std::size_t segment_bytes,
                std::size_t max_segments)
      : directory_(std::move(directory)), segment_bytes_(segment_bytes), max_segments_(max_segments) {
    next_id_.run = run;
    next_id_.writer = number;
  }

  Result<void> append(UsageRecord const& record) {
    if (room_ < journal::max_slot_bytes || leave_.load(std::memory_order_relaxed)) [[unlikely]]
      if (auto moved = move_on(); !moved) return moved;
    auto* const payload = at_ + journal::word_bytes;
    auto const length = static_cast<std::size_t>(journal::encode(record, payload) - payload);
    write_word(journal::commit_word({payload, length}));
    at_ += journal::slot_bytes(length);
    room_ -= journal::slot_bytes(length);
    appended_.store(appended_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return {};
  }

  /// Records appended so far. Any thread.
  std::uint64_t appended() const noexcept { return appended_.load(std::memory_order_acquire); }

  /// Makes the next segment ahead of time unless there is one. Errc::storage_failed without space, or when
  /// `max_segments` wait to be folded. The folder's thread.
  Result<void> prepare();

  /// The oldest segment that is not folded, never null after the first prepare(). The folder's thread.
  journal::Segment* front() {
    std::lock_guard const lock(mutex_);
    return segments_.empty() ? nullptr : segments_.front().get();
  }
  /// Takes front() over, once the writer has left it. The folder's thread.
  std::unique_ptr<journal::Segment> take_front() {
    std::lock_guard const lock(mutex_);
    auto taken = std::move(segments_.front());
    segments_.pop_front();
    return taken;
  }
  /// Whether the writer has gone on to a segment after this one. The folder's thread.
  bool has_left(journal::Segment const& segment) const noexcept {
    return current_.load(std::memory_order_acquire) > segment.id().sequence;
  }
  /// All segments, oldest first; they stay until take_front(). The folder's thread.
  std::vector<journal::Segment*> segments() {
    std::lock_guard const lock(mutex_);
    std::vector<journal::Segment*> all;
    for (auto const& s : segments_) all.push_back(s.get());
    return all;
  }
  /// Asks the writer to go on to the next segment at its next append; the present one is damaged.
  void ask_to_leave() noexcept { leave_.store(true, std::memory_order_relaxed); }

 private:
  void write_word(std::uint64_t word) noexcept {
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(at_), word, __ATOMIC_RELEASE);
  }
  Result<void> make_segment();
  Result<void> move_on();

  // The writer's own, in one cache line.
  alignas(64) std::byte* at_{nullptr};
  std::size_t room_{0};
  std::atomic<std::uint64_t> appended_{0};
  std::atomic<std::uint64_t> current_{0};  // Sequence of the segment it writes to; they count from 1.
  bool starved_{false};

  // Between the writer and the folder.
  alignas(64) std::atomic<journal::Segment*> spare_{nullptr};
  std::atomic<bool> leave_{false};
  std::mutex mutex_;  // Of what follows. The writer takes it only when it makes a segment itself.
  std::deque<std::unique_ptr<journal::Segment>> segments_;
  journal::SegmentId next_id_;

  std::string directory_;
  std::size_t segment_bytes_;
  std::size_t max_segments_;
};

inline Result<void> JournalWriter::prepare() {
  if (spare_.load(std::memory_order_acquire) != nullptr) return {};
  return make_segment();
}

inline Result<void> JournalWriter::make_segment() {
  std::lock_guard const lock(mutex_);
  if (spare_.load(std::memory_order_acquire) != nullptr) return {};
  if (segments_.size() >= max_segments_)
    return fail(Errc::storage_failed, "the usage journal is full: " + std::to_string(segments_.size()) +
                                          " segments wait for the usage store");
  auto id = next_id_;
  ++id.sequence;
  auto made = journal::Segment::create(directory_, id, segment_bytes_);
  if (!made) return tl::unexpected(std::move(made).error());
  next_id_ = id;
  segments_.push_back(std::move(*made));
  spare_.store(segments_.back().get(), std::memory_order_release);
  return {};
}

inline Result<void> JournalWriter::move_on() {
  auto* next = spare_.load(std::memory_order_acquire);
  if (next == nullptr) {
    // Once tried in vain, only the folder tries on: the data path does not ask a full disk at every call.
    if (starved_) return fail(Errc::storage_failed, "no space for the usage journal; the record is lost");
    if (auto made = make_segment(); !made) return starved_ = true, made;
    next = spare_.load(std::memory_order_acquire);
  }
  starved_ = false;
  next->first_record = appended_.load(std::memory_order_relaxed);
  if (at_ != nullptr && room_ >= journal::word_bytes) write_word(journal::sealed_word);
  at_ = next->bytes().data() + sizeof(journal::SegmentHeader);
  room_ = next->bytes().size() - sizeof(journal::SegmentHeader);
  leave_.store(false, std::memory_order_relaxed);
  current_.store(next->id().sequence, std::memory_order_release);
  spare_.store(nullptr, std::memory_order_release);
  return {};
}

}  // namespace lowart
