#pragma once
/// Cached: answers a request with what an equal one was answered.

#include <lowart/core/wakeup.hpp>
#include <lowart/policy/answer_cache.hpp>
#include <lowart/policy/cache_key.hpp>
#include <lowart/policy/cache_turn.hpp>
#include <lowart/policy/kept_answer.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/watchable.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/provider.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace lowart {

/// One call's place at a cache. In the call's arena.
class CachePlace final : public CacheBell {
 public:
  CachePlace(std::shared_ptr<AnswerCache> cache, CacheKey const& key, Call& call)
      : wakeup(call), turn(std::move(cache), key, *this) {}
  void ring() noexcept override { wakeup.ring(); }

  Wakeup wakeup;
  CacheTurn turn;  ///< Gone before what it rings is.
};

/// Gathers a leader's answer while it passes.
class CacheGatherer final : public ReplyWatcher {
 public:
  CacheGatherer(ArenaPtr<CachePlace> place, ReplyHead const& head, Call& call)
      : place_(std::move(place)), call_(call), kept_(std::make_shared<KeptChat>(head)) {}

  void part(ReplyPart const& part, ReplyProgress const&) noexcept override {
    CacheTurn& turn = place_->turn;
    turn.give_sign(call_.clock().coarse_now());
    if (!kept_) return;
    if (turn.has_room_for(kept_->content() + bytes_of(part))) return kept_->add(part);
    kept_.reset();
    turn.spill();
  }
  void end(ReplyEnd const& end, ReplyProgress const& progress) noexcept override {
    CacheTurn& turn = place_->turn;
    bool const is_mended = !progress.earlier.empty();  // it shows where it broke
    if (end.outcome == Outcome::complete && kept_ && !is_mended) {
      kept_->finish(progress);
      turn.land(std::move(kept_), call_.now());
    } else if (end.error != nullptr) {
      turn.fail(*end.error);
    }
    turn.leave();
  }

 private:
  ArenaPtr<CachePlace> place_;
  Call& call_;
  std::shared_ptr<KeptChat> kept_;
};

/// Keeps complete answers, and gives them to equal requests: what "equal" is says key_of(). A stream is given as it was,
/// byte by byte, without its pauses. Equal calls that come while one is running wait for its answer: however many there
/// are, the provider is asked once. They wait until it is complete, as a client that leaves, stalls or reads slowly must
/// not break or slow down what others have begun to show; and each call to the provider has one call of a client that
/// pays for it.
///
/// Requests with a temperature are kept like all others: who puts a cache around a provider wants that. A client opts
/// out with `cache-control`: `no-store` passes it by, `no-cache` asks anew, `max-age` takes nothing older.
///
/// Usage: an answer from here has used nothing, and Metered says so; its body tells what it took when it was made.
/// Errors:       the provider's own, which are not kept. Of a call that waited: that of the call it waited for, when it
///               would fail alike, or when several in a row have failed; first_token_timeout when nothing is heard.
/// Cancellation: a call that waits ends at once. A leader that is cancelled is followed by one that waits.
/// Order:        within Metered, around Retry, Fallback and Limited, so that an answer costs no attempt and no limit of a
///               target: metered(cached(fallback(...))).
/// Concurrency:  any thread; calls on several loops share answers and wait for each other. One short lock per call.
/// Cost:         key_of(), and a copy of each answer that is new.
///
///     auto answer = OpenAi{options} | retry() | cached({.ttl = 10min});
template <Provider P>
class Cached {
 public:
  /// With a cache of its own. Throws std::invalid_argument as AnswerCache does.
  explicit Cached(P inner, CacheOptions options = {}, CacheScope scope = {})
      : Cached(std::move(inner), std::make_shared<AnswerCache>(options), std::move(scope)) {}
  /// `cache` is not null; several may share one whose scopes tell their models apart.
  Cached(P inner, std::shared_ptr<AnswerCache> cache, CacheScope scope = {})
      : inner_(std::move(inner)),
        cache_(std::move(cache)),
        scope_(std::make_shared<CacheScope const>(std::move(scope))) {
    require_option(cache_ != nullptr, "a Cached needs its cache");
  }

