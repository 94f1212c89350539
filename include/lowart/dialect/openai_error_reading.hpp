#pragma once
/// A provider's error answer, read: what it says, whose fault it is, whether and when to try again.

#include <lowart/core/error.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/openai_error.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace openai_error_text {

inline void read_text(JsonMember const& member, std::string& out) {
  out.clear();
  if (member.kind == JsonKind::string) {
    if (!decode_string(member.value, out)) out = member.value;
  } else if (member.kind == JsonKind::number) {
    out = member.value;
  }
}

inline void read_fields(std::string_view object, UpstreamErrorWords& out) {
  scan_object(object, [&](JsonMember const& member) {
    if (member.key_is("message")) read_text(member, out.message);
    else if (member.key_is("detail") && out.message.empty())
      read_text(member, out.message);  // FastAPI servers
    else if (member.key_is("type")) read_text(member, out.type);
    else if (member.key_is("code")) read_text(member, out.code);
    else if (member.key_is("param")) read_text(member, out.param);
  });
}

}  // namespace openai_error_text

/// Reads the value of an `error` member: an object, or just a string (Hugging Face, Ollama).
inline UpstreamErrorWords read_openai_error_value(JsonMember const& error) {
  UpstreamErrorWords fields;
  if (error.kind == JsonKind::object) openai_error_text::read_fields(error.value, fields);
  else openai_error_text::read_text(error, fields.message);
  return fields;
}

/// Reads an error body: the envelope, the same fields at the top (vLLM), or any text.
inline UpstreamErrorWords read_openai_error_body(std::string_view body) {
  constexpr std::size_t longest_text = 500;
  UpstreamErrorWords fields;
  if (auto const error = find_member(body, "error"); error && error->kind != JsonKind::null)
    fields = read_openai_error_value(*error);
  else openai_error_text::read_fields(body, fields);
  if (fields.message.empty()) fields.message = body.substr(0, longest_text);
  return fields;
}

/// The HTTP status that an error event would have had: a number in `code` (OpenRouter), else by its words;
/// 500 when nothing is known.
inline int status_of_openai_error(UpstreamErrorWords const& fields) noexcept {
  if (auto const status = as_int(fields.code); status && *status >= 400 && *status <= 599)
    return static_cast<int>(*status);
  auto const says = [&](std::string_view word) {
    return fields.type.find(word) != std::string::npos || fields.code.find(word) != std::string::npos;
  };
  if (says("insufficient_quota") || says("rate_limit") || says("too_many_requests")) return 429;
  if (says("invalid_api_key") || says("authentication")) return 401;
  if (says("permission")) return 403;
  if (says("not_found")) return 404;
  if (says("overloaded") || says("capacity")) return 503;
  if (says("timeout")) return 504;
  if (says("invalid_") || says("context_length") || says("content_filter") || says("tool_use_failed") ||
      says("json_validate_failed"))
    return 400;
  return 500;
}

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970. The body is kept for
/// a client of the same dialect when it is the envelope and of a sane size, and when it is the client's to
/// see.
template <HeaderLookup F>
Error from_openai_error(int status, std::string_view body, F const& header, std::int64_t now) {
  constexpr std::size_t longest_body = 64U << 10U;
  Error error = classify_upstream_error(status, read_openai_error_body(body));
  if (auto const wait = read_retry_after(status, header, now)) error.with_retry_after(*wait);
  if (error.code() == Errc::upstream_rejected && body.size() <= longest_body &&
      is_openai_error_envelope(body))
    error.with_upstream_body(std::string(body));
  return error;
}

}  // namespace lowart::dialect
