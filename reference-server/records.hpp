#pragma once
/// Records: what is kept of calls beside their bill, as the configuration says: conversations, the request log, backups.

#include "backup_job.hpp"
#include "config.hpp"
#include "request_keeping.hpp"

#include <lowart/gateway/conversation_table.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace lowart::server {

/// Outlives the doors that are attached to it.
class Records {
 public:
  /// Before the loops run. `before_backup`: see BackupJob. Fails where the request log cannot be opened.
  Result<void> start(Config const& config, std::function<void()> before_backup) {
    if (config.conversations) conversations_ = std::make_unique<ConversationTable>(*config.conversations);
    if (config.request_log) {
      auto started = RequestKeeping::start(config.data, *config.request_log);
      if (!started) return tl::unexpected(std::move(started).error());
      requests_ = std::move(*started);
    }
    if (config.backup)
      backups_ = std::make_unique<BackupJob>(*config.backup, config.data, std::move(before_backup));
    return {};
  }
  void attach(LoopState& loop) noexcept {
    loop.conversations = conversations_.get();
    if (requests_) requests_->attach(loop);
  }
  /// Null: calls belong to none.
  ConversationTable* conversations() noexcept { return conversations_.get(); }
  /// Null: there is no request log.
  RequestWriter* request_log() noexcept { return requests_ ? &requests_->writer() : nullptr; }
  /// Null: none are made.
  BackupJob* backups() noexcept { return backups_.get(); }
  void render(PrometheusText& out) const {
    if (conversations_) conversations_->render(out);
    if (requests_) requests_->render(out);
    if (backups_) backups_->render(out);
  }
  /// Before what `before_backup` uses goes.
  void stop_backups() { backups_.reset(); }

 private:
  std::unique_ptr<ConversationTable> conversations_;
  std::unique_ptr<RequestKeeping> requests_;
  std::unique_ptr<BackupJob> backups_;
};

}  // namespace lowart::server
