#pragma once
/// OperationEvents: what an event of a streamed image, voice or transcript, or a whole JSON reply says, for a reply that
/// passes by as bytes.

#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/openai_operation.hpp>
#include <lowart/dialect/reply_reader.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// For ReplyReader. Every event is content. The last one's `type` ends with ".completed" or ".done"
/// (image_generation.completed, image_edit.completed, speech.audio.done, transcript.text.done) and mostly has the usage;
/// several images end one after the other, so a stream goes on until it ends. Where no usage is told, they are counted.
///
/// Errors: an `error` event or member is the provider's failure; what is no JSON object is malformed_reply.
class OperationEvents {
 public:
  explicit OperationEvents(OperationKind kind) noexcept : kind_(kind) {}

  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    committed_ = true;
    if (event.data == "[DONE]") return may_end_ = true, EventStep::done;
    std::optional<JsonMember> error;
    std::string_view type;
    JsonScan const scan = scan_object(event.data, [&](JsonMember const& member) {
      if (member.key_is("type")) type = as_string_view(member.value).value_or("");
      else if (member.key_is("error") && member.kind != JsonKind::null) error = member;
      else if (member.key_is("usage") && member.kind == JsonKind::object)
        if (Usage const used = openai_operation::read_usage(kind_, member.value); !used.empty())
          progress.usage = used, told_ = true;
    });
    if (scan != JsonScan::ok) {
      error_ =
          Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream);
      return EventStep::failed;
    }
    if (error || type == "error" || event.event == "error") return failed(error, event.data);
    ++progress.events;
    bool const completes = type.ends_with(".completed") || type.ends_with(".done");
    if (completes) may_end_ = true;
    if (completes && !told_ && openai_operation::is_image(kind_))
      progress.usage.set(UsageClass::images, progress.usage.value(UsageClass::images) + 1);
    return EventStep::more;
  }

  EventStep whole(std::string_view body, ReplyProgress& progress) {
    committed_ = true;
    Result<Usage> const usage = read_operation_reply(kind_, body);
    if (usage) progress.usage = *usage;
    else error_ = usage.error();
    return usage ? EventStep::done : EventStep::failed;
  }

  Error error() const { return error_.value_or(Error(Errc::internal, "there was no error")); }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return may_end_; }

 private:
  EventStep failed(std::optional<JsonMember> const& error, std::string_view data) {
    UpstreamErrorWords words = error ? read_openai_error_value(*error) : read_openai_error_body(data);
    int const status = status_of_openai_error(words);
    error_ = classify_upstream_error(status, std::move(words));
    return EventStep::failed;
  }

  OperationKind kind_;
  std::optional<Error> error_;
  bool told_{false};  ///< An event had usage.
  bool committed_{false};
  bool may_end_{false};
};

using OperationReader = ReplyReader<OperationEvents>;

}  // namespace lowart::dialect
