#pragma once
/// Header fields that the wire languages of OpenAI, chat and Responses, have in common.

#include <array>
#include <string_view>

namespace lowart::openai_fields {

inline constexpr std::string_view request_id = "x-request-id";
/// What a refusal says of when to come back, and what is exhausted.
inline constexpr std::array<std::string_view, 7> of_refusals{"retry-after",
                                                             "retry-after-ms",
                                                             "x-ratelimit-reset",
                                                             "x-ratelimit-reset-requests",
                                                             "x-ratelimit-reset-tokens",
                                                             "x-ratelimit-remaining-requests",
                                                             "x-ratelimit-remaining-tokens"};

}  // namespace lowart::openai_fields
