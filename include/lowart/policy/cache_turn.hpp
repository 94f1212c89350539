#pragma once
/// CacheTurn: one call's place at an AnswerCache, from its question to the answer that it is given or gives.

#include <lowart/policy/answer_cache.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace lowart {

/// What a call is to do.
enum class CacheMove : std::uint8_t {
  hit,     ///< Take answer(): it was kept.
  joined,  ///< Take answer(): it is that of an equal call.
  lead,    ///< Ask the provider, and tell what came of it: land(), fail() or leave().
  alone,   ///< Ask the provider; nobody wants to hear of it.
  wait,    ///< Wait until it is rung, at most until patience(), and ask again.
  failed,  ///< Fail with error().
};

/// Rings when a call that waits is to ask again. From any thread, with the cache's lock held: it must only send word.
class CacheBell {
 public:
  virtual ~CacheBell() = default;
  virtual void ring() noexcept = 0;
};

/// Used by one coroutine at a time. Dropped, it leaves: a leader is followed by one of those who wait, and one who was
/// rung to follow is replaced by the next. Pure but for the bell.
class CacheTurn {
 public:
  CacheTurn(std::shared_ptr<AnswerCache> cache, CacheKey const& key, CacheBell& bell) noexcept
      : cache_(std::move(cache)), key_(key), bell_(bell) {}
  ~CacheTurn() { leave(); }
  CacheTurn(CacheTurn const&) = delete;
  CacheTurn& operator=(CacheTurn const&) = delete;

  /// What to do now. First with the age up to which an answer is taken, then again whenever a wait is over.
  CacheMove next(TimePoint now, CacheWish const& wish = {}) {
    std::lock_guard const lock(cache_->mutex_);
    if (waits_) return go_on(now);
    if (auto* const entry = cache_->find(key_, now)) {
      age_ = std::chrono::duration_cast<std::chrono::seconds>(now - entry->kept_at).count();
      if (wish.takes(age_)) {
        entry->visited = true;
        answer_ = entry->answer;
        ++cache_->figures_.hits;
        return CacheMove::hit;
      }
    }
    auto& flight = cache_->flights_[key_];
    if (!flight) flight = std::make_shared<Flight>(key_, now);
    flight_ = flight;
    if (flight_->leaders == 0 || wish.max_age == 0) return lead(now);
    enqueue();
    return CacheMove::wait;
  }

  std::shared_ptr<KeptAnswer const> answer() const noexcept { return answer_; }
  /// Of a hit: seconds since its answer was complete.
  std::int64_t age() const noexcept { return age_; }
  Error const& error() const noexcept { return *error_; }
  /// When a wait is over though nobody rang.
  TimePoint patience() const noexcept { return flight_->seen_at() + cache_->options_.wait; }

  // --- for a leader

  /// The provider was heard of.
  void give_sign(TimePoint now) noexcept {
    if (leads_) flight_->give_sign(now);
  }
  /// Whether an answer of so many bytes may still be gathered. Those who wait get also what is too large to be kept.
  bool has_room_for(std::size_t bytes) noexcept {
    if (!leads_) return false;
    std::size_t const grown = bytes - std::exchange(gathered_, bytes);
    bool const fits = cache_->gathered_.fetch_add(grown, std::memory_order_relaxed) + grown <= limits().size;
    return fits && (bytes <= limits().entry || flight_->waiting.load(std::memory_order_relaxed) != 0);
  }
  /// It is more than may be gathered: whoever waits for it asks alone.
  void spill() {
    if (!leads_) return;
    std::lock_guard const lock(cache_->mutex_);
    stop_leading();
    if (flight_->end == End::none) end_flight(End::too_large);
  }
  /// The answer is complete.
  void land(std::shared_ptr<KeptAnswer const> answer, TimePoint now) {
    if (!leads_) return;
    std::lock_guard const lock(cache_->mutex_);
    stop_leading();
    cache_->keep(key_, answer, now);
    if (flight_->end != End::none) return;
    flight_->answer = std::move(answer);
    end_flight(End::answered);
  }
  /// There is no answer, or it broke off.
  void fail(Error const& error) {
    if (!leads_) return;
    if (is_own_affair(error)) return leave();
    std::lock_guard const lock(cache_->mutex_);
    stop_leading();
    if (flight_->end != End::none) return;
    bool const is_last = ++flight_->failures >= AnswerCache::most_failures && flight_->leaders == 0;
    if (!is_last && !fails_everybody(error)) return hand_on();
    flight_->error = error;
    end_flight(End::failed);
  }
  /// The call is no longer there, whether it leads or waits.
  void leave() {
    if (!leads_ && !waits_) return;
    std::lock_guard const lock(cache_->mutex_);
    if (waits_) dequeue();
    if (leads_) stop_leading();
    if (flight_->end == End::none) hand_on();
  }

