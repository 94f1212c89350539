#include <lowart/policy/balance.hpp>

#include <lowart/policy/breaker.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lowart::balance_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

constexpr std::uint64_t fixed_seed = 7;

Error down() { return Error(Errc::connect_failed, "down", Origin::upstream).with_retryable(true); }
ScriptedProvider answering(std::string name) {
  return ScriptedProvider(std::move(name), {Step::answer("x")}).repeat();
}
ScriptedProvider failing(std::string name, Error error) {
  return ScriptedProvider(std::move(name), {Step::fail(std::move(error))}).repeat();
}
/// Who answers; empty when nobody does. The answer is read to its end.
template <class P>
std::string who(TestLoop& loop, P& provider) {
  Call call = loop.call();
  ChatRequest const request("m");
  auto reply = loop.run(provider(request, call));
  if (!reply) return {};
  std::string name(reply->head().provider);
  while (!loop.run(reply->next())->last) {
  }
  return name;
}

static_assert(Provider<Balance<Priority, Fallback<testing::ArchetypeProvider>>>);
static_assert(Provider<Balance<WeightedRandom, FallbackList<testing::ArchetypeProvider>>>);
static_assert(Provider<AnyBalance>);
static_assert(doors_served<Balance<Priority, Fallback<testing::ArchetypeProvider>>> == DoorSet::of_chat());

TEST(Balance, SpreadsCallsByWeight) {
  TestLoop loop;
  auto const a = answering("a");
  auto const b = answering("b");
  auto pool = Balance{WeightedRandom{}, Fallback{a, b}, {{.weight = 3}, {.weight = 1}}, goes_on, fixed_seed};
  constexpr int calls = 2000;
  for (int i = 0; i < calls; ++i) EXPECT_FALSE(who(loop, pool).empty());
  EXPECT_NEAR(static_cast<double>(a.calls()), 1500, 4 * 19.4) << "four standard deviations";
  EXPECT_EQ(a.calls() + b.calls(), 2000U) << "each call asks one";
}

TEST(Balance, AsksTheNextOfTheOrderWhenOneFails) {
  TestLoop loop;
  auto const a = failing("a", down());
  auto pool = Balance{WeightedRandom{}, Fallback{a, answering("b")}, {}, goes_on, fixed_seed};
  for (int i = 0; i < 50; ++i) EXPECT_EQ(who(loop, pool), "b");
  EXPECT_GT(a.calls(), 10U);
  EXPECT_LT(a.calls(), 40U);
}

TEST(Balance, StopsWhereAFallbackWould) {
  TestLoop loop;
  auto const b = answering("b");
  auto pool = Balance{Priority{}, Fallback{failing("a", Error(Errc::invalid_request)), b}};
  EXPECT_EQ(who(loop, pool), "");
  EXPECT_EQ(b.calls(), 0U);
}

