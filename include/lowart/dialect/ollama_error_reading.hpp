#pragma once
/// Ollama's error answers, read: what they say, whose fault it is, whether and when to try again.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/ollama_error.hpp>
#include <lowart/dialect/retry_after.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Reads {"error":"..."}, {"error":{"message":"..."}} of a server in front, or any text.
inline UpstreamErrorWords read_ollama_error_body(std::string_view body) {
  constexpr std::size_t longest_text = 500;
  UpstreamErrorWords words;
  auto error = find_member(body, "error");
  if (error && error->kind == JsonKind::object) error = find_member(error->value, "message");
  bool const is_text = error && error->kind == JsonKind::string;
  if (!is_text || !decode_string(error->value, words.message) || words.message.empty())
    words.message = body.substr(0, longest_text);
  return words;
}

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970. A model that the server does not
/// have is a 404, and as such upstream_rejected; a full queue is a 503.
template <HeaderLookup F>
Error from_ollama_error(int status, std::string_view body, F const& header, std::int64_t now) {
  Error error = classify_upstream_error(status, read_ollama_error_body(body));
  if (auto const wait = read_retry_after(status, header, now)) error.with_retry_after(*wait);
  constexpr std::size_t longest_body = 64U << 10U;
  if (error.code() == Errc::upstream_rejected && body.size() <= longest_body &&
      is_ollama_error_envelope(body))
    error.with_upstream_body(std::string(body));
  return error;
}

/// The Error of a line that says an error, or of a 200 that holds one. It has no status: the server failed.
inline Error from_ollama_error_line(std::string_view line) {
  constexpr int failed = 500;
  return classify_upstream_error(failed, read_ollama_error_body(line));
}

}  // namespace lowart::dialect
