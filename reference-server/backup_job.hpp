#pragma once
/// BackupJob: the thread that makes a backup every so often while the server runs.

#include "config.hpp"
#include "event_log.hpp"

#include <lowart/gateway/metrics.hpp>
#include <lowart/store/backup.hpp>
#include <lowart/store/backup_schedule.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace lowart::server {

/// Each backup is one moment of the databases, verified before it counts. `before`: brings into the store what is in the
/// journal; may fail, then the backup is of what was there.
class BackupJob {
 public:
  BackupJob(BackupConfig config, std::string data, std::function<void()> before)
      : config_(std::move(config)),
        data_(std::move(data)),
        before_(std::move(before)),
        schedule_(config_.every),
        thread_([this] { run(); }) {}
  BackupJob(BackupJob const&) = delete;
  BackupJob& operator=(BackupJob const&) = delete;
  ~BackupJob() {
    {
      std::lock_guard const lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  /// One more, soon. Any thread.
  void begin_one() noexcept { wanted_.store(true, std::memory_order_relaxed); }

  void render(PrometheusText& out) const {
    out.head("gateway_backup_last_success_timestamp", "gauge",
             "When the newest backup was made; 0: none is there");
    out.sample("gateway_backup_last_success_timestamp", "",
               last_success_us_.load(std::memory_order_relaxed) / 1'000'000);
    out.head("gateway_backup_failures_total", "counter", "Backups that could not be made or verified");
    out.sample("gateway_backup_failures_total", "", failures_.load(std::memory_order_relaxed));
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      look();
      lock.lock();
      wake_.wait_for(lock, std::chrono::milliseconds(250), [this] { return stopping_; });
    }
  }
  void look() {
    auto const since = std::chrono::system_clock::now().time_since_epoch();
    std::int64_t const now = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    auto const names = backups_in(config_.directory);
    auto const newest = names.empty() ? std::nullopt : backup::time_of(names.back());
    last_success_us_.store(newest.value_or(0), std::memory_order_relaxed);
    if (!wanted_.exchange(false, std::memory_order_relaxed) && !schedule_.is_due(newest, now)) return;
    before_();
    auto const made = make_backup(data_, config_.directory, now, config_.requests);
    if (!made) {
      schedule_.note_failure(now);
      failures_.fetch_add(1, std::memory_order_relaxed);
      log_event(Level::error, "backup_failed", {{"error", made.error().message()}});
      return;
    }
    schedule_.note_success(now);
    last_success_us_.store(now, std::memory_order_relaxed);
    auto const removed = prune_backups(config_.directory, config_.keep);
    log_event(Level::info, "backup_made", {{"path", *made}, {"removed", std::to_string(removed)}});
  }

  BackupConfig config_;
  std::string data_;
  std::function<void()> before_;
  BackupSchedule schedule_;
  std::atomic<std::int64_t> last_success_us_{0};
  std::atomic<std::int64_t> failures_{0};
  std::atomic<bool> wanted_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_{false};
  std::thread thread_;
};

}  // namespace lowart::server
