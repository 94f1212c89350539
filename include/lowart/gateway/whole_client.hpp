#pragma once
/// WholeClient: how WholeDoor speaks with the clients of one operation in one dialect.

#include <lowart/core/usage.hpp>
#include <lowart/gateway/client_dialect.hpp>
#include <lowart/provider/provider.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart {

/// A path's grammar. Models: EmbeddingClient, CountClient.
template <class C>
concept WholeClient = requires(
    C const& client, Asked const& asked, std::string& scratch, typename C::request_type const& request,
    typename C::request_type::reply_type const& reply, Usage const& usage, net::Responder& responder) {
  requires Request<typename C::request_type>;
  { client.door } -> std::convertible_to<DoorKind>;
  { client.manners } -> std::convertible_to<ClientDialect const*>;  // errors, limits and ids as chat has them
  { client.route } -> std::convertible_to<std::string_view>;        // the label in metrics and the log
  client.facts(asked, scratch);                                     // what a shallow look finds, or its error
  { client.tokens(std::int64_t{}) } -> std::same_as<std::int64_t>;  // to reserve, for a body of so many
  { client.is_own(reply) } -> std::same_as<bool>;                   // its bytes go as they came
  { client.write(reply, request, usage) } -> std::same_as<Result<std::string>>;
  client.tell(reply, responder);  // what it says in fields of the answer
};

}  // namespace lowart
