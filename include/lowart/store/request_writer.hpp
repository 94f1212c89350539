#pragma once
/// RequestWriter: the thread that writes the request log, and answers questions about it.

#include <lowart/store/request_log.hpp>
#include <lowart/store/request_queue.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>

namespace lowart {

struct RequestWriterOptions {
  std::chrono::milliseconds every{250};  ///< How often the queue is looked at, > 0.
  std::chrono::minutes tidy_every{60};
  std::size_t batch{1000};                     ///< Entries in a transaction, >= 1.
  std::size_t max_questions{256};              ///< Waiting for an answer; more are refused.
  std::function<std::int64_t()> utc_us;        ///< The time; empty: the system's.
  std::function<void(Error const&)> on_error;  ///< Of each failure that differs from the last. May be empty.
  std::function<void(RequestTidied const&)> on_tidied;  ///< Only when something was done. May be empty.
};

/// Owns a RequestLog and the one thread that touches it. Entries that cannot be written are dropped and counted: the
/// request log is for people to read, the bill is in the UsageStore.
///
/// What is lost: on `kill -9` or a power cut, what came in the last `every` and has not been written.
/// Concurrency: queue() and ask() from any thread. Lifetime: no offer() after stop().
class RequestWriter {
 public:
  RequestWriter(RequestLog log, RequestQueueLimits limits, RequestWriterOptions options = {})
      : log_(std::move(log)), queue_(limits), options_(std::move(options)), thread_([this] { run(); }) {}
  RequestWriter(RequestWriter const&) = delete;
  RequestWriter& operator=(RequestWriter const&) = delete;
  ~RequestWriter() { stop(); }

  RequestQueue& queue() noexcept { return queue_; }
  RequestQueue const& queue() const noexcept { return queue_; }
  std::int64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
  std::int64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  std::string const& directory() const noexcept { return log_.directory(); }

  /// Writes what waits, and ends the thread.
  void stop() {
    {
      std::lock_guard const lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  /// Runs `question(RequestLog&)`, which returns a Result, on the log's thread, once everything that was offered before
  /// is written, and hands its result to `answer` there. `answer` is called once, with Errc::shutting_down or
  /// Errc::overloaded at once where there is no time. Neither may throw.
  template <class Question, class Answer>
  void query(Question question, Answer answer) {
    std::unique_lock lock(mutex_);
    bool const stopped = stopping_;
    if (!stopped && questions_.size() < options_.max_questions) {
      questions_.push_back([question = std::move(question),
                            answer = std::move(answer)](RequestLog& log) mutable { answer(question(log)); });
      wake_.notify_one();
      return;
    }
    lock.unlock();
    Error why = stopped ? Error(Errc::shutting_down, "the request log is closed")
                        : Error(Errc::overloaded, "too many questions about requests are waiting");
    answer(std::invoke_result_t<Question&, RequestLog&>(tl::unexpected(std::move(why))));
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run() {
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
      wake_.wait_for(lock, options_.every, [this] { return stopping_ || !questions_.empty(); });
      auto const questions = std::exchange(questions_, {});
      last = stopping_;
      lock.unlock();
      write();
      for (auto const& question : questions) question(log_);
      if (!last) tidy();
      lock.lock();
    }
    log_.sync();
  }
  void write() {
    auto entries = queue_.take();
    for (auto& entry : entries)
      if (auto const make = std::exchange(entry.make_content, {})) entry.content = make();
    std::span<RequestEntry const> left = entries;
    while (!left.empty()) {
      auto const batch = left.first(std::min(left.size(), std::max<std::size_t>(1, options_.batch)));
      left = left.subspan(batch.size());
      auto const done = log_.append(batch);
      if (done) written_.fetch_add(static_cast<std::int64_t>(batch.size()), std::memory_order_relaxed);
      else queue_.note_dropped(batch.size()), note(done.error());
    }
    if (!entries.empty() && failures() == failures_told_) last_error_.clear();
    failures_told_ = failures();
  }
  void tidy() {
    auto const now = Clock::now();
    if (tidied_at_ && now - *tidied_at_ < options_.tidy_every) return;
    tidied_at_ = now;
    auto const tidied = log_.tidy(options_.utc_us ? options_.utc_us() : system_utc_us());
    if (tidied.failure) note(*tidied.failure);
    bool const something = !tidied.archived.empty() || !tidied.deleted.empty();
    if (something && options_.on_tidied) options_.on_tidied(tidied);
  }
  void note(Error const& error) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    if (std::exchange(last_error_, error.message()) == error.message()) return;
    if (options_.on_error) options_.on_error(error);
  }
  static std::int64_t system_utc_us() noexcept {
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }

  RequestLog log_;
  RequestQueue queue_;
  RequestWriterOptions options_;
  std::atomic<std::int64_t> written_{0};
  std::atomic<std::int64_t> failures_{0};
  std::int64_t failures_told_{0};
  std::string last_error_;
  std::optional<Clock::time_point> tidied_at_;
  std::mutex mutex_;  // Of what follows.
  std::condition_variable wake_;
  std::vector<std::function<void(RequestLog&)>> questions_;
  bool stopping_{false};
  std::thread thread_;
};

}  // namespace lowart
