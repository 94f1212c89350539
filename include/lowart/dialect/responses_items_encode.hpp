#pragma once
/// Messages, written as the input items of a Responses request.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_chat_message_encode.hpp>
#include <lowart/dialect/responses_citation.hpp>
#include <lowart/dialect/responses_items.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

namespace responses_items {

/// Writes the items of one conversation.
class Writer {
 public:
  Writer(JsonWriter& w, Conversation const& c, Losses& losses)
      : w_(w),
        c_(c),
        losses_(losses),
        own_(c.dialect == Dialect::openai_responses || c.dialect == Dialect::neutral),
        has_custom_calls_(std::any_of(c.messages.begin(), c.messages.end(), holds_custom_call)) {}

  void message(std::size_t i) {
    Message const& message = c_.messages[i];
    if (message.role == Role::assistant) return turn(message, i);
    if (message.role == Role::tool) return result(message);
    w_.begin_object().text("type", "message").text("role", to_string(message.role));
    content("content", message, "input_text");
    extra(message.extra);
    w_.end_object();
  }

 private:
  void extra(std::vector<ExtraField> const& fields, std::string_view but = {}) {
    if (own_) w_.extra(fields, but);
  }
  static bool is_plain(ContentPart const& part) noexcept {
    return part.kind == PartKind::text && part.extra.empty() && part.citations.empty();
  }
  /// As a string where it is one text, as a list otherwise.
  void content(std::string_view name, Message const& message, std::string_view text_type) {
    auto const& parts = message.content;
    bool const list = message.content_is_parts && own_;
    if (!list && parts.empty()) return void(w_.text(name, ""));
    if (!list && parts.size() == 1 && (is_plain(parts.front()) || (!own_ && is_text(parts.front()))))
      return void(w_.text(name, parts.front().text));
    w_.begin_list(name);
    for (ContentPart const& p : parts) part(p, text_type);
    w_.end_list();
  }
  /// Text, and what becomes text here: a plain document, a refusal that a user quotes.
  static bool is_text(ContentPart const& part) noexcept {
    return part.kind == PartKind::text || openai_request::is_plain_document(part);
  }

  void part(ContentPart const& part, std::string_view text_type) {
    if (part.kind == PartKind::other) {
      if (own_ && !part.raw.empty()) w_.raw(part.raw.text);
      return;
    }
    bool const sayable = is_text(part) || part.kind == PartKind::refusal || part.kind == PartKind::image ||
                         part.kind == PartKind::file || (part.kind == PartKind::audio && own_);
    if (!sayable) return;  // check_fidelity told
    w_.begin_object();
    Media const& media = *part.media;
    std::string_view inner;
    if (is_text(part)) {
      w_.text("type", text_type).text("text", part.text);
      annotations(part);
    } else if (part.kind == PartKind::refusal) {
      w_.text("type", "refusal").text("refusal", part.text);
    } else if (part.kind == PartKind::image) {
      w_.text("type", "input_image").text_if("image_url", openai_request::data_url(media));
      w_.text_if("file_id", media.file_id).text_if("detail", media.detail);
    } else if (part.kind == PartKind::file) {
      file(part);
    } else {
      inner = "input_audio";
      w_.text("type", inner).begin_object(inner);
      if (c_.dialect == Dialect::neutral) openai_request::encode_audio(w_, media);
      else w_.text("data", media.data).text_if("format", media.format);
      openai_request::end_inner(w_, part.extra, inner);
    }
    extra(part.extra, inner.empty() ? item_field_of(part) : inner);
    w_.end_object();
  }
  /// The name of the extra field that is not the part's own; one that excepts nothing where there is none.
  static std::string_view item_field_of(ContentPart const& part) noexcept {
    return item_members(part) != nullptr ? item_field : std::string_view();
  }

  void annotations(ContentPart const& part) {
    if (std::none_of(part.citations.begin(), part.citations.end(), is_annotation)) return;
    w_.begin_list("annotations");
    for (Citation const& citation : part.citations)
      if (is_annotation(citation)) write_annotation(w_, citation);
    w_.end_list();
  }

  void file(ContentPart const& part) {
    Media const& media = *part.media;
    std::string const data = openai_request::data_url(media);
    bool const inside = data.starts_with("data:");
    w_.text("type", "input_file").text_if(inside ? "file_data" : "file_url", data);
    w_.text_if("file_id", media.file_id);
    // Data without a name is refused.
    w_.text_if("filename", media.file_name.empty() && inside && !own_ ? "document.pdf" : media.file_name);
  }

