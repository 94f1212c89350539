#pragma once
/// HttpChat: a provider that speaks one wire language over HTTP. What OpenAi, Anthropic, Gemini ... are made of.

#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/losses.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/provider.hpp>
#include <lowart/provider/wire_sources.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A field of the client that its dialect passes on; empty when it sent none. `name` in lower case.
inline std::string_view passed_field(ChatRequest const& request, std::string_view name) noexcept {
  if (request.wire())
    for (auto const& [known, value] : request.wire()->fields)
      if (known == name) return value;
  return {};
}

/// What a wire language is to HttpChat: where requests go, how they are written, how replies are read.
///
/// A wire whose streams are no server-sent events names their content type: `static constexpr std::string_view
/// stream_type`. One whose bodies hold no model writes the client's bytes itself: `void write_body(WireRequest const&,
/// http_wire::Outgoing&) const`. One that signs what it sends has `void sign(Call&, net::HttpRequest&) const`, called last. One whose
/// credential has to be fetched: see ShowsToken.
///
/// Exemplar: OpenAiWire.   Models: OpenAiWire, AnthropicWire, GeminiWire, OllamaWire, CohereWire,
/// ResponsesWire.
template <class W>
concept ChatWire =
    HttpWire<W> && requires(W const& wire, ChatRequest const& request, Call& call, Dialect dialect,
                            std::string& scratch, net::HttpRequest& http, Conversation const& conversation,
                            Losses& losses, std::string_view text) {
      typename W::Reader;                                      // a dialect::ReplyReader
      { W::speaks(dialect) } -> std::same_as<bool>;            // its requests go as they came
      { W::reply_dialect(dialect) } -> std::same_as<Dialect>;  // of replies to a request of this dialect
      { wire.path(request, scratch) } -> std::same_as<std::string_view>;  // behind the base URL
      { wire.write_fields(request, call, http) };  // credentials, and what the protocol asks for
      { wire.encode(conversation, text, losses) } -> std::same_as<Result<std::string>>;
      { wire.reader() } -> std::same_as<typename W::Reader>;
      { W::decoder(bool{}) } -> std::same_as<ArenaPtr<ReplyDecoder> (*)(Call&)>;
    };

/// Chat over one wire language.
///
/// A request that came in the same dialect goes out as it came: the same bytes, only the model's name and the
/// credentials are replaced. Others, those that were reshaped on the way (ChatRequest::saying), and those that bring back
/// a sealed signature (dialect/sealed_signature.hpp), are written from the conversation; what the dialect cannot say is refused or dropped as `may_drop` says, and told in
/// ReplyHead::dropped. Replies are passed on as they come, in parts of whole events.
///
/// The commit point: a whole reply has been read and is an answer; a stream has brought content.
/// Errors: what the transport says; unsupported for a loss; upstream_rejected, upstream_failed, upstream_auth,
/// rate_limited, quota_exceeded as the provider's status or error event says; malformed_reply; connection_lost for a
/// stream that ends without its terminal event. Four clocks are the Timeouts policy's.
/// Concurrency: any number of calls, on any loop.
template <ChatWire Wire, net::Transport T = net::AnyTransport>
class HttpChat {
 public:
  using Options = typename Wire::Options;
  using wire_type = Wire;

  HttpChat(T transport, Options options)
      : shared_(std::make_shared<Shared>(std::move(transport), Wire(std::move(options)))) {}

  /// Over the network, with the base URL of the options: include <lowart/net/http_client.hpp> as well.
  /// Throws std::invalid_argument when that is no URL.
  template <class Http = net::HttpTransport>
    requires std::same_as<T, net::AnyTransport>
  explicit HttpChat(Options options) : HttpChat(http_wire::connect<Http, T>(options), options) {}

