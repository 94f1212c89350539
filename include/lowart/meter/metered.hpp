#pragma once
/// Metered: leaves exactly one usage record for every call, and settles its admission.

#include <lowart/meter/price.hpp>
#include <lowart/meter/token_meter.hpp>
#include <lowart/meter/usage_sink.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Who answered, for a price. Views that live as long as the look-up.
struct Billed {
  std::string_view model;  ///< As the client named it.
  std::string_view provider;
  std::string_view upstream_model;
};
/// The price at the time of the call; a model without one costs nothing.
using PriceLookup = std::function<Price(Billed const& billed)>;

/// Wraps the whole answer of a gateway (outermost, so that it sees what the client gets).
///
/// The record is in the sink before the last part of the reply is handed out, so a client that saw the end of an
/// answer finds it on its bill even if this process is killed at once. A call that fails leaves a record with no
/// usage; a reply that is dropped leaves one with what was produced until then. A request that uses nothing (a count of
/// tokens) is handed on and leaves none. An answer that a cache had leaves one that says `cached`: no tokens, no cost, no
/// attempt; who made the answer stands in it as the provider.
///
/// Errors: the provider's own. A sink that fails is reported through `on_sink_failure` and never fails the call.
template <Provider P, UsageSink Sink>
class Metered {
 public:
  Metered(P inner, TokenMeter meter, Sink sink, PriceLookup prices = {})
      : inner_(std::move(inner)),
        shared_(std::make_shared<Shared>(std::move(meter), std::move(sink), std::move(prices))) {}

  std::string_view name() const { return inner_.name(); }
  P& inner() noexcept { return inner_; }
  std::optional<Error> refusal(std::string_view model, DoorKind door) const
    requires KnowsModels<P>
  {
    return inner_.refusal(model, door);
  }
  Sink& sink() noexcept { return shared_->sink; }

  /// Called on the data path with the error of a record that could not be kept. Set before the first call.
  void on_sink_failure(std::function<void(Error const&)> callback) {
    shared_->on_failure = std::move(callback);
  }