  std::string_view name() const { return inner_.name(); }
  DoorSet doors() const { return doors_of(inner_); }
  AnswerCache const& cache() const noexcept { return *cache_; }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    if constexpr (Keepable<R>) {
      CacheWish const wish = cache_wish(call.client_fields().get("cache-control"));
      std::optional<CacheKey> const key = wish.may_keep ? key_of(request, call, *scope_) : std::nullopt;
      if (key) return ask(request, call, *key, wish);
    }
    return inner_(request, call);
  }

 private:
  template <Keepable R>
  Task<ReplyOf<R>> ask(R const& request, Call& call, CacheKey key, CacheWish wish) {
    ArenaPtr<CachePlace> place = call.make<CachePlace>(cache_, key, call);
    CacheMove move = place->turn.next(call.now(), wish);
    while (move == CacheMove::wait) {
      bool const rung = co_await place->wakeup.wait(place->turn.patience());
      if (!rung && call.interruption()) co_return fail(call.interruption_error());
      move = place->turn.next(call.now());
    }
    if (move == CacheMove::failed) co_return fail(place->turn.error());
    if (move == CacheMove::hit || move == CacheMove::joined) co_return replay<R>(place->turn, move, call);
    ReplyOf<R> reply = co_await inner_(request, call);
    if (!reply) {
      place->turn.fail(reply.error());
      co_return reply;
    }
    reply->came_by(CacheUse{.role = CacheRole::miss, .age = 0});
    if constexpr (Watchable<typename R::reply_type>)
      reply->watch(call.make<CacheGatherer>(std::move(place), reply->head(), call));
    else place->turn.land(std::make_shared<typename KeptOf<R>::type>(*reply), call.now());
    co_return reply;
  }
  template <Keepable R>
  static ReplyOf<R> replay(CacheTurn const& turn, CacheMove move, Call& call) {
    using Kept = typename KeptOf<R>::type;
    CacheRole const role = move == CacheMove::hit ? CacheRole::hit : CacheRole::joined;
    auto kept = std::static_pointer_cast<Kept const>(turn.answer());  // the key tells operations apart
    return Kept::replay(std::move(kept), call, CacheUse{.role = role, .age = turn.age()});
  }

  P inner_;
  std::shared_ptr<AnswerCache> cache_;
  std::shared_ptr<CacheScope const> scope_;
};

/// What cached() returns.
class CachedLayer : public PolicyLayer {
 public:
  CachedLayer(CacheOptions options, CacheScope scope) : options_(options), scope_(std::move(scope)) {}
  CachedLayer(std::shared_ptr<AnswerCache> cache, CacheScope scope)
      : cache_(std::move(cache)), scope_(std::move(scope)) {}
  template <Provider P>
  Cached<P> wrap(P provider) const {
    auto cache = cache_ != nullptr ? cache_ : std::make_shared<AnswerCache>(options_);
    return Cached<P>(std::move(provider), std::move(cache), scope_);
  }

 private:
  CacheOptions options_;
  std::shared_ptr<AnswerCache> cache_;
  CacheScope scope_;
};

/// `provider | cached({.ttl = 10min})`: each provider that is wrapped gets a cache of its own.
[[nodiscard]] inline CachedLayer cached(CacheOptions options = {}, CacheScope scope = {}) {
  return CachedLayer(options, std::move(scope));
}
/// `provider | cached(cache, {.model = "fast"})`: with a cache that is kept elsewhere.
[[nodiscard]] inline CachedLayer cached(std::shared_ptr<AnswerCache> cache, CacheScope scope = {}) {
  return CachedLayer(std::move(cache), std::move(scope));
}

}  // namespace lowart
