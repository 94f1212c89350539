#pragma once
/// ServerRequest and Responder: one request as it arrived, and the way to answer it.

#include <lowart/core/call.hpp>
#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>
#include <lowart/net/buffer_pool.hpp>
#include <lowart/net/chunked.hpp>
#include <lowart/net/http_head.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::net {

class Stream;
class IoStep;
class Loop;

/// Bounds of what a client may do. A limit reached is an answer that says so.
struct ServerLimits {
  HeadLimits head{};
  std::size_t connections{10'000};               ///< At once, per event loop.
  std::chrono::milliseconds head_time{10'000};   ///< From a head's first byte to its last.
  std::chrono::milliseconds body_time{60'000};   ///< Between two reads of a body.
  std::chrono::milliseconds write_time{60'000};  ///< For the client to take more of an answer.
  std::size_t body_rate{1024};  ///< Bytes a second that a body, or a write, earns beyond those times, in all.
  std::chrono::milliseconds idle_time{75'000};  ///< Between two requests.
  std::chrono::milliseconds look_out{100};      ///< How often a waiting client is looked after.
  std::chrono::milliseconds absent{
      0};  ///< How long a call goes on whose client has left, so that its usage is told.
  std::chrono::milliseconds linger_time{2'000};  ///< To take an answer that came before the request's end.
};

/// Until when a client must have moved more of what it sends, or takes, since `began`: every wait has `patience`; all of
/// them together have that and what the `bytes` moved so far have earned at `rate`. Who moves a byte now and then is not
/// waited for without end, and who is steady but slow is.
inline TimePoint until_more(TimePoint now, TimePoint began, std::size_t bytes, std::size_t rate,
                            std::chrono::milliseconds patience) {
  auto const earned = std::chrono::milliseconds(bytes * 1000 / std::max<std::size_t>(rate, 1));
  return std::min(now, began + earned) + patience;
}

/// What requests and answers share of their connection.
struct ConnectionState {
  ConnectionState(Stream& s, Loop& l, ServerLimits const& lim, bool const& going_down,
                  std::string name) noexcept
      : stream(s), loop(l), limits(lim), draining(going_down), peer(std::move(name)) {}
  Stream& stream;
  Loop& loop;
  ServerLimits const& limits;
  bool const& draining;     ///< The server goes down: every answer is its connection's last.
  Buffer in;                ///< The head, and what came with it.
  std::size_t in_begin{0};  ///< First byte that is not consumed.
  std::size_t in_end{0};
  std::string peer;
  std::string certificate;  ///< Of the client: the subject, where one was verified.
  Call* call{nullptr};      ///< What the client waits for, where it is known.
};

/// One request. The views of head() and body() live until the handler returns.
class ServerRequest {
 public:
  ServerRequest(ConnectionState& connection, RequestHead const& head, Arena& arena) noexcept
      : connection_(connection), head_(head), arena_(arena) {}
  ServerRequest(ServerRequest const&) = delete;

  RequestHead const& head() const noexcept { return head_; }
  /// Reads the whole body, asking for it with "100 Continue" where the client waits for that. Once it is
  /// read, the same again. Errors: too_large (over `limit`, said before it is read where the length is
  /// known), invalid_request (bad framing, too slow, cut off). What is not read is passed over, or
  /// the connection closes behind the answer.
  LOWART_DECL Task<Result<std::string_view>> body(std::size_t limit);
  /// What body() would give, if nobody has to wait for it: saves its coroutine. Null: ask body().
  LOWART_DECL std::optional<Result<std::string_view>> body_now(std::size_t limit);

  /// The next piece of a body that nobody has to hold whole; empty at its end. Valid until the next call; behind body(),
  /// whose errors it has, all of it is one piece. `limit` is that of all pieces together. Interrupting `call`, which may be null,
  /// ends the wait with the call's error.
  LOWART_DECL Task<Result<std::string_view>> next_piece(std::size_t limit, Call* call);

  /// The client's address: "127.0.0.1:51234", "unix".
  std::string_view peer() const noexcept { return connection_.peer; }
  /// The subject of the certificate that the client has shown, as RFC 2253 writes it: "CN=worker-7,O=Example". Empty:
  /// none was, or none was asked for. It was verified (ListenAddress::client_ca_file).
  std::string_view certificate() const noexcept { return connection_.certificate; }
  LOWART_DECL Clock& clock() const noexcept;
  LOWART_DECL asio::any_io_executor executor() const;
  Arena& arena() const noexcept { return arena_; }

  /// The body has been read to its end: the connection stands at the end of this request.
  bool consumed() const noexcept { return at_ == At::end || head_.body() == BodyKind::none; }
  /// For the server: a body that nobody has asked for, and short enough to read rather than to close.
  bool worth_reading() const noexcept {
    return at_ == At::begin && !head_.expect_continue() && head_.body() == BodyKind::length &&
           *head_.content_length() <= worth_reading_bytes;
  }
  static constexpr std::size_t worth_reading_bytes = 256 * 1024;
  /// For the server: bytes of the next request that came with a chunked body.
  std::span<char const> surplus() const noexcept { return surplus_; }

 private:
  LOWART_DECL static tl::unexpected<Error> too_large(std::size_t limit);
  LOWART_DECL Task<Result<void>> ask_for_body();
  LOWART_DECL Task<Result<std::string_view>> read_length(std::size_t size);
  LOWART_DECL Task<Result<std::string_view>> read_chunked(std::size_t limit);
  LOWART_DECL Result<std::string_view> take_piece(std::span<char> fresh, std::size_t limit);
  LOWART_DECL bool read_piece_now(Result<std::span<char>>& fresh);
  LOWART_DECL Result<std::size_t> took(IoStep step);
  LOWART_DECL Error client_is_gone() const;
  LOWART_DECL Task<Result<void>> wait_for_more();

  ConnectionState& connection_;
  RequestHead const& head_;
  Arena& arena_;
  Buffer large_;  ///< A body that does not fit behind its head.
  std::string_view body_;
  ChunkedDecoder chunks_;  ///< Of pieces.
  std::size_t passed_{0};  ///< Bytes in all pieces so far.
  TimePoint began_at_{};
  std::size_t received_{0};
  std::span<char const> surplus_;
  enum class At : std::uint8_t { begin, inside, end };
  At at_{At::begin};
};

/// Field lines that are being gathered, in a request's arena.
class GatheredLines {
 public:
  explicit GatheredLines(Arena& arena) noexcept : arena_(arena) {}
  std::string_view text() const noexcept { return {data_, size_}; }
  std::size_t size() const noexcept { return size_; }
  /// Where the next `most` bytes may be written; wrote() says how many were.
  std::span<char> room(std::size_t most) {
    if (capacity_ - size_ < most) grow(most);
    return {data_ + size_, most};
  }
  void wrote(std::size_t bytes) noexcept { size_ += bytes; }

 private:
  void grow(std::size_t most) {
    constexpr std::size_t usual = 768;  // a gateway's own fields
    std::size_t const capacity = std::max(usual, 2 * (size_ + most));
    auto* const larger = static_cast<char*>(arena_.take(capacity, 1));
    std::copy(data_, data_ + size_, larger);
    data_ = larger;
    capacity_ = capacity;
  }

  Arena& arena_;
  char* data_{nullptr};
  std::size_t size_{0};
  std::size_t capacity_{0};
};

/// The answer to one request: either send(), or begin() and write() up to a last one.
class Responder {
 public:
  /// `request` is null where the head could not be understood.
  Responder(ConnectionState& connection, RequestHead const& head, Arena& arena,
            ServerRequest const* request) noexcept
      : connection_(connection),
        head_(head),
        request_(request),
        arena_(arena),
        fields_(arena),
        keep_alive_(head.keep_alive()) {}
  Responder(Responder const&) = delete;

  /// Adds a header field. A name or value that could break out of its line is dropped.
  LOWART_DECL Responder& field(std::string_view name, std::string_view value);
  /// Adds `name: <number><unit>`. The name and the unit are the program's own and not looked at.
  LOWART_DECL Responder& number(std::string_view name, std::int64_t value, std::string_view unit = {});
  /// The whole answer, in one write. Empty `content_type`: none. Like write(), it fails with cancelled when
  /// the client no longer takes it, and with internal when the answer was given already.
  LOWART_DECL Task<Result<void>> send(int status, std::string_view content_type, std::string_view body);
  /// Begins as send() does, without a coroutine: true when the socket took all of it, as it mostly does. False: the
  /// rest is for send_rest(), with `body` as it was. Nothing may have begun before.
  [[nodiscard]] LOWART_DECL bool send_now(int status, std::string_view content_type, std::string_view body);
  LOWART_DECL Task<Result<void>> send_rest();
  /// Begins an answer of unknown length; nothing is sent before the first write().
  /// `length`: of all pieces together, where it is known; else their own framing tells their end.
  LOWART_DECL void begin(int status, std::string_view content_type,
                         std::optional<std::uint64_t> length = std::nullopt);
  /// The next piece, at once; `last` ends the answer. An empty piece that is not the last sends only the
  /// head.
  LOWART_DECL Task<Result<void>> write(std::string_view piece, bool last);
  /// As write() once begin() was called, without a coroutine: true when the socket took all of it. False: the rest is for
  /// write_rest(), with `piece` as it was.
  [[nodiscard]] LOWART_DECL bool write_now(std::string_view piece, bool last);
  LOWART_DECL Task<Result<void>> write_rest(bool last);
  /// Gives the answer up: the connection closes where the client cannot take it for complete.
  void abort() noexcept {
    keep_alive_ = false;
    look_out_no_more();
  }

  /// The head is on its way: no other answer is possible.
  bool begun() const noexcept { return head_sent_; }
  /// The answer is complete.
  bool complete() const noexcept { return complete_; }
  bool keep_alive() const noexcept { return keep_alive_; }
  /// The end of the answer shows in its own framing, not in the end of the connection.
  bool chunked() const noexcept { return chunked_; }
  /// This answer is the connection's last.
  void close_after() noexcept { keep_alive_ = false; }

  /// Cancels the call when the client closes its side, until the answer is complete, or `absent` later. A client that
  /// only shuts its sending side down counts as gone. The call must live until then, or until look_out_no_more().
  LOWART_DECL void cancel_when_client_leaves(Call& call);
  /// For whoever has seen that the client takes no more: false when the call is not to go on without it.
  [[nodiscard]] LOWART_DECL bool goes_on_without_client() noexcept;
  void look_out_no_more() noexcept {
    alarm_.reset();
    connection_.call = nullptr;
  }

 private:
  /// Offers the rest of the pieces until all are taken, or the client has taken none for too long.
  LOWART_DECL Task<bool> offer_rest();
  LOWART_DECL void write_head(int status, std::string_view content_type, std::optional<std::uint64_t> length);
  LOWART_DECL bool try_out(bool last);
  LOWART_DECL void finish() noexcept;
  LOWART_DECL static void look_out(void* self);

  ConnectionState& connection_;
  RequestHead const& head_;
  ServerRequest const* request_;
  Arena& arena_;
  GatheredLines fields_;
  std::string_view head_text_;
  std::array<std::string_view, 4> pieces_;  ///< What of the present write is still to be taken.
  std::array<char, chunk_header_bytes> chunk_text_;
  std::optional<Alarm> alarm_;
  bool keep_alive_;
  bool head_sent_{false};
  bool chunked_{false};
  bool bodiless_{false};
  bool complete_{false};
  bool client_is_gone_{false};
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/server_request.ipp>
#endif
