#pragma once
/// Speech: the four chat protocols, as a client asks and as an upstream answers. Written by hand from the vendors' own
/// documents, so that nothing here shares a mistake with the gateway's dialects.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::sim {

enum class Speech : std::uint8_t { chat, messages, responses, gemini };
inline constexpr std::array<Speech, 4> all_speeches{Speech::chat, Speech::messages, Speech::responses,
                                                    Speech::gemini};

/// What an answer says of its tokens. Disjoint.
struct Figures {
  std::int64_t input{0};
  std::int64_t cache_read{0};
  std::int64_t output{0};
  friend bool operator==(Figures const&, Figures const&) = default;
};

/// What a model says in one attempt. Every word names its attempt, so that nothing can be taken for anything else.
struct Story {
  int attempt{0};  ///< Unique in its run.
  int words{0};
  Figures figures{};
  bool tells_usage{true};
  bool tells_early{false};  ///< Of a stream: each event tells how much it is by then.

  std::string word(int index) const {
    return " a" + std::to_string(attempt) + "w" + std::to_string(index) + ".";
  }
  /// As told with the word of this index.
  Figures figures_at(int index) const noexcept {
    Figures so_far = figures;
    so_far.output = std::min<std::int64_t>(figures.output, index + 1);
    return so_far;
  }
  std::string text(int count) const {
    std::string all;
    for (int i = 0; i < count; ++i) all += word(i);
    return all;
  }
};

/// One event of a stream, and how many words have been said when it has been read.
struct StoryEvent {
  std::string bytes;
  int words{0};
};

/// The whole answer as one document.
std::string whole_answer(Speech speech, Story const& story);
/// The answer as server-sent events; the last one is the terminal event of the protocol.
std::vector<StoryEvent> streamed_answer(Speech speech, Story const& story);
/// The body of a refusal.
std::string refusal(Speech speech, int status);
/// A failure in the middle of a stream.
std::string error_event(Speech speech);

/// One call as a client asks for it.
struct Question {
  int number{0};
  Speech speech{Speech::chat};
  bool stream{false};
  bool asks_usage{true};
  std::string key;
  std::string model;
  int max_tokens{16};
  int padding{0};  ///< Bytes that make the body longer.
  bool chunked{false};
};
std::string request_bytes(Question const& question);

/// How an answer ends for a client who understands it.
enum class Ending : std::uint8_t { success, failure, none };
Ending ending_of(Speech speech, bool streamed, std::string_view body);
/// Everything the model said, without what a protocol says twice.
std::string text_in(Speech speech, bool streamed, std::string_view body);
/// What the client was told of usage; input and cache_read may be one sum, as the protocol has it.
struct ToldUsage {
  std::int64_t input_total{0};
  std::int64_t output{0};
};
std::optional<ToldUsage> usage_in(Speech speech, std::string_view body);

}  // namespace lowart::sim
