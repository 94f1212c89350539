#pragma once
/// The body of connect().

#include <lowart/net/connect_clock.hpp>
#include <lowart/net/connector.hpp>
#include <lowart/net/resolver.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <optional>
#include <string>

namespace lowart::net {

namespace detail {

inline void cancel_stream(void* stream) { static_cast<Stream*>(stream)->cancel(); }
inline void cancel_socket(void* socket) {
  boost::system::error_code ignored;
  static_cast<void>(static_cast<Stream::Socket*>(socket)->cancel(ignored));
}

/// Tries one address. The error is the reason alone.
inline Task<Result<Stream>> connect_to(asio::generic::stream_protocol::endpoint const& endpoint, Call& call,
                                       ConnectClock& clock) {
  Stream::Socket socket(call.executor());
  boost::system::error_code failed;
  static_cast<void>(socket.open(endpoint.protocol(), failed));
  if (failed) co_return fail(Errc::connect_failed, failed.message());
  ConnectClock::Watch const watch(clock, &socket, cancel_socket);
  auto const [error] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::deferred));
  if (error) co_return fail(Errc::connect_failed, error.message());
  co_return Stream(std::move(socket), Loop::of(call.executor()).clock());
}

inline Task<Result<Stream>> connect_tcp(BaseUrl const& url, Call& call, ConnectClock& clock) {
  // With no clock set, a silent address must still not keep the next from being tried.
  static constexpr std::chrono::seconds without_limit{10};
  Resolver& resolver = Resolver::of(Loop::of(call.executor()));
  Result<Resolver::Addresses> const addresses =
      co_await resolver.resolve(url.host(), url.port(), call, clock);
  if (!addresses) co_return fail(addresses.error());
  std::string reasons;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    if (clock.over()) co_return fail(clock.error());
    auto const& address = (*addresses)[i];
    std::size_t const left = addresses->size() - i;
    if (left > 1) {
      bool const limited = clock.ends() != TimePoint::max();
      TimePoint const now = call.now();
      clock.slice(now + (limited ? (clock.ends() - now) / static_cast<int>(left) : without_limit));
    } else {
      clock.slice(TimePoint::max());
    }
    asio::generic::stream_protocol::endpoint const endpoint(address);
    Result<Stream> stream = co_await connect_to(endpoint, call, clock);
    if (clock.over()) co_return fail(clock.error());
    if (stream) {
      clock.slice(TimePoint::max());
      if (i != 0) resolver.prefer(url.host(), address);
      co_return std::move(*stream);
    }
    if (!reasons.empty()) reasons += "; ";
    if (addresses->size() > 1) reasons += address.address().to_string() + ": ";
    reasons += clock.slice_over() ? "no answer" : stream.error().message();
  }
  resolver.forget(url.host());
  co_return fail(connect_error(url.host() + ":" + std::to_string(url.port()), reasons));
}

inline Task<Result<Stream>> connect_unix(BaseUrl const& url, Call& call, ConnectClock& clock) {
  asio::local::stream_protocol::endpoint const address(url.socket_path());
  asio::generic::stream_protocol::endpoint const endpoint(address);
  Result<Stream> stream = co_await connect_to(endpoint, call, clock);
  if (clock.over()) co_return fail(clock.error());
  if (!stream) co_return fail(connect_error("unix:" + url.socket_path(), stream.error().message()));
  co_return std::move(*stream);
}

}  // namespace detail

LOWART_DECL Task<Result<Stream>> connect(BaseUrl const& url, TlsContext const* tls, TlsSession& session,
                                         Call& call) {
  ConnectClock clock(call);
  if (clock.over()) co_return fail(clock.error());
  std::optional<Result<Stream>> stream;
  if (url.is_unix()) {
    stream.emplace(co_await detail::connect_unix(url, call, clock));
  } else {
    stream.emplace(co_await detail::connect_tcp(url, call, clock));
  }
  if (!*stream) co_return fail(stream->error());
  if (url.tls() && tls != nullptr) {
    ConnectClock::Watch const watch(clock, &**stream, detail::cancel_stream);
    Result<void> const secured = co_await (*stream)->connect_tls(*tls, url.host(), session);
    if (clock.over()) co_return fail(clock.error());
    if (!secured)
      co_return fail(connect_error(url.host() + ":" + std::to_string(url.port()), secured.error().message()));
  }
  co_return std::move(**stream);
}

}  // namespace lowart::net
