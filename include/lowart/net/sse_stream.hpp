#pragma once
/// SseStream: the events of a body, one by one, for whoever reads them in a coroutine.

#include <lowart/net/byte_source.hpp>
#include <lowart/net/sse.hpp>

#include <optional>
#include <utility>

namespace lowart::net {

/// Reads events from a ByteSource. Waits only when every event of the last read has been handed out.
///
/// Lifetime: an event's views hold until the next call of next().
/// Errors: the source's own; Errc::malformed_reply when an event is over the limit. The first error is final.
/// Cancellation: as the source's read(); the stream is not to be read on after it.
/// Concurrency: one next() at a time.
template <ByteSource Source>
class SseStream {
 public:
  explicit SseStream(Source source, SseLimits limits = {}) : source_(std::move(source)), splitter_(limits) {}

  /// The next event; nullopt at the end of the body, and from then on.
  Task<Result<std::optional<SseEvent>>> next() {
    for (;;) {
      SseEvent event;
      SseStep const step = splitter_.next(event);
      if (step == SseStep::event) co_return std::optional<SseEvent>(event);
      if (step == SseStep::too_large)
        co_return fail(Errc::malformed_reply, "an event of the stream is over the size limit",
                       Origin::upstream);
      if (failed_) co_return fail(*failed_);
      if (ended_) co_return std::optional<SseEvent>();
      Result<std::span<char>> bytes = co_await source_.read();
      if (!bytes) {
        failed_ = bytes.error();
        continue;
      }
      ended_ = bytes->empty();
      splitter_.give(*bytes);
    }
  }

  /// True when the body ended inside an event, whose bytes are dropped: the sender was cut off.
  bool cut() const noexcept { return ended_ && splitter_.inside_event(); }
  /// The parser: last event id, reconnection time.
  SseSplitter const& splitter() const noexcept { return splitter_; }
  Source& source() noexcept { return source_; }

 private:
  Source source_;
  SseSplitter splitter_;
  std::optional<Error> failed_;
  bool ended_{false};
};

}  // namespace lowart::net
