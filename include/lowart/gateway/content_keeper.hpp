#pragma once
/// ContentKeeper: what of a chat call is kept in the request log, where an operator wants that.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_utf8.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/gateway/redactor.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/store/request_entry.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Of a request it keeps what is new in it: what stands behind the model's last words, or all of a first request. Texts
/// only, for anything else a mark such as `[image]`; redacted, then cut.
///
/// A KeepContent. Immutable: any thread.
class ContentKeeper {
 public:
  /// `most_bytes` of the texts of a request, and of an answer.
  ContentKeeper(Redactor redactor, std::size_t most_bytes)
      : redactor_(std::move(redactor)), most_bytes_(most_bytes) {}

  RequestContent operator()(Result<Conversation> const& asked, std::string_view answered) const {
    RequestContent content;
    std::size_t left = most_bytes_;
    content.answered = shortened(answered, left);
    if (!asked) return content;
    dialect::JsonWriter w(content.asked);
    left = most_bytes_;
    w.begin_list();
    for (std::size_t i = first_new(*asked); i < asked->messages.size() && left > 0; ++i) {
      Message const& message = asked->messages[i];
      w.begin_object().text("role", to_string(message.role));
      w.text("content", shortened(text_of(message), left)).end_object();
    }
    w.end_list();
    return content;
  }

 private:
  static std::size_t first_new(Conversation const& asked) noexcept {
    for (std::size_t i = asked.messages.size(); i > 0; --i)
      if (asked.messages[i - 1].role == Role::assistant) return i;
    return 0;
  }
  static std::string text_of(Message const& message) {
    std::string text;
    for (ContentPart const& part : message.content) {
      if (!text.empty()) text.push_back('\n');
      if (!part.text.empty()) text.append(part.text);
      else text.append("[").append(mark_of(part.kind)).append("]");
    }
    return text;
  }
  static std::string_view mark_of(PartKind kind) noexcept {
    switch (kind) {
      case PartKind::image: return "image";
      case PartKind::audio: return "audio";
      case PartKind::tool_call: return "tool call";
      default: return "other content";
    }
  }
  /// A pattern that the end would cut in two is looked at whole: so some bytes more are redacted than are kept.
  std::string shortened(std::string_view text, std::size_t& left) const {
    constexpr std::size_t over = 512;
    std::string kept = redactor_.redact(std::string(text.substr(0, left + over)));
    if (kept.size() <= left && text.size() <= left + over) {
      left -= kept.size();
      return kept;
    }
    std::size_t const most = std::min(left, kept.size());
    kept.resize(dialect::valid_utf8_prefix(std::string_view(kept).substr(0, most)));
    left = 0;
    return kept.append("[cut: it had ").append(std::to_string(text.size())).append(" bytes]");
  }

  Redactor redactor_;
  std::size_t most_bytes_;
};

}  // namespace lowart
