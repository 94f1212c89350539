#pragma once
/// is_hint() and is_label(): which of a dialect's own words may be left out of a translation without changing the
/// answer, and which are no words to a model at all.

#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace lowart::dialect {

namespace hint {

/// Bookkeeping, caching, billing and telemetry of each dialect: their absence changes cost or records only.
inline constexpr std::array<std::string_view, 18> openai{"store",
                                                         "metadata",
                                                         "safety_identifier",
                                                         "prompt_cache_key",
                                                         "prompt_cache_retention",
                                                         "service_tier",
                                                         "stream_options",
                                                         "include",
                                                         "client_metadata",
                                                         "background",
                                                         "truncation",
                                                         "obfuscation",
                                                         "reasoning_content",
                                                         "reasoning",
                                                         "reasoning_details",
                                                         "extra_content",
                                                         "annotations",
                                                         "index"};
inline constexpr std::array<std::string_view, 7> anthropic{
    "metadata", "service_tier", "inference_geo", "speed", "caller", "eager_input_streaming", "defer_loading"};
inline constexpr std::array<std::string_view, 10> gemini{"labels",
                                                         "response",
                                                         "responseJsonSchema",
                                                         "response_json_schema",
                                                         "safetySettings",
                                                         "safety_settings",
                                                         "serviceTier",
                                                         "service_tier",
                                                         "generationConfig.mediaResolution",
                                                         "generationConfig.media_resolution"};

template <std::size_t N>
constexpr bool contains(std::array<std::string_view, N> const& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace hint

/// Names and states of things within a dialect's own house: the ids and states of Responses items, and the lists in
/// which a reasoning item says what its text says as well. Nothing is lost without them, so nothing is told. Of
/// `include` so much as a translation brings anyway.
inline bool is_label(Dialect dialect, ExtraField const& field) noexcept {
  constexpr std::array<std::string_view, 8> labels{"id",      "status",  "phase",    "type",
                                                   "summary", "content", "logprobs", "item"};
  if (dialect != Dialect::openai_responses) return false;
  if (field.name != "include") return hint::contains(labels, field.name);
  std::string_view rest = field.value.text;
  while (!rest.empty()) {
    std::size_t const open = rest.find('"');
    if (open == std::string_view::npos) return true;
    rest.remove_prefix(open + 1);
    std::string_view const word = rest.substr(0, rest.find('"'));
    if (word != "reasoning.encrypted_content" && word != "message.output_text.logprobs") return false;
    rest.remove_prefix(word.size() + 1);
  }
  return true;
}

inline bool is_hint(Dialect dialect, ExtraField const& field) noexcept {
  switch (dialect) {
    case Dialect::openai_chat:
    case Dialect::openai_completions:
    case Dialect::openai_responses: return hint::contains(hint::openai, field.name);
    case Dialect::anthropic: return hint::contains(hint::anthropic, field.name);
    case Dialect::gemini: {
      bool const only_text =
          field.name == "generationConfig.responseModalities" && field.value.text == R"(["TEXT"])";
      return only_text ||
             hint::contains(hint::gemini, field.name);  // not cachedContent: it is part of the prompt
    }
    case Dialect::ollama:
    case Dialect::bedrock:
    case Dialect::cohere:
    case Dialect::neutral: return false;
  }
  return false;
}

}  // namespace lowart::dialect
