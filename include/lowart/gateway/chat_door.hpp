#pragma once
/// The door for chat in every dialect, from request to last byte.

#include <lowart/gateway/client_dialect.hpp>
#include <lowart/gateway/door_limits.hpp>
#include <lowart/gateway/keyring.hpp>
#include <lowart/gateway/loop_state.hpp>
#include <lowart/gateway/relay.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/net/http_server.hpp>
#include <lowart/policy/router.hpp>
#include <lowart/provider/provider.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Answers clients of any dialect with any Provider.
///
/// One object per event loop. Every request ends in one answer, one line of the access log and its counters;
/// every admitted call in one usage record, if the provider is Metered.
class ChatDoor {
 public:
  ChatDoor(LoopState& loop, DoorLimits limits = {}) noexcept : loop_(loop), limits_(limits) {}

  /// A POST of `client`'s dialect. Answers whatever happens; so always true, as Doors::serve says of a door that was found.
  template <Provider P>
  Task<bool> serve(P& answer, Keyring const& keys, ClientDialect const& client, net::ServerRequest& request,
                   net::Responder& responder) {
    VisitPtr const visit = begin_visit(client, request, responder);
    bool admitted = identify(*visit, keys);
    if (admitted) {
      std::optional<Result<std::string_view>> body = request.body_now(limits_.body_bytes);
      if (!body) body = co_await request.body(limits_.body_bytes);
      admitted = admit(*visit, *body, answer);
    }
    if (admitted) {
      Result<ChatReply> reply = co_await answer(*visit->chat, *visit->call);
      begin_answer(*visit, std::move(reply));
      bool const relayed = !visit->reply || relay_at_once(*visit);
      if (!relayed) {
        RelayEnd const end =
            co_await relay_reply(*visit->reply, *visit->chat, client, *visit->call, responder);
        note_end(*visit, end);
      }
      settle(*visit);
    }
    if (visit->failure) co_await refuse(*visit);
    finish(*visit);
    co_return true;
  }

  /// The key of a request: from `Authorization: Bearer`, `x-api-key`, `api-key`, `x-goog-api-key` or `?key=`, so that
  /// the SDKs of every dialect can bring it their way.
  static std::string_view presented_key(net::RequestHead const& head) noexcept {
    constexpr std::string_view bearer = "bearer ";
    auto const authorization = head.fields().get("authorization");
    if (authorization.size() > bearer.size() &&
        net::equal_ignoring_case(authorization.substr(0, bearer.size()), bearer))
      return authorization.substr(authorization.find_first_not_of(' ', bearer.size()));
    for (std::string_view const name : {"x-api-key", "api-key", "x-goog-api-key"})
      if (auto const key = head.fields().get(name); !key.empty()) return key;
    return key_in_query(head.query());
  }

 private:
  static constexpr std::size_t longest_shown =
      200;  ///< Bytes of a client's own words in logs, labels, errors.
  static constexpr std::size_t longest_detail = 400;  ///< Bytes of an error's message in the log.

  /// The value of `key` in "alt=sse&key=..."; our keys hold nothing that a URL would escape.
  static std::string_view key_in_query(std::string_view query) noexcept {
    while (!query.empty()) {
      std::string_view const pair = query.substr(0, query.find('&'));
      if (pair.starts_with("key=")) return pair.substr(4);
      query.remove_prefix(std::min(pair.size() + 1, query.size()));
    }
    return {};
  }

  /// Ends the look-out for a client that leaves before the call is gone that it would cancel.
  struct LookOut {
    LookOut(net::Responder& r, Call& call) : responder(r) { responder.cancel_when_client_leaves(call); }
    ~LookOut() { responder.look_out_no_more(); }
    LookOut(LookOut const&) = delete;
    LookOut& operator=(LookOut const&) = delete;
    net::Responder& responder;
  };

