#pragma once
/// LiveSnapshot: the snapshot that each loop serves by, and how it changes: with the file, and with what administration does.

#include "admin/admin_desk.hpp"
#include "file_stamp.hpp"
#include "serve_flags.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/runtime.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// Changes are made on the first loop, one after the other, and handed to each loop as a whole. What cannot be taken over is
/// told in the event log, and the last good snapshot stays.
class LiveSnapshot {
 public:
  /// Makes a snapshot out of a configuration and the snapshot before, which may be null.
  using Build = std::function<Result<std::shared_ptr<Snapshot>>(Config, Snapshot const*)>;

  /// `overlay`: what the configuration of the start had of the database. All that is referred to outlives it.
  LiveSnapshot(ServeFlags flags, std::vector<Resource> overlay, Runtime& runtime, Folder<SqliteStore>& folder,
               AdminDesk& desk, Build build);

  /// The first one, with all accounts; before the loops run.
  Result<void> begin(Config config);
  /// Follows the file and the desk from now on.
  void follow();
  /// The file is looked at no more.
  void stop_following() { look_.cancel(); }
  /// Takes a changed file over, or keeps the last good one and says why. On the first loop.
  void reload();

  /// What this loop serves by; on its thread.
  std::shared_ptr<Snapshot> const& of(std::size_t loop) const noexcept { return current_[loop]; }
  /// On the first loop, or before the loops run.
  Snapshot const& latest() const noexcept { return *latest_; }
  /// Whether the last change of the file could be taken over. Any thread.
  bool is_as_written() const noexcept { return reload_ok_.load(std::memory_order_relaxed); }

 private:
  void look_at_file();
  void refuse(std::string const& problems);
  void warn_of_restart(Config const& next) const;
  void put(std::shared_ptr<Snapshot> next);
  void take_keys(KeyChanges changes);
  void rebuild_table();

  ServeFlags flags_;
  std::vector<Resource> overlay_;
  Runtime& runtime_;
  Folder<SqliteStore>& folder_;
  AdminDesk& desk_;
  Build build_;
  std::vector<std::pair<std::string_view, std::string>> fixed_;
  std::vector<std::shared_ptr<Snapshot>> current_;  ///< One per loop, touched on its thread only.
  std::shared_ptr<Snapshot> latest_;
  FileStamp stamp_;
  asio::steady_timer look_;
  bool rebuilding_{false};
  std::atomic<bool> reload_ok_{true};
};

}  // namespace lowart::server
