#pragma once
/// Server-sent events: the one incremental parser of the house. Pure: bytes in, events out.
/// The writer is in sse_writer.hpp.

#include <lowart/net/sse_writer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace lowart::net {

/// One event as it came. All views; see SseSplitter for how long they live.
struct SseEvent {
  std::string_view event;  ///< The event's type; empty when it names none (a browser says "message").
  std::string_view data;   ///< The payload; several data lines are joined by LF.
  std::string_view id;     ///< This event's own id; empty when it has none.
  std::string_view raw;    ///< From its first field to its blank line, line ends included, as received.
};

struct SseLimits {
  std::size_t event_bytes{16U << 20U};  ///< Longest event in raw bytes, so longest line and buffer too. >= 1.
};

/// What one step of the parser found.
enum class SseStep : std::uint8_t {
  event,      ///< One whole event.
  more,       ///< Every byte given has been read; give more.
  too_large,  ///< An event is longer than SseLimits::event_bytes. Final: the stream cannot be read on.
};

/// Finds the events in a byte stream that arrives in arbitrary pieces.
///
/// Follows the WHATWG event stream rules: lines end in LF, CR or CRLF (also cut between reads), one byte
/// order mark at the start is dropped, comments and unknown fields are ignored, an event without a data line
/// is not one, an event that the stream does not finish with a blank line is not one. Not done: replacing
/// invalid UTF-8, the bytes are handed out as they came.
///
/// Lifetime: the views of an event hold until the next call of give(), next() or feed(), and only while the
/// bytes given stay where they are.
/// Cost: no copy when an event lies whole in one read and has one data line; else its bytes are copied once
/// into a buffer bounded by the limit. Linear in the bytes given, however they are cut.
/// Concurrency: one thread at a time; a value per stream.
///
///     SseSplitter events;
///     auto step = events.feed(bytes, [](SseEvent const& e) { use(e.data); });
///
/// A raw that ends between the CR and the LF of its blank line is handed out without that LF.
class SseSplitter {
 public:
  explicit SseSplitter(SseLimits limits = {}) noexcept : limits_(limits) {}

  /// Sets the bytes that next() reads. Call only after next() said `more` (or to abandon the rest).
  void give(std::span<char const> bytes) noexcept {
    at_ = block_ = bytes.data();
    end_ = at_ + bytes.size();
    next_cr_ = next_lf_ = nullptr;
  }

  /// Reads up to the end of the next event.
  [[nodiscard]] SseStep next(SseEvent& out);

  /// Gives `bytes` and calls `on_event(SseEvent const&)` for each event that they complete. When on_event
  /// returns false it stops there, says `event`, and next() goes on behind that event.
  template <class F>
  SseStep feed(std::span<char const> bytes, F&& on_event);

  /// How many of the bytes given last have not been read: in on_event, those behind that event.
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// True when bytes of an unfinished event are held: at the end of a stream, it was cut.
  bool inside_event() const noexcept {
    return !carry_.empty() && !done_ && (any_field_ || carry_.front() != ':');
  }
  /// Those bytes, from the event's first line on. A line may be incomplete.
  std::string_view held() const noexcept {
    return inside_event() ? std::string_view(carry_) : std::string_view();
  }

  /// The id of the last finished event that named one ("last event ID"); empty when none did.
  std::string const& last_id() const noexcept { return last_id_; }
  /// The reconnection time the server asked for; negative when it did not.
  std::chrono::milliseconds retry() const noexcept { return retry_; }

 private:
  // A part of the open event, counted from its first byte: stays true when the event moves to the buffer.
  struct Part {
    std::size_t at{0};
    std::size_t size{0};
  };

  void begin_block() noexcept;
  char const* line_end() noexcept;
  SseStep hold_rest();
  SseStep fail_too_large() noexcept { return failed_ = true, SseStep::too_large; }
  void read_line(char const* base, std::size_t from, std::size_t to);
  void read_data(char const* base, Part value);
  void read_retry(std::string_view digits) noexcept;
  void finish_block(char const* base, std::size_t size, SseEvent& out);

  static std::string_view view(char const* base, Part p) noexcept { return {base + p.at, p.size}; }

  char const* at_{nullptr};     // next byte to read
  char const* end_{nullptr};    // end of the bytes given
  char const* block_{nullptr};  // where the open event starts, while it lies whole in the bytes given
  char const* next_lf_{
      nullptr};  // the first LF at or after at_, end_ when there is none, stale when before at_
  char const* next_cr_{nullptr};  // the same for CR: found once, not once a line
  std::size_t line_{0};           // where the open line starts, from the start of the event
  std::size_t bom_{0};            // bytes of a byte order mark at the start of the open event
  Part event_, data_, id_;
  std::size_t data_lines_{0};
  bool any_field_{false};
  bool has_id_{false};
  bool first_line_{true};
  bool skip_lf_{false};  // the last byte read was a CR: an LF that follows belongs to it
  bool done_{false};     // the event was handed out; the next call starts a new one
  bool failed_{false};
  std::string carry_;   // the open event, once it straddles two reads
  std::string joined_;  // the data of an event with several data lines
  std::string last_id_;
  std::chrono::milliseconds retry_{-1};
  SseLimits limits_;
};

inline void SseSplitter::begin_block() noexcept {
  constexpr std::size_t keep_bytes = 64U
                                     << 10U;  // one huge event must not hold its memory for the whole stream
  if (carry_.capacity() > keep_bytes) std::string().swap(carry_);
  if (joined_.capacity() > keep_bytes) std::string().swap(joined_);
  carry_.clear();
  block_ = at_;
  line_ = bom_ = 0;
  event_ = data_ = id_ = Part();
  data_lines_ = 0;
  any_field_ = has_id_ = done_ = false;
}

