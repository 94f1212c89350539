#pragma once
/// ask_operation: moderation, reranking, images over one wire language. A provider class combines it with HttpChat.

#include <lowart/dialect/openai_operation.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>

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

/// One such call to a provider: the bytes as they came, only the model's name and the credentials are replaced; the reply
/// is passed on as it comes.
///
/// `transport` and `wire` outlive the call. Errors: as HttpChat's for a whole reply. Clocks are the Timeouts policy's.
template <OperationWire Wire, net::Transport T>
Task<Result<OperationReply>> ask_operation(T& transport, Wire const& wire, OperationRequest const& request,
                                           Call& call) {
  AttemptMark attempt(call, wire.options().name);
  ArenaPtr<http_wire::Outgoing> const out = call.make<http_wire::Outgoing>();
  auto& http = out->http.emplace("POST", wire.path(request, out->path));
  wire.write_fields(request, call, http);
  http_wire::write_fields(http, http_wire::json_type, call);
  WireOperation const& came = *request.wire();
  if (came.model_token.empty() || came.model == request.model()) http.body(came.body);
  else http_wire::splice_model(came.body, came.model_token, request.model(), *out);
  WholeHead head;
  head.upstream_model = call.keep(request.model());
  Result<ArenaPtr<WholeBody>> body = co_await http_wire::ask_whole(transport, wire, *out, head, call);
  if (!body) co_return attempt.failed(std::move(body.error()));
  Result<Usage> const usage = dialect::read_operation_reply((*body)->text());
  if (!usage) co_return attempt.failed(http_wire::not_an_answer(usage.error()));
  attempt.answered();
  ArenaPtr<ReplyBytes> bytes = std::move(*body);
  co_return OperationReply(head, std::move(bytes), *usage);
}

}  // namespace lowart
