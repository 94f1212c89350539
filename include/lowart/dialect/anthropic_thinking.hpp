#pragma once
/// How much an Anthropic model is told to think, from what a client of another dialect wished.

#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// What goes into a request. `type` empty: nothing is said.
struct AnthropicThinking {
  std::string_view type;  ///< enabled disabled adaptive
  std::int64_t budget{0};
  std::string effort;          ///< output_config.effort; empty: unset.
  std::string_view lost;       ///< Why the wish cannot be said, after "the field 'x'"; empty: it is.
  std::int64_t max_tokens{0};  ///< The limit that leaves room for an answer.
};

namespace anthropic_thinking {

inline constexpr std::int64_t least_budget = 1'024;

/// Whether the newest turn of the model ended in calls of tools without the thinking that belongs before them. The API
/// then refuses to think on.
inline bool goes_on_without_thinking(Conversation const& c, Dialect maker) noexcept {
  if (c.messages.empty() || c.messages.back().role != Role::tool) return false;
  auto const turn = std::find_if(c.messages.rbegin(), c.messages.rend(),
                                 [](Message const& m) { return m.role == Role::assistant; });
  if (turn == c.messages.rend()) return false;
  return std::none_of(turn->content.begin(), turn->content.end(), [maker](ContentPart const& part) {
    return part.kind == PartKind::reasoning && part.signature.is_of(maker);
  });
}

/// What of the request rules out thinking, after "the field 'x'"; empty when nothing does.
inline std::string_view hindrance(Conversation const& c, Dialect maker) noexcept {
  bool const forced =
      c.tool_choice.kind == ToolChoiceKind::required || c.tool_choice.kind == ToolChoiceKind::named;
  if (forced && !c.tools.empty()) return "goes with no tool_choice that forces a tool at anthropic";
  if (c.temperature.value_or(1) != 1) return "goes with no temperature but 1 at anthropic";
  if (c.top_p.value_or(1) < 0.95) return "goes with no top_p below 0.95 at anthropic";
  if (c.top_k) return "goes with no top_k at anthropic";
  if (goes_on_without_thinking(c, maker))
    return "cannot be obeyed between tool calls that came without thinking of anthropic";
  return {};
}

/// A word of output_config.effort.
inline std::string effort_word(std::string const& effort) { return effort == "minimal" ? "low" : effort; }

}  // namespace anthropic_thinking

/// `default_max` is the limit of a request that has none. `adaptive`: the model is told an effort and thinks as it sees
/// fit; else it gets a budget, of at least 1024 tokens and below the limit. `maker`: whose proofs of thinking count, that
/// of the dialect in which the model is asked.
inline AnthropicThinking plan_thinking(Conversation const& c, std::int64_t default_max, bool adaptive,
                                       Dialect maker = Dialect::anthropic) {
  using namespace anthropic_thinking;
  AnthropicThinking plan;
  plan.max_tokens = c.max_tokens.value_or(default_max);
  ReasoningWish const& wish = c.reasoning;
  if (wish.effort.empty() && !wish.budget_tokens) return plan;
  std::int64_t const budget = wish.budget_tokens ? *wish.budget_tokens : budget_of(wish.effort);
  if (budget == 0) {
    plan.type = "disabled";
    return plan;
  }
  plan.lost = hindrance(c, maker);
  if (!plan.lost.empty()) return plan;
  if (adaptive) {
    plan.type = "adaptive";
    plan.effort = effort_word(effort_of(wish));
    return plan;
  }
  std::int64_t const wanted = std::max(budget < 0 ? budget_of("medium") : budget, least_budget);
  if (!c.max_tokens) {
    plan.max_tokens = std::min(wanted, std::int64_t{1} << 40U) + default_max;
    plan.budget = plan.max_tokens - default_max;
  } else {
    // An effort is our own reading: it leaves a quarter for the answer. A budget is the client's word.
    std::int64_t const most = wish.budget_tokens ? *c.max_tokens - 1 : *c.max_tokens - *c.max_tokens / 4;
    plan.budget = std::min(wanted, most);
  }
  if (plan.budget >= least_budget) plan.type = "enabled";
  else plan.lost = "needs a limit of output tokens that leaves room for 1024 of thinking at anthropic";
  return plan;
}

}  // namespace lowart::dialect
