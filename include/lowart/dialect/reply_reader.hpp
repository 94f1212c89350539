#pragma once
/// ReplyReader: reads along a reply that passes by as bytes, and changes none of them.

#include <lowart/core/result.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// What one event means for its stream.
enum class EventStep : std::uint8_t {
  more,
  done,    ///< The terminal event: nothing that follows matters.
  failed,  ///< An error event, or no event of this dialect: Events::error() tells.
};

/// Reads along one reply of a dialect: has it begun, is it complete, did it fail, what was used, what was said.
/// Text, usage, finish reason and the number of events with content go to a ReplyProgress.
///
/// `Events` is what a dialect finds in one event or one whole body:
///
///     EventStep read(net::SseEvent const&, ReplyProgress&);
///     EventStep whole(std::string_view body, ReplyProgress&);   // done: it is an answer
///     Error error() const;           // after failed
///     bool committed() const;        // the first content was seen: text, reasoning, refusal, tool call, media, finish
///     bool may_end() const;          // a stream may end here without a terminal event
///
/// An Events that repairs what its vendors get wrong has these two as well; then the reader has instead():
///
///     bool has_instead() const;      // the event, or whole reply, read last must not pass as it came
///     std::string take_instead();    // what stands in its place
///
/// Any cut of the bytes gives the same findings. Errors: those of Events; an event over the limit is
/// malformed_reply. The first error is final. Concurrency: one value per reply, one thread at a time.
///
/// `Splitter` finds the events in the bytes, as net::SseSplitter does; other framings hand out theirs as an SseEvent, too.
template <class Events, class Splitter = net::SseSplitter>
class ReplyReader {
 public:
  static constexpr bool repairs = requires(Events& events) {
    { events.take_instead() } -> std::same_as<std::string>;
  };
  /// Bytes that stand in the place of others, which are counted from the first of those last fed: a repaired event may
  /// have begun before it.
  struct Instead {
    std::ptrdiff_t begin;
    std::ptrdiff_t end;
    std::string bytes;
  };

  explicit ReplyReader(Events events = Events(), std::size_t event_bytes = 16U << 20U)
      : splitter_({.event_bytes = event_bytes}), events_(std::move(events)) {}

  /// Reads the next bytes of a stream.
  Result<void> feed(std::string_view bytes, ReplyProgress& progress) {
    good_bytes_ = 0;
    if constexpr (repairs) instead_.clear();
    if (failed_) return result();
    if (done_) return {};
    std::size_t good = 0;
    bool ended = false;
    auto const split =
        splitter_.feed(std::span<char const>(bytes.data(), bytes.size()), [&](net::SseEvent const& event) {
          EventStep const step = events_.read(event, progress);
          if (step == EventStep::failed) {
            failed_ = events_.error();
          } else {
            good = bytes.size() - splitter_.left();
            note_instead(event, good);
          }
          done_ = step == EventStep::done;
          ended = step != EventStep::more;
          return !ended;
        });
    if (split == net::SseStep::too_large)
      failed_ = Error(Errc::malformed_reply, "an event of the provider's stream is over the size limit",
                      Origin::upstream);
    bool const at_line_start = bytes.empty() || bytes.back() == '\n' || bytes.back() == '\r';
    bool const all = !ended && !failed_ && at_line_start && !splitter_.inside_event();
    good_bytes_ = all ? bytes.size() : good;
    return result();
  }

  /// Reads a whole reply. It is committed and done when it is one.
  Result<void> whole(std::string_view body, ReplyProgress& progress) {
    good_bytes_ = 0;
    if (failed_) return result();
    done_ = events_.whole(body, progress) == EventStep::done;
    if (!done_) failed_ = events_.error();
    else good_bytes_ = body.size();
    if constexpr (repairs) {
      instead_.clear();
      if (done_ && events_.has_instead())
        instead_.push_back({0, static_cast<std::ptrdiff_t>(body.size()), events_.take_instead()});
    }
    return result();
  }

  /// Content was seen: the reply has begun.
  bool committed() const noexcept { return events_.committed(); }
  /// The terminal event was seen: nothing that follows matters.
  bool done() const noexcept { return done_; }
  /// A stream that ends here is complete. Ask at the end of the body.
  bool may_end() const noexcept {
    return done_ || (!failed_ && !splitter_.inside_event() && events_.may_end());
  }
  /// How many of the bytes last fed belong to whole events before an error and up to the terminal one: what may be
  /// passed on when only whole good events are. The rest is the beginning of an event, or not to be passed on.
  std::size_t good_bytes() const noexcept { return good_bytes_; }
  /// What of the bytes last fed (or of the whole reply) is not to be passed on as it came, in order. All of it is good.
  std::span<Instead const> instead() const noexcept
    requires repairs
  {
    return instead_;
  }
  /// The stream stands inside an event that has begun but not ended.
  bool inside_event() const noexcept { return splitter_.inside_event(); }
  Events const& events() const noexcept { return events_; }

 private:
  void note_instead(net::SseEvent const& event, std::size_t end) {
    if constexpr (repairs) {
      if (!events_.has_instead()) return;
      auto const behind = static_cast<std::ptrdiff_t>(end);
      instead_.push_back(
          {behind - static_cast<std::ptrdiff_t>(event.raw.size()), behind, events_.take_instead()});
    }
  }
  Result<void> result() const {
    if (failed_) return tl::unexpected<Error>(*failed_);
    return {};
  }

  Splitter splitter_;
  Events events_;
  struct Nothing {};
  [[no_unique_address]] std::conditional_t<repairs, std::vector<Instead>, Nothing> instead_;
  std::optional<Error> failed_;
  std::size_t good_bytes_{0};
  bool done_{false};
};

}  // namespace lowart::dialect
