#pragma once
/// The door for calls whose answer is one piece: embeddings, counts of tokens.

#include <lowart/gateway/door.hpp>
#include <lowart/gateway/whole_client.hpp>
#include <lowart/meter/token_meter.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Answers as ChatDoor does, and counts and logs the same; a call that uses nothing leaves no usage record.
class WholeDoor : public Door {
 public:
  /// `responses`: as ChatDoor has it, for counts of what goes on from them.
  explicit WholeDoor(LoopState& loop, DoorLimits limits = {}, ResponseStore* responses = nullptr) noexcept
      : Door(loop, limits, responses) {}

  /// A POST of `client`'s operation. Answers whatever happens; so always true, as Doors::serve says of a door that was found.
  template <class P, WholeClient Client>
    requires Serves<P, typename Client::request_type>
  Task<bool> serve(P& answer, Keyring const& keys, Client const& client, net::ServerRequest& request,
                   net::Responder& responder) {
    using OneVisit = WholeVisit<typename Client::request_type>;
    ArenaPtr<OneVisit> const visit =
        make_visit<OneVisit>(request, loop(), *client.manners, client.route, request, responder);
    bool admitted = identify(*visit, keys);
    if (admitted) {
      std::optional<Result<std::string_view>> body = request.body_now(limits().body_bytes);
      if (!body) body = co_await request.body(limits().body_bytes);
      admitted = admit(*visit, *body, client, answer);
    }
    if (admitted) {
      auto reply = co_await answer(*visit->asked, *visit->call);
      if (write_answer(*visit, std::move(reply), client)) {
        Result<void> const sent =
            co_await responder.send(visit->status, visit->reply->head().content_type, visit->text());
        if (!sent) visit->leaves(sent.error());
      }
      visit->reply.reset();
      settle(*visit, !UsesNothing<typename Client::request_type>);
    }
    if (visit->failure) co_await refuse(*visit);
    finish(*visit);
    co_return true;
  }

 private:
  template <Request R>
  struct WholeVisit : Visit {
    using Visit::Visit;
    /// What is sent: the provider's bytes, or ours.
    std::string_view text() const noexcept { return written.empty() ? reply->bytes() : written; }
    void leaves(Error const& why) {
      outcome = "client_left";
      error = to_string(why.code());
      detail = why.message();
    }
    std::optional<R> asked;
    std::optional<typename R::reply_type> reply;  ///< Gone before its call is.
    std::string written;
  };

  template <class V, class Client, class P>
  bool admit(V& visit, Result<std::string_view> const& body, Client const& client, P const& answer) {
    if (!take_body(visit, body)) return false;
    auto facts = facts_of(visit, client, *body);
    if (!facts) return visit.fails(facts.error());
    visit.asked.emplace(client.request(*std::move(facts)));
    return let_in(visit, client.door, size_of(client, *visit.asked, body->size()), answer);
  }

  template <class Client>
  static CallSize size_of(Client const& client, typename Client::request_type const& request,
                          std::size_t bytes) {
    CallSize size;
    size.input_bytes = static_cast<std::size_t>(client.tokens(static_cast<std::int64_t>(bytes)));
    if constexpr (std::same_as<typename Client::request_type, EmbeddingRequest>) {
      size.count = &call_size::of_embedding;
      size.request = &request;
    }
    return size;
  }

  /// An answer that a cache had used nothing, but says what it did when it was made.
  template <class V>
  static Usage usage_to_tell(V const& visit) {
    if constexpr (requires { TokenMeter{}.measure(*visit.asked, *visit.reply); })
      if (visit.reply->head().cache.is_free()) return TokenMeter{}.measure(*visit.asked, *visit.reply).usage;
    return visit.call->spent().usage;
  }
  template <class V, class Reply, class Client>
  bool write_answer(V& visit, Reply reply, Client const& client) {
    if (!reply) return visit.fails(refusal_of(visit, std::move(reply.error())));
    visit.reply.emplace(std::move(*reply));
    note_answer(visit, visit.reply->head(), !UsesNothing<typename Client::request_type>);
    client.tell(*visit.reply, visit.responder);
    visit.outcome = to_string(Outcome::complete);
    if (client.is_own(*visit.reply)) return true;
    Result<std::string> written = client.write(*visit.reply, *visit.asked, usage_to_tell(visit));
    if (!written) return visit.fails(written.error());
    visit.written = *std::move(written);
    return true;
  }
};

}  // namespace lowart
