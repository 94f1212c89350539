#pragma once
/// ReplyWriter: the steps of one answer, written for a client in its dialect.

#include <lowart/core/error.hpp>
#include <lowart/model/chat_delta.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart {
class Clock;
}

namespace lowart::dialect {

/// What names an answer when the provider does not, and what of the request its writing needs.
struct ReplyContext {
  std::string id;           ///< Unique, without a dialect's prefix: letters and digits.
  std::string model;        ///< As the client asked for it.
  std::int64_t created{0};  ///< Seconds since 1970.
  bool include_usage{false};
  std::string_view request;     ///< The client's body, for dialects that repeat parts of it; may be empty.
  Clock const* clock{nullptr};  ///< For dialects that tell how long an answer took; null: nobody knows.
  std::chrono::steady_clock::time_point asked_at{};  ///< When the client asked, by that clock.
  bool stores{false};  ///< Answers are kept here for clients that want it, so that they can go on from them.
};

/// Writes one streamed answer. One value per answer; made in the call's arena.
///
/// Whatever the steps leave out, what comes out is a stream that the dialect's strict clients accept: it begins
/// as it must, parts are opened and closed in order, and it ends with its terminal event.
class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;
  /// Appends what one step says: whole events, or nothing.
  virtual void write(ChatDelta const& step, std::string& out) = 0;
  /// Appends the end of a complete answer.
  virtual void finish(std::string& out) = 0;
  /// Appends the end of an answer that broke off: the dialect's error event. Nothing follows it.
  virtual void fail(Error const& error, std::string& out) = 0;
};

}  // namespace lowart::dialect
