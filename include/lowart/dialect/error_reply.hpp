#pragma once
/// ErrorReply: an error as a client of some dialect gets it before anything else was sent.

#include <lowart/core/error.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

/// An error answer, application/json. A header whose value is empty is not to be sent.
struct ErrorReply {
  int status{500};
  std::string body;
  std::string retry_after;  ///< `retry-after`: whole seconds, rounded up.
  std::string
      retry_after_ms;  ///< `retry-after-ms`: what the official SDKs of OpenAI and Anthropic read first.
  std::string_view
      should_retry;  ///< `x-should-retry`: "true" or "false"; those SDKs obey it over the status.
};

/// When a client may come back, as headers.
inline void tell_retry_after(Error const& error, ErrorReply& reply) {
  auto const wait = error.retry_after().count();
  if (wait < 0) return;
  reply.retry_after = std::to_string((wait + 999) / 1000);
  reply.retry_after_ms = std::to_string(wait);
}

/// Whether the client's SDK should try again, whatever its own rule says.
///
/// "false" for faults of providers, because the gateway has made its attempts already and retries would multiply;
/// "true" where another try, here or at another instance, is right; empty where the SDK's own rule (408, 409, 429,
/// 5xx) fits.
inline std::string_view should_retry(Error const& error) noexcept {
  bool const upstream = error.origin() == Origin::upstream;
  switch (error.code()) {
    // A provider's limit was met after our own attempts; only its own word on when to come back is worth one more.
    case Errc::rate_limited: return upstream && error.retry_after().count() < 0 ? "false" : "";
    case Errc::circuit_open: return error.retry_after().count() < 0 ? "false" : "true";
    case Errc::shutting_down: return "true";
    case Errc::client_deadline:  // as after a timeout of its own
    case Errc::overloaded:
    case Errc::storage_failed: return "";
    default: return "false";
  }
}

/// The words of an error for a client: ours, then the provider's. The provider's text may quote our key back
/// ("Incorrect API key provided: sk-..."), so upstream_auth hides it.
inline std::string message_of(Error const& error) {
  constexpr std::size_t longest_upstream = 4096;
  std::string text = error.message();
  if (text.empty()) text = to_string(error.code());
  if (error.upstream_message().empty() || error.code() == Errc::upstream_auth) return text;
  return text.append(": ").append(error.upstream_message(), 0, longest_upstream);
}

}  // namespace lowart::dialect
