#pragma once
/// ByteSource: whatever hands out the bytes of a body, read by read.

#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>

#include <concepts>
#include <span>

namespace lowart::net {

/// `read()` waits for the next bytes and lends them: they stay valid (and may be changed in place) until the
/// next read() or the source's end. An empty span is the clean end, and every later read() says so again.
/// A body that breaks off is an Error, never an empty span. One read at a time.
template <class S>
concept ByteSource = requires(S& source) {
  { source.read() } -> std::same_as<Task<Result<std::span<char>>>>;
};

/// The smallest ByteSource: an empty body.
struct ByteSourceExemplar {
  Task<Result<std::span<char>>> read() { co_return std::span<char>(); }
};
static_assert(ByteSource<ByteSourceExemplar>);

}  // namespace lowart::net
