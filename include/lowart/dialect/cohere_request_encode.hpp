#pragma once
/// A Conversation, written as a chat request of Cohere.

#include <lowart/core/result.hpp>
#include <lowart/dialect/cohere_messages_encode.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/function_tool.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace cohere_request {

inline bool is_offered(Tool const& tool, ToolChoice const& choice) {
  bool const is_named = choice.kind != ToolChoiceKind::named || tool.name == choice.name;
  return is_named && is_allowed(tool, choice);
}

/// Arguments are strict for all tools or for none.
inline bool is_strict(Conversation const& c) {
  return std::all_of(c.tools.begin(), c.tools.end(), [&](Tool const& tool) {
    return !is_offered(tool, c.tool_choice) || (tool.strict == true && !tool.custom);
  });
}

/// What this dialect can say in general, but not with this value.
inline void check_values(Conversation const& c, Losses& losses) {
  auto const penalty = [&](std::optional<double> const& value, Feature feature) {
    if (value.value_or(0) < 0 || value.value_or(0) > 1)
      losses.lose(Weight::meaning, std::string(spelling(feature, c.dialect)),
                  "is not from 0 to 1, as cohere takes it");
  };
  penalty(c.frequency_penalty, Feature::frequency_penalty);
  penalty(c.presence_penalty, Feature::presence_penalty);
  if (c.top_logprobs.value_or(0) > 0)
    losses.lose(Weight::meaning, c.dialect == Dialect::gemini ? "generationConfig.logprobs" : "top_logprobs",
                why);
  if (is_strict(c)) return;
  for (std::size_t i = 0; i < c.tools.size(); ++i)
    if (c.tools[i].strict == true && is_offered(c.tools[i], c.tool_choice))
      losses.lose(Weight::hint, tool_path(c.dialect, i) + ".strict",
                  "cannot be said to a provider that speaks cohere unless every tool is strict");
}

/// One that must be called is the only one that is offered.
inline void write_tools(JsonWriter& w, Conversation const& c) {
  ToolChoice const& choice = c.tool_choice;
  bool any = false;
  for (Tool const& tool : c.tools) {
    if (!is_offered(tool, choice)) continue;
    if (!std::exchange(any, true)) w.begin_list("tools");
    write_function_tool(w, tool);
  }
  if (!any) return;
  w.end_list();
  if (is_strict(c)) w.flag("strict_tools", true);
  bool const must = choice.kind == ToolChoiceKind::required || choice.kind == ToolChoiceKind::named;
  if (must) w.text("tool_choice", "REQUIRED");
  if (choice.kind == ToolChoiceKind::none) w.text("tool_choice", "NONE");
}

inline void write_format(JsonWriter& w, OutputFormat const& format) {
  bool const schema = format.kind == OutputKind::json_schema && !format.schema.empty();
  if (!schema && format.kind != OutputKind::json_object) return;
  w.begin_object("response_format").text("type", "json_object");
  if (schema) w.raw("json_schema", format.schema.text);
  w.end_object();
}

/// Nothing leaves it to the model.
inline void write_thinking(JsonWriter& w, ReasoningWish const& wish) {
  bool const wished = !wish.effort.empty() || !wish.mode.empty() || wish.budget_tokens;
  if (!wished) return;
  std::int64_t const budget = wish.effort.empty() ? wish.budget_tokens.value_or(-1)
                                                  : wish.budget_tokens.value_or(budget_of(wish.effort));
  bool const thinks = wish.mode != "disabled" && budget != 0;
  w.begin_object("thinking").text("type", thinks ? "enabled" : "disabled");
  if (thinks && budget > 0) w.count("token_budget", budget);
  w.end_object();
}

inline void write_settings(JsonWriter& w, Conversation const& c) {
  constexpr double least_p = 0.01, most_p = 0.99;
  w.count_if("max_tokens", c.max_tokens).number_if("temperature", c.temperature);
  if (c.top_p) w.number("p", std::clamp(*c.top_p, least_p, most_p));
  w.count_if("k", c.top_k).count_if("seed", c.seed);
  auto const penalty = [&](JsonName name, std::optional<double> const& value) {
    if (value && *value >= 0 && *value <= 1) w.number(name, *value);
  };
  penalty("frequency_penalty", c.frequency_penalty);
  penalty("presence_penalty", c.presence_penalty);
  if (!c.stop.empty()) {
    w.begin_list("stop_sequences");
    for (std::string const& stop : c.stop) w.text(stop);
    w.end_list();
  }
  if (c.logprobs.value_or(false) || c.top_logprobs) w.flag("logprobs", true);
}

}  // namespace cohere_request

/// The body of a POST /v2/chat for `model`.
///
/// Leading instructions become one system message; what a model thought goes back as `thinking`, or as `tool_plan` where
/// it called tools, unless another vendor signed it; images from tools stand in a user message behind the results.
///
/// What another dialect says and this one cannot is told to `losses`. Errors: the first loss that may not be.
inline Result<std::string> encode_cohere(Conversation const& c, std::string_view model, Losses& losses) {
  using namespace cohere_request;
  check_fidelity(c, Dialect::cohere, losses);
  check_values(c, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  w.begin_object().text("model", model);
  Messages(w, c, losses).write();
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  write_tools(w, c);
  write_format(w, c.output_format);
  write_thinking(w, c.reasoning);
  write_settings(w, c);
  w.flag("stream", c.stream).end_object();
  return body;
}

}  // namespace lowart::dialect
