#pragma once
/// Errors as an Anthropic client understands them: status, envelope, retry headers, and the end of a broken stream.

#include <lowart/dialect/error_reply.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

/// Whether `body` is `{"type":"error","error":{"type":"...","message":"..."}}`.
inline bool is_anthropic_error_envelope(std::string_view body) {
  auto const type = find_member(body, "type");
  if (!type || type->value != "\"error\"") return false;
  auto const error = find_member(body, "error");
  if (!error || error->kind != JsonKind::object) return false;
  auto const word = find_member(error->value, "type");
  auto const message = find_member(error->value, "message");
  return word && word->kind == JsonKind::string && message && message->kind == JsonKind::string;
}

namespace anthropic_error_text {

inline std::string_view type_of(Error const& error) noexcept {
  switch (error.code()) {
    case Errc::invalid_request:
    case Errc::method_not_allowed:
    case Errc::conflict:
    case Errc::unsupported: return "invalid_request_error";
    case Errc::unauthenticated: return "authentication_error";
    case Errc::permission_denied: return "permission_error";
    case Errc::not_found: return "not_found_error";
    case Errc::too_large: return error.origin() == Origin::upstream ? "api_error" : "request_too_large";
    case Errc::rate_limited:
    case Errc::quota_exceeded: return "rate_limit_error";
    case Errc::circuit_open:
    case Errc::overloaded:
    case Errc::shutting_down:
    case Errc::storage_failed: return "overloaded_error";
    case Errc::connect_timeout:
    case Errc::first_token_timeout:
    case Errc::between_tokens_timeout:
    case Errc::whole_timeout:
    case Errc::client_deadline: return "timeout_error";
    case Errc::upstream_rejected:
      switch (http_status(error)) {
        case 404: return "not_found_error";
        case 413: return "request_too_large";
        default: return "invalid_request_error";
      }
    case Errc::connect_failed:
    case Errc::connection_lost:
    case Errc::malformed_reply:
    case Errc::upstream_failed:
    case Errc::upstream_auth:
    case Errc::cancelled:
    case Errc::config_invalid:
    case Errc::internal: return "api_error";
  }
  return "api_error";
}

inline bool passes_body_through(Error const& error) {
  return error.code() == Errc::upstream_rejected && is_anthropic_error_envelope(error.upstream_body());
}

}  // namespace anthropic_error_text

/// The envelope alone: `{"type":"error","error":{"type":...,"message":...},"request_id":...}`; an empty id is left out.
///
/// A request that the provider itself refused (upstream_rejected) keeps the provider's envelope, byte for byte, when it
/// is one.
inline std::string anthropic_error_body(Error const& error, std::string_view request_id = {}) {
  if (anthropic_error_text::passes_body_through(error)) return error.upstream_body();
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("type", "error").begin_object("error");
  w.text("type", anthropic_error_text::type_of(error)).text("message", message_of(error));
  // The official SDKs' tool runners then go on by sending the whole conversation.
  if (error.code() == Errc::unsupported && error.param() == "thread")
    w.raw("details", R"({"error_code":"thread_unsupported_request","unsupported":["model"]})");
  w.end_object();
  w.text_if("request_id", request_id).end_object();
  return body;
}

/// The whole answer for an error before the commit point.
inline ErrorReply to_anthropic_error(Error const& error, std::string_view request_id = {}) {
  ErrorReply reply;
  reply.status = http_status(error);
  reply.should_retry = should_retry(error);
  reply.body = anthropic_error_body(error, request_id);
  tell_retry_after(error, reply);
  return reply;
}

/// The last event of a stream that failed after its commit point. No message_stop follows: it would say "complete".
/// `inside_event`: the bytes sent so far end within an event, which is closed first so that this one is read.
inline std::string anthropic_error_event(Error const& error, bool inside_event = false) {
  std::string event = inside_event ? "\n\nevent: error\ndata: " : "event: error\ndata: ";
  for (char const c : anthropic_error_body(error))
    if (c != '\n' && c != '\r')
      event.push_back(c);  // between JSON tokens only; inside strings they are escaped
  return event.append("\n\n");
}

}  // namespace lowart::dialect
