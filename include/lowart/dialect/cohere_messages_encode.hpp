#pragma once
/// The messages of a Conversation, written as those of a chat request of Cohere.

#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect::cohere_request {

inline constexpr std::string_view why = "cannot be said to a provider that speaks cohere";

inline bool is_system(Message const& message) noexcept {
  return message.role == Role::system || message.role == Role::developer;
}
inline bool is_text(ContentPart const& part) noexcept {
  return (part.kind == PartKind::text || part.kind == PartKind::refusal) && part.raw.empty();
}
inline bool is_image(ContentPart const& part) noexcept {
  return part.kind == PartKind::image && !part.media->data.empty();
}

/// A call's arguments, which have to be an object: what a model said is kept even when it was none.
inline std::string arguments_of(ToolCall const& call) {
  std::string_view const inner = gemini_request::without_space(call.arguments);
  if (!call.custom && (inner.empty() || inner == "null")) return "{}";
  if (!call.custom && gemini_request::is_json_object(inner)) return std::string(inner);
  std::string made;
  JsonWriter(made).begin_object().text("input", call.arguments).end_object();
  return made;
}

/// Writes the messages of one conversation.
class Messages {
 public:
  Messages(JsonWriter& w, Conversation const& c, Losses& losses) : w_(w), c_(c), losses_(losses) {}

  void write() {
    w_.begin_list("messages");
    std::size_t i = write_system();
    for (; i < c_.messages.size(); ++i) {
      if (c_.messages[i].role != Role::tool) write_images_of_tools();
      write_message(i);
    }
    write_images_of_tools();
    w_.end_list();
  }

 private:
  /// Cohere takes one system message, as the first. Returns how many there were.
  std::size_t write_system() {
    std::size_t n = 0;
    std::vector<ContentPart const*> parts;
    for (; n < c_.messages.size() && is_system(c_.messages[n]); ++n)
      for (ContentPart const& part : c_.messages[n].content)
        if (is_text(part)) parts.push_back(&part);
    if (parts.empty()) return n;
    w_.begin_object().text("role", "system");
    write_content(parts);
    w_.end_object();
    return n;
  }

  void write_message(std::size_t i) {
    Message const& message = c_.messages[i];
    if (is_system(message)) return;  // told as a loss
    if (message.role == Role::tool) return write_result(message);
    if (message.role == Role::assistant) return write_turn(i);
    std::vector<ContentPart const*> parts;
    for (ContentPart const& part : message.content)
      if (is_text(part) || is_image(part)) parts.push_back(&part);
    w_.begin_object().text("role", "user");
    write_content(parts);
    w_.end_object();
  }

  void write_result(Message const& message) {
    std::string text;
    for (ContentPart const& part : message.content) {
      if (is_text(part)) text += part.text;
      if (is_image(part)) of_tools_.push_back(&part);
    }
    w_.begin_object().text("role", "tool").text("tool_call_id", message.tool_call_id);
    w_.text("content", text).end_object();
  }
  /// A result has no images, so they follow behind the last of several.
  void write_images_of_tools() {
    if (of_tools_.empty()) return;
    w_.begin_object().text("role", "user");
    write_content(std::exchange(of_tools_, {}));
    w_.end_object();
  }

  void write_turn(std::size_t i) {
    Message const& message = c_.messages[i];
    bool calls = false;
    for (ContentPart const& part : message.content) calls = calls || is_call(part);
    std::string plan;
    std::vector<ContentPart const*> parts;
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      ContentPart const& part = message.content[j];
      bool const thought = is_thought(i, j);
      if (thought && calls) plan.append(plan.empty() ? "" : "\n\n").append(part.text);
      else if (thought || is_text(part)) parts.push_back(&part);
    }
    w_.begin_object().text("role", "assistant");
    if (!calls || !parts.empty()) write_content(parts);
    w_.text_if("tool_plan", plan);
    if (calls) write_calls(message);
    w_.end_object();
  }
  static bool is_call(ContentPart const& part) noexcept {
    return part.kind == PartKind::tool_call && part.raw.empty();
  }
  /// A thought that may go back: Cohere signs none, so one that is signed is another vendor's.
  bool is_thought(std::size_t i, std::size_t j) {
    ContentPart const& part = c_.messages[i].content[j];
    if (part.kind != PartKind::reasoning || !part.raw.empty()) return false;
    bool const foreign = part.redacted || part.signature.is_foreign_to(Dialect::cohere);
    if (foreign) losses_.lose(Weight::hint, path_of(c_, i, j), why);
    return !foreign && !part.text.empty();
  }

  void write_calls(Message const& message) {
    w_.begin_list("tool_calls");
    for (ContentPart const& part : message.content) {
      if (!is_call(part)) continue;
      w_.begin_object().text("id", part.call.id).text("type", "function").begin_object("function");
      w_.text("name", part.call.name).text("arguments", arguments_of(part.call)).end_object().end_object();
    }
    w_.end_list();
  }

  /// One text is a string, anything else a list.
  void write_content(std::vector<ContentPart const*> const& parts) {
    if (parts.empty()) return void(w_.text("content", ""));
    if (parts.size() == 1 && is_text(*parts.front())) return void(w_.text("content", parts.front()->text));
    w_.begin_list("content");
    for (ContentPart const* part : parts) write_part(*part);
    w_.end_list();
  }
  void write_part(ContentPart const& part) {
    w_.begin_object();
    if (part.kind == PartKind::image) {
      w_.text("type", "image_url").begin_object("image_url").text("url", part.media->data);
      w_.text_if("detail", part.media->detail).end_object();
    } else if (part.kind == PartKind::reasoning) {
      w_.text("type", "thinking").text("thinking", part.text);
    } else {
      w_.text("type", "text").text("text", part.text);
    }
    w_.end_object();
  }

  JsonWriter& w_;
  Conversation const& c_;
  Losses& losses_;
  std::vector<ContentPart const*> of_tools_;  ///< Images that their results could not hold.
};

}  // namespace lowart::dialect::cohere_request
