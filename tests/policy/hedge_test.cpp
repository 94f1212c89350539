#include <lowart/policy/hedge.hpp>

#include <lowart/policy/balance.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/limited.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lowart::hedge_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

Error down() {
  return Error(Errc::upstream_failed, "503", Origin::upstream).with_sent(Sent::yes).with_retryable(true);
}
ScriptedProvider one(std::string name, Step step) {
  return ScriptedProvider(std::move(name), {std::move(step)});
}
Step answer_after(Duration delay) { return Step::answer("x").after(delay); }

constexpr HedgeOptions after_one_second{.after = 1s};

static_assert(Provider<Hedge<Fallback<testing::ArchetypeProvider>>>);
static_assert(Provider<Hedge<FallbackList<testing::ArchetypeProvider>>>);
static_assert(Provider<Hedge<AnyBalance>>);
static_assert(Serves<Hedge<AnyFallback>, EmbeddingRequest> && Serves<Hedge<AnyFallback>, CountRequest>);
static_assert(doors_served<Hedge<Fallback<testing::ArchetypeProvider>>> == DoorSet::of_chat());
using Twice = decltype(std::declval<ScriptedProvider>() | hedge());
static_assert(std::same_as<Twice, Hedge<Fallback<ScriptedProvider>>>);

struct Asked {
  TestLoop loop;
  Call call = loop.call();
  TimePoint start = loop.clock.now();

  template <class P>
  Result<ChatReply> operator()(P& provider) {
    ChatRequest const request("m");
    return loop.run(provider(request, call));
  }
  /// The attempts: "a ok, b cancelled".
  std::string trail() const {
    std::string text;
    for (auto const& attempt : call.trail()) {
      if (!text.empty()) text += ", ";
      text += std::string(attempt.provider) + " " +
              std::string(attempt.failure ? to_string(*attempt.failure) : std::string_view("ok"));
    }
    return text;
  }
  Duration took() const { return loop.clock.now() - start; }
};

TEST(Hedge, LeavesAQuickAnswerAlone) {
  Asked ask;
  auto const b = one("b", Step::answer("y"));
  auto hedged = Fallback{one("a", answer_after(900ms)), b} | hedge(after_one_second);
  auto reply = ask(hedged);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "a");
  EXPECT_EQ(ask.trail(), "a ok");
  ask.loop.pass(10s);
  EXPECT_EQ(b.calls(), 0U) << "the clock is stopped";
}

TEST(Hedge, TakesTheSecondAnswerWhenItBeginsFirst) {
  Asked ask;
  auto hedged =
      Fallback{one("a", answer_after(30s)), one("b", answer_after(500ms))} | hedge(after_one_second);
  auto reply = ask(hedged);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "b");
  EXPECT_EQ(reply->head().upstream_model, "m");
  EXPECT_LE(ask.took(), 1600ms);
  EXPECT_EQ(ask.trail(), "a cancelled, b ok");
  EXPECT_EQ(ask.loop.clock.sleepers(), 0U) << "the loser has ended";
  EXPECT_EQ(hedged.state()->begun, 1U);
  EXPECT_EQ(hedged.state()->won, 1U);
}

TEST(Hedge, TakesTheFirstAnswerWhenItBeginsFirstAfterAll) {
  Asked ask;
  auto hedged =
      Fallback{one("a", answer_after(1500ms)), one("b", answer_after(30s))} | hedge(after_one_second);
  auto reply = ask(hedged);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "a");
  EXPECT_EQ(ask.trail(), "a ok, b cancelled");
  EXPECT_EQ(ask.loop.clock.sleepers(), 0U);
  EXPECT_EQ(hedged.state()->begun, 1U);
  EXPECT_EQ(hedged.state()->won, 0U);
}

TEST(Hedge, KnowsHowLongAChainIsThatWasMadeAtRunTime) {
  Asked ask;
  AnyFallback chain({AnyProvider(one("a", answer_after(30s))), AnyProvider(one("b", answer_after(500ms)))});
  Hedge hedged(std::move(chain), after_one_second);
  EXPECT_EQ(hedged.state()->targets(), 2U);
  EXPECT_TRUE(ask(hedged));
  EXPECT_EQ(ask.trail(), "a cancelled, b ok");
}

TEST(Hedge, AsksAChainOfOneTwice) {
  Asked ask;
  ScriptedProvider const a("a", {answer_after(30s), answer_after(100ms)});
  auto hedged = a | hedge(after_one_second);
  EXPECT_TRUE(ask(hedged));
  EXPECT_EQ(ask.trail(), "a cancelled, a ok");
}

