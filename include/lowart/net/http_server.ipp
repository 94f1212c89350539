#pragma once

#include <lowart/net/http_server.hpp>
#include <lowart/net/loop.hpp>
#include <lowart/net/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>
#include <system_error>

namespace lowart::net {

/// A listening socket, waited for as a descriptor and accepted from at once.
struct HttpServer::Listener {
  Listener(asio::io_context& context, int fd, ListenAddress a) : descriptor(context, fd), address(std::move(a)) {}
  ~Listener() {
    if (owns_path) ::unlink(address.socket_path.c_str());
  }
  asio::posix::stream_descriptor descriptor;
  ListenAddress address;
  std::optional<TlsContext> tls;
  bool owns_path{false};
};

/// One client.
struct HttpServer::Connection {
  Connection(HttpServer& s, Stream st, std::shared_ptr<Listener> l)
      : server(s.shared_from_this()),
        stream(std::move(st)),
        listener(std::move(l)),
        state(stream, Loop::of(s.context_), s.limits_),
        next(s.first_) {
    if (next != nullptr) next->previous = this;
    s.first_ = this;
    s.open_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Connection() {
    if (previous != nullptr) previous->next = next;
    else server->first_ = next;
    if (next != nullptr) next->previous = previous;
    server->ended();
  }
  std::shared_ptr<HttpServer> server;
  Stream stream;
  std::shared_ptr<Listener> listener;
  ConnectionState state;
  RequestHead head;
  Connection* next;
  Connection* previous{nullptr};
  bool idle{true};  ///< Between two requests.
};

LOWART_DECL HttpServer::HttpServer(asio::io_context& context, Handler handler, ServerLimits limits)
    : context_(context), handler_(std::move(handler)), limits_(limits) {}

namespace http_server {

inline tl::unexpected<Error> system_failure(std::string const& what) {
  return fail(Errc::storage_failed, what + ": " + std::system_category().message(errno));
}

inline Result<int> listen_tcp(ListenAddress& address) {
  boost::system::error_code error;
  auto const ip = asio::ip::make_address(address.host, error);
  if (error)
    return fail(Errc::config_invalid, "'" + address.host + "' is not a numeric address; to listen on all write 0.0.0.0");
  asio::ip::tcp::endpoint const endpoint(ip, address.port);
  int const fd = ::socket(ip.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return system_failure("no socket");
  int const on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  constexpr int backlog = 4096;
  if (::bind(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 || ::listen(fd, backlog) != 0) {
    auto failure = system_failure("cannot listen on " + address.text());
    ::close(fd);
    return failure;
  }
  asio::ip::tcp::endpoint bound = endpoint;
  auto size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(fd, bound.data(), &size) == 0) address.port = bound.port();
  return fd;
}

/// A socket file that nobody answers is left over from a process that was killed.
inline bool answers(sockaddr_un const& name) {
  int const probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  bool const alive = ::connect(probe, reinterpret_cast<sockaddr const*>(&name), sizeof name) == 0;
  ::close(probe);
  return alive;
}

inline Result<int> listen_unix(ListenAddress const& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.socket_path.data(), address.socket_path.size());
  struct stat what {};
  if (::lstat(name.sun_path, &what) == 0) {
    if (!S_ISSOCK(what.st_mode)) return fail(Errc::config_invalid, address.socket_path + " exists and is no socket");
    if (answers(name)) return fail(Errc::storage_failed, address.socket_path + " is served by another process");
    ::unlink(name.sun_path);
  }
  int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return system_failure("no socket");
  constexpr int backlog = 4096;
  if (::bind(fd, reinterpret_cast<sockaddr const*>(&name), sizeof name) != 0 || ::listen(fd, backlog) != 0) {
    auto failure = system_failure("cannot listen on " + address.text());
    ::close(fd);
    return failure;
  }
  return fd;
}

inline std::string peer_name(sockaddr_storage const& storage) {
  asio::ip::tcp::endpoint endpoint;
  if (storage.ss_family == AF_UNIX) return "unix";
  std::memcpy(endpoint.data(), &storage, endpoint.capacity());
  auto const address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

}  // namespace http_server

LOWART_DECL Result<void> HttpServer::listen(ListenAddress& address) {
  std::optional<TlsContext> tls;
  if (address.is_tls()) {
    auto context = TlsContext::server(address.cert_file, address.key_file);
    if (!context) return fail(context.error());
    tls = std::move(*context);
  }
  auto const fd = address.is_unix() ? http_server::listen_unix(address) : http_server::listen_tcp(address);
  if (!fd) return fail(fd.error());
  auto listener = std::make_shared<Listener>(context_, *fd, address);
  listener->tls = std::move(tls);
  listener->owns_path = address.is_unix();
  listeners_.push_back(listener);
  asio::co_spawn(context_, accept(std::move(listener)), asio::detached);
  return {};
}

LOWART_DECL Task<void> HttpServer::accept(std::shared_ptr<Listener> listener) {
  auto const self = shared_from_this();
  asio::steady_timer pause(context_);
  while (!draining_) {
    auto const [error] = co_await listener->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                                                  asio::as_tuple(asio::deferred));
    if (error || draining_) co_return;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    int const fd = ::accept4(listener->descriptor.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    bool const full = connections() >= limits_.connections;
    if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) && !full) continue;
    if (fd < 0 || full) {
      // Out of descriptors, or full: clients wait in the backlog rather than being turned away.
      if (fd >= 0) adopt(fd, listener->address.is_unix(), http_server::peer_name(from), listener);
      pause.expires_after(std::chrono::milliseconds(50));
      auto const [ignored] = co_await pause.async_wait(asio::as_tuple(asio::deferred));
      (void)ignored;
      continue;
    }
    if (!listener->address.is_unix() || peers_.size() < 2) {
      adopt(fd, listener->address.is_unix(), http_server::peer_name(from), listener);
      continue;
    }
    auto const peer = peers_[next_peer_++ % peers_.size()];
    asio::post(peer->context_, [peer, fd, listener] { peer->adopt(fd, true, "unix", listener); });
  }
}

LOWART_DECL void HttpServer::adopt(int socket, bool is_unix, std::string peer, std::shared_ptr<Listener> listener) {
  boost::system::error_code error;
  Stream::Socket connected(context_);
  if (is_unix) connected.assign(asio::local::stream_protocol(), socket, error);
  else connected.assign(peer.starts_with('[') ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), socket, error);
  if (error) {
    ::close(socket);
    return;
  }
  Stream stream(std::move(connected), Loop::of(context_).clock());
  auto connection = std::make_shared<Connection>(*this, std::move(stream), std::move(listener));
  connection->state.peer = std::move(peer);
  asio::co_spawn(context_, converse(std::move(connection)), asio::detached);
}

