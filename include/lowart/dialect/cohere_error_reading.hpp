#pragma once
/// Cohere's error answers, read: what they say, whose fault it is, whether and when to try again.

#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/retry_after.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Reads {"message":"..."}, {"error":"..."} and {"error":{"message":"..."}} of a server in front, or any text.
inline UpstreamErrorWords read_cohere_error_body(std::string_view body) {
  constexpr std::size_t longest_text = 500;
  UpstreamErrorWords words;
  words.message = text_in(body, "message");
  if (words.message.empty()) words.message = text_in(body, "error");
  if (words.message.empty()) words.message = text_in(object_in(body, "error"), "message");
  if (words.message.empty()) words.message = body.substr(0, longest_text);
  return words;
}

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970. A model that is not there is a
/// 404, what cannot be processed a 422, a text on the deny list a 498: upstream_rejected. A 499 is a request that Cohere
/// gave up, though nobody here did.
template <HeaderLookup F>
Error from_cohere_error(int status, std::string_view body, F const& header, std::int64_t now) {
  Error error = classify_upstream_error(status, read_cohere_error_body(body));
  if (auto const wait = read_retry_after(status, header, now)) error.with_retry_after(*wait);
  return error;
}

/// The Error of an answer that failed behind a status of success: the server's fault.
inline Error from_cohere_failure(std::string message) {
  constexpr int failed = 500;
  UpstreamErrorWords words;
  words.message = std::move(message);
  return classify_upstream_error(failed, std::move(words));
}

}  // namespace lowart::dialect
