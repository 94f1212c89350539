#pragma once
/// CohereEvent: one server-sent event of a chat of Cohere, taken apart.

#include <lowart/core/error.hpp>
#include <lowart/dialect/cohere_error_reading.hpp>
#include <lowart/dialect/cohere_finish.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// The failure that a whole reply, or the end of a stream, tells: `word` is its finish_reason, `said` its error.
inline std::optional<Error> cohere_failure(std::string_view word, std::string said) {
  if (!said.empty()) return from_cohere_failure(std::move(said));
  if (!cohere_failed(word)) return std::nullopt;
  return from_cohere_failure("the generation ended with " + std::string(word));
}

/// Views into the event's data. What is missing, or of another kind, is empty.
struct CohereEvent {
  bool is_json{false};    ///< One object, as far as a scan sees.
  std::string_view type;  ///< "content-delta"; empty where there is none.
  std::string_view id;
  std::string_view delta;     ///< The object `delta`.
  std::string_view message;   ///< The object `delta.message`: what is added to the message.
  std::string_view logprobs;  ///< The object `logprobs`.
  std::string_view whole;
  std::int64_t index{0};  ///< Of the block or the call.

  static CohereEvent of(std::string_view data) {
    CohereEvent event;
    event.whole = data;
    JsonScan const scan = scan_object(data, [&](JsonMember const& m) {
      if (m.key_is("type")) event.type = as_string_view(m.value).value_or(std::string_view());
      else if (m.key_is("id")) event.id = as_string_view(m.value).value_or(std::string_view());
      else if (m.key_is("index")) event.index = as_int(m.value).value_or(0);
      else if (m.kind != JsonKind::object) return;
      else if (m.key_is("delta")) event.delta = m.value;
      else if (m.key_is("logprobs")) event.logprobs = m.value;
    });
    event.is_json = scan == JsonScan::ok;
    event.message = object_in(event.delta, "message");
    return event;
  }

  /// The one block, or call, that the event adds to: `delta.message.NAME`.
  std::string_view added(std::string_view name) const { return object_in(message, name); }
  std::string finish_reason() const { return text_in(delta, "finish_reason"); }

  /// The error that the event is: one that has no type but a message, one that says so, an end that was none.
  std::optional<Error> failure() const {
    if (!is_json)
      return Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream);
    bool const says_error = type == "error" || (type.empty() && !text_in(whole, "message").empty());
    if (says_error) return from_cohere_failure(read_cohere_error_body(whole).message);
    if (type != "message-end") return std::nullopt;
    return cohere_failure(finish_reason(), text_in(delta, "error"));
  }
};

}  // namespace lowart::dialect
