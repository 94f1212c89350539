#pragma once
/// The answers of those who give AWS credentials for a while: a container's endpoint, an instance's metadata service
/// (one object), the Security Token Service (an object within others).

#include <lowart/core/error.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/rfc3339.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

struct AwsCredentialsReply {
  std::string access_key_id;  ///< Letters, digits and '_', 128 at most.
  Secret secret_access_key, session_token;
  std::chrono::seconds life{};  ///< From now; 1 s to 24 h.
};

namespace aws_text {

/// A member as text, empty when there is no such string; numbers in their digits.
inline std::string text_of(std::string_view object, std::string_view name) {
  auto const member = find_member(object, name);
  std::string text;
  if (!member) return text;
  if (member->kind == JsonKind::number) text = member->value;
  if (member->kind == JsonKind::string && !decode_string(member->value, text)) text.clear();
  return text;
}

inline bool is_word(std::string_view text) noexcept {
  constexpr std::size_t longest = 128;
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}
/// What may stand in a header field.
inline bool is_visible(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// When it ends, microseconds since 1970: RFC 3339, or a number of seconds as STS writes it.
inline std::optional<std::int64_t> time_of(std::string_view text) noexcept {
  constexpr double latest = 253'402'300'799.0;  // the last second of the year 9999
  if (auto const at = parse_rfc3339(text)) return at;
  double seconds = 0;
  auto const [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (wrong != std::errc() || end != text.data() + text.size() || !(seconds >= 0 && seconds <= latest))
    return std::nullopt;
  return static_cast<std::int64_t>(seconds) * 1'000'000;
}

}  // namespace aws_text

/// Reads a 200. `now`: UTC, microseconds since 1970. Errors: malformed_reply; the message quotes nothing but a `Code`. What
/// tells no end is fetched again after fifteen minutes.
inline Result<AwsCredentialsReply> read_aws_credentials(std::string_view body, std::int64_t now) {
  using namespace aws_text;
  constexpr std::int64_t most = 24 * 3600, usual = 15 * 60, second = 1'000'000;
  auto const malformed = [](std::string what) {
    return fail(Errc::malformed_reply, std::move(what), Origin::upstream);
  };
  if (first_json_error(body)) return malformed("it is not JSON");
  std::string_view const result =
      object_in(object_in(body, "AssumeRoleWithWebIdentityResponse"), "AssumeRoleWithWebIdentityResult");
  std::string_view const object = result.empty() ? body : object_in(result, "Credentials");
  std::string const code = text_of(object, "Code");
  if (!code.empty() && code != "Success") return malformed("its Code is " + (is_word(code) ? code : "odd"));
  AwsCredentialsReply reply;
  reply.access_key_id = text_of(object, "AccessKeyId");
  if (!is_word(reply.access_key_id)) return malformed("it has no usable 'AccessKeyId'");
  std::string secret = text_of(object, "SecretAccessKey");
  if (!is_visible(secret)) return malformed("it has no usable 'SecretAccessKey'");
  std::string token = text_of(object, result.empty() ? "Token" : "SessionToken");
  if (!token.empty() && !is_visible(token)) return malformed("its session token is not usable");
  reply.secret_access_key = Secret(std::move(secret));
  reply.session_token = Secret(std::move(token));
  std::string const end = text_of(object, "Expiration");
  auto const at = end.empty() ? std::optional(now + usual * second) : time_of(end);
  if (!at) return malformed("its 'Expiration' is no time");
  std::int64_t const seconds = (*at - now) / second;
  if (seconds < 1) return malformed("its credentials have ended already; check this machine's clock");
  reply.life = std::chrono::seconds(std::min(seconds, most));
  return reply;
}

/// What a refusal says.
struct AwsRefusal {
  std::string words;  ///< The code, of a known shape: "ExpiredTokenException". Empty when it has none.
  std::string text;   ///< In the server's own words. Untrusted, at most 500 bytes.
};

/// Reads STS's `Error`, or the `code` and `message` of a container's endpoint.
inline AwsRefusal read_aws_refusal(std::string_view body) {
  using namespace aws_text;
  constexpr std::size_t longest = 500;
  AwsRefusal said;
  std::string_view const error = object_in(body, "Error");
  std::string code = error.empty() ? text_of(body, "code") : text_of(error, "Code");
  if (is_word(code)) said.words = std::move(code);
  said.text = error.empty() ? text_of(body, "message") : text_of(error, "Message");
  if (said.text.empty()) said.text = body.substr(0, longest);
  if (said.text.size() > longest) said.text.resize(longest);
  return said;
}

}  // namespace lowart::dialect
