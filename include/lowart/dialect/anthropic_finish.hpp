#pragma once
/// Why a message ended: Anthropic's stop_reason and the neutral word.

#include <lowart/model/chat_delta.hpp>

#include <string_view>

namespace lowart::dialect {

inline FinishReason anthropic_finish_reason(std::string_view word) noexcept {
  if (word.empty()) return FinishReason::none;
  if (word == "end_turn" || word == "stop_sequence") return FinishReason::stop;
  if (word == "max_tokens" || word == "model_context_window_exceeded") return FinishReason::length;
  if (word == "tool_use") return FinishReason::tool_calls;
  if (word == "refusal") return FinishReason::content_filter;
  return FinishReason::other;  // pause_turn, and what is to come
}

/// The words that a neutral reason says without help of finish_text.
inline bool is_plain_anthropic_finish(std::string_view word) noexcept {
  return word == "end_turn" || word == "max_tokens" || word == "tool_use" || word == "refusal";
}

/// The stop_reason of a choice; "end_turn" for a reason that only another dialect has. `called`: it asked for tools.
inline std::string_view anthropic_stop_reason(ChoiceDelta const& choice, Dialect from, bool called) noexcept {
  if (from == Dialect::anthropic && !choice.finish_text.empty()) return choice.finish_text;
  if (!choice.stop_sequence.empty()) return "stop_sequence";
  switch (choice.finish) {
    case FinishReason::length: return "max_tokens";
    case FinishReason::tool_calls: return "tool_use";
    case FinishReason::content_filter: return "refusal";
    case FinishReason::none:
    case FinishReason::stop:  // some providers stop when they call
    case FinishReason::other: return called ? "tool_use" : "end_turn";
  }
  return "end_turn";
}

}  // namespace lowart::dialect
