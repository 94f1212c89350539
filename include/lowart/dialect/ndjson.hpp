#pragma once
/// NDJSON: one JSON value a line, as Ollama streams its replies. Pure: bytes in, lines out.

#include <lowart/net/sse.hpp>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace lowart::dialect {

/// Finds the lines in a byte stream that arrives in arbitrary pieces; the Splitter of a ReplyReader or a reply decoder
/// whose stream is application/x-ndjson.
///
/// Each line that is not blank is handed out as an event: `data` is the line without white space around it, `raw` all of
/// it with its line end. A line ends in LF, which a CR may precede. A last line without its line end is not one: the
/// stream was cut. What stands in a line is not looked at.
///
/// Lifetime: as of net::SseSplitter's, the views hold until the next call of give(), next() or feed(), and only while
/// the bytes given stay where they are.
/// Cost: no copy when a line lies whole in one read; else its bytes are copied once into a buffer bounded by the limit,
/// which counts line ends. Concurrency: one thread at a time; a value per stream.
class NdjsonSplitter {
 public:
  explicit NdjsonSplitter(net::SseLimits limits = {}) noexcept : limits_(limits) {}

  /// Sets the bytes that next() reads. Call only after next() said `more` (or to abandon the rest).
  void give(std::span<char const> bytes) noexcept {
    at_ = bytes.data();
    end_ = at_ + bytes.size();
  }

  /// Reads up to the end of the next line. `too_large` is final.
  [[nodiscard]] net::SseStep next(net::SseEvent& out) {
    if (failed_) return net::SseStep::too_large;
    if (done_) forget();
    while (at_ != end_) {
      auto const left = static_cast<std::size_t>(end_ - at_);
      auto const* const lf = static_cast<char const*>(std::memchr(at_, '\n', left));
      char const* const behind = lf == nullptr ? end_ : lf + 1;
      std::string_view line(at_, static_cast<std::size_t>(behind - at_));
      at_ = behind;
      if (carry_.size() + line.size() > limits_.event_bytes) {
        failed_ = true;
        return net::SseStep::too_large;
      }
      if (lf == nullptr || !carry_.empty()) {
        carry_.append(line);
        line = carry_;
      }
      if (lf == nullptr) return net::SseStep::more;
      if (is_blank(line)) {
        forget();
        continue;
      }
      out = net::SseEvent();
      out.data = line.substr(line.find_first_not_of(space));
      out.data = out.data.substr(0, out.data.find_last_not_of(space) + 1);
      out.raw = line;
      done_ = true;
      return net::SseStep::event;
    }
    return net::SseStep::more;
  }

  /// Gives `bytes` and calls `on_line(net::SseEvent const&)` for each line that they complete. When on_line returns
  /// false it stops there, says `event`, and next() goes on behind that line.
  template <class F>
  net::SseStep feed(std::span<char const> bytes, F&& on_line) {
    give(bytes);
    net::SseEvent line;
    for (;;) {
      net::SseStep const step = next(line);
      if (step != net::SseStep::event) return step;
      if constexpr (std::is_convertible_v<decltype(on_line(line)), bool>) {
        if (!on_line(line)) return step;
      } else {
        on_line(line);
      }
    }
  }

  /// How many of the bytes given last have not been read: in on_line, those behind that line.
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// True when bytes of an unfinished line are held: at the end of a stream, it was cut.
  bool inside_event() const noexcept { return !done_ && !is_blank(carry_); }

 private:
  static constexpr std::string_view space = " \t\r\n";
  static bool is_blank(std::string_view line) noexcept {
    return line.find_first_not_of(space) == std::string_view::npos;
  }
  /// One huge line must not hold its memory for the whole stream.
  void forget() noexcept {
    constexpr std::size_t keep_bytes = 64U << 10U;
    if (carry_.capacity() > keep_bytes) std::string().swap(carry_);
    carry_.clear();
    done_ = false;
  }

  char const* at_{nullptr};   // next byte to read
  char const* end_{nullptr};  // end of the bytes given
  std::string carry_;         // the open line, once it straddles two reads
  bool done_{false};          // the line was handed out; the next call starts a new one
  bool failed_{false};
  net::SseLimits limits_;
};

}  // namespace lowart::dialect
