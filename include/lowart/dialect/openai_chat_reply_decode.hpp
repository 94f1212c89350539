#pragma once
/// Replies of the OpenAI dialect, chunks and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/openai_content_scan.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/openai_usage.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace openai_reply {

inline void take_text_into(JsonObject& object, std::string_view name, std::string& out) {
  auto const member = object.peek(name);
  if (!member || member->kind != JsonKind::string) return;
  object.take(name);
  decode_string(member->value, out);
}

inline std::string take_text_of(JsonObject& object, std::string_view name) {
  std::string text;
  take_text_into(object, name, text);
  return text;
}

inline PieceDelta decode_tool_call(std::string_view text, std::int64_t position, JsonFault& fault) {
  JsonObject object(text, "tool_calls", fault);
  PieceDelta piece;
  piece.kind = PartKind::tool_call;
  piece.index = object.take_count("index").value_or(position);  // Mistral sends none
  take_text_into(object, "id", piece.call.id);
  piece.call.custom = object.peek("custom").has_value();
  auto inner = object.take_object(piece.call.custom ? "custom" : "function");
  if (inner) {
    take_text_into(*inner, "name", piece.call.name);
    take_text_into(*inner, piece.call.custom ? "input" : "arguments", piece.call.arguments);
  }
  // Google's way to hand out a thought's signature over this dialect.
  if (auto extra = object.take_object("extra_content"))
    if (auto google = extra->take_object("google"))
      if (std::string proof = take_text_of(*google, "thought_signature"); !proof.empty())
        piece.signature = unseal(proof, Dialect::openai_chat);
  return piece;
}

/// Text of content that came as parts (Mistral); thinking goes to the reasoning.
inline void take_parts(JsonMember const& parts, ChoiceDelta& out, JsonFault& fault, PartKind kind) {
  scan_array(parts.value, [&](JsonMember const& part) {
    if (part.kind != JsonKind::object) return;
    JsonObject object(part, "content", fault);
    out.say(kind, take_text_of(object, "text"));
    if (auto const inner = object.take("thinking");
        inner && inner->kind == JsonKind::array && kind == PartKind::text)
      take_parts(*inner, out, fault, PartKind::reasoning);
  });
}

/// What OpenRouter says of reasoning beside its text: signatures, and thoughts that only their maker can read.
inline void take_reasoning_details(JsonObject& object, ChoiceDelta& out) {
  JsonFault& fault = object.fault();
  auto const details = object.peek("reasoning_details");
  if (!details || details->kind != JsonKind::array) return;
  scan_array(details->value, [&](JsonMember const& element) {
    if (element.kind != JsonKind::object) return;
    JsonObject detail(element, "reasoning_details", fault);
    bool const redacted = take_text_of(detail, "type") == "reasoning.encrypted";
    std::string const proof = take_text_of(detail, redacted ? "data" : "signature");
    if (proof.empty()) return;
    PieceDelta& piece = out.pieces.emplace_back();
    piece.kind = PartKind::reasoning;
    piece.signature = unseal(proof, Dialect::openai_chat);
    piece.redacted = redacted;
    piece.begins = redacted;
  });
}

inline void take_images(JsonObject& object, ChoiceDelta& out) {
  JsonFault& fault = object.fault();
  object.take_list("images", [&](JsonMember const& element, std::string const&) {
    if (element.kind != JsonKind::object) return;
    JsonObject image(element, "images", fault);
    auto url = image.take_object("image_url");
    if (!url) return;
    PieceDelta& piece = out.pieces.emplace_back();
    piece.kind = PartKind::image;
    piece.begins = true;
    take_text_into(*url, "url", piece.data);
  });
}

inline void take_annotations(JsonObject& object, ChoiceDelta& out) {
  JsonFault& fault = object.fault();
  PieceDelta cited;
  object.take_list("annotations", [&](JsonMember const& element, std::string const&) {
    if (element.kind != JsonKind::object) return;
    JsonObject annotation(element, "annotations", fault);
    auto page = annotation.take_object("url_citation");
    if (!page) return;
    Citation& citation = cited.citations.emplace_back();
    take_text_into(*page, "url", citation.url);
    take_text_into(*page, "title", citation.title);
    citation.begin = page->take_count("start_index");
    citation.end = page->take_count("end_index");
    citation.by = Dialect::openai_chat;
    citation.raw.text = element.value;
  });
  if (!cited.citations.empty()) out.pieces.push_back(std::move(cited));
}

