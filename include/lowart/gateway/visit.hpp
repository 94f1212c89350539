#pragma once
/// Visit: one request at a door, and what there is to log of it.

#include <lowart/core/call.hpp>
#include <lowart/gateway/call_limits.hpp>
#include <lowart/gateway/client_deadline.hpp>
#include <lowart/gateway/client_dialect.hpp>
#include <lowart/gateway/kept_turn.hpp>
#include <lowart/gateway/key_watch.hpp>
#include <lowart/gateway/keyring.hpp>
#include <lowart/gateway/loop_state.hpp>
#include <lowart/net/http_server.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Ends the look-out for a client that leaves before the call is gone that it would cancel.
struct LookOut {
  LookOut(net::Responder& r, Call& call) : responder(r) { responder.cancel_when_client_leaves(call); }
  ~LookOut() { responder.look_out_no_more(); }
  LookOut(LookOut const&) = delete;
  LookOut& operator=(LookOut const&) = delete;
  net::Responder& responder;
};

/// What every door keeps of a request. Doors add what is asked and answered, which goes before the call does.
struct Visit {
  /// `route` is the label in metrics and the log.
  Visit(LoopState& loop, ClientDialect const& c, std::string_view at, net::ServerRequest& rq,
        net::Responder& rs)
      : in_flight(loop.metrics.in_flight),
        client(c),
        route(at),
        request(rq),
        responder(rs),
        fresh_id(loop.random),
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

  /// Whether its key takes signed requests only.
  bool must_be_signed() const noexcept {
    return key != nullptr && key->policy && !key->policy->signing_secret.empty();
  }
  KeyWatch const* watch_on_key() const noexcept { return key_watch ? &*key_watch : nullptr; }

  Counter& in_flight;
  ClientDialect const& client;
  std::string_view route;
  net::ServerRequest& request;
  net::Responder& responder;
  RequestId fresh_id;
  TimePoint started_at;
  std::string_view id;
  KeyEntry const* key{nullptr};
  LimitRules const* rules{nullptr};  ///< Where there is a key.
  Caller caller;
  std::string_view model;        ///< As asked for.
  std::string_view model_label;  ///< The same for metrics, and its series: once somebody answers for it.
  ModelSeries* series{nullptr};
  int status{0};
  std::int32_t attempts{0};
  std::string_view provider;
  std::string_view conversation;  ///< Its id; empty: none.
  std::string_view said;  ///< The body of a chat call, and what was answered: only where content is kept.
  std::string answered;
  bool answered_is_json{false};  ///< `answered` is a whole reply as it came.
  std::string_view cache;        ///< What a cache had to do with the answer; empty: nothing.
  std::int64_t first_token_us{-1};
  std::int64_t overhead_us{-1};
  Spent spent;
  std::string_view outcome;
  std::string_view error;
  std::string detail;
  std::optional<Error> failure;
  std::string scratch;               ///< The model's name, where it came with escapes.
  std::optional<KeptTurn> turn;      ///< Where answers are kept, of a dialect whose clients go on from them.
  std::optional<CallLimits> limits;  ///< What the call counts against, where there is anything.
  std::optional<Call> call;
  std::optional<LookOut> look_out;
  std::optional<ClientDeadline> deadline;  ///< Until the answer has begun.
  bool signature_holds{false};             ///< Of a request that had to be signed.
  std::optional<KeyWatch> key_watch;       ///< Of a key whose calls end when it is revoked.
};

/// In the request's arena, so that coroutine frames stay small enough to be recycled.
template <class V, class... Args>
ArenaPtr<V> make_visit(net::ServerRequest& request, Args&&... args) {
  void* const place = request.arena().take(sizeof(V), alignof(V));
  return ArenaPtr<V>(::new (place) V(std::forward<Args>(args)...));
}

}  // namespace lowart
