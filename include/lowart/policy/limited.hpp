#pragma once
/// Limited: asks a provider no more than it may be asked.

#include <lowart/meter/limiter.hpp>
#include <lowart/model/token_estimate.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/request_facts.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// What a target may be asked, what is used of it, and how often it was full. Shared by all that count against it.
///
/// Concurrency: any thread.
struct TargetLimit {
  TargetLimit(Limits const& limits, TimePoint now) : state(limits, now) {}
  TargetLimit(Limits const& limits, LimitTime const& now, std::string name)
      : state(limits, now, std::move(name)) {}
  LimitState state;
  std::atomic<std::uint64_t> refusals{0};
  /// Told of warnings and refusals, on the thread of the call. Set before the first one.
  std::function<void(LimitNotice const&)> on_notice;
};

/// What so much use of a model costs; its name is the provider's.
using CostOfUse = std::function<NanoUsd(std::string_view model, Usage const& usage)>;

/// Places in several limits at once, until the reply has ended.
class LimitTicket final : public ReplyWatcher {
 public:
  using LimitList = std::vector<std::shared_ptr<TargetLimit>>;
  /// Whose limits, and what counts against those of money.
  struct Terms {
    LimitList limits;
    CostOfUse cost;  ///< Null: nothing is known to cost anything.
  };

  /// `model` outlives the ticket.
  LimitTicket(std::shared_ptr<Terms const> terms, std::string_view model, std::int64_t input,
              std::int64_t output)
      : terms_(std::move(terms)), model_(model), input_(input), output_(output) {
    for (auto const& limit : terms_->limits) group_.add(&limit->state);
  }
  LimitTicket(LimitTicket const&) = delete;
  LimitTicket& operator=(LimitTicket const&) = delete;

  /// Takes from all limits, or from none and says why.
  std::optional<Error> take(LimitTime const& now) {
    LimitReport report;
    Result<Admission> admitted = Limiter::admit(group_, now, use_of(expected()), &report);
    if (report.notice) tell(report);
    if (!admitted) return std::move(admitted.error());
    admission_.emplace(*std::move(admitted));
    return std::nullopt;
  }
  /// The call is over and has used this.
  void settle(Usage const& used) noexcept {
    if (admission_) admission_->settle(use_of(used));
  }

  void end(ReplyEnd const&, ReplyProgress const& progress) noexcept override {
    if (!progress.usage.empty()) return settle(progress.usage);
    settle(usage_of(input_, estimated_tokens(progress.text.size())));
  }
  Usage expected() const noexcept { return usage_of(input_, output_); }
  /// What a call has used whose provider tells nothing.
  Usage assumed() const noexcept { return usage_of(input_, 0); }

 private:
  static Usage usage_of(std::int64_t input, std::int64_t output) noexcept {
    Usage usage;
    usage.set(UsageClass::input, input);
    usage.set(UsageClass::output, output);
    return usage;
  }
  CallUse use_of(Usage const& usage) const {
    bool const is_billed = terms_->cost && std::any_of(terms_->limits.begin(), terms_->limits.end(),
                                                       [](auto const& l) { return l->state.limits_cost(); });
    return {.tokens = usage.total(), .cost = is_billed ? terms_->cost(model_, usage) : NanoUsd()};
  }
  [[gnu::cold]] void tell(LimitReport const& report) const {
    for (auto const& limit : terms_->limits) {
      bool const refused = &limit->state == report.refused_by;
      if (refused) limit->refusals.fetch_add(1, std::memory_order_relaxed);
      bool const is_its =
          refused || (report.refused_by == nullptr && limit->state.name() == report.notice->subject);
      if (is_its && limit->on_notice) limit->on_notice(*report.notice);
    }
  }

  std::shared_ptr<Terms const> terms_;
  std::string_view model_;
  std::int64_t input_;
  std::int64_t output_;
  LimitGroup group_;
  std::optional<Admission> admission_;  ///< Goes before the group that it settles on.
};

