#pragma once
/// HttpExchange: one request and its answer on one connection.

#include <lowart/net/body_framing.hpp>
#include <lowart/net/http_head.hpp>
#include <lowart/net/http_pool.hpp>
#include <lowart/net/transport.hpp>

namespace lowart::net {

/// Sends in begin(), then hands out the body. Holds a buffer only while it holds bytes: head and field table
/// share one pooled block until the first read(). The connection goes back to its pool with the last byte.
class HttpExchange final : public Exchange {
 public:
  HttpExchange(HttpTarget const& target, HttpPool& pool, HttpPool::Loan connection, Call& call) noexcept
      : pool_(pool),
        call_(call),
        connection_(std::move(connection)),
        head_bytes_(target.options.max_response_head) {}

  /// Sends the request and reads the head of the answer, interim answers (1xx) aside. An answer that comes
  /// before the request is sent whole ends the sending.
  LOWART_DECL Task<Result<void>> begin(HttpTarget const& target, HttpRequest const& request);
  /// Not a byte of an answer has come.
  bool unanswered() const noexcept { return !answered_; }

  int status() const noexcept override { return status_; }
  std::optional<std::uint64_t> content_length() const noexcept override { return content_length_; }
  LOWART_DECL std::string_view field(std::string_view name) const noexcept override;
  LOWART_DECL Task<Result<std::span<char>>> read() override;
  LOWART_DECL void finish() override;

 private:
  LOWART_DECL Task<Result<void>> send(HttpTarget const& target, HttpRequest const& request);
  LOWART_DECL Task<Result<void>> read_head(std::string_view method);
  LOWART_DECL Result<bool> take_head(std::string_view method);
  LOWART_DECL void make_room_for_head();
  LOWART_DECL void release();
  LOWART_DECL Error malformed(std::string_view why);
  LOWART_DECL Error lost(std::string const& reason);
  LOWART_DECL Error interrupted();

  static void cancel(void* stream) { static_cast<Stream*>(stream)->cancel(); }

  HttpPool& pool_;
  Call& call_;
  HttpPool::Loan connection_;  ///< Null once the body has ended or broken.
  Buffer buffer_;
  ResponseHead* head_{nullptr};  ///< At the end of buffer_, while fields may be asked for.
  char* begin_{nullptr};         ///< What was received and not yet handed out.
  char* end_{nullptr};
  BodyFraming body_;
  std::optional<std::uint64_t> content_length_;
  std::size_t head_bytes_;  ///< The limit of the answer's head.
  int status_{0};
  std::uint8_t interim_answers_{0};
  Sent sent_{Sent::nothing};
  bool answered_{false};
  bool reusable_{true};
  bool ended_{false};    ///< The body is complete.
  bool drained_{false};  ///< The last read got less than it could take, so the next would block.
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/http_exchange.ipp>
#endif
