#pragma once
/// The bodies of HttpServer.

#include <lowart/net/http_server.hpp>
#include <lowart/net/listen_socket.hpp>
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
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <type_traits>

namespace lowart::net {

namespace http_server {

inline std::string peer_name(sockaddr_storage const& storage) {
  if (storage.ss_family == AF_UNIX) return "unix";
  asio::ip::tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), &storage, endpoint.capacity());
  auto const address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

}  // namespace http_server

/// A listening socket, waited for as a descriptor and accepted from at once.
struct HttpServer::Listener {
  Listener(asio::io_context& context, Descriptor socket, ListenAddress const& address,
           std::optional<TlsContext> t)
      : descriptor(context, socket.release()),
        is_unix(address.is_unix()),
        tls(std::move(t)),
        file(is_unix ? address.socket_path : std::string()) {}
  /// The file goes first: one that a successor makes is not ours to remove.
  void close() noexcept {
    file.remove();
    boost::system::error_code ignored;
    static_cast<void>(descriptor.close(ignored));
  }
  asio::posix::stream_descriptor descriptor;
  bool is_unix;
  std::optional<TlsContext> tls;
  SocketFile file;
};

/// One client. Between requests it holds neither buffer nor head.
struct HttpServer::Connection {
  Connection(HttpServer& s, Stream st, std::string peer)
      : server(s.shared_from_this()),
        stream(std::move(st)),
        state(stream, Loop::of(s.context_), s.limits_, s.draining_, std::move(peer)),
        next(s.first_) {
    if (next != nullptr) next->previous = this;
    s.first_ = this;
  }
  ~Connection() {
    if (previous != nullptr) previous->next = next;
    else server->first_ = next;
    if (next != nullptr) next->previous = previous;
    server->open_.fetch_sub(1, std::memory_order_relaxed);
  }
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  void borrow() {
    static_assert(std::is_trivially_destructible_v<RequestHead>);
    state.in = state.loop.buffers().take();
    work = state.loop.buffers().take();
    head = ::new (static_cast<void*>(work.data())) RequestHead;
    state.in_begin = state.in_end = 0;
  }
  void give_back() noexcept {
    state.in.reset();
    work.reset();
  }
  /// What the work block has behind the head: the first memory of a request's arena.
  std::span<std::byte> arena_memory() const noexcept {
    return std::as_writable_bytes(work.span().subspan(sizeof(RequestHead)));
  }
  /// What is read at once until the head is known: a body that does not fit behind it moves to a block of its own, and
  /// the less of it has come by then, the less has to be copied.
  static constexpr std::size_t one_read = 4096;
  /// Reads what is there and parses it. need_more: nothing more is there now, or `lost`.
  HeadResult read_head();

  std::shared_ptr<HttpServer> server;
  Stream stream;
  ConnectionState state;
  Buffer work;
  RequestHead* head{nullptr};
  Connection* next;
  Connection* previous{nullptr};
  bool idle{true};  ///< Waits for a request of which nothing has come.
  bool lost{false};
};

LOWART_DECL HeadResult HttpServer::Connection::read_head() {
  if (!state.in) borrow();
  if (state.in_begin > 0) {
    std::memmove(state.in.data(), state.in.data() + state.in_begin, state.in_end - state.in_begin);
    state.in_end -= state.in_begin;
    state.in_begin = 0;
  }
  for (;;) {
    if (state.in_end > 0) {
      HeadResult const result = parse_request_head({state.in.data(), state.in_end}, *head, state.limits.head);
      if (!result.need_more()) return result;
    }
    if (state.in_end == state.in.size()) {
      Buffer larger = state.loop.buffers().take(state.in.size() * 2);
      std::memcpy(larger.data(), state.in.data(), state.in_end);
      state.in = std::move(larger);
    }
    std::size_t const room = state.in.size() - state.in_end;
    IoStep const step = stream.try_read({state.in.data() + state.in_end, std::min(room, one_read)});
    if (!step.done()) {
      lost = !step.would_block();
      return {};
    }
    state.in_end += step.bytes();
  }
}

LOWART_DECL HttpServer::HttpServer(asio::io_context& context, Handler handler, ServerLimits limits)
    : context_(context), handler_(std::move(handler)), limits_(limits) {}

LOWART_DECL Result<void> HttpServer::listen(ListenAddress& address) {
  std::optional<TlsContext> tls;
  if (address.is_tls()) {
    auto context = TlsContext::server(
        address.cert_file, address.key_file,
        TlsClients{.ca_file = address.client_ca_file, .required = address.client_required});
    if (!context) return fail(context.error());
    tls = std::move(*context);
  }
  auto socket = address.is_unix() ? listen_unix(address) : listen_tcp(address);
  if (!socket) return fail(socket.error());
  auto listener = std::make_shared<Listener>(context_, std::move(*socket), address, std::move(tls));
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
    if (accept_some(*listener)) continue;
    // Full, or out of descriptors: clients wait in the backlog rather than being turned away.
    pause.expires_after(LoopClock::tick);
    auto const [ignored] = co_await pause.async_wait(asio::as_tuple(asio::deferred));
    (void)ignored;
  }
}