inline char const* SseSplitter::line_end() noexcept {
  auto const find = [this](char c) noexcept {
    auto const* p = static_cast<char const*>(std::memchr(at_, c, static_cast<std::size_t>(end_ - at_)));
    return p == nullptr ? end_ : p;
  };
  if (next_lf_ == nullptr || next_lf_ < at_) next_lf_ = find('\n');
  if (next_cr_ == nullptr || next_cr_ < at_) next_cr_ = find('\r');
  return next_lf_ < next_cr_ ? next_lf_ : next_cr_;
}

inline SseStep SseSplitter::hold_rest() {
  if (carry_.empty()) carry_.assign(block_, end_);
  else carry_.append(at_, end_);
  at_ = end_;
  return carry_.size() > limits_.event_bytes ? fail_too_large() : SseStep::more;
}

inline SseStep SseSplitter::next(SseEvent& out) {
  if (failed_) return SseStep::too_large;
  if (done_) begin_block();
  while (at_ != end_) {
    if (skip_lf_) {
      skip_lf_ = false;
      if (*at_ == '\n') {
        ++at_;
        if (carry_.empty()) {
          block_ = at_;
        } else {
          carry_.push_back('\n');
          line_ = carry_.size();
        }
        continue;
      }
    }
    char const* const eol = line_end();
    if (eol == end_) return hold_rest();
    char const* behind = eol + 1;
    if (*eol == '\r') {
      if (behind == end_) skip_lf_ = true;
      else if (*behind == '\n') ++behind;
    }
    bool const held = !carry_.empty();
    if (held) carry_.append(at_, behind);
    char const* const base = held ? carry_.data() : block_;
    std::size_t const size = held ? carry_.size() : static_cast<std::size_t>(behind - block_);
    std::size_t const line_to = size - static_cast<std::size_t>(behind - eol);
    at_ = behind;
    if (size > limits_.event_bytes) return fail_too_large();
    if (first_line_) {
      first_line_ = false;
      if (std::string_view(base, line_to).starts_with("\xEF\xBB\xBF")) line_ = bom_ = 3;
    }
    if (line_ == line_to) {
      finish_block(base, size, out);
      if (done_) return SseStep::event;
      begin_block();
      continue;
    }
    read_line(base, line_, line_to);
    line_ = size;
    if (!any_field_) begin_block();  // a comment before the first field is not held
  }
  // Everything was read; an open event must not stay in bytes that the caller takes back.
  return carry_.empty() && block_ == end_ ? SseStep::more : hold_rest();
}

inline void SseSplitter::read_line(char const* base, std::size_t from, std::size_t to) {
  std::string_view const line(base + from, to - from);
  if (line.front() == ':') return;
  any_field_ = true;
  auto const named = [line](std::string_view name) noexcept {
    return line.starts_with(name) && (line.size() == name.size() || line[name.size()] == ':');
  };
  auto const value = [&](std::size_t name_size) noexcept {
    std::size_t at = from + name_size;
    if (at < to) ++at;                     // the colon
    if (at < to && base[at] == ' ') ++at;  // one space after it is not part of the value
    return Part{at, to - at};
  };
  switch (line.front()) {
    case 'd':
      if (named("data")) read_data(base, value(4));
      break;
    case 'e':
      if (named("event")) event_ = value(5);
      break;
    case 'i':
      if (named("id")) {
        Part const id = value(2);
        if (view(base, id).find('\0') == std::string_view::npos) id_ = id, has_id_ = true;
      }
      break;
    case 'r':
      if (named("retry")) read_retry(view(base, value(5)));
      break;
    default: break;
  }
}

inline void SseSplitter::read_data(char const* base, Part value) {
  if (++data_lines_ == 1) {
    data_ = value;
    return;
  }
  if (data_lines_ == 2) joined_.assign(base + data_.at, data_.size);
  joined_.push_back('\n');
  joined_.append(base + value.at, value.size);
}

inline void SseSplitter::read_retry(std::string_view digits) noexcept {
  constexpr std::size_t longest = 12;  // 10^12 ms is 31 years; more digits are noise
  if (digits.empty() || digits.size() > longest) return;
  std::int64_t ms = 0;
  for (char const c : digits) {
    if (c < '0' || c > '9') return;
    ms = ms * 10 + (c - '0');
  }
  retry_ = std::chrono::milliseconds(ms);
}

inline void SseSplitter::finish_block(char const* base, std::size_t size, SseEvent& out) {
  if (has_id_) last_id_.assign(base + id_.at, id_.size);
  if (data_lines_ == 0) return;
  out.event = view(base, event_);
  out.data = data_lines_ == 1 ? view(base, data_) : std::string_view(joined_);
  out.id = view(base, id_);
  out.raw = std::string_view(base, size).substr(bom_);
  done_ = true;
}

template <class F>
SseStep SseSplitter::feed(std::span<char const> bytes, F&& on_event) {
  give(bytes);
  SseEvent event;
  for (;;) {
    SseStep const step = next(event);
    if (step != SseStep::event) return step;
    if constexpr (std::is_convertible_v<decltype(on_event(event)), bool>) {
      if (!on_event(event)) return step;
    } else {
      on_event(event);
    }
  }
}

}  // namespace lowart::net
