#pragma once
/// Metered: leaves exactly one usage record for every call, and settles its admission.

#include <lowart/dialect/media_marks.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/meter/token_meter.hpp>
#include <lowart/meter/usage_sink.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Who answered what and when, for a price. Views that live as long as the look-up.
struct Billed {
  std::string_view model{};  ///< As the client named it.
  std::string_view provider{};
  std::string_view upstream_model{};
  std::string_view service_tier{};  ///< As the provider said; empty: its usual one.
  std::int64_t started_at{0};       ///< Of the call, UTC microseconds.
};
/// What a call costs, and by which price.
struct Priced {
  NanoUsd cost;
  std::string_view
      price;  ///< What it is called in records; lives as long as the PriceLookup. Empty: none was known.
};
/// Prices what was used, by the price that held at the time of the call; what has none costs nothing. Called on the data
/// path, on many threads.
using PriceLookup = std::function<Priced(Billed const& billed, Usage const& usage)>;

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

  /// The usage of an attempt that answered: that of its leg, or the last one's.
  struct OwnUsage {
    std::span<EarlierLeg const> earlier;
    Usage const& last;
    std::size_t answered{0};
    Usage const& next() noexcept {
      auto const at = answered++;
      return at < earlier.size() ? earlier[at].usage : last;
    }
  };
  /// What was tried, where that is more than the record says anyway; in the call's memory. `usage`: null for a call that
  /// failed.
  static std::span<AttemptRecord const> trail_of(Shared const& shared, UsageRecord const& record, Call& call,
                                                 OwnUsage* usage) {
    auto const& trail = call.trail();
    bool const is_told_already = trail.empty() || (trail.size() == 1 && !trail.front().failure);
    if (is_told_already) return {};
    auto* const room = static_cast<AttemptRecord*>(
        call.memory()->allocate(trail.size() * sizeof(AttemptRecord), alignof(AttemptRecord)));
    std::size_t count = 0;
    for (Attempt const& attempt : trail) {
      AttemptRecord& kept = *::new (room + count++) AttemptRecord;
      kept.provider = attempt.provider;
      kept.model = attempt.model;
      kept.began_after = micros(attempt.started_at - call.started_at());
      if (attempt.ended_at != TimePoint{}) kept.duration = micros(attempt.ended_at - attempt.started_at);
      if (attempt.failure) kept.failure = to_string(*attempt.failure);
      Billed billed = billed_at(kept.provider, kept.model);
      if (attempt.in_vain != nullptr) {
        kept.usage = *attempt.in_vain;
        // It may have answered all the same: nobody took that, and who prices the record anew must not take it for a leg.
        if (!attempt.failure) kept.failure = to_string(Errc::cancelled);
      } else if (usage != nullptr && !attempt.failure) {
        Usage const& own = usage->next();
        if (&own == &usage->last) billed.service_tier = record.service_tier;
        kept.usage = own;
      }
      kept.cost = price(shared, record, billed, kept.usage).cost;
    }
    return {room, count};
  }
  static std::int64_t micros(Duration duration) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  }
  /// What is asked, as far as the client's bytes tell without being decoded, and whether tools were called.
  static CallFeatures features_of(ChatRequest const& request, FinishReason finish) {
    CallFeatures features;
    if (auto const& wire = request.wire()) {
      features = wire->features;
      features.add(dialect::media_in(wire->body));
    }
    if (finish == FinishReason::tool_calls) features.add(CallFeature::tool_calls);
    return features;
  }

  template <Request R>
  void keep_failure(R const& request, Error const& error, Call& call) {
    bool streamed = false;
    if constexpr (requires { request.stream(); }) streamed = request.stream();
    UsageRecord record = begin_record(operation_of(request), request.model(), streamed, call);
    record.status = http_status(error);
    record.outcome = error.code() == Errc::cancelled ? Outcome::cancelled : Outcome::failed;
    if (!call.trail().empty()) record.provider = call.trail().back().provider;
    record.trail = trail_of(*shared_, record, call, nullptr);
    if constexpr (std::same_as<R, ChatRequest>) record.features = features_of(request, FinishReason::none);
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
    price_by(*shared_, record, reply.head(), measured.usage);
    OwnUsage own{.earlier = {}, .last = measured.usage};
    record.trail = trail_of(*shared_, record, call, &own);
    settle(*shared_, record, reply.head(), measured, Outcome::complete, call);
  }
  /// That nothing was used is known, which "not reported" would not say.
  static Measured from_cache() noexcept {
    Measured nothing{.usage = {}, .provenance = Provenance::cached};
    nothing.usage.set(UsageClass::input, 0);
    nothing.usage.set(UsageClass::output, 0);
    return nothing;
  }
  static Billed billed_at(std::string_view provider, std::string_view upstream_model) noexcept {
    Billed billed;
    billed.provider = provider;
    billed.upstream_model = upstream_model;
    return billed;
  }
  static Priced price(Shared const& shared, UsageRecord const& record, Billed billed, Usage const& usage) {
    if (!shared.prices) return {};
    billed.model = record.model;
    billed.started_at = record.started_at;
    return shared.prices(billed, usage);
  }
  /// For what the last one to answer used; `record.service_tier` is known already.
  template <class Head>
  static void price_by(Shared const& shared, UsageRecord& record, Head const& head, Usage const& usage) {
    Billed billed = billed_at(head.provider, head.upstream_model);
    billed.service_tier = record.service_tier;
    Priced const priced = price(shared, record, billed, usage);
    record.cost = priced.cost;
    record.price = priced.price;
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
      record.service_tier = progress.service_tier;
      price_by(*shared_, record, head_, measured.usage);
      for (EarlierLeg const& leg : progress.earlier)
        record.cost += price(*shared_, record, billed_at(leg.provider, leg.upstream_model), leg.usage).cost;
      OwnUsage own{.earlier = progress.earlier, .last = measured.usage};
      record.trail = trail_of(*shared_, record, call_, &own);
      if constexpr (std::same_as<R, ChatRequest>) record.features = features_of(request_, progress.finish);
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
