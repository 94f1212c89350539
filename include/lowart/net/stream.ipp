#pragma once
/// The bodies of Stream.

#include <lowart/net/stream.hpp>
#include <lowart/net/tls.hpp>
#include <lowart/net/tls_bio.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace lowart::net {

LOWART_DECL void Stream::SslDelete::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

LOWART_DECL Stream::Stream(Socket socket, Clock& clock) : socket_(std::move(socket)), clock_(&clock) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  int const on = 1;  // A Unix socket refuses it, and needs it not.
  (void)::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

LOWART_DECL Stream::Stream(Stream&& other) noexcept
    : socket_(std::move(other.socket_)),
      ssl_(std::move(other.ssl_)),
      clock_(other.clock_),
      tls_error_(other.tls_error_),
      error_(other.error_),
      read_wait_(other.read_wait_),
      write_wait_(other.write_wait_),
      read_blocked_(other.read_blocked_),
      tls_broken_(other.tls_broken_),
      expired_(other.expired_) {
  if (!other.alarm_) return;
  alarm_.emplace(*clock_, &Stream::ring, this);
  alarm_->set(other.alarm_->at());
  other.alarm_.reset();
}

LOWART_DECL Stream::~Stream() = default;

LOWART_DECL IoStep Stream::try_read(std::span<char> space) {
  if (ssl_) {
    ERR_clear_error();
    std::size_t got = 0;
    int const result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &got);
    IoStep const step = tls_step(result, got, read_wait_);
    read_blocked_ = step.would_block();
    return step;
  }
  for (;;) {
    ssize_t const got = ::recv(socket_.native_handle(), space.data(), space.size(), 0);
    if (got > 0) return {IoStep::State::done, static_cast<std::size_t>(got)};
    if (got == 0) return {IoStep::State::end, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStep::State::would_block, 0};
    error_ = errno;
    return {IoStep::State::failed, 0};
  }
}

LOWART_DECL IoStep Stream::try_write(std::span<std::string_view> pieces) {
  return ssl_ ? tls_write(pieces) : plain_write(pieces);
}

LOWART_DECL IoStep Stream::plain_write(std::span<std::string_view> pieces) {
  std::size_t sent_in_all = 0;
  for (;;) {
    std::array<iovec, 16> vectors;
    std::size_t count = 0;
    for (auto const piece : pieces) {
      if (piece.empty()) continue;
      if (count == vectors.size()) break;
      vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
    }
    if (count == 0) return {IoStep::State::done, sent_in_all};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    ssize_t const sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStep::State::would_block, sent_in_all};
      error_ = errno;
      return {IoStep::State::failed, sent_in_all};
    }
    sent_in_all += static_cast<std::size_t>(sent);
    auto left = static_cast<std::size_t>(sent);
    for (auto& piece : pieces) {
      auto const part = std::min(left, piece.size());
      piece.remove_prefix(part);
      left -= part;
      if (left == 0) break;
    }
  }
}

LOWART_DECL IoStep Stream::tls_write(std::span<std::string_view> pieces) {
  static constexpr std::size_t record = 16 * 1024;
  std::size_t sent_in_all = 0;
  while (!pieces.empty()) {
    if (pieces.front().empty()) {
      pieces = pieces.subspan(1);
      continue;
    }
    // What is offered depends on the rest of the pieces only, so that a blocked write is repeated as it was.
    std::string_view offer = pieces.front();
    char together[record];
    if (offer.size() < record && pieces.size() > 1) {
      std::size_t filled = 0;
      for (auto const piece : pieces) {
        if (piece.empty()) continue;
        auto const part = std::min(piece.size(), record - filled);
        std::memcpy(together + filled, piece.data(), part);
        filled += part;
        if (filled == record) break;
      }
      offer = {together, filled};
    }
    ERR_clear_error();
    std::size_t sent = 0;
    int const result = SSL_write_ex(ssl_.get(), offer.data(), offer.size(), &sent);
    IoStep const step = tls_step(result, sent, write_wait_);
    if (step.would_block()) return {IoStep::State::would_block, sent_in_all};
    if (!step.done()) return {IoStep::State::failed, sent_in_all};
    sent_in_all += sent;
    for (auto& piece : pieces) {
      auto const part = std::min(sent, piece.size());
      piece.remove_prefix(part);
      sent -= part;
      if (sent == 0) break;
    }
  }
  return {IoStep::State::done, sent_in_all};
}

