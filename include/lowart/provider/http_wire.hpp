#pragma once
/// What a provider does over HTTP whatever it is asked: the request's fields, the model's name in a client's bytes,
/// refusals, answers in one piece.

#include <lowart/core/secret.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/losses.hpp>
#include <lowart/model/whole_reply.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/whole_body.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

namespace net {
class HttpTransport;  // net/http_client.hpp
}

/// The part of a wire language that no operation is without.
///
/// Exemplar: OpenAiWire.
template <class W>
concept HttpWire = requires(W const& wire, std::string_view text,
                            std::string_view (*header)(std::string_view)) {
  typename W::
      Options;  // with name, base_url, api_key, client_key, reply_bytes and may_drop, as OpenAiOptions has
  { wire.options() } -> std::same_as<typename W::Options const&>;
  { W::request_id } -> std::convertible_to<std::string_view>;  // the reply's field that names the request
  { W::refusal_fields };                                       // what refusal() looks up, an array
  { W::refusal(int{}, text, header, std::int64_t{}) } -> std::same_as<Error>;
};

/// A wire that may show a token which has to be fetched: an AccessToken, or null when it has other credentials. The token
/// is awaited last, when everything else of the request is written.
template <class W>
concept ShowsToken = requires(W const& wire) { wire.access_token(); };

namespace http_wire {

inline constexpr std::string_view json_type = "application/json";

/// What is sent. In the call's arena: coroutine frames stay small enough to be recycled.
struct Outgoing {
  std::string path;  ///< Used when the path is made for the request.
  std::string text;  ///< A body of our own, or the model's name.
  std::string dropped;
  std::optional<net::HttpRequest> http;
};

/// Text as a path or a query can hold it: all but letters, digits, "-._~" and what `also_plain` names is
/// percent-encoded.
inline std::string percent_encoded(std::string_view text, std::string_view also_plain = {}) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved = "-._~";
  std::string encoded;
  for (char const c : text) {
    bool const letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    auto const byte = static_cast<unsigned char>(c);
    if (letter || unreserved.find(c) != unreserved.npos || also_plain.find(c) != also_plain.npos)
      encoded.push_back(c);
    else encoded.append({'%', digits[byte >> 4U], digits[byte & 15U]});
  }
  return encoded;
}

/// A transport to the base URL of the options. Throws std::invalid_argument when that is no URL.
template <class Http, net::Transport T, class Options>
T connect(Options const& options) {
  auto made = Http::make(options.base_url);
  if (!made) throw std::invalid_argument(options.name + ": " + made.error().message());
  return T(std::move(*made));
}

/// The header field in which a client brings a key of the provider.
inline constexpr std::string_view client_key_field = "x-lowart-provider-key";

/// The key that the client brings in that field, where `options` want it and have none of their own. Else empty.
template <class Options>
std::string_view client_key(Options const& options, Call const& call) {
  if (!options.client_key || !options.api_key.empty()) return {};
  return call.client_fields().get(client_key_field);
}

/// "Bearer KEY", for as long as the call lives.
inline std::string_view bearer(std::string_view key, Call& call) {
  return call.keep(std::string("Bearer ").append(key));
}

/// Adds the field `name` with the key of the options, or else the one that the client brings, where there is one.
template <class Options>
void show_key(std::string_view name, Options const& options, Call const& call, net::HttpRequest& http) {
  std::string_view const own = options.api_key.reveal();
  std::string_view const key = own.empty() ? client_key(options, call) : own;
  if (!key.empty()) http.field(name, key);
}

/// The same as a bearer token. The own one is written once.
class BearerKey {
 public:
  explicit BearerKey(Secret const& api_key) {
    if (!api_key.empty()) own_ = Secret("Bearer " + std::string(api_key.reveal()));
  }
  template <class Options>
  void show(Options const& options, Call& call, net::HttpRequest& http) const {
    if (!own_.empty()) http.field("authorization", own_.reveal());
    else if (auto const key = client_key(options, call); !key.empty())
      http.field("authorization", bearer(key, call));
  }

 private:
  Secret own_;
};

/// That a client's own key was refused is the client's affair: no breaker opens, no other target is asked.
template <class Options>
Error blame_client_key(Error error, Options const& options, Call const& call) {
  if (error.code() != Errc::upstream_auth || client_key(options, call).empty()) return error;
  return Error(Errc::unauthenticated, options.name + " refused the key in " + std::string(client_key_field),
               Origin::client)
      .with_sent(Sent::yes)
      .with_upstream_status(error.upstream_status())
      .with_upstream_message(error.upstream_message());
}

/// A field of what is sent, by the name it was added with; empty when it has none.
inline std::string_view sent_field(net::HttpRequest const& http, std::string_view name) noexcept {
  for (auto const& [known, value] : http.fields())
    if (known == name) return value;
  return {};
}

