#include "live_snapshot.hpp"

#include "event_log.hpp"
#include "limit_history.hpp"
#include "month_recall.hpp"
#include "start_settings.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstddef>

namespace lowart::server {

LiveSnapshot::LiveSnapshot(ServeFlags flags, std::vector<Resource> overlay, Runtime& runtime,
                           Folder<SqliteStore>& folder, AdminDesk& desk, Build build)
    : flags_(std::move(flags)),
      overlay_(std::move(overlay)),
      runtime_(runtime),
      folder_(folder),
      desk_(desk),
      build_(std::move(build)),
      current_(runtime.size()),
      look_(runtime.loop(0)) {}

Result<void> LiveSnapshot::begin(Config config) {
  fixed_ = fixed_at_start(config);
  auto first = build_(std::move(config), nullptr);
  if (!first) return fail(first.error().code(), flags_.config_path + ": " + first.error().message());
  latest_ = std::move(*first);
  // The accounts' limits lean on those of the file, which are made with the snapshot.
  auto accounts = desk_.load(FileLimits::of(*latest_));
  if (!accounts) return tl::unexpected(std::move(accounts).error());
  latest_->keys = latest_->keys.with(std::move(accounts->changed), {});
  latest_->keys = latest_->keys.on(latest_->keys.new_table());
  recall_month(*latest_, folder_);
  add_past_at_start(folder_, *latest_);
  add_past_at_start(folder_, accounts->limited);
  for (auto& slot : current_) slot = latest_;
  stamp_ = FileStamp::of(flags_.config_path);
  return {};
}

void LiveSnapshot::follow() {
  ChangeListeners listeners;  // called on the desk's thread
  listeners.settings = [this](std::vector<Resource> overlay) {
    asio::post(runtime_.loop(0), [this, overlay = std::move(overlay)]() mutable {
      overlay_ = std::move(overlay);
      reload();
    });
  };
  listeners.keys = [this](KeyChanges changes) {
    asio::post(runtime_.loop(0),
               [this, changes = std::move(changes)]() mutable { take_keys(std::move(changes)); });
  };
  desk_.start(std::move(listeners));
  look_at_file();
}

void LiveSnapshot::look_at_file() {
  look_.expires_after(std::chrono::milliseconds(500));
  look_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (FileStamp const now = FileStamp::of(flags_.config_path); now != stamp_ && now.size >= 0) {
      stamp_ = now;
      reload();
    }
    look_at_file();
  });
}

void LiveSnapshot::reload() {
  auto const text = read_file(flags_.config_path);
  ConfigResult read;
  if (text) read = read_config(*text, overlay_);
  else read.problems = {{0, "the file cannot be read"}};
  if (!read.config) return refuse(describe(flags_.config_path, read.problems));
  apply_flags(flags_, *read.config);
  warn_of_restart(*read.config);
  auto next = build_(std::move(*read.config), latest_.get());
  if (!next) return refuse(next.error().message());
  reload_ok_ = true;
  put(std::move(*next));
  add_past_later(folder_, latest_);
  desk_.file_changed(FileLimits::of(*latest_));
  log_event(Level::info, "config_taken_over", {{"revision", std::to_string(latest_->revision)}});
}

void LiveSnapshot::refuse(std::string const& problems) {
  reload_ok_ = false;
  log_event(Level::error, "config_refused", {{"problems", problems}, {"kept", "the last good one"}});
}

void LiveSnapshot::warn_of_restart(Config const& next) const {
  std::string changed;
  auto const wanted = fixed_at_start(next);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] != fixed_[i]) changed.append(changed.empty() ? "" : ", ").append(wanted[i].first);
  if (!changed.empty()) log_event(Level::warning, "config_needs_restart", {{"fields", changed}});
}

void LiveSnapshot::put(std::shared_ptr<Snapshot> next) {
  latest_ = std::move(next);
  for (std::size_t i = 0; i < current_.size(); ++i)
    asio::post(runtime_.loop(i), [this, i, snapshot = latest_] { current_[i] = snapshot; });
}

void LiveSnapshot::take_keys(KeyChanges changes) {
  auto next = std::make_shared<Snapshot>(*latest_);
  next->keys = next->keys.with(std::move(changes.changed), std::move(changes.removed));
  put(std::move(next));
  add_past_later(folder_, std::move(changes.limited));
  if (latest_->keys.wants_table()) rebuild_table();
}

/// On the desk's thread, as it may take a second.
void LiveSnapshot::rebuild_table() {
  if (std::exchange(rebuilding_, true)) return;
  desk_.run([this, keys = latest_->keys] {
    asio::post(runtime_.loop(0), [this, table = keys.new_table()] {
      rebuilding_ = false;
      auto next = std::make_shared<Snapshot>(*latest_);
      next->keys = next->keys.on(table);
      put(std::move(next));
    });
  });
}

}  // namespace lowart::server
