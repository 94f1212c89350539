#include <lowart/policy/bulkhead.hpp>

#include <lowart/core/loop_clock.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/admission_for_tests.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lowart::bulkhead_test {
namespace {

using namespace std::chrono_literals;
using testing::Running;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

static_assert(Provider<Bulkhead<testing::ArchetypeProvider>>);
static_assert(Serves<Bulkhead<Demo>, EmbeddingRequest> && Serves<Bulkhead<Demo>, CountRequest>);

/// Calls that run at once over one provider, each with a Call of its own.
template <class P>
class Crowd {
 public:
  explicit Crowd(P provider) : provider_(std::move(provider)) {}
  Crowd(Crowd const&) = delete;
  Crowd& operator=(Crowd const&) = delete;
  ~Crowd() {
    for (One& one : all_) one.running->abandon();
    loop.settle();
  }
  /// Starts a call of this key; its number.
  std::size_t ask(std::string key = "k", int priority = Call::usual_priority) {
    One& one = all_.emplace_back(loop);
    one.key = std::move(key);
    one.call.caller({.key = one.key});
    one.call.priority(priority);
    one.running.emplace(testing::start(loop.io, provider_(one.request, one.call)));
    loop.settle();
    return all_.size() - 1;
  }
  bool done(std::size_t i) { return all_[i].running->done(); }
  Result<ChatReply> take(std::size_t i) { return all_[i].running->take(); }
  Call& call(std::size_t i) { return all_[i].call; }

  TestLoop loop;

 private:
  struct One {
    explicit One(TestLoop& loop) : call(loop.call()) {}
    std::string key;
    ChatRequest request{"m"};
    Call call;
    std::optional<Running<Result<ChatReply>>> running;
  };
  P provider_;
  std::deque<One> all_;
};

ScriptedProvider streaming() { return ScriptedProvider("a", {Step::stream({"x", "y"})}).repeat(); }

TEST(Bulkhead, HoldsAPlaceUntilTheReplyHasEnded) {
  auto const provider = streaming();
  Crowd crowd(provider | bulkhead({.concurrency = 1}));
  auto const first = crowd.ask();
  ASSERT_TRUE(crowd.done(first));
  auto const second = crowd.ask();
  EXPECT_FALSE(crowd.done(second));
  EXPECT_EQ(provider.calls(), 1U) << "what waits is no attempt";
  auto reply = crowd.take(first);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(crowd.loop.run(reply->next()));
  EXPECT_FALSE(crowd.done(second));
  EXPECT_TRUE(crowd.loop.run(reply->next())->last);
  crowd.loop.settle();
  EXPECT_TRUE(crowd.done(second));
  EXPECT_TRUE(crowd.take(second));
}

TEST(Bulkhead, GivesItsPlaceBackHoweverTheCallEnds) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  Error const down(Errc::connect_failed, "down", Origin::upstream);
  ScriptedProvider const provider("a", {Step::fail(down), Step::stream({"x"}).then_fail(down),
                                        Step::stream({"x", "y"}), Step::stall(), Step::answer("z")});
  Crowd crowd(provider | bulkhead(places));
  EXPECT_FALSE(crowd.take(crowd.ask())) << "failed";
  EXPECT_EQ(places->in_use(), 0);
  {
    auto broken = crowd.take(crowd.ask());
    EXPECT_TRUE(crowd.loop.run(broken->next()));
    EXPECT_EQ(places->in_use(), 1);
    EXPECT_FALSE(crowd.loop.run(broken->next()));
    EXPECT_EQ(places->in_use(), 0);
  }
  {
    auto const dropped = crowd.take(crowd.ask());
    EXPECT_EQ(places->in_use(), 1);
  }
  EXPECT_EQ(places->in_use(), 0);
  auto const cancelled = crowd.ask();
  crowd.call(cancelled).cancel();
  crowd.loop.settle();
  EXPECT_FALSE(crowd.take(cancelled));
  EXPECT_EQ(places->in_use(), 0);
  EXPECT_TRUE(crowd.take(crowd.ask()));
}

