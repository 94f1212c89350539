#pragma once
/// The bodies of Stream.

#include <lowart/net/stream.hpp>
#include <lowart/net/tls.hpp>
#include <lowart/net/tls_bio.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/query.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace lowart::net {

LOWART_DECL void Stream::SslDelete::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

LOWART_DECL Stream::Stream(Socket socket, Clock& clock) : executor_(socket.get_executor()), clock_(&clock) {
  boost::system::error_code ignored;
  static_cast<void>(socket.non_blocking(true, ignored));
  socket_ = socket.release(ignored);
  int const on = 1;  // A Unix socket refuses it, and needs it not.
  (void)::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch_ = std::make_unique<Watch>(Reactor::of(asio::query(executor_, asio::execution::context)), socket_);
}

LOWART_DECL Stream::Stream(Stream&& other) noexcept
    : executor_(other.executor_),
      socket_(std::exchange(other.socket_, -1)),
      watch_(std::move(other.watch_)),
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

LOWART_DECL Stream::~Stream() { drop(); }

LOWART_DECL IoStep Stream::try_read(std::span<char> space) {
  if (ssl_) {
    ERR_clear_error();
    std::size_t got = 0;
    int const result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &got);
    IoStep const step = tls_step(result, got, read_wait_);
    read_blocked_ = step.would_block();
    return step;
  }
  if (watch_ && watch_->reading() == Watch::Reading::drained) return {IoStep::State::would_block, 0};
  for (;;) {
    ssize_t const got = ::recv(socket_, space.data(), space.size(), 0);
    if (got > 0) {
      // Less than there was space for: all of it. What comes later is an event of its own (epoll(7)).
      if (static_cast<std::size_t>(got) < space.size()) watch_->drained();
      else watch_->read_some();
      return {IoStep::State::done, static_cast<std::size_t>(got)};
    }
    if (got == 0) return {IoStep::State::end, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (watch_) watch_->drained();
      return {IoStep::State::would_block, 0};
    }
    error_ = errno;
    return {IoStep::State::failed, 0};
  }
}

LOWART_DECL IoStep Stream::try_write(std::span<std::string_view> pieces) {
  return ssl_ ? tls_write(pieces) : plain_write(pieces);
}

LOWART_DECL IoStep Stream::plain_write(std::span<std::string_view> pieces) {
  std::size_t sent_in_all = 0;
  if (watch_ && watch_->put_off(pieces)) {
    for (auto& piece : pieces) sent_in_all += std::exchange(piece, {}).size();
    return {IoStep::State::done, sent_in_all};
  }
  if (watch_ && !watch_->bring_out()) return {IoStep::State::would_block, 0};
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
    ssize_t const sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        watch_->full();
        return {IoStep::State::would_block, sent_in_all};
      }
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
  if (result > 0) {
    if (watch_) watch_->read_some();
    return {IoStep::State::done, bytes};
  }
  int const system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wait = Wait::read;
      if (watch_) watch_->drained();
      return {IoStep::State::would_block, 0};
    case SSL_ERROR_WANT_WRITE:
      wait = Wait::write;
      if (watch_) watch_->full();
      return {IoStep::State::would_block, 0};
    case SSL_ERROR_ZERO_RETURN: error_ = EPIPE; return {IoStep::State::end, 0};
    case SSL_ERROR_SYSCALL: error_ = system_error != 0 ? system_error : ECONNRESET; break;
    default: tls_error_ = ERR_peek_last_error(); break;
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

LOWART_DECL bool Stream::wait_ended() noexcept { return !std::exchange(cancelled_now_, false) && !expired_; }

namespace detail {

/// Begins a wait. A named type, as g++ 12 wants for what stays in the frame of an inline coroutine.
class StartWait {
 public:
  StartWait(Watch& watch, Watch::For what) noexcept : watch_(&watch), what_(what) {}
  template <class Handler>
  void operator()(Handler handler) const {
    watch_->wait(what_, std::move(handler));
  }

 private:
  Watch* watch_;
  Watch::For what_;
};

}  // namespace detail

LOWART_DECL bool Stream::ready_for(Wait what) noexcept {
  if (what != Wait::read && watch_->writable()) return true;
  if (what == Wait::write) return false;
  if (watch_->reading() == Watch::Reading::unknown) {
    char byte = 0;
    bool const nothing = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    if (nothing) watch_->drained();
    return !nothing;
  }
  return watch_->reading() == Watch::Reading::ready;
}

