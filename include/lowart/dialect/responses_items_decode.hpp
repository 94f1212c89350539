#pragma once
/// The input items of a Responses request, read into messages.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/openai_chat_message_decode.hpp>
#include <lowart/dialect/responses_citation.hpp>
#include <lowart/dialect/responses_items.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace responses_items {

/// A text that must be there.
inline std::string required_text(JsonObject& object, std::string_view name) { return object.need_text(name); }

/// One element of a message's content, or of a tool's output.
inline void decode_part(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                        ContentPart& part) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  auto const type = object.need_word("type");
  if (type == "input_text" || type == "output_text") {
    part.text = required_text(object, "text");
    object.take_list("annotations", [&](JsonMember const& a, JsonPath const& at) {
      if (a.kind != JsonKind::object) return fault.wrong(at, "must be an object");
      part.citations.push_back(read_annotation(a.value));
    });
  } else if (type == "refusal") {
    part.kind = PartKind::refusal;
    part.text = required_text(object, "refusal");
  } else if (type == "input_image") {
    part.kind = PartKind::image;
    Media& media = part.media.edit();
    media.data = object.take_text_or_empty("image_url");
    media.file_id = object.take_text_or_empty("file_id");
    media.detail = object.take_text_or_empty("detail");
  } else if (type == "input_file") {
    part.kind = PartKind::file;
    auto data = object.take_text("file_data");
    if (data && !data->starts_with("data:")) data->insert(0, "data:application/pdf;base64,");
    Media& media = part.media.edit();
    media.data = data ? *std::move(data) : object.take_text_or_empty("file_url");
    media.file_id = object.take_text_or_empty("file_id");
    media.file_name = object.take_text_or_empty("filename");
  } else if (auto inner = type == "input_audio" ? object.take_object(type) : std::nullopt) {
    part.kind = PartKind::audio;
    Media& media = part.media.edit();
    media.data = inner->take_text_or_empty("data");
    media.format = inner->take_text_or_empty("format");
    part.extra = object.rest();
    openai_request::keep_rest(*inner, type, part.extra);
    return;
  } else {
    part.kind = PartKind::other;
    part.raw.text = element.value;
    return;
  }
  part.extra = object.rest();
}

/// A string, or a list of parts.
inline void decode_content(JsonObject& object, std::string_view name, Message& message) {
  auto const content = object.take(name);
  if (!content) return object.wrong(name, "is missing");
  if (content->kind == JsonKind::string) {
    message.content.emplace_back().text = JsonObject::text_of(*content);
  } else if (content->kind == JsonKind::array) {
    message.content_is_parts = true;
    JsonObject::for_each_element(*content, object.path_of(name),
                                 [&](JsonMember const& e, JsonPath const& path) {
                                   decode_part(e, path, object.fault(), message.content.emplace_back());
                                 });
  } else {
    object.wrong(name, "must be a string or a list of parts");
  }
}

/// Whether a summary is nothing, or one text: what `ContentPart::text` alone can say again.
inline bool is_plain_summary(std::optional<JsonMember> const& summary) {
  if (!summary) return true;
  int entries = 0;
  bool plain = true;
  scan_array(summary->value, [&](JsonMember const& entry) {
    ++entries;
    int members = 0;
    bool has_text = false, has_type = false;
    scan_object(entry.value, [&](JsonMember const& m) {
      ++members;
      has_type = has_type || (m.key_is("type") && m.value == "\"summary_text\"");
      has_text = has_text || (m.key_is("text") && m.kind == JsonKind::string && m.value.size() > 2);
    });
    plain = plain && members == 2 && has_text && has_type;
  });
  return plain && entries <= 1;
}

/// The texts of a list of `{type, text}`, a blank line between them.
inline std::string joined_texts(std::optional<JsonMember> const& list) {
  std::string all;
  if (!list) return all;
  scan_array(list->value, [&](JsonMember const& entry) {
    auto const text = entry.kind == JsonKind::object ? find_member(entry.value, "text") : std::nullopt;
    if (!text || text->kind != JsonKind::string) return;
    if (!all.empty()) all.append("\n\n");
    decode_string(text->value, all);
  });
  return all;
}

/// A reasoning item. Where its lists say more than one text does, they are kept as they came.
inline ContentPart decode_reasoning(JsonObject& item) {
  ContentPart part;
  part.kind = PartKind::reasoning;
  for (std::string_view const name : {"summary", "content"})
    if (auto const list = item.peek(name); list && list->kind != JsonKind::array)
      return item.wrong(name, "must be a list"), part;
  auto const summary = item.peek("summary"), content = item.peek("content");
  part.text = joined_texts(content);
  if (part.text.empty()) part.text = joined_texts(summary);
  bool const has_content = content && content->value.find('{') != std::string_view::npos;
  bool const plain = !has_content && is_plain_summary(summary);
  bool const has_summary = summary && summary->value.find('{') != std::string_view::npos;
  if (plain || !has_summary) item.take("summary");
  if (!has_content) item.take("content");
  if (auto const proof = item.take_text("encrypted_content"); proof && !proof->empty())
    part.signature = unseal(*proof, Dialect::openai_responses);
  part.redacted = plain && part.text.empty() && !part.signature.empty();
  part.extra = item.rest();
  return part;
}

