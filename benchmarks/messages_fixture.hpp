#pragma once
/// What the mock says on /v1/messages: the Anthropic twins of the chat replies, with marks that survive translation.

#include <cstdint>
#include <string>
#include <string_view>

#include "chat_fixture.hpp"

namespace lowart::bench {

/// Stands in every text that the mock says on /v1/messages and nowhere else: a chat client that finds it has got a
/// translated reply.
inline constexpr std::string_view messages_mark = "bench-messages-7c2d";
/// What every Anthropic reply of the mock reports; with the names of the other dialect this is what must arrive.
inline constexpr int messages_input_tokens = 240;
inline constexpr int messages_output_tokens = 110;

/// The whole reply: one text block, `whole_reply_bytes` long. The text has the marks, since nothing else of a message
/// has a place in a chat completion.
inline std::string messages_reply(std::uint64_t received_body_bytes) {
  std::string const front =
      R"({"model":"bench-model","id":"msg_01BenchBenchBenchBenchBench","type":"message","role":"assistant",)"
      R"("content":[{"type":"text","text":")" +
      std::string(reply_mark) + " " + std::string(messages_mark) + " " + std::string(body_size_mark) +
      fixed_digits(received_body_bytes, body_size_digits) + " ";
  std::string const back =
      R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":)" +
      std::to_string(messages_input_tokens) +
      R"(,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},)"
      R"("output_tokens":)" +
      std::to_string(messages_output_tokens) +
      R"(,"service_tier":"standard","inference_geo":"not_available"}})";
  return front + prose(whole_reply_bytes - front.size() - back.size()) + back;
}

inline std::string messages_event(std::string_view type, std::string_view members) {
  return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" +
         std::string(members) + "}\n\n";
}

/// What stands for event `index` of a chat stream of `events`: the start of the message and of its text, words, or
/// the end of both.
inline std::string messages_step(int index, int events) {
  if (index == 0)
    return messages_event(
               "message_start",
               R"(,"message":{"model":"bench-model","id":"msg_01BenchBenchBenchBenchBench","type":"message",)"
               R"("role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":)"
               R"({"input_tokens":240,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
               R"("output_tokens":1,"service_tier":"standard"}})") +
           messages_event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})") +
           messages_event("ping", "");
  if (index + 1 == events)
    return messages_event("content_block_stop", R"(,"index":0)") +
           messages_event("message_delta",
                          R"(,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":)"
                          R"({"input_tokens":240,"cache_creation_input_tokens":0,)"
                          R"("cache_read_input_tokens":0,"output_tokens":)" +
                              std::to_string(events) + "}") +
           messages_event("message_stop", "");
  return messages_event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":" )" +
                                                   std::string(messages_mark) + R"( and some words"})");
}

}  // namespace lowart::bench