/// False when it cannot go on before something is closed.
LOWART_DECL bool HttpServer::accept_some(Listener& listener) {
  constexpr int at_a_time = 64;  // so that a storm of connections does not starve those that talk
  for (int i = 0; i < at_a_time; ++i) {
    auto const server = server_with_room(listener);
    if (!server) return false;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    Descriptor socket(::accept4(listener.descriptor.native_handle(), reinterpret_cast<sockaddr*>(&from),
                                &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    server->open_.fetch_add(1, std::memory_order_relaxed);
    ++next_peer_;
    int const family = from.ss_family;
    std::string peer = http_server::peer_name(from);
    if (server.get() == this) {
      adopt(std::move(socket), family, std::move(peer), listener.tls);
      continue;
    }
    asio::post(server->context_,
               [server, socket = std::move(socket), family, peer, tls = listener.tls]() mutable {
                 server->adopt(std::move(socket), family, std::move(peer), std::move(tls));
               });
  }
  return true;
}

LOWART_DECL std::shared_ptr<HttpServer> HttpServer::server_with_room(Listener const& listener) {
  auto const has_room = [](HttpServer const& server) {
    return server.connections() < server.limits_.connections;
  };
  if (!listener.is_unix || peers_.empty()) return has_room(*this) ? shared_from_this() : nullptr;
  for (std::size_t i = 0; i < peers_.size(); ++i, ++next_peer_) {
    auto peer = peers_[next_peer_ % peers_.size()].lock();
    if (peer && has_room(*peer)) return peer;
  }
  return nullptr;
}

LOWART_DECL void HttpServer::adopt(Descriptor socket, int family, std::string peer,
                                   std::optional<TlsContext> tls) {
  boost::system::error_code error;
  Stream::Socket connected(context_);
  static_cast<void>(connected.assign(asio::generic::stream_protocol(family, 0), socket.get(), error));
  if (error) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return tell_if_idle();
  }
  socket.release();
  Stream stream(std::move(connected), Loop::of(context_).clock());
  auto connection = std::make_shared<Connection>(*this, std::move(stream), std::move(peer));
  asio::co_spawn(context_, converse(std::move(connection), std::move(tls)), asio::detached);
}

LOWART_DECL Task<void> HttpServer::converse(std::shared_ptr<Connection> connection,
                                            std::optional<TlsContext> tls) {
  auto const self = connection->server;
  try {
    Result<void> ready{};
    if (tls) {
      connection->stream.deadline(connection->state.loop.clock().coarse_now() + limits_.head_time);
      ready = co_await connection->stream.accept_tls(*tls);
      if (ready) connection->state.certificate = connection->stream.tls_subject();
    }
    if (ready) co_await serve_requests(*connection);
    if (connection->stream.is_behind()) co_await catch_up(*connection);
  } catch (std::exception const&) {
    // Out of memory, at most: it costs this connection, not the process.
  }
  connection->stream.close();
  connection.reset();
  tell_if_idle();
}

LOWART_DECL Task<void> HttpServer::serve_requests(Connection& connection) {
  auto& state = connection.state;
  for (;;) {
    if (state.in_begin == state.in_end && !draining_) {
      connection.give_back();
      connection.idle = true;
      connection.stream.deadline(state.loop.clock().coarse_now() + limits_.idle_time);
      bool const ready = co_await connection.stream.until_readable();
      connection.idle = false;
      // When draining ended the wait, a request may have come all the same: look once.
      if (!ready && !draining_) co_return;
    }
    Next const next = co_await serve_one(connection);
    if (next == Next::close || (next == Next::nothing_came && draining_)) co_return;
  }
}

LOWART_DECL Task<HttpServer::Next> HttpServer::serve_one(Connection& connection) {
  auto& state = connection.state;
  HeadResult parsed = connection.read_head();
  if (parsed.need_more()) {
    if (connection.lost) co_return Next::close;
    if (state.in_end == 0) co_return Next::nothing_came;
    parsed = co_await wait_for_head(connection);
    if (parsed.need_more()) co_return Next::close;
  }
  if (parsed.failed()) {
    co_await refuse(connection, parsed.status, parsed.message);
    co_return Next::close;
  }
  state.in_begin = parsed.consumed;
  Arena arena(connection.arena_memory());
  ServerRequest request(state, *connection.head, arena);
  Responder responder(state, *connection.head, arena, &request);
  bool threw = false;
  try {
    co_await handler_(request, responder);
  } catch (...) {
    threw = true;
  }
  responder.look_out_no_more();
  if (threw) responder.close_after();
  if (!responder.begun()) {
    std::string_view constexpr text = R"({"error":{"message":"the server failed to answer this request",)"
                                      R"("type":"server_error","param":null,"code":"internal"}})";
    Result<void> const sent = co_await responder.send(500, "application/json", text);
    (void)sent;
  }
  if (!responder.complete()) {
    if (!responder.chunked()) connection.stream.reset();
    co_return Next::close;
  }
  bool at_end = request.consumed() && request.surplus().empty();
  if (!at_end) at_end = co_await pass_over_body(connection, request);
  if (at_end && responder.keep_alive() && !draining_) co_return Next::request;
  // Closing with unread bytes would reset the connection and take our answer with it.
  if (!at_end || connection.stream.peer_state() == PeerState::talking) co_await linger(connection);
  co_return Next::close;
}

LOWART_DECL Task<HeadResult> HttpServer::wait_for_head(Connection& connection) {
  auto& stream = connection.stream;
  stream.deadline(connection.state.loop.clock().coarse_now() + limits_.head_time);
  for (;;) {
    Result<void> const ready = co_await stream.readable();
    if (!ready) {
      HeadResult late;
      if (!stream.expired()) co_return late;
      late.state = HeadResult::State::error;
      late.status = 408;
      late.message = "the request head did not arrive in time";
      co_return late;
    }
    HeadResult const result = connection.read_head();
    if (!result.need_more() || connection.lost) co_return result;
  }
}

/// Whether the connection now stands behind this request's body, where the next request begins.
LOWART_DECL Task<bool> HttpServer::pass_over_body(Connection& connection, ServerRequest& request) {
  if (!request.consumed()) {
    if (!request.worth_reading()) co_return false;
    Result<std::string_view> const rest = co_await request.body(ServerRequest::worth_reading_bytes);
    if (!rest) co_return false;
  }
  auto& state = connection.state;
  if (auto const surplus = request.surplus(); !surplus.empty()) {
    std::memmove(state.in.data(), surplus.data(), surplus.size());
    state.in_begin = 0;
    state.in_end = surplus.size();
  }
  co_return true;
}

LOWART_DECL Task<void> HttpServer::refuse(Connection& connection, int status, std::string_view message) {
  Arena arena(connection.arena_memory());
  RequestHead const nobody;
  Responder responder(connection.state, nobody, arena, nullptr);
  responder.close_after();
  std::string body = R"({"error":{"message":")";
  body.append(message).append(R"(","type":"invalid_request_error","param":null,"code":"bad_http"}})");
  Result<void> const sent = co_await responder.send(status, "application/json", body);
  if (sent) co_await linger(connection);
}

