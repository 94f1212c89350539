#pragma once
/// The mock's replies with their HTTP heads, made before anybody asks.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat_fixture.hpp"
#include "messages_fixture.hpp"

namespace lowart::bench {

/// The languages that the mock speaks.
enum class Speech { chat, messages };

inline std::string json_answer(std::string_view status, std::string_view body, std::string_view fields = {}) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: application/json\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string_view named_fields(Speech speech) {
  return speech == Speech::chat
             ? "openai-processing-ms: 3\r\nx-request-id: req_bench\r\n"
             : "request-id: req_bench\r\nanthropic-organization-id: 00000000-0000-0000-0000-000000000000\r\n";
}

/// A whole reply, in which only the size of the body that was received changes.
class WholeReply {
 public:
  explicit WholeReply(Speech speech)
      : inner_bytes_(json_answer("200 OK", speech == Speech::chat ? chat_reply(0) : messages_reply(0),
                                 named_fields(speech))),
        inner_digits_at_(inner_bytes_.rfind(body_size_mark) + body_size_mark.size()) {}

  std::string const& to_body_of(std::uint64_t bytes) {
    std::string const digits = fixed_digits(bytes, body_size_digits);
    inner_bytes_.replace(inner_digits_at_, digits.size(), digits);
    return inner_bytes_;
  }

 private:
  std::string inner_bytes_;
  std::size_t inner_digits_at_;
};

inline std::string stream_head(Speech speech) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n" +
         std::string(named_fields(speech)) + "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n";
}

/// A stream that is written at once: a chunk for each event, or one for all.
inline std::string burst_reply(Speech speech, int events, bool one_chunk) {
  std::string all = stream_head(speech);
  std::string flat;
  for (int i = 0; i < events; ++i) {
    std::string const event = speech == Speech::chat ? chat_event(i, events) : messages_step(i, events);
    if (one_chunk) flat += event;
    else all += chunk(event);
  }
  if (speech == Speech::chat) flat += chat_stream_end(events);
  if (!flat.empty()) all += chunk(flat);
  return all + "0\r\n\r\n";
}

}  // namespace lowart::bench
