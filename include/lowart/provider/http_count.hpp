#pragma once
/// ask_count: the provider's own count of a request's tokens. A provider class combines it with HttpChat.

#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/count_request.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// What a wire language is to ask_count.
///
/// Models: AnthropicWire, GeminiWire.
template <class W>
concept CountWire =
    HttpWire<W> && requires(W const& wire, CountRequest const& request, Call& call, Dialect dialect,
                            std::string& scratch, net::HttpRequest& http, std::string_view text) {
      { W::speaks(dialect) } -> std::same_as<bool>;  // only such requests are sent
      { wire.path(request, scratch) } -> std::same_as<std::string_view>;
      { wire.write_fields(request, call, http) };
      { W::model_in_body(text) } -> std::same_as<std::string>;        // the model as its requests spell it
      { W::read_count(text) } -> std::same_as<Result<std::int64_t>>;  // the number in a reply
    };

/// One count by a provider of a request in its own dialect: the bytes as they came, only the model's name and the
/// credentials are replaced.
///
/// Errors: unsupported, with nothing sent, for a request in another dialect or with a sealed signature: whoever wraps
/// this can count by itself (Counted). Else as HttpChat's for a whole reply.
template <CountWire Wire, net::Transport T>
Task<Result<CountReply>> ask_count(T& transport, Wire const& wire, CountRequest const& request, Call& call) {
  auto const& came = request.chat().wire();
  if (!came || !Wire::speaks(came->dialect))
    co_return fail(Errc::unsupported, wire.options().name + " counts requests of its own dialect only");
  if (!request.chat().is_as_it_came())
    co_return fail(Errc::unsupported, wire.options().name + " counts requests as they came only");
  if (dialect::holds_seal(came->body, came->dialect))
    co_return fail(Errc::unsupported, wire.options().name + " does not count signatures of other providers");
  AttemptMark attempt(call, wire.options().name, request.model());
  ArenaPtr<http_wire::Outgoing> const out = call.make<http_wire::Outgoing>();
  auto& http = out->http.emplace("POST", wire.path(request, out->path));
  wire.write_fields(request, call, http);
  http_wire::write_fields(http, http_wire::json_type, call);
  if (came->model_token.empty() || came->model == request.model()) http.body(came->body);
  else http_wire::splice_model(came->body, came->model_token, Wire::model_in_body(request.model()), *out);
  WholeHead head;
  head.upstream_model = call.keep(request.model());
  Result<ArenaPtr<WholeBody>> body = co_await http_wire::ask_whole(transport, wire, *out, head, call);
  if (!body) co_return attempt.failed(std::move(body.error()));
  Result<std::int64_t> const tokens = Wire::read_count((*body)->text());
  if (!tokens) co_return attempt.failed(http_wire::not_an_answer(tokens.error()));
  attempt.answered();
  co_return CountReply(head, *tokens, came->dialect, call.keep((*body)->text()));
}

}  // namespace lowart
