#pragma once
/// What went wrong with one call, told so that a policy can decide and a client can act.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// What failed. Each value says the situation; Error::message says the particular case.
enum class Errc : std::uint8_t {
  invalid_request,         ///< The client's request cannot be served as it is.
  unauthenticated,         ///< No key, or a key that is not known, expired or revoked.
  permission_denied,       ///< The key is known but may not do this.
  not_found,               ///< No such model, route or resource.
  method_not_allowed,      ///< The path is there, but takes another HTTP method.
  conflict,                ///< It is there already, or was changed by somebody else meanwhile.
  too_large,               ///< A head, header, body or reply is over its limit.
  unsupported,             ///< Nobody here can express or serve what was asked.
  rate_limited,            ///< A limit of ours or of the provider; see Error::retry_after.
  quota_exceeded,          ///< A budget is used up; waiting a moment does not help.
  circuit_open,            ///< A breaker refuses the target for now; nothing was sent.
  connect_failed,          ///< Name, route, TCP or TLS to the provider failed; nothing was sent.
  connect_timeout,         ///< Clock 1 of 4: no connection in time; nothing was sent.
  first_token_timeout,     ///< Clock 2 of 4: no first content in time.
  between_tokens_timeout,  ///< Clock 3 of 4: the stream fell silent.
  whole_timeout,           ///< Clock 4 of 4: the whole call took too long.
  client_deadline,         ///< The time is over that the client said it would wait.
  connection_lost,         ///< The peer closed or reset before the answer was complete.
  malformed_reply,         ///< The provider's bytes are not what its protocol promises.
  upstream_rejected,       ///< The provider refused this very request (its 4xx).
  upstream_failed,         ///< The provider failed (its 5xx, or an error event).
  upstream_auth,           ///< The provider did not accept our credentials.
  overloaded,              ///< This gateway, or every target, is full.
  shutting_down,           ///< The gateway drains; try another instance.
  cancelled,               ///< The caller went away or asked to stop.
  storage_failed,          ///< A store could not be read or written.
  config_invalid,          ///< A configuration says something that cannot be.
  internal,                ///< A fault of this program.
};

/// The name of a code as it appears in logs, metrics and error bodies: "rate_limited".
constexpr std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_request: return "invalid_request";
    case Errc::unauthenticated: return "unauthenticated";
    case Errc::permission_denied: return "permission_denied";
    case Errc::not_found: return "not_found";
    case Errc::method_not_allowed: return "method_not_allowed";
    case Errc::conflict: return "conflict";
    case Errc::too_large: return "too_large";
    case Errc::unsupported: return "unsupported";
    case Errc::rate_limited: return "rate_limited";
    case Errc::quota_exceeded: return "quota_exceeded";
    case Errc::circuit_open: return "circuit_open";
    case Errc::connect_failed: return "connect_failed";
    case Errc::connect_timeout: return "connect_timeout";
    case Errc::first_token_timeout: return "first_token_timeout";
    case Errc::between_tokens_timeout: return "between_tokens_timeout";
    case Errc::whole_timeout: return "whole_timeout";
    case Errc::client_deadline: return "client_deadline";
    case Errc::connection_lost: return "connection_lost";
    case Errc::malformed_reply: return "malformed_reply";
    case Errc::upstream_rejected: return "upstream_rejected";
    case Errc::upstream_failed: return "upstream_failed";
    case Errc::upstream_auth: return "upstream_auth";
    case Errc::overloaded: return "overloaded";
    case Errc::shutting_down: return "shutting_down";
    case Errc::cancelled: return "cancelled";
    case Errc::storage_failed: return "storage_failed";
    case Errc::config_invalid: return "config_invalid";
    case Errc::internal: return "internal";
  }
  return "internal";
}

/// Whose fault it is.
enum class Origin : std::uint8_t { client, gateway, upstream };

constexpr std::string_view to_string(Origin origin) noexcept {
  switch (origin) {
    case Origin::client: return "client";
    case Origin::gateway: return "gateway";
    case Origin::upstream: return "upstream";
  }
  return "gateway";
}

/// Whether the provider may have seen (and billed) the request.
enum class Sent : std::uint8_t {
  nothing,  ///< No byte of the request left: trying again is free.
  maybe,    ///< Some bytes left; the provider may be working on it.
  yes,      ///< The provider answered.
};

/// One failure. A class with constructors, not an aggregate: see DECISIONS 3 (await rules).
///
/// `message` is ours and safe to show. `upstream_message` is the provider's own text: untrusted,
/// passed on to a client only inside an error envelope, never interpreted.
class Error {
 public:
  /// Cold, so that compilers put what leads here out of the way of what usually happens.
  [[gnu::cold]] explicit Error(Errc code, std::string message = {}, Origin origin = Origin::gateway)
      : code_(code), origin_(origin) {
    if (!message.empty()) texts().message = std::move(message);
  }