TEST(Bulkhead, ServesByPriorityAndLetsKeysTakeTurns) {
  Crowd crowd(streaming() | bulkhead({.concurrency = 1}));
  auto reply = crowd.take(crowd.ask());
  std::vector<std::size_t> const waiting{crowd.ask("greedy"), crowd.ask("greedy"), crowd.ask("other"),
                                         crowd.ask("vip", 9)};
  std::vector<std::size_t> order;
  while (order.size() < waiting.size()) {
    reply = fail(Errc::internal, "dropped");
    crowd.loop.settle();
    for (std::size_t const i : waiting) {
      if (!crowd.done(i) || std::find(order.begin(), order.end(), i) != order.end()) continue;
      order.push_back(i);
      reply = crowd.take(i);
    }
  }
  EXPECT_EQ(order, (std::vector{waiting[3], waiting[0], waiting[2], waiting[1]}));
}

TEST(Bulkhead, RefusesWhenTheQueueIsFullAndSaysWhenToComeBack) {
  Crowd crowd(ScriptedProvider("a", {Step::answer("x").after(2s)}).repeat() |
              bulkhead({.concurrency = 1, .queue = 1}));
  auto const first = crowd.ask();
  auto const second = crowd.ask();
  auto const third = crowd.ask();
  ASSERT_TRUE(crowd.done(third));
  auto const refused = crowd.take(third);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::overloaded);
  EXPECT_EQ(refused.error().origin(), Origin::gateway);
  EXPECT_EQ(refused.error().sent(), Sent::nothing);
  EXPECT_EQ(refused.error().message(), "a is busy, and the queue for it is full");
  EXPECT_EQ(refused.error().retry_after(), 1s) << "nothing is known yet";
  crowd.loop.pass(2s);
  EXPECT_TRUE(crowd.take(first));
  crowd.loop.pass(100ms);
  EXPECT_FALSE(crowd.done(second));
  (void)crowd.ask();
  auto const later = crowd.take(crowd.ask());
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().retry_after(), 4s) << "two before it, 2 s each";
}

TEST(Bulkhead, WaitsNoLongerThanItsTime) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1, .wait = 3s});
  Crowd crowd(ScriptedProvider("a", {Step::stall()}).repeat() | bulkhead(places));
  (void)crowd.ask();
  auto const waiting = crowd.ask();
  crowd.loop.pass(2900ms);
  EXPECT_FALSE(crowd.done(waiting));
  EXPECT_EQ(places->waiting(), 1);
  crowd.loop.pass(200ms);
  ASSERT_TRUE(crowd.done(waiting));
  auto const refused = crowd.take(waiting);
  EXPECT_EQ(refused.error().code(), Errc::overloaded);
  EXPECT_EQ(refused.error().message(), "a was busy for as long as a call may wait for it");
  EXPECT_GE(refused.error().retry_after(), 3s) << "nobody has left for 3 s";
  EXPECT_EQ(places->waiting(), 0);
  EXPECT_EQ(places->refused(), 1U);
  EXPECT_GE(places->waited(), 3s);
}

TEST(Bulkhead, EndsAWaitWithTheCall) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  Crowd crowd(ScriptedProvider("a", {Step::stall()}).repeat() | bulkhead(places));
  (void)crowd.ask();
  auto const waiting = crowd.ask();
  auto const next = crowd.ask();
  crowd.call(waiting).interrupt(Errc::whole_timeout);
  crowd.loop.settle();
  ASSERT_TRUE(crowd.done(waiting));
  auto const ended = crowd.take(waiting);
  EXPECT_EQ(ended.error().code(), Errc::whole_timeout);
  EXPECT_EQ(ended.error().sent(), Sent::nothing);
  EXPECT_EQ(places->waiting(), 1);
  EXPECT_FALSE(crowd.done(next));
}

TEST(Bulkhead, LosesNoPlaceThatIsGivenToACallThatLeaves) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  auto const provider = streaming();
  Crowd crowd(provider | bulkhead(places));
  auto reply = crowd.take(crowd.ask());
  auto const leaves = crowd.ask();
  auto const next = crowd.ask();
  reply = fail(Errc::internal, "dropped");  // the place is given to `leaves`, which has not been woken yet
  EXPECT_EQ(places->in_use(), 1);
  EXPECT_EQ(places->waiting(), 1);
  crowd.call(leaves).cancel();
  crowd.loop.settle();
  EXPECT_EQ(crowd.take(leaves).error().code(), Errc::cancelled);
  ASSERT_TRUE(crowd.done(next));
  EXPECT_TRUE(crowd.take(next));
  EXPECT_EQ(places->in_use(), 0);
  EXPECT_EQ(provider.calls(), 2U);
}