/// A delta, or the message of a whole reply.
inline void decode_message(JsonObject object, ChoiceDelta& out) {
  JsonFault& fault = object.fault();
  if (auto const role = object.take("role"); role && role->value == "\"assistant\"")
    out.role = Role::assistant;
  std::string thought = take_text_of(object, "reasoning_content");
  std::string other = take_text_of(object, "reasoning");  // some vendors say it under both names
  out.say(PartKind::reasoning, thought.empty() ? std::move(other) : std::move(thought));
  take_reasoning_details(object, out);
  if (auto const content = object.peek("content"); content && content->kind == JsonKind::array)
    take_parts(*content, out, fault, PartKind::text);
  else out.say(PartKind::text, take_text_of(object, "content"));
  take_images(object, out);
  take_annotations(object, out);
  out.say(PartKind::refusal, take_text_of(object, "refusal"));
  std::int64_t position = 0;
  object.take_list("tool_calls", [&](JsonMember const& call, std::string const&) {
    out.pieces.push_back(decode_tool_call(call.value, position++, fault));
  });
  for (std::string_view const name : {"content", "reasoning_content", "reasoning", "refusal"})
    object.take(name);  // nulls, and what was read as parts
  for (ExtraField& field : object.rest())
    if (field.value.text != "null") out.extra.push_back(std::move(field));
}

inline ChoiceDelta decode_choice(std::string_view text, JsonFault& fault) {
  JsonObject object(text, "choices", fault);
  ChoiceDelta choice;
  choice.index = object.take_count("index").value_or(0);
  bool has_message = false;
  for (std::string_view const name : {"delta", "message"}) {
    auto message = object.take_object(name);
    if (message) has_message = true, decode_message(*std::move(message), choice);
  }
  // Legacy completions; Together says the delta's text here a second time.
  if (!has_message) choice.say(PartKind::text, take_text_of(object, "text"));
  std::string finish;
  take_text_into(object, "finish_reason", finish);
  choice.finish = openai_finish_reason(finish);
  if (choice.finish == FinishReason::other) choice.finish_text = std::move(finish);
  choice.logprobs = object.take_raw("logprobs");
  return choice;
}

}  // namespace openai_reply

/// Reads one chunk, or one whole reply, of chat or legacy completions. Kept: what the neutral language names,
/// and members of the delta and of the top that it does not know. Not kept: unknown members of a choice, and
/// random padding ("obfuscation", "p"), which would be false once re-serialised.
///
/// Errors: the provider's own, for an `error` member; malformed_reply for what is no JSON object or has a
/// member of the wrong type.
inline Result<ChatDelta> decode_openai_reply(std::string_view json) {
  JsonFault fault;
  ChatDelta delta;
  delta.dialect = Dialect::openai_chat;
  if (scan_object(json, [](JsonMember const&) {}) != JsonScan::ok)
    return fail(Errc::malformed_reply, "the provider's reply is not JSON", Origin::upstream);
  JsonObject top(json, "", fault);
  if (auto const error = top.peek("error")) {
    auto fields = read_openai_error_value(*error);
    int const status = status_of_openai_error(fields);
    return tl::unexpected<Error>(classify_upstream_error(status, std::move(fields)));
  }
  openai_reply::take_text_into(top, "id", delta.id);
  openai_reply::take_text_into(top, "model", delta.model);
  if (auto const created = top.take("created")) delta.created = as_int(created->value).value_or(0);
  top.take_list("choices", [&](JsonMember const& choice, std::string const&) {
    delta.choices.push_back(openai_reply::decode_choice(choice.value, fault));
  });
  if (auto const usage = top.take("usage"); usage && usage->kind == JsonKind::object)
    if (Usage const read = read_openai_usage(usage->value); !read.empty()) delta.usage = read;
  for (std::string_view const name : {"object", "obfuscation", "p"}) top.take(name);
  for (ExtraField& field : top.rest())
    if (field.value.text != "null") delta.extra.push_back(std::move(field));
  if (fault.error()) {
    std::string message = "in the provider's reply, " + fault.error()->message();
    return fail(Errc::malformed_reply, std::move(message), Origin::upstream);
  }
  return delta;
}

/// One event of a stream, for SseReplyDecoder.
struct OpenAiReplyEvents {
  Result<bool> decode(net::SseEvent const& event, std::vector<ChatDelta>& out) {
    if (event.data == "[DONE]") return false;
    Result<ChatDelta> delta = decode_openai_reply(event.data);
    if (!delta) return tl::unexpected<Error>(std::move(delta).error());
    out.push_back(*std::move(delta));
    return true;
  }
};

using OpenAiStreamDecoder = SseReplyDecoder<OpenAiReplyEvents>;
using OpenAiWholeDecoder = WholeReplyDecoder<&decode_openai_reply>;

}  // namespace lowart::dialect
