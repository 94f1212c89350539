#pragma once
/// BodyFraming: where the body of an answer ends, fed with bytes as they come.

#include <lowart/net/chunked.hpp>
#include <lowart/net/http_message.hpp>

#include <algorithm>
#include <cstdint>
#include <span>

namespace lowart::net {

/// Takes the framing off a body, in place. Small, so that it can wait with its connection.
class BodyFraming {
 public:
  BodyFraming() = default;
  /// `length` counts for BodyKind::length only.
  BodyFraming(BodyKind kind, std::uint64_t length) noexcept
      : left_(kind == BodyKind::length ? length : 0), kind_(kind), done_(kind == BodyKind::none) {}

  /// The payload among the bytes received next. All of them are consumed.
  std::span<char> take(std::span<char> received) noexcept {
    std::size_t consumed = received.size();
    std::span<char> payload = received;
    if (done_) {
      consumed = 0;
      payload = received.first(0);
    } else if (kind_ == BodyKind::length) {
      consumed = static_cast<std::size_t>(std::min<std::uint64_t>(left_, received.size()));
      payload = received.first(consumed);
      left_ -= consumed;
      done_ = left_ == 0;
    } else if (kind_ == BodyKind::chunked) {
      ChunkedResult const result = chunks_.decode(received);
      payload = received.first(result.payload_bytes);
      if (result.done || result.error != ChunkedError::none) consumed = result.consumed_bytes;
      done_ = result.done;
    }
    surplus_ = surplus_ || consumed < received.size();
    return payload;
  }

  /// The body is complete. A body that only the peer's closing ends never is.
  bool done() const noexcept { return done_; }
  /// The peer sent more than the body.
  bool surplus() const noexcept { return surplus_; }
  ChunkedError error() const noexcept { return chunks_.error(); }
  BodyKind kind() const noexcept { return kind_; }
  /// Payload bytes that are sure to come: of the body or, with chunks, of the open chunk.
  std::uint64_t left() const noexcept { return kind_ == BodyKind::chunked ? chunks_.remaining() : left_; }

 private:
  std::uint64_t left_{0};
  ChunkedDecoder chunks_;
  BodyKind kind_{BodyKind::none};
  bool done_{true};
  bool surplus_{false};
};

}  // namespace lowart::net
