#pragma once
/// BodySource: a request's body that goes out while it comes in, so that nobody holds all of it.

#include <lowart/core/call.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart {

/// Pieces of a body, in order. One coroutine at a time, on the call's loop.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Goes back to the beginning, for another attempt. False: what went by is gone, and the body cannot be sent again.
  virtual bool rewind() = 0;
  /// Whether rewind() would.
  virtual bool can_rewind() const noexcept = 0;
  /// How many bytes all pieces have together; nullopt: not known before the end.
  virtual std::optional<std::uint64_t> length() const noexcept = 0;
  /// The next piece; empty at the end. Valid until the next call. Interrupting the call ends the wait.
  virtual Task<Result<std::string_view>> next(Call& call) = 0;
};

}  // namespace lowart
