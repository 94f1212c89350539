#include "app.hpp"

#include "admin/admin_desk.hpp"
#include "admin/admin_pages.hpp"
#include "admin/auth_pages.hpp"
#include "admin/desk_metrics.hpp"
#include "event_log.hpp"
#include "greeting.hpp"
#include "limit_metrics.hpp"
#include "live_snapshot.hpp"
#include "offered_models.hpp"
#include "open_accounts.hpp"
#include "own_pages.hpp"
#include "records.hpp"
#include "snapshot.hpp"
#include "target_metrics.hpp"

#include <lowart/gateway/nonce_table.hpp>
#include <lowart/gateway/serve.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <boost/asio/signal_set.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

class App {
 public:
  App(ServeFlags flags, Config config, std::unique_ptr<Journal> journal,
      std::unique_ptr<Folder<SqliteStore>> folder, std::unique_ptr<AdminDesk> desk,
      std::vector<Resource> overlay, int log_fd)
      : config_path_(flags.config_path),
        config_(std::move(config)),
        runtime_(config_.threads),
        journal_(std::move(journal)),
        folder_(std::move(folder)),
        desk_(std::move(desk)),
        log_fd_(log_fd),
        live_(std::move(flags), std::move(overlay), runtime_, *folder_, *desk_,
              [this](Config next, Snapshot const* before) { return build(std::move(next), before); }) {}
  ~App() {
    desk_->stop();
    records_.stop_backups();
    folder_->stop();
    if (log_fd_ > STDERR_FILENO) ::close(log_fd_);
  }

  int run() {
    if (auto const begun = live_.begin(std::move(config_)); !begun) return failed(begun.error());
    Config const& config = live_.latest().config;
    if (config.responses) responses_ = std::make_unique<ResponseStore>(*config.responses);
    auto const before_backup = [this] { static_cast<void>(folder_->flush(std::chrono::seconds(10))); };
    if (auto const started = records_.start(config, before_backup); !started) return failed(started.error());
    if (auto* const backups = records_.backups())
      desk_->offer_backups({config.backup->directory, [backups] { backups->begin_one(); }});
    ServeOptions options;
    options.limits = config.limits;
    options.drain = config.drain;
    addresses_ = config.listen;
    group_ = std::make_unique<ServerGroup>(
        runtime_,
        [this](std::size_t loop, Clock& clock, std::function<bool()> draining) {
          return handler(loop, clock, std::move(draining));
        },
        options);
    if (auto const listening = group_->listen(addresses_); !listening) return failed(listening.error());
    live_.follow();
    watch_signals();
    std::string const text = greeting(config, addresses_, config_path_);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    runtime_.run();
    auto const flushed = folder_->flush(std::chrono::seconds(10));
    if (!flushed) log_event(Level::error, "usage_not_flushed", {{"error", flushed.error().message()}});
    log_event(Level::info, "stopped");
    return 0;
  }

 private:
  static int failed(Error const& error) {
    std::fprintf(stderr, "%s\n", error.message().c_str());
    return 1;
  }
  Result<std::shared_ptr<Snapshot>> build(Config config, Snapshot const* before) {
    auto const lost = [this](Error const& error) {
      journal_failures_.fetch_add(1, std::memory_order_relaxed);
      log_event(Level::error, "usage_record_lost", {{"error", error.message()}});
    };
    auto made = build_snapshot(std::move(config), before, desk_->key_hash(), JournalSink(journal_), lost,
                               [hooks = webhooks_](LimitNotice const& notice) { hooks->notify(notice); });
    if (made)
      if (auto told = webhooks_->configure((*made)->config.webhooks); !told) return fail(told.error());
    return made;
  }

