#pragma once
/// GeminiArrayFramer: a stream of server-sent events as the one JSON array that Google sends without alt=sse.

#include <lowart/net/sse.hpp>

#include <span>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Turns events into `[{...}\n,\r\n{...}\n]`; the payloads stay as they are, an error event is an element like any
/// other. Any cut of the bytes gives the same text. Concurrency: one value per answer.
class GeminiArrayFramer {
 public:
  explicit GeminiArrayFramer(net::SseLimits limits = {}) noexcept : splitter_(limits) {}

  /// Appends the elements that `bytes` complete. False when an event is over the limit: what follows is not read.
  bool feed(std::string_view bytes, std::string& out) {
    auto const step =
        splitter_.feed(std::span<char const>(bytes.data(), bytes.size()), [&](net::SseEvent const& event) {
          out.append(begun_ ? ",\r\n" : "[").append(event.data).push_back('\n');
          return begun_ = true;
        });
    return step != net::SseStep::too_large;
  }

  /// Appends the closing bracket, once; `[]` when nothing came. Also after an error: the array is whole JSON then.
  void finish(std::string& out) {
    if (ended_) return;
    ended_ = true;
    out.append(begun_ ? "]" : "[]");
  }

 private:
  net::SseSplitter splitter_;
  bool begun_{false};
  bool ended_{false};
};

}  // namespace lowart::dialect
