#pragma once
/// The messages of a Conversation, written as those of a chat request of the OpenAI dialect.

#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// How a provider's variant of the OpenAI dialect wants to be spoken to. For requests that are translated; those of
/// the same dialect go as they came.
struct OpenAiVariant {
  bool legacy_max_tokens{
      false};  ///< Knows `max_tokens`, not `max_completion_tokens`: Mistral, older servers.
  bool reasoning_content{
      false};  ///< Takes earlier reasoning back as `reasoning_content`: DeepSeek, Moonshot, vLLM.
};

namespace openai_request {

/// Ends an inner object with the members kept for it.
inline void end_inner(JsonWriter& w, std::vector<ExtraField> const& extra, std::string_view name) {
  if (auto const* rest = find_extra(extra, name)) w.members_of(rest->text);
  w.end_object();
}

/// Whether the members that only this dialect knows may be written.
inline bool is_own(Dialect d) noexcept { return d == Dialect::openai_chat || d == Dialect::neutral; }

/// What is written while a conversation is.
struct Encoding {
  JsonWriter& w;
  bool own;  ///< Extra fields and raw JSON are words of this dialect.
  OpenAiVariant variant;
  std::vector<ContentPart const*> parts{};  ///< Of the message that is being written.

  void extra(std::vector<ExtraField> const& fields, std::string_view but = {}) {
    if (own) w.extra(fields, but);
  }
  void end_inner(std::vector<ExtraField> const& fields, std::string_view name) {
    if (own) openai_request::end_inner(w, fields, name);
    else w.end_object();
  }
  void cache_mark(std::optional<CacheMark> const& cache) {
    if (!own || !cache) return;
    w.begin_object("cache_control").text("type", "ephemeral").text_if("ttl", cache->ttl).end_object();
  }
};

/// Parts that stand in `content`; the others have members of their own.
inline bool is_content(PartKind kind) noexcept {
  return kind != PartKind::reasoning && kind != PartKind::tool_call;
}

inline bool is_plain_document(ContentPart const& part) noexcept {
  return part.kind == PartKind::file && part.media->data.empty() && part.media->file_id.empty() &&
         !part.text.empty();
}

/// "data:TYPE;base64,DATA" of media that another dialect says in two members.
inline std::string data_url(Media const& media) {
  if (media.media_type.empty() || media.data.find(':') != std::string::npos) return media.data;
  return "data:" + media.media_type + ";base64," + media.data;
}

/// Audio is told by its format; a data: URL of another dialect is taken apart.
inline void encode_audio(JsonWriter& w, Media const& media) {
  std::string_view data = media.data;
  std::string_view format = media.format;
  if (data.starts_with("data:")) data.remove_prefix(std::min(data.find(',') + 1, data.size()));
  if (format.empty())
    format = media.media_type == "audio/mpeg" || media.media_type == "audio/mp3" ? "mp3" : "wav";
  w.text("data", data).text_if("format", format);
}

inline void encode_part(Encoding& e, ContentPart const& part) {
  JsonWriter& w = e.w;
  if (part.kind == PartKind::other) {
    if (e.own && !part.raw.empty()) w.raw(part.raw.text);
    return;
  }
  w.begin_object();
  Media const& media = *part.media;
  std::string_view inner;
  switch (part.kind) {
    case PartKind::text: w.text("type", "text").text("text", part.text); break;
    case PartKind::refusal: w.text("type", "refusal").text("refusal", part.text); break;
    case PartKind::image:
      inner = "image_url";
      w.text("type", inner).begin_object(inner).text("url", data_url(media)).text_if("detail", media.detail);
      break;
    case PartKind::audio:
      inner = "input_audio";
      w.text("type", inner).begin_object(inner);
      encode_audio(w, media);
      break;
    case PartKind::file:
      if (is_plain_document(part)) {
        w.text("type", "text").text("text", part.text);
        break;
      }
      inner = "file";
      w.text("type", inner)
          .begin_object(inner)
          .text_if("file_data", data_url(media))
          .text_if("file_id", media.file_id);
      w.text_if("filename", media.file_name.empty() && !e.own && media.file_id.empty() ? "document.pdf"
                                                                                       : media.file_name);
      break;
    case PartKind::video:
    case PartKind::reasoning:
    case PartKind::tool_call:
    case PartKind::other: break;
  }
  if (!inner.empty()) e.end_inner(part.extra, inner);
  e.cache_mark(part.cache);
  e.extra(part.extra, inner);
  w.end_object();
}

inline void encode_tool_call(Encoding& e, ContentPart const& part) {
  JsonWriter& w = e.w;
  if (!part.raw.empty()) {
    if (e.own) w.raw(part.raw.text);  // a kind of call that we only carry
    return;
  }
  ToolCall const& call = part.call;
  std::string_view const type = call.custom ? "custom" : "function";
  w.begin_object().text("id", call.id).text("type", type).begin_object(type).text("name", call.name);
  w.text(call.custom ? "input" : "arguments", call.arguments);
  e.end_inner(part.extra, type);
  e.extra(part.extra, type);
  w.end_object();
}

/// The content among e.parts.
inline void encode_content(Encoding& e, bool came_as_list) {
  JsonWriter& w = e.w;
  bool const in_list = came_as_list && e.own;
  ContentPart const* refusal = nullptr;
  auto const stands_here = [&](ContentPart const* part) {
    return is_content(part->kind) && (in_list || part->kind != PartKind::refusal);
  };
  ContentPart const* first = nullptr;
  bool several = false;
  for (ContentPart const* part : e.parts) {
    if (part->kind == PartKind::refusal && !in_list) refusal = part;
    if (!stands_here(part)) continue;
    several = first != nullptr;
    if (!several) first = part;
  }
  bool const plain = !in_list && first != nullptr && !several && first->kind == PartKind::text &&
                     first->extra.empty() && (!first->cache || !e.own);
  if (plain) {
    w.text("content", first->text);
  } else if (first == nullptr && !in_list) {
    w.null("content");
  } else {
    w.begin_list("content");
    for (ContentPart const* part : e.parts)
      if (stands_here(part)) encode_part(e, *part);
    w.end_list();
  }
  if (refusal != nullptr) w.text("refusal", refusal->text);
}

inline void encode_reasoning(Encoding& e, Message const& message) {
  if (!e.own && !e.variant.reasoning_content) return;
  for (std::string_view const name : {"reasoning_content", "reasoning", "reasoning_details"})
    if (e.own && find_extra(message.extra, name) != nullptr) return;  // goes out as it came
  std::string all;
  for (ContentPart const* part : e.parts)
    if (part->kind == PartKind::reasoning) all.append(part->text);
  e.w.text_if("reasoning_content", all);
}

inline void encode_tool_calls(Encoding& e) {
  bool open = false;
  for (ContentPart const* part : e.parts) {
    if (part->kind != PartKind::tool_call) continue;
    if (!std::exchange(open, true)) e.w.begin_list("tool_calls");
    encode_tool_call(e, *part);
  }
  if (open) e.w.end_list();
}

/// A message that says e.parts; all else is that of `message`.
inline void encode_parts(Encoding& e, Message const& message) {
  JsonWriter& w = e.w;
  w.begin_object();
  if (!e.own || find_extra(message.extra, "role") == nullptr) w.text("role", to_string(message.role));
  encode_content(e, message.content_is_parts);
  encode_reasoning(e, message);
  if (message.role != Role::tool || e.own) w.text_if("name", message.name);
  w.text_if("tool_call_id", message.tool_call_id);
  encode_tool_calls(e);
  e.extra(message.extra);
  w.end_object();
}

inline void encode_message(Encoding& e, Message const& message) {
  e.parts.clear();
  for (ContentPart const& part : message.content) e.parts.push_back(&part);
  encode_parts(e, message);
}

/// The text of a tool's result of another dialect; what else it holds follows the results in a message of the user.
inline void encode_result_text(Encoding& e, Message const& message) {
  std::string joined;
  std::string_view text;
  bool const is_one = message.content.size() == 1 && message.content.front().kind == PartKind::text;
  if (is_one) text = message.content.front().text;
  else text = joined = message.text();
  bool const has_media = message.content.size() > 1 || (!message.content.empty() && text.empty());
  if (text.empty() && has_media) text = "The result follows in the next message of the user.";
  e.w.begin_object().text("role", "tool").text("content", text);
  e.w.text_if("tool_call_id", message.tool_call_id).end_object();
}

/// What an assistant said in a row is one turn here: a result must follow the message that holds its call. Texts that
/// say nothing, which some clients keep of a stream, are left out. The parts of the turn become e.parts.
inline void join_turn(Encoding& e, std::vector<Message> const& messages, std::size_t& i) {
  e.parts.clear();
  for (; i < messages.size() && messages[i].role == Role::assistant; ++i)
    for (ContentPart const& part : messages[i].content)
      if (part.kind != PartKind::text || !part.text.empty()) e.parts.push_back(&part);
}

/// Messages of another dialect: results of tools are text here, so their images and documents come behind them.
inline void encode_foreign_messages(Encoding& e, std::vector<Message> const& messages) {
  Message const user;
  std::vector<ContentPart const*> media;
  auto const flush = [&] {
    if (media.empty()) return;
    e.parts.swap(media);
    encode_parts(e, user);
    media.clear();
  };
  for (std::size_t i = 0; i < messages.size();) {
    Message const& message = messages[i];
    if (message.role == Role::tool) {
      encode_result_text(e, message);
      for (ContentPart const& part : message.content)
        if (part.kind != PartKind::text && part.kind != PartKind::other) media.push_back(&part);
      ++i;
      continue;
    }
    flush();
    if (message.role != Role::assistant) {
      encode_message(e, message);
      ++i;
      continue;
    }
    join_turn(e, messages, i);
    bool const silent = std::all_of(e.parts.begin(), e.parts.end(),
                                    [](auto const* part) { return part->kind == PartKind::reasoning; });
    if (!silent) encode_parts(e, message);
  }
  flush();
}

}  // namespace openai_request

}  // namespace lowart::dialect
