#pragma once
/// ChatDelta: one step of an answer, whole or streamed, in the neutral language.

#include <lowart/core/usage.hpp>
#include <lowart/model/conversation.hpp>

#include <optional>
#include <string>
#include <vector>

namespace lowart {

enum class FinishReason : std::uint8_t { none, stop, length, tool_calls, content_filter, other };

/// A piece of a tool call: the first piece carries id and name, later ones arguments.
struct ToolCallDelta {
  std::int64_t index{0};
  std::string id;
  std::string name;
  std::string arguments;
  bool custom{false};
};

/// What one step adds to one choice.
struct ChoiceDelta {
  std::int64_t index{0};
  std::optional<Role> role;
  std::string text;
  std::string reasoning;
  std::string refusal;
  std::vector<ToolCallDelta> tool_calls;
  FinishReason finish{FinishReason::none};
  std::string finish_text;  ///< The provider's own word, when it is FinishReason::other.
  RawJson logprobs;
  std::vector<ExtraField> extra;  ///< Members of the delta that we do not know.
};

/// One step. A whole answer is one step.
struct ChatDelta {
  std::string id;
  std::string model;
  std::int64_t created{0};  ///< Seconds since 1970; 0 when the provider does not say.
  std::vector<ChoiceDelta> choices;
  std::optional<Usage> usage;     ///< A snapshot: replaces earlier ones.
  std::vector<ExtraField> extra;  ///< Top-level members that we do not know.
};

}  // namespace lowart
