#pragma once
/// GeminiEvents: what one event, or one whole reply, of Gemini says, for a reply that passes by as bytes.

#include <lowart/dialect/decoded_string.hpp>
#include <lowart/dialect/gemini_error_reading.hpp>
#include <lowart/dialect/gemini_finish.hpp>
#include <lowart/dialect/gemini_usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// For ReplyReader. Content, the commit point, is the first text, thought, call, code, media, finish reason or reason
/// to block the prompt. A stream has no terminal event: it may end once every candidate seen has its finish reason,
/// or when the prompt was blocked. Usage is the last that came, as Google's figures are cumulative.
///
/// Errors: an `error` member is the provider's failure; what is no JSON object is malformed_reply.
class GeminiEvents {
 public:
  EventStep read(net::SseEvent const& event, ReplyProgress& progress) {
    if (scan(event.data, progress) != JsonScan::ok || has_error_) return failed(event.data);
    if (texts_ > 0) ++progress.events;
    return EventStep::more;
  }

  /// The text is gathered only when the usage does not tell what it cost.
  EventStep whole(std::string_view body, ReplyProgress& progress) {
    gathers_ = false;
    JsonScan const found = scan(body, progress);
    gathers_ = true;
    if (found != JsonScan::ok || has_error_) return failed(body);
    if (!has_candidates_ && !blocked_) {
      error_ = Error(Errc::malformed_reply, "the provider's reply has no candidates", Origin::upstream);
      return EventStep::failed;
    }
    Usage const& usage = progress.usage;
    if (!usage.get(UsageClass::input) || !usage.get(UsageClass::output)) (void)scan(body, progress);
    committed_ = true;
    return EventStep::done;
  }

  Error error() const { return error_.value_or(Error(Errc::internal, "there was no error")); }
  bool committed() const noexcept { return committed_; }
  bool may_end() const noexcept { return blocked_ || (seen_.any() && seen_ == finished_); }

 private:
  EventStep failed(std::string_view data) {
    error_ = has_error_ ? from_gemini_error_event(data)
                        : Error(Errc::malformed_reply, "an event of the provider's stream is not JSON",
                                Origin::upstream);
    return EventStep::failed;
  }

  JsonScan scan(std::string_view json, ReplyProgress& progress) {
    progress_ = &progress;
    texts_ = 0;
    has_error_ = has_candidates_ = false;
    std::string_view usage;
    JsonScan const found = scan_object(json, [&](JsonMember const& m) {
      if (m.key == "candidates") {
        has_candidates_ = m.kind == JsonKind::array;
        if (has_candidates_) scan_array(m.value, [&](JsonMember const& c) { read_candidate(c.value); });
      } else if (m.key == "usageMetadata") {
        usage = m.value;
      } else if (m.key == "promptFeedback") {
        read_feedback(m.value);
      } else if (m.key == "error") {
        has_error_ = m.kind != JsonKind::null;
      }
    });
    if (usage.empty()) return found;
    Usage const told = read_gemini_usage(usage, may_end());
    if (!told.empty()) progress.usage = told;
    if (auto const tier = may_end() ? find_member(usage, "serviceTier") : std::nullopt)
      progress.served(as_string_view(tier->value).value_or(""));
    return found;
  }

  void read_candidate(std::string_view candidate) {
    std::size_t index = 0;
    std::string finish;
    called_here_ = false;
    scan_object(candidate, [&](JsonMember const& m) {
      if (m.key == "content") read_content(m.value);
      else if (m.key == "finishReason") finish = gemini_finish::word(m);
      else if (m.key == "index") index = static_cast<std::size_t>(as_int(m.value).value_or(0));
    });
    if (index >= seen_.size()) return;
    seen_.set(index);
    if (called_here_) called_.set(index);
    if (finish.empty() || finish == gemini_finish::numbers.front()) return;
    finished_.set(index);
    progress_->finish = gemini_finish_reason(finish, called_.test(index));
    committed_ = true;
  }

  void read_content(std::string_view content) {
    scan_object(content, [&](JsonMember const& m) {
      if (m.key == "parts" && m.kind == JsonKind::array)
        scan_array(m.value, [&](JsonMember const& part) { read_part(part.value); });
    });
  }

  void read_part(std::string_view part) {
    scan_object(part, [&](JsonMember const& m) {
      if (m.key == "text") read_text(m);
      else if (m.key == "functionCall") read_call(m);
      else if (m.key == "executableCode") read_code(m);
      else if (m.kind == JsonKind::object && m.key != "partMetadata") committed_ = true;  // media, results
    });
  }

  void read_call(JsonMember const& call) {
    committed_ = called_here_ = true;
    scan_object(call.value, [&](JsonMember const& m) {
      if (m.key == "name") read_text(m);
      else if (m.key == "args") say(m.value);
      else if (m.key == "partialArgs")
        scan_array(m.value, [&](JsonMember const& piece) {
          if (auto const text = find_member(piece.value, "stringValue")) read_text(*text);
        });
    });
  }

  void read_code(JsonMember const& code) {
    committed_ = true;
    if (auto const text = find_member(code.value, "code")) read_text(*text);
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

  void read_feedback(std::string_view feedback) {
    auto const reason = find_member(feedback, "blockReason");
    if (!reason || reason->kind == JsonKind::null) return;
    blocked_ = committed_ = true;
    progress_->finish = FinishReason::content_filter;
  }

  ReplyProgress* progress_{nullptr};
  std::optional<Error> error_;
  std::bitset<128> seen_, finished_, called_;
  DecodedString decoded_;
  int texts_{0};
  bool called_here_{false};
  bool has_error_{false};
  bool has_candidates_{false};
  bool blocked_{false};
  bool committed_{false};
  bool gathers_{true};
};

using GeminiReader = ReplyReader<GeminiEvents>;

}  // namespace lowart::dialect
