#pragma once
/// An Anthropic provider's error answer, read: what it says, whose fault it is, whether and when to try again.

#include <lowart/core/error.hpp>
#include <lowart/dialect/anthropic_error.hpp>
#include <lowart/dialect/anthropic_limits.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// What an error envelope says. A body of another shape is itself the message, cut at a sane length.
inline UpstreamErrorWords read_anthropic_error_body(std::string_view body) {
  constexpr std::size_t longest_text = 2000;
  UpstreamErrorWords words;
  auto const read = [](std::string_view object, std::string_view name, std::string& out) {
    auto const member = find_member(object, name);
    if (member && member->kind == JsonKind::string) decode_string(member->value, out);
  };
  if (auto const error = find_member(body, "error"); error && error->kind == JsonKind::object) {
    read(error->value, "type", words.type);
    read(error->value, "message", words.message);
    if (auto const details = find_member(error->value, "details");
        details && details->kind == JsonKind::object)
      read(details->value, "error_code", words.code);
  }
  if (words.message.empty()) words.message = body.substr(0, longest_text);
  return words;
}

/// The HTTP status that an error event would have had; 500 for a word we do not know.
inline int status_of_anthropic_error(UpstreamErrorWords const& words) noexcept {
  constexpr std::array<std::pair<std::string_view, int>, 11> known{{{"invalid_request_error", 400},
                                                                    {"authentication_error", 401},
                                                                    {"billing_error", 402},
                                                                    {"permission_error", 403},
                                                                    {"not_found_error", 404},
                                                                    {"conflict_error", 409},
                                                                    {"request_too_large", 413},
                                                                    {"rate_limit_error", 429},
                                                                    {"api_error", 500},
                                                                    {"timeout_error", 504},
                                                                    {"overloaded_error", 529}}};
  for (auto const& [word, status] : known)
    if (words.type == word) return status;
  return 500;
}

namespace anthropic_error_text {

/// Keeps the body for a client of the same dialect, when it is the envelope, of a sane size, and the client's to see.
inline Error with_envelope(Error error, std::string_view body) {
  constexpr std::size_t longest_body = 64U << 10U;
  if (error.code() == Errc::upstream_rejected && body.size() <= longest_body &&
      is_anthropic_error_envelope(body))
    error.with_upstream_body(std::string(body));
  return error;
}

}  // namespace anthropic_error_text

/// The Error that an `error` event means, or an error envelope where a reply should be.
inline Error from_anthropic_error_event(std::string_view data) {
  UpstreamErrorWords words = read_anthropic_error_body(data);
  int const status = status_of_anthropic_error(words);
  return anthropic_error_text::with_envelope(classify_upstream_error(status, std::move(words)), data);
}

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970.
template <HeaderLookup F>
Error from_anthropic_error(int status, std::string_view body, F const& header, std::int64_t now) {
  Error error = classify_upstream_error(status, read_anthropic_error_body(body));
  if (auto const wait = read_anthropic_retry_after(status, header, now)) error.with_retry_after(*wait);
  return anthropic_error_text::with_envelope(std::move(error), body);
}

}  // namespace lowart::dialect
