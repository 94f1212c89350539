#pragma once
/// is_hint() and is_label(): which of a dialect's own words may be left out of a translation without changing the
/// answer, and which are no words to a model at all.

#include <lowart/model/conversation.hpp>
#include <lowart/model/embedding.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
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

/// How Ollama's own server runs a model. Other providers run theirs as they do.
inline constexpr std::array<std::string_view, 26> ollama{"keep_alive",
                                                         "truncate",
                                                         "shift",
                                                         "options.num_ctx",
                                                         "options.num_batch",
                                                         "options.num_gpu",
                                                         "options.main_gpu",
                                                         "options.num_thread",
                                                         "options.num_keep",
                                                         "options.num_gqa",
                                                         "options.numa",
                                                         "options.low_vram",
                                                         "options.f16_kv",
                                                         "options.use_mmap",
                                                         "options.use_mlock",
                                                         "options.vocab_only",
                                                         "options.logits_all",
                                                         "options.embedding_only",
                                                         "options.rope_frequency_base",
                                                         "options.rope_frequency_scale",
                                                         "options.num_predict",    // no limit
                                                         "options.repeat_last_n",  // of repeat_penalty
                                                         "options.mirostat_eta",   // of mirostat
                                                         "options.mirostat_tau",   // the same
                                                         "options.penalize_newline",
                                                         "options.num_parallel"};

template <std::size_t N>
constexpr bool contains(std::array<std::string_view, N> const& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Settings that many of Ollama's clients always send, at the value that changes nothing or is Ollama's default.
inline bool is_ollamas_default(ExtraField const& field) noexcept {
  std::string_view const name = field.name, value = field.value.text;
  auto const is_one_of = [value](std::initializer_list<std::string_view> values) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  if (name == "options.repeat_penalty") return is_one_of({"1", "1.0", "1.1"});
  if (name == "options.typical_p" || name == "options.tfs_z") return is_one_of({"1", "1.0"});
  if (name == "options.min_p" || name == "options.mirostat") return is_one_of({"0", "0.0"});
  if (name == "raw") return value == "false";
  if (name == "context") return value == "[]";
  return (name == "template" || name == "suffix") && value == "\"\"";
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
    case Dialect::ollama_generate:
      return hint::contains(hint::ollama, field.name) || hint::is_ollamas_default(field);
    case Dialect::bedrock:
    case Dialect::cohere:
    case Dialect::neutral: return false;
  }
  return false;
}

/// The same of a request for embeddings.
inline bool is_hint(EmbeddingDialect dialect, ExtraField const& field) noexcept {
  switch (dialect) {
    case EmbeddingDialect::openai: return is_hint(Dialect::openai_chat, field);
    case EmbeddingDialect::ollama:
    case EmbeddingDialect::ollama_single: return is_hint(Dialect::ollama, field);
    case EmbeddingDialect::gemini:
    case EmbeddingDialect::gemini_batch:
    case EmbeddingDialect::cohere:
    case EmbeddingDialect::vertex:
    case EmbeddingDialect::neutral: return false;
  }
  return false;
}

}  // namespace lowart::dialect