 private:
  using Flight = AnswerCache::Flight;
  using End = AnswerCache::End;

  CacheOptions const& limits() const noexcept { return cache_->options_; }

  /// The call's own end says nothing about the answer.
  static bool is_own_affair(Error const& error) noexcept {
    return error.code() == Errc::cancelled || error.code() == Errc::client_deadline ||
           error.code() == Errc::shutting_down || error.code() == Errc::unauthenticated;
  }
  /// Equal requests are refused alike.
  static bool fails_everybody(Error const& error) noexcept {
    return error.code() == Errc::unsupported || (error.code() != Errc::whole_timeout && !goes_on(error));
  }

  CacheMove lead(TimePoint now) {
    leads_ = true;
    ++flight_->leaders;
    flight_->give_sign(now);
    ++cache_->figures_.misses;
    return CacheMove::lead;
  }
  CacheMove go_on(TimePoint now) {
    switch (flight_->end) {
      case End::answered:
        waits_ = false;
        answer_ = flight_->answer;
        ++cache_->figures_.joined;
        return CacheMove::joined;
      case End::failed: waits_ = false; return fails_with(*flight_->error);
      case End::too_large:
        waits_ = false;
        ++cache_->figures_.misses;
        return CacheMove::alone;
      case End::none: break;
    }
    bool const is_silent = now >= patience();
    if (flight_->leaders != 0 && !is_silent) return CacheMove::wait;
    dequeue();
    if (flight_->leaders < AnswerCache::most_leaders) return lead(now);
    return fails_with(
        Error(Errc::first_token_timeout, "an equal call that this one waited for takes too long"));
  }
  CacheMove fails_with(Error const& error) {
    error_ = error;
    return CacheMove::failed;
  }

  void enqueue() noexcept {
    waits_ = true;
    before_ = flight_->last;
    after_ = nullptr;
    (before_ != nullptr ? before_->after_ : flight_->first) = this;
    flight_->last = this;
    flight_->waiting.fetch_add(1, std::memory_order_relaxed);
  }
  void dequeue() noexcept {
    waits_ = false;
    if (flight_->end != End::none) return;  // which took everybody out
    (before_ != nullptr ? before_->after_ : flight_->first) = after_;
    (after_ != nullptr ? after_->before_ : flight_->last) = before_;
    flight_->waiting.fetch_sub(1, std::memory_order_relaxed);
  }
  void stop_leading() noexcept {
    leads_ = false;
    --flight_->leaders;
    cache_->gathered_.fetch_sub(std::exchange(gathered_, 0), std::memory_order_relaxed);
  }
  /// A flight without a leader is led by who has waited longest, or is over.
  void hand_on() {
    if (flight_->leaders != 0) return;
    if (flight_->first != nullptr) flight_->first->bell_.ring();
    else cache_->close(flight_);
  }
  void end_flight(End end) {
    flight_->end = end;
    cache_->close(flight_);
    flight_->waiting.store(0, std::memory_order_relaxed);
    for (CacheTurn* turn = std::exchange(flight_->first, nullptr); turn != nullptr; turn = turn->after_)
      turn->bell_.ring();
    flight_->last = nullptr;
  }

  std::shared_ptr<AnswerCache> cache_;
  CacheKey key_;
  CacheBell& bell_;
  std::shared_ptr<Flight> flight_;
  std::shared_ptr<KeptAnswer const> answer_;
  std::optional<Error> error_;
  CacheTurn* before_{nullptr};
  CacheTurn* after_{nullptr};
  std::size_t gathered_{0};
  std::int64_t age_{0};
  bool leads_{false};
  bool waits_{false};
};

}  // namespace lowart
