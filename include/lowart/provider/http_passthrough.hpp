#pragma once
/// ask_passthrough: a call of a vendor's API that nobody here knows, with our credentials.

#include <lowart/dialect/passed_usage.hpp>
#include <lowart/model/passthrough.hpp>
#include <lowart/net/url.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/passing_reply.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A wire language whose vendor's API can be passed through to: its credentials do not depend on the request.
///
/// Exemplar: OpenAiWire.
template <class W>
concept PassthroughWire =
    HttpWire<W> &&
    requires(W const& wire, PassthroughRequest const& request, Call& call, net::HttpRequest& http) {
      { wire.write_fields(request, call, http) };
    } && !requires(W const& wire, Call& call, net::HttpRequest& http) { wire.sign(call, http); };

namespace http_wire {

/// What of an answer's head the client gets beside its content type.
inline constexpr std::array<std::string_view, 8> passed_reply_fields{
    "content-disposition", "content-range", "accept-ranges", "etag",
    "last-modified",       "location",      "retry-after",   "content-encoding"};

/// Behind a base URL that ends in "/v1", "/v1/files" means "/files": so tools can be given either.
inline std::string_view behind_base(std::string_view base_url, std::string_view path) {
  Result<net::BaseUrl> const base = net::parse_base_url(base_url);
  std::string_view const prefix = base ? std::string_view(base->prefix()) : std::string_view();
  bool const stands_twice =
      !prefix.empty() && path.starts_with(prefix) && path.substr(prefix.size()).starts_with('/');
  return stands_twice ? path.substr(prefix.size()) : path;
}

/// Whether an answer of this status is the client's own affair, and passes as it came. What credentials, limits and
/// failures of the provider are is an error, so that breakers, limits and logs know of it.
constexpr bool is_clients_affair(int status) noexcept {
  return status < 500 && status != 401 && status != 403 && status != 408 && status != 429;
}

template <PassthroughWire Wire>
void write_passthrough(Wire const& wire, PassthroughRequest const& request, Call& call, Outgoing& out) {
  WirePassthrough const& came = *request.wire();
  out.path = behind_base(wire.options().base_url, came.path);
  if (!came.query.empty()) out.path.append("?").append(came.query);
  auto& http = out.http.emplace(came.method, out.path);
  wire.write_fields(request, call, http);
  std::size_t const own = http.fields().size();
  bool accepts = false;
  for (auto const& [name, value] : came.fields) {
    accepts = accepts || name == "accept";
    auto const written = http.fields().first(own);
    bool const is_ours =
        std::any_of(written.begin(), written.end(), [&](auto const& field) { return field.first == name; });
    if (!is_ours) http.field(name, value);
  }
  if (!accepts) http.field("accept", "*/*");
  if (!came.content_type.empty()) http.field("content-type", came.content_type);
  http.field("user-agent", "lowart");
  if (!call.request_id().empty()) http.field("x-request-id", call.request_id());
  if (!call.traceparent().empty()) http.field("traceparent", call.traceparent());
  if (came.source != nullptr) http.body(*came.source);
  else http.body(came.body);
}

inline std::span<net::HttpRequest::Field const> kept_fields(net::Exchange const& exchange, Call& call) {
  using Field = net::HttpRequest::Field;
  auto* const kept = static_cast<Field*>(
      call.memory()->allocate(passed_reply_fields.size() * sizeof(Field), alignof(Field)));
  std::size_t count = 0;
  for (std::string_view const name : passed_reply_fields)
    if (auto const value = exchange.field(name); !value.empty())
      std::construct_at(kept + count++, name, call.keep(value));
  return {kept, count};
}

}  // namespace http_wire

/// Sends the client's request with the provider's credentials, and passes the answer on as it comes, whatever it is: also
/// an error that is the client's own affair. Usage is read off events, and off JSON answers of at most 1 MiB.
///
/// The commit point: the head of an answer is there. `transport` and `wire` outlive the call.
/// Errors: the transport's; upstream_auth, rate_limited, upstream_failed ... as the provider's status says; unsupported
/// when the body has passed by. Clocks are the Timeouts policy's.
template <PassthroughWire Wire, net::Transport T>
Task<Result<PassthroughReply>> ask_passthrough(T& transport, Wire const& wire,
                                               PassthroughRequest const& request, Call& call) {
  constexpr std::size_t longest_read = std::size_t{1} << 20U;
  AttemptMark attempt(call, wire.options().name, request.model());
  ArenaPtr<http_wire::Outgoing> const out = call.make<http_wire::Outgoing>();
  http_wire::write_passthrough(wire, request, call, *out);
  BodySource* const source = request.wire()->source;
  if (source != nullptr && !source->rewind()) co_return attempt.failed(http_wire::body_has_gone());
  Result<ArenaPtr<net::Exchange>> exchange = co_await http_wire::send(transport, wire, *out, call);
  if (!exchange) co_return attempt.failed(std::move(exchange.error()));
  if (!http_wire::is_clients_affair((*exchange)->status())) {
    Error refused = co_await http_wire::read_refusal<Wire>(std::move(*exchange), call);
    co_return attempt.failed(http_wire::judge_credentials(std::move(refused), wire, *out->http, call));
  }
  ReplyHead head =
      http_wire::passing_head(**exchange, wire.options().name, request.wire()->model, Wire::request_id, call);
  head.fields = http_wire::kept_fields(**exchange, call);
  bool const is_encoded = !(*exchange)->field("content-encoding").empty();
  bool const is_short_json = head.length && *head.length > 0 && *head.length <= longest_read &&
                             head.content_type.starts_with(http_wire::json_type);
  dialect::PassedReader reader;
  Result<ChatReply> reply = fail(Errc::internal, "no answer was read");
  if (head.streamed && !is_encoded) {
    std::size_t const most_bytes = wire.options().reply_bytes;
    reply = co_await http_wire::read_events(std::move(*exchange), head, std::move(reader), most_bytes, call);
  } else if (is_short_json && !is_encoded && request.wire()->method != "HEAD") {
    reply = co_await http_wire::read_whole(std::move(*exchange), head, std::move(reader), longest_read, call);
  } else {
    reply = http_wire::pass_on(std::move(*exchange), head, call);
  }
  if (!reply) co_return attempt.failed(std::move(reply.error()));
  attempt.answered();
  co_return reply;
}

/// The rest of a provider's API, over its transport and with its credentials: the vendor's own paths, methods and bytes.
///
///     Passthrough files(OpenAi{options});
template <class P>
  requires PassthroughWire<typename P::wire_type>
class Passthrough {
 public:
  explicit Passthrough(P provider) : provider_(std::move(provider)) {}
  std::string_view name() const { return provider_.name(); }
  Task<Result<PassthroughReply>> operator()(PassthroughRequest const& request, Call& call) {
    return ask_passthrough(provider_.transport(), provider_.wire(), request, call);
  }

 private:
  P provider_;
};

}  // namespace lowart
