#pragma once
/// Limited: asks a provider no more than it may be asked.

#include <lowart/meter/limiter.hpp>
#include <lowart/model/token_estimate.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/request_facts.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/provider.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// What a target may be asked (rpm, tpm, concurrency), what is used of it, and how often it was full. Shared by all
/// that count against it.
///
/// Concurrency: any thread.
struct TargetLimit {
  TargetLimit(Limits limits, TimePoint now) : state(limits, now) {}
  LimitState state;
  std::atomic<std::uint64_t> refusals{0};
};

/// Places in several limits at once, until the reply has ended.
class LimitTicket final : public ReplyWatcher {
 public:
  using LimitList = std::vector<std::shared_ptr<TargetLimit>>;

  LimitTicket(std::shared_ptr<LimitList const> limits, std::int64_t input, std::int64_t output) noexcept
      : limits_(std::move(limits)), input_(input), reserved_(input + output) {}
  ~LimitTicket() override { settle(0); }
  LimitTicket(LimitTicket const&) = delete;
  LimitTicket& operator=(LimitTicket const&) = delete;

  /// Takes from all limits, or from none and says why.
  std::optional<Error> take(TimePoint now) {
    for (; held_ < limits_->size(); ++held_) {
      TargetLimit& limit = *(*limits_)[held_];
      std::optional<Error> full = limit.state.reserve(now, reserved_);
      if (!full) continue;
      limit.refusals.fetch_add(1, std::memory_order_relaxed);
      while (held_ > 0) (*limits_)[--held_]->state.withdraw(reserved_);
      return full;
    }
    return std::nullopt;
  }
  /// The call is over and has used this many tokens.
  void settle(std::int64_t used) noexcept {
    while (held_ > 0) (*limits_)[--held_]->state.settle(reserved_, used);
  }

  void end(ReplyEnd const&, ReplyProgress const& progress) noexcept override {
    if (!progress.usage.empty()) return settle(progress.usage.total());
    settle(input_ + estimated_tokens(progress.text.size()));
  }

 private:
  std::shared_ptr<LimitList const> limits_;
  std::int64_t input_;
  std::int64_t reserved_;
  std::size_t held_{0};  ///< Of how many limits, from the front, there is something to give back.
};

/// Refuses a call that would be too much for its provider, before the provider is asked: a chain then goes on to the
/// next target. Reserves an estimate (RequestFacts) and settles what the provider reports, or the length of what it
/// wrote where it reports nothing; a call that fails uses no tokens.
///
/// Several limits (a provider's and a target's) are taken together: one that is full leaves the others as they were.
///
/// Errors:       rate_limited (origin gateway, nothing sent), with the time until there is room as retry_after; one
///               second when all places are taken. Not retryable here: a Retry around it does not wait, it leaves the
///               call to others. too_large when the limit can never hold the estimate.
/// Order:        within Breaker and Retry, so that each attempt counts and one that an open breaker stops does not:
///               Retry<Breaker<Limited<P>>>. A breaker takes its refusals for no failure.
/// Concurrency:  any thread; one short lock per limit at the start and one at the end.
///
///     auto bounded = OpenAi{options} | limited({.rpm = 500, .concurrency = 20}) | breaker();
template <Provider P>
class Limited {
 public:
  using LimitList = LimitTicket::LimitList;

  /// `limits` holds no null.
  Limited(P inner, LimitList limits)
      : inner_(std::move(inner)), limits_(std::make_shared<LimitList const>(std::move(limits))) {
    for (auto const& limit : *limits_) require_option(limit != nullptr, "a Limited needs its limits");
  }

  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    RequestFacts const facts(request, call);
    std::int64_t const input = UsesNothing<R> ? 0 : facts.input_tokens();
    ArenaPtr<LimitTicket> ticket = call.make<LimitTicket>(limits_, input, facts.output_tokens());
    std::optional<Error> full = ticket->take(call.now());
    if (full) co_return fail(refusal(*full));
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) co_return reply;
    if constexpr (Watchable<typename R::reply_type>) reply->watch(std::move(ticket));
    else ticket->settle(used<R>(*reply, input));
    co_return reply;
  }

 private:
  /// The same, as this provider's trouble and not the client's.
  Error refusal(Error const& full) const {
    Error error(full.code(), std::string(name()) + ": " + full.message(), Origin::gateway);
    return std::move(error).with_retry_after(full.retry_after());
  }
  template <Request R>
  static std::int64_t used(typename R::reply_type const& reply, std::int64_t estimate) noexcept {
    if constexpr (requires { reply.usage(); })
      if (!reply.usage().empty()) return reply.usage().total();
    return estimate;
  }

  P inner_;
  std::shared_ptr<LimitList const> limits_;
};

/// What limited() returns.
class LimitedLayer : public PolicyLayer {
 public:
  explicit LimitedLayer(LimitTicket::LimitList limits) noexcept : limits_(std::move(limits)) {}
  template <Provider P>
  Limited<P> wrap(P provider) const {
    return Limited<P>(std::move(provider), limits_);
  }

 private:
  LimitTicket::LimitList limits_;
};

/// `provider | limited({target, provider})`: counts against limits that are kept elsewhere.
[[nodiscard]] inline LimitedLayer limited(LimitTicket::LimitList limits) {
  return LimitedLayer(std::move(limits));
}
/// `provider | limited({.rpm = 500})`. One layer value put around two providers is one limit for both.
[[nodiscard]] inline LimitedLayer limited(Limits limits) {
  return LimitedLayer({std::make_shared<TargetLimit>(limits, std::chrono::steady_clock::now())});
}

}  // namespace lowart
