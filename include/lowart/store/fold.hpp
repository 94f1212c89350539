#pragma once
/// Fold: the steps by which records go from the journal into a store. No thread of its own; see Folder.

#include <lowart/store/journal.hpp>
#include <lowart/store/usage_store.hpp>

#include <atomic>
#include <functional>
#include <unordered_map>

namespace lowart {

struct FoldOptions {
  std::size_t batch_records{2000};  ///< At most this many records in one transaction, >= 1.
  /// Told of every damaged segment, on the thread that folds. May be empty.
  std::function<void(Error const&)> on_damage;
};

/// Moves committed records of all writers into a UsageStore, in batches.
///
/// With a DurableUsageStore the position in the journal is kept in the transaction of the records, so
/// whatever step a crash interrupts, each record is in the store once. A segment is deleted only when its
/// records would survive a power cut in the store.
///
/// A segment that is damaged in the middle is read up to the damage, renamed to `.damaged` and reported; what
/// follows the damage is in that file only.
///
/// Concurrency: one thread, except for the counters.
template <UsageStore S>
class Fold {
 public:
  Fold(Journal& journal, S& store, FoldOptions options)
      : journal_(journal),
        store_(store),
        options_(std::move(options)),
        taken_(journal.writer_count()),
        stuck_(journal.writer_count()) {}

  /// Moves everything that an earlier process left behind. Errc::storage_failed when the store fails; call it
  /// again then.
  Result<void> recover();

  /// Moves one batch; says how many records, zero when nothing waited. Fails with the store, changing
  /// nothing.
  Result<std::size_t> pass();

  /// Moves everything that was appended before the call.
  Result<void> catch_up();

  /// Deletes folded segments and makes the writers' next ones.
  Result<void> tidy();

  /// Brings appended records to the disk.
  Result<void> sync();

  /// For when nothing comes: lets go of the memory that a batch needs, the store's own included.
  void rest() noexcept;

  /// After the last append: catches up and notes what the journal need not keep.
  Result<void> close();

  std::uint64_t folded() const noexcept { return folded_.load(std::memory_order_relaxed); }
  std::uint64_t damaged_segments() const noexcept { return damaged_.load(std::memory_order_relaxed); }
  /// Of writer `w`: records that are in the store, or lost in a damaged segment.
  std::uint64_t taken(std::size_t w) const noexcept { return taken_[w].load(std::memory_order_acquire); }

 private:
  using Segment = journal::Segment;
  using Kind = journal::Slot::Kind;

  struct Finished {
    std::unique_ptr<Segment> segment;
    bool is_damaged;
  };
  struct Advance {  // What a batch will have read when it is kept.
    Segment* segment;
    std::size_t read_to;
    std::size_t records;
    std::size_t writer;
  };
  static constexpr std::size_t no_writer = ~std::size_t{0};

  Kind collect(Segment& segment, std::size_t writer);
  Result<std::size_t> keep();
  Result<void> find_positions();
  Result<bool> recover_segment(Segment& segment, Segment const* next);
  Segment* front_with_records(std::size_t writer);
  bool leave_damage(std::size_t writer, Segment& segment);
  Result<void> drop_finished();
  void report_damage(Segment const& segment);

