#pragma once
/// OpenAi: any server that speaks the OpenAI chat protocol.

#include <lowart/core/secret.hpp>
#include <lowart/dialect/openai_chat_reader.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_error_reading.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/attempt.hpp>
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
  std::size_t reply_bytes{64U << 20U};  ///< Longest whole reply, and longest beginning of a stream.
  bool done_required{true};             ///< False for servers that end streams without `data: [DONE]`.
};

namespace openai_provider {

/// Cuts a stream into parts of whole events, so that whatever is passed on can be followed by an event of ours.
class StreamSource final : public ReplySource {
 public:
  StreamSource(ArenaPtr<net::Exchange> exchange, OpenAiOptions const& options, Call& call)
      : exchange_(std::move(exchange)),
        reader_({.event_bytes = 16U << 20U, .terminal_done_required = options.done_required}),
        progress_(call.memory()),
        out_(call.memory()),
        call_(call) {}

  ReplyProgress& progress() noexcept override { return progress_; }

  /// Reads up to the first content: what came until then is one part.
  Task<Result<ReplyPart>> begin(std::size_t most_bytes) {
    std::pmr::string beginning(call_.memory());
    for (;;) {
      Result<ReplyPart> part = co_await next();
      if (!part) co_return part;
      if (reader_.committed() && beginning.empty()) co_return commit(*part);
      beginning.append(part->bytes);
      if (part->last && !reader_.committed()) co_return empty_answer();
      if (reader_.committed()) {
        out_ = std::move(beginning);
        part->bytes = out_;
        co_return commit(*part);
      }
      if (beginning.size() > most_bytes)
        co_return fail(Error(Errc::malformed_reply, "the provider's stream has no content", Origin::upstream)
                           .with_sent(Sent::yes)
                           .with_retryable(true));
    }
  }

  Task<Result<ReplyPart>> next() override {
    if (pending_) co_return fail(*std::move(pending_));  // told already; the provider may never say more
    for (;;) {
      Result<std::span<char>> read = co_await exchange_->read();
      if (!read) co_return fail(std::move(read.error()));
      if (read->empty()) co_return end_of_body();
      std::string_view const bytes(read->data(), read->size());
      Result<void> const fed = reader_.feed(bytes, progress_);
      std::string_view const good = take_good(bytes);
      if (!fed && good.empty()) co_return fail(failure(fed.error()));
      if (!fed) {
        pending_.emplace(failure(fed.error()));
        co_return ReplyPart{.bytes = good, .deltas = {}, .last = false};
      }
      if (reader_.done()) {
        exchange_->finish();
        co_return ReplyPart{.bytes = good, .deltas = {}, .last = true};
      }
      if (!good.empty()) co_return ReplyPart{.bytes = good, .deltas = {}, .last = false};
    }
  }

 private:
  Result<ReplyPart> commit(ReplyPart part) {
    progress_.first_content_at = call_.now();
    return part;
  }

  /// The whole events so far; the rest is held until its event is complete. Copies only when an event straddles.
  std::string_view take_good(std::string_view bytes) {
    std::size_t const good = std::min(reader_.good_bytes(), bytes.size());
    std::string_view const rest = bytes.substr(good);
    std::string_view result = bytes.substr(0, good);
    if (good > 0 && !held_.empty()) {
      out_.assign(held_).append(result);
      held_.clear();
      result = out_;
    }
    held_.append(rest);
    return result;
  }

  Result<ReplyPart> end_of_body() {
    if (!reader_.may_end())
      return fail(Error(Errc::connection_lost, "the provider's stream ended without its terminal event",
                        Origin::upstream)
                      .with_sent(Sent::yes)
                      .with_retryable(!reader_.committed()));
    return ReplyPart{.bytes = {}, .deltas = {}, .last = true};
  }
  Result<ReplyPart> empty_answer() {
    return fail(
        Error(Errc::malformed_reply, "the provider's stream ended without an answer", Origin::upstream)
            .with_sent(Sent::yes)
            .with_retryable(true));
  }
  Error failure(Error error) const { return std::move(error).with_sent(Sent::yes); }