LOWART_DECL IoStep Stream::tls_step(int result, std::size_t bytes, Wait& wait) {
  if (result > 0) return {IoStep::State::done, bytes};
  int const system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wait = Wait::wait_read;
      return {IoStep::State::would_block, 0};
    case SSL_ERROR_WANT_WRITE:
      wait = Wait::wait_write;
      return {IoStep::State::would_block, 0};
    case SSL_ERROR_ZERO_RETURN:
      error_ = EPIPE;
      return {IoStep::State::end, 0};
    case SSL_ERROR_SYSCALL:
      error_ = system_error != 0 ? system_error : ECONNRESET;
      break;
    default:
      tls_error_ = ERR_peek_last_error();
      break;
  }
  tls_broken_ = true;
  return {IoStep::State::failed, 0};
}

LOWART_DECL Error Stream::failure() const {
  if (expired_) return Error(Errc::whole_timeout, "the deadline of the connection passed");
  if (cancelled_) return Error(Errc::cancelled, "the wait was cancelled");
  if (tls_error_ != 0) {
    char const* const reason = ERR_reason_error_string(tls_error_);
    return Error(Errc::connection_lost,
                 std::string("TLS: ") + (reason != nullptr ? reason : "protocol error"));
  }
  return Error(Errc::connection_lost, std::generic_category().message(error_ != 0 ? error_ : ECONNRESET));
}

LOWART_DECL bool Stream::wait_ended(boost::system::error_code error) noexcept {
  cancelled_ = error == asio::error::operation_aborted;
  if (error && !cancelled_) error_ = error.value();
  return !error && !expired_;
}

LOWART_DECL Result<void> Stream::waited(boost::system::error_code error) {
  if (wait_ended(error)) return {};
  return fail(failure());
}

LOWART_DECL Task<bool> Stream::until_readable() {
  if (ssl_ && !read_blocked_ && SSL_has_pending(ssl_.get()) == 1) co_return true;
  if (expired_) co_return false;
  auto const [error] = co_await socket_.async_wait(read_wait_, asio::as_tuple(asio::deferred));
  co_return wait_ended(error);
}

LOWART_DECL Task<bool> Stream::until_writable() {
  if (expired_) co_return false;
  auto const [error] = co_await socket_.async_wait(write_wait_, asio::as_tuple(asio::deferred));
  co_return wait_ended(error);
}

LOWART_DECL Task<Result<void>> Stream::wait(Wait what) {
  if (expired_) co_return waited({});
  auto const [error] = co_await socket_.async_wait(what, asio::as_tuple(asio::deferred));
  co_return waited(error);
}

LOWART_DECL Task<Result<void>> Stream::readable() {
  if (ssl_ && !read_blocked_ && SSL_has_pending(ssl_.get()) == 1) co_return Result<void>();
  if (expired_) co_return waited({});
  auto const [error] = co_await socket_.async_wait(read_wait_, asio::as_tuple(asio::deferred));
  co_return waited(error);
}

LOWART_DECL Task<Result<void>> Stream::writable() { return wait(write_wait_); }

namespace detail {

/// Two waits of which the first to end stops the other. Lives in the frame that awaits it.
struct EitherWait {
  int pending{2};
  bool readable{false};
  boost::system::error_code error;

  void ended(bool of_read, boost::system::error_code outcome, Stream::Socket& socket) {
    --pending;
    if (!outcome && of_read) readable = true;
    if (pending == 1) {
      error = outcome;
      boost::system::error_code ignored;
      socket.cancel(ignored);
    }
  }
};

/// Begins both waits. A named type, as g++ 12 wants for what stays in the frame of an inline coroutine.
class StartEither {
 public:
  StartEither(Stream::Socket& socket, EitherWait& either) noexcept : socket_(&socket), either_(&either) {}

  template <class Handler>
  void operator()(Handler handler) const {
    // Whichever wait ends last calls the handler; both keep it.
    auto const shared = std::make_shared<Handler>(std::move(handler));
    for (bool const of_read : {true, false}) {
      auto ended = [socket = socket_, either = either_, of_read, shared](boost::system::error_code outcome) {
        either->ended(of_read, outcome, *socket);
        if (either->pending == 0) std::move (*shared)();
      };
      socket_->async_wait(of_read ? Stream::Socket::wait_read : Stream::Socket::wait_write, std::move(ended));
    }
  }

 private:
  Stream::Socket* socket_;
  EitherWait* either_;
};

}  // namespace detail

LOWART_DECL Task<Result<bool>> Stream::readable_or_writable() {
  if (expired_) co_return fail(failure());
  detail::EitherWait either;
  detail::StartEither const start(socket_, either);
  co_await asio::async_initiate<asio::deferred_t const, void()>(start, asio::deferred);
  if (!wait_ended(either.error)) co_return fail(failure());
  co_return either.readable;
}

