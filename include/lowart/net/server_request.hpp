#pragma once
/// ServerRequest and Responder: one request as it arrived, and the way to answer it.

#include <lowart/core/call.hpp>
#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>
#include <lowart/net/buffer_pool.hpp>
#include <lowart/net/chunked.hpp>
#include <lowart/net/http_head.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lowart::net {

class Stream;
class Loop;

/// Bounds of what a client may do. A limit reached is an answer that says so.
struct ServerLimits {
  HeadLimits head{};
  std::size_t connections{10'000};                   ///< At once, per event loop.
  std::chrono::milliseconds head_time{10'000};       ///< From a head's first byte to its last.
  std::chrono::milliseconds body_time{60'000};       ///< Between two reads of a body.
  std::chrono::milliseconds write_time{60'000};      ///< For one write to be taken.
  std::chrono::milliseconds idle_time{75'000};       ///< Between two requests.
  std::chrono::milliseconds look_out{100};           ///< How often a waiting client is looked after.
};

/// What a connection holds between its parts: bytes that came, and the request they begin with.
struct ConnectionState {
  ConnectionState(Stream& s, Loop& l, ServerLimits const& lim) noexcept : stream(s), loop(l), limits(lim) {}
  Stream& stream;
  Loop& loop;
  ServerLimits const& limits;
  Buffer in;                ///< The head, and what came with it.
  std::size_t in_begin{0};  ///< First byte that is not consumed.
  std::size_t in_end{0};
  std::string peer;
};

/// One request. The views of head() and body() live until the handler returns.
class ServerRequest {
 public:
  ServerRequest(ConnectionState& connection, RequestHead const& head, Arena& arena) noexcept
      : connection_(connection), head_(head), arena_(arena) {}
  ServerRequest(ServerRequest const&) = delete;

  RequestHead const& head() const noexcept { return head_; }
  /// Reads the whole body, asking for it with "100 Continue" where the client waits for that.
  /// Errors: too_large (over `limit`, said before it is read where the length is known), invalid_request (bad
  /// framing), connection_lost, cancelled. After an error the connection closes behind the answer.
  LOWART_DECL Task<Result<std::string_view>> body(std::size_t limit);

  /// The client's address: "127.0.0.1:51234", "unix".
  std::string_view peer() const noexcept { return connection_.peer; }
  LOWART_DECL Clock& clock() const noexcept;
  LOWART_DECL asio::any_io_executor executor() const;
  Arena& arena() const noexcept { return arena_; }

  /// For the server: the connection stands at the end of this request.
  bool consumed() const noexcept { return at_ == At::end || head_.body() == BodyKind::none; }
  /// For the server: nobody has asked for the body yet.
  bool untouched() const noexcept { return at_ == At::begin; }
  /// For the server: bytes of the next request that came with a chunked body.
  std::span<char const> surplus() const noexcept { return surplus_; }

 private:
  LOWART_DECL Task<Result<void>> ask_for_body();
  LOWART_DECL Task<Result<std::string_view>> read_length(std::size_t size);
  LOWART_DECL Task<Result<std::string_view>> read_chunked(std::size_t limit);
  LOWART_DECL Task<Result<std::size_t>> read_some(std::span<char> space);

  ConnectionState& connection_;
  RequestHead const& head_;
  Arena& arena_;
  Buffer large_;  ///< A body that does not fit behind its head.
  std::span<char const> surplus_;
  enum class At : std::uint8_t { begin, inside, end };
  At at_{At::begin};
};

/// The answer to one request: either send(), or begin() and write() up to a last one.
class Responder {
 public:
  Responder(ConnectionState& connection, RequestHead const& head, bool keep_alive) noexcept
      : connection_(connection), head_(head), keep_alive_(keep_alive && head.keep_alive()) {}
  Responder(Responder const&) = delete;

  /// Adds a header field. A name or value that could break out of its line is dropped.
  LOWART_DECL Responder& field(std::string_view name, std::string_view value);
  /// The whole answer, in one write. Empty `content_type`: none.
  LOWART_DECL Task<Result<void>> send(int status, std::string_view content_type, std::string_view body);
  /// Begins an answer of unknown length; nothing is sent before the first write().
  LOWART_DECL void begin(int status, std::string_view content_type);
  /// The next piece, at once; `last` ends the answer. An empty piece that is not the last sends only the head.
  LOWART_DECL Task<Result<void>> write(std::string_view piece, bool last);
  /// Gives the answer up: the connection closes where the client cannot take it for complete.
  void abort() noexcept { keep_alive_ = false; }

  /// The head is on its way: no other answer is possible.
  bool begun() const noexcept { return head_sent_; }
  /// The answer is complete.
  bool complete() const noexcept { return complete_; }
  bool keep_alive() const noexcept { return keep_alive_; }
  /// This answer is the connection's last.
  void close_after() noexcept { keep_alive_ = false; }

  /// Cancels the call when the client closes its side, until the answer is complete. A client that only shuts its
  /// sending side down counts as gone.
  LOWART_DECL void cancel_when_client_leaves(Call& call);

 private:
  LOWART_DECL void write_head(int status, std::string_view content_type, std::optional<std::size_t> length);
  LOWART_DECL Task<Result<void>> write_out(std::span<std::string_view> pieces);
  LOWART_DECL static void look_out(void* self);

  ConnectionState& connection_;
  RequestHead const& head_;
  std::string fields_;
  std::string out_;
  Call* call_{nullptr};
  std::optional<Alarm> alarm_;
  bool keep_alive_;
  bool begun_{false};
  bool head_sent_{false};
  bool chunked_{false};
  bool complete_{false};
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/server_request.ipp>
#endif