  net::Handler handler(std::size_t loop, Clock& clock, std::function<bool()> draining) {
    DoorLimits limits = live_.latest().config.door;
    limits.upload.spool = live_.latest().config.data;
    auto doors = std::make_shared<Doors>(metrics_, loop, clock, log_fd_, std::move(limits), responses_.get());
    records_.attach(doors->loop());
    doors->loop().nonces = &nonces_;
    auto offers = std::make_shared<OfferedModels>(runtime_.loop(loop).get_executor());
    return [this, loop, doors, offers, draining = std::move(draining)](
               net::ServerRequest& request, net::Responder& responder) -> Task<void> {
      if (!draining() && OfferedModels::is_asked(request, *live_.of(loop)))
        return serve_models(*doors, *offers, live_.of(loop), request, responder);
      return serve(*doors, live_.of(loop), draining(), request, responder);
    };
  }

  /// The list of models, where not all of it is in the configuration.
  static Task<void> serve_models(Doors& doors, OfferedModels& offers, std::shared_ptr<Snapshot> snapshot,
                                 net::ServerRequest& request, net::Responder& responder) {
    OfferedModels::List const list = co_await offers.list(snapshot);
    if (!list.missing.empty()) responder.field("x-lowart-models-missing", list.missing);
    co_await doors.serve(*snapshot->answer, snapshot->keys, list.cards, request, responder);
  }

  /// `snapshot` by value: the request keeps what it began with.
  Task<void> serve(Doors& doors, std::shared_ptr<Snapshot> snapshot, bool draining,
                   net::ServerRequest& request, net::Responder& responder) {
    std::string_view const path = request.head().path();
    if (path == "/metrics" || path == "/health" || path == "/ready") {
      std::function<void(PrometheusText&)> const more = [&](PrometheusText& text) {
        own_metrics(*snapshot, text);
      };
      bool const served = co_await doors.serve_operator(!draining, more, request, responder);
      if (served) co_return;
    }
    if (draining) {
      co_await doors.shutting_down(request, responder);
      co_return;
    }
    if (AuthPages::has(path)) {
      co_await auth_.serve(doors, *snapshot, request, responder);
      co_return;
    }
    if (AdminPages::has(path)) {
      co_await admin_.serve(doors, *snapshot, request, responder);
      co_return;
    }
    if (OwnPages::has(path)) {
      co_await serve_pages(doors, *snapshot, request, responder);
      co_return;
    }
    if (path.starts_with(PassthroughPath::prefix)) {
      co_await doors.serve_passthrough(*snapshot->passthrough, snapshot->keys, request, responder);
      co_return;
    }
    bool const served =
        co_await doors.serve(*snapshot->answer, snapshot->keys, snapshot->models, request, responder);
    if (!served) co_await doors.not_found(request, responder);
  }

  /// For keys, and for sessions of people.
  Task<void> serve_pages(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                         net::Responder& responder) {
    if (AdminPages::is_of_session(request)) {
      Result<KeyEntry> const session = co_await admin_.entry_of_session(request);
      if (session) co_await pages_.serve(doors, snapshot, *session, request, responder);
      else co_await doors.answer_error(request, responder, session.error());
      co_return;
    }
    Result<KeyEntry const*> const key = doors.key_of(snapshot.keys, request);
    if (key) co_await pages_.serve(doors, snapshot, **key, request, responder);
    else co_await doors.answer_error(request, responder, key.error());
  }

  void own_metrics(Snapshot const& snapshot, PrometheusText& out) const {
    write_target_metrics(snapshot, out);
    records_.render(out);
    write_limit_metrics(snapshot, *webhooks_, out);
    write_desk_metrics(desk_->counts(), snapshot.keys.size(), out);
    out.head("gateway_connections", "gauge", "Open client connections");
    out.sample("gateway_connections", "", static_cast<std::int64_t>(group_->connections()));
    out.head("gateway_usage_folded_total", "counter", "Usage records moved from the journal into the store");
    out.sample("gateway_usage_folded_total", "", static_cast<std::int64_t>(folder_->folded()));
    out.head("gateway_usage_lag_records", "gauge",
             "Usage records in the journal that are not in the store yet");
    out.sample("gateway_usage_lag_records", "", static_cast<std::int64_t>(folder_->lag()));
    out.head("gateway_usage_lost_total", "counter", "Usage records that could not be kept");
    out.sample("gateway_usage_lost_total", "", journal_failures_.load(std::memory_order_relaxed));
    out.head("gateway_config_revision", "gauge", "Which configuration is at work; rises with every reload");
    out.sample("gateway_config_revision", "", static_cast<std::int64_t>(snapshot.revision));
    out.head("gateway_config_last_reload_successful", "gauge",
             "0 when the file changed and could not be taken over");
    out.sample("gateway_config_last_reload_successful", "",
               static_cast<std::int64_t>(live_.is_as_written() ? 1 : 0));
  }

