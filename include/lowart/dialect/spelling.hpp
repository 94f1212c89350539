#pragma once
/// spelling(): how a client's dialect names a feature, and where a part stands in what the client sent. For errors.

#include <lowart/dialect/feature.hpp>
#include <lowart/dialect/responses_items.hpp>
#include <lowart/model/conversation.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace spell {

struct Row {
  Feature feature;
  std::string_view chat, responses, anthropic, gemini, ollama;
};

inline constexpr std::array<Row, 21> rows{{
    {Feature::tools, "tools", "tools", "tools", "tools", "tools"},
    {Feature::tool_choice, "tool_choice", "tool_choice", "tool_choice", "toolConfig", "tools"},
    {Feature::allowed_tools, "tool_choice", "tool_choice", "tool_choice", "toolConfig", "tools"},
    {Feature::one_call_at_a_time, "parallel_tool_calls", "parallel_tool_calls",
     "tool_choice.disable_parallel_tool_use", "toolConfig", "tools"},
    {Feature::json_object, "response_format", "text.format", "output_config.format",
     "generationConfig.responseMimeType", "format"},
    {Feature::json_schema, "response_format", "text.format", "output_config.format",
     "generationConfig.responseSchema", "format"},
    {Feature::reasoning_effort, "reasoning_effort", "reasoning.effort", "output_config.effort",
     "generationConfig.thinkingConfig", "think"},
    {Feature::reasoning_budget, "reasoning_effort", "reasoning", "thinking.budget_tokens",
     "generationConfig.thinkingConfig.thinkingBudget", "think"},
    {Feature::shown_reasoning, "reasoning", "reasoning.summary", "thinking.display",
     "generationConfig.thinkingConfig.includeThoughts", "think"},
    {Feature::max_tokens, "max_completion_tokens", "max_output_tokens", "max_tokens",
     "generationConfig.maxOutputTokens", "options.num_predict"},
    {Feature::temperature, "temperature", "temperature", "temperature", "generationConfig.temperature",
     "options.temperature"},
    {Feature::top_p, "top_p", "top_p", "top_p", "generationConfig.topP", "options.top_p"},
    {Feature::top_k, "top_k", "top_k", "top_k", "generationConfig.topK", "options.top_k"},
    {Feature::frequency_penalty, "frequency_penalty", "frequency_penalty", "frequency_penalty",
     "generationConfig.frequencyPenalty", "options.frequency_penalty"},
    {Feature::presence_penalty, "presence_penalty", "presence_penalty", "presence_penalty",
     "generationConfig.presencePenalty", "options.presence_penalty"},
    {Feature::choices, "n", "n", "n", "generationConfig.candidateCount", "n"},
    {Feature::seed, "seed", "seed", "seed", "generationConfig.seed", "options.seed"},
    {Feature::logprobs, "logprobs", "top_logprobs", "logprobs", "generationConfig.responseLogprobs",
     "logprobs"},
    {Feature::stop, "stop", "stop", "stop_sequences", "generationConfig.stopSequences", "options.stop"},
    {Feature::verbosity, "verbosity", "text.verbosity", "verbosity", "verbosity", "verbosity"},
    {Feature::user, "user", "user", "metadata.user_id", "user", "user"},
}};

/// The wire message that neutral message `i` came in, and where its parts begin there.
struct Place {
  std::size_t message{0};
  std::size_t part{0};
};
inline Place place_of(Conversation const& c, std::size_t i) noexcept {
  Place place;
  std::size_t const first = c.system_is_apart ? 1 : 0;
  for (std::size_t k = first; k < i; ++k) {
    bool const joined = c.messages[k + 1].same_turn;
    // The result of a tool is one block there, however many parts it has.
    std::size_t const blocks = c.messages[k].role == Role::tool ? 1 : c.messages[k].content.size();
    place.message += joined ? 0 : 1;
    place.part = joined ? place.part + blocks : 0;
  }
  return place;
}

/// The item of `input` that message `i` begins with: an assistant's turn takes several.
inline std::size_t item_of(Conversation const& c, std::size_t i) noexcept {
  std::size_t item = 0;
  for (std::size_t k = c.system_is_apart ? 1 : 0; k < i; ++k) {
    auto const& parts = c.messages[k].content;
    item += c.messages[k].role == Role::assistant ? responses_items::items_before(parts, parts.size()) : 1;
  }
  return item;
}

inline std::string index(std::string_view list, std::size_t i) {
  return std::string(list).append("[").append(std::to_string(i)).append("]");
}