TEST(Hedge, LetsAStreamGoOnThatWasAskedForSecond) {
  Asked ask;
  auto const slow = Step::stream({"p", "q", "r"}).every(2s).after(100ms).reporting({});
  auto hedged = Fallback{one("a", answer_after(30s)), one("b", slow)} | hedge(after_one_second);
  auto reply = ask(hedged);
  ASSERT_TRUE(reply);
  std::string text;
  for (bool last = false; !last;) {
    auto const part = ask.loop.run(reply->next());
    ASSERT_TRUE(part);
    last = part->last;
  }
  EXPECT_EQ(reply->progress().text, "pqr");
}

TEST(Hedge, PassesACancellationOnToTheAnswerThatWon) {
  for (bool const second_wins : {false, true}) {
    Asked ask;
    auto const stream = Step::stream({"p"}).then_stall();
    auto hedged = Fallback{one("a", second_wins ? answer_after(30s) : stream), one("b", stream)} |
                  hedge(after_one_second);
    auto reply = ask(hedged);
    ASSERT_TRUE(reply);
    EXPECT_TRUE(ask.loop.run(reply->next()));
    auto waiting = testing::start(ask.loop.io, reply->next());
    ask.loop.pass(10s);
    ASSERT_FALSE(waiting.done());
    ask.call.cancel();
    ask.loop.settle();
    ASSERT_TRUE(waiting.done());
    EXPECT_EQ(waiting.take().error().code(), Errc::cancelled);
  }
}

TEST(Hedge, ReachesBothAttemptsWithACancellation) {
  Asked ask;
  auto hedged = Fallback{one("a", Step::stall()), one("b", Step::stall())} | hedge(after_one_second);
  ChatRequest const request("m");
  auto running = testing::start(ask.loop.io, hedged(request, ask.call));
  ask.loop.pass(5s);
  ASSERT_FALSE(running.done());
  EXPECT_EQ(ask.loop.clock.sleepers(), 2U);
  ask.call.cancel();
  ask.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(ask.trail(), "a cancelled, b cancelled");
  EXPECT_EQ(ask.loop.clock.sleepers(), 0U);
}

TEST(Hedge, GoesOnAsAFallbackWhenTheFirstFailsInTime) {
  Asked ask;
  auto const c = one("c", Step::answer("z"));
  auto hedged = Fallback{one("a", Step::fail(down()).after(500ms)), one("b", answer_after(500ms)), c} |
                hedge(after_one_second);
  EXPECT_EQ(ask(hedged)->head().provider, "b");
  EXPECT_EQ(ask.trail(), "a upstream_failed, b ok");
  EXPECT_EQ(hedged.state()->begun, 0U) << "a failure is not slowness";
  EXPECT_EQ(c.calls(), 0U);
}

TEST(Hedge, WaitsForTheOtherWhenOneFails) {
  Asked first_fails;
  auto hedged = Fallback{one("a", Step::fail(down()).after(2s)), one("b", answer_after(4s)),
                         one("c", Step::answer("z"))} |
                hedge(after_one_second);
  EXPECT_EQ(first_fails(hedged)->head().provider, "b");
  EXPECT_EQ(first_fails.trail(), "a upstream_failed, b ok");

  Asked second_fails;
  auto other = Fallback{one("a", answer_after(4s)), one("b", Step::fail(down()).after(1s)),
                        one("c", Step::answer("z"))} |
               hedge(after_one_second);
  EXPECT_EQ(second_fails(other)->head().provider, "a");
  EXPECT_EQ(second_fails.trail(), "a ok, b upstream_failed");
}

TEST(Hedge, GoesOnToTheNextWhenBothFail) {
  Asked ask;
  auto hedged = Fallback{one("a", Step::fail(down()).after(3s)), one("b", Step::fail(down()).after(1s)),
                         one("c", answer_after(1500ms)), one("d", answer_after(100ms))} |
                hedge(after_one_second);
  EXPECT_EQ(ask(hedged)->head().provider, "d") << "c is hedged as well";
  EXPECT_EQ(ask.trail(), "a upstream_failed, b upstream_failed, c cancelled, d ok");
}

TEST(Hedge, NamesAllThatFailed) {
  Asked ask;
  auto hedged = Fallback{one("a", Step::fail(down()).after(3s)), one("b", Step::fail(down()).after(1s)),
                         one("c", Step::fail(down()))} |
                hedge(after_one_second);
  auto const reply = ask(hedged);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(),
            "every target failed: a (upstream_failed), b (upstream_failed), c (upstream_failed)");
}

TEST(Hedge, EndsTheSecondWhenTheFirstTellsTheClientsFault) {
  Asked ask;
  Error const bad = Error(Errc::upstream_rejected, "400", Origin::upstream).with_upstream_status(400);
  auto hedged =
      Fallback{one("a", Step::fail(bad).after(2s)), one("b", answer_after(30s))} | hedge(after_one_second);
  auto const reply = ask(hedged);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().upstream_status(), 400);
  EXPECT_EQ(ask.trail(), "a upstream_rejected, b cancelled");
  EXPECT_LE(ask.took(), 2100ms);
}

