#pragma once
/// HttpExchange: one request and its answer on one connection.

#include <lowart/net/body_framing.hpp>
#include <lowart/net/http_head.hpp>
#include <lowart/net/http_pool.hpp>
#include <lowart/net/transport.hpp>

#include <array>
#include <span>
#include <string>

namespace lowart::net {

/// Sends the request, reads the head of the answer, then hands out the body. Holds a buffer only while it holds
/// bytes: head and field table share one pooled block until the first read(). The connection goes back to its pool
/// with the last byte.
///
/// Up to the head it is driven from outside, so that waiting costs its owner no further coroutine:
///
///     auto step = exchange.begin(target, request);
///     while (step == HttpExchange::Step::wait) step = exchange.go_on(co_await exchange.until_ready());
///
/// Where it asks for `more` of a body, send() takes the next piece.
class HttpExchange final : public Exchange {
 public:
  enum class Step : std::uint8_t {
    done,
    wait,
    more,  ///< Of a request whose body has a source: the next piece can be sent.
    failed
  };

  HttpExchange(HttpTarget const& target, HttpPool& pool, HttpPool::Loan connection, Call& call) noexcept
      : pool_(pool),
        call_(call),
        connection_(std::move(connection)),
        head_bytes_(target.options.max_response_head) {}

  /// Sends as much of the request as can be sent now. Done: the head of the answer is here, interim answers (1xx)
  /// aside. An answer that comes before the request is sent whole ends the sending. Failed: see error(). The request
  /// must live until done or failed.
  LOWART_DECL Step begin(HttpTarget const& target, HttpRequest const& request);
  /// The next piece of the body, which lives until a step is `more` again or the exchange is over; empty at its end. An
  /// answer that comes before all is sent ends the sending, here as well.
  LOWART_DECL Step send(std::string_view piece);
  /// Waits for what the last step waits for. Ends early, with false, when stream() is cancelled.
  LOWART_DECL Task<bool> until_ready();
  LOWART_DECL Step go_on(bool ready);
  /// The request's body is not all sent.
  bool is_sending() const noexcept { return unsent_ != nullptr || outgoing_ != nullptr; }
  /// Not after done or failed.
  Stream& stream() noexcept { return connection_->stream(); }
  /// What went wrong.
  LOWART_DECL Error error() const;
  /// The connection broke before a byte of an answer came.
  bool lost_unanswered() const noexcept { return fault_ == Fault::lost && !answered_; }

  int status() const noexcept override { return status_; }
  std::optional<std::uint64_t> content_length() const noexcept override { return content_length_; }
  LOWART_DECL std::string_view field(std::string_view name) const noexcept override;
  LOWART_DECL Task<Result<std::span<char>>> read() override;
  LOWART_DECL bool read_now(Result<std::span<char>>& piece) override;
  LOWART_DECL void finish() override;

  /// For InterruptHook.
  static void cancel(void* stream) { static_cast<Stream*>(stream)->cancel(); }

 private:
  enum class Fault : std::uint8_t { none, bad_request, lost, malformed, interrupted };
  using Pieces = std::array<std::string_view, 1 + HttpRequest::max_pieces>;
  /// A request that did not go out at once.
  struct Unsent {
    Unsent(Buffer h, Pieces const& p) noexcept : head(std::move(h)), pieces(p) {}
    Buffer head;
    Pieces pieces;
  };
  /// How the body of a source goes out.
  struct OutgoingBody {
    std::optional<std::uint64_t> left;  ///< Of the length that was told; null: chunked.
    std::array<char, chunk_header_bytes> chunk_text{};
    bool ended{false};
  };

  // Coroutines only wait; what happens between the waits is plain functions.
  LOWART_DECL Buffer write_head(HttpTarget const& target, HttpRequest const& request, Pieces& pieces);
  LOWART_DECL Step send_some(std::span<std::string_view> pieces);
  LOWART_DECL Step send_rest();
  LOWART_DECL Step sent_so_far();
  LOWART_DECL Step receive_early();
  LOWART_DECL Step receive_head();
  LOWART_DECL Step take_head();
  LOWART_DECL void make_room_for_head();
  LOWART_DECL Step receive_body();
  LOWART_DECL void release();
  LOWART_DECL bool fails(Fault fault, std::string why);
  LOWART_DECL bool loses(char const* what, bool ask_stream);
  LOWART_DECL bool interrupted();

  HttpPool& pool_;
  Call& call_;
  HttpPool::Loan connection_;  ///< Null once the body has ended or broken.
  std::string_view method_;
  ArenaPtr<Unsent> unsent_;
  ArenaPtr<OutgoingBody> outgoing_;  ///< Null once it is sent, and where there is no source.
  Buffer buffer_;
  ResponseHead* head_{nullptr};  ///< At the end of buffer_, while fields may be asked for.
  char* begin_{nullptr};         ///< What was received and not yet handed out.
  char* end_{nullptr};
  std::span<char> payload_;  ///< What read() gives next.
  BodyFraming body_;
  std::string why_;  ///< The words of error().
  std::optional<std::uint64_t> content_length_;
  std::size_t head_bytes_;  ///< The limit of the answer's head.
  int status_{0};
  std::uint8_t interim_answers_{0};
  Sent sent_{Sent::nothing};
  Fault fault_{Fault::none};
  bool answered_{false};
  bool reusable_{true};
  bool ended_{false};    ///< The body is complete.
  bool ready_{false};    ///< A wait has just ended: there is something to read.
  bool drained_{false};  ///< The last read got less than it could take, so the next would block.
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/http_exchange.ipp>
#endif
