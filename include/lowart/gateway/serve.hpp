#pragma once
/// serve(): listens on every loop of a runtime until SIGTERM or SIGINT, then drains.

#include <lowart/core/loop_clock.hpp>
#include <lowart/gateway/runtime.hpp>
#include <lowart/gateway/tidying.hpp>
#include <lowart/net/http_server.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lowart {

struct ServeOptions {
  std::vector<std::string> listen{"127.0.0.1:8080"};  ///< See net::parse_listen_address.
  std::vector<net::ListenAddress> listeners{};        ///< The same, parsed; for TLS. Added to `listen`.
  net::ServerLimits limits{};
  std::chrono::milliseconds drain{30'000};  ///< How long running answers may take to finish.
  /// Called once everything listens, with the addresses as bound.
  std::function<void(std::vector<net::ListenAddress> const&)> on_ready{};
};

/// The servers of all loops, as one.
class ServerGroup {
 public:
  /// Makes the handler of one loop.
  using HandlerFor =
      std::function<net::Handler(std::size_t loop, Clock& clock, std::function<bool()> draining)>;

  ServerGroup(Runtime& runtime, HandlerFor const& handler_for, ServeOptions const& options)
      : runtime_(runtime), tidying_(runtime) {
    for (std::size_t i = 0; i < runtime.size(); ++i) {
      auto handler = handler_for(i, LoopClock::of(runtime.loop(i)), [this] { return draining_.load(); });
      servers_.push_back(
          std::make_shared<net::HttpServer>(runtime.loop(i), std::move(handler), options.limits));
    }
    servers_[0]->share_unix_with(servers_);
  }

  /// Before the runtime runs. TCP listens on every loop, a Unix socket on the first.
  Result<void> listen(std::vector<net::ListenAddress>& addresses) {
    for (auto& address : addresses) {
      for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (i > 0 && address.is_unix()) break;
        auto const listening = servers_[i]->listen(address);
        if (!listening) return listening;
      }
    }
    return {};
  }

  /// Closes the listeners, waits for running answers within the bound, ends those that are left with an error, so that
  /// they are billed as far as they came, and calls `done` on the first loop.
  void drain(std::chrono::milliseconds bound, std::function<void()> done) {
    if (draining_.exchange(true)) return;
    servers_[0]->share_unix_with({});
    done_ = std::move(done);
    running_ = servers_.size();
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      asio::post(runtime_.loop(i), [this, i] {
        auto const left = std::make_shared<bool>(false);
        servers_[i]->drain([this, left] {
          if (!std::exchange(*left, true) && running_.fetch_sub(1) == 1) finish();
        });
      });
    }
    timer_ = std::make_unique<asio::steady_timer>(runtime_.loop(0), bound);
    timer_->async_wait([this](boost::system::error_code error) {
      if (!error) cut();
    });
  }

  std::size_t connections() const noexcept {
    std::size_t sum = 0;
    for (auto const& server : servers_) sum += server->connections();
    return sum;
  }

 private:
  static constexpr std::chrono::milliseconds farewell{500};  ///< For what was cut to end.

  /// Tells who is left; closes on who does not take it; ends.
  void cut() {
    to_all(&net::HttpServer::interrupt);
    after_farewell([this] {
      to_all(&net::HttpServer::abort);
      after_farewell([this] { finish(); });
    });
  }
  void to_all(void (net::HttpServer::*what)()) {
    for (std::size_t i = 0; i < servers_.size(); ++i)
      asio::post(runtime_.loop(i), [server = servers_[i], what] { ((*server).*what)(); });
  }
  void after_farewell(std::function<void()> then) {
    timer_->expires_after(farewell);
    timer_->async_wait([then = std::move(then)](boost::system::error_code error) {
      if (!error) then();
    });
  }
  void finish() {
    asio::post(runtime_.loop(0), [this] {
      if (timer_) timer_->cancel();
      if (auto done = std::exchange(done_, {})) done();
    });
  }

  Runtime& runtime_;
  Tidying tidying_;
  std::vector<std::shared_ptr<net::HttpServer>> servers_;
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> running_{0};
  std::unique_ptr<asio::steady_timer> timer_;
  std::function<void()> done_;
};

/// Runs a gateway until it is told to stop. SIGTERM and SIGINT drain, a second one stops at once.
/// Returns the exit code: 0, or 1 when it could not listen (the reason is on stderr).
template <class G>
int serve(Runtime& runtime, G gateway, ServeOptions options = {}) {
  auto addresses = options.listeners;
  for (auto const& text : options.listen) {
    auto address = net::parse_listen_address(text);
    if (!address) {
      std::fprintf(stderr, "%s\n", address.error().message().c_str());
      return 1;
    }
    addresses.push_back(std::move(*address));
  }
  ServerGroup group(
      runtime,
      [&gateway](std::size_t loop, Clock& clock, std::function<bool()> draining) {
        return gateway.handler(loop, clock, std::move(draining));
      },
      options);
  if (auto const listening = group.listen(addresses); !listening) {
    std::fprintf(stderr, "%s\n", listening.error().message().c_str());
    return 1;
  }
  asio::signal_set signals(runtime.loop(0), SIGTERM, SIGINT);
  std::function<void(boost::system::error_code, int)> on_signal = [&](boost::system::error_code error, int) {
    if (error) return;
    group.drain(options.drain, [&runtime] { runtime.stop(); });
    signals.async_wait([&runtime](boost::system::error_code again, int) {
      if (!again) runtime.stop();
    });
  };
  signals.async_wait(on_signal);
  if (options.on_ready) options.on_ready(addresses);
  runtime.run();
  return 0;
}

}  // namespace lowart
