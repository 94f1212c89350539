#include "webhooks.hpp"

#include "event_log.hpp"

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/local_call.hpp>
#include <lowart/meter/limit_text.hpp>
#include <lowart/net/http_client.hpp>
#include <lowart/net/keyed_hash.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::array<std::chrono::seconds, 2> pauses{std::chrono::seconds(1), std::chrono::seconds(5)};

std::int64_t utc_micros_now() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// "https://host/a?b" as "https://host" and "/a?b".
std::pair<std::string_view, std::string_view> split_url(std::string_view url) {
  auto const scheme = url.find("://");
  auto const path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  if (path == std::string_view::npos) return {url, "/"};
  return {url.substr(0, path), url.substr(path)};
}

}  // namespace

std::string webhook_message(LimitNotice const& notice, std::int64_t utc_micros) {
  LimitUse const& use = notice.use;
  std::string body;
  dialect::JsonWriter json(body);
  json.begin_object().text("event", notice.reached ? "limit_reached" : "limit_warning");
  json.text("at", dialect::rfc3339(utc_micros)).text("subject", notice.subject);
  json.text("limit", to_string(use.kind)).text("max", limit_amount(use.kind, use.limit));
  json.text("used", limit_amount(use.kind, use.used)).text("reserved", limit_amount(use.kind, use.reserved));
  if (use.resets_utc) json.text("resets_at", dialect::rfc3339(*use.resets_utc));
  json.end_object();
  return body;
}

std::string webhook_signature(Secret const& secret, std::int64_t utc_seconds, std::string_view body) {
  std::string const time = std::to_string(utc_seconds);
  std::string signature = "t=" + time + ",v1=";
  net::append_hex(signature, net::hmac_sha256(secret.reveal(), time + "." + std::string(body)));
  return signature;
}

Result<void> Webhooks::configure(std::vector<WebhookConfig> const& hooks) {
  std::vector<std::shared_ptr<Hook>> next;
  for (auto const& config : hooks) {
    auto const [base, path] = split_url(config.url);
    auto transport = net::HttpTransport::make(base);
    if (!transport) return fail(Errc::config_invalid, "a webhook: " + transport.error().message());
    auto hook = std::make_shared<Hook>(
        Hook{config, net::AnyTransport(*std::move(transport)), std::string(path), {}, false});
    for (auto const& old : hooks_)
      if (old->config.url == config.url) hook->waiting.swap(old->waiting);
    next.push_back(std::move(hook));
  }
  hooks_ = std::move(next);
  for (auto const& hook : hooks_)
    if (!hook->waiting.empty() && !std::exchange(hook->busy, true))
      asio::co_spawn(
          executor_, [self = shared_from_this(), hook] { return self->send_waiting(hook); }, asio::detached);
  return {};
}

void Webhooks::notify(LimitNotice const& notice) {
  asio::post(executor_, [self = shared_from_this(), notice, at = utc_micros_now()] {
    for (auto const& hook : self->hooks_) {
      if (!(notice.reached ? hook->config.reached : hook->config.warnings)) continue;
      if (hook->waiting.size() >= most_waiting) {
        self->lost_.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      hook->waiting.push_back(webhook_message(notice, at));
      if (std::exchange(hook->busy, true)) continue;
      asio::co_spawn(self->executor_, [self, hook] { return self->send_waiting(hook); }, asio::detached);
    }
  });
}

Task<void> Webhooks::send_waiting(std::shared_ptr<Hook> hook) {
  while (!hook->waiting.empty()) {
    std::string const body = std::move(hook->waiting.front());
    hook->waiting.pop_front();
    Result<void> done = co_await post(*hook, body);
    for (std::size_t again = 0; !done && again < pauses.size(); ++again) {
      co_await pause(pauses[again]);
      done = co_await post(*hook, body);
    }
    (done ? sent_ : lost_).fetch_add(1, std::memory_order_relaxed);
    if (!done) log_event(Level::warning, "webhook_failed", {{"error", done.error().message()}});
  }
  hook->busy = false;
}

Task<Result<void>> Webhooks::post(Hook& hook, std::string const& body) {
  constexpr std::int64_t micros = 1'000'000;
  LocalCall call(executor_);
  Alarm alarm(
      call->clock(), [](void* self) { static_cast<Call*>(self)->interrupt(Errc::whole_timeout); }, &*call);
  alarm.set_in(patience);
  std::string const signature = webhook_signature(hook.config.secret, utc_micros_now() / micros, body);
  net::HttpRequest request("POST", hook.path);
  request.field("content-type", "application/json").field("x-lowart-signature", signature).body(body);
  Result<ArenaPtr<net::Exchange>> exchange = co_await hook.transport.exchange(request, *call);
  if (!exchange) co_return fail(exchange.error());
  int const status = (*exchange)->status();
  if (status >= 200 && status < 300) co_return Result<void>();
  co_return fail(Errc::upstream_rejected, "it answered with the status " + std::to_string(status));
}

Task<void> Webhooks::pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(executor_, time);
  auto const [ignored] = co_await timer.async_wait(asio::as_tuple(asio::deferred));
  (void)ignored;
}

}  // namespace lowart::server
