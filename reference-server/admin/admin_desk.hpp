#pragma once
/// AdminDesk: administration at work: on a thread of its own, which also follows what other processes change.

#include "admin/administration.hpp"
#include "await_answer.hpp"
#include "registry/account_book.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowart::server {

/// Who is told of changes, on the desk's thread.
struct ChangeListeners {
  std::function<void(std::vector<Resource>)> settings;  ///< All that is laid over the file now.
  std::function<void(KeyChanges)> keys;
};

/// What was done and refused, for metrics. Any thread.
struct DeskCounts {
  std::atomic<std::int64_t> done{0};    ///< Acts that changed something.
  std::atomic<std::int64_t> denied{0};  ///< Of all acts.
  std::atomic<std::int64_t> failed{0};
  std::atomic<std::int64_t> logins{0};
  std::atomic<std::int64_t> denied_logins{0};

  void count(bool changes, Result<RawAnswer> const& answer) noexcept {
    bool const is_denied = !answer && answer.error().code() == Errc::permission_denied;
    if (is_denied) denied.fetch_add(1, std::memory_order_relaxed);
    else if (!answer) failed.fetch_add(1, std::memory_order_relaxed);
    else if (changes) done.fetch_add(1, std::memory_order_relaxed);
  }
  void count_login(bool is_in) noexcept {
    (is_in ? logins : denied_logins).fetch_add(1, std::memory_order_relaxed);
  }
};

/// Nothing on an event loop waits for the database: acts are done here, one after the other.
class AdminDesk {
 public:
  /// How often the database is looked at for what others changed.
  static constexpr std::chrono::milliseconds look_every{50};

  AdminDesk(std::unique_ptr<Administration> administration, AccountBook book)
      : administration_(std::move(administration)), book_(std::move(book)) {}
  AdminDesk(AdminDesk const&) = delete;
  AdminDesk& operator=(AdminDesk const&) = delete;
  ~AdminDesk() { stop(); }

  /// Reads all accounts; before start(). What they count against is kept from then on.
  Result<KeyChanges> load(FileLimits file);
  net::KeyHash const& key_hash() const noexcept { return administration_->key_hash(); }

  /// Before start().
  void offer_backups(BackupDesk backups) { administration_->offer_backups(std::move(backups)); }
  /// Changes are told from now on, those since load() first.
  void start(ChangeListeners listeners);
  /// Waits for what is being done; nothing is begun any more.
  void stop();
  /// Any thread: what stands in the file has changed.
  void file_changed(FileLimits file);

  /// As whom a session asks for pages that keys ask for: an entry without a name, with its user's limits. On the desk's
  /// thread.
  KeyEntry entry_of(Actor const& actor) {
    KeyEntry entry;
    entry.owner = book_.owner(actor.user);
    entry.admin = actor.may(Permission::read_usage);
    return entry;
  }
  DeskCounts& counts() noexcept { return counts_; }
  /// Any thread: calls `f` on the desk's.
  void run(std::function<void()> f) { asio::post(thread_, std::move(f)); }
  /// What `act(Administration&)` returns, done on the desk's thread; waits on `executor` without blocking its loop. When it
  /// is answered, what it changed has been told.
  template <class Act>
  Task<std::invoke_result_t<Act&, Administration&>> ask(asio::any_io_executor executor, Act act) {
    using Answer = std::invoke_result_t<Act&, Administration&>;
    return await_answer<Answer>(std::move(executor), [this, act = std::move(act)](auto answer) mutable {
      asio::post(thread_, [this, act = std::move(act), answer = std::move(answer)]() mutable {
        auto done = act(*administration_);
        follow();
        answer(std::move(done));
      });
    });
  }

 private:
  void look_soon();
  void follow();

  std::unique_ptr<Administration> administration_;
  AccountBook book_;
  DeskCounts counts_;
  ChangeListeners listeners_;
  std::int64_t seen_{0};          ///< The revision up to which changes have been told.
  std::int64_t data_version_{0};  ///< Of the database, when it was looked at last.
  asio::thread_pool thread_{1};
  asio::steady_timer look_{thread_};
};

}  // namespace lowart::server