  ArenaPtr<net::Exchange> exchange_;
  dialect::OpenAiChatReader reader_;
  ReplyProgress progress_;
  std::pmr::string out_;
  std::pmr::string held_{out_.get_allocator()};
  std::optional<Error> pending_;
  Call& call_;
};

/// A whole reply: gathered, then one part.
class WholeSource final : public ReplySource {
 public:
  WholeSource(ArenaPtr<net::Exchange> exchange, ChatReply::Head head, std::size_t most_bytes, Call& call)
      : exchange_(std::move(exchange)),
        head_(head),
        length_(exchange_->content_length()),
        most_bytes_(most_bytes),
        gathered_(call.memory()),
        progress_(call.memory()) {}
  ReplyProgress& progress() noexcept override { return progress_; }
  Task<Result<ReplyPart>> next() override { co_return ReplyPart{.bytes = {}, .deltas = {}, .last = true}; }

  Task<Result<std::span<char>>> read() { return exchange_->read(); }
  /// Takes the next piece; true when more is to be read. An empty one is the end.
  bool take(std::span<char> piece) {
    if (piece.empty()) return false;
    std::string_view const bytes(piece.data(), piece.size());
    too_large_ = gathered_.size() + bytes.size() > most_bytes_;
    if (too_large_) return false;
    if (gathered_.empty() && length_ == bytes.size()) {
      body_ = bytes;  // all of it in one piece: no copy
      exchange_->finish();
      return false;
    }
    if (gathered_.empty() && length_) gathered_.reserve(std::min(*length_, most_bytes_));
    gathered_.append(bytes);
    body_ = gathered_;
    return true;
  }
  /// The reply, if what was gathered is one. `self` is this.
  Result<ChatReply> reply(ArenaPtr<WholeSource> self, Call& call) {
    if (too_large_)
      return fail(Error(Errc::too_large, "the provider's reply is over the size limit", Origin::upstream)
                      .with_sent(Sent::yes));
    dialect::OpenAiChatReader reader;
    Result<void> read = reader.whole(body_, progress_);
    if (!read) return fail(std::move(read.error()).with_sent(Sent::yes).with_retryable(true));
    progress_.first_content_at = call.now();
    ReplyPart const part{.bytes = body_, .deltas = {}, .last = true};
    return ChatReply(head_, std::move(self), part);
  }

 private:
  ArenaPtr<net::Exchange> exchange_;
  ChatReply::Head head_;
  std::optional<std::uint64_t> length_;
  std::size_t most_bytes_;
  std::pmr::string gathered_;  ///< Used when the reply came in several pieces.
  std::string_view body_;
  ReplyProgress progress_;
  bool too_large_{false};
};

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
    co_return co_await read_whole(std::move(*exchange), head, attempt, call);
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
    auto source = call.make<openai_provider::StreamSource>(std::move(exchange), shared_->options, call);
    Result<ReplyPart> first = co_await source->begin(shared_->options.reply_bytes);
    if (!first) co_return attempt.failed(std::move(first.error()));
    attempt.answered();
    co_return ChatReply(head, std::move(source), *first);
  }

  Task<Result<ChatReply>> read_whole(ArenaPtr<net::Exchange> exchange, ChatReply::Head const& head,
                                     AttemptMark& attempt, Call& call) {
    auto source = call.make<openai_provider::WholeSource>(std::move(exchange), head,
                                                          shared_->options.reply_bytes, call);
    for (bool more = true; more;) {
      Result<std::span<char>> piece = co_await source->read();
      if (!piece) co_return attempt.failed(std::move(piece.error()));
      more = source->take(*piece);
    }
    auto& gathered = *source;
    Result<ChatReply> reply = gathered.reply(std::move(source), call);
    if (!reply) co_return attempt.failed(std::move(reply.error()));
    attempt.answered();
    co_return reply;
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
