#pragma once
/// ResponsesEvents: reads along a reply of the Responses dialect that passes by as bytes. For ReplyReader.

#include <lowart/dialect/decoded_string.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/dialect/responses_error_reading.hpp>
#include <lowart/dialect/responses_event.hpp>
#include <lowart/dialect/responses_usage.hpp>
#include <lowart/model/chat_reply.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Content, the commit point, is the first text, reasoning, refusal, call of any tool, or the end. A response that
/// was created, items of messages and of reasoning that only begin, and empty pieces come before it. The text is
/// what the model wrote, the vendor's own tools included; where a vendor sends no deltas it is found in the events
/// that end a part, or in the final response. A stream ends with response.completed or response.incomplete only.
///
/// Errors: `event: error`, an `error` member and response.failed are the provider's failure, classified as
/// classify_upstream_error does; data that is no JSON object is malformed_reply.
class ResponsesEvents {
 public:
  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    if (event.data == "[DONE]") return EventStep::more;  // OpenRouter's, behind the end
    ResponsesEvent found;
    if (found.read(event) != JsonScan::ok) return malformed("an event of the provider's stream is not JSON");
    if (found.sequence_number >= 0) progress.sequence_number = found.sequence_number;
    if (found.has(".delta")) return read_delta(found, progress);
    if (found.is_failure()) return fail_with(read_responses_failure(found, event.data));
    if (found.type == "response.output_item.added") read_item(found.item, progress);
    else if (found.is_end() && found.response.kind == JsonKind::object)
      return read_response(found.response.value, progress);
    else if (found.has(".done")) read_done(found, progress);
    return EventStep::more;
  }

  EventStep whole(std::string_view body, ReplyProgress& progress) {
    ResponseHead response;
    JsonScan const scan = response.read(body);
    if (scan != JsonScan::ok)
      return malformed("the provider's reply is not a response: " + std::string(to_string(scan)));
    if (response.failed()) return fail_with(read_failed_response(response));
    bool const is_error = response.error.kind != JsonKind::null;
    if (is_error && response.output.kind != JsonKind::array) return fail_with(read_failed_response(response));
    if (response.output.kind != JsonKind::array) return malformed("the provider's reply is not a response");
    return read_response(body, progress);
  }

  Error error() const { return *error_; }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return false; }

 private:
  EventStep fail_with(Error error) {
    error_ = std::move(error);
    return EventStep::failed;
  }
  EventStep malformed(std::string message) {
    return fail_with(Error(Errc::malformed_reply, std::move(message), Origin::upstream));
  }

  void append(JsonMember const& text, ReplyProgress& progress) {
    if (text.kind != JsonKind::string || text.value.size() <= 2) return;
    committed_ = true;
    progress.text.append(decoded_.of(text.value));
  }

  EventStep read_delta(ResponsesEvent const& event, ReplyProgress& progress) {
    if (event.delta.kind == JsonKind::string && event.delta.value.size() > 2) {
      said_ = committed_ = true;
      ++progress.events;
      if (event.type != "response.audio.delta") append(event.delta, progress);  // else it is base64
    }
    return EventStep::more;
  }
  void read_done(ResponsesEvent const& event, ReplyProgress& progress) {
    if (event.full.kind != JsonKind::string) return;
    if (!std::exchange(said_, false)) append(event.full, progress);
  }

  void read_item(JsonMember const& item, ReplyProgress& progress) {
    if (item.kind != JsonKind::object) return;
    auto const type = find_member(item.value, "type");
    if (!type || type->value == "\"message\"" || type->value == "\"reasoning\"") return;
    committed_ = true;
    said_ = false;
    if (type->value != "\"function_call\"" && type->value != "\"custom_tool_call\"") return;
    calls_ = true;
    if (auto const name = find_member(item.value, "name")) append(*name, progress);
  }

  /// The whole response, at the end of a stream or by itself.
  EventStep read_response(std::string_view object, ReplyProgress& progress) {
    ResponseHead response;
    response.read(object);
    if (response.failed()) return fail_with(read_failed_response(response));
    if (response.usage.kind == JsonKind::object)
      if (Usage const usage = read_responses_usage(response.usage.value); !usage.empty())
        progress.usage = usage;
    progress.served(response.service_tier);
    bool const counted = progress.usage.get(UsageClass::input).has_value() &&
                         progress.usage.get(UsageClass::output).has_value();
    read_output(response.output, counted || !progress.text.empty() ? nullptr : &progress);
    if (searches_ > 0) progress.usage.set(UsageClass::searches, searches_);
    progress.finish = finish_of(response);
    committed_ = true;
    return EventStep::done;
  }

  FinishReason finish_of(ResponseHead const& response) const noexcept {
    if (response.status == "incomplete") {
      if (response.incomplete_reason == "max_output_tokens") return FinishReason::length;
      if (response.incomplete_reason == "content_filter") return FinishReason::content_filter;
      return FinishReason::other;
    }
    if (response.status == "queued" || response.status == "in_progress") return FinishReason::none;
    return calls_ ? FinishReason::tool_calls : FinishReason::stop;
  }

  /// Looks for calls and searches, and for the text where `text_to` is set.
  void read_output(JsonMember const& output, ReplyProgress* text_to) {
    if (output.kind != JsonKind::array) return;
    scan_array(output.value, [&](JsonMember const& item) {
      scan_object(item.value, [&](JsonMember const& m) {
        if (m.key_is("type")) {
          calls_ = calls_ || m.value == "\"function_call\"" || m.value == "\"custom_tool_call\"";
          if (m.value == "\"web_search_call\"" && is_paid_search(item.value)) ++searches_;
        } else if (text_to != nullptr) {
          read_item_text(m, *text_to);
        }
      });
    });
  }
  void read_item_text(JsonMember const& m, ReplyProgress& progress) {
    if (m.key_is("name") || m.key_is("arguments") || m.key_is("input") || m.key_is("code"))
      return append(m, progress);
    if (m.kind != JsonKind::array || (!m.key_is("content") && !m.key_is("summary"))) return;
    scan_array(m.value, [&](JsonMember const& part) {
      scan_object(part.value, [&](JsonMember const& text) {
        if (text.key_is("text") || text.key_is("refusal")) append(text, progress);
      });
    });
  }

  std::optional<Error> error_;
  DecodedString decoded_;
  bool committed_{false};
  bool said_{false};  ///< A piece of the part that is open came as a delta.
  std::int64_t searches_{0};
  bool calls_{false};  ///< A tool of the client's was called.
};

}  // namespace lowart::dialect
