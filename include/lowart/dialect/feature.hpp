#pragma once
/// Feature: one thing a request can ask for, and which dialect can say it. docs/fidelity.md is printed from here.

#include <lowart/model/dialect.hpp>
#include <lowart/model/losses.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::dialect {

enum class Feature : std::uint8_t {
  system_prompt,
  later_system_prompt,
  speaker_name,
  image,
  image_url,
  audio,
  video,
  document,
  document_url,
  stored_file,
  refusal,
  reasoning,
  signature,
  citation,
  cache_mark,
  tools,
  strict_tool,
  custom_tool,
  vendor_tool,
  vendor_part,
  failed_tool,
  tool_media,
  tool_choice,
  allowed_tools,
  one_call_at_a_time,
  json_object,
  json_schema,
  reasoning_effort,
  reasoning_budget,
  shown_reasoning,
  max_tokens,
  temperature,
  top_p,
  top_k,
  frequency_penalty,
  presence_penalty,
  choices,
  seed,
  logprobs,
  stop,
  verbosity,
  user,
};
inline constexpr std::size_t feature_count = static_cast<std::size_t>(Feature::user) + 1;

/// How well a dialect says a feature of another.
enum class Fidelity : std::uint8_t {
  none,   ///< Not at all: a loss.
  close,  ///< In other words: the note of the row says how.
  full,
};

/// One line of the table. The columns are the dialects a conversation is translated into.
struct FeatureRow {
  Feature feature;
  std::string_view name;  ///< In a sentence: "sampling seed".
  Weight weight;          ///< Of its loss.
  Fidelity openai_chat, openai_responses, anthropic, gemini, ollama, bedrock, cohere;
  std::string_view note;

  constexpr Fidelity in(Dialect target) const noexcept {
    switch (target) {
      case Dialect::openai_chat: return openai_chat;
      case Dialect::openai_responses: return openai_responses;
      case Dialect::anthropic: return anthropic;
      case Dialect::gemini: return gemini;
      case Dialect::ollama: return ollama;
      case Dialect::bedrock: return bedrock;
      case Dialect::cohere: return cohere;
      case Dialect::neutral: return Fidelity::full;
      case Dialect::ollama_generate: return ollama;
      case Dialect::openai_completions: return Fidelity::none;
    }
    return Fidelity::none;
  }
};

