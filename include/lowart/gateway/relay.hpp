#pragma once
/// relay_openai(): hands a reply to an OpenAI client: bytes as they came, or neutral steps written out.

#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_completions.hpp>
#include <lowart/dialect/openai_error.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/provider/collect.hpp>

#include <optional>
#include <string>
#include <utility>

namespace lowart {

/// How a relay ended.
struct RelayEnd {
  Outcome outcome{Outcome::complete};
  std::optional<Errc> error{};
  std::string detail{};
  std::optional<int> status{};  ///< What the client was told instead of the reply's own status.

  static RelayEnd failed(Error const& error) {
    Outcome const outcome = error.code() == Errc::cancelled ? Outcome::cancelled : Outcome::partial;
    return RelayEnd{.outcome = outcome, .error = error.code(), .detail = error.message(), .status = {}};
  }
};

namespace relay {

/// Ends a stream that cannot go on. The client's SDK throws what the event says.
inline Task<RelayEnd> tell_failure(Error const& error, net::Responder& responder) {
  RelayEnd const end = RelayEnd::failed(error);
  if (end.outcome == Outcome::cancelled) {
    responder.abort();
    co_return end;
  }
  std::string const event = dialect::openai_error_event(error);
  Result<void> const written = co_await responder.write(event, true);
  (void)written;
  co_return end;
}

/// Same dialect: the provider's bytes, as they came.
inline Task<RelayEnd> bytes(ChatReply& reply, net::Responder& responder) {
  if (responder.begun()) {  // see relay_openai_now
    Result<void> const sent = co_await responder.send_rest();
    if (!sent) co_return RelayEnd::failed(sent.error());
    co_return RelayEnd{};
  }
  bool begun = false;
  for (;;) {
    Result<ReplyPart> const part = co_await reply.next();
    if (!part && !reply.head().streamed) {  // half a document: no event fits into it
      responder.abort();
      co_return RelayEnd::failed(part.error());
    }
    if (!part) co_return co_await tell_failure(part.error(), responder);
    bool const whole = !begun && part->last && !reply.head().streamed;
    if (!std::exchange(begun, true) && !whole)
      responder.begin(reply.head().status, reply.head().content_type);
    Result<void> sent;
    if (whole) sent = co_await responder.send(reply.head().status, reply.head().content_type, part->bytes);
    else sent = co_await responder.write(part->bytes, part->last);
    if (!sent) co_return RelayEnd::failed(sent.error());
    if (part->last) co_return RelayEnd{};
  }
}

/// Another language, streamed: each step becomes a chunk.
template <class Encoder>
Task<RelayEnd> chunks(ChatReply& reply, Encoder encoder, Call& call, net::Responder& responder) {
  DeltaReader steps(reply, call);
  responder.begin(200, "text/event-stream; charset=utf-8");
  std::string out;
  for (;;) {
    Result<std::optional<ChatDelta>> const step = co_await steps.next();
    if (!step) co_return co_await tell_failure(step.error(), responder);
    out.clear();
    bool const last = !step->has_value();
    if (last) encoder.finish(out);
    else encoder.encode(**step, out);
    if (out.empty()) continue;
    Result<void> const sent = co_await responder.write(out, last);
    if (!sent) co_return RelayEnd::failed(sent.error());
    if (last) co_return RelayEnd{};
  }
}

/// Another language, whole.
inline Task<RelayEnd> whole(ChatReply& reply, dialect::ReplyIdentity identity, bool completions, Call& call,
                            net::Responder& responder) {
  Result<Answer> const answer = co_await collect(reply, call);
  if (!answer) {
    auto const error = dialect::to_openai_error(answer.error());
    Result<void> const told = co_await responder.send(error.status, "application/json", error.body);
    (void)told;
    RelayEnd end = RelayEnd::failed(answer.error());
    end.status = error.status;
    co_return end;
  }
  std::string const body = completions
                               ? dialect::encode_openai_completions_reply(answer->whole, std::move(identity))
                               : dialect::encode_openai_reply(answer->whole, std::move(identity));
  Result<void> const sent = co_await responder.send(200, "application/json", body);
  if (!sent) co_return RelayEnd::failed(sent.error());
  co_return RelayEnd{};
}

inline dialect::ReplyIdentity identity_for(ChatRequest const& request, bool completions, Call const& call) {
  dialect::ReplyIdentity identity;
  identity.id = completions ? "cmpl-" : "chatcmpl-";
  identity.id.append(call.request_id().starts_with("req_") ? call.request_id().substr(4) : call.request_id());
  identity.model = request.model();
  identity.created = call.clock().utc_micros() / 1'000'000;
  return identity;
}

}  // namespace relay

/// The usual whole reply, in one write and without a coroutine. Null: it is for relay_openai(), which also brings out
/// the rest of what the client did not take at once.
inline std::optional<RelayEnd> relay_openai_now(ChatReply& reply, Dialect client, net::Responder& responder) {
  ChatReply::Head const& head = reply.head();
  if (head.dialect != client || head.streamed || !reply.is_one_part()) return std::nullopt;
  ReplyPart const part = reply.take_first();
  bool const sent = responder.send_now(head.status, head.content_type, part.bytes);
  return sent ? std::optional(RelayEnd{}) : std::nullopt;
}

/// Relays a reply to its end. Nothing was sent before but by relay_openai_now(); whatever happens, an answer is on its
/// way after it.
inline Task<RelayEnd> relay_openai(ChatReply& reply, ChatRequest const& request, Dialect client, Call& call,
                                   net::Responder& responder) {
  if (reply.head().dialect == client) return relay::bytes(reply, responder);
  bool const completions = client == Dialect::openai_completions;
  dialect::ReplyIdentity identity = relay::identity_for(request, completions, call);
  bool const usage = request.include_usage();
  if (!request.stream()) return relay::whole(reply, std::move(identity), completions, call, responder);
  if (completions)
    return relay::chunks(reply, dialect::CompletionsChunkEncoder(std::move(identity), usage), call,
                         responder);
  return relay::chunks(reply, dialect::ChunkEncoder(std::move(identity), usage), call, responder);
}

}  // namespace lowart
