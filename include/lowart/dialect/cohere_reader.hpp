#pragma once
/// CohereReader: reads along an answer of Cohere's chat that passes by as bytes, and changes none of them.

#include <lowart/dialect/cohere_event.hpp>
#include <lowart/dialect/cohere_finish.hpp>
#include <lowart/dialect/cohere_usage.hpp>
#include <lowart/dialect/decoded_string.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// What the events of a chat mean, for a ReplyReader.
///
/// Content, the commit point, is the first text, thought or plan, the start of a call, and the end. `message-end` is the
/// terminal event: a stream without it was cut.
///
/// Errors: an end by ERROR or TIMEOUT, or with an error, and an event that is an error, are the provider's failure; what is
/// no JSON object is malformed_reply. Types that are not known say nothing.
class CohereEvents {
 public:
  EventStep read(net::SseEvent const& sent, ReplyProgress& progress) {
    CohereEvent const event = CohereEvent::of(sent.data);
    if (auto failure = event.failure()) return fails(*std::move(failure));
    bool const content = read_content(event, progress);
    if (content) committed_ = true, ++progress.events;
    if (event.type != "message-end") return EventStep::more;
    end(event.finish_reason(), object_in(event.delta, "usage"), progress);
    return EventStep::done;
  }

  /// The text of a whole reply is gathered only when the usage does not tell what it cost.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    std::optional<JsonMember> message;
    std::string_view usage;
    std::string word;
    JsonScan const scan = scan_object(body, [&](JsonMember const& m) {
      if (m.key_is("message")) message = m;
      else if (m.key_is("finish_reason")) word = text_of(m);
      else if (m.key_is("usage") && m.kind == JsonKind::object) usage = m.value;
    });
    if (scan == JsonScan::ok && message && message->kind == JsonKind::string)
      return fails(from_cohere_failure(text_of(message)));
    if (scan != JsonScan::ok || !message || message->kind != JsonKind::object) {
      std::string text = "the provider's reply has no message";
      if (scan != JsonScan::ok) text.append(": ").append(to_string(scan));
      return fails(Error(Errc::malformed_reply, std::move(text), Origin::upstream));
    }
    if (auto failure = cohere_failure(word, text_in(body, "error"))) return fails(*std::move(failure));
    end(word, usage, progress);
    if (!progress.usage.get(UsageClass::input) || !progress.usage.get(UsageClass::output))
      read_message(message->value, progress);
    return EventStep::done;
  }

  Error error() const { return failed_.value_or(Error(Errc::internal, "there was no error")); }
  bool committed() const noexcept { return committed_; }
  static bool may_end() noexcept { return false; }

 private:
  EventStep fails(Error error) {
    failed_ = std::move(error);
    return EventStep::failed;
  }
  void end(std::string_view word, std::string_view usage, ReplyProgress& progress) {
    progress.finish = cohere_finish_reason(word);
    if (Usage const told = read_cohere_usage(usage); !told.empty()) progress.usage = told;
    committed_ = true;
  }

  /// False where the event adds nothing that the model said.
  bool read_content(CohereEvent const& event, ReplyProgress& progress) {
    if (event.type == "content-start" || event.type == "content-delta")
      return read_block(event.added("content"), progress);
    if (event.type == "tool-plan-delta") return read_members(event.message, progress, {"tool_plan"});
    bool const begins = event.type == "tool-call-start";
    if (!begins && event.type != "tool-call-delta") return false;
    return read_function(object_in(event.added("tool_calls"), "function"), progress) || begins;
  }
  bool read_block(std::string_view block, ReplyProgress& progress) {
    return read_members(block, progress, {"text", "thinking"});
  }
  bool read_function(std::string_view function, ReplyProgress& progress) {
    return read_members(function, progress, {"name", "arguments"});
  }
  bool read_members(std::string_view object, ReplyProgress& progress,
                    std::initializer_list<std::string_view> names) {
    bool said = false;
    scan_object(object, [&](JsonMember const& m) {
      if (m.kind != JsonKind::string || m.value.size() <= 2) return;
      for (std::string_view const name : names) {
        if (!m.key_is(name)) continue;
        progress.text.append(decoded_.of(m.value));
        said = true;
      }
    });
    return said;
  }

  void read_message(std::string_view message, ReplyProgress& progress) {
    scan_object(message, [&](JsonMember const& m) {
      bool const is_list = m.kind == JsonKind::array;
      if (m.key_is("content") && is_list)
        scan_array(m.value, [&](JsonMember const& block) { read_block(block.value, progress); });
      else if (m.key_is("content") && m.kind == JsonKind::string) progress.text.append(decoded_.of(m.value));
      else if (m.key_is("tool_calls") && is_list)
        scan_array(m.value, [&](JsonMember const& call) {
          read_function(object_in(call.value, "function"), progress);
        });
    });
    read_members(message, progress, {"tool_plan"});
  }

  std::optional<Error> failed_;
  DecodedString decoded_;
  bool committed_{false};
};

using CohereReader = ReplyReader<CohereEvents>;

}  // namespace lowart::dialect
