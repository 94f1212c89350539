#pragma once
/// Replies of Ollama, lines of a stream and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_fault.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/ollama_done.hpp>
#include <lowart/dialect/ollama_error_reading.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace ollama_reply {

/// One token with what Ollama leaves out where there is none: strict clients want every member.
inline void write_token(JsonWriter& w, std::string_view token, bool with_others) {
  std::string_view text = "\"\"", logprob = "0", bytes = "null", others = "[]";
  scan_object(token, [&](JsonMember const& m) {
    if (m.key == "token" && m.kind == JsonKind::string) text = m.value;
    else if (m.key == "logprob" && m.kind == JsonKind::number) logprob = m.value;
    else if (m.key == "bytes" && m.kind == JsonKind::array) bytes = m.value;
    else if (m.key == "top_logprobs" && m.kind == JsonKind::array) others = m.value;
  });
  w.begin_object().raw("token", text).raw("logprob", logprob).raw("bytes", bytes);
  if (with_others) {
    w.begin_list("top_logprobs");
    scan_array(others, [&](JsonMember const& other) { write_token(w, other.value, false); });
    w.end_list();
  }
  w.end_object();
}

/// Ollama's list in the neutral language's spelling.
inline RawJson logprobs_of(std::string_view list) {
  RawJson made;
  JsonWriter w(made.text);
  w.begin_object().begin_list("content");
  scan_array(list, [&](JsonMember const& token) { write_token(w, token.value, true); });
  w.end_list().end_object();
  return made;
}

/// A whole call of the `index`-th tool. Old servers name no id: the reply's time and the index make one.
inline PieceDelta call_of(std::string_view call, std::int64_t index, std::string_view created_at) {
  PieceDelta piece;
  piece.kind = PartKind::tool_call;
  piece.index = index;
  piece.call.arguments = "{}";
  auto const text_into = [](JsonMember const& m, std::string& out) {
    if (m.kind == JsonKind::string) out = JsonObject::text_of(m);
  };
  scan_object(call, [&](JsonMember const& m) {
    if (m.key == "id") text_into(m, piece.call.id);
    if (m.key != "function" || m.kind != JsonKind::object) return;
    scan_object(m.value, [&](JsonMember const& inner) {
      if (inner.key == "name") text_into(inner, piece.call.name);
      else if (inner.key == "arguments" && inner.kind == JsonKind::object) piece.call.arguments = inner.value;
      else if (inner.key == "arguments") text_into(inner, piece.call.arguments);
    });
  });
  if (!piece.call.id.empty()) return piece;
  piece.call.id = "call_";
  for (char const c : created_at.substr(0, 40))
    if (c >= '0' && c <= '9') piece.call.id.push_back(c);
  piece.call.id.append("_").append(std::to_string(index));
  return piece;
}

}  // namespace ollama_reply

/// Reads the lines of one stream, or one whole reply, in order: calls are numbered across lines.
///
/// Kept: text, thinking, calls, log probabilities, the finish, the usage, the time. Left out: Ollama's durations.
/// Errors: the provider's own, for an `error` member; malformed_reply for what is no JSON object or has a member of the
/// wrong type.
class OllamaReplyEvents {
 public:
  /// For SseReplyDecoder. False for the line that says it is done.
  Result<bool> decode(net::SseEvent const& line, std::vector<ChatDelta>& out) {
    Result<ChatDelta> delta = read(line.data);
    if (!delta) return tl::unexpected<Error>(std::move(delta).error());
    out.push_back(*std::move(delta));
    return !done_;
  }

  /// One line's payload, or a whole body.
  Result<ChatDelta> read(std::string_view json) {
    JsonFault fault;
    ChatDelta delta;
    delta.dialect = Dialect::ollama;
    ChoiceDelta& choice = delta.choices.emplace_back();
    Usage usage;
    std::string reason, created_at, response, thinking;
    std::string_view message;
    bool has_error = false;
    JsonScan const scan = scan_object(json, [&](JsonMember const& m) {
      if (m.key == "message" && m.kind == JsonKind::object) message = m.value;
      else if (m.key == "message" && m.kind != JsonKind::null) fault.wrong("message", "must be an object");
      else if (m.key == "response" && m.kind == JsonKind::string) response = JsonObject::text_of(m);
      else if (m.key == "thinking" && m.kind == JsonKind::string) thinking = JsonObject::text_of(m);
      else if (m.key == "model" && m.kind == JsonKind::string) delta.model = JsonObject::text_of(m);
      else if (m.key == "created_at" && m.kind == JsonKind::string) created_at = JsonObject::text_of(m);
      else if (m.key == "done") done_ = m.value == "true";
      else if (m.key == "done_reason" && m.kind == JsonKind::string) reason = JsonObject::text_of(m);
      else if (m.key == "logprobs" && m.kind == JsonKind::array)
        choice.logprobs = ollama_reply::logprobs_of(m.value);
      else if (m.key == "error") has_error = m.kind != JsonKind::null;
      else take_ollama_count(m, usage);
    });
    if (scan != JsonScan::ok)
      return fail(Errc::malformed_reply, "the provider's reply is not JSON", Origin::upstream);
    if (has_error) return tl::unexpected<Error>(from_ollama_error_line(json));
    constexpr std::int64_t second = 1'000'000;
    if (auto const at = parse_rfc3339(created_at)) delta.created = *at / second;
    choice.say(PartKind::reasoning, std::move(thinking));  // of /api/generate, as the response is
    choice.say(PartKind::text, std::move(response));
    if (!message.empty()) read_message(message, created_at, choice, fault);
    if (fault.error())
      return fail(Errc::malformed_reply, "in the provider's reply, " + fault.error()->message(),
                  Origin::upstream);
    if (done_) {
      choice.finish = ollama_finish_reason(reason, calls_ > 0);
      if (choice.finish == FinishReason::other) choice.finish_text = std::move(reason);
    }
    if (!usage.empty()) delta.usage = usage;
    return delta;
  }

 private:
  /// What a model thought comes before what it says, and its calls last.
  void read_message(std::string_view message, std::string_view created_at, ChoiceDelta& choice,
                    JsonFault& fault) {
    std::string text, thinking;
    std::string_view calls;
    scan_object(message, [&](JsonMember const& m) {
      if (m.kind == JsonKind::null) return;
      if (m.key == "role") choice.role = Role::assistant;
      else if (m.key == "content" && m.kind == JsonKind::string) text = JsonObject::text_of(m);
      else if (m.key == "content") fault.wrong("message.content", "must be a string");
      else if (m.key == "thinking" && m.kind == JsonKind::string) thinking = JsonObject::text_of(m);
      else if (m.key == "tool_calls" && m.kind == JsonKind::array) calls = m.value;
      else if (m.key == "tool_calls") fault.wrong("message.tool_calls", "must be a list");
    });
    choice.say(PartKind::reasoning, std::move(thinking));
    choice.say(PartKind::text, std::move(text));
    if (calls.empty()) return;
    scan_array(calls, [&](JsonMember const& call) {
      if (call.kind != JsonKind::object)
        return fault.wrong("message.tool_calls", "must be a list of objects");
      choice.pieces.push_back(ollama_reply::call_of(call.value, calls_++, created_at));
    });
  }

  std::int64_t calls_{0};
  bool done_{false};
};

/// One whole reply.
inline Result<ChatDelta> decode_ollama_reply(std::string_view json) { return OllamaReplyEvents().read(json); }

}  // namespace lowart::dialect