  /// One request at this door, and what there is to log of it.
  struct Visit {
    Visit(ChatDoor& door, ClientDialect const& c, net::ServerRequest& rq, net::Responder& rs)
        : in_flight(door.loop_.metrics.in_flight),
          client(c),
          request(rq),
          responder(rs),
          fresh_id(door.loop_.random),
          started_at(rq.clock().now()) {
      auto const given = rq.head().fields().get("x-request-id");
      id = RequestId::acceptable(given) ? given : fresh_id.view();
      in_flight.add();
    }
    ~Visit() { in_flight.add(-1); }  // also when the coroutine is destroyed before its end
    Visit(Visit const&) = delete;
    Visit& operator=(Visit const&) = delete;

    /// Notes why there is no answer; false, for `return visit.fails(...)`.
    bool fails(Error why) {
      failure.emplace(std::move(why));
      return false;
    }

    Counter& in_flight;
    ClientDialect const& client;
    net::ServerRequest& request;
    net::Responder& responder;
    RequestId fresh_id;
    TimePoint started_at;
    std::string_view id;
    KeyEntry const* key{nullptr};
    std::string_view key_name;
    std::string_view model;  ///< As asked for; a label only when `model_known`.
    bool model_known{false};
    int status{0};
    std::int32_t attempts{0};
    std::string_view provider;
    std::int64_t first_token_us{-1};
    std::int64_t overhead_us{-1};
    Spent spent;
    std::string_view outcome;
    std::string_view error;
    std::string detail;
    std::optional<Error> failure;
    std::string scratch;  ///< The model's name, where it came with escapes.
    std::optional<Call> call;
    std::optional<ChatRequest> chat;
    std::optional<LookOut> look_out;
    std::optional<ChatReply> reply;  ///< Gone before its call is.
  };
  /// In the request's arena, so that coroutine frames stay small enough for Asio to recycle (1020 bytes).
  using VisitPtr = ArenaPtr<Visit>;
  VisitPtr begin_visit(ClientDialect const& client, net::ServerRequest& request, net::Responder& responder) {
    void* const place = request.arena().resource()->allocate(sizeof(Visit), alignof(Visit));
    return VisitPtr(::new (place) Visit(*this, client, request, responder));
  }

  bool identify(Visit& visit, Keyring const& keys) {
    visit.responder.field("x-request-id", visit.id);
    if (visit.client.request_id != "x-request-id") visit.responder.field(visit.client.request_id, visit.id);
    if (keys.open()) return true;
    auto const found = keys.find(presented_key(visit.request.head()));
    if (!found) return visit.fails(found.error());
    visit.key = *found;
    visit.key_name = visit.key->name;
    return true;
  }

  /// From body to Call: everything that can be refused without asking anybody.
  template <Provider P>
  bool admit(Visit& visit, Result<std::string_view> const& body, P const& answer) {
    if (!body) return visit.fails(body.error());
    net::RequestHead const& head = visit.request.head();
    Asked const asked{.path = head.path(), .query = head.query(), .body = *body};
    auto facts = visit.client.facts(asked, visit.scratch);
    if (!facts) return visit.fails(facts.error());
    facts->decode = visit.client.decode;
    facts->fields = passed_fields(visit);
    visit.model = facts->model;
    if (visit.key != nullptr && !visit.key->allows(visit.model)) return visit.fails(not_allowed(visit.model));

    if constexpr (KnowsModels<P>)
      if (!answer.knows(visit.model)) return visit.fails(Router::unknown(visit.model));

    auto& request = visit.request;
    auto const now = request.clock().now();
    Result<Admission> admission = admission_for(visit.key, *facts, now);
    if (visit.key != nullptr && visit.key->limits)
      visit.client.limits(visit.key->limits->snapshot(now), request.clock().utc_micros(), visit.responder);
    if (!admission) return visit.fails(admission.error());

    visit.call.emplace(std::move(*admission), request.clock(), request.executor(), request.arena());
    visit.call->request_id(visit.id);
    visit.call->key_name(visit.key_name);
    visit.call->traceparent(request.head().fields().get("traceparent"));
    visit.look_out.emplace(visit.responder, *visit.call);
    visit.chat.emplace(*facts);
    return true;
  }
  /// The client's fields that its dialect wants passed on; in the request's arena.
  static std::span<std::pair<std::string_view, std::string_view> const> passed_fields(Visit& visit) {
    using Field = std::pair<std::string_view, std::string_view>;
    auto const names = visit.client.passed_fields;
    if (names.empty()) return {};
    auto* const fields = static_cast<Field*>(
        visit.request.arena().resource()->allocate(names.size() * sizeof(Field), alignof(Field)));
    std::size_t count = 0;
    for (std::string_view const name : names)
      if (auto const value = visit.request.head().fields().get(name); !value.empty())
        ::new (fields + count++) Field(name, value);
    return {fields, count};
  }

