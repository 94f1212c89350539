#include "admin/admin_desk.hpp"

#include "event_log.hpp"

#include <algorithm>

namespace lowart::server {

namespace {

void tell_failure(Error const& error) {
  log_event(Level::error, "accounts_not_followed", {{"error", error.message()}});
}

}  // namespace

Result<KeyChanges> AdminDesk::load(FileLimits file) {
  auto const latest = administration_->registry().latest_revision();
  if (!latest) return tl::unexpected(latest.error());
  seen_ = *latest;
  return book_.load(administration_->registry(), std::move(file));
}

void AdminDesk::start(ChangeListeners listeners) {
  listeners_ = std::move(listeners);
  asio::post(thread_, [this] {
    follow();
    look_soon();
  });
}

void AdminDesk::stop() {
  asio::post(thread_, [this] { look_.cancel(); });
  thread_.stop();
  thread_.join();
}

void AdminDesk::look_soon() {
  look_.expires_after(look_every);
  look_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    auto const version = administration_->registry().data_version();
    if (version && *version != data_version_) {
      data_version_ = *version;
      follow();
    }
    look_soon();
  });
}

void AdminDesk::follow() {
  constexpr std::size_t at_a_time = 10'000;
  if (!listeners_.keys) return;
  for (;;) {
    auto const changes = administration_->registry().changes_after(seen_, at_a_time);
    if (!changes) return tell_failure(changes.error());
    if (changes->empty()) return;
    if (std::ranges::any_of(*changes, [](Change const& change) { return is_setting(change.kind); })) {
      auto overlay = administration_->overlay();
      if (!overlay) return tell_failure(overlay.error());
      listeners_.settings(std::move(*overlay));
    }
    auto keys = book_.apply(administration_->registry(), *changes);
    if (!keys) return tell_failure(keys.error());
    seen_ = changes->back().revision;
    if (!keys->changed.empty() || !keys->removed.empty() || !keys->limited.empty())
      listeners_.keys(std::move(*keys));
  }
}

void AdminDesk::file_changed(FileLimits file) {
  asio::post(thread_, [this, file = std::move(file)]() mutable {
    if (file == book_.file()) return;
    auto all = book_.load(administration_->registry(), std::move(file));
    if (!all) return tell_failure(all.error());
    if (listeners_.keys) listeners_.keys(std::move(*all));
  });
}

}  // namespace lowart::server
