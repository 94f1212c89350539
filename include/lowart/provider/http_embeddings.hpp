#pragma once
/// ask_embeddings: embeddings over one wire language. A provider class combines it with HttpChat.

#include <lowart/model/embedding_request.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// What a wire language is to ask_embeddings.
///
/// Exemplar: OpenAiWire.   Models: OpenAiWire, GeminiWire, OllamaWire, CohereWire.
template <class W>
concept EmbeddingWire =
    HttpWire<W> && requires(W const& wire, EmbeddingRequest const& request, Call& call,
                            EmbeddingDialect dialect, std::string& scratch, net::HttpRequest& http,
                            EmbeddingInputs const& inputs, Losses& losses, std::string_view text) {
      { W::speaks(dialect) } -> std::same_as<bool>;  // its requests go as they came
      // Of replies to a request of this dialect; where it is another language, of what encode() writes.
      { W::reply_dialect(dialect) } -> std::same_as<EmbeddingDialect>;
      { wire.path(request, scratch) } -> std::same_as<std::string_view>;  // behind the base URL
      { wire.write_fields(request, call, http) };               // credentials, and what the protocol asks for
      { W::model_in_body(text) } -> std::same_as<std::string>;  // the model as its requests spell it
      { wire.encode(inputs, text, losses) } -> std::same_as<Result<std::string>>;
      // Looks at a reply: is it one, and what did it use?
      { W::read_embeddings(dialect, text) } -> std::same_as<Result<Usage>>;
      { W::embeddings_decoder(dialect) } -> std::same_as<EmbeddingReply::Decode>;
    };

namespace http_wire {

/// The client's bytes, with the model's name wherever they have it.
inline void place_model(WireEmbedding const& came, std::string_view model, Outgoing& out) {
  if (came.model_tokens.empty()) return void(out.http->body(came.body));
  if (came.model_tokens.size() == 1) return splice_model(came.body, came.model_tokens.front(), model, out);
  std::size_t done = 0;
  for (std::string_view const token : came.model_tokens) {
    auto const at = static_cast<std::size_t>(token.data() - came.body.data());
    out.text.append(came.body, done, at - done);
    dialect::append_json_string(out.text, model);
    done = at + token.size();
  }
  out.text.append(came.body, done);
  out.http->body(out.text);
}

template <EmbeddingWire Wire>
Result<void> write_request(Wire const& wire, EmbeddingRequest const& request, Call& call, Outgoing& out) {
  auto& http = out.http.emplace("POST", wire.path(request, out.path));
  wire.write_fields(request, call, http);
  write_fields(http, json_type, call);
  WireEmbedding const* const came = request.wire();
  if (came != nullptr && Wire::speaks(came->dialect)) {
    if (came->model == request.model()) http.body(came->body);
    else place_model(*came, Wire::model_in_body(request.model()), out);
    return {};
  }
  Result<EmbeddingInputs> const inputs = request.inputs();
  if (!inputs) return fail(inputs.error());
  Losses losses(wire.options().may_drop);
  Result<std::string> body = wire.encode(*inputs, request.model(), losses);
  if (!body) return fail(std::move(body).error());
  out.text = *std::move(body);
  out.dropped = losses.header();
  http.body(out.text);
  return {};
}

}  // namespace http_wire

/// One embedding call to a provider.
///
/// A request that came in the same dialect goes out as it came: the same bytes, only the model's name and the
/// credentials are replaced; its reply is passed on as it comes. Others are written from the inputs; what the dialect
/// cannot say is refused or dropped as `may_drop` says, and told in WholeHead::dropped.
///
/// `transport` and `wire` outlive the call. Errors: as HttpChat's for a whole reply. Clocks are the Timeouts policy's.
template <EmbeddingWire Wire, net::Transport T>
Task<Result<EmbeddingReply>> ask_embeddings(T& transport, Wire const& wire, EmbeddingRequest const& request,
                                            Call& call) {
  AttemptMark attempt(call, wire.options().name, request.model());
  ArenaPtr<http_wire::Outgoing> const out = call.make<http_wire::Outgoing>();
  Result<void> written = http_wire::write_request(wire, request, call, *out);
  if (!written) co_return attempt.failed(std::move(written.error()));
  WholeHead head;
  head.upstream_model = call.keep(request.model());
  Result<ArenaPtr<WholeBody>> body = co_await http_wire::ask_whole(transport, wire, *out, head, call);
  if (!body) co_return attempt.failed(std::move(body.error()));
  EmbeddingDialect const dialect = Wire::reply_dialect(request.dialect());
  Result<Usage> const usage = Wire::read_embeddings(dialect, (*body)->text());
  if (!usage) co_return attempt.failed(http_wire::not_an_answer(usage.error()));
  attempt.answered();
  ArenaPtr<ReplyBytes> bytes = std::move(*body);
  co_return EmbeddingReply(head, dialect, std::move(bytes), Wire::embeddings_decoder(dialect), *usage);
}

}  // namespace lowart
