#pragma once
/// Stream: one connection (TCP or Unix, with TLS or without), read when it is ready and written at once.

#include <lowart/core/clock.hpp>
#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>
#include <lowart/net/reactor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;  // OpenSSL's SSL, so that only stream.ipp needs its headers.

namespace lowart::net {

class TlsContext;
class TlsSession;

/// What one attempt to read or write came to. Attempts never wait.
class IoStep {
 public:
  enum class State : std::uint8_t {
    done,         ///< bytes() were moved; more than none.
    would_block,  ///< Nothing can be moved now: wait, then try again.
    end,          ///< The peer has sent everything and said so.
    failed,       ///< The connection is of no more use; Stream::failure() says why.
  };

  IoStep(State state, std::size_t bytes) noexcept : bytes_(bytes), state_(state) {}
  bool done() const noexcept { return state_ == State::done; }
  bool would_block() const noexcept { return state_ == State::would_block; }
  bool end() const noexcept { return state_ == State::end; }
  bool failed() const noexcept { return state_ == State::failed; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_;
  State state_;
};

/// What a look at a connection that nobody reads shows.
enum class PeerState : std::uint8_t { quiet, talking, gone };

/// A connected, non-blocking stream socket with an optional TLS session.
///
/// Lives on one event loop; not thread safe. One read and one write may wait at the same time. Move it only
/// while nothing waits. Destroying it closes the socket hard; close() takes leave first. Errors:
/// connection_lost (closed, reset, broken TLS), cancelled (after cancel()), whole_timeout (the deadline
/// passed; expired() is then true), connect_failed (TLS handshake). Origin is left at its default: the owner
/// knows which side the peer is.
class Stream {
 public:
  using Socket = asio::basic_stream_socket<asio::generic::stream_protocol>;

  /// Takes a connected socket, makes it non-blocking and, for TCP, switches Nagle's delay off.
  LOWART_DECL Stream(Socket socket, Clock& clock);
  LOWART_DECL Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&&) = delete;
  LOWART_DECL ~Stream();

  /// Reads what is there into `space` (not empty). After would_block it says so, without asking the system, until a
  /// wait has learned of more.
  [[nodiscard]] LOWART_DECL IoStep try_read(std::span<char> space);
  /// Sends as much of `pieces` as the socket takes, in order, and shortens them by what was sent. `done`: all
  /// of it. After would_block try again with the same pieces, as TLS may have part of them in hand. With TLS,
  /// small pieces share a record.
  [[nodiscard]] LOWART_DECL IoStep try_write(std::span<std::string_view> pieces);

  /// Waits until a read will not block; holds no buffer meanwhile. A peer that has closed is readable.
  LOWART_DECL Task<Result<void>> readable();
  /// Waits until a write that would have blocked may go on.
  LOWART_DECL Task<Result<void>> writable();

  /// As readable(), with one coroutine less: false when the wait failed, and failure() says why.
  LOWART_DECL Task<bool> until_readable();
  /// Waits for either; known_quiet() tells whether it was for writing.
  LOWART_DECL Task<bool> until_readable_or_writable();

  /// Reads at least one byte; 0 is the clean end.
  LOWART_DECL Task<Result<std::size_t>> read_some(std::span<char> space);
  /// Sends all pieces, in order; tries at once and waits only when the socket is full. Shortens `pieces`.
  LOWART_DECL Task<Result<void>> write_all(std::span<std::string_view> pieces);
  LOWART_DECL Task<Result<void>> write_all(std::string_view text);
  /// Small writes of a busy loop wait for the end of its turn, and then for a peer that does not read: there is
  /// something of them that is not sent.
  bool is_behind() const noexcept { return watch_ && watch_->is_behind(); }
  /// Waits until it is.
  LOWART_DECL Task<Result<void>> caught_up();