/// The fields of every request, behind those of the wire language. No `content_type`: there is no body.
inline void write_fields(net::HttpRequest& http, std::string_view accept, Call const& call,
                         std::string_view content_type = json_type) {
  if (!content_type.empty()) http.field("content-type", content_type);
  http.field("accept", accept);
  http.field("user-agent", "lowart");
  if (!call.request_id().empty()) http.field("x-request-id", call.request_id());
  if (!call.traceparent().empty()) http.field("traceparent", call.traceparent());
}

/// The client's bytes, with the model's name in its place: where `token` stands in them.
inline void splice_model(std::string_view body, std::string_view token, std::string_view model,
                         Outgoing& out) {
  dialect::append_json_string(out.text, model);
  auto const before = static_cast<std::size_t>(token.data() - body.data());
  out.http->body(body.substr(0, before)).body(out.text);
  out.http->body(body.substr(before + token.size()));
}

/// The error that an answer with an error status is. Its body is read within bounds.
template <HttpWire Wire>
Task<Error> read_refusal(ArenaPtr<net::Exchange> exchange, Call& call) {
  constexpr std::size_t most = 64U << 10U;
  constexpr auto& names = Wire::refusal_fields;
  std::array<std::string, names.size()> values;
  for (std::size_t i = 0; i < names.size(); ++i) values[i].assign(exchange->field(names[i]));
  std::string body;
  while (body.size() < most) {
    Result<std::span<char>> piece = co_await exchange->read();
    if (!piece && call.interruption()) co_return std::move(piece.error());
    if (!piece || piece->empty()) break;
    body.append(piece->data(), std::min(piece->size(), most - body.size()));
  }
  auto const header = [&](std::string_view wanted) -> std::string_view {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == wanted) return values[i];
    return {};
  };
  co_return Wire::refusal(exchange->status(), body, header, call.clock().utc_micros());
}

/// What a refusal is to the call: of credentials that its client brought, or of a token that is to be fetched anew.
template <class Wire>
Error judge_credentials(Error refused, Wire const& wire, net::HttpRequest const& sent, Call const& call) {
  if constexpr (ShowsToken<Wire>)
    if (auto const* const token = wire.access_token()) return token->after(std::move(refused), call, sent);
  return blame_client_key(std::move(refused), wire.options(), call);
}

/// Sends a request, signed or with its token where the wire has one. Whatever the status is, it is an answer.
template <HttpWire Wire, net::Transport T>
Task<Result<ArenaPtr<net::Exchange>>> send(T& transport, Wire const& wire, Outgoing& out, Call& call) {
  if constexpr (ShowsToken<Wire>)
    if (auto const* const token = wire.access_token()) {
      Result<void> authorized = co_await token->authorize(call, *out.http);
      if (!authorized) co_return fail(std::move(authorized.error()));
    }
  Result<ArenaPtr<net::Exchange>> exchange = co_await transport.exchange(*out.http, call);
  co_return exchange;
}

/// The same; an answer with an error status is its error.
template <HttpWire Wire, net::Transport T>
Task<Result<ArenaPtr<net::Exchange>>> ask(T& transport, Wire const& wire, Outgoing& out, Call& call) {
  Result<ArenaPtr<net::Exchange>> exchange = co_await send(transport, wire, out, call);
  if (!exchange) co_return exchange;
  int const status = (*exchange)->status();
  if (status < 200 || status > 299) {
    Error refused = co_await read_refusal<Wire>(std::move(*exchange), call);
    co_return fail(judge_credentials(std::move(refused), wire, *out.http, call));
  }
  co_return exchange;
}

/// Sends a request whose answer is one piece, and gathers that. Fills in what the answer's head says.
template <HttpWire Wire, net::Transport T>
Task<Result<ArenaPtr<WholeBody>>> ask_whole(T& transport, Wire const& wire, Outgoing& out, WholeHead& head,
                                            Call& call) {
  Result<ArenaPtr<net::Exchange>> exchange = co_await ask(transport, wire, out, call);
  if (!exchange) co_return fail(std::move(exchange.error()));
  if (auto const type = (*exchange)->field("content-type"); !type.empty())
    head.content_type = call.keep(type);
  head.provider = wire.options().name;
  head.upstream_id = call.keep((*exchange)->field(Wire::request_id));
  head.dropped = call.keep(out.dropped);
  ArenaPtr<WholeBody> body = call.make<WholeBody>(std::move(*exchange), wire.options().reply_bytes, call);
  for (bool more = true; more;) {
    Result<std::span<char>> piece;
    if (!body->read_now(piece)) piece = co_await body->read();
    if (!piece) co_return fail(std::move(piece.error()));
    more = body->take(*piece);
  }
  if (body->too_large()) co_return fail(WholeBody::too_large_error());
  co_return std::move(body);
}

/// The error of an answer that arrived and is none.
inline Error not_an_answer(Error error) { return std::move(error).with_sent(Sent::yes).with_retryable(true); }

}  // namespace http_wire

}  // namespace lowart
