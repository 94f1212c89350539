#pragma once
/// OperationClient: the paths of moderation, reranking, images and speech.

#include <lowart/gateway/client_dialects.hpp>
#include <lowart/model/operation.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace lowart {

/// One path. Requests and replies go as they came; errors are told as OpenAI tells them.
struct OperationClient {
  OperationKind kind;
  std::string_view route;
  bool takes_forms{false};  ///< multipart/form-data as well as JSON.
  ClientDialect const* manners{&openai_chat_client};
};

inline constexpr std::array<OperationClient, operation_kind_count> operation_clients{{
    {.kind = OperationKind::moderation, .route = "/v1/moderations"},
    {.kind = OperationKind::rerank, .route = "/v1/rerank"},
    {.kind = OperationKind::image, .route = "/v1/images/generations"},
    {.kind = OperationKind::image_edit, .route = "/v1/images/edits", .takes_forms = true},
    {.kind = OperationKind::image_variation, .route = "/v1/images/variations", .takes_forms = true},
    {.kind = OperationKind::speech, .route = "/v1/audio/speech"},
    {.kind = OperationKind::transcription, .route = "/v1/audio/transcriptions", .takes_forms = true},
    {.kind = OperationKind::translation, .route = "/v1/audio/translations", .takes_forms = true},
}};

/// The client of a call to this path; null when no door has it. `/v2/rerank` is how Cohere's own SDK asks.
inline OperationClient const* find_operation_client(std::string_view path) noexcept {
  if (path == "/v2/rerank") path = "/v1/rerank";
  auto const found = std::find_if(operation_clients.begin(), operation_clients.end(),
                                  [&](OperationClient const& client) { return client.route == path; });
  return found == operation_clients.end() ? nullptr : &*found;
}

}  // namespace lowart
