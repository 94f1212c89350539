#pragma once
/// What a call may use, before anybody can know: the estimates that limits reserve and routes decide by.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace lowart {

/// About how many tokens so many bytes of a request or an answer are: a quarter of them.
constexpr std::int64_t estimated_tokens(std::size_t bytes) noexcept {
  constexpr std::size_t bytes_per_token = 4;
  return static_cast<std::int64_t>(bytes / bytes_per_token);
}

/// What is reserved for the answer to a request that sets no limit, where nobody has said otherwise.
inline constexpr std::int64_t assumed_output_tokens = 1024;

/// What a client lets be written: its limit, or `assumed` without one, for each of the answers that it wants.
constexpr std::int64_t estimated_output(std::optional<std::int64_t> max_tokens, std::int64_t choices,
                                        std::int64_t assumed = assumed_output_tokens) noexcept {
  constexpr std::int64_t most = std::int64_t{1} << 40U;  // more than any model writes; sums cannot overflow
  constexpr std::int64_t most_choices = 1024;
  std::int64_t const each = std::clamp<std::int64_t>(max_tokens.value_or(assumed), 0, most);
  return each * std::clamp<std::int64_t>(choices, 1, most_choices);
}

}  // namespace lowart
