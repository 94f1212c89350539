#pragma once
/// What the last line of an Ollama reply tells: why it ended, and what it used.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/model/chat_delta.hpp>

#include <string_view>

namespace lowart::dialect {

/// The neutral word for a done_reason. "stop" is tool_calls when the model called; old servers tell no reason, which is
/// the same.
inline FinishReason ollama_finish_reason(std::string_view word, bool called) noexcept {
  if (word.empty() || word == "stop") return called ? FinishReason::tool_calls : FinishReason::stop;
  if (word == "content_filter") return FinishReason::content_filter;  // ours: see ollama_reply_encode.hpp
  return word == "length" ? FinishReason::length : FinishReason::other;
}

/// Notes a member that counts tokens; false when it is none. What was thought is part of eval_count and not told apart.
/// A count that is left out stays unknown: Ollama leaves out that of a prompt which it had in memory.
inline bool take_ollama_count(JsonMember const& member, Usage& usage) noexcept {
  bool const prompt = member.key == "prompt_eval_count";
  if (!prompt && member.key != "eval_count") return false;
  if (auto const count = as_int(member.value))
    usage.set(prompt ? UsageClass::input : UsageClass::output, *count);
  return true;
}

}  // namespace lowart::dialect