LOWART_DECL Task<void> HttpServer::converse(std::shared_ptr<Connection> connection) {
  if (connection->listener->tls) {
    connection->stream.deadline(connection->state.loop.clock().now() + limits_.head_time);
    Result<void> const secured = co_await connection->stream.accept_tls(*connection->listener->tls);
    if (!secured) co_return;
  }
  try {
    co_await serve_requests(*connection);
  } catch (std::exception const&) {
    // A handler that throws ends its connection, not the process: the client sees it cut.
  }
  connection->stream.close();
}

LOWART_DECL Task<void> HttpServer::serve_requests(Connection& connection) {
  auto& state = connection.state;
  for (;;) {
    connection.idle = state.in_begin == state.in_end;
    if (draining_ && connection.idle) co_return;
    HeadResult const parsed = co_await read_head(connection);
    if (parsed.failed()) co_await refuse(connection, parsed.status, parsed.message);
    if (!parsed.done()) co_return;
    connection.idle = false;
    state.in_begin += parsed.consumed;
    bool const go_on = co_await answer(connection);
    if (!go_on) co_return;
  }
}

LOWART_DECL Task<HeadResult> HttpServer::read_head(Connection& connection) {
  auto& state = connection.state;
  auto& stream = connection.stream;
  bool in_time_for_head = false;
  stream.deadline(state.loop.clock().now() + limits_.idle_time);
  if (state.in && state.in_begin > 0 && state.in_begin < state.in_end) {
    std::memmove(state.in.data(), state.in.data() + state.in_begin, state.in_end - state.in_begin);
    state.in_end -= state.in_begin;
    state.in_begin = 0;
  }
  for (;;) {
    if (state.in_begin == state.in_end) state.in_begin = state.in_end = 0;
    if (state.in_end > 0) {
      HeadResult const result = parse_request_head({state.in.data(), state.in_end}, connection.head, limits_.head);
      if (!result.need_more()) co_return result;
      if (!std::exchange(in_time_for_head, true)) stream.deadline(state.loop.clock().now() + limits_.head_time);
      if (state.in_end == state.in.size()) {
        Buffer larger = state.loop.buffers().take(state.in.size() * 2);
        std::memcpy(larger.data(), state.in.data(), state.in_end);
        state.in = std::move(larger);
      }
    }
    if (!state.in) state.in = state.loop.buffers().take();
    IoStep const step = stream.try_read({state.in.data() + state.in_end, state.in.size() - state.in_end});
    if (step.done()) {
      state.in_end += step.bytes();
      continue;
    }
    if (!step.would_block()) co_return HeadResult{};
    if (state.in_end == 0) state.in.reset();  // an idle connection holds no buffer
    Result<void> const ready = co_await stream.readable();
    if (!ready && stream.expired() && in_time_for_head)
      co_return HeadResult{.state = HeadResult::State::error, .status = 408, .consumed = 0,
                           .message = "the request head did not arrive in time"};
    if (!ready) co_return HeadResult{};
  }
}

