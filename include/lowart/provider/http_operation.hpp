#pragma once
/// ask_operation: moderation, reranking, images and speech over one wire language. A provider class combines it with
/// HttpChat.

#include <lowart/dialect/openai_operation_reader.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/passing_reply.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// What a wire language is to ask_operation.
///
/// Exemplar: OpenAiWire.
template <class W>
concept OperationWire = HttpWire<W> && requires(W const& wire, OperationRequest const& request, Call& call,
                                                std::string& scratch, net::HttpRequest& http) {
  { wire.path(request, scratch) } -> std::same_as<std::string_view>;  // behind the base URL
  { wire.write_fields(request, call, http) };  // credentials, and what the protocol asks for
};

namespace http_wire {

/// The client's bytes, with the model's name replaced. False: they have gone by.
inline bool write_body(OperationRequest const& request, Outgoing& out) {
  WireOperation const& came = *request.wire();
  bool const renamed = came.model != request.model();
  if (came.source != nullptr) {
    came.source->name_model(renamed ? std::string_view(request.model()) : came.model);
    out.http->body(*came.source);
    return came.source->rewind();
  }
  if (came.model_token.empty() || !renamed) out.http->body(came.body);
  else splice_model(came.body, came.model_token, request.model(), out);
  return true;
}

}  // namespace http_wire

/// Of a provider that serves some of them only.
inline Task<Result<OperationReply>> refuse_operation(std::string_view name, OperationRequest const& request) {
  std::string text(name);
  text.append(" does not serve ").append(request.operation_name());
  co_return fail(Errc::unsupported, std::move(text));
}

/// One such call to a provider: the bytes as they came, only the model's name and the credentials are replaced; the reply
/// is passed on as it comes: JSON whole, events one by one, anything else (a voice, subtitles) piece by piece.
///
/// The commit point: a JSON reply has been read and is an answer; a stream has brought an event; of anything else the head
/// is there. A body with a source is sent once more only as far as it has not passed by.
/// `transport` and `wire` outlive the call. Errors: as HttpChat's. Clocks are the Timeouts policy's.
template <OperationWire Wire, net::Transport T>
Task<Result<OperationReply>> ask_operation(T& transport, Wire const& wire, OperationRequest const& request,
                                           Call& call) {
  AttemptMark attempt(call, wire.options().name, request.model());
  ArenaPtr<http_wire::Outgoing> const out = call.make<http_wire::Outgoing>();
  auto& http = out->http.emplace("POST", wire.path(request, out->path));
  wire.write_fields(request, call, http);
  http_wire::write_fields(http, "*/*", call, request.wire()->content_type);
  if (!http_wire::write_body(request, *out)) co_return attempt.failed(http_wire::body_has_gone());
  Result<ArenaPtr<net::Exchange>> exchange = co_await http_wire::ask(transport, wire, *out, call);
  if (!exchange) co_return attempt.failed(std::move(exchange.error()));
  ReplyHead head =
      http_wire::passing_head(**exchange, wire.options().name, request.model(), Wire::request_id, call);
  dialect::OperationReader reader{dialect::OperationEvents(request.kind())};
  std::size_t const most_bytes = wire.options().reply_bytes;
  Result<ChatReply> reply = fail(Errc::internal, "no answer was read");
  if (head.streamed) {
    reply = co_await http_wire::read_events(std::move(*exchange), head, std::move(reader), most_bytes, call);
  } else if (http_wire::is_json(head.content_type)) {
    if (head.content_type.empty()) head.content_type = http_wire::json_type;
    reply = co_await http_wire::read_whole(std::move(*exchange), head, std::move(reader), most_bytes, call);
  } else {
    reply = http_wire::pass_on(std::move(*exchange), head, call);
  }
  if (!reply) co_return attempt.failed(std::move(reply.error()));
  attempt.answered();
  co_return reply;
}

}  // namespace lowart
