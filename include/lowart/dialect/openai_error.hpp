#pragma once
/// Errors as an OpenAI client understands them: status, envelope, retry headers, and the end of a broken
/// stream.

#include <lowart/core/error.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// An error answer. A header whose value is empty is not to be sent.
struct OpenAiErrorReply {
  int status{500};
  std::string body;               ///< `{"error":{"message","type","param","code"}}`, or the provider's own.
  std::string retry_after;        ///< `retry-after`: whole seconds, rounded up.
  std::string retry_after_ms;     ///< `retry-after-ms`: what the official SDKs read first.
  std::string_view should_retry;  ///< `x-should-retry`: "true" or "false"; the SDKs obey it over the status.
};

/// Whether `body` is `{"error":{"message":"...", ...}}`, the envelope every OpenAI client knows.
inline bool is_openai_error_envelope(std::string_view body) {
  auto const error = find_member(body, "error");
  if (!error || error->kind != JsonKind::object) return false;
  auto const message = find_member(error->value, "message");
  return message && message->kind == JsonKind::string;
}

namespace openai_error_text {

/// What a code looks like on the wire, besides its status. `code` empty means null.
struct Shape {
  std::string_view type;
  std::string_view code;
  std::string_view should_retry;
};

inline Shape shape_of(Error const& e) noexcept {
  constexpr std::string_view request = "invalid_request_error", server = "server_error";
  bool const upstream = e.origin() == Origin::upstream;
  switch (e.code()) {
    case Errc::invalid_request: return {request, "", "false"};
    case Errc::unauthenticated: return {request, "invalid_api_key", "false"};
    case Errc::permission_denied: return {request, "permission_denied", "false"};
    case Errc::not_found:
      return {request, e.param().empty() || e.param() == "model" ? "model_not_found" : "not_found", "false"};
    case Errc::too_large:
      if (upstream) return {server, "upstream_reply_too_large", "false"};
      return {request, "request_too_large", "false"};
    case Errc::unsupported:
      return {request, e.param().empty() ? "unsupported" : "unsupported_parameter", "false"};
    case Errc::rate_limited:
      // A provider's limit was met after our own attempts; only its own word on when to come back is worth
      // one more.
      return {"rate_limit_error", "rate_limit_exceeded",
              upstream && e.retry_after().count() < 0 ? "false" : ""};
    case Errc::quota_exceeded: return {"insufficient_quota", "insufficient_quota", "false"};
    case Errc::circuit_open: return {server, "circuit_open", e.retry_after().count() < 0 ? "false" : "true"};
    case Errc::connect_failed: return {server, "upstream_connect_failed", "false"};
    case Errc::connect_timeout: return {server, "upstream_connect_timeout", "false"};
    case Errc::first_token_timeout: return {server, "upstream_first_token_timeout", "false"};
    case Errc::between_tokens_timeout: return {server, "upstream_between_tokens_timeout", "false"};
    case Errc::whole_timeout: return {server, "upstream_timeout", "false"};
    case Errc::connection_lost: return {server, "upstream_connection_lost", "false"};
    case Errc::malformed_reply: return {server, "upstream_malformed_reply", "false"};
    case Errc::upstream_rejected: return {request, "upstream_rejected", "false"};
    case Errc::upstream_failed: return {server, "upstream_failed", "false"};
    case Errc::upstream_auth: return {server, "upstream_auth", "false"};
    case Errc::overloaded: return {server, "overloaded", ""};
    case Errc::shutting_down: return {server, "shutting_down", "true"};
    case Errc::cancelled: return {server, "cancelled", "false"};
    case Errc::storage_failed: return {server, "storage_failed", ""};
    case Errc::config_invalid: return {server, "config_invalid", "false"};
    case Errc::internal: return {server, "internal", "false"};
  }
  return {server, "internal", "false"};
}

/// The provider's text may quote our key back ("Incorrect API key provided: sk-..."), so upstream_auth hides
/// it.
inline std::string message_of(Error const& e) {
  constexpr std::size_t longest_upstream = 4096;
  std::string text = e.message();
  if (text.empty()) text = to_string(e.code());
  if (e.upstream_message().empty() || e.code() == Errc::upstream_auth) return text;
  text.append(": ").append(e.upstream_message(), 0, longest_upstream);
  return text;
}

inline void append_string_or_null(std::string& out, std::string_view text) {
  if (text.empty()) out.append("null");
  else append_json_string(out, text);
}

inline bool passes_body_through(Error const& e) {
  return e.code() == Errc::upstream_rejected && is_openai_error_envelope(e.upstream_body());
}

}  // namespace openai_error_text

/// The envelope alone: `{"error":{"message":...,"type":...,"param":...,"code":...}}`.
///
/// A request that the provider itself refused (upstream_rejected) keeps the provider's envelope, byte for
/// byte, when it is one; its own `code` then tells more than ours.
inline std::string openai_error_body(Error const& error) {
  if (openai_error_text::passes_body_through(error)) return error.upstream_body();
  auto const shape = openai_error_text::shape_of(error);
  std::string body = R"({"error":{"message":)";
  append_json_string(body, openai_error_text::message_of(error));
  body.append(R"(,"type":)");
  append_json_string(body, shape.type);
  body.append(R"(,"param":)");
  openai_error_text::append_string_or_null(body, error.param());
  body.append(R"(,"code":)");
  openai_error_text::append_string_or_null(body, shape.code);
  body.append("}}");
  return body;
}

/// The whole answer for an error before the commit point.
///
/// x-should-retry is "false" for faults of providers, because the gateway has made its attempts already and
/// retries would multiply; "true" where another try, here or at another instance, is right; unset where the
/// SDK's own rule (408, 409, 429, 5xx) fits.
inline OpenAiErrorReply to_openai_error(Error const& error) {
  auto const shape = openai_error_text::shape_of(error);
  OpenAiErrorReply reply;
  reply.status = http_status(error);
  reply.should_retry = shape.should_retry;
  reply.body = openai_error_body(error);
  if (auto const wait = error.retry_after().count(); wait >= 0) {
    reply.retry_after = std::to_string((wait + 999) / 1000);
    reply.retry_after_ms = std::to_string(wait);
  }
  return reply;
}

/// The last event of a stream that failed after its commit point. No `[DONE]` follows: it would say
/// "complete". `inside_event`: the bytes sent so far end within an event, which is closed first so that this
/// one is read.
inline std::string openai_error_event(Error const& error, bool inside_event = false) {
  std::string body = openai_error_body(error);
  std::string event = inside_event ? "\n\ndata: " : "data: ";
  for (char const c : body)
    if (c != '\n' && c != '\r')
      event.push_back(c);  // between JSON tokens only; inside strings they are escaped
  event.append("\n\n");
  return event;
}

}  // namespace lowart::dialect
