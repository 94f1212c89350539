#include "speech.hpp"

#include <charconv>

namespace lowart::sim {

namespace {

std::string number(std::int64_t n) { return std::to_string(n); }

std::string data(std::string const& json) { return "data: " + json + "\n\n"; }
std::string named(std::string const& name, std::string const& json) {
  return "event: " + name + "\ndata: " + json + "\n\n";
}

std::string chat_usage(Figures const& f) {
  std::int64_t const prompt = f.input + f.cache_read;
  return R"({"prompt_tokens":)" + number(prompt) + R"(,"completion_tokens":)" + number(f.output) +
         R"(,"total_tokens":)" + number(prompt + f.output) + R"(,"prompt_tokens_details":{"cached_tokens":)" +
         number(f.cache_read) + "}}";
}
std::string messages_usage(Figures const& f, std::int64_t output) {
  return R"({"input_tokens":)" + number(f.input) + R"(,"cache_read_input_tokens":)" + number(f.cache_read) +
         R"(,"cache_creation_input_tokens":0,"output_tokens":)" + number(output) + "}";
}
std::string responses_usage(Figures const& f) {
  std::int64_t const input = f.input + f.cache_read;
  return R"({"input_tokens":)" + number(input) + R"(,"input_tokens_details":{"cached_tokens":)" +
         number(f.cache_read) + R"(},"output_tokens":)" + number(f.output) +
         R"(,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":)" + number(input + f.output) +
         "}";
}
std::string gemini_usage(Figures const& f) {
  std::int64_t const prompt = f.input + f.cache_read;
  return R"({"promptTokenCount":)" + number(prompt) + R"(,"cachedContentTokenCount":)" +
         number(f.cache_read) + R"(,"candidatesTokenCount":)" + number(f.output) + R"(,"totalTokenCount":)" +
         number(prompt + f.output) + "}";
}

// --- OpenAI chat

std::string chat_chunk(std::string const& choices, std::string const& usage) {
  return data(R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[)" +
              choices + "]" + (usage.empty() ? "" : R"(,"usage":)" + usage) + "}");
}
std::string chat_delta(std::string const& delta, std::string const& finish) {
  return R"({"index":0,"delta":)" + delta + R"(,"finish_reason":)" + finish + "}";
}
std::string early_usage(Story const& s, int index) {
  return s.tells_usage && s.tells_early ? chat_usage(s.figures_at(index)) : "";
}
std::vector<StoryEvent> chat_stream(Story const& s) {
  std::vector<StoryEvent> events{
      {chat_chunk(chat_delta(R"({"role":"assistant","content":""})", "null"), ""), 0}};
  for (int i = 0; i < s.words; ++i)
    events.push_back(
        {chat_chunk(chat_delta(R"({"content":")" + s.word(i) + R"("})", "null"), early_usage(s, i)), i + 1});
  events.push_back({chat_chunk(chat_delta("{}", R"("stop")"), ""), s.words});
  if (s.tells_usage) events.push_back({chat_chunk("", chat_usage(s.figures)), s.words});
  events.push_back({data("[DONE]"), s.words});
  return events;
}
std::string chat_whole(Story const& s) {
  return R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,)"
         R"("message":{"role":"assistant","content":")" +
         s.text(s.words) + R"("},"logprobs":null,"finish_reason":"stop"}])" +
         (s.tells_usage ? R"(,"usage":)" + chat_usage(s.figures) : "") + "}";
}

// --- Anthropic messages

std::string messages_delta(std::string const& reason, std::int64_t output) {
  return named("message_delta", R"({"type":"message_delta","delta":{"stop_reason":)" + reason +
                                    R"(,"stop_sequence":null},"usage":{"output_tokens":)" + number(output) +
                                    "}}");
}
std::vector<StoryEvent> messages_stream(Story const& s) {
  std::vector<StoryEvent> events;
  events.push_back(
      {named("message_start",
             R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
             R"("model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":)" +
                 messages_usage(s.figures, 1) + "}}"),
       0});
  events.push_back(
      {named("content_block_start",
             R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"),
       0});
  events.push_back({named("ping", R"({"type":"ping"})"), 0});
  for (int i = 0; i < s.words; ++i)
    events.push_back(
        {named("content_block_delta",
               R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
                   s.word(i) + R"("}})"),
         i + 1});
  events.push_back({named("content_block_stop", R"({"type":"content_block_stop","index":0})"), s.words});
  if (s.tells_early) events.push_back({messages_delta("null", s.figures_at(0).output), s.words});
  events.push_back({messages_delta(R"("end_turn")", s.figures.output), s.words});
  events.push_back({named("message_stop", R"({"type":"message_stop"})"), s.words});
  return events;
}
std::string messages_whole(Story const& s) {
  return R"({"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":")" +
         s.text(s.words) + R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":)" +
         messages_usage(s.figures, s.figures.output) + "}";
}

// --- OpenAI responses

