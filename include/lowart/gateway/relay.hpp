#pragma once
/// relay_reply(): hands a reply to a client: bytes as they came, or neutral steps written in its dialect.

#include <lowart/gateway/client_dialect.hpp>
#include <lowart/gateway/kept_turn.hpp>
#include <lowart/gateway/key_watch.hpp>
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

/// Where a stream goes: to the client as server-sent events, or in the framing that it asked for. Its end is kept
/// first, where `turn` is not null.
class StreamOutlet {
 public:
  StreamOutlet(ChatRequest const& request, ClientDialect const& client, Call& call, net::Responder& responder,
               KeptTurn* turn, KeyWatch const* watch)
      : responder_(responder), turn_(turn), watch_(watch) {
    bool const as_array = request.wire() && request.wire()->as_array && client.array_framing != nullptr;
    if (as_array) framing_ = client.array_framing(call);
  }
  /// For what has no framing of its own.
  StreamOutlet(net::Responder& responder, KeyWatch const* watch) noexcept
      : responder_(responder), turn_(nullptr), watch_(watch) {}
  /// Asked before each piece: in the place of what came, the end of an answer whose key is revoked meanwhile.
  template <class Came>
  void hold_back(ChatReply& reply, Came& came) const {
    bool const goes_on = watch_ == nullptr || !came || reply.over();
    if (goes_on || !watch_->is_revoked()) return;
    came = fail(KeyPolicy::revoked());
    reply.break_off(came.error());
  }
  /// `length`: of all that follows, where it is known.
  void begin(int status, std::string_view content_type, std::optional<std::uint64_t> length = std::nullopt) {
    responder_.begin(status, framing_ ? framing_->content_type() : content_type, length);
  }
  /// `bytes` stay where they are until it is done.
  Task<Result<void>> write(std::string_view bytes, bool last) {
    if (last && turn_ != nullptr) turn_->keep_end(bytes);
    if (!framing_) return responder_.write(bytes, last);
    framed_.clear();
    framing_->frame(bytes, last, framed_);
    return responder_.write(framed_, last);
  }
  /// The same without a coroutine where the client takes all of it at once; false: write_rest() brings out the rest.
  bool write_now(std::string_view bytes, bool last) {
    if (last && turn_ != nullptr) turn_->keep_end(bytes);
    if (!framing_) return responder_.write_now(bytes, last);
    framed_.clear();
    framing_->frame(bytes, last, framed_);
    return responder_.write_now(framed_, last);
  }
  Task<Result<void>> write_rest(bool last) { return responder_.write_rest(last); }
  void abort() { responder_.abort(); }

 private:
  net::Responder& responder_;
  KeptTurn* turn_;
  KeyWatch const* watch_;
  ArenaPtr<StreamFraming> framing_;
  std::string framed_;
};

/// Ends a stream that cannot go on. The client's SDK throws what the event says. `within_line_end`: what it got last is
/// the first half of a CRLF, and not every client takes that for the end of an event.
inline Task<RelayEnd> tell_failure(Error const& error, ClientDialect const& client,
                                   ReplyProgress const& progress, StreamOutlet& outlet,
                                   bool within_line_end) {
  RelayEnd const end = RelayEnd::failed(error);
  if (end.outcome == Outcome::cancelled) {
    outlet.abort();
    co_return end;
  }
  std::string event(within_line_end ? "\n" : "");
  client.error_event(error, progress, event);
  Result<void> const written = co_await outlet.write(event, true);
  (void)written;
  co_return end;
}

/// Same dialect: the provider's bytes, as they came.
inline Task<RelayEnd> bytes(ChatReply& reply, ClientDialect const& client, StreamOutlet& outlet,
                            net::Responder& responder, KeptTurn* turn) {
  if (responder.begun()) {  // see relay_now
    Result<void> const sent = co_await responder.send_rest();
    if (!sent) co_return RelayEnd::failed(sent.error());
    co_return RelayEnd{};
  }
  bool begun = false;
  bool within_line_end = false;
  for (;;) {
    Result<ReplyPart> part = co_await reply.next();
    outlet.hold_back(reply, part);
    if (!part && !reply.head().streamed) {  // half a document: no event fits into it
      responder.abort();
      co_return RelayEnd::failed(part.error());
    }
    if (!part && !begun) outlet.begin(reply.head().status, reply.head().content_type);  // it was held back
    if (!part)
      co_return co_await tell_failure(part.error(), client, reply.progress(), outlet, within_line_end);
    bool const whole = !begun && part->last && !reply.head().streamed;
    if (!std::exchange(begun, true) && !whole)
      outlet.begin(reply.head().status, reply.head().content_type, reply.head().length);
    within_line_end = part->bytes.ends_with('\r');
    Result<void> sent;
    if (whole && turn != nullptr) turn->keep(part->bytes);
    if (whole) sent = co_await responder.send(reply.head().status, reply.head().content_type, part->bytes);
    else if (!outlet.write_now(part->bytes, part->last)) sent = co_await outlet.write_rest(part->last);
    if (!sent) co_return RelayEnd::failed(sent.error());
    if (part->last) co_return RelayEnd{};
  }
}