inline void decode_call(JsonObject& item, bool custom, ContentPart& part) {
  part.kind = PartKind::tool_call;
  part.call.custom = custom;
  part.call.id = required_text(item, "call_id");
  part.call.name = required_text(item, "name");
  part.call.arguments = required_text(item, custom ? "input" : "arguments");
  part.extra = item.rest();
}

/// Reads the items of `input` one after the other.
class Reader {
 public:
  Reader(Conversation& c, JsonFault& fault) : c_(c), fault_(fault) {}

  void read(JsonMember const& element, JsonPath const& path) {
    if (element.kind != JsonKind::object) return fault_.wrong(path, "must be an object");
    JsonObject item(element, path, fault_);
    bool const is_message = !item.peek("type") && item.peek("role");
    if (!is_message && !item.peek("type")) return item.wrong("type", "is missing");
    auto const type = is_message ? "message" : item.take_word("type").value_or("");
    if (type == "message") return read_message(item, element.value);
    if (type == "function_call" || type == "custom_tool_call")
      return read_call(item, type == "custom_tool_call");
    if (type == "function_call_output" || type == "custom_tool_call_output") return read_output(item, type);
    if (type == "reasoning") return read_reasoning(item);
    carry(element.value);
  }
  /// After the last item.
  void finish() { end_turn(); }

 private:
  void read_message(JsonObject& item, std::string_view raw) {
    item.take("type");
    Message message;
    openai_request::decode_role(item, message);
    if (message.role == Role::tool) return item.wrong("role", "is none of a message here");
    if (message.role == Role::assistant) message.content.reserve(2);  // and a call, as mostly
    decode_content(item, "content", message);
    if (message.role == Role::assistant) return read_said(item, std::move(message), raw);
    message.extra = item.rest();
    end_turn();
    c_.messages.push_back(std::move(message));
  }

  /// A message item of the assistant joins the turn.
  void read_said(JsonObject const& item, Message said, std::string_view raw) {
    bool const known = std::all_of(said.content.begin(), said.content.end(),
                                   [](ContentPart const& part) { return is_said(part.kind); });
    if (!known || said.content.empty()) return carry(raw);
    Message& turn = open_turn();
    bool const first = turn.content.empty();
    RawJson members = item.rest_as_object();
    bool const touches = !first && is_said(turn.content.back().kind);
    if (members.empty() && touches) members.text = "{}";
    auto& extra = said.content.front().extra;
    if (!members.empty()) extra.insert(extra.begin(), {std::string(item_field), std::move(members)});
    if (first) {
      take_pending(said.content.front());
      turn.content = std::move(said.content);
    } else {
      for (ContentPart& part : said.content) add(std::move(part));
    }
    turn.content_is_parts = said.content_is_parts || !first;
  }

  void read_call(JsonObject& item, bool custom) {
    Message& turn = open_turn();
    turn.content_is_parts = true;
    ContentPart& part = turn.content.emplace_back();
    decode_call(item, custom, part);
    take_pending(part);
  }

  void read_output(JsonObject& item, std::string_view type) {
    end_turn();
    Message& result = c_.messages.emplace_back();
    result.role = Role::tool;
    result.tool_call_id = required_text(item, "call_id");
    decode_content(item, "output", result);
    result.extra = item.rest();
    if (type != "function_call_output") result.extra.push_back({"type", {"\"" + std::string(type) + "\""}});
  }

  void read_reasoning(JsonObject& item) {
    ContentPart part = decode_reasoning(item);
    // Gemini signs texts and calls, which have no place for it here: a sealed item before them carries it.
    bool const of_next = part.redacted && part.signature.by == Dialect::gemini;
    if (!of_next) return add(std::move(part));
    hand_back();
    open_turn();
    pending_ = std::move(part.signature);
  }

  /// An item that we do not interpret.
  void carry(std::string_view raw) {
    ContentPart part;
    part.kind = PartKind::other;
    part.raw.text = raw;
    add(std::move(part));
  }

  Message& open_turn() {
    if (!std::exchange(turn_open_, true)) {
      c_.messages.emplace_back().role = Role::assistant;
      c_.messages.back().content_is_parts = true;
    }
    return c_.messages.back();
  }
  void add(ContentPart part) {
    Message& turn = open_turn();
    turn.content_is_parts = true;
    if (is_said(part.kind)) take_pending(part);
    turn.content.push_back(std::move(part));
  }
  void take_pending(ContentPart& part) {
    if (!pending_.empty()) part.signature = std::exchange(pending_, {});
  }
  /// A signature that nothing followed belongs to what was said before it.
  void hand_back() {
    if (pending_.empty()) return;
    Signature proof = std::exchange(pending_, {});
    auto& parts = c_.messages.back().content;
    if (!parts.empty() && parts.back().signature.empty() && parts.back().kind != PartKind::other)
      return void(parts.back().signature = std::move(proof));
    ContentPart part;
    part.kind = PartKind::reasoning;
    part.redacted = true;
    part.signature = std::move(proof);
    parts.push_back(std::move(part));
  }
  void end_turn() {
    hand_back();
    turn_open_ = false;
  }

  Conversation& c_;
  JsonFault& fault_;
  Signature pending_;
  bool turn_open_{false};
};

}  // namespace responses_items

}  // namespace lowart::dialect
