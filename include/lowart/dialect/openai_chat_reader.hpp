#pragma once
/// OpenAiChatReader: reads along an OpenAI reply that passes by as bytes, and changes none of them.

#include <lowart/core/result.hpp>
#include <lowart/dialect/openai_content_scan.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/repeated_shape.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// What the events of /v1/chat/completions and /v1/completions mean, for a ReplyReader.
///
/// Content, the commit point, is the first non-empty text, reasoning, refusal, tool call, audio or finish
/// reason. Roles, comments, filter results and empty choices come before it. For n > 1 the text of all
/// choices is joined in order of arrival.
///
/// Errors: an error event (an `error` member, or `event: error`) is the provider's failure, classified as
/// classify_upstream_error does; data that is not JSON is malformed_reply. Cost: about 40 ns for a usual event of 240
/// bytes (RepeatedShape), 0.3 us for one that is unlike the last.
class OpenAiEvents {
 public:
  /// `done_required` false: a finish_reason of every choice ends a stream as well as [DONE].
  explicit OpenAiEvents(bool done_required = true) noexcept : done_required_(done_required) {}

  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    // An empty text needs a full look: it may leave the word to another member.
    if (auto const text = shape_.match(event.data); text && text->size() > 2 && event.event.empty()) {
      scan_.append_literal(*text, progress);
      ++progress.events;
      committed_ = true;
      return EventStep::more;
    }
    if (event.data == "[DONE]") return EventStep::done;
    bool const named_error = event.event == "error";
    if (scan_.read(event.data, progress) != JsonScan::ok || named_error || scan_.error())
      return fail_event(event.data, named_error);
    if (scan_.content()) committed_ = true;
    if (scan_.texts() > 0) ++progress.events;
    if (scan_.texts() == 1) shape_.learn(event.data, scan_.only_text(), scan_.padding());
    return EventStep::more;
  }

  /// The text of a whole reply is gathered only when it reports no usage.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    JsonScan const scan = scan_.read_whole(body, progress);
    if (scan == JsonScan::ok && scan_.error()) return fail_event(body, false);
    if (scan != JsonScan::ok || !scan_.has_choices()) {
      std::string message = "the provider's reply is not a completion";
      if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
      return fails(Error(Errc::malformed_reply, std::move(message), Origin::upstream));
    }
    committed_ = true;
    return EventStep::done;
  }

  Error error() const { return *failed_; }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return !done_required_ && scan_.all_finished(); }

 private:
  EventStep fails(Error error) {
    failed_ = std::move(error);
    return EventStep::failed;
  }
  EventStep fail_event(std::string_view data, bool named_error) {
    UpstreamErrorWords words;
    if (scan_.error()) words = read_openai_error_value(*scan_.error());
    else if (named_error) words = read_openai_error_body(data);
    else
      return fails(
          Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream));
    int const status = status_of_openai_error(words);
    Error error = classify_upstream_error(status, std::move(words));
    if (error.code() == Errc::upstream_rejected && is_openai_error_envelope(data))
      std::move(error).with_upstream_body(std::string(data));
    return fails(std::move(error));
  }

  OpenAiContentScan scan_;
  RepeatedShape shape_;
  std::optional<Error> failed_;
  bool done_required_;
  bool committed_{false};
};

using OpenAiChatReader = ReplyReader<OpenAiEvents>;

}  // namespace lowart::dialect
