#pragma once
/// generationConfig and toolConfig of a Gemini request, read into a Conversation.

#include <lowart/dialect/gemini_schema.hpp>
#include <lowart/dialect/gemini_spelling.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace gemini_request {

/// Keeps what is left of an inner object as an extra field of that name.
inline void keep_rest(JsonObject const& inner, std::string_view name, std::vector<ExtraField>& extra) {
  if (auto rest = inner.rest_as_object(); !rest.empty())
    extra.push_back({std::string(name), std::move(rest)});
}
/// Keeps each member that is left under its dotted name.
inline void keep_dotted(JsonObject const& inner, std::string_view prefix, std::vector<ExtraField>& extra) {
  for (ExtraField& field : inner.rest())
    extra.push_back({std::string(prefix).append(field.name), std::move(field.value)});
}

/// Says that a schema came in Gemini's own form, as this member. Null: a sign for our encoder, a loss to nobody.
inline ExtraField own_schema(std::string_view member) { return {std::string(member), {"null"}}; }

/// One of Google's enumeration words, in upper case; of a number, the word at its place.
template <std::size_t N>
std::string take_word(JsonObject& object, std::string_view name,
                      std::array<std::string_view, N> const& words) {
  auto const member = object.peek(name);
  if (!member) return {};
  std::string word;
  if (member->kind == JsonKind::string) {
    word = gemini_schema::cased(JsonObject::text_of(*member), gemini_schema::Way::raise);
  } else if (member->kind == JsonKind::number) {
    auto const place = as_int(member->value).value_or(-1);
    if (place >= 0 && place < static_cast<std::int64_t>(N)) word = words[static_cast<std::size_t>(place)];
  }
  if (std::find(words.begin(), words.end(), word) == words.end()) return {};
  object.take(name);
  return word;
}

inline constexpr std::array<std::string_view, 5> calling_modes{"MODE_UNSPECIFIED", "AUTO", "ANY", "NONE",
                                                               "VALIDATED"};
inline constexpr std::array<std::string_view, 5> thinking_levels{"THINKING_LEVEL_UNSPECIFIED", "LOW", "HIGH",
                                                                 "MEDIUM", "MINIMAL"};

inline void decode_calling(JsonObject& config, std::string_view name, ToolChoice& choice) {
  auto const member = config.peek(name);
  if (!member) return;
  auto calling = config.take_object(name);
  if (!calling) return;
  bool const has_mode = calling->peek("mode").has_value();
  auto const mode = take_word(*calling, "mode", calling_modes);
  if (has_mode && mode.empty()) {
    choice.kind = ToolChoiceKind::other;
    choice.raw.text = member->value;
    return;
  }
  calling->take_list(GeminiName(*calling, "allowedFunctionNames"),
                     [&](JsonMember const& e, JsonPath const& path) {
                       if (e.kind == JsonKind::string) choice.allowed.push_back(JsonObject::text_of(e));
                       else config.fault().wrong(path, "must be a string");
                     });
  choice.kind = mode == "NONE"  ? ToolChoiceKind::none
                : mode == "ANY" ? ToolChoiceKind::required
                                : ToolChoiceKind::automatic;
  if (choice.kind == ToolChoiceKind::required && choice.allowed.size() == 1) {
    choice.kind = ToolChoiceKind::named;
    choice.name = std::move(choice.allowed.front());
    choice.allowed.clear();
  }
  // VALIDATED says more than automatic.
  if (mode == "VALIDATED" || !calling->rest().empty()) choice.raw.text = member->value;
}

inline void decode_tool_config(JsonObject& top, Conversation& c) {
  auto config = top.take_object(GeminiName(top, "toolConfig"));
  if (!config) return;
  decode_calling(*config, GeminiName(*config, "functionCallingConfig"), c.tool_choice);
  keep_dotted(*config, "toolConfig.", c.extra);
}

/// The format of the answer. Other media types (text/x.enum) stay as they are.
inline void decode_format(JsonObject& config, Conversation& c) {
  GeminiName const type_name(config, "responseMimeType");
  auto const type = config.peek(type_name);
  bool const is_json = type && type->value == "\"application/json\"";
  if (type && type->value == "\"text/plain\"") c.output_format.kind = OutputKind::text;
  if (is_json) c.output_format.kind = OutputKind::json_object;
  if (c.output_format.kind != OutputKind::unset) config.take(type_name);
  if (!is_json) return;
  for (std::string_view const name : {"responseJsonSchema", "_responseJsonSchema"}) {
    GeminiName const spelled(config, name);
    if (!config.peek(spelled)) continue;
    c.output_format.kind = OutputKind::json_schema;
    c.output_format.schema = config.take_raw(spelled);
    if (!config.peek("responseSchema")) config.take("responseSchema");  // null would be taken for our sign
    return;
  }
  GeminiName const own(config, "responseSchema");
  auto const schema = config.take(own, JsonKind::object, "must be an object");
  if (!schema) return;
  c.output_format.kind = OutputKind::json_schema;
  c.output_format.schema.text = lower_gemini_schema(schema->value);
  c.extra.push_back(own_schema("generationConfig.responseSchema"));
}

inline void decode_thinking(JsonObject& config, Conversation& c) {
  auto thinking = config.take_object(GeminiName(config, "thinkingConfig"));
  if (!thinking) return;
  c.reasoning.budget_tokens = thinking->take_count(GeminiName(*thinking, "thinkingBudget"));
  auto const level = take_word(*thinking, GeminiName(*thinking, "thinkingLevel"), thinking_levels);
  if (level != thinking_levels.front())
    c.reasoning.effort = gemini_schema::cased(level, gemini_schema::Way::lower);
  if (auto const shown = thinking->take_flag(GeminiName(*thinking, "includeThoughts")))
    c.reasoning.shown = *shown ? "auto" : "none";
  keep_dotted(*thinking, "generationConfig.thinkingConfig.", c.extra);
}

inline void decode_config(JsonObject& top, Conversation& c) {
  auto config = top.take_object(GeminiName(top, "generationConfig"));
  if (!config) return;
  auto const named = [&](std::string_view camel) { return GeminiName(*config, camel); };
  decode_format(*config, c);
  decode_thinking(*config, c);
  c.max_tokens = config->take_count(named("maxOutputTokens"));
  c.temperature = config->take_number("temperature");
  c.top_p = config->take_number(named("topP"));
  GeminiName const top_k = named("topK");
  // Clients of the first version send it as 40.0; a fraction stays as it is.
  if (auto const k = config->peek(top_k); k && k->kind == JsonKind::number) {
    std::string_view digits = k->value;
    if (digits.ends_with(".0")) digits.remove_suffix(2);
    if ((c.top_k = as_int(digits))) config->take(top_k);
  }
  c.frequency_penalty = config->take_number(named("frequencyPenalty"));
  c.presence_penalty = config->take_number(named("presencePenalty"));
  c.n = config->take_count(named("candidateCount"));
  c.seed = config->take_count("seed");
  c.logprobs = config->take_flag(named("responseLogprobs"));
  c.top_logprobs = config->take_count("logprobs");
  config->take_list(named("stopSequences"), [&](JsonMember const& e, JsonPath const& path) {
    if (e.kind == JsonKind::string) c.stop.push_back(JsonObject::text_of(e));
    else top.fault().wrong(path, "must be a string");
  });
  keep_dotted(*config, "generationConfig.", c.extra);
}

}  // namespace gemini_request

}  // namespace lowart::dialect