  void result(Message const& message) {
    bool const typed = own_ && find_extra(message.extra, "type") != nullptr;
    w_.begin_object();
    if (!typed)
      w_.text("type",
              is_custom_call(message.tool_call_id) ? "custom_tool_call_output" : "function_call_output");
    w_.text("call_id", message.tool_call_id);
    content("output", message, "input_text");
    extra(message.extra);
    w_.end_object();
  }
  static bool holds_custom_call(Message const& message) noexcept {
    return std::any_of(message.content.begin(), message.content.end(), [](ContentPart const& part) {
      return part.kind == PartKind::tool_call && part.call.custom;
    });
  }
  bool is_custom_call(std::string_view id) const noexcept {
    if (!has_custom_calls_ || c_.dialect == Dialect::openai_responses)
      return false;  // then the message says it
    for (Message const& message : c_.messages)
      for (ContentPart const& part : message.content)
        if (part.kind == PartKind::tool_call && part.call.custom && part.call.id == id) return true;
    return false;
  }

  /// The items of an assistant's turn.
  void turn(Message const& turn, std::size_t i) {
    auto const& parts = turn.content;
    for (std::size_t k = 0; k < parts.size();) {
      std::size_t end = k + 1;
      while (end < parts.size() && !begins_item(parts, end)) ++end;
      if (is_said(parts[k].kind)) said(turn, k, end);
      else item(parts[k], i, k);
      k = end;
    }
  }

  void said(Message const& turn, std::size_t begin, std::size_t end) {
    ContentPart const& first = turn.content[begin];
    RawJson const* const members = own_ ? item_members(first) : nullptr;
    w_.begin_object().text("type", "message").text("role", "assistant");
    bool const alone = turn.content.size() == 1;
    bool const bare = first.extra.empty() || (first.extra.size() == 1 && members != nullptr);
    if (alone && !turn.content_is_parts && bare && first.citations.empty() && first.kind == PartKind::text) {
      w_.text("content", first.text);
    } else {
      w_.begin_list("content");
      for (std::size_t k = begin; k < end; ++k) part(turn.content[k], "output_text");
      w_.end_list();
    }
    if (members != nullptr) w_.members_of(members->text);
    w_.end_object();
  }

  void item(ContentPart const& part, std::size_t i, std::size_t k) {
    if (part.kind == PartKind::tool_call && part.raw.empty()) return call(part);
    if (part.kind == PartKind::reasoning) return reasoning(part);
    if (!part.raw.empty()) {
      if (own_) w_.raw(part.raw.text);
      return;
    }
    losses_.lose(Weight::meaning, path_of(c_, i, k), "cannot be said by an assistant of openai_responses");
  }

  void call(ContentPart const& part) {
    ToolCall const& call = part.call;
    w_.begin_object().text("type", call.custom ? "custom_tool_call" : "function_call");
    w_.text("call_id", call.id).text("name", call.name);
    w_.text(call.custom ? "input" : "arguments", call.arguments);
    extra(part.extra);
    w_.end_object();
  }

  /// Reasoning that this dialect's provider gave, or a client of it without a proof; any other is refused there.
  void reasoning(ContentPart const& part) {
    bool const ours = part.signature.is_of(Dialect::openai_responses);
    bool const unsigned_own = part.signature.empty() && c_.dialect == Dialect::openai_responses;
    if (!ours && !unsigned_own) return;
    w_.begin_object().text("type", "reasoning");
    bool const as_it_came = own_ && (find_extra(part.extra, "summary") != nullptr ||
                                     find_extra(part.extra, "content") != nullptr);
    if (!as_it_came) {
      w_.begin_list("summary");
      if (!part.text.empty())
        w_.begin_object().text("type", "summary_text").text("text", part.text).end_object();
      w_.end_list();
    } else if (find_extra(part.extra, "summary") == nullptr) {
      w_.begin_list("summary").end_list();
    }
    w_.text_if("encrypted_content", part.signature.value);
    extra(part.extra);
    w_.end_object();
  }

  JsonWriter& w_;
  Conversation const& c_;
  Losses& losses_;
  bool own_;
  bool has_custom_calls_;
};

}  // namespace responses_items

}  // namespace lowart::dialect
