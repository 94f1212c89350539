#pragma once
/// OperationClient: how a door speaks with those who want a moderation, a ranking or an image.

#include <lowart/dialect/openai_operation.hpp>
#include <lowart/gateway/client_dialects.hpp>
#include <lowart/gateway/whole_client.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart {

/// One path. Requests and replies go as they came; errors are told as OpenAI tells them.
struct OperationClient {
  using request_type = OperationRequest;

  OperationKind kind;
  DoorKind door;
  std::string_view route;
  ClientDialect const* manners{&openai_chat_client};

  Result<WireOperation> facts(Asked const& asked, std::string& scratch) const {
    return dialect::read_operation_facts(kind, asked.body, scratch);
  }
  static std::int64_t tokens(std::int64_t in_body) noexcept { return in_body; }
  static OperationRequest request(WireOperation const& facts) { return OperationRequest(facts); }
  static bool is_own(OperationReply const&) noexcept { return true; }
  static Result<std::string> write(OperationReply const& reply, OperationRequest const&, Usage const&) {
    return std::string(reply.bytes());
  }
  static void tell(OperationReply const&, net::Responder&) noexcept {}
};
static_assert(WholeClient<OperationClient>);

inline constexpr std::array<OperationClient, operation_kind_count> operation_clients{{
    {.kind = OperationKind::moderation, .door = DoorKind::moderations, .route = "/v1/moderations"},
    {.kind = OperationKind::rerank, .door = DoorKind::rerank, .route = "/v1/rerank"},
    {.kind = OperationKind::image, .door = DoorKind::images, .route = "/v1/images/generations"},
}};

/// The client of a call to this path; null when no door has it. `/v2/rerank` is how Cohere's own SDK asks.
inline OperationClient const* find_operation_client(std::string_view path) noexcept {
  if (path == "/v2/rerank") path = "/v1/rerank";
  auto const found = std::find_if(operation_clients.begin(), operation_clients.end(),
                                  [&](OperationClient const& client) { return client.route == path; });
  return found == operation_clients.end() ? nullptr : &*found;
}

}  // namespace lowart