  template <Request R>
    requires Serves<P, R> && (!UsesNothing<R>)
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) {
      keep_failure(request, reply.error(), call);
      co_return reply;
    }
    if constexpr (Watchable<typename R::reply_type>)
      reply->watch(call.make<Watcher<R>>(shared_, request, reply->head(), call));
    else keep_whole(request, *reply, call);
    co_return reply;
  }
  template <UsesNothing R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    return inner_(request, call);
  }

 private:
  struct Shared {
    Shared(TokenMeter m, Sink s, PriceLookup p) : meter(m), sink(std::move(s)), prices(std::move(p)) {}
    TokenMeter meter;
    Sink sink;
    PriceLookup prices;
    std::function<void(Error const&)> on_failure;
  };

  /// A type of several operations tells which one a request is.
  template <Request R>
  static std::string_view operation_of(R const& request) noexcept {
    if constexpr (requires { request.operation_name(); }) return request.operation_name();
    else return R::operation;
  }
  static UsageRecord begin_record(std::string_view operation, std::string_view model, bool streamed,
                                  Call& call) {
    thread_local std::mt19937_64 ids{std::random_device{}()};
    UsageRecord record;
    record.id = CallId{.high = ids(), .low = ids()};
    auto const elapsed =
        std::chrono::duration_cast<std::chrono::microseconds>(call.now() - call.started_at());
    record.duration = elapsed.count();
    record.started_at = call.clock().utc_micros_at(call.started_at());
    record.key = call.caller().key;
    record.user = call.caller().user;
    record.team = call.caller().team;
    record.client = call.caller().address;
    record.conversation = call.conversation();
    record.model = model;
    record.operation = operation;
    record.attempts = static_cast<std::int32_t>(call.trail().size());
    record.streamed = streamed;
    return record;
  }
  static void keep(Shared& shared, UsageRecord const& record) noexcept {
    auto const kept = shared.sink.append(record);
    if (!kept && shared.on_failure) shared.on_failure(kept.error());
  }

  template <Request R>
  void keep_failure(R const& request, Error const& error, Call& call) {
    bool streamed = false;
    if constexpr (requires { request.stream(); }) streamed = request.stream();
    UsageRecord record = begin_record(operation_of(request), request.model(), streamed, call);
    record.status = http_status(error);
    record.outcome = error.code() == Errc::cancelled ? Outcome::cancelled : Outcome::failed;
    if (!call.trail().empty()) record.provider = call.trail().back().provider;
    keep(*shared_, record);
    call.admission().settle({});
  }
  /// A reply that is complete when it is returned.
  template <Request R>
  void keep_whole(R const& request, typename R::reply_type const& reply, Call& call) {
    UsageRecord record = begin_record(operation_of(request), request.model(), false, call);
    record.time_to_first_token = record.duration;
    Measured const measured =
        reply.head().cache.is_free() ? from_cache() : shared_->meter.measure(request, reply);
    record.cost = price(*shared_, record, reply.head().provider, reply.head().upstream_model, measured.usage);
    settle(*shared_, record, reply.head(), measured, Outcome::complete, call);
  }
  /// That nothing was used is known, which "not reported" would not say.
  static Measured from_cache() noexcept {
    Measured nothing{.usage = {}, .provenance = Provenance::cached};
    nothing.usage.set(UsageClass::input, 0);
    nothing.usage.set(UsageClass::output, 0);
    return nothing;
  }
  static NanoUsd price(Shared const& shared, UsageRecord const& record, std::string_view provider,
                       std::string_view upstream_model, Usage const& usage) {
    if (!shared.prices) return {};
    return cost(usage, shared.prices(Billed{record.model, provider, upstream_model}));
  }
  /// Fills in what the answer used, and closes the account of the call. Its cost is in the record already.
  template <class Head>
  static void settle(Shared& shared, UsageRecord& record, Head const& head, Measured const& measured,
                     Outcome outcome, Call& call) {
    record.provider = head.provider;
    record.upstream_model = head.upstream_model;
    record.usage = measured.usage;
    record.provenance = measured.provenance;
    call.spent() = Spent{.usage = measured.usage, .provenance = measured.provenance, .cost = record.cost};
    record.status = head.status;
    record.outcome = outcome;
    keep(shared, record);
    call.admission().settle({.tokens = measured.usage.total(), .cost = record.cost});
  }

  template <Request R>
  class Watcher final : public ReplyWatcher {
   public:
    Watcher(std::shared_ptr<Shared> shared, R const& request, ChatReply::Head const& head, Call& call)
        : shared_(std::move(shared)), request_(request), head_(head), call_(call) {}

    void end(ReplyEnd const& end, ReplyProgress const& progress) noexcept override {
      Measured const measured = head_.cache.is_free() ? from_cache()
                                                      : shared_->meter.measure(request_, head_.upstream_model,
                                                                               progress, end.outcome);
      UsageRecord record = begin_record(operation_of(request_), request_.model(), head_.streamed, call_);
      if (progress.first_content_at != TimePoint{})
        record.time_to_first_token = std::chrono::duration_cast<std::chrono::microseconds>(
                                         progress.first_content_at - call_.started_at())
                                         .count();
      record.cost = price(*shared_, record, head_.provider, head_.upstream_model, measured.usage);
      for (EarlierLeg const& leg : progress.earlier)
        record.cost += price(*shared_, record, leg.provider, leg.upstream_model, leg.usage);
      settle(*shared_, record, head_, TokenMeter::with_earlier(measured, progress), end.outcome, call_);
    }

   private:
    std::shared_ptr<Shared> shared_;
    R request_;
    ChatReply::Head const& head_;  ///< The reply's own; watchers go before it does.
    Call& call_;
  };

  P inner_;
  std::shared_ptr<Shared> shared_;
};

/// What metered() returns.
template <UsageSink Sink>
class MeteredLayer : public PolicyLayer {
 public:
  MeteredLayer(TokenMeter meter, Sink sink, PriceLookup prices)
      : meter_(meter), sink_(std::move(sink)), prices_(std::move(prices)) {}
  template <Provider P>
  Metered<P, Sink> wrap(P provider) const {
    return Metered<P, Sink>(std::move(provider), meter_, sink_, prices_);
  }

 private:
  TokenMeter meter_;
  Sink sink_;
  PriceLookup prices_;
};

/// `provider | metered(TokenMeter{}, sink, prices)`: the outermost layer. The sink is copied into what it wraps.
template <UsageSink Sink>
[[nodiscard]] MeteredLayer<Sink> metered(TokenMeter meter, Sink sink, PriceLookup prices = {}) {
  return MeteredLayer<Sink>(std::move(meter), std::move(sink), std::move(prices));
}

}  // namespace lowart
