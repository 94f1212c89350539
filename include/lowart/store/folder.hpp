#pragma once
/// Folder: the thread that moves usage records from the journal into the store, and answers questions about
/// them.

#include <lowart/core/block_pool.hpp>
#include <lowart/core/heap.hpp>
#include <lowart/store/fold.hpp>

#include <chrono>
#include <condition_variable>
#include <future>
#include <thread>
#include <type_traits>

namespace lowart {

struct FolderOptions {
  std::chrono::milliseconds every{100};  ///< How often the journal is looked at, > 0.
  /// Fewer records than a quarter of a batch wait at most so long for more, then up to `every`, before they are
  /// folded, >= 0: a fold costs much the same however few they are. No question waits for it.
  std::chrono::milliseconds gather{400};
  std::chrono::milliseconds sync_every{1000};     ///< How often the journal is synced to the disk, > 0.
  std::chrono::milliseconds longest_pause{5000};  ///< Between attempts while the store fails, >= every.
  std::chrono::milliseconds rest_after{2000};     ///< Without a record: memory is given back then, >= 0.
  std::size_t batch_records{2000};                ///< In one transaction, >= 1.
  std::size_t max_questions{1024};                ///< Waiting for an answer; more are refused.
  /// Told of damage, and of each failure that differs from the last one, on the folder's thread. May be
  /// empty.
  std::function<void(Error const&)> on_error;
};

/// Owns a UsageStore and the one thread that touches it.
///
/// What is lost: nothing when the process is killed. After a power cut, what was appended since the last sync
/// of the journal: `sync_every` plus the time a sync takes. A store that fails is tried again with growing
/// pauses; the journal grows meanwhile, up to its bound, and no caller of append() waits.
///
/// What a question sees: every record appended before it was asked. When the journal cannot be folded, the
/// answer is the error, not a sum that misses something.
///
/// Concurrency: flush, ask, query and the counters from any thread. Do not ask from inside an answer.
/// Lifetime:    the journal outlives it. Stop appending before stop(); later records stay in the journal only
/// if
///              the process is killed.
///
/// Example:
///     auto folder = Folder<SqliteStore>::start(*journal, std::move(store));
///     auto sum = (*folder)->ask([](SqliteStore& s) { return s.totals({.key = "alice"}); });
template <UsageStore S>
class Folder {
 public:
  /// Folds what an earlier process left behind, then starts the thread. Fails with the store.
  static Result<std::unique_ptr<Folder>> start(Journal& journal, S store, FolderOptions options = {}) {
    std::unique_ptr<Folder> made(new Folder(journal, std::move(store), std::move(options)));
    if (auto done = made->fold_.recover(); !done) return tl::unexpected(std::move(done).error());
    if (auto done = made->fold_.tidy(); !done) return tl::unexpected(std::move(done).error());
    made->thread_ = std::thread([folder = made.get()] { folder->run(); });
    return made;
  }

  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  ~Folder() { stop(); }

  /// Folds the rest, answers what was asked, and ends the thread. Tries a failing store only once.
  void stop();

  /// Waits until everything appended so far is in the store. Errc::storage_failed when `timeout` passes
  /// first.
  Result<void> flush(std::chrono::milliseconds timeout);

  /// Runs `question(S&)`, which returns a Result, on the folder's thread and hands its result to `answer`
  /// there. `answer` is always called once, at once when the folder is stopped or has too much to do
  /// (Errc::shutting_down, Errc::overloaded). Neither may throw.
  template <class Question, class Answer>
  void query(Question question, Answer answer);

  /// The same, waiting for the result. Not for the data path.
  template <class Question>
  auto ask(Question question) {
    using Outcome = std::invoke_result_t<Question&, S&>;
    std::promise<Outcome> promise;
    auto future = promise.get_future();
    query(std::move(question),
          [promise = std::move(promise)](Outcome outcome) mutable { promise.set_value(std::move(outcome)); });
    return future.get();
  }

  /// Records moved into the store by this folder, those of earlier processes included.
  std::uint64_t folded() const noexcept { return fold_.folded(); }
  /// Records appended that are not in the store yet.
  std::uint64_t lag() const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t w = 0; w < journal_.writer_count(); ++w) {
      auto const taken = fold_.taken(w);
      sum += journal_.writer(w).appended() - taken;
    }
    return sum;
  }
  std::uint64_t damaged_segments() const noexcept { return fold_.damaged_segments(); }
  /// Attempts to fold, tidy or sync that failed.
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  /// What the last attempt failed with; empty while all is well.
  std::string last_error() const {
    std::lock_guard const lock(mutex_);
    return last_error_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Asked {
    virtual ~Asked() = default;
    virtual void run(S& store) = 0;
    virtual void refuse(Error error) = 0;
  };

  Folder(Journal& journal, S store, FolderOptions options)
      : journal_(journal),
        store_(std::move(store)),
        options_(std::move(options)),
        fold_(journal_, store_, FoldOptions{options_.batch_records, options_.on_error}),
        pause_(options_.every) {}

  void run();
  void turn(std::vector<std::unique_ptr<Asked>> asked, bool in_hurry, bool is_last);
  bool may_gather() const;
  Result<void> keep_up();
  void rest_if_nothing_comes();
  bool well(Result<void> const& result);

  Journal& journal_;
  S store_;
  FolderOptions options_;
  Fold<S> fold_;
  std::chrono::milliseconds pause_;
  Clock::time_point synced_at_{Clock::now()};
  Clock::time_point folded_at_{Clock::now()};
  bool has_failed_{false};    // The last attempt to fold.
  std::uint64_t counted_{0};  // Records folded when last looked at, and when there were more of them.
  Clock::time_point counted_at_{Clock::now()};
  bool rests_{true};
  std::atomic<std::uint64_t> failures_{0};

  mutable std::mutex mutex_;  // Of what follows.
  std::condition_variable wake_;
  std::condition_variable turned_;
  std::vector<std::unique_ptr<Asked>> asked_;
  std::string last_error_;
  bool hurry_{false};
  bool stopping_{false};
  bool stopped_{false};

  std::thread thread_;
};

