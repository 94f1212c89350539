#pragma once
/// The bytes both bench programs agree on: request bodies, replies, and the marks by which each knows the
/// other's.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace lowart::bench {

/// Stands in every whole reply; a reply without it was not written by the mock.
inline constexpr std::string_view reply_mark = "bench-ok-5b1e";
/// Precedes the number of body bytes the mock received, in fixed width (system_fingerprint of a whole reply).
inline constexpr std::string_view body_size_mark = "fp_body_";
/// Precedes the time an event of a paced stream was sent: monotonic nanoseconds, fixed width.
inline constexpr std::string_view tick_mark = "tick=";
inline constexpr std::size_t body_size_digits = 12;
inline constexpr std::size_t tick_digits = 19;
inline constexpr std::size_t whole_reply_bytes = 1024;
inline constexpr std::size_t event_bytes = 240;
inline constexpr int default_events = 100;

/// `value` with leading zeros; wider values keep their last digits.
inline std::string fixed_digits(std::uint64_t value, std::size_t width) {
  std::string digits(width, '0');
  for (std::size_t i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  return digits;
}

/// JSON string content of exactly `bytes` bytes: prose with about two escapes in a hundred bytes.
inline std::string prose(std::size_t bytes) {
  constexpr std::string_view sentence =
      "The gateway reads a question, finds the model that was asked for and hands the bytes on as they are; "
      "what comes back is counted while it passes.\\nNobody waits for a \\\"copy\\\" that nobody needs. ";
  std::string text;
  text.reserve(bytes);
  while (text.size() + sentence.size() <= bytes) text += sentence;
  text.append(bytes - text.size(), 'x');  // never cuts an escape in two
  return text;
}

/// A chat request of at least `bytes` bytes (exactly, unless that is too few), its keys in the order of the
/// official SDKs: the messages first, so that `model` and `stream` stand at the far end of the body.
inline std::string chat_request(std::string_view model, bool stream, std::size_t bytes, int max_tokens) {
  std::string front =
      R"({"messages":[{"role":"system","content":"You answer briefly."},{"role":"user","content":")";
  std::string back =
      R"("}],"model":")" + std::string(model) + R"(","max_tokens":)" + std::to_string(max_tokens);
  back += stream ? R"(,"stream":true,"stream_options":{"include_usage":true})" : R"(,"stream":false)";
  back += R"(,"temperature":0.7})";
  std::size_t const frame = front.size() + back.size();
  return front + prose(bytes > frame ? bytes - frame : 0) + back;
}

/// The whole reply of the mock: a chat completion with usage, `whole_reply_bytes` long.
inline std::string chat_reply(std::uint64_t received_body_bytes) {
  std::string const front = R"({"id":"chatcmpl-9fBenchBenchBenchBenchBenchB","object":"chat.completion",)"
                            R"("created":1767225600,"model":"bench-model","choices":[{"index":0,"message":)"
                            R"({"role":"assistant","content":")" +
                            std::string(reply_mark) + " ";
  std::string const back =
      R"(","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":240,"completion_tokens":110,"total_tokens":350,)"
      R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":)"
      R"({"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,)"
      R"("rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":")" +
      std::string(body_size_mark) + fixed_digits(received_body_bytes, body_size_digits) + R"("})";
  return front + prose(whole_reply_bytes - front.size() - back.size()) + back;
}

/// Event `index` of a stream of `events`: the first names the role, the last says why it ended, the others
/// carry words. `sent_ns` > 0 writes the time of sending into the words.
inline std::string chat_event(int index, int events, std::uint64_t sent_ns = 0) {
  std::string event =
      R"(data: {"id":"chatcmpl-9fBenchBenchBenchBenchBenchB","object":"chat.completion.chunk",)"
      R"("created":1767225600,"model":"bench-model","system_fingerprint":"fp_0123456789",)"
      R"("choices":[{"index":0,"delta":)";
  if (index == 0)
    return event + R"({"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]})" + "\n\n";
  if (index + 1 == events) return event + R"({},"logprobs":null,"finish_reason":"stop"}]})" + "\n\n";
  std::string const back = R"("},"logprobs":null,"finish_reason":null}]})" + std::string("\n\n");
  event += R"({"content":")";
  std::string words = sent_ns == 0 ? " word" : std::string(tick_mark) + fixed_digits(sent_ns, tick_digits);
  std::size_t const used = event.size() + words.size() + back.size();
  if (used < event_bytes) words.append(event_bytes - used, 'y');
  return event + words + back;
}

/// The event with the usage and the end mark, as a stream with include_usage ends.
inline std::string chat_stream_end(int events) {
  std::string const words = std::to_string(events);
  std::string const total = std::to_string(events + 240);
  return R"(data: {"id":"chatcmpl-9fBenchBenchBenchBenchBenchB","object":"chat.completion.chunk",)"
         R"("created":1767225600,"model":"bench-model","system_fingerprint":"fp_0123456789","choices":[],)"
         R"("usage":{"prompt_tokens":240,"completion_tokens":)" +
         words + R"(,"total_tokens":)" + total +
         R"(,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}})"
         "\n\ndata: [DONE]\n\n";
}

/// `data` as one chunk of a chunked body.
inline std::string chunk(std::string_view data) {
  char size[32];
  int const length = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  std::string framed(size, static_cast<std::size_t>(std::max(length, 0)));
  framed += data;
  framed += "\r\n";
  return framed;
}

}  // namespace lowart::bench
