#pragma once
/// A provider's error answer, read: what it says, whose fault it is, whether and when to try again.

#include <lowart/core/error.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/openai_error.hpp>
#include <lowart/dialect/retry_after.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Looks up a header of an answer: its value, empty when there is none. Names are lower case.
template <class F>
concept HeaderLookup = requires(F const& header, std::string_view name) {
  { header(name) } -> std::convertible_to<std::string_view>;
};

/// What an error object says, decoded. Untrusted text.
struct OpenAiErrorFields {
  std::string message;
  std::string type;
  std::string code;  ///< A number is kept in its digits.
  std::string param;
};

namespace openai_error_text {

inline void read_text(JsonMember const& member, std::string& out) {
  out.clear();
  if (member.kind == JsonKind::string) {
    if (!decode_string(member.value, out)) out = member.value;
  } else if (member.kind == JsonKind::number) {
    out = member.value;
  }
}

inline void read_fields(std::string_view object, OpenAiErrorFields& out) {
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
inline OpenAiErrorFields read_openai_error_value(JsonMember const& error) {
  OpenAiErrorFields fields;
  if (error.kind == JsonKind::object) openai_error_text::read_fields(error.value, fields);
  else openai_error_text::read_text(error, fields.message);
  return fields;
}

/// Reads an error body: the envelope, the same fields at the top (vLLM), or any text.
inline OpenAiErrorFields read_openai_error_body(std::string_view body) {
  constexpr std::size_t longest_text = 500;
  OpenAiErrorFields fields;
  if (auto const error = find_member(body, "error"); error && error->kind != JsonKind::null)
    fields = read_openai_error_value(*error);
  else openai_error_text::read_fields(body, fields);
  if (fields.message.empty()) fields.message = body.substr(0, longest_text);
  return fields;
}

/// The HTTP status that an error event would have had: a number in `code` (OpenRouter), else by its words;
/// 500 when nothing is known.
inline int status_of_openai_error(OpenAiErrorFields const& fields) noexcept {
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
  if (says("invalid_request") || says("context_length") || says("content_filter") ||
      says("tool_use_failed") || says("json_validate_failed"))
    return 400;
  return 500;
}

/// The error that a status and the words of a provider mean. Without a time to come back.
///
/// 401 and 403 are upstream_auth: our credentials, never the client's fault. 402 and insufficient_quota are
/// quota_exceeded of our account there. Both may succeed elsewhere, but not here: retryable() is false and a
/// fallback decides by the code. 408, 409, 425, 5xx and 529 are upstream_failed, 429 rate_limited: retryable.
/// Any other 4xx is upstream_rejected: the same request fails again. Other statuses are malformed replies.
inline Error classify_openai_error(int status, OpenAiErrorFields fields) {
  auto const made = [&](Errc code, std::string message, bool retryable) {
    Error error(code, std::move(message), Origin::upstream);
    std::move(error).with_sent(Sent::yes).with_retryable(retryable).with_upstream_status(status);
    std::move(error).with_upstream_message(std::move(fields.message));
    if (code == Errc::upstream_rejected) std::move(error).with_param(std::move(fields.param));
    return error;
  };
  auto const with_status = [status](std::string_view text) {
    return std::string(text).append(" (status ").append(std::to_string(status)).append(")");
  };
  bool const out_of_quota =
      status == 402 ||
      (status == 429 && (fields.code == "insufficient_quota" || fields.type == "insufficient_quota"));
  if (status == 401 || status == 403)
    return made(Errc::upstream_auth, with_status("the provider did not accept the gateway's credentials"),
                false);
  if (out_of_quota)
    return made(Errc::quota_exceeded, with_status("the gateway's quota at the provider is used up"), false);
  if (status == 429) return made(Errc::rate_limited, "the provider's rate limit is reached", true);
  if (status >= 500 || status == 408 || status == 409 || status == 425)
    return made(Errc::upstream_failed, with_status("the provider failed"), true);
  if (status >= 400)
    return made(Errc::upstream_rejected, with_status("the provider refused the request"), false);
  return made(Errc::malformed_reply, with_status("the provider answered with an unexpected status"), false);
}

/// When the provider wants to be asked again: retry-after-ms, else retry-after, else (429 only) the reset of
/// the limit that is used up, or the later of the resets when it does not say which. nullopt when it does not
/// say.
template <HeaderLookup F>
std::optional<std::chrono::milliseconds> read_retry_after(int status, F const& header, std::int64_t now) {
  if (auto const ms = parse_retry_after_ms(header("retry-after-ms"))) return ms;
  if (auto const wait = parse_retry_after(header("retry-after"), now)) return wait;
  if (status != 429) return std::nullopt;
  auto const requests = parse_reset(header("x-ratelimit-reset-requests"), now);
  auto const tokens = parse_reset(header("x-ratelimit-reset-tokens"), now);
  bool const no_requests = std::string_view(header("x-ratelimit-remaining-requests")) == "0";
  bool const no_tokens = std::string_view(header("x-ratelimit-remaining-tokens")) == "0";
  if (requests && tokens && no_requests != no_tokens) return no_requests ? requests : tokens;
  if (requests && tokens) return std::max(*requests, *tokens);
  if (requests || tokens) return requests ? requests : tokens;
  return parse_reset(header("x-ratelimit-reset"), now);
}

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970. The body is kept for
/// a client of the same dialect when it is the envelope and of a sane size, and when it is the client's to
/// see.
template <HeaderLookup F>
Error from_openai_error(int status, std::string_view body, F const& header, std::int64_t now) {
  constexpr std::size_t longest_body = 64U << 10U;
  Error error = classify_openai_error(status, read_openai_error_body(body));
  if (auto const wait = read_retry_after(status, header, now)) std::move(error).with_retry_after(*wait);
  if (error.code() == Errc::upstream_rejected && body.size() <= longest_body &&
      is_openai_error_envelope(body))
    std::move(error).with_upstream_body(std::string(body));
  return error;
}

}  // namespace lowart::dialect
