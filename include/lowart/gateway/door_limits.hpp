#pragma once
/// DoorLimits: bounds of what one request may ask.

#include <lowart/gateway/upload.hpp>
#include <lowart/model/token_estimate.hpp>

#include <cstddef>
#include <cstdint>

namespace lowart {

struct DoorLimits {
  std::size_t body_bytes{32U << 20U};  ///< Longest request body that is read whole.
  UploadLimits upload{};               ///< Of those that pass by.
  /// Reserved for a call that sets no max_tokens.
  std::int64_t assumed_output_tokens{lowart::assumed_output_tokens};
};

}  // namespace lowart
