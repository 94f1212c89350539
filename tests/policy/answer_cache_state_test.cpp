#include <lowart/policy/cache_turn.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace lowart::answer_cache_state_test {
namespace {

using namespace std::chrono_literals;

struct Text final : KeptAnswer {
  explicit Text(std::size_t n) : size(n) {}
  std::size_t bytes() const noexcept override { return size; }
  std::size_t size;
};
std::shared_ptr<KeptAnswer const> text(std::size_t bytes = 10) { return std::make_shared<Text>(bytes); }

CacheKey key(int number) {
  CacheKey key{};
  std::memcpy(key.data(), &number, sizeof number);
  return key;
}
constexpr TimePoint t0{1h};

/// A call, and whether it was rung since it last asked.
struct Caller : CacheBell {
  Caller(std::shared_ptr<AnswerCache> cache, int number)
      : turn(std::in_place, std::move(cache), key(number), *this) {}
  void ring() noexcept override { ++rung; }
  CacheMove next(TimePoint now, CacheWish wish = {}) {
    rung = 0;
    return turn->next(now, wish);
  }
  int rung{0};
  std::optional<CacheTurn> turn;
};

struct Room {
  explicit Room(CacheOptions options = {}) : cache(std::make_shared<AnswerCache>(options)) {}
  Caller& call(int number = 1) { return callers.emplace_back(cache, number); }
  /// Asks, and answers itself where it leads: whether it was a hit.
  bool ask(int number, TimePoint now = t0, std::size_t bytes = 10) {
    Caller caller(cache, number);
    CacheMove const move = caller.next(now);
    if (move == CacheMove::lead) caller.turn->land(text(bytes), now);
    return move == CacheMove::hit;
  }
  std::shared_ptr<AnswerCache> cache;
  std::deque<Caller> callers;
};
Error upstream_error() { return Error(Errc::upstream_failed, "down", Origin::upstream); }
Error client_error() {
  return Error(Errc::upstream_rejected, "bad", Origin::upstream).with_upstream_status(400);
}

TEST(AnswerCache, KeepsAnAnswerForItsTime) {
  Room room({.ttl = 10s});
  EXPECT_FALSE(room.ask(1));
  EXPECT_TRUE(room.ask(1, t0 + 9999ms));
  EXPECT_FALSE(room.ask(1, t0 + 10s));
  EXPECT_FALSE(room.ask(2));
  Caller& hit = room.call(1);
  EXPECT_EQ(hit.next(t0 + 13500ms), CacheMove::hit);
  EXPECT_EQ(hit.turn->age(), 3);
  EXPECT_TRUE(hit.turn->answer());
}

TEST(AnswerCache, HeedsWhatTheClientWants) {
  Room room;
  room.ask(1);
  EXPECT_EQ(room.call().next(t0 + 5s, {.max_age = 6}), CacheMove::hit);
  EXPECT_EQ(room.call().next(t0 + 5s, {.max_age = 5}), CacheMove::lead);
  EXPECT_EQ(room.call().next(t0 + 5s, {.max_age = 5}), CacheMove::wait) << "what is on its way is new enough";
  Caller& fresh = room.call();
  EXPECT_EQ(fresh.next(t0 + 6s, {.max_age = 0}), CacheMove::lead) << "asks anew, whoever asks already";
  fresh.turn->land(text(), t0 + 7s);
  Caller& hit = room.call();
  EXPECT_EQ(hit.next(t0 + 8s), CacheMove::hit);
  EXPECT_EQ(hit.turn->age(), 1) << "what was asked anew has taken the place of the old";
}

TEST(AnswerCache, NeverHoldsMoreThanItsSize) {
  std::mt19937 random(7);  // NOLINT: the same each time
  Room room({.ttl = 100s, .size = 5'000, .entry = 2'000});
  TimePoint now = t0;
  for (int i = 0; i < 20'000; ++i) {
    now += 10ms;
    room.ask(static_cast<int>(random() % 60), now, random() % 3'000);
    CacheFigures const figures = room.cache->figures();
    ASSERT_LE(figures.bytes, 5'000U);
    ASSERT_LE(figures.entries, 19U);
    ASSERT_EQ(figures.entries == 0, figures.bytes == 0);
  }
  CacheFigures const figures = room.cache->figures();
  EXPECT_GT(figures.hits, 500U);
  EXPECT_GT(figures.evicted, 500U);
  EXPECT_EQ(figures.hits + figures.misses, 20'000U);
}

TEST(AnswerCache, DoesNotKeepWhatIsTooLargeAndForgetsWhatItReplaces) {
  Room room({.size = 4'000, .entry = 1'000});
  EXPECT_FALSE(room.ask(1, t0, 100));
  EXPECT_FALSE(room.ask(2, t0, 1'000)) << "with what an entry takes itself it is more";
  EXPECT_FALSE(room.ask(2, t0, 100));
  Caller& anew = room.call(1);
  EXPECT_EQ(anew.next(t0, {.max_age = 0}), CacheMove::lead);
  anew.turn->land(text(3'000), t0);
  EXPECT_FALSE(room.ask(1)) << "the older answer is gone";
}

TEST(AnswerCache, LetsGoFirstWhatNobodyAskedForAgain) {
  Room room({.size = 3'000, .entry = 1'000});
  for (int i = 0; i < 4; ++i) room.ask(i, t0, 400);  // 656 bytes each: four fit
  EXPECT_TRUE(room.ask(0));
  EXPECT_TRUE(room.ask(2));
  for (int i = 100; i < 120; ++i) room.ask(i, t0, 400);  // a scan
  EXPECT_TRUE(room.ask(2) || room.ask(0)) << "what is asked for outlives a scan longer";
  EXPECT_FALSE(room.ask(1));
  EXPECT_FALSE(room.ask(3));
}

TEST(AnswerCache, LetsOneAskForAllThatAreEqual) {
  Room room;
  Caller& leader = room.call();
  EXPECT_EQ(leader.next(t0), CacheMove::lead);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(room.call().next(t0), CacheMove::wait);
  EXPECT_EQ(room.call(2).next(t0), CacheMove::lead) << "another question";
  auto const answer = text();
  leader.turn->land(answer, t0 + 1s);
  int joined = 0;
  for (Caller& caller : room.callers) {
    if (caller.rung == 0) continue;
    ASSERT_EQ(caller.next(t0 + 1s), CacheMove::joined);
    ASSERT_EQ(caller.turn->answer(), answer);
    ++joined;
  }
  EXPECT_EQ(joined, 1'000);
  CacheFigures const figures = room.cache->figures();
  EXPECT_EQ(figures.misses, 2U);
  EXPECT_EQ(figures.joined, 1'000U);
}

TEST(AnswerCache, GivesThoseWhoWaitWhatIsTooLargeToKeep) {
  Room room({.size = 4'000, .entry = 1'000});
  Caller& leader = room.call();
  leader.next(t0);
  EXPECT_FALSE(leader.turn->has_room_for(1'001)) << "nobody waits for it";
  Caller& waits = room.call();
  waits.next(t0);
  EXPECT_TRUE(leader.turn->has_room_for(4'000));
  leader.turn->land(text(4'000), t0);
  EXPECT_EQ(waits.next(t0), CacheMove::joined);
  EXPECT_FALSE(room.ask(1)) << "but it is not kept";
}

TEST(AnswerCache, LetsThoseWhoWaitAskAloneWhereNothingCanBeHeldForThem) {
  Room room({.size = 4'000, .entry = 1'000});
  Caller& leader = room.call();
  leader.next(t0);
  Caller& waits = room.call();
  waits.next(t0);
  EXPECT_FALSE(leader.turn->has_room_for(4'001));
  leader.turn->spill();
  EXPECT_EQ(waits.rung, 1);
  EXPECT_EQ(waits.next(t0), CacheMove::alone);
  EXPECT_EQ(room.call().next(t0), CacheMove::lead) << "who comes later begins anew";
  leader.turn->land(text(), t0);
  EXPECT_EQ(room.cache->figures().entries, 0U);
}

TEST(AnswerCache, BoundsWhatIsOnItsWayInAll) {
  Room room({.size = 1'000, .entry = 900});
  Caller& a = room.call(1);
  Caller& b = room.call(2);
  a.next(t0);
  b.next(t0);
  EXPECT_TRUE(a.turn->has_room_for(600));
  EXPECT_FALSE(b.turn->has_room_for(600));
  b.turn->spill();
  a.turn->land(text(600), t0);
  Caller& c = room.call(3);
  c.next(t0);
  EXPECT_TRUE(c.turn->has_room_for(900)) << "what is no longer on its way takes no room";
}

TEST(AnswerCache, LetsTheNextOneLeadWhenALeaderLeaves) {
  Room room;
  room.call().next(t0);
  for (int i = 0; i < 3; ++i) room.call().next(t0);
  for (std::size_t leads = 0; leads < 3; ++leads) {
    room.callers[leads].turn.reset();
    ASSERT_EQ(room.callers[leads + 1].rung, 1);
    ASSERT_EQ(room.callers[leads + 1].next(t0), CacheMove::lead);
  }
  room.callers[3].turn->fail(Error(Errc::cancelled, "", Origin::client));
  EXPECT_EQ(room.call().next(t0), CacheMove::lead) << "nobody is left: a new flight";
}

TEST(AnswerCache, TakesALeadersDeadlineForItsOwnAffair) {
  Room room;
  room.call().next(t0);
  room.call().next(t0);
  room.callers[0].turn->fail(Error(Errc::client_deadline, "", Origin::client));
  ASSERT_EQ(room.callers[1].rung, 1);
  EXPECT_EQ(room.callers[1].next(t0), CacheMove::lead) << "its client waits longer";
}

TEST(AnswerCache, ForgetsNobodyWhenWhoIsRungHasLeft) {
  Room room;
  Caller& leader = room.call();
  leader.next(t0);
  Caller& second = room.call();
  second.next(t0);
  Caller& third = room.call();
  third.next(t0);
  leader.turn->leave();
  EXPECT_EQ(second.rung, 1);
  second.turn.reset();  // its client left before it could follow
  EXPECT_EQ(third.rung, 1);
  EXPECT_EQ(third.next(t0), CacheMove::lead);
}

TEST(AnswerCache, LetsWhoComesNowLeadWhereNobodyDoes) {
  Room room;
  Caller& leader = room.call();
  leader.next(t0);
  Caller& waits = room.call();
  waits.next(t0);
  leader.turn->leave();
  Caller& late = room.call();
  EXPECT_EQ(late.next(t0), CacheMove::lead);
  EXPECT_EQ(waits.next(t0), CacheMove::wait) << "it was rung, but somebody was quicker";
  late.turn->land(text(), t0);
  EXPECT_EQ(waits.rung, 1);
  EXPECT_EQ(waits.next(t0), CacheMove::joined);
}

TEST(AnswerCache, TellsEverybodyWhatWouldFailAlike) {
  Room room;
  Caller& leader = room.call();
  leader.next(t0);
  Caller& waits = room.call();
  waits.next(t0);
  leader.turn->fail(client_error());
  EXPECT_EQ(waits.next(t0), CacheMove::failed);
  EXPECT_EQ(waits.turn->error().upstream_status(), 400);
  EXPECT_EQ(room.call().next(t0), CacheMove::lead) << "errors are not kept";
}

TEST(AnswerCache, TriesSomeTimesWhatMayPassAndThenTellsEverybody) {
  Room room;
  for (int i = 0; i < 1'000; ++i) room.call().next(t0);
  for (std::size_t i = 0; i < 3; ++i) {
    room.callers[i].turn->fail(upstream_error());
    if (i < 2) ASSERT_EQ(room.callers[i + 1].next(t0), CacheMove::lead);
  }
  for (std::size_t i = 3; i < 1'000; ++i) {
    ASSERT_EQ(room.callers[i].rung, 1);
    ASSERT_EQ(room.callers[i].next(t0), CacheMove::failed);
    ASSERT_EQ(room.callers[i].turn->error().code(), Errc::upstream_failed);
  }
  EXPECT_EQ(room.cache->figures().misses, 3U) << "no stampede";
}

TEST(AnswerCache, AddsALeaderToAFlightThatGivesNoSign) {
  Room room({.wait = 10s});
  Caller& slow = room.call();
  slow.next(t0);
  for (int i = 0; i < 5; ++i) room.call().next(t0);
  auto& callers = room.callers;
  slow.turn->give_sign(t0 + 5s);
  EXPECT_EQ(callers[1].turn->patience(), t0 + 15s);
  EXPECT_EQ(callers[1].next(t0 + 14s), CacheMove::wait);
  EXPECT_EQ(callers[1].next(t0 + 15s), CacheMove::lead);
  EXPECT_EQ(callers[2].next(t0 + 15s), CacheMove::wait) << "one more, not all of them";
  EXPECT_EQ(callers[2].next(t0 + 25s), CacheMove::lead);
  EXPECT_EQ(callers[3].next(t0 + 25s), CacheMove::wait);
  EXPECT_EQ(callers[3].next(t0 + 35s), CacheMove::failed);
  EXPECT_EQ(callers[3].turn->error().code(), Errc::first_token_timeout);
  slow.turn->land(text(), t0 + 36s);
  EXPECT_EQ(callers[4].next(t0 + 36s), CacheMove::joined) << "whoever comes first";
  callers[1].turn->fail(upstream_error());
  callers[2].turn->land(text(), t0 + 40s);
  EXPECT_TRUE(room.ask(1, t0 + 41s));
}

TEST(AnswerCache, DoesNotGiveUpWhileAnotherLeaderIsAtIt) {
  Room room({.wait = 10s});
  Caller& first = room.call();
  first.next(t0);
  Caller& second = room.call();
  second.next(t0);
  Caller& waits = room.call();
  waits.next(t0);
  EXPECT_EQ(second.next(t0 + 10s), CacheMove::lead);
  first.turn->fail(upstream_error());
  EXPECT_EQ(waits.rung, 0);
  EXPECT_EQ(waits.next(t0 + 11s), CacheMove::wait);
  second.turn->land(text(), t0 + 12s);
  EXPECT_EQ(waits.next(t0 + 12s), CacheMove::joined);
}

TEST(AnswerCache, RefusesOptionsThatCannotBe) {
  EXPECT_THROW(AnswerCache({.ttl = 0s}), std::invalid_argument);
  EXPECT_THROW(AnswerCache({.size = 10, .entry = 11}), std::invalid_argument);
  EXPECT_THROW(AnswerCache({.wait = 25h}), std::invalid_argument);
}

/// Threads that ask, lead, fail, leave and wait in a frenzy: nobody who waits is forgotten.
TEST(AnswerCache, HoldsUnderManyThreads) {
  struct Bell final : CacheBell {
    void ring() noexcept override { rung.store(true); }
    std::atomic<bool> rung{false};
  };
  auto const cache =
      std::make_shared<AnswerCache>(CacheOptions{.ttl = 1ms, .size = 20'000, .entry = 1'000, .wait = 1h});
  std::atomic<int> faults{0};
  auto const work = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 3'000; ++i) {
      Bell bell;
      CacheTurn turn(cache, key(static_cast<int>(random() % 3)), bell);
      CacheMove move = turn.next(std::chrono::steady_clock::now());
      bool leaves = false;
      while (move == CacheMove::wait && !leaves) {
        auto const until = std::chrono::steady_clock::now() + 10s;
        leaves = random() % 8 == 0;
        while (!leaves && !bell.rung.exchange(false)) {
          if (std::chrono::steady_clock::now() > until) leaves = ++faults > 0;
          std::this_thread::yield();
        }
        if (!leaves) move = turn.next(std::chrono::steady_clock::now());
      }
      if (leaves || move != CacheMove::lead) continue;
      std::this_thread::yield();
      switch (random() % 4) {
        case 0: turn.land(text(random() % 2'000), std::chrono::steady_clock::now()); break;
        case 1: turn.fail(upstream_error()); break;
        case 2: turn.spill(); break;
        default: break;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(faults.load(), 0) << "a wait that nobody ended";
}

}  // namespace
}  // namespace lowart::answer_cache_state_test
