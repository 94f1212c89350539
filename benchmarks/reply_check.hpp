#pragma once
/// Decides whether a reply is the one the mock wrote: a fast wrong answer must not become a figure.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "chat_fixture.hpp"
#include "messages_fixture.hpp"
#include "sockets.hpp"

namespace lowart::bench {

struct Expected {
  bool stream = false;
  bool ticks = false;       ///< Events carry the time they were sent.
  bool translated = false;  ///< The mock said it on /v1/messages, and here it must be chat.
  int events = default_events;
  std::size_t request_body_bytes = 0;
};

/// Sees the body of one reply, piece by piece; finish() says what is wrong with it. Reusable by reset().
class ReplyCheck {
 public:
  explicit ReplyCheck(Expected const& expected) : inner_expected_(expected) {}

  void reset() {
    inner_text_.clear();
    inner_events_ = inner_translated_events_ = 0;
    inner_first_content_ns_ = 0;
    inner_has_usage_ = inner_is_done_ = false;
    inner_trouble_ = nullptr;
  }

  /// Ticks found are added to `delays_ns` as time from sending to now.
  void body(std::string_view piece, std::vector<std::uint64_t>& delays_ns) {
    if (!inner_expected_.stream) {
      inner_text_ += piece;
      return;
    }
    for (std::size_t newline = piece.find('\n'); newline != std::string_view::npos;
         newline = piece.find('\n')) {
      std::string_view text = piece.substr(0, newline);
      if (!inner_text_.empty()) {
        inner_text_ += text;
        line(inner_text_, delays_ns);
        inner_text_.clear();
      } else {
        line(text, delays_ns);
      }
      piece.remove_prefix(newline + 1);
    }
    inner_text_ += piece;
  }

  /// Nullptr when all is well, else what is not.
  char const* finish(int status) const {
    if (status != 200) return "status is not 200";
    if (inner_trouble_ != nullptr) return inner_trouble_;
    return inner_expected_.stream ? finish_stream() : finish_whole();
  }

  int events() const { return inner_events_; }
  /// When the second event (the first with words) was there; 0 = not yet.
  std::uint64_t first_content_ns() const { return inner_first_content_ns_; }
  std::string const& text() const { return inner_text_; }

 private:
  static bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
  }

  void line(std::string_view text, std::vector<std::uint64_t>& delays_ns) {
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.empty() || text.front() == ':') return;  // end of an event, or a comment
    if (inner_is_done_) inner_trouble_ = "bytes after [DONE]";
    if (text == "data: [DONE]") {
      inner_is_done_ = true;
    } else if (text.substr(0, 7) == "data: {" && text.back() == '}') {
      event(text, delays_ns);
    } else {
      inner_trouble_ = "a line that is no event";
    }
  }

  void event(std::string_view text, std::vector<std::uint64_t>& delays_ns) {
    ++inner_events_;
    if (inner_expected_.translated && has(text, R"("object":"chat.completion.chunk")") &&
        has(text, messages_mark))
      ++inner_translated_events_;
    if (inner_events_ == 2) inner_first_content_ns_ = now_ns();
    if (inner_events_ > inner_expected_.events) inner_has_usage_ = has(text, R"("usage":{)");
    if (!inner_expected_.ticks) return;
    std::size_t const at = text.find(tick_mark);
    if (at == std::string_view::npos) return;
    std::string const digits(text.substr(at + tick_mark.size(), tick_digits));
    delays_ns.push_back(now_ns() - std::strtoull(digits.c_str(), nullptr, 10));
  }

  char const* finish_stream() const {
    if (!inner_is_done_) return "the stream has no [DONE]";
    if (inner_events_ != inner_expected_.events + 1) return "the stream has a wrong number of events";
    // The first event has the role, the last one the finish reason.
    if (inner_expected_.translated && inner_translated_events_ != inner_expected_.events - 2)
      return "the words did not come from /v1/messages";
    return inner_has_usage_ ? nullptr : "the last event has no usage";
  }

  char const* finish_whole() const {
    if (inner_text_.find(reply_mark) == std::string::npos)
      return "the mark of the mock is missing in the reply";
    if (inner_text_.back() != '}' || inner_text_.size() < whole_reply_bytes / 2) return "the reply is cut";
    std::size_t const at = inner_text_.find(body_size_mark);
    if (at == std::string::npos) return "the reply does not say what the mock received";
    std::size_t const received = std::strtoull(inner_text_.c_str() + at + body_size_mark.size(), nullptr, 10);
    // A gateway may rename the model or ask for usage, which moves the size a little.
    if (received + 256 < inner_expected_.request_body_bytes ||
        received > inner_expected_.request_body_bytes + 256)
      return "the request did not reach the mock whole";
    return inner_expected_.translated ? finish_translated() : nullptr;
  }

  char const* finish_translated() const {
    static std::string const usage = R"("prompt_tokens":)" + std::to_string(messages_input_tokens) +
                                     R"(,"completion_tokens":)" + std::to_string(messages_output_tokens);
    if (!has(inner_text_, messages_mark)) return "the reply did not come from /v1/messages";
    if (!has(inner_text_, R"("object":"chat.completion")") || !has(inner_text_, R"("finish_reason":"stop")"))
      return "the reply is not a chat completion";
    return has(inner_text_, usage) ? nullptr : "the usage of the reply is not what the mock reported";
  }

  Expected inner_expected_;
  std::string inner_text_;  ///< The whole reply, or the line that is not complete yet.
  int inner_events_ = 0;
  int inner_translated_events_ = 0;
  std::uint64_t inner_first_content_ns_ = 0;
  bool inner_has_usage_ = false;
  bool inner_is_done_ = false;
  char const* inner_trouble_ = nullptr;
};

}  // namespace lowart::bench