LOWART_DECL Task<bool> HttpServer::answer(Connection& connection) {
  auto& state = connection.state;
  constexpr std::size_t first_bytes = 8 * 1024;
  Buffer memory = state.loop.buffers().take(first_bytes);
  Arena arena(std::as_writable_bytes(memory.span()));
  ServerRequest request(state, connection.head, arena);
  Responder responder(state, connection.head, !draining_);
  co_await handler_(request, responder);
  if (!responder.begun()) {
    auto const sent = co_await responder.send(500, "text/plain", "the request was not answered\n");
    if (!sent) co_return false;
  }
  if (!responder.complete()) co_return false;
  if (!responder.keep_alive() || draining_) {
    if (!request.consumed()) co_await linger(connection);
    co_return false;
  }
  if (!request.consumed()) {
    // The answer came before the body was read. What is still on its way must not be taken for a request.
    constexpr std::size_t worth_reading = 256 * 1024;
    bool readable = request.untouched() && !connection.head.expect_continue();
    if (readable) {
      Result<std::string_view> const rest = co_await request.body(worth_reading);
      readable = rest.has_value();
    }
    if (!readable) {
      co_await linger(connection);
      co_return false;
    }
  }
  auto const surplus = request.surplus();
  if (!surplus.empty()) {
    std::memcpy(state.in.data(), surplus.data(), surplus.size());
    state.in_begin = 0;
    state.in_end = surplus.size();
  }
  co_return true;
}

LOWART_DECL Task<void> HttpServer::refuse(Connection& connection, int status, std::string_view message) {
  auto& state = connection.state;
  RequestHead const nobody;
  Responder responder(state, nobody, false);
  std::string body = R"({"error":{"message":")";
  body.append(message).append(R"(","type":"invalid_request_error","param":null,"code":"bad_http"}})");
  auto const sent = co_await responder.send(status, "application/json", body);
  if (!sent) co_return;
  co_await linger(connection);
}

LOWART_DECL Task<void> HttpServer::linger(Connection& connection) {
  // Closing with unread bytes would reset the connection and take our answer with it.
  constexpr std::chrono::seconds longest{1};
  auto& state = connection.state;
  connection.stream.shutdown_send();
  connection.stream.deadline(state.loop.clock().now() + longest);
  std::size_t left = 1024 * 1024;
  Buffer space = state.loop.buffers().take();
  while (left > 0) {
    Result<std::size_t> const read = co_await connection.stream.read_some(space.span());
    if (!read || *read == 0) co_return;
    left -= std::min(left, *read);
  }
}

LOWART_DECL void HttpServer::drain(std::function<void()> on_idle) {
  draining_ = true;
  on_idle_ = std::move(on_idle);
  for (auto const& listener : listeners_) listener->descriptor.cancel();
  listeners_.clear();
  for (Connection* c = first_; c != nullptr; c = c->next)
    if (c->idle) c->stream.cancel();
  if (open_ == 0 && on_idle_) on_idle_();
}

LOWART_DECL void HttpServer::abort() {
  for (Connection* c = first_; c != nullptr; c = c->next) c->stream.close();
}

LOWART_DECL void HttpServer::ended() {
  if (open_.fetch_sub(1, std::memory_order_relaxed) == 1 && draining_ && on_idle_) on_idle_();
}

}  // namespace lowart::net
