#pragma once
/// Webhooks: tells others of limits that are nearly, or wholly, used.

#include "config.hpp"

#include <lowart/core/secret.hpp>
#include <lowart/core/task.hpp>
#include <lowart/meter/limits.hpp>
#include <lowart/net/transport.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// What is posted of a notice: a JSON object.
std::string webhook_message(LimitNotice const& notice, std::int64_t utc_micros);
/// The value of `x-lowart-signature`: "t=<seconds>,v1=<hex>", the HMAC-SHA256 of "<seconds>.<body>" under the secret.
std::string webhook_signature(Secret const& secret, std::int64_t utc_seconds, std::string_view body);

/// Posts notices to every webhook that wants them, each in its order and one at a time: up to 3 attempts of 10 s, a second
/// and five apart; any 2xx is success. At most 256 wait for a webhook; more are dropped and counted.
///
/// Runs on one loop. notify() on any thread: it never waits.
class Webhooks : public std::enable_shared_from_this<Webhooks> {
 public:
  static constexpr std::size_t most_waiting = 256;

  explicit Webhooks(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// Takes over a configuration. What waits for a webhook that stays is sent yet. On the loop, or before it runs. Errors:
  /// config_invalid for a URL that is none; nothing has changed then.
  Result<void> configure(std::vector<WebhookConfig> const& hooks);
  void notify(LimitNotice const& notice);

  std::int64_t sent() const noexcept { return sent_.load(std::memory_order_relaxed); }
  /// Messages that were given up, or dropped because too many waited.
  std::int64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Hook {
    WebhookConfig config;
    net::AnyTransport transport;
    std::string path;
    std::deque<std::string> waiting;
    bool busy{false};
  };
  Task<void> send_waiting(std::shared_ptr<Hook> hook);
  Task<Result<void>> post(Hook& hook, std::string const& body);
  Task<void> pause(std::chrono::milliseconds time);

  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<Hook>> hooks_;
  std::atomic<std::int64_t> sent_{0};
  std::atomic<std::int64_t> lost_{0};
};

}  // namespace lowart::server
