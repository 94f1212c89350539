#pragma once
/// CountClient: how a door speaks with those who want to know how many tokens a request is.

#include <lowart/gateway/whole_client.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A dialect's grammar of counting. All members are set.
///
/// Whoever counted is told in `x-lowart-provenance`: `reported` by the provider, `counted` or `estimated` here.
struct CountClient {
  using request_type = CountRequest;
  static constexpr DoorKind door = DoorKind::count_tokens;

  Dialect dialect;
  std::string_view route;
  ClientDialect const* manners;
  /// The facts of a request; `scratch` holds what had to be decoded. Where they bind no `decode`, this one is.
  Result<WireRequest> (*facts)(Asked const&, std::string& scratch);
  Result<Conversation> (*decode)(std::string_view body);
  std::string (*encode)(std::int64_t tokens);

  static std::int64_t tokens(std::int64_t) noexcept { return 0; }  // nothing is spent
  static CountRequest request(WireRequest const& facts) { return CountRequest(ChatRequest(facts)); }
  bool is_own(CountReply const& reply) const noexcept { return reply.dialect() == dialect; }
  Result<std::string> write(CountReply const& reply, CountRequest const&, Usage const&) const {
    return encode(reply.input_tokens());
  }
  static void tell(CountReply const& reply, net::Responder& responder) {
    responder.field("x-lowart-provenance", to_string(reply.provenance()));
  }
};
static_assert(WholeClient<CountClient>);

}  // namespace lowart