  Errc code() const noexcept { return code_; }
  Origin origin() const noexcept { return origin_; }
  Sent sent() const noexcept { return sent_; }
  /// Another attempt, here or elsewhere, may succeed.
  bool retryable() const noexcept { return retryable_; }
  /// The provider's HTTP status, 0 when there was none.
  int upstream_status() const noexcept { return upstream_status_; }
  /// Wait at least this long before the next attempt; negative when nobody said.
  std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }
  std::string const& message() const noexcept { return text(&Texts::message); }
  std::string const& upstream_message() const noexcept { return text(&Texts::upstream_message); }
  /// The field or header that is wrong ("messages[2].content"), empty when it is not one field.
  std::string const& param() const noexcept { return text(&Texts::param); }
  /// The provider's error body as it came, for a client of the same dialect; may be empty.
  std::string const& upstream_body() const noexcept { return text(&Texts::upstream_body); }

  Error& with_sent(Sent sent) & { return sent_ = sent, *this; }
  Error& with_retryable(bool yes) & { return retryable_ = yes, *this; }
  Error& with_upstream_status(int s) & { return upstream_status_ = s, *this; }
  Error& with_retry_after(std::chrono::milliseconds d) & { return retry_after_ = d, *this; }
  Error& with_upstream_message(std::string m) & { return texts().upstream_message = std::move(m), *this; }
  Error& with_upstream_body(std::string b) & { return texts().upstream_body = std::move(b), *this; }
  Error& with_param(std::string p) & { return texts().param = std::move(p), *this; }
  Error& with_message(std::string m) & { return texts().message = std::move(m), *this; }
  Error&& with_sent(Sent sent) && { return std::move(with_sent(sent)); }
  Error&& with_retryable(bool yes) && { return std::move(with_retryable(yes)); }
  Error&& with_upstream_status(int s) && { return std::move(with_upstream_status(s)); }
  Error&& with_retry_after(std::chrono::milliseconds d) && { return std::move(with_retry_after(d)); }
  Error&& with_upstream_message(std::string m) && { return std::move(with_upstream_message(std::move(m))); }
  Error&& with_upstream_body(std::string b) && { return std::move(with_upstream_body(std::move(b))); }
  Error&& with_param(std::string p) && { return std::move(with_param(std::move(p))); }
  Error&& with_message(std::string m) && { return std::move(with_message(std::move(m))); }

 private:
  struct Texts {
    std::string message;
    std::string upstream_message;
    std::string upstream_body;
    std::string param;
  };
  struct TextsDelete {
    [[gnu::cold, gnu::noinline]] void operator()(Texts* texts) const noexcept { delete texts; }
  };
  /// On the heap, as every Result<T> that passes through a coroutine has room for an Error and few hold one.
  class TextsPtr : public std::unique_ptr<Texts, TextsDelete> {
   public:
    TextsPtr() noexcept = default;
    TextsPtr(TextsPtr&&) noexcept = default;
    TextsPtr& operator=(TextsPtr&&) noexcept = default;
    TextsPtr(TextsPtr const& other)
        : std::unique_ptr<Texts, TextsDelete>(other ? new Texts(*other) : nullptr) {}
    TextsPtr& operator=(TextsPtr const& other) { return *this = TextsPtr(other); }
    ~TextsPtr() = default;
  };
  Texts& texts() {
    if (!texts_) texts_.reset(new Texts);
    return *texts_;
  }
  std::string const& text(std::string Texts::* which) const noexcept {
    static std::string const none;
    return texts_ ? (*texts_).*which : none;
  }

  TextsPtr texts_;
  std::chrono::milliseconds retry_after_{-1};
  int upstream_status_{0};
  Errc code_;
  Origin origin_;
  Sent sent_{Sent::nothing};
  bool retryable_{false};
};

/// The HTTP status that tells a client of this error, whatever its dialect.
inline int http_status(Error const& error) noexcept {
  switch (error.code()) {
    case Errc::invalid_request:
    case Errc::unsupported: return 400;
    case Errc::unauthenticated: return 401;
    case Errc::permission_denied: return 403;
    case Errc::not_found: return 404;
    case Errc::method_not_allowed: return 405;
    case Errc::conflict: return 409;
    case Errc::too_large: return error.origin() == Origin::upstream ? 502 : 413;
    case Errc::rate_limited:
    case Errc::quota_exceeded: return 429;
    case Errc::circuit_open:
    case Errc::overloaded:
    case Errc::shutting_down:
    case Errc::storage_failed: return 503;
    case Errc::connect_timeout:
    case Errc::first_token_timeout:
    case Errc::between_tokens_timeout:
    case Errc::whole_timeout:
    case Errc::client_deadline: return 504;
    case Errc::upstream_rejected: {
      bool const is_client_error = error.upstream_status() >= 400 && error.upstream_status() < 500;
      return is_client_error ? error.upstream_status() : 400;
    }
    case Errc::connect_failed:
    case Errc::connection_lost:
    case Errc::malformed_reply:
    case Errc::upstream_failed:
    case Errc::upstream_auth: return 502;
    case Errc::cancelled: return 499;  // nginx's word for a client that left; nobody reads it but logs
    case Errc::config_invalid:
    case Errc::internal: return 500;
  }
  return 500;
}

}  // namespace lowart