/// "input[3].content[1]" of a message, "input[4].output[0]" of a result, "input[2]" of an item of the assistant's.
inline std::string responses_part(Conversation const& c, std::size_t i, std::size_t part) {
  Message const& message = c.messages[i];
  std::string at = index("input", item_of(c, i));
  if (message.role == Role::tool) return message.content_is_parts ? index(at + ".output", part) : at;
  if (message.role != Role::assistant) return message.content_is_parts ? index(at + ".content", part) : at;
  std::size_t first = part;
  while (!responses_items::begins_item(message.content, first)) --first;
  at = index("input", item_of(c, i) + responses_items::items_before(message.content, first));
  bool const is_message = message.content_is_parts && responses_items::is_said(message.content[part].kind);
  return is_message ? index(at + ".content", part - first) : at;
}

/// "images[1]" of an image, which stand in a list of their own; "tool_calls[0]" of a call.
inline std::string ollama_part(Conversation const& c, std::size_t i, std::size_t part,
                               std::string const& at) {
  auto const& parts = c.messages[i].content;
  PartKind const kind = parts[part].kind;
  if (kind == PartKind::reasoning) return at + ".thinking";
  if (kind != PartKind::image && kind != PartKind::tool_call) return at;
  std::size_t before = 0;
  for (std::size_t j = 0; j < part; ++j) before += parts[j].kind == kind ? 1 : 0;
  return index(at + (kind == PartKind::image ? ".images" : ".tool_calls"), before);
}

}  // namespace spell

/// The member by which a request of `source` asks for `feature`; the feature's own name where there is none.
constexpr std::string_view spelling(Feature feature, Dialect source) noexcept {
  for (spell::Row const& row : spell::rows) {
    if (row.feature != feature) continue;
    switch (source) {
      case Dialect::openai_responses: return row.responses;
      case Dialect::anthropic: return row.anthropic;
      case Dialect::gemini: return row.gemini;
      case Dialect::ollama:
      case Dialect::ollama_generate: return row.ollama;
      default: return row.chat;
    }
  }
  return row_of(feature).name;
}

/// The member of a part that holds its signature.
inline std::string_view signature_member(Dialect source, ContentPart const& part) noexcept {
  switch (source) {
    case Dialect::openai_responses: return "encrypted_content";
    // A signature of anything else came in a block of its own: anthropic_blocks_decode.hpp.
    case Dialect::anthropic: return part.redacted || part.kind != PartKind::reasoning ? "data" : "signature";
    case Dialect::gemini: return "thoughtSignature";
    case Dialect::openai_chat:
      return part.kind == PartKind::reasoning ? "reasoning_details" : "tool_calls.extra_content";
    default: return "signature";
  }
}

/// "messages[2]", "contents[0]", "input[3]", "system": where a neutral message stood.
inline std::string path_of(Conversation const& c, std::size_t message) {
  bool const apart = c.system_is_apart && message == 0;
  auto const place = apart ? spell::Place{} : spell::place_of(c, message);
  switch (c.dialect) {
    case Dialect::openai_responses:
      return apart ? "instructions" : spell::index("input", spell::item_of(c, message));
    case Dialect::anthropic: return apart ? "system" : spell::index("messages", place.message);
    case Dialect::gemini: return apart ? "systemInstruction" : spell::index("contents", place.message);
    case Dialect::ollama_generate: return apart ? "system" : "prompt";
    default: return spell::index("messages", message);
  }
}

/// The same with the part: "messages[2].content[0]", "contents[0].parts[1]".
inline std::string path_of(Conversation const& c, std::size_t message, std::size_t part) {
  std::string const at = path_of(c, message);
  bool const apart = c.system_is_apart && message == 0;
  bool const result = c.messages[message].role == Role::tool;
  std::size_t const before = apart ? 0 : spell::place_of(c, message).part;
  switch (c.dialect) {
    case Dialect::openai_responses: return apart ? at : spell::responses_part(c, message, part);
    case Dialect::anthropic:
      if (apart) return spell::index(at, part);
      if (result) return spell::index(spell::index(at + ".content", before) + ".content", part);
      return spell::index(at + ".content", before + part);
    case Dialect::gemini: return spell::index(at + ".parts", before + (result ? 0 : part));
    case Dialect::ollama: return spell::ollama_part(c, message, part, at);
    case Dialect::ollama_generate:
      return part == 0 ? at : spell::index("images", part - 1);  // the prompt is the first part
    default: return c.messages[message].content_is_parts ? spell::index(at + ".content", part) : at;
  }
}

/// "tools[1]".
inline std::string tool_path(Dialect source, std::size_t tool) {
  return source == Dialect::gemini ? spell::index("tools[0].functionDeclarations", tool)
                                   : spell::index("tools", tool);
}

}  // namespace lowart::dialect
