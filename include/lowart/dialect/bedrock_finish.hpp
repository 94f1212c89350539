#pragma once
/// Why a Converse answer ended, in the neutral words.

#include <lowart/model/chat_delta.hpp>

#include <string_view>

namespace lowart::dialect {

inline FinishReason bedrock_finish_reason(std::string_view word) noexcept {
  if (word.empty()) return FinishReason::none;
  if (word == "end_turn" || word == "stop_sequence") return FinishReason::stop;
  if (word == "max_tokens" || word == "model_context_window_exceeded") return FinishReason::length;
  if (word == "tool_use") return FinishReason::tool_calls;
  if (word == "guardrail_intervened" || word == "content_filtered") return FinishReason::content_filter;
  return FinishReason::other;  // malformed_model_output, malformed_tool_use, and what is to come
}

}  // namespace lowart::dialect