  std::string_view name() const { return options().name; }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    AttemptMark attempt(call, name(), request.model());
    ArenaPtr<Outgoing> const outgoing = call.make<Outgoing>();
    Result<void> written = write_request(request, call, *outgoing);
    if constexpr (ShowsToken<Wire>)
      if (auto const* const token = shared_->wire.access_token(); token != nullptr && written)
        written = co_await token->authorize(call, *outgoing->http);
    if constexpr (requires { shared_->wire.sign(call, *outgoing->http); })
      if (written) shared_->wire.sign(call, *outgoing->http);
    if (!written) co_return attempt.failed(std::move(written.error()));
    Result<ArenaPtr<net::Exchange>> exchange = co_await shared_->transport.exchange(*outgoing->http, call);
    if (!exchange) co_return attempt.failed(std::move(exchange.error()));
    int const status = (*exchange)->status();
    if (status < 200 || status > 299)
      co_return co_await read_refusal(std::move(*exchange), *outgoing->http, attempt, call);
    ReplyHead const head = read_head(**exchange, request, *outgoing, call);
    if (head.streamed) co_return co_await read_stream(std::move(*exchange), head, attempt, call);
    auto source = call.make<Whole>(std::move(*exchange), options().reply_bytes, call);
    WholeBody& body = source->body();
    for (bool more = true; more;) {
      Result<std::span<char>> piece;
      if (!body.read_now(piece)) piece = co_await body.read();
      if (!piece) co_return attempt.failed(std::move(piece.error()));
      more = body.take(*piece);
    }
    Result<void> read = source->read_along(shared_->wire.reader());
    if (!read) co_return attempt.failed(std::move(read.error()));
    attempt.answered(source->progress().first_content_at);
    ReplyPart const whole = source->part();
    co_return ChatReply(head, std::move(source), whole);
  }

  /// For the other operations of the same provider: ask_embeddings, ask_count, ask_passthrough.
  T& transport() noexcept { return shared_->transport; }
  Wire const& wire() const noexcept { return shared_->wire; }

 private:
  using Outgoing = http_wire::Outgoing;
  using Stream = StreamSource<typename Wire::Reader>;
  using Whole = WholeSource<typename Wire::Reader>;
  static constexpr std::string_view stream_type = [] {
    if constexpr (requires { Wire::stream_type; }) return std::string_view(Wire::stream_type);
    else return std::string_view("text/event-stream");
  }();

  struct Shared {
    Shared(T t, Wire w) : transport(std::move(t)), wire(std::move(w)) {}
    T transport;
    Wire wire;
  };

  Options const& options() const { return shared_->wire.options(); }

  Result<void> write_request(ChatRequest const& request, Call& call, Outgoing& out) const {
    Wire const& wire = shared_->wire;
    auto& http = out.http.emplace("POST", wire.path(request, out.path));
    wire.write_fields(request, call, http);
    http_wire::write_fields(http, request.stream() ? stream_type : http_wire::json_type, call);
    if (!request.is_as_it_came() || !Wire::speaks(request.dialect())) return translate(request, out);
    WireRequest const& came = *request.wire();
    if (dialect::holds_seal(came.body, came.dialect)) return translate(request, out);
    if constexpr (requires { wire.write_body(came, out); }) {
      if (came.model_token.empty()) return translate(request, out);
      wire.write_body(came, out);
    } else if (came.model_token.empty() || came.model == request.model()) http.body(came.body);
    else http_wire::splice_model(came.body, came.model_token, request.model(), out);
    return {};
  }

  Result<void> translate(ChatRequest const& request, Outgoing& out) const {
    Result<Conversation> const conversation = request.conversation();
    if (!conversation) return fail(conversation.error());
    Losses losses(options().may_drop);
    Result<std::string> body = shared_->wire.encode(*conversation, request.model(), losses);
    if (!body) return fail(std::move(body).error());
    out.text = *std::move(body);
    out.dropped = losses.header();
    out.http->body(out.text);
    return {};
  }

  static ReplyHead read_head(net::Exchange const& exchange, ChatRequest const& request, Outgoing const& out,
                             Call& call, std::string_view name) {
    ReplyHead head;
    head.dialect = Wire::reply_dialect(request.dialect());
    std::string_view const type = exchange.field("content-type");
    // Some servers do not say what they send: then it is what was asked for.
    head.streamed = type.empty() ? request.stream() : type.starts_with(stream_type);
    std::string_view const assumed = head.streamed ? stream_type : http_wire::json_type;
    head.content_type = type.empty() ? assumed : call.keep(type);
    head.provider = name;
    head.upstream_model = call.keep(request.model());
    head.upstream_id = call.keep(exchange.field(Wire::request_id));
    head.dropped = call.keep(out.dropped);
    head.decoder = Wire::decoder(head.streamed);
    return head;
  }
  ReplyHead read_head(net::Exchange const& exchange, ChatRequest const& request, Outgoing const& out,
                      Call& call) const {
    return read_head(exchange, request, out, call, name());
  }

  Task<Result<ChatReply>> read_stream(ArenaPtr<net::Exchange> exchange, ReplyHead const& head,
                                      AttemptMark& attempt, Call& call) {
    auto source = call.make<Stream>(std::move(exchange), shared_->wire.reader(), options().reply_bytes, call);
    Result<ReplyPart> first = co_await source->begin();
    if (!first) co_return attempt.failed(std::move(first.error()));
    attempt.answered();
    co_return ChatReply(head, std::move(source), *first);
  }

  Task<Result<ChatReply>> read_refusal(ArenaPtr<net::Exchange> exchange, net::HttpRequest const& sent,
                                       AttemptMark& attempt, Call& call) const {
    Error refused = co_await http_wire::read_refusal<Wire>(std::move(exchange), call);
    co_return attempt.failed(http_wire::judge_credentials(std::move(refused), shared_->wire, sent, call));
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace lowart
