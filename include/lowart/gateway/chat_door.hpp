#pragma once
/// The door for chat in every dialect, from request to last byte.

#include <lowart/gateway/client_dialect.hpp>
#include <lowart/gateway/door.hpp>
#include <lowart/gateway/note_conversation.hpp>
#include <lowart/gateway/relay.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Answers clients of any dialect with any Provider.
///
/// One object per event loop. Every request ends in one answer, one line of the access log and its counters;
/// every admitted call in one usage record, if the provider is Metered.
class ChatDoor : public Door {
 public:
  /// `responses`: where answers are kept for clients that go on from them; null: nowhere. Outlives the door.
  explicit ChatDoor(LoopState& loop, DoorLimits limits = {}, ResponseStore* responses = nullptr) noexcept
      : Door(loop, limits, responses) {}

  /// A POST of `client`'s dialect. Answers whatever happens; so always true, as Doors::serve says of a door that was found.
  template <Provider P>
  Task<bool> serve(P& answer, Keyring const& keys, ClientDialect const& client, net::ServerRequest& request,
                   net::Responder& responder) {
    ArenaPtr<ChatVisit> const visit =
        make_visit<ChatVisit>(request, loop(), client, client.route, request, responder);
    bool admitted = identify(*visit, keys);
    if (admitted) {
      std::optional<Result<std::string_view>> body = request.body_now(limits().body_bytes);
      if (!body) body = co_await request.body(limits().body_bytes);
      admitted = admit(*visit, *body, answer);
    }
    if (admitted && visit->chat->wire()->asks_nothing) {
      admitted = false;
      co_await answer_at_once(*visit);
    }
    if (admitted) {
      Result<ChatReply> reply = co_await answer(*visit->chat, *visit->call);
      begin_answer(*visit, std::move(reply));
      bool const relayed = !visit->reply || relay_at_once(*visit);
      if (!relayed) {
        RelayEnd const end = co_await relay_reply(*visit->reply, *visit->chat, client, *visit->call,
                                                  responder, visit->turn_kept(), visit->watch_on_key());
        note_end(*visit, end);
        bool const left = end.outcome == Outcome::cancelled && !visit->call->interruption();
        if (left && responder.goes_on_without_client()) co_await relay::read_out(*visit->reply);
      }
      if (loop().content != nullptr && visit->reply) note_answered(*visit, visit->reply->progress().text);
      visit->reply.reset();  // its watchers learn the end, if it was dropped
      settle(*visit, true);
    }
    if (visit->failure) co_await refuse(*visit);
    finish(*visit);
    co_return true;
  }

 private:
  struct ChatVisit : Visit {
    using Visit::Visit;
    KeptTurn* turn_kept() noexcept { return turn ? &*turn : nullptr; }
    std::optional<ChatRequest> chat;
    std::optional<ChatReply> reply;  ///< Gone before its call is.
  };

  /// From body to Call: everything that can be refused without asking anybody.
  template <Provider P>
  bool admit(ChatVisit& visit, Result<std::string_view> const& body, P const& answer) {
    if (!take_body(visit, body)) return false;
    Result<WireRequest> const facts = facts_of(visit, visit.client, *body);
    if (!facts) return visit.fails(facts.error());
    visit.chat.emplace(*facts);
    CallSize size;
    size.input_bytes = facts->body.size();
    size.max_tokens = facts->max_tokens;
    size.answers = std::max<std::int64_t>(facts->choices, 1);
    size.count = &call_size::of_chat;
    size.request = &*visit.chat;
    if (!let_in(visit, visit.client.door, size, answer)) return false;
    if (auto* const table = loop().conversations)
      note_conversation(visit, *table, loop().random, owner_of(visit), facts->body);
    if (loop().content != nullptr) visit.said = *body;
    return true;
  }
  /// Nobody is asked, and nothing is used.
  Task<void> answer_at_once(ChatVisit& visit) {
    auto const now = visit.request.clock().utc_micros();
    std::string const body = visit.client.at_once(*visit.chat->wire(), now);
    visit.status = 200;
    visit.outcome = to_string(Outcome::complete);
    Result<void> const sent = co_await visit.responder.send(visit.status, "application/json", body);
    if (!sent) visit.outcome = "client_left";
    settle(visit, false);
  }
  void begin_answer(ChatVisit& visit, Result<ChatReply> reply) {
    if (!reply) {
      visit.fails(refusal_of(visit, std::move(reply.error())));
      return;
    }
    visit.reply.emplace(std::move(*reply));
    if (loop().content != nullptr)
      visit.reply->watch(visit.call->make<AnswerCopy>(visit.answered, visit.reply->head().streamed));
    // A stream that is gathered for a client that wants none has not begun for that client.
    if (visit.chat->stream() || visit.reply->is_one_part()) visit.deadline.reset();
    note_answer(visit, visit.reply->head(), true);
  }
  static bool relay_at_once(ChatVisit& visit) {
    std::optional<RelayEnd> const end =
        relay_now(*visit.reply, visit.client.dialect, visit.responder, visit.turn_kept());
    if (end) note_end(visit, *end);
    return end.has_value();
  }
};

}  // namespace lowart
