#pragma once
/// EmbeddingClient: how a door speaks with those who want embeddings.

#include <lowart/gateway/whole_client.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// A dialect's grammar of embeddings. All members are set.
struct EmbeddingClient {
  using request_type = EmbeddingRequest;
  static constexpr DoorKind door = DoorKind::embeddings;

  EmbeddingDialect dialect;
  std::string_view route;
  ClientDialect const* manners;
  /// The facts of a request; `scratch` holds what had to be decoded.
  Result<WireEmbedding> (*facts)(Asked const&, std::string& scratch);
  Result<EmbeddingInputs> (*decode)(std::string_view body);
  /// A reply of ours; `usage` as far as it is known.
  std::string (*encode)(std::vector<Embedding> const&, EmbeddingRequest const&, Usage const& usage);

  static std::int64_t tokens(std::int64_t in_body) noexcept { return in_body; }
  static EmbeddingRequest request(WireEmbedding facts) { return EmbeddingRequest(std::move(facts)); }
  bool is_own(EmbeddingReply const& reply) const noexcept { return reply.dialect() == dialect; }
  Result<std::string> write(EmbeddingReply const& reply, EmbeddingRequest const& request,
                            Usage const& spent) const {
    Result<std::vector<Embedding>> const vectors = reply.vectors();
    if (!vectors) return fail(vectors.error());
    return encode(*vectors, request, reply.usage().empty() ? spent : reply.usage());
  }
  static void tell(EmbeddingReply const&, net::Responder&) noexcept {}
};

static_assert(WholeClient<EmbeddingClient>);

}  // namespace lowart
