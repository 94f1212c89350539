#pragma once
/// Door: what every door for calls does: key, admission, refusals, counters, the line in the log.

#include <lowart/gateway/door_limits.hpp>
#include <lowart/gateway/note_request.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/gateway/relay.hpp>
#include <lowart/gateway/visit.hpp>
#include <lowart/gateway/who_asks.hpp>
#include <lowart/meter/limit_text.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/provider/provider.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// The steps that ChatDoor and WholeDoor share, in the order in which they are taken: identify, facts_of, let_in,
/// note_answer, settle, refuse, finish. One object per event loop.
class Door {
 public:
  /// `responses`: where answers are kept for clients that go on from them; null: nowhere. Outlives the door.
  Door(LoopState& loop, DoorLimits limits, ResponseStore* responses = nullptr) noexcept
      : loop_(loop), limits_(limits), responses_(responses) {}

 protected:
  bool identify(Visit& visit, Keyring const& keys) {
    visit.responder.field("x-request-id", visit.id);
    if (visit.client.request_id != "x-request-id") visit.responder.field(visit.client.request_id, visit.id);
    visit.caller.address = net::address_of_peer(visit.request.peer());
    if (keys.open()) return true;
    auto const found = known_key(keys, visit.request);
    if (!found) return visit.fails(found.error());
    visit.key = *found;
    visit.rules = &keys.rules();
    visit.caller.key = visit.key->name;
    visit.caller.user = visit.key->user();
    visit.caller.team = visit.key->team();
    if (!visit.must_be_signed()) return true;
    // Before a long body is read: whether there is a signature at all.
    auto const signs = who_asks::check_fields(visit.request);
    return signs || visit.fails(signs.error());
  }
  /// The body of a request, read whole; false with the failure noted where that did not succeed, or where it is not what
  /// was signed. Every door goes through here before let_in(), which refuses a request that had to be signed.
  bool take_body(Visit& visit, Result<std::string_view> const& body) {
    if (!body && visit.must_be_signed() && body.error().code() == Errc::too_large)
      return visit.fails(
          Error(body.error()).with_message(body.error().message() + ", up to which a body can be signed"));
    if (!body) return visit.fails(body.error());
    if (!visit.must_be_signed()) return true;
    auto const holds = who_asks::check_signed(visit.request, *visit.key->policy, *body, loop_.nonces);
    visit.signature_holds = holds.has_value();
    return holds || visit.fails(holds.error());
  }
  /// What is asked: the facts of the body, or of all that was said where it goes on from an answer that is kept.
  template <class Client>
  auto facts_of(Visit& visit, Client const& client, std::string_view body) {
    net::RequestHead const& head = visit.request.head();
    Asked const asked{.path = head.path(), .query = head.query(), .body = body};
    auto facts = client.facts(asked, visit.scratch);
    if constexpr (requires { facts->goes_on_from; })
      if (facts && responses_ != nullptr && visit.client.goes_on) facts = go_on(visit, client, asked, *facts);
    if (!facts) return facts;
    if constexpr (requires { facts->decode; })
      if (facts->decode == nullptr) facts->decode = client.decode;
    if constexpr (requires { facts->fields; }) facts->fields = passed_fields(visit);
    visit.model = facts->model;
    return facts;
  }
  /// From facts to Call: what may be asked by whom and where, and whether there is room for a call of that size.
  template <Provider P>
  bool let_in(Visit& visit, DoorKind door, CallSize const& size, P const& answer) {
    if (visit.key != nullptr)
      if (auto const allowed = visit.key->may_use(visit.model, door); !allowed)
        return visit.fails(allowed.error());
    if (visit.must_be_signed() && !visit.signature_holds)
      return visit.fails(Error(Errc::unsupported,
                               "this API key takes signed requests only, and a body that passes by cannot be "
                               "checked before it is sent on",
                               Origin::client));
    if constexpr (KnowsModels<P>)
      if (auto refused = answer.refusal(visit.model, door)) return visit.fails(*std::move(refused));

    auto& request = visit.request;
    auto const now = request.clock().now();
    Result<Admission> admission = reserve(visit, door, size, now);
    if (!admission) return visit.fails(admission.error());

    visit.call.emplace(std::move(*admission), request.clock(), request.executor(), request.arena(), now);
    visit.call->request_id(visit.id);
    visit.call->caller(visit.caller);
    if (visit.key != nullptr) visit.call->priority(visit.key->priority);
    visit.call->traceparent(request.head().fields().get("traceparent"));
    visit.call->client_fields({.lookup = &field_of, .head = &request.head()});
    visit.look_out.emplace(visit.responder, *visit.call);
    if (visit.key != nullptr && visit.key->policy) watch_key(visit, *visit.key->policy);
    if (auto const within = client_deadline(request.head().fields()))
      visit.deadline.emplace(*visit.call, visit.started_at, *within);
    return true;
  }
  /// A provider that remembers nothing cannot say what there is to remember here.
  static Error refusal_of(Visit const& visit, Error error) {
    bool const forgot = error.code() == Errc::unsupported && error.param() == "previous_response_id";
    if (!forgot) return error;
    return visit.turn ? previous_response_not_found(visit.turn->previous_id()) : responses_are_not_kept();
  }
  /// A place within the limits of all that the visit counts against, which the client is told of.
  Result<Admission> reserve(Visit& visit, DoorKind door, CallSize const& size, TimePoint now) {
    if (visit.key == nullptr || !CallLimits::apply_to(*visit.key, *visit.rules)) return Limiter::unlimited();
    visit.limits.emplace(*visit.key, *visit.rules, door, visit.model);
    LimitTime const moment = LimitTime::of(visit.request.clock(), now);
    LimitReport report;
    Result<Admission> admission = visit.limits->admit(moment, size, limits_.assumed_output_tokens, report);
    visit.client.limits(report.left, moment.utc, visit.responder);
    if (report.notice) note_limit(visit, *report.notice);
    return admission;
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
  /// The answer is here, or has begun. `has_content`: the model had something to do for it.
  template <class Head>
  void note_answer(Visit& visit, Head const& head, bool has_content) {
    visit.model_label = model_label(visit.model);
    visit.series = &loop_.metrics.models.at({visit.model_label});
    visit.provider = head.provider;
    visit.status = head.status;
    note_times(visit, has_content);
    visit.responder.field("x-lowart-provider", visit.provider);
    if (!head.dropped.empty()) visit.responder.field("x-lowart-dropped", head.dropped);
    if (head.cache.role != CacheRole::none) note_cache(visit, head.cache);
    if constexpr (requires { head.fields; })
      for (auto const& [name, value] : head.fields) visit.responder.field(name, value);
    if constexpr (requires { head.shaped; })
      if (!head.shaped.empty()) visit.responder.field("x-lowart-shaped", head.shaped.text());
  }
  static void note_end(Visit& visit, RelayEnd const& end) {
    visit.outcome = to_string(end.outcome);
    visit.detail = end.detail;
    if (end.error) visit.error = to_string(*end.error);
    if (end.status) visit.status = *end.status;
  }
  /// The call is over; what it answered with is gone already. `recorded`: a meter has kept a record of it.
  void settle(Visit& visit, bool recorded) {
    visit.look_out.reset();
    visit.deadline.reset();
    visit.key_watch.reset();
    visit.spent = visit.call->spent();
    count_attempts(visit, *visit.call);
    if (visit.failure) visit.outcome = to_string(outcome_of(*visit.failure));
    if (visit.limits && visit.outcome == to_string(Outcome::complete)) visit.limits->learn(visit.spent);
    if (recorded) loop_.metrics.records.at({to_string(visit.spent.provenance), visit.outcome}).add();
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

  void finish(Visit& visit) {
    auto& metrics = loop_.metrics;
    auto const took = visit.request.clock().now() - visit.started_at;
    std::array<char, 8> status{};
    auto const end = std::to_chars(status.data(), status.data() + status.size(), visit.status).ptr;
    std::string_view const code(status.data(), static_cast<std::size_t>(end - status.data()));
    metrics.http_requests.at({visit.route, code}).add();
    metrics.http_duration.at({visit.route}).observe(took);
    if (visit.series != nullptr) {
      ModelSeries& model = *visit.series;
      for (std::size_t i = 0; i < token_class_count; ++i) {
        auto const c = static_cast<UsageClass>(i);
        if (auto const n = visit.spent.usage.value(c); n > 0)
          ModelSeries::of(model.tokens[i], metrics.tokens, {visit.model_label, to_string(c)}).add(n);
      }
      ModelSeries::of(model.cost_nano_usd, metrics.cost_nano_usd, {visit.model_label})
          .add(visit.spent.cost.count());
    }
    AccessEntry entry;
    auto const micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    entry.at_utc_us = visit.request.clock().utc_micros_at(visit.started_at);
    entry.request_id = visit.id;
    entry.peer = visit.request.peer();
    entry.method = visit.request.head().method();
    entry.path = visit.route;
    entry.status = visit.status;
    entry.duration_us = micros;
    entry.first_token_us = visit.first_token_us;
    entry.overhead_us = visit.overhead_us;
    entry.key = visit.caller.key;
    entry.model = visit.model.substr(0, longest_shown);
    entry.provider = visit.provider;
    entry.attempts = visit.attempts;
    entry.cache = visit.cache;
    entry.conversation = visit.conversation;
    entry.usage = &visit.spent.usage;
    entry.outcome = visit.outcome;
    entry.error = visit.error;
    entry.detail = std::string_view(visit.detail).substr(0, longest_detail);
    loop_.log.write(entry);
    if (loop_.requests != nullptr) note_request(visit, entry, loop_);
  }

  /// Whom a kept response belongs to: the key itself, since a name may be given anew. All are one without keys.
  static std::string_view owner_of(Visit const& visit) noexcept {
    if (visit.key == nullptr) return {};
    return {reinterpret_cast<char const*>(visit.key->digest.data()), visit.key->digest.size()};
  }
  static constexpr std::size_t longest_shown =
      200;  ///< Bytes of a client's own words in logs, labels, errors.

  LoopState& loop() const noexcept { return loop_; }
  DoorLimits const& limits() const noexcept { return limits_; }

 private:
  static constexpr std::size_t longest_detail = 400;  ///< Bytes of an error's message in the log.

  template <class Client>
  Result<WireRequest> go_on(Visit& visit, Client const& client, Asked asked, WireRequest const& facts) {
    visit.turn.emplace(*responses_, owner_of(visit), visit.fresh_id.view(), facts, visit.request.clock());
    std::string const& continued = visit.turn->continued();
    if (continued.empty()) return facts;
    if (continued.size() > limits_.body_bytes)
      return fail(continued_is_too_large(continued.size(), limits_.body_bytes));
    asked.body = continued;
    visit.scratch.clear();
    return client.facts(asked, visit.scratch);
  }
  static std::string_view field_of(void const* head, std::string_view name) {
    return static_cast<net::RequestHead const*>(head)->fields().get(name);
  }
  static void watch_key(Visit& visit, KeyPolicy const& policy) {
    if (policy.revoke_streams && policy.live) visit.key_watch.emplace(*visit.call, *policy.live);
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
  [[gnu::cold]] void note_limit(Visit& visit, LimitNotice const& notice) {
    auto& counts = notice.reached ? loop_.metrics.limit_refusals : loop_.metrics.limit_warnings;
    counts.at({notice.subject, to_string(notice.use.kind)}).add();
    if (!notice.reached) visit.responder.field("x-lowart-limit-warning", warning_text(notice));
    if (notice.first && visit.rules->on_notice) visit.rules->on_notice(notice);
  }
  [[gnu::cold]] static void note_cache(Visit& visit, CacheUse use) {
    visit.cache = to_string(use.role);
    visit.responder.field("x-lowart-cache", visit.cache);
    if (use.role == CacheRole::hit) visit.responder.number("age", use.age);
  }
  void note_times(Visit& visit, bool has_content) {
    Call const& call = *visit.call;
    auto const total = call.now() - visit.started_at;
    auto upstream = TimePoint::duration{};
    TimePoint counted{};  // attempts may run at once, and begin in order
    for (auto const& attempt : call.trail()) {
      TimePoint const from = std::max(attempt.started_at, counted);
      counted = std::max(attempt.ended_at, from);
      upstream += counted - from;
    }
    visit.overhead_us = std::chrono::duration_cast<std::chrono::microseconds>(total - upstream).count();
    loop_.metrics.overhead.observe(std::max(total - upstream, TimePoint::duration{}));
    if (!has_content) return;
    visit.first_token_us = std::chrono::duration_cast<std::chrono::microseconds>(total).count();
    ModelSeries::of(visit.series->first_token, loop_.metrics.first_token, {visit.model_label}).observe(total);
  }
  void count_attempts(Visit& visit, Call const& call) {
    visit.attempts = static_cast<std::int32_t>(call.trail().size());
    for (auto const& attempt : call.trail()) {
      auto const outcome = attempt.failure ? to_string(*attempt.failure) : std::string_view("ok");
      loop_.metrics.upstream_attempts.at({attempt.provider, outcome}).add();
    }
    if (visit.provider.empty() && !call.trail().empty()) visit.provider = call.trail().back().provider;
  }

  LoopState& loop_;
  DoorLimits limits_;
  ResponseStore* responses_;
};

}  // namespace lowart
