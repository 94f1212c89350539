#include <lowart/policy/breaker.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace lowart::breaker_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

Error down_again() { return Error(Errc::upstream_failed, "down", Origin::upstream).with_retryable(true); }
Error cut() { return Error(Errc::connection_lost, "cut", Origin::upstream); }

template <class P>
Result<ChatReply> ask(TestLoop& loop, P& provider, Call& call) {
  ChatRequest const request("m");
  return loop.run(provider(request, call));
}
/// Asks and reads the answer to its end; empty when all is well.
template <class P>
std::optional<Errc> ask_whole(TestLoop& loop, P& provider) {
  Call call = loop.call();
  Result<ChatReply> reply = ask(loop, provider, call);
  if (!reply) return reply.error().code();
  for (;;) {
    Result<ReplyPart> const part = loop.run(reply->next());
    if (!part) return part.error().code();
    if (part->last) return std::nullopt;
  }
}

TEST(Breaker, PassesAnswersThrough) {
  TestLoop loop;
  Breaker guarded(ScriptedProvider("a", {Step::answer("hello")}));
  EXPECT_EQ(guarded.name(), "a");
  EXPECT_EQ(ask_whole(loop, guarded), std::nullopt);
}

TEST(Breaker, RefusesWithoutCallingOnceItIsOpen) {
  TestLoop loop;
  ScriptedProvider provider = ScriptedProvider("a", {Step::fail(down_again())}).repeat();
  Breaker guarded(provider, {.failures = 2, .rest = 30s});
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  Call call = loop.call();
  Result<ChatReply> const refused = ask(loop, guarded, call);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::circuit_open);
  EXPECT_TRUE(refused.error().retryable());
  EXPECT_EQ(refused.error().sent(), Sent::nothing);
  EXPECT_EQ(refused.error().retry_after(), 30s);
  EXPECT_EQ(provider.calls(), 2U);
  EXPECT_TRUE(call.trail().empty());
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::open);
  EXPECT_EQ(guarded.state()->opened_count(), 1U);
}

TEST(Breaker, ClosesAgainAfterACompleteProbe) {
  TestLoop loop;
  ScriptedProvider provider("a", {Step::fail(down_again()), Step::answer("back")});
  Breaker guarded(provider, {.failures = 1, .rest = 30s});
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  loop.pass(30s);
  EXPECT_EQ(ask_whole(loop, guarded), std::nullopt);
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::closed);
}

TEST(Breaker, CountsAStreamThatBreaksAfterItsCommitPointAsAFailureAtItsEnd) {
  TestLoop loop;
  Breaker guarded(ScriptedProvider("a", {Step::stream({"x", "y"}).then_fail(cut())}), {.failures = 1});
  Call call = loop.call();
  Result<ChatReply> reply = ask(loop, guarded, call);
  ASSERT_TRUE(reply);
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::closed);
  EXPECT_TRUE(loop.run(reply->next()));
  EXPECT_TRUE(loop.run(reply->next()));
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::closed);
  EXPECT_FALSE(loop.run(reply->next()));
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::open);
}

TEST(Breaker, CountsADroppedStreamAsNeither) {
  TestLoop loop;
  ScriptedProvider provider("a",
                            {Step::fail(down_again()), Step::stream({"x", "y"}), Step::fail(down_again())});
  Breaker guarded(provider, {.failures = 2});
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  {
    Call call = loop.call();
    Result<ChatReply> dropped = ask(loop, guarded, call);
    EXPECT_TRUE(dropped);
  }
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::open) << "the failures are still in a row";
}

TEST(Breaker, GivesTheProbeSlotBackWhenTheProbeIsCancelled) {
  TestLoop loop;
  ScriptedProvider provider("a", {Step::fail(down_again()), Step::stall(), Step::answer("back")});
  Breaker guarded(provider, {.failures = 1, .rest = 1s});
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  loop.pass(1s);
  ChatRequest const request("m");
  Call probe = loop.call();
  auto running = testing::start(loop.io, guarded(request, probe));
  loop.settle();
  EXPECT_EQ(ask_whole(loop, guarded), Errc::circuit_open) << "one probe at a time";
  probe.cancel();
  loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::half_open);
  EXPECT_EQ(ask_whole(loop, guarded), std::nullopt);
}

TEST(Breaker, LetsTheNextCallProbeOnceTheAnswerHasBegun) {
  TestLoop loop;
  ScriptedProvider provider("a", {Step::fail(down_again()), Step::stream({"x", "y"}), Step::answer("z")});
  Breaker guarded(provider, {.failures = 1, .rest = 1s});
  EXPECT_EQ(ask_whole(loop, guarded), Errc::upstream_failed);
  loop.pass(1s);
  Call call = loop.call();
  Result<ChatReply> long_stream = ask(loop, guarded, call);
  ASSERT_TRUE(long_stream);
  EXPECT_EQ(ask_whole(loop, guarded), std::nullopt) << "a stream of minutes must not keep others out";
  EXPECT_EQ(guarded.state()->position(), BreakerPosition::closed);
}

