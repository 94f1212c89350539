#pragma once
/// HttpServer: accepts connections of one event loop and hands their requests to one handler.

#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>
#include <lowart/net/listen_address.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/net/tls.hpp>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::net {

class Descriptor;

/// Answers one request. It must complete the responder; one that does not, or throws, is answered with 500,
/// or cut where an answer has begun. An exception ends its connection only.
using Handler = std::function<Task<void>(ServerRequest&, Responder&)>;

/// HTTP/1.1 over TCP, TLS and Unix sockets: keep-alive, pipelining (answered one after the other, in order),
/// bounded in every direction, strict against request smuggling (see http_head.hpp).
///
/// One per io_context(1); several servers of one process share a port (SO_REUSEPORT). All members on the
/// loop's thread, but connections() on any, and listen() before the loop runs. It may be let go at any time:
/// what runs keeps it alive.
class HttpServer : public std::enable_shared_from_this<HttpServer> {
 public:
  LOWART_DECL HttpServer(asio::io_context& context, Handler handler, ServerLimits limits = {});

  /// Begins to accept. A port of 0 is replaced by the one that the system chose. Pass the same object to the
  /// other servers of the process, which then share the port; a port that another process has is refused.
  /// Errors: config_invalid (address, certificate), storage_failed with the system's reason (in use, not
  /// allowed).
  LOWART_DECL Result<void> listen(ListenAddress& address);
  /// Connections of a Unix socket go round these servers, since such a socket has one acceptor only.
  void share_unix_with(std::vector<std::shared_ptr<HttpServer>> const& servers) {
    peers_.assign(servers.begin(), servers.end());
  }

  /// Stops listening, closes idle connections, lets running requests finish and closes behind them. Calls
  /// on_idle() once, when no connection is left; maybe at once.
  LOWART_DECL void drain(std::function<void()> on_idle);
  /// Ends the calls that are left with shutting_down, so that their clients are told; closes the other connections.
  LOWART_DECL void interrupt();
  /// Closes what is left.
  LOWART_DECL void abort();
  bool draining() const noexcept { return draining_; }
  std::size_t connections() const noexcept { return open_.load(std::memory_order_relaxed); }

 private:
  struct Listener;
  struct Connection;
  enum class Next : std::uint8_t { request, nothing_came, close };

  LOWART_DECL Task<void> accept(std::shared_ptr<Listener> listener);
  LOWART_DECL bool accept_some(Listener& listener);
  LOWART_DECL std::shared_ptr<HttpServer> server_with_room(Listener const& listener);
  LOWART_DECL void adopt(Descriptor socket, int family, std::string peer, std::optional<TlsContext> tls);
  LOWART_DECL Task<void> converse(std::shared_ptr<Connection> connection, std::optional<TlsContext> tls);
  LOWART_DECL Task<void> serve_requests(Connection& connection);
  LOWART_DECL Task<Next> serve_one(Connection& connection);
  LOWART_DECL Task<HeadResult> wait_for_head(Connection& connection);
  LOWART_DECL Task<bool> pass_over_body(Connection& connection, ServerRequest& request);
  LOWART_DECL Task<void> refuse(Connection& connection, int status, std::string_view message);
  LOWART_DECL Task<void> catch_up(Connection& connection);
  LOWART_DECL Task<void> linger(Connection& connection);
  LOWART_DECL void tell_if_idle();

  asio::io_context& context_;
  Handler handler_;
  ServerLimits limits_;
  std::vector<std::weak_ptr<Listener>> listeners_;  // each is owned by the coroutine that accepts from it
  std::vector<std::weak_ptr<HttpServer>> peers_;
  std::size_t next_peer_{0};
  Connection* first_{nullptr};
  std::atomic<std::size_t> open_{0};
  std::function<void()> on_idle_;
  bool draining_{false};
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/http_server.ipp>
#endif
