#pragma once
/// What tests of HttpTransport share: one exchange from request to the last byte of the body, as one value.

#include "scripted_peer.hpp"

#include <lowart/net/http_client.hpp>
#include <lowart/testing/run.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>
#include <vector>

namespace lowart::testing {

/// How an exchange went.
class Fetched {
 public:
  Fetched() = default;
  int status{0};
  std::string body;
  int reads{0};
  std::optional<Error> error;
  bool answered{false};  ///< The head came; `error` is of the body.
  std::optional<Errc> code() const { return error ? std::optional(error->code()) : std::nullopt; }
};

inline Task<Fetched> fetch_on(Call& call, net::HttpTransport& transport, net::HttpRequest const& request) {
  Fetched fetched;
  Result<ArenaPtr<net::Exchange>> exchange = co_await transport.exchange(request, call);
  if (!exchange) {
    fetched.error = exchange.error();
    co_return fetched;
  }
  fetched.answered = true;
  fetched.status = (*exchange)->status();
  for (;;) {
    Result<std::span<char>> const piece = co_await (*exchange)->read();
    if (!piece) {
      fetched.error = piece.error();
      break;
    }
    if (piece->empty()) break;
    fetched.body.append(piece->data(), piece->size());
    ++fetched.reads;
  }
  co_return fetched;
}

/// One event loop in real time, a peer on it, and calls.
class HttpClientTest {
 public:
  HttpClientTest() : peer(io) {}

  net::HttpTransport transport(net::HttpOptions options = {}) { return at(peer.url(), std::move(options)); }
  net::HttpTransport at(std::string const& url, net::HttpOptions options = {}) {
    auto made = net::HttpTransport::make(url, std::move(options));
    if (!made) throw std::runtime_error(made.error().message());
    return std::move(*made);
  }
  /// One exchange in a call of its own.
  Fetched fetch(net::HttpTransport& transport, net::HttpRequest const& request = get()) {
    Call call = new_call();
    return run(io, fetch_on(call, transport, request));
  }
  /// The same, in a call that `on_call` has put its hands on (limits, cancellation).
  Fetched fetch(Call& call, net::HttpTransport& transport, net::HttpRequest const& request = get()) {
    return run(io, fetch_on(call, transport, request));
  }
  Call new_call() {
    return Call(AdmissionForTests::unlimited(), LoopClock::of(io), io.get_executor(), arena);
  }
  net::HttpPoolStats stats(net::HttpTransport const& transport) { return transport.stats(net::Loop::of(io)); }

  static net::HttpRequest get() { return net::HttpRequest("GET", "/things"); }
  static net::HttpRequest post(std::string_view body) {
    net::HttpRequest request("POST", "/things");
    request.field("Content-Type", "text/plain").body(body);
    return request;
  }

  asio::io_context io{1};
  Arena arena;
  ScriptedPeer peer;
};

/// Answers every request on the connection with `answer`.
inline Script answer(std::string text) {
  return [text = std::move(text)](Wire& wire) -> Task<> {
    for (;;) {
      std::string const request = co_await wire.receive();
      if (request.empty()) co_return;
      co_await wire.send(text);
    }
  };
}
/// Answers one request with `answer`, then closes.
inline Script answer_and_close(std::string text) {
  return [text = std::move(text)](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send(text);
  };
}

}  // namespace lowart::testing
