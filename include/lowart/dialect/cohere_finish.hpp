#pragma once
/// Why an answer of Cohere ended.

#include <lowart/model/chat_delta.hpp>

#include <string_view>

namespace lowart::dialect {

/// The neutral word for a finish_reason. ERROR and TIMEOUT are none: they are failures, see cohere_failed().
inline FinishReason cohere_finish_reason(std::string_view word) noexcept {
  if (word == "COMPLETE" || word == "STOP_SEQUENCE") return FinishReason::stop;
  if (word == "MAX_TOKENS") return FinishReason::length;
  if (word == "TOOL_CALL") return FinishReason::tool_calls;
  return FinishReason::other;
}

/// The generation broke off at the provider, whatever was said until then.
inline bool cohere_failed(std::string_view finish_reason) noexcept {
  return finish_reason == "ERROR" || finish_reason == "TIMEOUT";
}

}  // namespace lowart::dialect
