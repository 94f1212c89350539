#pragma once
/// A provider's error answer, whatever its dialect: whose fault it is, whether and when to try again.

#include <lowart/core/error.hpp>
#include <lowart/dialect/retry_after.hpp>
#include <lowart/dialect/rfc3339.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Looks up a header of an answer: its value, empty when there is none. Names are lower case.
template <class F>
concept HeaderLookup = requires(F const& header, std::string_view name) {
  { header(name) } -> std::convertible_to<std::string_view>;
};

/// What an error object says, decoded. Untrusted text.
struct UpstreamErrorWords {
  std::string message;
  std::string type;
  std::string code;  ///< A number is kept in its digits.
  std::string param;
};

/// The error that a status and the words of a provider mean. Without a time to come back.
///
/// 401 and 403 are upstream_auth: our credentials, never the client's fault. 402 and insufficient_quota are
/// quota_exceeded of our account there. Both may succeed elsewhere, but not here: retryable() is false and a
/// fallback decides by the code. 408, 409, 425, 499 (given up there, not here), 5xx and 529 are upstream_failed, 429
/// rate_limited: retryable.
/// Any other 4xx is upstream_rejected: the same request fails again. Other statuses are malformed replies.
inline Error classify_upstream_error(int status, UpstreamErrorWords fields) {
  auto const made = [&](Errc code, std::string message, bool retryable) {
    Error error(code, std::move(message), Origin::upstream);
    error.with_sent(Sent::yes).with_retryable(retryable).with_upstream_status(status);
    error.with_upstream_message(std::move(fields.message));
    if (code == Errc::upstream_rejected) error.with_param(std::move(fields.param));
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
  if (status >= 499 || status == 408 || status == 409 || status == 425)
    return made(Errc::upstream_failed, with_status("the provider failed"), true);
  if (status >= 400)
    return made(Errc::upstream_rejected, with_status("the provider refused the request"), false);
  return made(Errc::malformed_reply, with_status("the provider answered with an unexpected status"), false);
}

/// A reset as any provider writes it: a duration, a number, or a point in time in words (RFC 3339, an HTTP-date).
constexpr std::optional<std::chrono::milliseconds> read_reset(std::string_view value,
                                                              std::int64_t now) noexcept {
  if (auto const at = parse_rfc3339(value)) return retry_text::limited((*at - now + 999) / 1000);
  if (auto const wait = parse_reset(value, now)) return wait;
  return parse_retry_after(value, now);
}

/// When the provider wants to be asked again: retry-after-ms, else retry-after, else (429 only) the reset of
/// the limit that is used up, or the later of the resets when it does not say which. nullopt when it does not
/// say.
template <HeaderLookup F>
std::optional<std::chrono::milliseconds> read_retry_after(int status, F const& header, std::int64_t now) {
  if (auto const ms = parse_retry_after_ms(header("retry-after-ms"))) return ms;
  if (auto const wait = parse_retry_after(header("retry-after"), now)) return wait;
  if (status != 429) return std::nullopt;
  auto const requests = read_reset(header("x-ratelimit-reset-requests"), now);
  auto const tokens = read_reset(header("x-ratelimit-reset-tokens"), now);
  bool const no_requests = std::string_view(header("x-ratelimit-remaining-requests")) == "0";
  bool const no_tokens = std::string_view(header("x-ratelimit-remaining-tokens")) == "0";
  if (requests && tokens && no_requests != no_tokens) return no_requests ? requests : tokens;
  if (requests && tokens) return std::max(*requests, *tokens);
  if (requests || tokens) return requests ? requests : tokens;
  return read_reset(header("x-ratelimit-reset"), now);
}

}  // namespace lowart::dialect
