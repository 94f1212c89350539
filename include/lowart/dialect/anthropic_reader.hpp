#pragma once
/// AnthropicReader: reads along a reply of /v1/messages that passes by as bytes, and changes none of them.

#include <lowart/core/result.hpp>
#include <lowart/dialect/anthropic_error_reading.hpp>
#include <lowart/dialect/anthropic_finish.hpp>
#include <lowart/dialect/anthropic_usage.hpp>
#include <lowart/dialect/decoded_string.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// Recognises the delta that differs from the last one only in its text, and in how many spaces stand before its last
/// brace: the random padding of this provider. What a full look found in the first holds for the next.
class AnthropicDeltaShape {
 public:
  /// Remembers `event` up to the text literal (quotes included; a view into `event`), when no more than closing
  /// brackets follow it.
  void learn(std::string_view event, std::string_view text) noexcept {
    head_ = static_cast<std::size_t>(text.data() - event.data()) + 1;
    known_ = head_ <= bytes_.size() && closes(event.substr(head_ - 1 + text.size()));
    if (known_) std::memcpy(bytes_.data(), event.data(), head_);
  }
  /// The text literal of `event`, quotes included, when it has the remembered shape.
  std::optional<std::string_view> match(std::string_view event) const noexcept {
    if (!known_ || event.size() <= head_ || std::memcmp(event.data(), bytes_.data(), head_) != 0)
      return std::nullopt;
    JsonCursor cursor(event.substr(head_ - 1));
    if (cursor.skip_string() != JsonScan::ok) return std::nullopt;
    char const* const begin = event.data() + head_ - 1;
    std::string_view const text(begin, static_cast<std::size_t>(cursor.at() - begin));
    return closes(event.substr(head_ - 1 + text.size())) ? std::optional(text) : std::nullopt;
  }

 private:
  /// Two braces with spaces around them, and nothing else.
  static bool closes(std::string_view tail) noexcept {
    int braces = 0;
    for (char const c : tail) {
      if (c == '}') ++braces;
      else if (c != ' ') return false;
    }
    return braces == 2;
  }

  std::array<char, 200> bytes_{};
  std::size_t head_{0};
  bool known_{false};
};

