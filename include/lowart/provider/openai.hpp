#pragma once
/// OpenAi: any server that speaks the OpenAI chat protocol.

#include <lowart/core/secret.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/openai_sources.hpp>
#include <lowart/provider/provider.hpp>

#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

namespace net {
class HttpTransport;  // net/http_client.hpp
}

struct OpenAiOptions {
  std::string name{"openai"};
  /// Up to and without "/chat/completions". Any compatible server: vLLM, Ollama, llama.cpp, DeepSeek ...
  std::string base_url{"https://api.openai.com/v1"};
  Secret api_key{};                     ///< Empty sends no Authorization.
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, beginning of a stream, text of a stream.
  bool done_required{true};             ///< False for servers that end streams without `data: [DONE]`.
};

namespace openai_provider {

/// What is sent. In the call's arena: coroutine frames stay small enough for Asio to recycle (1020 bytes).
struct Outgoing {
  Outgoing(std::string_view method, std::string_view path) : http(method, path) {}
  std::string text;  ///< A body of our own, or the model's name.
  net::HttpRequest http;
};

}  // namespace openai_provider

/// Chat over the OpenAI protocol.
///
/// A request that came in the same dialect goes out as it came: the same bytes, only the model's name and the
/// credentials are replaced. Others are written from the conversation. Replies are passed on as they come, in
/// parts of whole events.
///
/// The commit point: a whole reply has been read and is a completion; a stream has brought content.
/// Errors: what the transport says; upstream_rejected, upstream_failed, upstream_auth, rate_limited,
/// quota_exceeded as the provider's status or error event says; malformed_reply; connection_lost for a stream
/// that ends without [DONE]. Four clocks are the Timeouts policy's.
/// Concurrency: any number of calls, on any loop.
template <net::Transport T = net::AnyTransport>
class OpenAi {
 public:
  OpenAi(T transport, OpenAiOptions options)
      : shared_(std::make_shared<Shared>(std::move(transport), std::move(options))) {}

  /// Over the network, with the base URL of the options: include <lowart/net/http_client.hpp> as well.
  /// Throws std::invalid_argument when that is no URL.
  template <class Http = net::HttpTransport>
    requires std::same_as<T, net::AnyTransport>
  explicit OpenAi(OpenAiOptions options) : OpenAi(connect<Http>(options.base_url), options) {}