TEST(Bulkhead, DisplacesThoseWhoWouldBeServedLast) {
  Crowd crowd(streaming() | bulkhead({.concurrency = 1, .queue = 2}));
  auto reply = crowd.take(crowd.ask());
  auto const stays = crowd.ask("greedy");
  auto const goes = crowd.ask("greedy");
  auto const comes = crowd.ask("other");
  ASSERT_TRUE(crowd.done(goes));
  auto const displaced = crowd.take(goes);
  EXPECT_EQ(displaced.error().code(), Errc::overloaded);
  EXPECT_EQ(displaced.error().message(), "a is busy, and the queue for it is full of calls that go first");
  EXPECT_FALSE(crowd.done(stays));
  EXPECT_FALSE(crowd.done(comes));
}

TEST(Bulkhead, LeavesARefusalToOtherTargets) {
  auto const b = ScriptedProvider("b", {Step::answer("y")}).repeat();
  auto const state = std::make_shared<BreakerState>(BreakerOptions{.failures = 1});
  auto const a = ScriptedProvider("a", {Step::stall()}).repeat();
  Crowd crowd(
      Fallback{a | bulkhead({.concurrency = 1, .queue = 0}) | breaker(state) | retry({.attempts = 5}), b});
  (void)crowd.ask();
  auto const second = crowd.ask();
  ASSERT_TRUE(crowd.done(second));
  EXPECT_EQ(crowd.take(second)->head().provider, "b");
  EXPECT_EQ(state->position(), BreakerPosition::closed);
  EXPECT_EQ(a.calls(), 1U);
}

TEST(Bulkhead, LetsAHedgeWaitAndLeave) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  ScriptedProvider const a("a", {Step::answer("x").after(3s)});
  Crowd crowd(a | bulkhead(places) | hedge({.after = 1s}));
  auto const one = crowd.ask();
  crowd.loop.pass(2s);
  EXPECT_EQ(places->waiting(), 1) << "the second attempt waits behind the first";
  crowd.loop.pass(1s);
  ASSERT_TRUE(crowd.done(one));
  EXPECT_TRUE(crowd.take(one));
  EXPECT_EQ(places->waiting(), 0);
  EXPECT_EQ(places->in_use(), 0);
  EXPECT_EQ(a.calls(), 1U);
}

TEST(Bulkhead, GrantsWaitersWhenItGetsWider) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  Crowd crowd(ScriptedProvider("a", {Step::answer("x").after(1s)}).repeat() | bulkhead(places));
  std::vector<std::size_t> const all{crowd.ask(), crowd.ask(), crowd.ask()};
  EXPECT_EQ(places->waiting(), 2);
  places->change({.concurrency = 3});
  crowd.loop.pass(1s);
  for (std::size_t const i : all) EXPECT_TRUE(crowd.done(i)) << i;
}

TEST(Bulkhead, LosesNothingOfCallsThatAreTornDown) {
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  {
    Crowd crowd(ScriptedProvider("a", {Step::stall()}).repeat() | bulkhead(places));
    (void)crowd.ask();
    (void)crowd.ask();
    EXPECT_EQ(places->waiting(), 1);
  }
  EXPECT_EQ(places->in_use(), 0);
  EXPECT_EQ(places->waiting(), 0);
}

/// Many calls on several loops at once, in real time: no place is lost, none is given twice.
TEST(Bulkhead, WakesWaitersOnTheirOwnLoop) {
  constexpr int loops = 3;
  constexpr int calls = 300;
  auto const places =
      std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 2, .queue = 1000, .wait = 30s});
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> answered{0};
  auto const one = [&](asio::io_context& io, int number) -> Task<void> {
    Arena arena;
    Call call(testing::AdmissionForTests::unlimited(), LoopClock::of(io), io.get_executor(), arena);
    std::string const key = "k" + std::to_string(number % 5);
    call.caller({.key = key});
    ScriptedProvider const quick("a", {Step::answer("x").after(200us)});
    Bulkhead narrow(quick, places);
    ChatRequest const request("m");
    Result<ChatReply> const reply = co_await narrow(request, call);
    if (!reply) co_return;
    int const now = ++inside;
    int before = most.load();
    while (now > before && !most.compare_exchange_weak(before, now)) {
    }
    --inside;
    ++answered;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < loops; ++t)
    threads.emplace_back([&] {
      asio::io_context io{1};
      for (int i = 0; i < calls; ++i) run_beside(io.get_executor(), one(io, i));
      io.run();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, loops * calls);
  EXPECT_LE(most, 2);
  EXPECT_EQ(places->in_use(), 0);
  EXPECT_EQ(places->waiting(), 0);
}

}  // namespace
}  // namespace lowart::bulkhead_test
