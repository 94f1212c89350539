#pragma once
/// The bodies of HttpTransport.

#include <lowart/net/http_client.hpp>

namespace lowart::net {

LOWART_DECL Result<HttpTransport> HttpTransport::make(std::string_view base_url, HttpOptions options) {
  Result<BaseUrl> url = parse_base_url(base_url);
  if (!url) return fail(url.error());
  auto target = std::make_shared<HttpTarget>();
  target->key = Loop::new_key();
  if (url->tls()) {
    TlsTrust trust;
    trust.ca_file = options.ca_file;
    trust.verify = options.verify;
    Result<TlsContext> tls = TlsContext::client(std::move(trust));
    if (!tls) return fail(tls.error());
    target->tls = std::move(*tls);
  }
  target->url = std::move(*url);
  target->options = std::move(options);
  return HttpTransport(std::move(target));
}

/// A long body may have passed by when a kept connection turns out to be closed: it gets a fresh one.
inline bool passes_by(HttpRequest const& request) noexcept {
  constexpr std::uint64_t sure_to_be_there = 64 * 1024;
  BodySource const* const source = request.source();
  return source != nullptr && source->length().value_or(sure_to_be_there + 1) > sure_to_be_there;
}

LOWART_DECL Task<Result<ArenaPtr<Exchange>>> HttpTransport::exchange(HttpRequest const& request, Call& call) {
  auto& pool = Loop::of(call.executor()).resident<HttpPool>(target_->key, target_);
  std::optional<Error> error;
  bool const takes_kept = !passes_by(request);
  for (bool again = false;; again = true) {
    HttpPool::Loan connection;
    if (!call.interruption() && !again && takes_kept) connection = pool.take();
    bool const reused = connection != nullptr;
    if (!reused) connection = co_await pool.dial(*target_, call, error);
    if (!connection) {
      // What the closed connection was sent before may have been seen.
      if (again) error = std::move(*error).with_sent(Sent::maybe);
      break;
    }
    auto exchange = call.make<HttpExchange>(*target_, pool, std::move(connection), call);
    HttpExchange::Step step = exchange->begin(*target_, request);
    if (request.source() != nullptr) step = co_await send_body(*exchange, request, step, call, error);
    while (step == HttpExchange::Step::wait) {
      InterruptHook const hook(call, &HttpExchange::cancel, &exchange->stream());
      bool const ready = co_await exchange->until_ready();
      step = exchange->go_on(ready);
    }
    if (step == HttpExchange::Step::done) co_return ArenaPtr<Exchange>(std::move(exchange));
    if (error) break;  // the body's own
    bool const stale = reused && exchange->lost_unanswered();
    if (!stale || (request.source() != nullptr && !request.source()->rewind())) {
      error = exchange->error();
      break;
    }
    pool.count_repeat();
  }
  co_return fail(std::move(*error));
}

/// Sends a body as its source gives it. Returns when all of it is sent, or nothing more is to be sent. What the source
/// fails with is `broken`.
LOWART_DECL Task<HttpExchange::Step> HttpTransport::send_body(HttpExchange& exchange,
                                                              HttpRequest const& request,
                                                              HttpExchange::Step step, Call& call,
                                                              std::optional<Error>& broken) {
  using Step = HttpExchange::Step;
  while (exchange.is_sending() && (step == Step::more || step == Step::wait)) {
    if (step == Step::more) {
      call.awaits_body(true);
      Result<std::string_view> const piece = co_await request.source()->next(call);
      call.awaits_body(false);
      if (!piece) {
        broken = piece.error();
        co_return Step::failed;
      }
      step = exchange.send(*piece);
    } else {
      InterruptHook const hook(call, &HttpExchange::cancel, &exchange.stream());
      bool const ready = co_await exchange.until_ready();
      step = exchange.go_on(ready);
    }
    call.note_progress();
  }
  co_return step;
}

LOWART_DECL HttpPoolStats HttpTransport::stats(Loop const& loop) const noexcept {
  auto const* const pool = loop.find<HttpPool>(target_->key);
  return pool != nullptr ? pool->stats() : HttpPoolStats{};
}

}  // namespace lowart::net
