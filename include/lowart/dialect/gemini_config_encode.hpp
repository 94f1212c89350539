#pragma once
/// What a Conversation asks for beside its messages, written as generationConfig and toolConfig of a Gemini request.

#include <lowart/dialect/gemini_schema.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace gemini_request {

inline constexpr std::string_view config_prefix = "generationConfig.";
inline constexpr std::string_view thinking_prefix = "generationConfig.thinkingConfig.";
inline constexpr std::string_view tool_config_prefix = "toolConfig.";
inline constexpr std::string_view own_output_schema = "generationConfig.responseSchema";

/// Writes the extra fields whose names begin with `prefix`, without it.
inline void write_dotted(JsonWriter& w, std::vector<ExtraField> const& extra, std::string_view prefix) {
  for (ExtraField const& field : extra) {
    std::string_view const name = field.name;
    bool const deeper = prefix == config_prefix && name.starts_with(thinking_prefix);
    if (name.starts_with(prefix) && !deeper) w.raw_if(name.substr(prefix.size()), field.value);
  }
}

/// A schema came in Gemini's own form, as the member of this name: see own_schema in gemini_config_decode.hpp.
inline bool came_in_own_form(std::vector<ExtraField> const& extra, std::string_view member) noexcept {
  RawJson const* const sign = find_extra(extra, member);
  return sign != nullptr && sign->text == "null";
}

/// Models up to 2.5 take a budget where later ones take a level.
inline bool takes_levels(std::string_view model) noexcept {
  std::string_view const name = model.substr(model.rfind('/') + 1);
  return !name.starts_with("gemini-2") && !name.starts_with("gemini-1");
}

/// What every model up to 2.5 takes.
inline constexpr std::int64_t most_thinking = 24'576;

inline std::string_view level_of(std::string_view effort) noexcept {
  if (effort == "minimal" || effort == "low" || effort == "medium") return effort;
  return "high";
}

inline void encode_thinking(JsonWriter& w, Conversation const& c, std::string_view model) {
  ReasoningWish const& wish = c.reasoning;
  bool const own = c.dialect == Dialect::gemini;
  std::string text;
  JsonWriter inner(text);
  inner.begin_object();
  std::optional<std::int64_t> budget = wish.budget_tokens;
  std::string_view level;
  if (own) level = wish.effort;
  else if (budget) level = {};
  else if (wish.mode == "disabled" || wish.effort == "none") budget = 0;
  else if (!wish.effort.empty() && takes_levels(model)) level = level_of(wish.effort);
  else if (!wish.effort.empty()) budget = std::min(budget_of(wish.effort), most_thinking);
  else if (wish.mode == "adaptive" && !takes_levels(model)) budget = -1;
  inner.count_if("thinkingBudget", budget).text_if("thinkingLevel", level);
  // Other dialects show what a model thought when it was asked to think; this one has to be told.
  bool const thinks = !own && budget != 0 && (!wish.effort.empty() || budget || !wish.mode.empty());
  if (!wish.shown.empty()) inner.flag("includeThoughts", wish.shown != "none");
  else if (thinks) inner.flag("includeThoughts", true);
  if (own) write_dotted(inner, c.extra, thinking_prefix);
  inner.end_object();
  if (text.size() > 2) w.raw("thinkingConfig", text);
}

inline void encode_format(JsonWriter& w, Conversation const& c) {
  bool const own = c.dialect == Dialect::gemini;
  switch (c.output_format.kind) {
    case OutputKind::unset:
    case OutputKind::other: return;
    case OutputKind::text:
      if (own) w.text("responseMimeType", "text/plain");
      return;
    case OutputKind::json_object: w.text("responseMimeType", "application/json"); return;
    case OutputKind::json_schema: break;
  }
  w.text("responseMimeType", "application/json");
  RawJson const& schema = c.output_format.schema;
  if (own && !schema.empty() && came_in_own_form(c.extra, own_output_schema))
    w.raw("responseSchema", raise_gemini_schema(schema.text));
  else w.raw_if("responseJsonSchema", schema);
}