/// Refuses a call that would be too much for its provider, before the provider is asked: a chain then goes on to the
/// next target. Reserves an estimate (RequestFacts) and settles what the provider reports, or the length of what it
/// wrote where it reports nothing; a call that fails uses no tokens.
///
/// Several limits (a provider's and a target's) are taken together: one that is full leaves the others as they were.
///
/// Errors:       rate_limited (origin gateway, nothing sent), with the time until there is room as retry_after; one
///               second when all places are taken. quota_exceeded for a day's, week's or month's limit. Not retryable
///               here: a Retry around it does not wait, it leaves the call to others. too_large when the limit can never
///               hold the estimate.
/// Order:        within Breaker and Retry, so that each attempt counts and one that an open breaker stops does not:
///               Retry<Breaker<Limited<P>>>. A breaker takes its refusals for no failure.
/// Concurrency:  any thread; one short lock per limit at the start and one at the end.
///
///     auto bounded = OpenAi{options} | limited({.rpm = 500, .concurrency = 20}) | breaker();
template <Provider P>
class Limited {
 public:
  using LimitList = LimitTicket::LimitList;

  /// `limits` holds no null, and 8 at most. `cost` is for those of money.
  Limited(P inner, LimitList limits, CostOfUse cost = {})
      : inner_(std::move(inner)),
        terms_(std::make_shared<LimitTicket::Terms const>(std::move(limits), std::move(cost))) {
    require_option(terms_->limits.size() <= LimitGroup::most_states, "a Limited has at most 8 limits");
    for (auto const& limit : terms_->limits) require_option(limit != nullptr, "a Limited needs its limits");
  }

  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    RequestFacts const facts(request, call);
    std::int64_t const input = UsesNothing<R> ? 0 : facts.input_tokens();
    std::string_view const model = call.keep(request.model());
    ArenaPtr<LimitTicket> ticket = call.make<LimitTicket>(terms_, model, input, facts.output_tokens());
    std::optional<Error> full = ticket->take(LimitTime::of(call.clock()));
    if (full) co_return fail(refusal(*full));
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) co_return reply;
    if constexpr (Watchable<typename R::reply_type>) reply->watch(std::move(ticket));
    else ticket->settle(used<R>(*reply, ticket->assumed()));
    co_return reply;
  }

 private:
  /// The same, as this provider's trouble and not the client's.
  Error refusal(Error const& full) const {
    Error error(full.code(), std::string(name()) + ": " + full.message(), Origin::gateway);
    return std::move(error).with_retry_after(full.retry_after());
  }
  template <Request R>
  static Usage used(typename R::reply_type const& reply, Usage const& assumed) noexcept {
    if constexpr (requires { reply.usage(); })
      if (!reply.usage().empty()) return reply.usage();
    return assumed;
  }

  P inner_;
  std::shared_ptr<LimitTicket::Terms const> terms_;
};

/// What limited() returns.
class LimitedLayer : public PolicyLayer {
 public:
  explicit LimitedLayer(LimitTicket::LimitList limits, CostOfUse cost = {}) noexcept
      : limits_(std::move(limits)), cost_(std::move(cost)) {}
  template <Provider P>
  Limited<P> wrap(P provider) const {
    return Limited<P>(std::move(provider), limits_, cost_);
  }

 private:
  LimitTicket::LimitList limits_;
  CostOfUse cost_;
};

/// `provider | limited({target, provider})`: counts against limits that are kept elsewhere.
[[nodiscard]] inline LimitedLayer limited(LimitTicket::LimitList limits, CostOfUse cost = {}) {
  return LimitedLayer(std::move(limits), std::move(cost));
}
/// `provider | limited({.rpm = 500})`. One layer value put around two providers is one limit for both.
[[nodiscard]] inline LimitedLayer limited(Limits const& limits) {
  return LimitedLayer({std::make_shared<TargetLimit>(limits, std::chrono::steady_clock::now())});
}

}  // namespace lowart
