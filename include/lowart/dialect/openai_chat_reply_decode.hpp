#pragma once
/// Replies of the OpenAI dialect, chunks and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/openai_content_scan.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/dialect/openai_usage.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <span>
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

inline ToolCallDelta decode_tool_call(std::string_view text, std::int64_t position, JsonFault& fault) {
  JsonObject object(text, "tool_calls", fault);
  ToolCallDelta call;
  call.index = object.take_count("index").value_or(position);  // Mistral sends none
  take_text_into(object, "id", call.id);
  call.custom = object.peek("custom").has_value();
  auto inner = object.take_object(call.custom ? "custom" : "function");
  if (!inner) return call;
  take_text_into(*inner, "name", call.name);
  take_text_into(*inner, call.custom ? "input" : "arguments", call.arguments);
  return call;
}

/// Text of content that came as parts (Mistral); thinking goes to the reasoning.
inline void take_parts(JsonMember const& parts, ChoiceDelta& out, JsonFault& fault, bool thinking = false) {
  scan_array(parts.value, [&](JsonMember const& part) {
    if (part.kind != JsonKind::object) return;
    JsonObject object(part.value, "content", fault);
    take_text_into(object, "text", thinking ? out.reasoning : out.text);
    if (auto const inner = object.take("thinking"); inner && inner->kind == JsonKind::array && !thinking)
      take_parts(*inner, out, fault, true);
  });
}

/// A delta, or the message of a whole reply.
inline void decode_message(JsonObject object, ChoiceDelta& out) {
  JsonFault& fault = object.fault();
  if (auto const role = object.take("role")) {
    if (role->value == "\"assistant\"") out.role = Role::assistant;
  }
  if (auto const content = object.peek("content"); content && content->kind == JsonKind::array) {
    object.take("content");
    take_parts(*content, out, fault);
  } else {
    take_text_into(object, "content", out.text);
    object.take("content");
  }
  take_text_into(object, "reasoning_content", out.reasoning);
  std::string other;
  take_text_into(object, "reasoning", other);
  if (out.reasoning.empty()) out.reasoning = std::move(other);  // some vendors say it under both names
  take_text_into(object, "refusal", out.refusal);
  std::int64_t position = 0;
  object.take_list("tool_calls", [&](JsonMember const& call, std::string const&) {
    out.tool_calls.push_back(decode_tool_call(call.value, position++, fault));
  });
  for (std::string_view const name : {"reasoning_content", "reasoning", "refusal"})
    object.take(name);  // nulls
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
  if (!has_message) take_text_into(object, "text", choice.text);
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
  if (scan_object(json, [](JsonMember const&) {}) != JsonScan::ok)
    return fail(Errc::malformed_reply, "the provider's reply is not JSON", Origin::upstream);
  JsonObject top(json, "", fault);
  if (auto const error = top.peek("error")) {
    auto fields = read_openai_error_value(*error);
    int const status = status_of_openai_error(fields);
    return tl::unexpected<Error>(classify_openai_error(status, std::move(fields)));
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

/// Decodes a stream: the ReplyDecoder of replies whose bytes are server-sent events.
class OpenAiStreamDecoder final : public ReplyDecoder {
 public:
  Result<void> decode(std::string_view bytes, bool, std::vector<ChatDelta>& out) override {
    std::optional<Error> failed;
    if (done_) return {};
    auto const step =
        splitter_.feed(std::span<char const>(bytes.data(), bytes.size()), [&](net::SseEvent const& e) {
          if (e.data == "[DONE]") return done_ = true, false;
          auto delta = decode_openai_reply(e.data);
          if (!delta) return failed = std::move(delta.error()), false;
          out.push_back(*std::move(delta));
          return true;
        });
    if (step == net::SseStep::too_large)
      return fail(Errc::malformed_reply, "an event of the provider's stream is over the size limit",
                  Origin::upstream);
    if (failed) return tl::unexpected<Error>(*std::move(failed));
    return {};
  }

 private:
  net::SseSplitter splitter_;
  bool done_{false};
};

/// Decodes a whole reply, once its last piece is there.
class OpenAiWholeDecoder final : public ReplyDecoder {
 public:
  Result<void> decode(std::string_view bytes, bool last, std::vector<ChatDelta>& out) override {
    if (!last || !body_.empty()) body_.append(bytes);
    if (!last) return {};
    auto delta = decode_openai_reply(body_.empty() ? bytes : std::string_view(body_));
    if (!delta) return tl::unexpected<Error>(std::move(delta).error());
    out.push_back(*std::move(delta));
    return {};
  }

 private:
  std::string body_;
};

/// For ChatReply::Head::decoder of a reply of chat or legacy completions.
inline ArenaPtr<ReplyDecoder> make_openai_stream_decoder(Call& call) {
  return call.make<OpenAiStreamDecoder>();
}
inline ArenaPtr<ReplyDecoder> make_openai_whole_decoder(Call& call) {
  return call.make<OpenAiWholeDecoder>();
}

}  // namespace lowart::dialect
