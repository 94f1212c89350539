#pragma once
/// Which client dialect a path belongs to.

#include <lowart/gateway/anthropic_client.hpp>
#include <lowart/gateway/gemini_client.hpp>
#include <lowart/gateway/ollama_client.hpp>
#include <lowart/gateway/openai_client.hpp>
#include <lowart/gateway/responses_client.hpp>

#include <string_view>

namespace lowart {

/// "/v1beta/models/..." and, as Google's newer SDKs have it, "/v1/models/..."; tuned models as well.
inline bool is_gemini_model_path(std::string_view path) noexcept {
  for (std::string_view const prefix :
       {"/v1beta/models/", "/v1/models/", "/v1beta/tunedModels/", "/v1/tunedModels/"})
    if (path.starts_with(prefix)) return true;
  return false;
}

/// The dialect of a chat call to this path; null when no chat door has it.
inline ClientDialect const* find_chat_client(std::string_view path) noexcept {
  if (path == openai_chat_client.route) return &openai_chat_client;
  if (path == openai_completions_client.route) return &openai_completions_client;
  if (path == anthropic_client_dialect.route) return &anthropic_client_dialect;
  if (path == responses_client_dialect.route) return &responses_client_dialect;
  if (path == ollama_client_dialect.route) return &ollama_client_dialect;
  if (path == ollama_generate_client.route) return &ollama_generate_client;
  if (path.ends_with("enerateContent") && is_gemini_model_path(path)) return &gemini_client_dialect;
  return nullptr;
}

/// Whether lists of models, or one of them, are at this path; a call for a model is not.
inline bool is_models_path(std::string_view path) noexcept {
  for (std::string_view const list : {"/v1/models", "/v1beta/models"})
    if (path == list || (path.starts_with(list) && path.substr(list.size()).starts_with("/"))) return true;
  return false;
}

/// The dialect in which a client at this path understands errors, also where there is no door.
inline ClientDialect const& client_at(std::string_view path) noexcept {
  ClientDialect const* const found = find_chat_client(path);
  if (found != nullptr) return *found;
  if (path.starts_with("/api/")) return ollama_client_dialect;
  if (path == "/v1/messages" || path.starts_with("/v1/messages/")) return anthropic_client_dialect;
  if (path.starts_with("/v1beta/") || path.starts_with("/v1/tunedModels/") ||
      (is_gemini_model_path(path) && path.find(':') != std::string_view::npos))
    return gemini_client_dialect;
  return openai_chat_client;
}

/// The same for a whole head: lists of models are at one path for OpenAI's and Anthropic's clients, and for Google's
/// newer ones, who tell by the fields that each of their SDKs sends.
inline ClientDialect const& client_of(net::RequestHead const& head) noexcept {
  std::string_view const path = head.path();
  bool const reads = head.method() == "GET" || head.method() == "HEAD";
  bool const names_call = dialect::gemini_path::method_of(path.substr(path.rfind(':') + 1)).has_value();
  if (!reads || names_call || !is_models_path(path) || path.starts_with("/v1beta/")) return client_at(path);
  if (head.fields().has("x-goog-api-key")) return gemini_client_dialect;
  for (std::string_view const field : {"anthropic-version", "x-api-key"})
    if (head.fields().has(field)) return anthropic_client_dialect;
  return openai_chat_client;
}

}  // namespace lowart