  Journal& journal_;
  S& store_;
  FoldOptions options_;
  std::vector<UsageRecord> batch_;
  std::vector<std::span<std::byte const>> payloads_;  // The same records, as they are in the journal.
  std::vector<Advance> advances_;
  std::deque<std::unique_ptr<Segment>> left_behind_;
  std::vector<Finished> finished_;
  std::vector<std::atomic<std::uint64_t>> taken_;
  std::vector<std::uint8_t> stuck_;  // The writer's front segment is damaged and the writer still in it.
  std::vector<std::uint64_t> synced_ = std::vector<std::uint64_t>(taken_.size());
  std::size_t turn_{0};
  std::atomic<std::uint64_t> folded_{0};
  std::atomic<std::uint64_t> damaged_{0};
};

/// Adds the segment's unread records to the batch, as far as there is room; says what comes after them.
template <UsageStore S>
auto Fold<S>::collect(Segment& segment, std::size_t writer) -> Kind {
  std::size_t records = 0;
  auto offset = segment.read_to;
  auto kind = Kind::record;
  while (batch_.size() < options_.batch_records) {
    auto const slot = journal::read_slot(segment.bytes(), offset);
    kind = slot.kind;
    if (kind != Kind::record) break;
    if (!journal::decode_onto(slot.payload, batch_)) {
      kind = Kind::damaged;
      break;
    }
    payloads_.push_back(slot.payload);
    offset = slot.next;
    ++records;
  }
  if (records > 0) advances_.push_back({&segment, offset, records, writer});
  return kind;
}

/// Gives the batch to the store.
template <UsageStore S>
Result<std::size_t> Fold<S>::keep() {
  auto const count = batch_.size();
  auto kept = [&]() -> Result<void> {
    if (count == 0) return {};
    if constexpr (DurableUsageStore<S>) {
      std::vector<JournalPosition> positions;
      for (auto const& a : advances_) positions.push_back({a.segment->name(), a.read_to});
      if constexpr (requires { store_.append(batch_, positions, payloads_); }) {
        return store_.append(batch_, positions, payloads_);
      } else {
        return store_.append(batch_, positions);
      }
    } else {
      return store_.append(batch_);
    }
  }();
  if (kept) {
    for (auto const& a : advances_) {
      a.segment->read_to = a.read_to;
      if (a.writer != no_writer) taken_[a.writer].fetch_add(a.records, std::memory_order_release);
    }
    folded_.fetch_add(count, std::memory_order_relaxed);
  }
  batch_.clear();
  payloads_.clear();
  advances_.clear();
  if (!kept) return tl::unexpected(std::move(kept).error());
  return count;
}

template <UsageStore S>
void Fold<S>::report_damage(Segment const& segment) {
  damaged_.fetch_add(1, std::memory_order_relaxed);
  if (options_.on_damage)
    options_.on_damage(
        Error(Errc::storage_failed, "journal segment '" + segment.name() + "' is damaged at byte " +
                                        std::to_string(segment.read_to) + "; it is kept as .damaged"));
}

/// Folds what is left in one segment; says whether it is damaged.
template <UsageStore S>
Result<bool> Fold<S>::recover_segment(Segment& segment, Segment const* next) {
  auto const header = journal::check_header(segment.bytes(), segment.id());
  if (header == journal::HeaderState::blank) return false;
  auto end = header == journal::HeaderState::good ? Kind::record : Kind::damaged;
  while (end == Kind::record) {
    end = collect(segment, no_writer);
    if (auto kept = keep(); !kept) return tl::unexpected(std::move(kept).error());
  }
  if (end == Kind::empty) {
    // Where nothing is committed the writer had stopped, unless a later page or segment says otherwise.
    auto id = segment.id();
    ++id.sequence;
    bool const went_on =
        next != nullptr && next->id() == id &&
        journal::read_slot(next->bytes(), sizeof(journal::SegmentHeader)).kind == Kind::record;
    if (went_on || !journal::tail_is_clean(segment.bytes(), segment.read_to)) end = Kind::damaged;
  }
  if (end == Kind::damaged) report_damage(segment);
  return end == Kind::damaged;
}

/// Takes the store's positions over, and drops those whose segment is gone.
template <UsageStore S>
Result<void> Fold<S>::find_positions() {
  if constexpr (DurableUsageStore<S>) {
    auto const positions = store_.positions();
    if (!positions) return tl::unexpected(positions.error());
    std::unordered_map<std::string, Segment*> by_name;
    for (auto const& segment : left_behind_) by_name.emplace(segment->name(), segment.get());
    for (auto const& [name, offset] : *positions) {
      auto const found = by_name.find(name);
      if (found == by_name.end()) {
        if (auto gone = store_.forget(name); !gone) return gone;
      } else if (offset % journal::word_bytes == 0 && offset >= sizeof(journal::SegmentHeader) &&
                 offset <= found->second->bytes().size()) {
        found->second->read_to = static_cast<std::size_t>(offset);
      }
    }
  }
  return {};
}

template <UsageStore S>
Result<void> Fold<S>::recover() {
  for (auto& segment : journal_.take_left_behind()) left_behind_.push_back(std::move(segment));
  if (auto found = find_positions(); !found) return found;
  while (!left_behind_.empty()) {
    auto const* next = left_behind_.size() > 1 ? left_behind_[1].get() : nullptr;
    auto const is_damaged = recover_segment(*left_behind_.front(), next);
    if (!is_damaged) return tl::unexpected(is_damaged.error());
    finished_.push_back({std::move(left_behind_.front()), *is_damaged});
    left_behind_.pop_front();
  }
  return drop_finished();
}

/// Passes over segments that are done with; null when the writer has nothing unread.
template <UsageStore S>
auto Fold<S>::front_with_records(std::size_t w) -> Segment* {
  auto& writer = journal_.writer(w);
  while (auto* segment = writer.front()) {
    auto const slot = journal::read_slot(segment->bytes(), segment->read_to);
    if (slot.kind == Kind::empty) return nullptr;
    if (slot.kind == Kind::sealed) {
      finished_.push_back({writer.take_front(), false});
    } else if (slot.kind == Kind::damaged || !journal::decode(slot.payload)) {
      if (!leave_damage(w, *segment)) return nullptr;
    } else {
      return segment;
    }
  }
  return nullptr;
}

/// Goes on behind a damaged segment when its writer has; otherwise asks the writer to.
template <UsageStore S>
bool Fold<S>::leave_damage(std::size_t w, Segment& segment) {
  auto& writer = journal_.writer(w);
  if (!std::exchange(stuck_[w], std::uint8_t{1})) {
    report_damage(segment);
    writer.ask_to_leave();
  }
  if (!writer.has_left(segment)) return false;
  finished_.push_back({writer.take_front(), true});
  taken_[w].store(writer.front()->first_record, std::memory_order_release);
  stuck_[w] = 0;
  return true;
}

template <UsageStore S>
Result<std::size_t> Fold<S>::pass() {
  auto const count = journal_.writer_count();
  turn_ = (turn_ + 1) % count;  // So that no busy writer fills every batch.
  for (std::size_t i = 0; i < count && batch_.size() < options_.batch_records; ++i) {
    auto const w = (turn_ + i) % count;
    if (auto* segment = front_with_records(w); segment != nullptr) collect(*segment, w);
  }
  return keep();
}

template <UsageStore S>
Result<void> Fold<S>::catch_up() {
  std::vector<std::uint64_t> appended;
  for (std::size_t w = 0; w < taken_.size(); ++w) appended.push_back(journal_.writer(w).appended());
  auto behind = [&] {
    for (std::size_t w = 0; w < taken_.size(); ++w)
      if (taken(w) < appended[w]) return true;
    return false;
  };
  while (behind()) {
    auto const moved = pass();
    if (!moved) return tl::unexpected(moved.error());
    if (*moved == 0 && behind())
      return fail(Errc::storage_failed, "a journal segment is damaged; its writer has not left it yet");
  }
  return {};
}

template <UsageStore S>
Result<void> Fold<S>::drop_finished() {
  if (finished_.empty()) return {};
  if constexpr (DurableUsageStore<S>) {
    auto const is_durable = store_.sync();
    if (!is_durable) return tl::unexpected(is_durable.error());
    if (!*is_durable) return {};
  }
  while (!finished_.empty()) {
    auto& [segment, is_damaged] = finished_.back();
    if (auto gone = is_damaged ? segment->set_aside() : segment->remove(); !gone) return gone;
    if constexpr (DurableUsageStore<S>)
      if (auto gone = store_.forget(segment->name()); !gone) return gone;
    finished_.pop_back();
  }
  return {};
}

template <UsageStore S>
Result<void> Fold<S>::tidy() {
  auto result = drop_finished();
  for (std::size_t w = 0; w < journal_.writer_count(); ++w)
    if (auto made = journal_.writer(w).prepare(); !made) result = std::move(made);
  return result;
}

template <UsageStore S>
Result<void> Fold<S>::sync() {
  for (std::size_t w = 0; w < synced_.size(); ++w) {
    auto& writer = journal_.writer(w);
    auto const appended = writer.appended();
    if (appended == synced_[w]) continue;
    for (auto* segment : writer.segments()) {
      if (segment->settled) continue;
      bool const is_last_time = writer.has_left(*segment);
      if (auto done = segment->sync(); !done) return done;
      segment->settled = is_last_time;
    }
    synced_[w] = appended;
  }
  return {};
}

template <UsageStore S>
void Fold<S>::rest() noexcept {
  batch_ = {};
  payloads_ = {};
  advances_ = {};
  if constexpr (RestingUsageStore<S>) store_.rest();
}

template <UsageStore S>
Result<void> Fold<S>::close() {
  if (auto done = catch_up(); !done) return done;
  if constexpr (DurableUsageStore<S>) {
    auto const is_durable = store_.sync();
    if (!is_durable) return tl::unexpected(is_durable.error());
    if (!*is_durable) return {};
  }
  for (std::size_t w = 0; w < journal_.writer_count(); ++w)
    for (auto* segment : journal_.writer(w).segments()) segment->durable_to = segment->read_to;
  return drop_finished();
}

}  // namespace lowart
