#pragma once
/// DoorLimits: bounds of what one request may ask.

#include <cstddef>
#include <cstdint>

namespace lowart {

struct DoorLimits {
  std::size_t body_bytes{32U << 20U};        ///< Longest request body.
  std::int64_t assumed_output_tokens{1024};  ///< Reserved for a call that sets no max_tokens.
};

}  // namespace lowart