/// Before the connection ends: what was put off for a client that reads slowly.
LOWART_DECL Task<void> HttpServer::catch_up(Connection& connection) {
  connection.stream.deadline(connection.state.loop.clock().coarse_now() + limits_.write_time);
  Result<void> const sent = co_await connection.stream.caught_up();
  (void)sent;
}

LOWART_DECL Task<void> HttpServer::linger(Connection& connection) {
  if (connection.stream.is_behind()) co_await catch_up(connection);
  connection.stream.shutdown_send();
  connection.stream.deadline(connection.state.loop.clock().coarse_now() + limits_.linger_time);
  for (;;) {
    Result<std::size_t> const read = co_await connection.stream.read_some(connection.state.in.span());
    if (!read || *read == 0) co_return;
  }
}

LOWART_DECL void HttpServer::drain(std::function<void()> on_idle) {
  on_idle_ = std::move(on_idle);
  for (auto const& weak : listeners_) {
    auto const listener = weak.lock();
    if (!listener) continue;
    (void)accept_some(*listener);  // who is in the backlog came before we closed
    listener->close();
  }
  draining_ = true;
  listeners_.clear();
  peers_.clear();
  for (Connection* c = first_; c != nullptr; c = c->next)
    if (c->idle) c->stream.cancel();
  tell_if_idle();
}

LOWART_DECL void HttpServer::interrupt() {
  for (Connection* c = first_; c != nullptr; c = c->next) {
    if (c->state.call != nullptr) c->state.call->interrupt(Errc::shutting_down);
    else c->stream.close();
  }
}

LOWART_DECL void HttpServer::abort() {
  for (Connection* c = first_; c != nullptr; c = c->next) c->stream.close();
}

LOWART_DECL void HttpServer::tell_if_idle() {
  if (!draining_ || connections() != 0) return;
  if (auto const tell = std::exchange(on_idle_, {})) tell();
}

}  // namespace lowart::net