std::string responses_item(std::string const& status, std::string const& content) {
  return R"({"type":"message","id":"msg_1","status":")" + status + R"(","role":"assistant","content":[)" +
         content + "]}";
}
std::string responses_text(std::string const& text) {
  return R"({"type":"output_text","text":")" + text + R"(","annotations":[],"logprobs":[]})";
}
std::string responses_object(Story const& s, bool done) {
  return R"({"id":"resp_1","object":"response","created_at":1,"status":")" +
         std::string(done ? "completed" : "in_progress") +
         R"(","error":null,"incomplete_details":null,"model":"m","output":[)" +
         (done ? responses_item("completed", responses_text(s.text(s.words))) : "") + R"(],"usage":)" +
         (done && s.tells_usage ? responses_usage(s.figures) : "null") + "}";
}
std::vector<StoryEvent> responses_stream(Story const& s) {
  std::vector<StoryEvent> events;
  auto const add = [&](std::string const& type, std::string const& rest, int words) {
    events.push_back({named(type, R"({"type":")" + type + R"(","sequence_number":)" +
                                      std::to_string(events.size()) + "," + rest + "}"),
                      words});
  };
  std::string const place = R"("item_id":"msg_1","output_index":0,"content_index":0,)";
  add("response.created", R"("response":)" + responses_object(s, false), 0);
  add("response.output_item.added", R"("output_index":0,"item":)" + responses_item("in_progress", ""), 0);
  add("response.content_part.added", place + R"("part":)" + responses_text(""), 0);
  for (int i = 0; i < s.words; ++i)
    add("response.output_text.delta", place + R"("delta":")" + s.word(i) + R"(","logprobs":[])", i + 1);
  add("response.output_text.done", place + R"("text":")" + s.text(s.words) + R"(","logprobs":[])", s.words);
  add("response.content_part.done", place + R"("part":)" + responses_text(s.text(s.words)), s.words);
  add("response.output_item.done",
      R"("output_index":0,"item":)" + responses_item("completed", responses_text(s.text(s.words))), s.words);
  add("response.completed", R"("response":)" + responses_object(s, true), s.words);
  return events;
}

// --- Gemini

std::string gemini_chunk(Story const& s, std::string const& text, Figures const& so_far, bool last) {
  return R"({"candidates":[{"content":{"parts":[{"text":")" + text + R"("}],"role":"model"})" +
         (last ? R"(,"finishReason":"STOP")" : "") + R"(,"index":0}])" +
         ((last || s.tells_early) && s.tells_usage ? R"(,"usageMetadata":)" + gemini_usage(so_far) : "") +
         R"(,"modelVersion":"m","responseId":"r1"})";
}
std::vector<StoryEvent> gemini_stream(Story const& s) {
  std::vector<StoryEvent> events;
  for (int i = 0; i < s.words; ++i) {
    bool const last = i + 1 == s.words;
    Figures const so_far = last ? s.figures : s.figures_at(i);
    events.push_back({data(gemini_chunk(s, s.word(i), so_far, last)), i + 1});
  }
  return events;
}

// --- what a client looks for

/// The last number behind `"name":`.
std::optional<std::int64_t> last_number(std::string_view body, std::string const& name) {
  auto const at = body.rfind("\"" + name + "\":");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view const rest = body.substr(at + name.size() + 3);
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}
bool has(std::string_view body, std::string_view part) { return body.find(part) != std::string_view::npos; }

void append_words(std::string_view part, std::string& out) {
  // " a12w3." is a word.
  for (std::size_t at = part.find(" a"); at != std::string_view::npos; at = part.find(" a", at + 1)) {
    std::size_t end = at + 2;
    auto const digits = [&] {
      std::size_t const from = end;
      while (end < part.size() && part[end] >= '0' && part[end] <= '9') ++end;
      return end > from;
    };
    if (!digits() || end >= part.size() || part[end] != 'w') continue;
    ++end;
    if (!digits() || end >= part.size() || part[end] != '.') continue;
    out.append(part.substr(at, end + 1 - at));
  }
}

}  // namespace

std::string whole_answer(Speech speech, Story const& story) {
  switch (speech) {
    case Speech::chat: return chat_whole(story);
    case Speech::messages: return messages_whole(story);
    case Speech::responses: return responses_object(story, true);
    case Speech::gemini: return gemini_chunk(story, story.text(story.words), story.figures, true);
  }
  return {};
}

std::vector<StoryEvent> streamed_answer(Speech speech, Story const& story) {
  switch (speech) {
    case Speech::chat: return chat_stream(story);
    case Speech::messages: return messages_stream(story);
    case Speech::responses: return responses_stream(story);
    case Speech::gemini: return gemini_stream(story);
  }
  return {};
}

std::string refusal(Speech speech, int status) {
  if (speech == Speech::messages)
    return R"({"type":"error","error":{"type":"overloaded_error","message":"not now"}})";
  if (speech == Speech::gemini)
    return R"({"error":{"code":)" + number(status) +
           R"(,"message":"not now","status":"UNAVAILABLE","details":[]}})";
  return R"({"error":{"message":"not now","type":"server_error","param":null,"code":null}})";
}

