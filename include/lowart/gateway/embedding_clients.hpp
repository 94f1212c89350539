#pragma once
/// Which client of embeddings a path belongs to.

#include <lowart/dialect/gemini_embeddings.hpp>
#include <lowart/dialect/ollama_embeddings_of_clients.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/gateway/client_dialects.hpp>
#include <lowart/gateway/embedding_client.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

inline constexpr EmbeddingClient openai_embedding_client{
    .dialect = EmbeddingDialect::openai,
    .route = "/v1/embeddings",
    .manners = &openai_chat_client,
    .facts = [](Asked const& asked,
                std::string& scratch) { return dialect::read_openai_embedding_facts(asked.body, scratch); },
    .decode = &dialect::decode_openai_embeddings,
    .encode =
        [](std::vector<Embedding> const& vectors, EmbeddingRequest const& request, Usage const& usage) {
          return dialect::encode_openai_embedding_reply(vectors, request.wire()->format, request.model(),
                                                        usage);
        },
};

namespace gemini_client {

inline Result<WireEmbedding> embedding_facts(Asked const& asked, std::string& scratch) {
  Result<dialect::GeminiPath> const path = dialect::parse_gemini_path(asked.path, asked.query);
  if (!path) return fail(path.error());
  Result<WireEmbedding> found = dialect::read_gemini_embedding_facts(*path, asked.body);
  if (!found) return found;
  scratch = path->model;
  found->model = scratch;
  return found;
}

template <EmbeddingDialect spoken>
std::string embeddings(std::vector<Embedding> const& vectors, EmbeddingRequest const&, Usage const&) {
  return dialect::encode_gemini_embedding_reply(spoken, vectors);
}

}  // namespace gemini_client

inline constexpr EmbeddingClient gemini_embedding_client{
    .dialect = EmbeddingDialect::gemini,
    .route = "/v1beta/models:embedContent",
    .manners = &gemini_client_dialect,
    .facts = &gemini_client::embedding_facts,
    .decode = &dialect::decode_gemini_embedding,
    .encode = &gemini_client::embeddings<EmbeddingDialect::gemini>,
};
inline constexpr EmbeddingClient gemini_embedding_batch_client{
    .dialect = EmbeddingDialect::gemini_batch,
    .route = "/v1beta/models:batchEmbedContents",
    .manners = &gemini_client_dialect,
    .facts = &gemini_client::embedding_facts,
    .decode = &dialect::decode_gemini_embedding_batch,
    .encode = &gemini_client::embeddings<EmbeddingDialect::gemini_batch>,
};

namespace ollama_client {

template <EmbeddingDialect spoken>
std::string embeddings(std::vector<Embedding> const& vectors, EmbeddingRequest const& request,
                       Usage const& usage) {
  return dialect::encode_ollama_embedding_reply<spoken>(vectors, request.model(), usage);
}

template <EmbeddingDialect spoken>
inline constexpr EmbeddingClient embedding_client{
    .dialect = spoken,
    .route = spoken == EmbeddingDialect::ollama ? "/api/embed" : "/api/embeddings",
    .manners = &ollama_client_dialect,
    .facts =
        [](Asked const& asked, std::string& scratch) {
          return dialect::read_ollama_embedding_facts<spoken>(asked.body, scratch);
        },
    .decode = &dialect::decode_ollama_embeddings<spoken>,
    .encode = &embeddings<spoken>,
};

}  // namespace ollama_client

inline constexpr EmbeddingClient const& ollama_embedding_client =
    ollama_client::embedding_client<EmbeddingDialect::ollama>;
inline constexpr EmbeddingClient const& ollama_single_embedding_client =
    ollama_client::embedding_client<EmbeddingDialect::ollama_single>;

/// The client of an embedding call to this path; null when no door has it.
inline EmbeddingClient const* find_embedding_client(std::string_view path) noexcept {
  if (path == openai_embedding_client.route) return &openai_embedding_client;
  if (path == ollama_embedding_client.route) return &ollama_embedding_client;
  if (path == ollama_single_embedding_client.route) return &ollama_single_embedding_client;
  if (!is_gemini_model_path(path)) return nullptr;
  if (path.ends_with("embedContent")) return &gemini_embedding_client;
  if (path.ends_with("batchEmbedContents")) return &gemini_embedding_batch_client;
  return nullptr;
}

}  // namespace lowart
