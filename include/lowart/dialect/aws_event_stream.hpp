#pragma once
/// AwsEventSplitter: finds the events of application/vnd.amazon.eventstream, AWS's binary framing of streams.

#include <lowart/dialect/crc32.hpp>
#include <lowart/net/sse.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lowart::dialect {

struct AwsEventLimits {
  std::size_t event_bytes{16U << 20U};  ///< Longest message in bytes, its framing included. >= 16.
};

/// What SseEvent::id says of an event of this framing: the kind of its message.
namespace aws_event {
inline constexpr std::string_view event = "event";
inline constexpr std::string_view exception = "exception";  ///< `event` is its type, `data` its payload.
inline constexpr std::string_view error = "error";  ///< `event` is its code, `data` its message, as text.
inline constexpr std::string_view broken =
    "broken";  ///< Not of the service: `data` says why the bytes are no message.
}  // namespace aws_event

/// Finds the events in a byte stream that arrives in arbitrary pieces, as net::SseSplitter does in its framing.
///
/// A message is its length, the length of its headers, a check sum of these two, the headers, the payload, and a check
/// sum of all; numbers are big-endian. A wrong check sum, lengths that do not fit and a header that cannot be read
/// give one last event of the kind `broken`; what follows cannot be told apart any more and is not looked at.
///
/// Lifetime: the views of an event hold until the next call of feed(), and only while the bytes given stay where they
/// are. Cost: no copy when a message lies whole in one read; else it is copied once into a buffer bounded by the limit.
/// Concurrency: one thread at a time; a value per stream.
class AwsEventSplitter {
 public:
  explicit AwsEventSplitter(AwsEventLimits limits = {}) noexcept : limits_(limits) {}

  /// Gives `bytes` and calls `on_event(net::SseEvent const&)` for each event that they complete, until it returns false.
  template <class F>
  net::SseStep feed(std::span<char const> bytes, F&& on_event) {
    rest_ = std::string_view(bytes.data(), bytes.size());
    net::SseEvent found;
    for (;;) {
      net::SseStep const step = next(found);
      if (step != net::SseStep::event) return step;
      if (!on_event(static_cast<net::SseEvent const&>(found))) return step;
    }
  }

  /// How many of the bytes given last have not been read: in on_event, those behind that event.
  std::size_t left() const noexcept { return rest_.size(); }
  /// True when bytes of an unfinished message are held: at the end of a stream, it was cut.
  bool inside_event() const noexcept { return !carry_.empty() && !handed_out_; }

 private:
  enum class State : std::uint8_t { reading, too_large, broken };
  static constexpr std::size_t prelude = 12, check_sum = 4, least = prelude + check_sum;

  static std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t size = 4) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + size; ++i) value = value << 8U | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  net::SseStep next(net::SseEvent& out) {
    if (handed_out_) forget();
    if (state_ == State::too_large) return net::SseStep::too_large;
    if (state_ == State::broken) {
      rest_ = {};
      return net::SseStep::more;
    }
    std::string_view head;
    if (!have(prelude, head)) return net::SseStep::more;
    std::size_t const total = number(head, 0), headers = number(head, 4);
    if (crc32(head.substr(0, 8)) != number(head, 8)) return breaks("a wrong check sum of its lengths", out);
    if (total < least || headers > total - least) return breaks("lengths that do not fit", out);
    if (total > limits_.event_bytes) {
      state_ = State::too_large;
      return net::SseStep::too_large;
    }
    std::string_view message;
    if (!have(total, message)) return net::SseStep::more;
    if (carry_.empty()) rest_.remove_prefix(total);
    else handed_out_ = true;
    if (crc32(message.substr(0, total - check_sum)) != number(message, total - check_sum))
      return breaks("a wrong check sum", out);
    if (!read(message, headers, out)) return breaks("a header that cannot be read", out);
    return net::SseStep::event;
  }

  void forget() {
    constexpr std::size_t keep_bytes =
        64U << 10U;  // one huge message must not hold its memory for the whole stream
    if (carry_.capacity() > keep_bytes) std::string().swap(carry_);
    carry_.clear();
    handed_out_ = false;
  }

  /// The first `size` bytes of the open message; false when they are not there yet, and all there is is held.
  bool have(std::size_t size, std::string_view& out) {
    if (carry_.empty() && rest_.size() >= size) {
      out = rest_.substr(0, size);
      return true;
    }
    std::size_t const take = std::min(size - std::min(size, carry_.size()), rest_.size());
    carry_.append(rest_.substr(0, take));
    rest_.remove_prefix(take);
    out = std::string_view(carry_).substr(0, size);
    return carry_.size() >= size;
  }

  net::SseStep breaks(std::string_view why, net::SseEvent& out) noexcept {
    state_ = State::broken;
    out = {.event = {}, .data = why, .id = aws_event::broken, .raw = {}};
    return net::SseStep::event;
  }

  /// The size of a header's value, its own length included; nullopt for a type that there is not, or a cut one.
  static std::optional<std::size_t> value_size(unsigned type, std::string_view rest) noexcept {
    switch (type) {
      case 0:
      case 1: return 0;
      case 2: return 1;
      case 3: return 2;
      case 4: return 4;
      case 5:
      case 8: return 8;
      case 9: return 16;
      case 6:
      case 7:
        if (rest.size() >= 2) return 2 + std::size_t{number(rest, 0, 2)};
        return std::nullopt;
      default: return std::nullopt;
    }
  }

  static bool read(std::string_view message, std::size_t headers, net::SseEvent& out) noexcept {
    std::string_view event_type, exception_type, error_code, error_message, kind = aws_event::event;
    for (std::string_view rest = message.substr(prelude, headers); !rest.empty();) {
      std::size_t const name_size = static_cast<unsigned char>(rest.front());
      if (name_size == 0 || rest.size() < name_size + 2) return false;
      std::string_view const name = rest.substr(1, name_size);
      auto const type = static_cast<unsigned char>(rest[1 + name_size]);
      rest.remove_prefix(name_size + 2);
      auto const size = value_size(type, rest);
      if (!size || *size > rest.size()) return false;
      std::string_view const value = type == 7 ? rest.substr(2, *size - 2) : std::string_view();
      rest.remove_prefix(*size);
      if (name == ":event-type") event_type = value;
      else if (name == ":message-type") kind = value;
      else if (name == ":exception-type") exception_type = value;
      else if (name == ":error-code") error_code = value;
      else if (name == ":error-message") error_message = value;
    }
    std::string_view const payload = message.substr(prelude + headers, message.size() - least - headers);
    out = {.event = event_type, .data = payload, .id = aws_event::event, .raw = message};
    if (kind == aws_event::exception) out.event = exception_type, out.id = aws_event::exception;
    if (kind == aws_event::error) out.event = error_code, out.id = aws_event::error, out.data = error_message;
    return true;
  }

  std::string_view rest_;   // of the bytes given last
  std::string carry_;       // the open message, once it straddles two reads
  bool handed_out_{false};  // what carry_ holds was handed out; the next call starts a new one
  State state_{State::reading};
  AwsEventLimits limits_;
};

}  // namespace lowart::dialect