TEST(Balance, NamesEverythingThatWasTried) {
  TestLoop loop;
  Call call = loop.call();
  ChatRequest const request("m");
  auto pool = Balance{Priority{}, Fallback{failing("a", down()), failing("b", down())}};
  auto const reply = loop.run(pool(request, call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(), "every target failed: a (connect_failed), b (connect_failed)");
}

TEST(Balance, GoesOnOnlyWhereItIsTold) {
  TestLoop loop;
  Error const full = Error(Errc::rate_limited, "full", Origin::upstream).with_retry_after(9s);
  Error const broken(Errc::upstream_failed, "broken", Origin::upstream);
  auto keys = Balance{Priority{}, Fallback{failing("a", full), answering("b")}, {}, another_key_may_do};
  EXPECT_EQ(who(loop, keys), "b");
  auto same = Balance{Priority{}, Fallback{failing("a", broken), answering("b")}, {}, another_key_may_do};
  EXPECT_EQ(who(loop, same), "") << "what is broken is broken for every key";
  auto single = Balance{Priority{}, Fallback{failing("a", full), answering("b")}, {}, never_goes_on};
  EXPECT_EQ(who(loop, single), "");
}

TEST(Balance, DoesNotTouchAnAnswerThatHasBegun) {
  TestLoop loop;
  auto const b = answering("b");
  auto pool =
      Balance{Priority{}, Fallback{ScriptedProvider("a", {Step::stream({"x"}).then_fail(down())}), b}};
  Call call = loop.call();
  ChatRequest const request("m");
  auto reply = loop.run(pool(request, call));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(loop.run(reply->next()));
  EXPECT_FALSE(loop.run(reply->next()));
  EXPECT_EQ(b.calls(), 0U);
  EXPECT_EQ(pool.candidates()[0].load->in_flight(), 0) << "it has ended";
}

TEST(Balance, CountsACallInFlightUntilItsReplyHasEnded) {
  TestLoop loop;
  auto a = ScriptedProvider("a", {Step::stream({"x", "y"})}).repeat();
  auto pool = Balance{LeastInFlight{}, Fallback{a, answering("b")}};
  TargetLoad const& load = *pool.candidates()[0].load;
  Call call = loop.call();
  ChatRequest const request("m");
  auto reply = loop.run(pool.ask(0, request, call));
  ASSERT_TRUE(reply);
  EXPECT_EQ(load.in_flight(), 1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(who(loop, pool), "b") << "nothing runs there";
  EXPECT_FALSE(loop.run(reply->next())->last);
  EXPECT_EQ(load.in_flight(), 1);
  EXPECT_TRUE(loop.run(reply->next())->last);
  EXPECT_EQ(load.in_flight(), 0);
  Call dropped = loop.call();
  {
    EXPECT_TRUE(loop.run(pool.ask(0, request, dropped)));
  }
  EXPECT_EQ(load.in_flight(), 0) << "a reply that is dropped has ended, too";
}

TEST(Balance, LearnsWhoIsSlow) {
  TestLoop loop;
  auto const slow = ScriptedProvider("slow", {Step::answer("x").after(800ms)}).repeat();
  auto const quick = ScriptedProvider("quick", {Step::answer("x").after(100ms)}).repeat();
  auto pool = Balance{PowerOfTwo{}, Fallback{slow, quick}, {}, goes_on, fixed_seed};
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(who(loop, pool).empty());
  EXPECT_EQ(slow.calls(), 1U) << "each is asked once to know it, then the quick one";
  EXPECT_EQ(quick.calls(), 19U);
  EXPECT_NEAR(pool.candidates()[1].load->latency(loop.clock.now()), 0.1, 0.02);
}

TEST(Balance, DoesNotTakeRefusingForBeingQuick) {
  TestLoop loop;
  auto const broken = failing("broken", down());
  auto const slow = ScriptedProvider("slow", {Step::answer("x").after(800ms)}).repeat();
  auto pool = Balance{PowerOfTwo{}, Fallback{broken, slow}, {}, goes_on, fixed_seed};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(who(loop, pool), "slow");
  EXPECT_LE(broken.calls(), 1U);
}

TEST(Balance, SaysNothingAboutATargetWhenTheClientIsToBlameOrItWasNotAsked) {
  TestLoop loop;
  for (Error const& error :
       {Error(Errc::upstream_rejected, "bad", Origin::upstream).with_upstream_status(400),
        Error(Errc::circuit_open), Error(Errc::rate_limited)}) {
    auto pool = Balance{PowerOfTwo{}, Fallback{failing("a", error), answering("b")}};
    Call call = loop.call();
    ChatRequest const request("m");
    EXPECT_FALSE(loop.run(pool.ask(0, request, call)));
    EXPECT_EQ(pool.candidates()[0].load->latency(loop.clock.now()), 0.0) << to_string(error.code());
  }
}

TEST(AnotherKeyMayDo, WhatTheAccountWasRefusedOnly) {
  auto const upstream = [](Errc code) { return Error(code, "", Origin::upstream); };
  for (Errc const code : {Errc::upstream_auth, Errc::rate_limited, Errc::quota_exceeded, Errc::circuit_open})
    EXPECT_TRUE(another_key_may_do(upstream(code))) << to_string(code);
  for (Errc const code :
       {Errc::upstream_failed, Errc::connect_failed, Errc::first_token_timeout, Errc::unsupported})
    EXPECT_FALSE(another_key_may_do(upstream(code))) << to_string(code);
  EXPECT_FALSE(another_key_may_do(Error(Errc::rate_limited))) << "our own limit is on all keys";
  for (int const status : {402, 403})
    EXPECT_TRUE(another_key_may_do(upstream(Errc::upstream_rejected).with_upstream_status(status)));
  EXPECT_FALSE(another_key_may_do(upstream(Errc::upstream_rejected).with_upstream_status(404)));
}

TEST(Balance, StopsWhenTheCallIsCancelled) {
  TestLoop loop;
  auto const b = answering("b");
  auto pool = Balance{Priority{}, Fallback{ScriptedProvider("a", {Step::stall()}), b}};
  Call call = loop.call();
  ChatRequest const request("m");
  auto running = testing::start(loop.io, pool(request, call));
  loop.settle();
  EXPECT_EQ(pool.candidates()[0].load->in_flight(), 1);
  call.cancel();
  loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(b.calls(), 0U);
  EXPECT_EQ(pool.candidates()[0].load->in_flight(), 0);
}

TEST(Balance, NestsInChainsAndHoldsThem) {
  TestLoop loop;
  auto inner = Balance{WeightedRandom{}, Fallback{failing("a", down()), failing("b", down())}};
  auto outer =
      Balance{Priority{}, Fallback{Fallback{std::move(inner), failing("c", down())}, answering("d")}};
  EXPECT_EQ(who(loop, outer), "d");
  Call call = loop.call();
  ChatRequest const request("m");
  ASSERT_TRUE(loop.run(outer(request, call)));
  EXPECT_EQ(call.trail().size(), 4U);
}

TEST(Balance, OfAChainFromAFileIsOfferedWhereAllItsTargetsServe) {
  std::vector<AnyProvider> targets;
  targets.emplace_back(Demo{});
  targets.emplace_back(answering("a"));
  AnyBalance pool(AnySelection(Sticky{}), AnyFallback(targets));
  EXPECT_EQ(AnyProvider(pool).doors(), DoorSet::of_chat());
}

TEST(Balance, AnswersEmbeddingsWhereItsTargetsDo) {
  TestLoop loop;
  Call call = loop.call();
  auto pool = Balance{WeightedRandom{}, Fallback{Demo{}, Demo{}}};
  EmbeddingRequest request("demo");
  request.add("Hi");
  EXPECT_TRUE(loop.run(pool(request, call)));
  EXPECT_EQ(pool.candidates()[0].load->in_flight() + pool.candidates()[1].load->in_flight(), 0);
}

TEST(Balance, TellsTargetsOfOneNameApart) {
  auto pool = Balance{Sticky{}, Fallback{answering("a"), answering("a"), answering("b")}};
  EXPECT_EQ(pool.candidates()[0].name, "a");
  EXPECT_EQ(pool.candidates()[1].name, "a#1");
  EXPECT_EQ(pool.candidates()[2].name, "b");
}

TEST(Balance, RefusesWhatIsOutOfRange) {
  auto const make = [](std::vector<Candidate> targets) {
    return Balance{Priority{}, Fallback{answering("a")}, std::move(targets)};
  };
  EXPECT_THROW(make({{.weight = -1}}), std::invalid_argument);
  EXPECT_THROW(make({{.weight = 1e7}}), std::invalid_argument);
  EXPECT_THROW(make({{}, {}}), std::invalid_argument);
  std::vector<AnyProvider> many(TargetOrder::most + 1, AnyProvider(answering("a")));
  EXPECT_THROW(AnyBalance(AnySelection(), AnyFallback(many)), std::invalid_argument);
  many.pop_back();
  EXPECT_NO_THROW(AnyBalance(AnySelection(), AnyFallback(many)));
}

}  // namespace
}  // namespace lowart::balance_test
