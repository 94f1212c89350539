#pragma once
/// HttpTransport: requests to one provider over HTTP/1.1, with pooled connections.

#include <lowart/net/http_exchange.hpp>
#include <lowart/net/http_pool.hpp>
#include <lowart/net/transport.hpp>

namespace lowart::net {

/// Models Transport. Copies share target and options; any number of loops may use it at once, each with
/// connections of its own.
///
/// A connection that the server has closed while it was idle is replaced without the caller noticing: the
/// request is sent once more, and only when not a byte of an answer came and its body can be sent again. A body
/// from a source that is longer than 64 KiB, or of unknown length, gets a fresh connection.
class HttpTransport {
 public:
  /// `base_url`: `https://host[:port][/prefix]`, `http://...` or `unix:/path.sock[:/prefix]`.
  /// Errors: config_invalid (URL, ca_file).
  [[nodiscard]] static LOWART_DECL Result<HttpTransport> make(std::string_view base_url,
                                                              HttpOptions options = {});

  /// Sends the request; returns with the head of the answer. See Transport for the errors. The exchange must
  /// be gone before the call's io_context is.
  LOWART_DECL Task<Result<ArenaPtr<Exchange>>> exchange(HttpRequest const& request, Call& call);

  BaseUrl const& url() const noexcept { return target_->url; }
  /// Of the connections of one loop; ask on its thread.
  LOWART_DECL HttpPoolStats stats(Loop const& loop) const noexcept;

 private:
  explicit HttpTransport(std::shared_ptr<HttpTarget const> target) : target_(std::move(target)) {}
  LOWART_DECL static Task<HttpExchange::Step> send_body(HttpExchange& exchange, HttpRequest const& request,
                                                        HttpExchange::Step step, Call& call,
                                                        std::optional<Error>& broken);

  std::shared_ptr<HttpTarget const> target_;
};

static_assert(Transport<HttpTransport>);

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/http_client.ipp>
#endif