std::string error_event(Speech speech) {
  switch (speech) {
    case Speech::chat: return data(R"({"error":{"message":"broke","type":"server_error","code":null}})");
    case Speech::messages:
      return named("error", R"({"type":"error","error":{"type":"overloaded_error","message":"broke"}})");
    case Speech::responses:
      return named(
          "error",
          R"({"type":"error","sequence_number":99,"code":"server_error","message":"broke","param":null})");
    case Speech::gemini:
      return data(R"({"error":{"code":503,"message":"broke","status":"UNAVAILABLE","details":[]}})");
  }
  return {};
}

std::string request_bytes(Question const& q) {
  std::string const text = "call-" + std::to_string(q.number) + ". " +
                           std::string(static_cast<std::size_t>(q.padding), 'x') + " What now?";
  std::string const tokens = std::to_string(q.max_tokens);
  std::string const streams = q.stream ? R"(,"stream":true)" : "";
  std::string path;
  std::string body;
  switch (q.speech) {
    case Speech::chat:
      path = "/v1/chat/completions";
      body = R"({"model":")" + q.model + R"(","messages":[{"role":"user","content":")" + text +
             R"("}],"max_tokens":)" + tokens + streams +
             (q.stream && q.asks_usage ? R"(,"stream_options":{"include_usage":true})" : "") + "}";
      break;
    case Speech::messages:
      path = "/v1/messages";
      body = R"({"model":")" + q.model + R"(","max_tokens":)" + tokens +
             R"(,"messages":[{"role":"user","content":")" + text + R"("}])" + streams + "}";
      break;
    case Speech::responses:
      path = "/v1/responses";
      body = R"({"model":")" + q.model + R"(","input":")" + text + R"(","max_output_tokens":)" + tokens +
             streams + "}";
      break;
    case Speech::gemini:
      path = "/v1beta/models/" + q.model + (q.stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
      body = R"({"contents":[{"role":"user","parts":[{"text":")" + text +
             R"("}]}],"generationConfig":{"maxOutputTokens":)" + tokens + "}}";
      break;
  }
  std::string bytes = "POST " + path + " HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n" +
                      "authorization: Bearer " + q.key + "\r\nx-request-id: call-" +
                      std::to_string(q.number) + "\r\nanthropic-version: 2023-06-01\r\n";
  if (!q.chunked) return bytes + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::array<char, 16> size{};
  auto const end = std::to_chars(size.data(), size.data() + size.size(), body.size(), 16).ptr;
  return bytes + "transfer-encoding: chunked\r\n\r\n" + std::string(size.data(), end) + "\r\n" + body +
         "\r\n0\r\n\r\n";
}

Ending ending_of(Speech speech, bool streamed, std::string_view body) {
  if (!streamed) return has(body, R"("error":{)") ? Ending::failure : Ending::success;
  switch (speech) {
    case Speech::chat:
      if (body.ends_with("data: [DONE]\n\n")) return Ending::success;
      return has(body, R"("error":{)") ? Ending::failure : Ending::none;
    case Speech::messages:
      if (has(body, "event: message_stop\n")) return Ending::success;
      return has(body, "event: error\n") ? Ending::failure : Ending::none;
    case Speech::responses:
      if (has(body, "event: response.completed\n")) return Ending::success;
      return has(body, "event: response.failed\n") || has(body, "event: error\n") ? Ending::failure
                                                                                  : Ending::none;
    case Speech::gemini:
      if (has(body, R"("error":{)")) return Ending::failure;
      return has(body, R"("finishReason":)") ? Ending::success : Ending::none;
  }
  return Ending::none;
}

std::string text_in(Speech speech, bool streamed, std::string_view body) {
  std::string text;
  if (!streamed || speech != Speech::responses) {
    append_words(body, text);
    return text;
  }
  constexpr std::string_view mark = R"("type":"response.output_text.delta")";
  for (std::size_t at = body.find(mark); at != std::string_view::npos; at = body.find(mark, at + 1))
    append_words(body.substr(at, body.find('\n', at) - at), text);
  return text;
}

std::optional<ToldUsage> usage_in(Speech speech, std::string_view body) {
  auto const pair = [&](char const* in, char const* out) -> std::optional<ToldUsage> {
    auto const input = last_number(body, in);
    auto const output = last_number(body, out);
    if (!input || !output) return std::nullopt;
    return ToldUsage{*input, *output};
  };
  switch (speech) {
    case Speech::chat: return pair("prompt_tokens", "completion_tokens");
    case Speech::gemini: return pair("promptTokenCount", "candidatesTokenCount");
    case Speech::responses: return pair("input_tokens", "output_tokens");
    case Speech::messages: {
      auto told = pair("input_tokens", "output_tokens");
      if (told) told->input_total += last_number(body, "cache_read_input_tokens").value_or(0);
      return told;
    }
  }
  return std::nullopt;
}

}  // namespace lowart::sim
