#include <lowart/policy/limited.hpp>

#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lowart::limited_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

ScriptedProvider answering(std::string name) {
  return ScriptedProvider(std::move(name), {Step::answer("x")}).repeat();
}
std::shared_ptr<TargetLimit> limit_of(TestLoop& loop, Limits limits) {
  return std::make_shared<TargetLimit>(limits, loop.clock.now());
}
template <class P>
Result<ChatReply> ask(TestLoop& loop, Call& call, P& provider) {
  ChatRequest request("m");
  request.edit().max_tokens = 100;
  return loop.run(provider(request, call));
}
/// Asks and drops the answer; empty when there was one.
template <class P>
std::optional<Error> ask(TestLoop& loop, P& provider) {
  Call call = loop.call();
  auto reply = ask(loop, call, provider);
  return reply ? std::nullopt : std::optional(reply.error());
}

static_assert(Provider<Limited<testing::ArchetypeProvider>>);

TEST(Limited, RefusesBeforeTheProviderIsAsked) {
  TestLoop loop;
  auto const a = answering("a");
  auto const limit = limit_of(loop, {.rpm = 2});
  Limited bounded(a, {limit});
  EXPECT_FALSE(ask(loop, bounded));
  EXPECT_FALSE(ask(loop, bounded));
  auto const full = ask(loop, bounded);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->code(), Errc::rate_limited);
  EXPECT_EQ(full->origin(), Origin::gateway) << "it is not the client that did too much";
  EXPECT_EQ(full->sent(), Sent::nothing);
  EXPECT_EQ(full->retry_after(), 30s);
  EXPECT_EQ(http_status(*full), 429);
  EXPECT_TRUE(full->message().starts_with("a: the limit of 2 requests per minute")) << full->message();
  EXPECT_EQ(a.calls(), 2U);
  EXPECT_EQ(limit->refusals.load(), 1U);
  loop.clock.advance(30s);
  EXPECT_FALSE(ask(loop, bounded)) << "the time it told was true";
}

TEST(Limited, LetsAChainGoOnAtOnce) {
  TestLoop loop;
  auto const b = answering("b");
  Limited first(answering("a"), {limit_of(loop, {.rpm = 1})});
  auto chain = Fallback{std::move(first) | retry({.attempts = 3}), b};
  auto const before = loop.clock.now();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(ask(loop, chain));
  EXPECT_EQ(b.calls(), 2U);
  EXPECT_EQ(loop.clock.now(), before) << "a retry does not wait for room";
}

TEST(Limited, TellsWhenTheFirstOfAllHasRoomAgain) {
  TestLoop loop;
  auto chain = Fallback{Limited(answering("a"), {limit_of(loop, {.rpm = 1})}),
                        Limited(answering("b"), {limit_of(loop, {.rpm = 3})})};
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(ask(loop, chain));
  auto const full = ask(loop, chain);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->code(), Errc::rate_limited);
  EXPECT_EQ(full->retry_after(), 20s) << "a needs 60 s";
  EXPECT_EQ(full->message(), "every target failed: a (rate_limited), b (rate_limited)");
}

TEST(Limited, HoldsItsPlaceUntilTheAnswerHasEnded) {
  TestLoop loop;
  auto const limit = limit_of(loop, {.concurrency = 1});
  Limited bounded(ScriptedProvider("a", {Step::stream({"x", "y"})}).repeat(), {limit});
  Call call = loop.call();
  auto reply = ask(loop, call, bounded);
  ASSERT_TRUE(reply);
  auto const full = ask(loop, bounded);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->retry_after(), 1s);
  while (!loop.run(reply->next())->last) {
  }
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).running, 0);
  EXPECT_FALSE(ask(loop, bounded));
  EXPECT_FALSE(ask(loop, bounded)) << "dropping an answer ends it, too";
}

TEST(Limited, SettlesWhatTheProviderReports) {
  TestLoop loop;
  auto const limit = limit_of(loop, {.tpm = 1000});
  Usage usage;
  usage.set(UsageClass::input, 5);
  usage.set(UsageClass::output, 25);
  Limited bounded(ScriptedProvider("a", {Step::answer("x").reporting(usage)}), {limit});
  Call call = loop.call();
  auto reply = ask(loop, call, bounded);
  ASSERT_TRUE(reply);
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).tokens.remaining, 900) << "max_tokens is reserved";
  while (!loop.run(reply->next())->last) {
  }
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).tokens.remaining, 970);
}

TEST(Limited, EstimatesWhatIsNotReported) {
  TestLoop loop;
  auto const limit = limit_of(loop, {.tpm = 1000});
  Limited bounded(ScriptedProvider("a", {Step::stream({std::string(200, 'x'), "end."})}), {limit});
  EXPECT_FALSE(ask(loop, bounded)) << "dropped after 200 bytes";
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).tokens.remaining, 950);
}

