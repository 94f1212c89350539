#pragma once
/// Errors as an OpenAI client understands them: status, envelope, retry headers, and the end of a broken
/// stream.

#include <lowart/dialect/error_reply.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Whether `body` is `{"error":{"message":"...", ...}}`, the envelope every OpenAI client knows, and not that of
/// Anthropic (`"type":"error"` beside it) or of Gemini (a `status` that is a word within it).
inline bool is_openai_error_envelope(std::string_view body) {
  auto const error = find_member(body, "error");
  if (!error || error->kind != JsonKind::object || find_member(body, "type")) return false;
  auto const message = find_member(error->value, "message");
  auto const status = find_member(error->value, "status");  // Google's is a word, Azure's a number
  bool const is_google = status && status->kind == JsonKind::string;
  return message && message->kind == JsonKind::string && !is_google;
}

namespace openai_error_text {

/// What a code looks like on the wire, besides its status. `code` empty means null.
struct Shape {
  std::string_view type;
  std::string_view code;
};

inline Shape shape_of(Error const& e) noexcept {
  constexpr std::string_view request = "invalid_request_error", server = "server_error";
  bool const upstream = e.origin() == Origin::upstream;
  switch (e.code()) {
    case Errc::invalid_request:
      return {request, e.param() == "previous_response_id" ? "previous_response_not_found" : ""};
    case Errc::unauthenticated: return {request, "invalid_api_key"};
    case Errc::permission_denied: return {request, "permission_denied"};
    case Errc::not_found:
      return {request, e.param().empty() || e.param() == "model" ? "model_not_found" : "not_found"};
    case Errc::method_not_allowed: return {request, "method_not_allowed"};
    case Errc::conflict: return {request, "conflict"};
    case Errc::too_large:
      if (upstream) return {server, "upstream_reply_too_large"};
      return {request, "request_too_large"};
    case Errc::unsupported: return {request, e.param().empty() ? "unsupported" : "unsupported_parameter"};
    case Errc::rate_limited: return {"rate_limit_error", "rate_limit_exceeded"};
    case Errc::quota_exceeded: return {"insufficient_quota", "insufficient_quota"};
    case Errc::circuit_open: return {server, "circuit_open"};
    case Errc::connect_failed: return {server, "upstream_connect_failed"};
    case Errc::connect_timeout: return {server, "upstream_connect_timeout"};
    case Errc::first_token_timeout: return {server, "upstream_first_token_timeout"};
    case Errc::between_tokens_timeout: return {server, "upstream_between_tokens_timeout"};
    case Errc::whole_timeout: return {server, "upstream_timeout"};
    case Errc::client_deadline: return {server, "client_deadline"};
    case Errc::connection_lost: return {server, "upstream_connection_lost"};
    case Errc::malformed_reply: return {server, "upstream_malformed_reply"};
    case Errc::upstream_rejected: return {request, "upstream_rejected"};
    case Errc::upstream_failed: return {server, "upstream_failed"};
    case Errc::upstream_auth: return {server, "upstream_auth"};
    case Errc::overloaded: return {server, "overloaded"};
    case Errc::shutting_down: return {server, "shutting_down"};
    case Errc::cancelled: return {server, "cancelled"};
    case Errc::storage_failed: return {server, "storage_failed"};
    case Errc::config_invalid: return {server, "config_invalid"};
    case Errc::internal: return {server, "internal"};
  }
  return {server, "internal"};
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
  append_json_string(body, message_of(error));
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
inline ErrorReply to_openai_error(Error const& error) {
  ErrorReply reply;
  reply.status = http_status(error);
  reply.should_retry = should_retry(error);
  reply.body = openai_error_body(error);
  tell_retry_after(error, reply);
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
