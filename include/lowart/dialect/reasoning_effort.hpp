#pragma once
/// Effort and budget of reasoning, each told in the other's terms.

#include <lowart/model/conversation.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The effort that a wish asks for; from a budget the nearest one; empty when it asks for none in particular.
inline std::string effort_of(ReasoningWish const& wish) {
  constexpr std::int64_t low = 2'048;
  constexpr std::int64_t medium = 10'240;
  if (!wish.effort.empty() || !wish.budget_tokens || *wish.budget_tokens < 0) return wish.effort;
  if (*wish.budget_tokens == 0) return "none";
  if (*wish.budget_tokens <= low) return "low";
  return *wish.budget_tokens <= medium ? "medium" : "high";
}

/// The tokens that an effort may think for: 0 for "none"; -1, as many as the model likes, for a word we do not know.
inline std::int64_t budget_of(std::string_view effort) noexcept {
  if (effort == "none") return 0;
  if (effort == "minimal") return 1'024;
  if (effort == "low") return 2'048;
  if (effort == "medium") return 8'192;
  if (effort == "high") return 24'576;
  if (effort == "xhigh" || effort == "max") return 32'768;
  return -1;
}

}  // namespace lowart::dialect