// clang-format off
inline constexpr auto feature_table = [] {
  using enum Feature;
  using enum Weight;
  using enum Fidelity;
  return std::array<FeatureRow, feature_count>{{
    // chat, responses, anthropic, gemini, ollama, bedrock, cohere
    {system_prompt, "system prompt", meaning, full, full, full, full, full, full, full, ""},
    {later_system_prompt, "system message between turns", meaning, full, full, none, none, full, none, none, ""},
    {speaker_name, "name of a speaker", hint, full, none, none, none, none, none, none, ""},
    {image, "image", meaning, full, full, full, full, full, full, full, ""},
    {image_url, "image by URL", meaning, full, full, full, none, none, none, full, "the gateway fetches nothing: send the image itself"},
    {audio, "audio", meaning, full, none, none, full, none, full, none, ""},
    {video, "video", meaning, none, none, none, full, none, full, none, ""},
    {document, "document", meaning, full, full, full, full, none, full, none, ""},
    {document_url, "document by URL", meaning, none, full, full, none, none, none, none, ""},
    {stored_file, "file stored at the provider", meaning, full, full, none, none, none, none, none, "between OpenAI's dialects; a stored file belongs to one vendor"},
    {refusal, "earlier refusal", hint, full, full, close, close, close, close, close, "as text"},
    {reasoning, "earlier reasoning", hint, none, none, none, none, close, none, close, "only with the target's own signature; chat: as reasoning_content where the provider's options say so; Ollama: as thinking, whoever thought it; Cohere: as thinking, or as the plan before calls, where no other vendor signed it"},
    {signature, "signature of earlier reasoning", hint, none, none, none, none, none, none, none, "goes back to the dialect that made it, whichever way the client spoke"},
    {citation, "citation of an earlier answer", hint, none, close, none, none, none, none, none, "pages by URL"},
    {cache_mark, "prompt cache breakpoint", hint, none, none, full, none, none, full, none, "the others cache by themselves"},
    {tools, "tools", meaning, full, full, full, full, full, full, full, ""},
    {strict_tool, "strict arguments of a tool", hint, full, full, full, none, none, full, close, "Cohere: where every tool is strict"},
    {custom_tool, "free-form tool", meaning, full, full, close, close, close, close, close, "as a function with one text argument; its grammar becomes part of the description"},
    {vendor_tool, "tool that the vendor runs", meaning, none, none, none, none, none, none, none, "kept within its own dialect"},
    {vendor_part, "content of a kind only one vendor knows", meaning, none, none, none, none, none, none, none, "kept within its own dialect"},
    {failed_tool, "failure of a tool", hint, close, close, full, full, close, full, close, "its text says so"},
    {tool_media, "image or document from a tool", meaning, close, full, full, full, full, full, close, "chat, Cohere: in a user message behind the results"},
    {tool_choice, "choice of tools", meaning, full, full, full, full, close, full, close, "Ollama: none offers no tools; that one must be called is refused; Cohere: of a named one only that is offered"},
    {allowed_tools, "only some of the tools", meaning, full, full, close, close, close, close, close, "the others are not offered"},
    {one_call_at_a_time, "one tool call at a time", hint, full, full, full, none, none, none, none, ""},
    {json_object, "any JSON object as output", meaning, full, full, none, full, full, none, full, ""},
    {json_schema, "output by JSON schema", meaning, full, full, full, full, full, full, full, ""},
    {reasoning_effort, "effort of reasoning", hint, full, full, close, close, close, close, close, "Anthropic: effort or a budget; Gemini: a level; Ollama: low, medium, high; Bedrock: as Anthropic, to Claude models; Cohere: a budget"},
    {reasoning_budget, "budget of reasoning", hint, close, close, full, full, close, close, full, "as the nearest effort; Bedrock: a budget, to Claude models"},
    {shown_reasoning, "reasoning in the answer", hint, none, full, close, full, close, close, close, "Anthropic, Ollama, Bedrock and Cohere show it whenever the model thinks"},
    {max_tokens, "limit of output tokens", meaning, full, full, full, full, full, full, full, ""},
    {temperature, "temperature", meaning, full, full, close, full, full, close, full, "Anthropic and Bedrock: up to 1; more is refused"},
    {top_p, "top_p", meaning, full, full, full, full, full, full, close, "Cohere: 0.01 to 0.99, the nearest"},
    {top_k, "top_k", meaning, none, none, full, full, full, close, full, "Bedrock: to Claude models; else refused"},
    {frequency_penalty, "frequency penalty", meaning, full, none, none, full, full, none, close, "Cohere: 0 to 1; else refused"},
    {presence_penalty, "presence penalty", meaning, full, none, none, full, full, none, close, "Cohere: 0 to 1; else refused"},
    {choices, "several choices", meaning, full, none, none, full, none, none, none, ""},
    {seed, "sampling seed", meaning, full, none, none, full, full, none, full, ""},
    {logprobs, "log probabilities", meaning, full, full, none, full, full, none, close, "Cohere: of the tokens said; those of others are refused"},
    {stop, "stop sequences", meaning, full, none, full, full, full, full, full, ""},
    {verbosity, "verbosity", hint, full, full, none, none, none, none, none, ""},
    {user, "identifier of the end user", hint, full, full, full, none, none, none, none, ""},
}};
}();
// clang-format on

constexpr FeatureRow const& row_of(Feature f) noexcept { return feature_table[static_cast<std::size_t>(f)]; }

static_assert([] {
  for (std::size_t i = 0; i < feature_count; ++i)
    if (static_cast<std::size_t>(feature_table[i].feature) != i) return false;
  return true;
}());

}  // namespace lowart::dialect