  /// TLS as a server, including the handshake. On an error the stream can only be closed.
  LOWART_DECL Task<Result<void>> accept_tls(TlsContext const& context);
  /// TLS as a client of `host` (a name or an address), including the handshake. Resumes `session` when it
  /// holds one, and leaves newer tickets there; `session` must outlive the stream.
  LOWART_DECL Task<Result<void>> connect_tls(TlsContext const& context, std::string host,
                                             TlsSession& session);
  bool is_tls() const noexcept { return ssl_ != nullptr; }
  /// The subject of the peer's certificate that was verified, as RFC 2253 writes it; empty: none.
  LOWART_DECL std::string tls_subject() const;
  /// Whether the TLS handshake was shortened by a former session.
  LOWART_DECL bool tls_resumed() const noexcept;

  /// Every wait from now on fails when this time has passed (within the clock's tick). TimePoint::max():
  /// never. Setting it forgets a former expiry.
  LOWART_DECL void deadline(TimePoint at);
  bool expired() const noexcept { return expired_; }

  /// Ends the waits of now with Errc::cancelled. A later wait is not affected.
  LOWART_DECL void cancel() noexcept;
  /// Says that nothing more will be sent (close_notify and FIN); reading goes on.
  LOWART_DECL void shutdown_send() noexcept;
  /// Closes; a TLS peer is told as far as that does not wait.
  LOWART_DECL void close() noexcept;
  /// Closes without taking leave: a TLS peer sees its stream cut.
  LOWART_DECL void drop() noexcept;
  /// Closes with a reset, so that the peer cannot take what it got for complete.
  LOWART_DECL void reset() noexcept;
  bool is_open() const noexcept { return socket_ >= 0; }

  /// One cheap look without reading (a byte is peeked at). With TLS, session tickets do not count as talk.
  LOWART_DECL PeerState peer_state() noexcept;
  /// Everything was read, and no event that was dispatched has told of more. There may be one that was not.
  LOWART_DECL bool known_quiet() const noexcept;
  /// What peer_state() would say, where it is known to be quiet without a system call: known_quiet(), and the loop has
  /// just asked. False tells nothing.
  LOWART_DECL bool surely_quiet() const noexcept;
  bool peer_gone() noexcept { return peer_state() == PeerState::gone; }

  /// Why the last attempt, or wait, failed.
  LOWART_DECL Error failure() const;

  asio::any_io_executor const& executor() const noexcept { return executor_; }
  Clock& clock() const noexcept { return *clock_; }
  int native_handle() const noexcept { return socket_; }

 private:
  struct SslDelete {
    LOWART_DECL void operator()(ssl_st* ssl) const noexcept;
  };
  using Wait = Watch::For;

  LOWART_DECL Task<Result<void>> wait(Wait what);
  LOWART_DECL bool wait_ended() noexcept;
  LOWART_DECL bool ready_for(Wait what) noexcept;
  LOWART_DECL Task<bool> until(Wait what, bool ready = false);
  LOWART_DECL void say_goodbye() noexcept;
  LOWART_DECL Task<Result<void>> handshake(std::string const& host);
  LOWART_DECL void new_ssl(TlsContext const& context);
  LOWART_DECL IoStep tls_step(int result, std::size_t bytes, Wait& wait);
  LOWART_DECL IoStep plain_write(std::span<std::string_view> pieces);
  LOWART_DECL IoStep tls_write(std::span<std::string_view> pieces);
  LOWART_DECL static void ring(void* stream);

  asio::any_io_executor executor_;
  int socket_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<ssl_st, SslDelete> ssl_;
  Clock* clock_;
  std::optional<Alarm> alarm_;  ///< Only streams with a deadline weigh on the clock's tick.
  unsigned long tls_error_{0};  ///< OpenSSL's, of the last failure.
  int error_{0};                ///< errno of the last failure.
  Wait read_wait_{Wait::read};  ///< What a blocked read waits for: TLS may have to write first.
  Wait write_wait_{Wait::write};
  bool read_blocked_{false};  ///< The last read found nothing, so what TLS has in hand is no whole record.
  bool tls_broken_{false};
  bool expired_{false};
  bool cancelled_{false};      ///< The last wait was.
  bool cancelled_now_{false};  ///< The wait that is about to end is.
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/stream.ipp>
#endif
