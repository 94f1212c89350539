#pragma once
/// What is to be embedded and what comes of it, without any vendor's spelling.

#include <lowart/model/conversation.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// Which wire language an embedding call is in.
enum class EmbeddingDialect : std::uint8_t {
  neutral,        ///< Not bytes: our own model.
  openai,         ///< POST /v1/embeddings
  gemini,         ///< POST /v1beta/models/{model}:embedContent
  gemini_batch,   ///< POST /v1beta/models/{model}:batchEmbedContents
  ollama,         ///< POST /api/embed
  ollama_single,  ///< POST /api/embeddings, the older one: one text, one vector
  cohere,         ///< POST /v2/embed
  vertex,         ///< POST {model}:predict
};

constexpr std::string_view to_string(EmbeddingDialect d) noexcept {
  constexpr std::array<std::string_view, 8> names{"neutral", "openai",        "gemini", "gemini_batch",
                                                  "ollama",  "ollama_single", "cohere", "vertex"};
  return names[static_cast<std::size_t>(d)];
}

/// One thing to embed: a text, or the tokens of one.
struct EmbeddingInput {
  std::string text;
  std::vector<std::int64_t> tokens;        ///< Instead of the text, when there are any.
  std::optional<std::int64_t> dimensions;  ///< Absent: as many as the model has.
  std::string task;                        ///< What for, in Gemini's words: RETRIEVAL_QUERY ...
  std::string title;                       ///< Of the document that the text is from.
  friend bool operator==(EmbeddingInput const&, EmbeddingInput const&) = default;
};

/// How vectors are written. Absent means floats.
enum class EmbeddingFormat : std::uint8_t { unset, floats, base64 };

/// Everything an embedding call asks for.
struct EmbeddingInputs {
  EmbeddingDialect dialect{EmbeddingDialect::neutral};  ///< Whose words `extra` are.
  std::vector<EmbeddingInput> inputs;
  EmbeddingFormat format{EmbeddingFormat::unset};
  std::string user;  ///< Who is behind the call, for the provider's abuse detection.
  std::vector<ExtraField> extra;
  friend bool operator==(EmbeddingInputs const&, EmbeddingInputs const&) = default;
};

/// One vector. Providers give single precision; it survives every translation bit by bit.
using Embedding = std::vector<float>;

}  // namespace lowart