/// What the events of /v1/messages mean, for a ReplyReader.
///
/// Content, the commit point, is the first non-empty text or thinking, any other kind of block (tool calls, results of
/// the provider's own tools, redacted thinking), or a stop reason. message_start, pings and empty blocks come before
/// it. Usage is cumulative: see AnthropicUsage. A stream is complete with message_stop and with nothing else.
///
/// Errors: an error event is the provider's failure, classified as classify_upstream_error does; data that is not JSON
/// is malformed_reply. Cost: about 40 ns for a usual delta, 0.3 us for one that is unlike the last.
class AnthropicEvents {
 public:
  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    if (auto const text = shape_.match(event.data); text && text->size() > 2 && event.event != "error") {
      append(*text, progress);
      ++progress.events;
      committed_ = true;
      return EventStep::more;
    }
    Event found;
    JsonScan const scan = scan_object(event.data, [&](JsonMember const& m) { found.take(m); });
    std::string_view const type = found.type ? as_string_view(found.type->value).value_or("") : "";
    if (type == "error" || event.event == "error") return fails(from_anthropic_error_event(event.data));
    if (scan != JsonScan::ok)
      return fails(
          Error(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream));
    if (type == "message_stop") return EventStep::done;
    if (type == "content_block_delta") read_delta(event.data, found, progress);
    else if (type == "content_block_start") read_block(found.content_block, progress);
    else if (type == "message_start") read_start(found.message, progress);
    else if (type == "message_delta") read_end(found, progress);
    return EventStep::more;
  }

  /// The text of a whole reply is gathered only when it reports no usage.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    std::optional<JsonMember> type, content, stop_reason, usage;
    JsonScan const scan = scan_object(body, [&](JsonMember const& m) {
      if (m.key_is("type")) type = m;
      else if (m.key_is("content")) content = m;
      else if (m.key_is("stop_reason")) stop_reason = m;
      else if (m.key_is("usage")) usage = m;
    });
    if (scan == JsonScan::ok && type && type->value == "\"error\"")
      return fails(from_anthropic_error_event(body));
    if (scan != JsonScan::ok || !content || content->kind != JsonKind::array) {
      std::string message = "the provider's reply is not a message";
      if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
      return fails(Error(Errc::malformed_reply, std::move(message), Origin::upstream));
    }
    read_finish(stop_reason, progress);
    if (usage && usage->kind == JsonKind::object) {
      usage_.read(usage->value);
      take_usage(progress);
    }
    if (!progress.usage.get(UsageClass::input) || !progress.usage.get(UsageClass::output))
      scan_array(content->value, [&](JsonMember const& block) { read_block(block, progress); });
    committed_ = true;
    return EventStep::done;
  }

  Error error() const { return *failed_; }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return false; }

 private:
  /// The members of an event that matter here.
  struct Event {
    std::optional<JsonMember> type, delta, content_block, message, usage;

    void take(JsonMember const& m) {
      if (m.key_is("type")) type = m;
      else if (m.key_is("delta")) delta = m;
      else if (m.key_is("content_block")) content_block = m;
      else if (m.key_is("message")) message = m;
      else if (m.key_is("usage")) usage = m;
    }
  };

  EventStep fails(Error error) {
    failed_ = std::move(error);
    return EventStep::failed;
  }

  void append(std::string_view literal, ReplyProgress& progress) {
    progress.text.append(decoded_.of(literal));
  }
  /// Adds a string that is not empty.
  bool say(JsonMember const& m, ReplyProgress& progress) {
    if (m.kind != JsonKind::string || m.value.size() <= 2) return false;
    append(m.value, progress);
    return committed_ = true;
  }

  void read_delta(std::string_view event, Event const& found, ReplyProgress& progress) {
    if (!found.delta || found.delta->kind != JsonKind::object) return;
    std::string_view text;
    int texts = 0;
    scan_object(found.delta->value, [&](JsonMember const& m) {
      bool const names_text = m.key_is("text") || m.key_is("thinking") || m.key_is("partial_json");
      if (names_text && say(m, progress)) text = m.value, ++texts;
    });
    if (texts > 0) ++progress.events;
    if (texts == 1) shape_.learn(event, text);
  }

  /// A block, as it begins or whole. Text and thinking are content once there is some; any other kind is one itself.
  void read_block(std::optional<JsonMember> const& block, ReplyProgress& progress) {
    if (!block || block->kind != JsonKind::object) return;
    bool is_talk = false, said = false;
    scan_object(block->value, [&](JsonMember const& m) {
      if (m.key_is("type")) is_talk = m.value == "\"text\"" || m.value == "\"thinking\"";
      else if (m.key_is("text") || m.key_is("thinking") || m.key_is("name")) said = say(m, progress) || said;
      else if (m.key_is("input") && m.kind == JsonKind::object && m.value != "{}")
        progress.text.append(m.value);
    });
    if (!is_talk) committed_ = true;
    if (said || !is_talk) ++progress.events;
  }

  /// What is there already at the start is a whole message (calls made by the provider's own code).
  void read_start(std::optional<JsonMember> const& message, ReplyProgress& progress) {
    if (!message || message->kind != JsonKind::object) return;
    std::optional<JsonMember> usage, stop_reason;
    scan_object(message->value, [&](JsonMember const& m) {
      if (m.key_is("usage") && m.kind == JsonKind::object) usage = m;
      else if (m.key_is("stop_reason")) stop_reason = m;
      else if (m.key_is("content") && m.kind == JsonKind::array)
        scan_array(m.value, [&](JsonMember const& block) { read_block(block, progress); });
    });
    bool const ended = read_finish(stop_reason, progress);
    if (!usage) return;
    if (ended) usage_.read(usage->value);
    else usage_.read_start(usage->value);
    take_usage(progress);
  }

  void read_end(Event const& found, ReplyProgress& progress) {
    if (found.delta && found.delta->kind == JsonKind::object)
      read_finish(find_member(found.delta->value, "stop_reason"), progress);
    if (!found.usage || found.usage->kind != JsonKind::object) return;
    usage_.read(found.usage->value);
    take_usage(progress);
  }

  void take_usage(ReplyProgress& progress) {
    progress.usage = usage_.usage();
    progress.served(usage_.service_tier());
  }

  bool read_finish(std::optional<JsonMember> const& word, ReplyProgress& progress) {
    if (!word || word->kind != JsonKind::string) return false;
    FinishReason const reason = anthropic_finish_reason(as_string_view(word->value).value_or("other"));
    if (reason == FinishReason::none) return false;
    progress.finish = reason;
    return committed_ = true;
  }

  AnthropicDeltaShape shape_;
  AnthropicUsage usage_;
  std::optional<Error> failed_;
  DecodedString decoded_;
  bool committed_{false};
};

using AnthropicReader = ReplyReader<AnthropicEvents>;

}  // namespace lowart::dialect
