#pragma once
/// Dialect: which wire language some bytes are in. Its grammar lives in dialect/, one family of files per language.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart {

enum class Dialect : std::uint8_t {
  neutral,             ///< Not bytes: our own model.
  openai_chat,         ///< POST /v1/chat/completions
  openai_completions,  ///< POST /v1/completions
  openai_responses,    ///< POST /v1/responses
  anthropic,           ///< POST /v1/messages
  gemini,              ///< POST /v1beta/models/{model}:generateContent and :streamGenerateContent
  ollama,              ///< POST /api/chat
  bedrock,             ///< POST /model/{model}/converse and /converse-stream
  cohere,              ///< POST /v2/chat
  ollama_generate,     ///< POST /api/generate
};
inline constexpr std::size_t dialect_count = 10;

constexpr std::string_view to_string(Dialect d) noexcept {
  constexpr std::array<std::string_view, dialect_count> names{
      "neutral", "openai_chat", "openai_completions", "openai_responses", "anthropic", "gemini", "ollama",
      "bedrock", "cohere",      "ollama_generate"};
  return names[static_cast<std::size_t>(d)];
}

}  // namespace lowart