/// A seam is marked by a comment, which clients of server-sent events skip.
inline void write_step(ChatDelta const& step, dialect::ReplyWriter& writer, ClientDialect const& client,
                       std::string& out) {
  if (!step.seam.empty() && client.skips_comments)
    out.append(": resumed by ").append(step.seam).append("\n\n");
  writer.write(step, out);
}

/// Another language, streamed: each step becomes events of the client's. What came at once goes out at once.
inline Task<RelayEnd> steps(ChatReply& reply, dialect::ReplyWriter& writer, ClientDialect const& client,
                            Call& call, StreamOutlet& outlet) {
  DeltaReader steps(reply, call);
  outlet.begin(200, client.stream_type);
  std::string out;
  for (;;) {
    Result<std::optional<ChatDelta>> step = co_await steps.next();
    outlet.hold_back(reply, step);
    bool const broken = !step;
    bool const last = broken || !step->has_value();
    if (broken && step.error().code() == Errc::cancelled) {
      outlet.abort();
      co_return RelayEnd::failed(step.error());
    }
    if (broken) writer.fail(step.error(), out);
    else if (last) writer.finish(out);
    else write_step(**step, writer, client, out);
    if (!last && (out.empty() || steps.has_next())) continue;
    Result<void> const sent = co_await outlet.write(out, last);
    out.clear();
    if (broken) co_return RelayEnd::failed(step.error());
    if (!sent) co_return RelayEnd::failed(sent.error());
    if (last) co_return RelayEnd{};
  }
}

/// Another language, whole.
inline Task<RelayEnd> whole(ChatReply& reply, ClientDialect const& client,
                            dialect::ReplyContext const& context, Call& call, net::Responder& responder,
                            KeptTurn* turn) {
  Result<Answer> const answer = co_await collect(reply, call);
  if (!answer) {
    auto const error = client.error(answer.error(), call.request_id());
    Result<void> const told = co_await responder.send(error.status, "application/json", error.body);
    (void)told;
    RelayEnd end = RelayEnd::failed(answer.error());
    end.status = error.status;
    co_return end;
  }
  std::string const body = client.whole(answer->whole, context);
  if (turn != nullptr) turn->keep(body);
  if (responder.send_now(200, "application/json", body)) co_return RelayEnd{};
  Result<void> const sent = co_await responder.send_rest();
  if (!sent) co_return RelayEnd::failed(sent.error());
  co_return RelayEnd{};
}

inline dialect::ReplyContext context_for(ChatRequest const& request, Call const& call, KeptTurn const* turn) {
  dialect::ReplyContext context;
  std::string_view const id = turn != nullptr ? turn->fresh_id() : call.request_id();
  context.id = id.starts_with("req_") ? id.substr(4) : id;
  context.model = request.model();
  context.created = call.clock().utc_micros() / 1'000'000;
  context.include_usage = request.include_usage();
  if (request.wire()) context.request = turn != nullptr ? turn->request() : request.wire()->body;
  context.clock = &call.clock();
  context.asked_at = call.started_at();
  context.stores = turn != nullptr;
  return context;
}

/// The client has left in the middle: reads what is left of the answer, for the usage that is told at its end.
inline Task<void> read_out(ChatReply& reply) {
  while (!reply.over()) {
    Result<ReplyPart> const part = co_await reply.next();
    if (!part) co_return;
  }
}

}  // namespace relay

/// The usual whole reply, in one write and without a coroutine. Null: it is for relay_reply(), which also brings out
/// the rest of what the client did not take at once.
inline std::optional<RelayEnd> relay_now(ChatReply& reply, Dialect client, net::Responder& responder,
                                         KeptTurn* turn = nullptr) {
  ChatReply::Head const& head = reply.head();
  if (head.dialect != client || head.streamed || !reply.is_one_part()) return std::nullopt;
  ReplyPart const part = reply.take_first();
  if (turn != nullptr) turn->keep(part.bytes);
  bool const sent = responder.send_now(head.status, head.content_type, part.bytes);
  return sent ? std::optional(RelayEnd{}) : std::nullopt;
}

/// Relays a reply to its end. Nothing was sent before but by relay_now(); whatever happens, an answer is on its
/// way after it. What ends well is kept by `turn`, unless that is null; `watch`, unless that is null, ends it early.
inline Task<RelayEnd> relay_reply(ChatReply& reply, ChatRequest const& request, ClientDialect const& client,
                                  Call& call, net::Responder& responder, KeptTurn* turn = nullptr,
                                  KeyWatch const* watch = nullptr) {
  relay::StreamOutlet outlet(request, client, call, responder, turn, watch);
  if (reply.head().dialect == client.dialect)
    co_return co_await relay::bytes(reply, client, outlet, responder, turn);
  dialect::ReplyContext const context = relay::context_for(request, call, turn);
  if (!request.stream()) co_return co_await relay::whole(reply, client, context, call, responder, turn);
  ArenaPtr<dialect::ReplyWriter> const writer = client.writer(context, call);
  co_return co_await relay::steps(reply, *writer, client, call, outlet);
}

}  // namespace lowart
