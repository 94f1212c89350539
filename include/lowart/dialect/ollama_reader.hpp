#pragma once
/// OllamaEvents: what one line, or one whole reply, of Ollama says, for a reply that passes by as bytes. Reads those of
/// /api/chat and of /api/generate.

#include <lowart/dialect/decoded_string.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_done.hpp>
#include <lowart/dialect/ollama_error_reading.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// For ReplyReader. Content, the commit point, is the first text, thought or call, and the end. The line with
/// `done` is the terminal one: a stream without it was cut.
///
/// Errors: an `error` member is the provider's failure; what is no JSON object is malformed_reply.
class OllamaEvents {
 public:
  EventStep read(net::SseEvent const& line, ReplyProgress& progress) {
    if (scan(line.data, progress) != JsonScan::ok || has_error_) return failed(line.data);
    if (texts_ > 0) ++progress.events;
    return done_ ? EventStep::done : EventStep::more;
  }

  /// The text is gathered only when the usage does not tell what it cost.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    gathers_ = false;
    JsonScan const found = scan(body, progress);
    gathers_ = true;
    if (found != JsonScan::ok || has_error_) return failed(body);
    if (!has_message_) {
      error_ = Error(Errc::malformed_reply, "the provider's reply has no message", Origin::upstream);
      return EventStep::failed;
    }
    Usage const& usage = progress.usage;
    if (!usage.get(UsageClass::input) || !usage.get(UsageClass::output)) (void)scan(body, progress);
    committed_ = true;
    return EventStep::done;
  }

  Error error() const { return error_.value_or(Error(Errc::internal, "there was no error")); }
  bool committed() const noexcept { return committed_; }
  static bool may_end() noexcept { return false; }

 private:
  EventStep failed(std::string_view data) {
    error_ = has_error_ ? from_ollama_error_line(data)
                        : Error(Errc::malformed_reply, "a line of the provider's stream is not JSON",
                                Origin::upstream);
    return EventStep::failed;
  }

  JsonScan scan(std::string_view json, ReplyProgress& progress) {
    progress_ = &progress;
    texts_ = 0;
    has_error_ = has_message_ = done_ = false;
    std::string reason;
    Usage usage;
    JsonScan const found = scan_object(json, [&](JsonMember const& m) {
      if (m.key == "message") {
        has_message_ = m.kind == JsonKind::object;
        if (has_message_) read_message(m.value);
      } else if (m.key == "response" || m.key == "thinking") {  // of /api/generate
        has_message_ = has_message_ || (m.key == "response" && m.kind == JsonKind::string);
        read_text(m);
      } else if (m.key == "done") {
        done_ = m.value == "true";
      } else if (m.key == "done_reason") {
        reason.clear();
        if (m.kind == JsonKind::string) decode_string(m.value, reason);
      } else if (m.key == "error") {
        has_error_ = m.kind != JsonKind::null;
      } else {
        take_ollama_count(m, usage);
      }
    });
    if (!usage.empty()) progress.usage = usage;
    if (!done_) return found;
    progress.finish = ollama_finish_reason(reason, called_);
    committed_ = true;
    return found;
  }

  void read_message(std::string_view message) {
    scan_object(message, [&](JsonMember const& m) {
      if (m.key == "content" || m.key == "thinking") read_text(m);
      else if (m.key == "tool_calls" && m.kind == JsonKind::array)
        scan_array(m.value, [&](JsonMember const& call) { read_call(call.value); });
    });
  }

  void read_call(std::string_view call) {
    auto const function = find_member(call, "function");
    if (!function || function->kind != JsonKind::object) return;
    committed_ = called_ = true;
    scan_object(function->value, [&](JsonMember const& m) {
      if (m.key == "name") read_text(m);
      else if (m.key == "arguments") say(m.value);
    });
  }

  void read_text(JsonMember const& m) {
    if (m.kind != JsonKind::string || m.value.size() <= 2) return;
    committed_ = true;
    say(decoded_.of(m.value));
  }
  void say(std::string_view text) {
    ++texts_;
    if (gathers_) progress_->text.append(text);
  }

  ReplyProgress* progress_{nullptr};
  std::optional<Error> error_;
  DecodedString decoded_;
  int texts_{0};
  bool called_{false};  // in any line so far
  bool has_error_{false};
  bool has_message_{false};
  bool done_{false};
  bool committed_{false};
  bool gathers_{true};
};

using OllamaReader = ReplyReader<OllamaEvents, NdjsonSplitter>;

}  // namespace lowart::dialect
