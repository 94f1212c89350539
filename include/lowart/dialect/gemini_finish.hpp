#pragma once
/// Gemini's finish reasons, and its reasons to block a prompt, in the neutral words and back.

#include <lowart/dialect/json_object.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace gemini_finish {

/// Words that mean: the answer, or the prompt, was held back.
inline constexpr std::array<std::string_view, 10> filtered{"SAFETY",
                                                           "RECITATION",
                                                           "BLOCKLIST",
                                                           "PROHIBITED_CONTENT",
                                                           "SPII",
                                                           "IMAGE_SAFETY",
                                                           "MODEL_ARMOR",
                                                           "IMAGE_PROHIBITED_CONTENT",
                                                           "IMAGE_RECITATION",
                                                           "JAILBREAK"};
/// The enumeration's first numbers, on which all of Google's surfaces agree; old clients get numbers.
inline constexpr std::array<std::string_view, 6> numbers{
    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"};

/// The word of a member, of a number too; empty for none.
inline std::string word(JsonMember const& member) {
  if (member.kind == JsonKind::string) {
    auto const plain = as_string_view(member.value);
    return plain ? std::string(*plain) : JsonObject::text_of(member);
  }
  auto const number = member.kind == JsonKind::number ? as_int(member.value).value_or(-1) : -1;
  if (number < 0) return {};
  return number < static_cast<std::int64_t>(numbers.size())
             ? std::string(numbers[static_cast<std::size_t>(number)])
             : "OTHER";
}

}  // namespace gemini_finish

/// The neutral word for a finishReason or a blockReason. STOP is tool_calls when the model called.
inline FinishReason gemini_finish_reason(std::string_view word, bool called) noexcept {
  if (word.empty()) return FinishReason::none;
  if (word == "STOP") return called ? FinishReason::tool_calls : FinishReason::stop;
  if (word == "MAX_TOKENS") return FinishReason::length;
  auto const& filtered = gemini_finish::filtered;
  bool const is_filtered = std::find(filtered.begin(), filtered.end(), word) != filtered.end();
  return is_filtered ? FinishReason::content_filter : FinishReason::other;
}

/// Gemini's word: the provider's own when it was Gemini.
inline std::string_view gemini_finish_word(FinishReason reason, std::string_view own_word) noexcept {
  switch (reason) {
    case FinishReason::none: return {};
    case FinishReason::stop:
    case FinishReason::tool_calls: return "STOP";
    case FinishReason::length: return "MAX_TOKENS";
    case FinishReason::content_filter: return own_word.empty() ? std::string_view("SAFETY") : own_word;
    case FinishReason::other: return own_word.empty() ? std::string_view("OTHER") : own_word;
  }
  return "OTHER";
}

}  // namespace lowart::dialect
