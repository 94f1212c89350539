#pragma once
/// ScriptedPeer: a server for tests that does, connection by connection, what a script says, byte for byte.

#include <lowart/core/loop_clock.hpp>
#include <lowart/net/stream.hpp>
#include <lowart/net/tls.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace lowart::testing {

/// The peer's end of one connection.
class Wire {
 public:
  explicit Wire(net::Stream stream) : stream_(std::move(stream)) {}

  /// Reads a request with its Content-Length body; empty when the client closed instead.
  Task<std::string> receive() {
    for (;;) {
      auto const head = unread_.find("\r\n\r\n");
      if (head != std::string::npos) {
        auto const field = unread_.find("Content-Length: ");
        std::size_t const body = field < head ? std::stoul(unread_.substr(field + 16, 20)) : 0;
        if (unread_.size() >= head + 4 + body) {
          std::string request = unread_.substr(0, head + 4 + body);
          unread_.erase(0, request.size());
          co_return request;
        }
      }
      bool const more = co_await receive_some();
      if (!more) co_return std::string();
    }
  }
  /// Reads anything; false at the end.
  Task<bool> receive_some() {
    std::array<char, 65536> space;
    Result<std::size_t> const got = co_await stream_.read_some(space);
    if (!got || *got == 0) co_return false;
    unread_.append(space.data(), *got);
    co_return true;
  }
  Task<> send(std::string text) { co_await stream_.write_all(text); }
  /// Sends byte by byte, each in its own segment and its own turn of the loop.
  Task<> dribble(std::string text) {
    for (char const c : text) {
      co_await stream_.write_all(std::string_view(&c, 1));
      co_await yield();
    }
  }
  /// Does nothing until the client closes.
  Task<> stall() {
    for (bool more = true; more;) more = co_await receive_some();
  }
  /// Lets everything else of the loop have its turn.
  Task<> yield() { co_await asio::post(stream_.executor(), asio::deferred); }
  /// Closes with a reset instead of an orderly end.
  void reset() { stream_.reset(); }
  net::Stream& stream() noexcept { return stream_; }

 private:
  net::Stream stream_;
  std::string unread_;
};

using Script = std::function<Task<>(Wire&)>;

/// Listens on loopback or on a unix socket. The first connection gets the first script, and so on; the last
/// script serves all that follow. A script that returns closes its connection.
class ScriptedPeer {
 public:
  explicit ScriptedPeer(asio::io_context& io) : ScriptedPeer(io, asio::ip::tcp::endpoint(loopback(), 0)) {
    asio::ip::tcp::endpoint at;
    auto const bound = acceptor_.local_endpoint();
    std::memcpy(at.data(), bound.data(), bound.size());
    port_ = at.port();
  }
  ScriptedPeer(asio::io_context& io, std::string const& path)
      : ScriptedPeer(io, asio::local::stream_protocol::endpoint(path)) {}

  ScriptedPeer& then(Script script) {
    scripts_.push_back(std::move(script));
    return *this;
  }
  /// Serves connections over TLS from now on.
  void secure(net::TlsContext context) { tls_ = std::move(context); }

  std::uint16_t port() const noexcept { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int connections() const noexcept { return connections_; }
  /// Accepts nobody any more.
  void stop() { acceptor_.close(); }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

  static asio::ip::address loopback() { return asio::ip::address_v4::loopback(); }
  ScriptedPeer(asio::io_context& io, asio::generic::stream_protocol::endpoint const& at)
      : io_(io), acceptor_(io) {
    acceptor_.open(at.protocol());
    acceptor_.bind(at);
    acceptor_.listen();
    asio::co_spawn(io, accept(), asio::detached);
  }

  Task<> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::deferred));
      if (error) co_return;
      ++connections_;
      Script const* const script = &scripts_[std::min(next_, scripts_.size() - 1)];
      ++next_;
      asio::co_spawn(io_, serve(std::move(socket), script), asio::detached);
    }
  }
  Task<> serve(net::Stream::Socket socket, Script const* script) {
    Wire wire(net::Stream(std::move(socket), LoopClock::of(io_)));
    if (tls_) {
      Result<void> const secured = co_await wire.stream().accept_tls(*tls_);
      if (!secured) co_return;
    }
    co_await (*script)(wire);
    wire.stream().close();
  }

  asio::io_context& io_;
  Acceptor acceptor_;
  std::deque<Script> scripts_;
  std::size_t next_{0};
  std::optional<net::TlsContext> tls_;
  std::uint16_t port_{0};
  int connections_{0};
};

}  // namespace lowart::testing
