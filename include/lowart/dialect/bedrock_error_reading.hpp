#pragma once
/// Bedrock's error answers and exceptions within a stream, read: whose fault they are, and what to do.

#include <lowart/core/error.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/retry_after.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace bedrock_error {

/// An exception of AWS, and the status that stands for what it means; where ours says more, `advice` is the message.
struct Row {
  std::string_view name;  ///< Without "Exception".
  int status;
  std::string_view advice;
};
inline constexpr std::array<Row, 20> rows{{
    {"Validation", 400, ""},
    {"ResourceNotFound", 404, ""},
    {"Throttling", 429, ""},
    {"TooManyRequests", 429, ""},
    {"ModelNotReady", 429, ""},
    {"ServiceQuotaExceeded", 402, ""},
    {"ModelTimeout", 408, ""},
    {"ModelError", 500, ""},
    {"ModelStreamError", 500, ""},
    {"InternalServer", 500, ""},
    {"InternalFailure", 500, ""},
    {"ServiceUnavailable", 503, ""},
    {"AccessDenied", 403,
     "AWS does not let the gateway's credentials use this model: check that the model is enabled in the "
     "provider's "
     "'region', and that the credentials may bedrock:InvokeModel"},
    {"ExpiredToken", 403,
     "the gateway's temporary credentials for AWS have expired: set a new 'access_key_id', "
     "'secret_access_key' and 'session_token' for this provider, or let it fetch them: 'credentials'"},
    {"UnrecognizedClient", 403,
     "AWS does not know the gateway's 'access_key_id', or its 'session_token' is not of that key: check both "
     "for this "
     "provider"},
    {"InvalidClientTokenId", 403,
     "AWS does not know the gateway's 'access_key_id': check it for this provider"},
    {"InvalidSignature", 403,
     "AWS refused the gateway's signature: check 'secret_access_key' and 'region' of this provider, and this "
     "machine's "
     "clock"},
    {"SignatureDoesNotMatch", 403,
     "AWS refused the gateway's signature: check 'secret_access_key' and 'region' of this provider, and this "
     "machine's "
     "clock"},
    {"RequestExpired", 403, "AWS says that the request came too late: check this machine's clock"},
    {"MissingAuthenticationToken", 403,
     "the request carried no credentials for AWS: set 'access_key_id' and 'secret_access_key', or 'api_key', "
     "for this "
     "provider"},
}};

/// "ThrottlingException:http://internal.amazon.com/coral/..." and "throttlingException" are "Throttling".
inline std::string plain_name(std::string_view type) {
  std::string_view name = type.substr(0, type.find(':'));
  if (auto const hash = name.rfind('#'); hash != std::string_view::npos) name.remove_prefix(hash + 1);
  constexpr std::string_view suffix = "Exception";
  if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  std::string plain(name);
  if (!plain.empty() && plain[0] >= 'a' && plain[0] <= 'z')
    plain[0] = static_cast<char>(plain[0] - 'a' + 'A');
  return plain;
}

/// The message of an error body, `message` or `Message`; the body itself, cut, when it has none.
inline std::string message_in(std::string_view body) {
  constexpr std::size_t longest_text = 2000;
  std::string text;
  scan_object(body, [&](JsonMember const& m) {
    bool const told = m.kind == JsonKind::string && (m.key_is("message") || m.key_is("Message"));
    if (!told) return;
    text.clear();
    if (!decode_string(m.value, text)) text = m.value;
  });
  return text.empty() ? std::string(body.substr(0, longest_text)) : text;
}

/// `type`: as AWS names it, empty when it does not. `status`: of the answer; 0 within a stream.
inline Error classify(int status, std::string_view type, std::string message) {
  std::string const name = plain_name(type);
  auto const row =
      std::find_if(rows.begin(), rows.end(), [&](Row const& known) { return known.name == name; });
  UpstreamErrorWords words;
  words.message = std::move(message);
  words.type = name;
  int const of_answer = status == 0 ? 500 : status;
  if (row == rows.end()) return classify_upstream_error(of_answer, std::move(words));
  Error error = classify_upstream_error(row->status, std::move(words));
  if (!row->advice.empty())
    error.with_message(std::string(row->advice) + " (status " + std::to_string(row->status) + ")");
  if (status != 0) error.with_upstream_status(status);
  return error;
}

}  // namespace bedrock_error

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970. What it is, the header
/// x-amzn-errortype says, else the status. Credentials that are refused are upstream_auth, with what to change.
template <HeaderLookup F>
Error from_bedrock_error(int status, std::string_view body, F const& header, std::int64_t now) {
  Error error = bedrock_error::classify(status, header("x-amzn-errortype"), bedrock_error::message_in(body));
  if (auto const wait = read_retry_after(status, header, now)) error.with_retry_after(*wait);
  return error;
}

/// Whether AWS says of the credentials that they have ended, or that it does not know them: others may fare better.
inline bool is_of_ended_credentials(Error const& error) {
  if (error.code() != Errc::upstream_auth) return false;
  for (auto const& row : bedrock_error::rows) {
    bool const ended =
        row.name == "ExpiredToken" || row.name == "UnrecognizedClient" || row.name == "InvalidClientTokenId";
    if (ended && error.message().starts_with(row.advice)) return true;
  }
  return false;
}

/// The Error of an exception within a stream: `type` and payload as the event has them.
inline Error from_bedrock_exception(std::string_view type, std::string_view payload) {
  return bedrock_error::classify(0, type, bedrock_error::message_in(payload));
}

}  // namespace lowart::dialect