inline void encode_config(JsonWriter& w, Conversation const& c, std::string_view model) {
  bool const own = c.dialect == Dialect::gemini;
  // Some models refuse the mere name of a penalty or of several candidates.
  auto const unless = [own]<class T>(std::optional<T> const& value, T usual) {
    return !own && value == usual ? std::optional<T>() : value;
  };
  std::string text;
  JsonWriter inner(text);
  inner.begin_object();
  encode_format(inner, c);
  encode_thinking(inner, c, model);
  inner.count_if("maxOutputTokens", c.max_tokens).number_if("temperature", c.temperature);
  inner.number_if("topP", c.top_p).count_if("topK", c.top_k);
  inner.number_if("frequencyPenalty", unless(c.frequency_penalty, 0.0));
  inner.number_if("presencePenalty", unless(c.presence_penalty, 0.0));
  inner.count_if("candidateCount", unless(c.n, std::int64_t{1})).count_if("seed", c.seed);
  if (own || c.logprobs) inner.flag_if("responseLogprobs", unless(c.logprobs, false));
  else if (c.top_logprobs) inner.flag("responseLogprobs", true);
  inner.count_if("logprobs", c.top_logprobs);
  if (!c.stop.empty()) {
    inner.begin_list("stopSequences");
    for (std::string const& stop : c.stop) inner.text(stop);
    inner.end_list();
  }
  if (own)
    for (ExtraField const& field : c.extra) {
      std::string_view const name = field.name;
      bool const here = name.starts_with(config_prefix) && !name.starts_with(thinking_prefix);
      bool const sign = name == own_output_schema && field.value.text == "null";
      if (here && !sign) inner.raw_if(name.substr(config_prefix.size()), field.value);
    }
  inner.end_object();
  if (text.size() > 2) w.raw("generationConfig", text);
}

/// Tools that a choice among some of them leaves: Gemini names them only where one must be called.
inline bool is_offered(Conversation const& c, Tool const& tool) {
  ToolChoice const& choice = c.tool_choice;
  bool const all =
      c.dialect == Dialect::gemini || choice.kind != ToolChoiceKind::automatic || choice.allowed.empty();
  return all || std::find(choice.allowed.begin(), choice.allowed.end(), tool.name) != choice.allowed.end();
}

inline void encode_calling(JsonWriter& w, Conversation const& c) {
  constexpr std::string_view name = "functionCallingConfig";
  ToolChoice const& choice = c.tool_choice;
  bool const own = c.dialect == Dialect::gemini;
  if (own && !choice.raw.empty()) return void(w.raw(name, choice.raw.text));
  std::string_view mode;
  switch (choice.kind) {
    case ToolChoiceKind::unset:
    case ToolChoiceKind::other: return;
    case ToolChoiceKind::automatic: mode = "AUTO"; break;
    case ToolChoiceKind::none: mode = "NONE"; break;
    case ToolChoiceKind::required:
    case ToolChoiceKind::named: mode = "ANY"; break;
  }
  w.begin_object(name).text("mode", mode);
  bool const names_some = !choice.allowed.empty() && (own || mode == "ANY");
  if (choice.kind == ToolChoiceKind::named) w.begin_list("allowedFunctionNames").text(choice.name).end_list();
  else if (names_some) {
    w.begin_list("allowedFunctionNames");
    for (std::string const& allowed : choice.allowed) w.text(allowed);
    w.end_list();
  }
  w.end_object();
}

inline void encode_tool_config(JsonWriter& w, Conversation const& c) {
  bool const own = c.dialect == Dialect::gemini;
  std::string text;
  JsonWriter inner(text);
  inner.begin_object();
  if (own || !c.tools.empty()) encode_calling(inner, c);  // Google refuses a choice among no tools
  if (own) write_dotted(inner, c.extra, tool_config_prefix);
  inner.end_object();
  if (text.size() > 2) w.raw("toolConfig", text);
}

}  // namespace gemini_request

}  // namespace lowart::dialect
