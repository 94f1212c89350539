#pragma once
/// Gemini's error answers, read: what they say, whose fault it is, whether and when to try again.

#include <lowart/dialect/gemini_error.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/retry_after.hpp>
#include <lowart/dialect/upstream_error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// What Google's error object says.
struct GeminiErrorWords {
  UpstreamErrorWords words;  ///< type: Google's status word; code: the number's digits.
  std::string reason;        ///< Of ErrorInfo: "API_KEY_INVALID".
  std::optional<std::chrono::milliseconds> retry_delay;  ///< Of RetryInfo.
};

namespace gemini_error_text {

inline void read_text(JsonMember const& member, std::string& out) {
  out.clear();
  if (member.kind == JsonKind::string) {
    if (!decode_string(member.value, out)) out = member.value;
  } else if (member.kind == JsonKind::number) {
    out = member.value;
  }
}

inline void read_detail(std::string_view detail, GeminiErrorWords& out) {
  scan_object(detail, [&](JsonMember const& m) {
    if (m.key == "reason") read_text(m, out.reason);
    else if (m.key == "retryDelay") out.retry_delay = parse_reset(as_string_view(m.value).value_or(""), 0);
    else if (m.key == "fieldViolations" && m.kind == JsonKind::array)
      scan_array(m.value, [&](JsonMember const& violation) {
        auto const field = find_member(violation.value, "field");
        if (field && out.words.param.empty()) read_text(*field, out.words.param);
      });
  });
}

inline void read_object(std::string_view object, GeminiErrorWords& out) {
  scan_object(object, [&](JsonMember const& m) {
    if (m.key == "message") read_text(m, out.words.message);
    else if (m.key == "status") read_text(m, out.words.type);
    else if (m.key == "code") read_text(m, out.words.code);
    else if (m.key == "details" && m.kind == JsonKind::array)
      scan_array(m.value, [&](JsonMember const& detail) { read_detail(detail.value, out); });
  });
}

/// The number of Google's status words.
inline int status_of(GeminiErrorWords const& error) noexcept {
  if (auto const code = as_int(error.words.code); code && *code >= 400 && *code <= 599)
    return static_cast<int>(*code);
  for (int const status : {400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504})
    if (error.words.type == status_word(status)) return status;
  return 500;
}

}  // namespace gemini_error_text

/// Reads an error body: the envelope, also as the one element of a list (a stream as an array), or any text.
inline GeminiErrorWords read_gemini_error_body(std::string_view body) {
  constexpr std::size_t longest_text = 500;
  GeminiErrorWords out;
  std::string_view object = body;
  if (body.substr(0, body.find_first_not_of(" \t\r\n[")).find('[') != std::string_view::npos)
    scan_array(body, [&](JsonMember const& e) { object = e.value; });
  auto const error = find_member(object, "error");
  if (error && error->kind == JsonKind::object) gemini_error_text::read_object(error->value, out);
  else if (error && error->kind == JsonKind::string) gemini_error_text::read_text(*error, out.words.message);
  if (out.words.message.empty()) out.words.message = body.substr(0, longest_text);
  return out;
}

/// The Error that they mean. A key that is not accepted comes with status 400 from Google, but is ours, never the
/// client's fault.
inline Error classify_gemini_error(int status, GeminiErrorWords error) {
  bool const bad_key = error.reason == "API_KEY_INVALID" || error.reason == "API_KEY_SERVICE_BLOCKED";
  Error made = classify_upstream_error(bad_key ? 401 : status, std::move(error.words));
  if (bad_key) made.with_upstream_status(status);
  if (error.retry_delay) made.with_retry_after(*error.retry_delay);
  return made;
}

/// The Error of an answer with an error status. `now` is UTC in microseconds since 1970. RetryInfo says when to come
/// back, else the headers. The body is kept for a client of Gemini when it is the envelope, of a sane size, and the
/// client's to see.
template <HeaderLookup F>
Error from_gemini_error(int status, std::string_view body, F const& header, std::int64_t now) {
  constexpr std::size_t longest_body = 64U << 10U;
  Error error = classify_gemini_error(status, read_gemini_error_body(body));
  if (error.retry_after().count() < 0)
    if (auto const wait = read_retry_after(status, header, now)) error.with_retry_after(*wait);
  if (error.code() == Errc::upstream_rejected && body.size() <= longest_body &&
      is_gemini_error_envelope(body))
    error.with_upstream_body(std::string(body));
  return error;
}

/// The Error of an error event, or of a 200 that holds an error.
inline Error from_gemini_error_event(std::string_view data) {
  GeminiErrorWords words = read_gemini_error_body(data);
  int const status = gemini_error_text::status_of(words);
  Error error = classify_gemini_error(status, std::move(words));
  if (error.code() == Errc::upstream_rejected && is_gemini_error_envelope(data))
    error.with_upstream_body(std::string(data));
  return error;
}

}  // namespace lowart::dialect