  static Error not_allowed(std::string_view model) {
    std::string message = "this API key may not use the model '";
    message.append(model.substr(0, longest_shown)).append("'");
    return Error(Errc::permission_denied, std::move(message), Origin::client).with_param("model");
  }

  void begin_answer(Visit& visit, Result<ChatReply> reply) {
    if (!reply) {
      visit.fails(std::move(reply.error()));
      return;
    }
    visit.reply.emplace(std::move(*reply));
    visit.model_known = true;
    visit.provider = visit.reply->head().provider;
    visit.status = visit.reply->head().status;
    note_first_content(visit, *visit.call);
    visit.responder.field("x-lowart-provider", visit.provider);
    if (auto const dropped = visit.reply->head().dropped; !dropped.empty())
      visit.responder.field("x-lowart-dropped", dropped);
  }
  static bool relay_at_once(Visit& visit) {
    std::optional<RelayEnd> const end = relay_now(*visit.reply, visit.client.dialect, visit.responder);
    if (end) note_end(visit, *end);
    return end.has_value();
  }
  static void note_end(Visit& visit, RelayEnd const& end) {
    visit.outcome = to_string(end.outcome);
    visit.detail = end.detail;
    if (end.error) visit.error = to_string(*end.error);
    if (end.status) visit.status = *end.status;
  }
  void settle(Visit& visit) {
    visit.reply.reset();  // its watchers learn the end, if it was dropped
    visit.look_out.reset();
    visit.spent = visit.call->spent();
    count_attempts(visit, *visit.call);
    if (visit.failure) visit.outcome = to_string(outcome_of(*visit.failure));
    loop_.metrics.records.at({to_string(visit.spent.provenance), visit.outcome}).add();
  }

  Result<Admission> admission_for(KeyEntry const* key, WireRequest const& facts, TimePoint now) const {
    if (key == nullptr || !key->limits) return Limiter::unlimited();
    constexpr std::int64_t bytes_per_token = 4;
    constexpr std::int64_t most = std::int64_t{1}
                                  << 40U;  // more than any model writes; its sums cannot overflow
    auto const each = std::min(facts.max_tokens.value_or(limits_.assumed_output_tokens), most);
    auto const output = each * std::clamp<std::int64_t>(facts.choices, 1, 1024);
    return Limiter::admit(*key->limits, now,
                          static_cast<std::int64_t>(facts.body.size()) / bytes_per_token + output);
  }

  Task<void> refuse(Visit& visit) {
    Error const& error = *visit.failure;
    visit.error = to_string(error.code());
    visit.detail = error.message();
    if (visit.outcome.empty()) visit.outcome = to_string(outcome_of(error));
    bool const denied = visit.attempts == 0 && error.origin() != Origin::upstream;
    if (denied) loop_.metrics.denied.at({visit.error}).add();
    auto const reply = visit.client.error(error, visit.id);
    visit.status = reply.status;
    if (!reply.retry_after.empty()) visit.responder.field("retry-after", reply.retry_after);
    if (!reply.retry_after_ms.empty()) visit.responder.field("retry-after-ms", reply.retry_after_ms);
    if (!reply.should_retry.empty()) visit.responder.field("x-should-retry", reply.should_retry);
    auto const sent = co_await visit.responder.send(reply.status, "application/json", reply.body);
    if (!sent && visit.outcome != "cancelled") visit.outcome = "client_left";
  }