LOWART_DECL Task<bool> Stream::until(Wait what, bool ready) {
  cancelled_ = false;
  if (expired_ || !watch_) co_return false;
  if (ready || ready_for(what)) co_return true;
  detail::StartWait const start(*watch_, what);
  co_await asio::async_initiate<asio::deferred_t const, void()>(start, asio::deferred);
  cancelled_ = cancelled_now_;
  co_return wait_ended();
}

LOWART_DECL Task<bool> Stream::until_readable() {
  // What TLS has decrypted, or received in part, does not show on the socket.
  bool const in_hand = ssl_ && !read_blocked_ && SSL_has_pending(ssl_.get()) == 1;
  // OpenSSL releases the buffers of what was read and written (SSL_MODE_RELEASE_BUFFERS), but not the 16 KB that it takes to
  // write while it reads a session ticket.
  if (ssl_ && !in_hand) SSL_free_buffers(ssl_.get());
  return until(read_wait_, in_hand);
}

LOWART_DECL Task<bool> Stream::until_readable_or_writable() { return until(Wait::either); }

LOWART_DECL Task<Result<void>> Stream::wait(Wait what) {
  bool const ready = co_await until(what);
  if (!ready) co_return fail(failure());
  co_return Result<void>();
}

LOWART_DECL Task<Result<void>> Stream::readable() {
  bool const ready = co_await until_readable();
  if (!ready) co_return fail(failure());
  co_return Result<void>();
}

LOWART_DECL Task<Result<void>> Stream::writable() { return wait(write_wait_); }

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

LOWART_DECL Task<Result<void>> Stream::caught_up() {
  while (watch_ && !watch_->bring_out()) {
    Result<void> const ready = co_await wait(Wait::write);
    if (!ready) co_return fail(ready.error());
  }
  co_return Result<void>();
}

LOWART_DECL void Stream::new_ssl(TlsContext const& context) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context.native().get()));
  if (!ssl_) return;
  BIO* const bio = socket_bio(socket_);
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
    Wait what = Wait::read;
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

LOWART_DECL std::string Stream::tls_subject() const {
  if (!ssl_ || SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_NONE) return {};
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
  std::unique_ptr<BIO, decltype(&BIO_free)> const text(BIO_new(BIO_s_mem()), &BIO_free);
  // Text beyond ASCII stays as it is: who writes it into a file writes it in UTF-8.
  constexpr unsigned long how = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
  bool const written =
      text && X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, how) >= 0;
  if (!written) return {};
  char* begin = nullptr;
  long const size = BIO_get_mem_data(text.get(), &begin);
  return std::string(begin, static_cast<std::size_t>(std::max(size, 0L)));
}

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
  if (!watch_ || !watch_->waiting()) return;
  cancelled_now_ = true;
  watch_->cancel();
}

LOWART_DECL void Stream::shutdown_send() noexcept {
  if (watch_) watch_->bring_out();
  say_goodbye();
  (void)::shutdown(socket_, SHUT_WR);
}

LOWART_DECL void Stream::say_goodbye() noexcept {
  if (!ssl_ || tls_broken_ || SSL_is_init_finished(ssl_.get()) != 1) return;
  ERR_clear_error();
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
}

LOWART_DECL void Stream::close() noexcept {
  if (!is_open()) return;
  say_goodbye();
  drop();
}

LOWART_DECL void Stream::reset() noexcept {
  if (!is_open()) return;
  linger const hard{1, 0};
  (void)::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  drop();
}

LOWART_DECL void Stream::drop() noexcept {
  if (!is_open()) return;
  cancel();
  watch_.reset();
  ::close(std::exchange(socket_, -1));
}

LOWART_DECL bool Stream::known_quiet() const noexcept {
  return watch_ && watch_->reading() == Watch::Reading::drained;
}

LOWART_DECL bool Stream::surely_quiet() const noexcept { return known_quiet() && watch_->is_up_to_date(); }

LOWART_DECL PeerState Stream::peer_state() noexcept {
  char byte = 0;
  ssize_t got = -1;
  do got = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
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
