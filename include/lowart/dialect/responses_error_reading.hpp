#pragma once
/// Errors of a provider of the Responses dialect, read: error answers, error events, responses that failed.

#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/responses_event.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// The Error of an answer with an error status; the envelope is OpenAI's. See from_openai_error.
template <HeaderLookup F>
Error from_responses_error(int status, std::string_view body, F const& header, std::int64_t now) {
  return from_openai_error(status, body, header, now);
}

/// The Error of a response whose status is failed or cancelled.
inline Error read_failed_response(ResponseHead const& response) {
  UpstreamErrorWords words;
  if (response.error.kind != JsonKind::null) words = read_openai_error_value(response.error);
  if (words.message.empty()) words.message = "the response is " + std::string(response.status);
  int const status = status_of_openai_error(words);
  return classify_upstream_error(status, std::move(words));
}

/// The Error of an event for which is_failure() holds: the envelope, the same words at the top, or a failed response.
inline Error read_responses_failure(ResponsesEvent const& event, std::string_view data) {
  if (event.type == "response.failed" && ResponsesEvent::is_object(event.response)) {
    ResponseHead response;
    response.read(event.response.value);
    return read_failed_response(response);
  }
  UpstreamErrorWords words = read_openai_error_body(data);
  if (words.type == "error") words.type.clear();
  int const status = status_of_openai_error(words);
  return classify_upstream_error(status, std::move(words));
}

}  // namespace lowart::dialect