  static Outcome outcome_of(Error const& error) noexcept {
    return error.code() == Errc::cancelled ? Outcome::cancelled : Outcome::failed;
  }
  /// A client may ask for any name, and some providers answer to any: only short, plain ones become a label. How
  /// many there can be is the metric's own bound.
  static std::string_view model_label(std::string_view model) noexcept {
    bool const plain = model.size() <= longest_shown &&
                       std::all_of(model.begin(), model.end(), [](char c) { return c >= ' ' && c <= '~'; });
    return plain ? model : std::string_view("other");
  }
  void note_first_content(Visit& visit, Call const& call) {
    auto const now = call.now();
    auto const total = now - visit.started_at;
    auto upstream = TimePoint::duration{};
    for (auto const& attempt : call.trail())
      upstream += std::max(attempt.ended_at, attempt.started_at) - attempt.started_at;
    visit.first_token_us = std::chrono::duration_cast<std::chrono::microseconds>(total).count();
    visit.overhead_us = std::chrono::duration_cast<std::chrono::microseconds>(total - upstream).count();
    loop_.metrics.first_token.at({model_label(visit.model)}).observe(total);
    loop_.metrics.overhead.observe(std::max(total - upstream, TimePoint::duration{}));
  }
  void count_attempts(Visit& visit, Call const& call) {
    visit.attempts = static_cast<std::int32_t>(call.trail().size());
    for (auto const& attempt : call.trail()) {
      auto const outcome = attempt.failure ? to_string(*attempt.failure) : std::string_view("ok");
      loop_.metrics.upstream_attempts.at({attempt.provider, outcome}).add();
      if (visit.provider.empty()) visit.provider = attempt.provider;
    }
  }
  void finish(Visit& visit) {
    auto& metrics = loop_.metrics;
    auto const took = visit.request.clock().now() - visit.started_at;
    std::array<char, 8> status{};
    auto const end = std::to_chars(status.data(), status.data() + status.size(), visit.status).ptr;
    std::string_view const code(status.data(), static_cast<std::size_t>(end - status.data()));
    metrics.http_requests.at({visit.client.route, code}).add();
    metrics.http_duration.at({visit.client.route}).observe(took);
    if (visit.model_known) {
      for (std::size_t i = 0; i < usage_class_count; ++i) {
        auto const c = static_cast<UsageClass>(i);
        if (auto const n = visit.spent.usage.value(c); n > 0)
          metrics.tokens.at({model_label(visit.model), to_string(c)}).add(n);
      }
      metrics.cost_nano_usd.at({model_label(visit.model)}).add(visit.spent.cost.count());
    }
    AccessEntry entry;
    auto const micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    entry.at_utc_us = visit.request.clock().utc_micros() - micros;
    entry.request_id = visit.id;
    entry.peer = visit.request.peer();
    entry.method = "POST";
    entry.path = visit.client.route;
    entry.status = visit.status;
    entry.duration_us = micros;
    entry.first_token_us = visit.first_token_us;
    entry.overhead_us = visit.overhead_us;
    entry.key = visit.key_name;
    entry.model = visit.model.substr(0, longest_shown);
    entry.provider = visit.provider;
    entry.attempts = visit.attempts;
    entry.usage = &visit.spent.usage;
    entry.outcome = visit.outcome;
    entry.error = visit.error;
    entry.detail = std::string_view(visit.detail).substr(0, longest_detail);
    loop_.log.write(entry);
  }

  LoopState& loop_;
  DoorLimits limits_;
};

}  // namespace lowart