TEST(Breaker, SurvivesAReloadThroughItsState) {
  TestLoop loop;
  auto state = std::make_shared<BreakerState>(BreakerOptions{.failures = 1});
  Breaker before(ScriptedProvider("a", {Step::fail(down_again())}), state);
  EXPECT_EQ(ask_whole(loop, before), Errc::upstream_failed);
  auto after = ScriptedProvider("a", {Step::answer("x")}) | breaker(state);
  EXPECT_EQ(ask_whole(loop, after), Errc::circuit_open);
}

TEST(Breaker, InsideRetrySeesEachAttempt) {
  TestLoop loop;
  ScriptedProvider provider = ScriptedProvider("a", {Step::fail(down_again())}).repeat();
  Retry<Breaker<ScriptedProvider>> each = provider | breaker({.failures = 3}) | retry({.attempts = 3});
  EXPECT_EQ(ask_whole(loop, each), Errc::upstream_failed);
  EXPECT_EQ(provider.calls(), 3U);
  EXPECT_EQ(ask_whole(loop, each), Errc::circuit_open);
  EXPECT_EQ(provider.calls(), 3U) << "30 s are longer than a retry waits";
}

TEST(Breaker, AroundRetrySeesAWholeRun) {
  TestLoop loop;
  ScriptedProvider provider = ScriptedProvider("a", {Step::fail(down_again())}).repeat();
  Breaker<Retry<ScriptedProvider>> runs = provider | retry({.attempts = 3}) | breaker({.failures = 3});
  EXPECT_EQ(ask_whole(loop, runs), Errc::upstream_failed);
  EXPECT_EQ(ask_whole(loop, runs), Errc::upstream_failed);
  EXPECT_EQ(ask_whole(loop, runs), Errc::upstream_failed);
  EXPECT_EQ(ask_whole(loop, runs), Errc::circuit_open);
  EXPECT_EQ(provider.calls(), 9U);
}

/// Two keys of one provider: what each is refused is its own, what the provider breaks is both keys' trouble.
TEST(Breaker, NeedsAPassOfEachOfItsStates) {
  TestLoop loop;
  auto const refused = [] {
    return Error(Errc::upstream_auth, "401", Origin::upstream).with_upstream_status(401);
  };
  auto const target =
      std::make_shared<BreakerState>(BreakerOptions{.failures = 1, .scope = {false, true, true}});
  auto const key_a = std::make_shared<BreakerState>(BreakerOptions{.scope = {true, false, false}});
  auto const key_b = std::make_shared<BreakerState>(BreakerOptions{.scope = {true, false, false}});
  ScriptedProvider with_a("a", {Step::fail(refused())});
  ScriptedProvider with_b("b", {Step::answer("hi"), Step::fail(down_again())});
  auto a = with_a | breakers({key_a, target});
  auto b = with_b | breakers({key_b, target});
  EXPECT_EQ(ask_whole(loop, a), Errc::upstream_auth);
  EXPECT_EQ(ask_whole(loop, a), Errc::circuit_open);
  EXPECT_EQ(ask_whole(loop, b), std::nullopt) << "the other key is not concerned";
  EXPECT_EQ(ask_whole(loop, b), Errc::upstream_failed);
  EXPECT_EQ(ask_whole(loop, b), Errc::circuit_open);
  EXPECT_EQ(key_b->position(), BreakerPosition::closed);
  EXPECT_EQ(target->position(), BreakerPosition::open);
}

TEST(Breaker, GivesTheFirstPassBackWhenTheSecondIsRefused) {
  TestLoop loop;
  auto const probing = std::make_shared<BreakerState>(BreakerOptions{.failures = 1, .rest = 1s});
  auto const resting = std::make_shared<BreakerState>(BreakerOptions{.failures = 1, .rest = 60s});
  for (auto const& state : {probing, resting}) {
    auto const pass = state->admit(loop.clock.now());
    state->failed(*pass, down_again(), loop.clock.now());
  }
  ScriptedProvider provider("a", {Step::answer("back")});
  auto guarded = provider | breakers({probing, resting});
  loop.pass(2s);
  EXPECT_EQ(ask_whole(loop, guarded), Errc::circuit_open);
  EXPECT_EQ(probing->position(), BreakerPosition::half_open);
  EXPECT_TRUE(probing->admit(loop.clock.now())) << "the slot of the probe is free again";
}

TEST(Breaker, OpensWhenAnswersBeginTooLate) {
  TestLoop loop;
  ScriptedProvider provider = ScriptedProvider("a", {Step::answer("late").after(3s)}).repeat();
  Breaker guarded(provider, {.slow_percent = 100, .slow = 2s, .window = 2});
  EXPECT_EQ(ask_whole(loop, guarded), std::nullopt);
  EXPECT_EQ(ask_whole(loop, guarded), std::nullopt);
  EXPECT_EQ(ask_whole(loop, guarded), Errc::circuit_open);
}

}  // namespace
}  // namespace lowart::breaker_test
