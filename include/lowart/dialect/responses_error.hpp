#pragma once
/// Errors as a client of the Responses dialect understands them: OpenAI's envelope, and the end of a broken stream.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The whole answer for an error before the commit point.
inline ErrorReply to_responses_error(Error const& error) { return to_openai_error(error); }

namespace responses_error {

/// The word for `code`, which is never null in a stream.
inline std::string_view code_of(Error const& error) noexcept {
  auto const shape = openai_error_text::shape_of(error);
  return shape.code.empty() ? shape.type : shape.code;
}

}  // namespace responses_error

/// The last event of a stream that failed after its commit point: `event: error`. It says the error twice, as the
/// specification has it and as the envelope that the official SDKs raise on. `sequence_number` goes on with those
/// before it. `inside_event`: the bytes sent so far end within an event, which is closed first.
inline std::string responses_error_event(Error const& error, std::int64_t sequence_number,
                                         bool inside_event = false) {
  auto const shape = openai_error_text::shape_of(error);
  std::string const message = message_of(error);
  std::string event = inside_event ? "\n\nevent: error\ndata: " : "event: error\ndata: ";
  JsonWriter w(event);
  auto const say = [&](std::string_view type) {
    w.text("type", type).text("code", responses_error::code_of(error)).text("message", message);
    if (error.param().empty()) w.null("param");
    else w.text("param", error.param());
  };
  w.begin_object();
  say("error");
  w.count("sequence_number", sequence_number).begin_object("error");
  say(shape.type);
  w.end_object().end_object();
  return event.append("\n\n");
}

}  // namespace lowart::dialect