TEST(Hedge, AsksOnlyAsManySecondsAsTheBudgetPays) {
  TestLoop loop;
  ScriptedProvider a = ScriptedProvider("a", {answer_after(2s)}).repeat();
  ScriptedProvider b = ScriptedProvider("b", {answer_after(100ms)}).repeat();
  auto hedged = Fallback{a, b} | hedge({.after = 1s, .budget_percent = 5, .budget_reserve = 2});
  constexpr int calls = 400;
  for (int i = 0; i < calls; ++i) {
    Call call = loop.call();
    ChatRequest const request("m");
    ASSERT_TRUE(loop.run(hedged(request, call)));
  }
  EXPECT_LE(b.calls(), 400U * 5 / 100 + 2);
  EXPECT_GE(b.calls(), 400U * 5 / 100);
  EXPECT_EQ(hedged.state()->begun + hedged.state()->unpaid, 400U);
}

TEST(Hedge, LearnsWhatIsSlowForEachTargetAndKind) {
  TestLoop loop;
  ScriptedProvider a = ScriptedProvider("a", {answer_after(200ms)}).repeat();
  auto hedged = Fallback{a, one("b", answer_after(100ms))} | hedge({.samples = 20});
  auto const known = [&](std::size_t target, HedgeKind kind) {
    return hedged.state()->after(target, kind, loop.clock.now());
  };
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(known(0, HedgeKind::whole).has_value(), i > 20) << i;
    Call call = loop.call();
    ChatRequest const request("m");
    ASSERT_TRUE(loop.run(hedged(request, call)));
  }
  EXPECT_GE(*known(0, HedgeKind::whole), 200ms);
  EXPECT_LE(*known(0, HedgeKind::whole), 300ms);
  EXPECT_FALSE(known(0, HedgeKind::stream)) << "streams are another matter";
  EXPECT_FALSE(known(1, HedgeKind::whole));
}

TEST(Hedge, HedgesByWhatItLearned) {
  TestLoop loop;
  std::vector<Step> steps(60, answer_after(200ms));
  steps.push_back(answer_after(60s));
  ScriptedProvider const a("a", std::move(steps));
  auto const b = one("b", answer_after(100ms));
  auto hedged = Fallback{a, b} | hedge();
  for (int i = 0; i < 61; ++i) {
    Call call = loop.call();
    ChatRequest const request("m");
    TimePoint const start = loop.clock.now();
    auto const reply = loop.run(hedged(request, call));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->head().provider, i < 60 ? "a" : "b");
    EXPECT_LE(loop.clock.now() - start, 500ms);
  }
}

TEST(Hedge, CountsALoserAmongTheSlow) {
  TestLoop loop;
  std::vector<Step> steps(60, answer_after(200ms));
  for (int i = 0; i < 10; ++i) steps.push_back(answer_after(60s));
  ScriptedProvider const a("a", std::move(steps));
  ScriptedProvider const b = ScriptedProvider("b", {answer_after(3s)}).repeat();
  auto hedged = Fallback{a, b} | hedge();
  for (int i = 0; i < 70; ++i) {
    Call call = loop.call();
    ChatRequest const request("m");
    ASSERT_TRUE(loop.run(hedged(request, call)));
  }
  EXPECT_GE(*hedged.state()->after(0, HedgeKind::whole, loop.clock.now()), 3s)
      << "else a target that got slow would be hedged ever sooner";
}

TEST(Hedge, TakesTheLoserForWithdrawn) {
  Asked ask;
  auto const breaker_of_a = std::make_shared<BreakerState>(BreakerOptions{.failures = 1});
  auto const limit = std::make_shared<TargetLimit>(Limits{.concurrency = 1}, ask.loop.clock.now());
  auto hedged = Fallback{one("a", Step::stall()) | limited(LimitTicket::LimitList{limit}) | timeouts() |
                             breaker(breaker_of_a) | retry(),
                         one("b", Step::answer("x")) | timeouts() | breaker() | retry()} |
                hedge(after_one_second);
  EXPECT_EQ(ask(hedged)->head().provider, "b");
  EXPECT_EQ(breaker_of_a->position(), BreakerPosition::closed);
  EXPECT_EQ(limit->state.snapshot(ask.loop.clock.now()).running, 0);
  EXPECT_EQ(ask.trail(), "a cancelled, b ok");
}