LOWART_DECL Task<Result<std::size_t>> Stream::read_some(std::span<char> space) {
  for (;;) {
    IoStep const step = try_read(space);
    if (step.done() || step.end()) co_return step.bytes();
    if (step.failed()) co_return fail(failure());
    Result<void> const ready = co_await readable();
    if (!ready) co_return fail(ready.error());
  }
}

LOWART_DECL Task<Result<void>> Stream::write_all(std::span<std::string_view> pieces) {
  for (;;) {
    IoStep const step = try_write(pieces);
    if (step.done()) co_return Result<void>();
    if (step.failed()) co_return fail(failure());
    Result<void> const ready = co_await wait(write_wait_);
    if (!ready) co_return fail(ready.error());
  }
}

LOWART_DECL Task<Result<void>> Stream::write_all(std::string_view text) {
  Result<void> const sent = co_await write_all(std::span<std::string_view>(&text, 1));
  co_return sent;
}

LOWART_DECL void Stream::new_ssl(TlsContext const& context) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context.native().get()));
  if (!ssl_) return;
  BIO* const bio = socket_bio(socket_.native_handle());
  SSL_set_bio(ssl_.get(), bio, bio);
}

LOWART_DECL Task<Result<void>> Stream::accept_tls(TlsContext const& context) {
  new_ssl(context);
  if (!ssl_) co_return fail(Errc::internal, "no memory for a TLS session");
  SSL_set_accept_state(ssl_.get());
  Result<void> const done = co_await handshake("the client");
  co_return done;
}

LOWART_DECL Task<Result<void>> Stream::connect_tls(TlsContext const& context, std::string host,
                                                   TlsSession& session) {
  new_ssl(context);
  if (!ssl_) co_return fail(Errc::internal, "no memory for a TLS session");
  SSL* const ssl = ssl_.get();
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, &session);
  if (session.native() != nullptr) SSL_set_session(ssl, session.native());
  if (!name_tls_peer(ssl, host))
    co_return fail(Errc::connect_failed, "'" + host + "' cannot be the name of a TLS server");
  Result<void> const done = co_await handshake(host);
  co_return done;
}

LOWART_DECL Task<Result<void>> Stream::handshake(std::string const& host) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    Wait what = Wait::wait_read;
    IoStep const step = tls_step(SSL_do_handshake(ssl_.get()), 1, what);
    if (step.done()) co_return Result<void>();
    if (!step.would_block()) {
      long const verified = SSL_get_verify_result(ssl_.get());
      if (tls_error_ == 0 && verified == X509_V_OK)
        co_return fail(Errc::connect_failed, "TLS handshake: " + failure().message());
      co_return fail(Errc::connect_failed, "TLS handshake: " + tls_reason(verified, tls_error_, host));
    }
    Result<void> const ready = co_await wait(what);
    if (!ready) {
      tls_broken_ = true;
      co_return fail(ready.error());
    }
  }
}

LOWART_DECL bool Stream::tls_resumed() const noexcept { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }

LOWART_DECL void Stream::ring(void* stream) {
  auto& self = *static_cast<Stream*>(stream);
  self.expired_ = true;
  self.cancel();
}

LOWART_DECL void Stream::deadline(TimePoint at) {
  expired_ = false;
  if (!alarm_) {
    if (at == TimePoint::max()) return;
    alarm_.emplace(*clock_, &Stream::ring, this);
  }
  alarm_->set(at);
}

LOWART_DECL void Stream::cancel() noexcept {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

LOWART_DECL void Stream::shutdown_send() noexcept {
  if (ssl_ && !tls_broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

LOWART_DECL void Stream::close() noexcept {
  if (!socket_.is_open()) return;
  if (ssl_ && !tls_broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

LOWART_DECL PeerState Stream::peer_state() noexcept {
  char byte = 0;
  ssize_t got = -1;
  do got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got == 0) return PeerState::gone;
  if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return PeerState::gone;
  if (!ssl_) return got > 0 ? PeerState::talking : PeerState::quiet;
  if (got < 0 && SSL_has_pending(ssl_.get()) == 0) return PeerState::quiet;
  ERR_clear_error();
  std::size_t peeked = 0;
  IoStep const step = tls_step(SSL_peek_ex(ssl_.get(), &byte, 1, &peeked), peeked, read_wait_);
  read_blocked_ = step.would_block();
  if (step.done()) return PeerState::talking;
  return step.would_block() ? PeerState::quiet : PeerState::gone;
}

}  // namespace lowart::net
