// Any cut of a stream into reads gives the same events as one read, and both give what a naive reading of the
// WHATWG rules gives. Input: the first byte seeds the cuts, the rest is the stream.

#include <lowart/net/sse.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lowart::net::SseEvent;
using lowart::net::SseLimits;
using lowart::net::SseSplitter;
using lowart::net::SseStep;

struct Outcome {
  std::vector<std::string> events;  // type, data and id, joined by a byte that separates
  std::string raw;                  // of all events, without line feeds and carriage returns
  std::string last_id;
  std::int64_t retry{-1};
  bool too_large{false};
  bool operator==(Outcome const&) const = default;
};

std::string spelled(std::string_view event, std::string_view data, std::string_view id) {
  return std::string(event).append("\r").append(data).append("\r").append(id);
}

// The specification's words, line by line over the whole stream at once.
Outcome naive(std::string_view stream) {
  Outcome out;
  if (stream.starts_with("\xEF\xBB\xBF")) stream.remove_prefix(3);
  std::string event, data, id;
  bool has_id = false;
  while (!stream.empty()) {
    std::size_t const end = stream.find_first_of("\r\n");
    if (end == std::string_view::npos) break;
    std::string_view const line = stream.substr(0, end);
    stream.remove_prefix(end + (stream.substr(end).starts_with("\r\n") ? 2 : 1));
    if (line.empty()) {
      if (has_id) out.last_id = id;
      if (!data.empty())
        out.events.push_back(spelled(event, std::string_view(data).substr(0, data.size() - 1), id));
      event.clear(), data.clear(), id.clear(), has_id = false;
      continue;
    }
    std::size_t const colon = line.find(':');
    std::string_view const name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") event = value;
    if (name == "data") data.append(value).push_back('\n');
    if (name == "id" && value.find('\0') == std::string_view::npos) id = value, has_id = true;
    if (name == "retry" && !value.empty() && value.size() <= 12 &&
        value.find_first_not_of("0123456789") == std::string_view::npos)
      out.retry = std::stoll(std::string(value));
  }
  return out;
}

class Feeder {
 public:
  explicit Feeder(SseLimits limits = {}) : splitter_(limits) {}

  // From a heap block that is gone afterwards, so that a view kept too long is reported.
  void feed(std::string_view piece, std::size_t stop_after) {
    auto const bytes = std::make_unique<char[]>(piece.size());
    piece.copy(bytes.get(), piece.size());
    std::size_t calls = 0;
    SseStep step = splitter_.feed({bytes.get(), piece.size()}, [&](SseEvent const& e) {
      take(e);
      return ++calls != stop_after;
    });
    for (SseEvent e; step == SseStep::event;)
      if ((step = splitter_.next(e)) == SseStep::event) take(e);
    outcome.too_large = step == SseStep::too_large;
    outcome.last_id = splitter_.last_id();
    outcome.retry = splitter_.retry().count();
  }
  Outcome outcome;

 private:
  void take(SseEvent const& e) {
    outcome.events.push_back(spelled(e.event, e.data, e.id));
    for (char const c : e.raw)
      if (c != '\r' && c != '\n') outcome.raw.push_back(c);
  }
  SseSplitter splitter_;
};

Outcome in_pieces(std::string_view stream, std::uint32_t seed, SseLimits limits) {
  Feeder feeder(limits);
  while (!stream.empty()) {
    seed = seed * 1664525U + 1013904223U;
    std::size_t const size =
        std::min<std::size_t>(stream.size(), (seed >> 16U) % ((seed >> 24U) % 8 == 0 ? 40 : 4));
    feeder.feed(stream.substr(0, size), seed % 3);
    stream.remove_prefix(size);
  }
  return feeder.outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
  if (size == 0) return 0;
  std::string_view const stream(reinterpret_cast<char const*>(bytes) + 1, size - 1);
  Feeder whole;
  whole.feed(stream, 0);
  Outcome expected = naive(stream);
  expected.raw = whole.outcome.raw;
  if (whole.outcome != expected) std::abort();
  for (std::uint32_t seed = bytes[0]; seed < bytes[0] + 3U; ++seed)
    if (in_pieces(stream, seed, {}) != whole.outcome) std::abort();

  // With a small limit too; without CR, where a cut decides whether the LF behind it belongs to the event.
  if (stream.find('\r') == std::string_view::npos) {
    Feeder limited({.event_bytes = 24});
    limited.feed(stream, 0);
    if (in_pieces(stream, bytes[0], {.event_bytes = 24}) != limited.outcome) std::abort();
  }
  return 0;
}
