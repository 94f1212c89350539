#pragma once
/// BedrockReader: reads along an answer of Converse or ConverseStream that passes by as bytes, and changes none of them.

#include <lowart/core/result.hpp>
#include <lowart/dialect/aws_event_stream.hpp>
#include <lowart/dialect/bedrock_error_reading.hpp>
#include <lowart/dialect/bedrock_finish.hpp>
#include <lowart/dialect/bedrock_usage.hpp>
#include <lowart/dialect/decoded_string.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace bedrock_stream {

/// The failure that an event is; nullopt for a usual one.
inline std::optional<Error> failure_of(net::SseEvent const& event) {
  if (event.id == aws_event::event) return std::nullopt;
  if (event.id == aws_event::broken)
    return Error(Errc::malformed_reply, "a message of the provider's stream has " + std::string(event.data),
                 Origin::upstream);
  return from_bedrock_exception(event.event, event.data);
}

inline Error not_json() {
  return Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream);
}

}  // namespace bedrock_stream

/// What the events of ConverseStream mean, for a ReplyReader.
///
/// Content, the commit point, is the first non-empty text or reasoning, the start of any block of another kind (calls
/// of tools, images), or the stop reason. A stream is complete with messageStop; `metadata`, which comes behind it and
/// has the usage, ends it. One that ends between the two is whole, without a word on usage.
///
/// Errors: an exception is the provider's failure, as classify() of bedrock_error says; a message that is none, or
/// whose payload is not JSON, is malformed_reply.
class BedrockEvents {
 public:
  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    if (auto failure = bedrock_stream::failure_of(event)) return fails(*std::move(failure));
    std::optional<JsonMember> delta, start, stop_reason, usage;
    JsonScan const scan = scan_object(event.data, [&](JsonMember const& m) {
      if (m.key_is("delta")) delta = m;
      else if (m.key_is("start")) start = m;
      else if (m.key_is("stopReason")) stop_reason = m;
      else if (m.key_is("usage")) usage = m;
    });
    if (scan != JsonScan::ok) return fails(bedrock_stream::not_json());
    if (event.event == "contentBlockDelta") read_block(delta, progress);
    else if (event.event == "contentBlockStart") read_block(start, progress);
    else if (event.event == "messageStop") read_finish(stop_reason, progress), stopped_ = committed_ = true;
    else if (event.event == "metadata") {
      read_usage(usage, progress);
      if (stopped_) return EventStep::done;
    }
    return EventStep::more;
  }

  /// The text of a whole reply is gathered only when it reports no usage.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    std::optional<JsonMember> output, stop_reason, usage;
    JsonScan const scan = scan_object(body, [&](JsonMember const& m) {
      if (m.key_is("output")) output = m;
      else if (m.key_is("stopReason")) stop_reason = m;
      else if (m.key_is("usage")) usage = m;
    });
    auto const message = output ? find_member(output->value, "message") : std::nullopt;
    auto const content = message ? find_member(message->value, "content") : std::nullopt;
    if (scan != JsonScan::ok || !content || content->kind != JsonKind::array) {
      std::string text = "the provider's reply is not an answer of Converse";
      if (scan != JsonScan::ok) text.append(": ").append(to_string(scan));
      return fails(Error(Errc::malformed_reply, std::move(text), Origin::upstream));
    }
    read_finish(stop_reason, progress);
    read_usage(usage, progress);
    if (!progress.usage.get(UsageClass::input) || !progress.usage.get(UsageClass::output))
      scan_array(content->value, [&](JsonMember const& block) { read_block(block, progress); });
    committed_ = true;
    return EventStep::done;
  }

  Error error() const { return *failed_; }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return stopped_; }

 private:
  EventStep fails(Error error) {
    failed_ = std::move(error);
    return EventStep::failed;
  }

  /// Adds a string; false for an empty one.
  bool say(JsonMember const& m, ReplyProgress& progress) {
    if (m.kind != JsonKind::string || m.value.size() <= 2) return false;
    progress.text.append(decoded_.of(m.value));
    return true;
  }

  /// A block, whole, as it begins, or what is added to it. Its one member names its kind.
  void read_block(std::optional<JsonMember> const& block, ReplyProgress& progress) {
    if (!block || block->kind != JsonKind::object) return;
    bool content = false;
    scan_object(block->value, [&](JsonMember const& m) {
      if (m.key_is("text")) content = say(m, progress) || content;
      else if (m.key_is("reasoningContent")) content = read_reasoning(m, progress) || content;
      else if (m.key_is("citationsContent")) content = read_cited(m, progress) || content;
      else content = true, read_inner(m, progress);
    });
    if (!content) return;
    committed_ = true;
    ++progress.events;
  }
  /// The text in a call, or in reasoning as it comes in deltas. What is hidden is content, but no text.
  bool read_inner(JsonMember const& inner, ReplyProgress& progress) {
    if (inner.kind != JsonKind::object) return false;
    bool said = false;
    scan_object(inner.value, [&](JsonMember const& m) {
      if (m.key_is("text") || m.key_is("name")) said = say(m, progress) || said;
      else if (m.key_is("input") && m.kind == JsonKind::object) progress.text.append(m.value);
      else if (m.key_is("input")) said = say(m, progress) || said;
      else if (m.key_is("redactedContent")) said = true;
    });
    return said;
  }
  bool read_reasoning(JsonMember const& reasoning, ReplyProgress& progress) {
    auto const whole = find_member(reasoning.value, "reasoningText");
    return read_inner(whole ? *whole : reasoning, progress);
  }
  bool read_cited(JsonMember const& cited, ReplyProgress& progress) {
    bool said = false;
    auto const content = find_member(cited.value, "content");
    if (content && content->kind == JsonKind::array)
      scan_array(content->value, [&](JsonMember const& part) { said = read_inner(part, progress) || said; });
    return said;
  }

  void read_finish(std::optional<JsonMember> const& word, ReplyProgress& progress) {
    if (!word || word->kind != JsonKind::string) return;
    progress.finish = bedrock_finish_reason(as_string_view(word->value).value_or("other"));
  }
  void read_usage(std::optional<JsonMember> const& usage, ReplyProgress& progress) {
    if (usage && usage->kind == JsonKind::object) progress.usage = read_bedrock_usage(usage->value);
  }

  std::optional<Error> failed_;
  DecodedString decoded_;
  bool stopped_{false};
  bool committed_{false};
};

using BedrockReader = ReplyReader<BedrockEvents, AwsEventSplitter>;

}  // namespace lowart::dialect
