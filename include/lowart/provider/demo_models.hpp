#pragma once
/// The names of the demo provider's models, and what each of them shows.

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace lowart {

/// What a demo model does instead of a plain answer.
enum class DemoFault : std::uint8_t { none, rate_limited, failed, flaky, stall, hang, cut, malformed, auth };

/// One model of the demo provider.
struct DemoModel {
  std::string_view name;
  std::string_view sentence;  ///< For people: what to see.
  DemoFault fault{DemoFault::none};
  std::chrono::milliseconds first_token{150};  ///< Before the first token.
  std::chrono::milliseconds token{20};         ///< Between tokens, give or take a quarter.
};

/// Every name with a meaning of its own; any other name acts like "demo".
///
/// | name           | what it does                                                                        |
/// |----------------|-------------------------------------------------------------------------------------|
/// | demo           | answers at a human pace, about 50 tokens a second                                    |
/// | demo-fast      | the same, without any pause                                                          |
/// | demo-slow      | first token after 2 s, then 5 tokens a second                                        |
/// | demo-429       | refuses with rate_limited and a retry-after of 2 s                                   |
/// | demo-fail      | fails with a 500 before the first token                                              |
/// | demo-flaky     | fails every second call before the first token, the first call included              |
/// | demo-stall     | sends a few words, then falls silent: shows the between-tokens timeout               |
/// | demo-hang      | never sends a first token: shows the first-token timeout                             |
/// | demo-cut       | loses the connection after some words                                                |
/// | demo-malformed | answers with what is no answer                                                       |
/// | demo-auth      | does not accept the gateway's credentials                                            |
inline constexpr std::array<DemoModel, 11> demo_model_table{{
    {.name = "demo", .sentence = "Answers at a human pace, about 50 tokens a second."},
    {.name = "demo-fast",
     .sentence = "Answers without any pause.",
     .first_token = std::chrono::milliseconds(0),
     .token = std::chrono::milliseconds(0)},
    {.name = "demo-slow",
     .sentence = "Takes 2 s to the first token, then gives 5 tokens a second.",
     .first_token = std::chrono::milliseconds(2'000),
     .token = std::chrono::milliseconds(200)},
    {.name = "demo-429",
     .sentence = "Refuses with 429 and a retry-after of 2 s.",
     .fault = DemoFault::rate_limited},
    {.name = "demo-fail", .sentence = "Fails with a 500 before the first token.", .fault = DemoFault::failed},
    {.name = "demo-flaky",
     .sentence = "Fails every second call, the first one included: a retry saves it.",
     .fault = DemoFault::flaky},
    {.name = "demo-stall",
     .sentence = "Sends a few words, then falls silent until a timeout.",
     .fault = DemoFault::stall},
    {.name = "demo-hang",
     .sentence = "Never sends a first token: a timeout or a fallback ends it.",
     .fault = DemoFault::hang},
    {.name = "demo-cut", .sentence = "Loses the connection after some words.", .fault = DemoFault::cut},
    {.name = "demo-malformed", .sentence = "Answers with what is no answer.", .fault = DemoFault::malformed},
    {.name = "demo-auth", .sentence = "Does not accept the gateway's credentials.", .fault = DemoFault::auth},
}};

/// The models to try, for documentation and for `lowart` to list.
inline constexpr std::span<DemoModel const> demo_models() noexcept { return demo_model_table; }

/// How a model of that name acts.
constexpr DemoModel const& demo_model(std::string_view name) noexcept {
  for (DemoModel const& model : demo_model_table)
    if (model.name == name) return model;
  return demo_model_table.front();
}

}  // namespace lowart
