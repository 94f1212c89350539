#pragma once
/// Errors as a client of Gemini understands them: status, envelope, and the end of a broken stream.

#include <lowart/dialect/error_reply.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Whether `body` is `{"error":{"code":400,"message":"...","status":"..."}}`, Google's envelope.
inline bool is_gemini_error_envelope(std::string_view body) {
  auto const error = find_member(body, "error");
  if (!error || error->kind != JsonKind::object) return false;
  auto const message = find_member(error->value, "message");
  auto const code = find_member(error->value, "code");
  return message && message->kind == JsonKind::string && code && code->kind == JsonKind::number;
}

namespace gemini_error_text {

/// Google's canonical word for an HTTP status.
constexpr std::string_view status_word(int status) noexcept {
  switch (status) {
    case 400:
    case 413: return "INVALID_ARGUMENT";
    case 401: return "UNAUTHENTICATED";
    case 403: return "PERMISSION_DENIED";
    case 404: return "NOT_FOUND";
    case 405: return "UNIMPLEMENTED";
    case 409: return "ABORTED";
    case 429: return "RESOURCE_EXHAUSTED";
    case 499: return "CANCELLED";
    case 500: return "INTERNAL";
    case 501: return "UNIMPLEMENTED";
    case 502:
    case 503: return "UNAVAILABLE";
    case 504: return "DEADLINE_EXCEEDED";
    default: return status >= 500 ? "INTERNAL" : "FAILED_PRECONDITION";
  }
}

/// Milliseconds as a protobuf duration: "17s", "0.250s".
inline std::string duration(std::int64_t ms) {
  std::string text = std::to_string(ms / 1000);
  if (std::int64_t const rest = ms % 1000; rest != 0) {
    std::string const digits = std::to_string(rest);
    text.append(".").append(3 - digits.size(), '0').append(digits);
  }
  return text.append("s");
}

/// Our own code in Google's spelling: "UPSTREAM_FAILED".
inline std::string reason(Errc code) {
  std::string word(to_string(code));
  for (char& c : word)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  return word;
}

inline void write_details(JsonWriter& w, Error const& error) {
  w.begin_list("details");
  w.begin_object().text("@type", "type.googleapis.com/google.rpc.ErrorInfo");
  w.text("reason", reason(error.code())).text("domain", "lowart").end_object();
  if (!error.param().empty()) {
    w.begin_object().text("@type", "type.googleapis.com/google.rpc.BadRequest").begin_list("fieldViolations");
    w.begin_object().text("field", error.param()).text("description", message_of(error)).end_object();
    w.end_list().end_object();
  }
  if (auto const wait = error.retry_after().count(); wait >= 0) {
    w.begin_object().text("@type", "type.googleapis.com/google.rpc.RetryInfo");
    w.text("retryDelay", duration(wait)).end_object();
  }
  w.end_list();
}

}  // namespace gemini_error_text

/// The envelope alone. A request that the provider itself refused (upstream_rejected) keeps the provider's envelope,
/// byte for byte, when it is one of Google's.
inline std::string gemini_error_body(Error const& error) {
  if (error.code() == Errc::upstream_rejected && is_gemini_error_envelope(error.upstream_body()))
    return error.upstream_body();
  int const status = http_status(error);
  std::string body;
  JsonWriter w(body);
  w.begin_object().begin_object("error").count("code", status).text("message", message_of(error));
  w.text("status", gemini_error_text::status_word(status));
  gemini_error_text::write_details(w, error);
  w.end_object().end_object();
  return body;
}

/// The whole answer for an error before the commit point. Google's clients read the status and RetryInfo.
inline ErrorReply to_gemini_error(Error const& error) {
  ErrorReply reply;
  reply.status = http_status(error);
  reply.body = gemini_error_body(error);
  tell_retry_after(error, reply);
  return reply;
}

/// The last event of a stream that failed after its commit point. `inside_event`: the bytes sent so far end within an
/// event, which is closed first so that this one is read.
inline std::string gemini_error_event(Error const& error, bool inside_event = false) {
  std::string event = inside_event ? "\r\n\r\ndata: " : "data: ";
  for (char const c : gemini_error_body(error))
    if (c != '\n' && c != '\r')
      event.push_back(c);  // between JSON tokens only; inside strings they are escaped
  event.append("\r\n\r\n");
  return event;
}

}  // namespace lowart::dialect