  void watch_signals() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        live_.reload();
        watch_signals();
        return;
      }
      if (std::exchange(stopping_, true)) {
        runtime_.stop();
        return;
      }
      log_event(Level::info, "draining");
      live_.stop_following();
      group_->drain(live_.latest().config.drain, [this] { runtime_.stop(); });
      watch_signals();
    });
  }

  std::string config_path_;
  Config config_;  ///< Until it is at work.
  Runtime runtime_;
  std::shared_ptr<Journal> journal_;
  std::unique_ptr<Folder<SqliteStore>> folder_;
  std::unique_ptr<AdminDesk> desk_;
  int log_fd_;
  std::shared_ptr<Webhooks> webhooks_{std::make_shared<Webhooks>(runtime_.loop(0).get_executor())};
  NonceTable nonces_;
  Metrics metrics_;
  std::unique_ptr<ResponseStore> responses_;  ///< Null: none are kept.
  Records records_;
  OwnPages pages_{*folder_, records_, [this] { return static_cast<std::int64_t>(group_->connections()); }};
  AuthPages auth_{*desk_};
  AdminPages admin_{*desk_, runtime_, *folder_};
  std::vector<net::ListenAddress> addresses_;
  std::unique_ptr<ServerGroup> group_;
  asio::signal_set signals_{runtime_.loop(0), SIGTERM, SIGINT, SIGHUP};
  std::atomic<std::int64_t> journal_failures_{0};
  bool stopping_{false};
  LiveSnapshot live_;
};

int open_access_log(std::string const& where) {
  if (where == "off") return -1;
  if (where == "-") return STDOUT_FILENO;
  return ::open(where.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

int stop_with(std::string const& reason) {
  std::fprintf(stderr, "lowart: %s\n", reason.c_str());
  return 1;
}

}  // namespace

int run_server(ServeFlags const& flags) {
  auto opened = open_accounts(flags);
  if (!opened) {
    std::fputs(opened.error().message().c_str(), stderr);
    return 1;
  }
  Config config = std::move(opened->config);
  auto book = AccountBook(opened->administration->box());
  auto desk = std::make_unique<AdminDesk>(std::move(opened->administration), std::move(book));
  std::size_t const threads =
      config.threads > 0 ? config.threads : std::max(1U, std::thread::hardware_concurrency());
  JournalOptions journal_options;
  journal_options.writers = threads + 1;  // one more for threads that run no loop
  // Each writer has two segments in memory; this much holds 5,000 records between two folds.
  journal_options.segment_bytes = std::size_t{512} << 10U;
  auto journal = Journal::open(config.data, journal_options);
  if (!journal) return stop_with(journal.error().message());
  auto store = SqliteStore::open(config.data + "/usage.db");
  if (!store) return stop_with(store.error().message());
  FolderOptions folder_options;
  folder_options.on_error = [](Error const& error) {
    log_event(Level::error, "usage_store_failed", {{"error", error.message()}});
  };
  auto folder = Folder<SqliteStore>::start(**journal, std::move(*store), folder_options);
  if (!folder) return stop_with(folder.error().message());
  int const log_fd = open_access_log(config.access_log);
  if (log_fd < 0 && config.access_log != "off")
    return stop_with("cannot write the access log " + config.access_log);
  App app(flags, std::move(config), std::move(*journal), std::move(*folder), std::move(desk),
          std::move(opened->overlay), log_fd);
  return app.run();
}

}  // namespace lowart::server