  std::string_view name() const { return shared_->options.name; }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    AttemptMark attempt(call, name());
    ArenaPtr<openai_provider::Outgoing> const outgoing = write_request(request, call);
    Result<ArenaPtr<net::Exchange>> exchange = co_await shared_->transport.exchange(outgoing->http, call);
    if (!exchange) co_return attempt.failed(std::move(exchange.error()));
    int const status = (*exchange)->status();
    if (status < 200 || status > 299) co_return co_await read_refusal(std::move(*exchange), attempt, call);
    ChatReply::Head const head = read_head(**exchange, request, call);
    if (head.streamed) co_return co_await read_stream(std::move(*exchange), head, attempt, call);
    auto source =
        call.make<openai_provider::WholeSource>(std::move(*exchange), shared_->options.reply_bytes, call);
    for (bool more = true; more;) {
      Result<std::span<char>> piece;
      if (!source->read_now(piece)) piece = co_await source->read();
      if (!piece) co_return attempt.failed(std::move(piece.error()));
      more = source->take(*piece);
    }
    Result<void> read = source->read_along();
    if (!read) co_return attempt.failed(std::move(read.error()));
    attempt.answered();
    ReplyPart const whole = source->part();
    co_return ChatReply(head, std::move(source), whole);
  }

 private:
  struct Shared {
    Shared(T t, OpenAiOptions o) : transport(std::move(t)), options(std::move(o)) {
      if (!options.api_key.empty()) authorization = Secret("Bearer " + std::string(options.api_key.reveal()));
    }
    T transport;
    OpenAiOptions options;
    Secret authorization;
  };

  template <class Http>
  static T connect(std::string const& base_url) {
    auto made = Http::make(base_url);
    if (!made) throw std::invalid_argument("OpenAi: " + made.error().message());
    return T(std::move(*made));
  }

  ArenaPtr<openai_provider::Outgoing> write_request(ChatRequest const& request, Call& call) const {
    auto const& wire = request.wire();
    bool const completions = request.dialect() == Dialect::openai_completions;
    auto made =
        call.make<openai_provider::Outgoing>("POST", completions ? "/completions" : "/chat/completions");
    auto& http = made->http;
    if (!shared_->authorization.empty()) http.field("authorization", shared_->authorization.reveal());
    http.field("content-type", "application/json");
    http.field("accept", request.stream() ? "text/event-stream" : "application/json");
    http.field("user-agent", "lowart");
    if (!call.request_id().empty()) http.field("x-request-id", call.request_id());
    if (!call.traceparent().empty()) http.field("traceparent", call.traceparent());
    if (!wire) {
      auto const conversation = request.conversation();
      made->text = dialect::encode_openai_chat(*conversation, request.model());
      http.body(made->text);
    } else if (wire->model == request.model()) {
      http.body(wire->body);
    } else {
      dialect::append_json_string(made->text, request.model());
      auto const before = static_cast<std::size_t>(wire->model_token.data() - wire->body.data());
      http.body(wire->body.substr(0, before)).body(made->text);
      http.body(wire->body.substr(before + wire->model_token.size()));
    }
    return made;
  }

  static constexpr std::string_view event_stream = "text/event-stream";

  ChatReply::Head read_head(net::Exchange const& exchange, ChatRequest const& request, Call& call) const {
    ChatReply::Head head;
    head.dialect =
        request.dialect() == Dialect::openai_completions ? Dialect::openai_completions : Dialect::openai_chat;
    std::string_view const type = exchange.field("content-type");
    // Some servers do not say what they send: then it is what was asked for.
    head.streamed = type.empty() ? request.stream() : type.starts_with(event_stream);
    std::string_view const assumed = head.streamed ? event_stream : std::string_view("application/json");
    head.status = 200;
    head.content_type = type.empty() ? assumed : call.keep(type);
    head.provider = name();
    head.upstream_model = call.keep(request.model());
    head.upstream_id = call.keep(exchange.field("x-request-id"));
    head.decoder = head.streamed ? &dialect::make_openai_stream_decoder : &dialect::make_openai_whole_decoder;
    return head;
  }

  Task<Result<ChatReply>> read_stream(ArenaPtr<net::Exchange> exchange, ChatReply::Head const& head,
                                      AttemptMark& attempt, Call& call) {
    auto source = call.make<openai_provider::StreamSource>(
        std::move(exchange), shared_->options.done_required, shared_->options.reply_bytes, call);
    Result<ReplyPart> first = co_await source->begin();
    if (!first) co_return attempt.failed(std::move(first.error()));
    attempt.answered();
    co_return ChatReply(head, std::move(source), *first);
  }

  /// The error that an answer with an error status is. Its body is read within bounds.
  Task<Result<ChatReply>> read_refusal(ArenaPtr<net::Exchange> exchange, AttemptMark& attempt,
                                       Call& call) const {
    constexpr std::size_t most = 64U << 10U;
    constexpr std::array<std::string_view, 7> names{"retry-after",
                                                    "retry-after-ms",
                                                    "x-ratelimit-reset",
                                                    "x-ratelimit-reset-requests",
                                                    "x-ratelimit-reset-tokens",
                                                    "x-ratelimit-remaining-requests",
                                                    "x-ratelimit-remaining-tokens"};
    std::array<std::string, names.size()> values;
    for (std::size_t i = 0; i < names.size(); ++i) values[i].assign(exchange->field(names[i]));
    std::string body;
    while (body.size() < most) {
      Result<std::span<char>> piece = co_await exchange->read();
      if (!piece && call.interruption()) co_return attempt.failed(std::move(piece.error()));
      if (!piece || piece->empty()) break;
      body.append(piece->data(), std::min(piece->size(), most - body.size()));
    }
    auto const header = [&](std::string_view wanted) -> std::string_view {
      for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == wanted) return values[i];
      return {};
    };
    co_return attempt.failed(
        dialect::from_openai_error(exchange->status(), body, header, call.clock().utc_micros()));
  }

  std::shared_ptr<Shared> shared_;
};

OpenAi(OpenAiOptions) -> OpenAi<net::AnyTransport>;

}  // namespace lowart
