#pragma once
/// RequestEntry: what the request log keeps of one request.

#include <lowart/core/money.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace lowart {

/// What was said and answered, where content is kept.
struct RequestContent {
  std::string asked;     ///< The messages, as a JSON list of `{"role", "content"}`; empty: not kept.
  std::string answered;  ///< What the model wrote.
};

/// Its own copy of everything, since it outlives the request. Times are UTC microseconds since 1970, durations
/// microseconds; -1: not known.
struct RequestEntry {
  std::int64_t at{0};
  std::string id;  ///< The request's, as in the access log.
  std::string key, user, team;
  std::string client;  ///< The address, without port.
  std::string method, route;
  std::string model, provider;
  std::string outcome, error, detail;
  std::string conversation;
  std::string cache;
  int status{0};
  std::int32_t attempts{0};
  std::int64_t duration{-1};
  std::int64_t first_token{-1};
  std::int64_t input_tokens{0};
  std::int64_t output_tokens{0};
  NanoUsd cost;
  RequestContent content;
  /// Makes the content out of what a door has copied, on the log's thread: decoding and redaction are not the data
  /// path's. Empty: the content is there, or there is none. `held` bytes wait in it.
  std::function<RequestContent()> make_content;
  std::size_t held{0};

  /// The metadata alone, with a mark.
  void drop_content() {
    content = {.asked = {}, .answered = "[not kept: too much was waiting to be written]"};
    make_content = {};
    held = 0;
  }
  /// About the memory that it takes.
  std::size_t bytes() const noexcept {
    constexpr std::size_t itself = 1024;  // with the names, which are short
    return itself + detail.size() + content.asked.size() + content.answered.size() + held;
  }
};

}  // namespace lowart