template <UsageStore S>
void Folder<S>::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

template <UsageStore S>
Result<void> Folder<S>::flush(std::chrono::milliseconds timeout) {
  std::vector<std::uint64_t> appended;
  for (std::size_t w = 0; w < journal_.writer_count(); ++w) appended.push_back(journal_.writer(w).appended());
  auto is_done = [&] {
    for (std::size_t w = 0; w < appended.size(); ++w)
      if (fold_.taken(w) < appended[w]) return false;
    return true;
  };
  std::unique_lock lock(mutex_);
  hurry_ = true;
  wake_.notify_one();
  turned_.wait_for(lock, timeout, [&] { return stopped_ || is_done(); });
  if (is_done()) return {};
  return fail(Errc::storage_failed,
              "usage records still wait in the journal" + (last_error_.empty() ? "" : ": " + last_error_));
}

template <UsageStore S>
template <class Question, class Answer>
void Folder<S>::query(Question question, Answer answer) {
  struct Typed final : Asked {
    Typed(Question q, Answer a) : question(std::move(q)), answer(std::move(a)) {}
    void run(S& store) override { answer(question(store)); }
    void refuse(Error error) override { answer(tl::unexpected(std::move(error))); }
    Question question;
    Answer answer;
  };
  auto asked = std::make_unique<Typed>(std::move(question), std::move(answer));
  std::unique_lock lock(mutex_);
  bool const is_closed = stopping_;
  if (!is_closed && asked_.size() < options_.max_questions) {
    asked_.push_back(std::move(asked));
    wake_.notify_one();
    return;
  }
  lock.unlock();
  asked->refuse(is_closed ? Error(Errc::shutting_down, "the usage store is closed")
                          : Error(Errc::overloaded, "too many questions about usage are waiting"));
}

template <UsageStore S>
void Folder<S>::run() {
  std::unique_lock lock(mutex_);
  for (bool is_last = false; !is_last;) {
    wake_.wait_for(lock, pause_, [this] { return stopping_ || hurry_ || !asked_.empty(); });
    auto asked = std::exchange(asked_, {});
    is_last = stopping_;
    bool const in_hurry = std::exchange(hurry_, false);
    lock.unlock();
    turn(std::move(asked), in_hurry, is_last);
    lock.lock();
    stopped_ = is_last;
    turned_.notify_all();
  }
}

/// Whether what is in the journal is so little and so new that more may join it. A full segment is not kept
/// waiting: the journal may have room for few.
template <UsageStore S>
bool Folder<S>::may_gather() const {
  if (has_failed_ || lag() >= options_.batch_records / 4) return false;
  if (Clock::now() - folded_at_ >= options_.gather) return false;
  for (std::size_t w = 0; w < journal_.writer_count(); ++w) {
    auto& writer = journal_.writer(w);
    if (auto const* segment = writer.front(); segment != nullptr && writer.has_left(*segment)) return false;
  }
  return true;
}

/// Between questions: many that take long must not fill the journal, for then records are lost.
template <UsageStore S>
Result<void> Folder<S>::keep_up() {
  if (lag() < options_.batch_records / 4) return {};
  if (auto done = fold_.catch_up(); !done) return done;
  return fold_.tidy();
}

template <UsageStore S>
void Folder<S>::turn(std::vector<std::unique_ptr<Asked>> asked, bool in_hurry, bool is_last) {
  Result<void> caught_up;
  if (is_last || in_hurry || !asked.empty() || !may_gather()) {
    caught_up = is_last ? fold_.close() : fold_.catch_up();
    has_failed_ = !caught_up;
    folded_at_ = Clock::now();
  }
  for (auto& a : asked) {
    if (caught_up && !is_last) caught_up = keep_up();
    if (caught_up) {
      a->run(store_);
    } else {
      a->refuse(caught_up.error());
    }
  }
  bool is_well = well(caught_up);
  if (is_last) return;
  is_well = well(fold_.tidy()) && is_well;
  rest_if_nothing_comes();
  if (auto const now = Clock::now(); now - synced_at_ >= options_.sync_every) {
    is_well = well(fold_.sync()) && is_well;
    synced_at_ = Clock::now();
  }
  pause_ = is_well ? options_.every : std::min(pause_ * 2, options_.longest_pause);
  if (!is_well) return;
  std::lock_guard const lock(mutex_);
  last_error_.clear();
}

template <UsageStore S>
void Folder<S>::rest_if_nothing_comes() {
  if (auto const count = fold_.folded(); count != counted_) {
    counted_ = count;
    counted_at_ = Clock::now();
    rests_ = false;
  }
  if (rests_ || Clock::now() - counted_at_ < options_.rest_after) return;
  fold_.rest();
  BlockPool::tidy();
  trim_heap();
  rests_ = true;
}

/// Counts a failure and tells it once.
template <UsageStore S>
bool Folder<S>::well(Result<void> const& result) {
  if (result) return true;
  failures_.fetch_add(1, std::memory_order_relaxed);
  {
    std::lock_guard const lock(mutex_);
    if (last_error_ == result.error().message()) return false;
    last_error_ = result.error().message();
  }
  if (options_.on_error) options_.on_error(result.error());
  return false;
}

}  // namespace lowart