TEST(Limited, ChargesNoTokensForACallThatFails) {
  TestLoop loop;
  auto const limit = limit_of(loop, {.rpm = 10, .tpm = 1000, .concurrency = 1});
  Error const down(Errc::upstream_failed, "down", Origin::upstream);
  Limited bounded(ScriptedProvider("a", {Step::fail(down)}).repeat(), {limit});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(loop, bounded));
  auto const seen = limit->state.snapshot(loop.clock.now());
  EXPECT_EQ(seen.tokens.remaining, 1000);
  EXPECT_EQ(seen.running, 0);
  EXPECT_EQ(seen.requests.remaining, 7) << "it was asked";
}

TEST(Limited, TakesFromAllLimitsOrFromNone) {
  TestLoop loop;
  auto const target = limit_of(loop, {.rpm = 10, .tpm = 1000});
  auto const provider = limit_of(loop, {.concurrency = 1});
  Limited bounded(ScriptedProvider("a", {Step::stream({"x", "y"})}).repeat(), {target, provider});
  Call call = loop.call();
  auto const held = ask(loop, call, bounded);
  ASSERT_TRUE(held);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask(loop, bounded));
  EXPECT_EQ(target->state.snapshot(loop.clock.now()).requests.remaining, 9);
  EXPECT_EQ(target->state.snapshot(loop.clock.now()).tokens.remaining, 900);
  EXPECT_EQ(target->refusals.load(), 0U);
  EXPECT_EQ(provider->refusals.load(), 5U);
}

TEST(Limited, LeavesARequestThatCanNeverFitToOthers) {
  TestLoop loop;
  auto const b = answering("b");
  Limited small(answering("a"), {limit_of(loop, {.tpm = 50})});
  auto const never = ask(loop, small);
  ASSERT_TRUE(never);
  EXPECT_EQ(never->code(), Errc::too_large);
  auto chain = Fallback{std::move(small), b};
  EXPECT_FALSE(ask(loop, chain));
  EXPECT_EQ(b.calls(), 1U);
}

TEST(Limited, IsNoFailureToABreaker) {
  TestLoop loop;
  auto guarded = Limited(answering("a"), {limit_of(loop, {.rpm = 1})}) | breaker({.failures = 1});
  EXPECT_FALSE(ask(loop, guarded));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(loop, guarded)->code(), Errc::rate_limited);
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::closed);
}

TEST(Limited, GivesThePlaceOfACancelledCallBack) {
  TestLoop loop;
  auto const limit = limit_of(loop, {.rpm = 9, .concurrency = 1});
  Limited bounded(ScriptedProvider("a", {Step::stall()}), {limit});
  Call call = loop.call();
  ChatRequest const request("m");
  auto running = testing::start(loop.io, bounded(request, call));
  loop.settle();
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).running, 1);
  call.cancel();
  loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).running, 0);
}

TEST(Limited, CountsEmbeddingsAndTakesNoTokensForCounts) {
  TestLoop loop;
  auto const limit = limit_of(loop, {.rpm = 10, .tpm = 1000});
  auto bounded = Demo{} | limited({limit});
  Call call = loop.call();
  EmbeddingRequest embedding("demo");
  embedding.add("Hi");
  EXPECT_TRUE(loop.run(bounded(embedding, call)));
  auto const used = limit->state.snapshot(loop.clock.now());
  EXPECT_EQ(used.running, 0);
  EXPECT_EQ(used.requests.remaining, 9);
  CountRequest const count(ChatRequest("demo").add(Role::user, "Hi"));
  EXPECT_TRUE(loop.run(bounded(count, call)));
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).tokens.remaining, used.tokens.remaining);
  EXPECT_EQ(limit->state.snapshot(loop.clock.now()).requests.remaining, 8);
}

TEST(Limited, KeepsToADaysMoney) {
  TestLoop loop;
  auto const a = answering("a");
  LimitTime const now = LimitTime::of(loop.clock);
  auto const limit = std::make_shared<TargetLimit>(
      Limits{.day = {.requests = 0, .tokens = 0, .cost = NanoUsd(1'000)}}, now, "provider a");
  std::vector<LimitNotice> notices;
  limit->on_notice = [&](LimitNotice const& notice) { notices.push_back(notice); };
  auto const cost = [](std::string_view model, Usage const& usage) {
    EXPECT_EQ(model, "m");
    return NanoUsd(usage.output_total() * 8);
  };
  auto bounded = a | limited({limit}, cost);
  {
    Call call = loop.call();
    auto const reply = ask(loop, call, bounded);
    ASSERT_TRUE(reply);
    EXPECT_EQ(limit->state.uses(now)[0].reserved, 800) << "100 tokens";
    EXPECT_EQ(ask(loop, bounded)->code(), Errc::quota_exceeded);
  }
  EXPECT_EQ(limit->state.uses(now)[0].reserved, 0);
  EXPECT_EQ(limit->refusals, 1U);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].subject, "provider a");
  EXPECT_TRUE(notices[0].reached && notices[0].first);
}

}  // namespace
}  // namespace lowart::limited_test