TEST(Hedge, LeavesTheOthersClocksAlone) {
  Asked ask;
  auto hedged = Fallback{one("a", Step::stall()) | timeouts({.first_token = 2s}),
                         one("b", answer_after(3s)) | timeouts({.first_token = 5s})} |
                hedge(after_one_second);
  EXPECT_EQ(ask(hedged)->head().provider, "b") << "a's timeout must not end b";
  EXPECT_EQ(ask.trail(), "a first_token_timeout, b ok");
}

TEST(Hedge, ObeysTheClocksAroundIt) {
  Asked ask;
  auto hedged = Fallback{one("a", Step::stall()), one("b", Step::stall())} | hedge(after_one_second) |
                timeouts({.first_token = 3s});
  auto const reply = ask(hedged);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::first_token_timeout);
  EXPECT_EQ(ask.trail(), "a first_token_timeout, b first_token_timeout");
  EXPECT_FALSE(ask.call.interruption());
}

TEST(Hedge, PassesOverATargetThatRefusesAndPaysNothingForIt) {
  Asked ask;
  auto const open = std::make_shared<BreakerState>(BreakerOptions{.failures = 1});
  open->failed(*open->admit(ask.loop.clock.now()), down(), ask.loop.clock.now());
  auto hedged = Fallback{one("a", answer_after(2s)), one("b", Step::answer("x")) | breaker(open),
                         one("c", answer_after(100ms))} |
                hedge(after_one_second);
  EXPECT_EQ(ask(hedged)->head().provider, "c");

  Asked again;
  auto other = Fallback{one("a", answer_after(2s)), one("b", Step::answer("x")) | breaker(open)} |
               hedge(after_one_second);
  EXPECT_EQ(again(other)->head().provider, "a");
  EXPECT_EQ(other.state()->budget().left(), 10);
  EXPECT_EQ(other.state()->begun, 0U);
}

TEST(Hedge, KeepsTheOrderOfABalance) {
  Asked ask;
  auto const slow = std::make_shared<TargetLoad>();
  slow->begin();
  auto pool = Balance{
      LeastInFlight{},
      Fallback{one("a", answer_after(100ms)), one("b", answer_after(30s)), one("c", Step::answer("x"))},
      {{.load = slow}, {.weight = 2}, {.weight = 0}}};
  auto hedged = std::move(pool) | hedge(after_one_second);
  EXPECT_EQ(ask(hedged)->head().provider, "a") << "b is free and so asked first, a comes next, c last";
  EXPECT_EQ(ask.trail(), "b cancelled, a ok");
}

TEST(Hedge, NestsAndIsAProviderLikeAnyOther) {
  Asked ask;
  auto inner = Fallback{one("a", Step::stall()), one("b", Step::stall())} | hedge({.after = 1s});
  auto outer = Fallback{std::move(inner), one("c", answer_after(100ms))} | hedge({.after = 3s});
  EXPECT_EQ(ask(outer)->head().provider, "c");
  EXPECT_EQ(ask.trail(), "a cancelled, b cancelled, c ok");
  EXPECT_EQ(ask.loop.clock.sleepers(), 0U);
}

TEST(Hedge, WorksForAnswersInOnePiece) {
  Asked ask;
  auto chain = Fallback{Demo("one"), Demo("two")} | hedge(after_one_second);
  EmbeddingRequest request("demo-embedding");
  request.add("text");
  auto const reply = ask.loop.run(chain(request, ask.call));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "one");
}

TEST(Hedge, IsTornDownWithItsLoop) {
  auto const a = one("a", Step::stall());
  auto const b = one("b", Step::stall());
  auto hedged = Fallback{a, b} | hedge(after_one_second);
  ChatRequest const request("m");
  TestLoop loop;
  Call call = loop.call();
  {
    auto running = testing::start(loop.io, hedged(request, call));
    loop.pass(2s);
    EXPECT_EQ(b.calls(), 1U);
    running.abandon();
    loop.settle();
  }
  EXPECT_EQ(loop.clock.sleepers(), 0U) << "the second attempt ends though nobody waits for it";
}

TEST(HedgeDecision, RefusesOptionsOutOfRange) {
  EXPECT_THROW(require_valid(HedgeOptions{.after = -1ms}), std::invalid_argument);
  EXPECT_THROW(require_valid(HedgeOptions{.percentile = 100}), std::invalid_argument);
  EXPECT_THROW(require_valid(HedgeOptions{.samples = 0}), std::invalid_argument);
  EXPECT_THROW(require_valid(HedgeOptions{.budget_percent = 101}), std::invalid_argument);
  EXPECT_NO_THROW(require_valid(HedgeOptions{}));
  auto const state = std::make_shared<HedgeState>(3);
  EXPECT_THROW(Hedge(Fallback{one("a", Step::stall())}, state), std::invalid_argument);
}

}  // namespace
}  // namespace lowart::hedge_test
