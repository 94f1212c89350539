#include <lowart/policy/fallback.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace lowart::timeouts_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

constexpr Clocks no_clocks{.connect = 0ms, .first_token = 0ms, .between_tokens = 0ms, .whole = 0ms};
Clocks only_first(std::chrono::milliseconds time) {
  Clocks clocks = no_clocks;
  clocks.first_token = time;
  return clocks;
}
Clocks only_between(std::chrono::milliseconds time) {
  Clocks clocks = no_clocks;
  clocks.between_tokens = time;
  return clocks;
}
Clocks only_whole(std::chrono::milliseconds time) {
  Clocks clocks = no_clocks;
  clocks.whole = time;
  return clocks;
}

struct Timed {
  TestLoop loop;
  Call call = loop.call();
  ChatRequest request{"m"};
  TimePoint start = loop.clock.now();

  template <class P>
  Result<ChatReply> ask(P& provider) {
    return loop.run(provider(request, call));
  }
  Duration passed() const { return loop.clock.now() - start; }
};

TEST(Timeouts, LeavesAQuickAnswerAlone) {
  Timed t;
  auto bounded = ScriptedProvider("a", {Step::stream({"x", "y"}).after(10s).every(10s)}) | timeouts();
  {
    Result<ChatReply> reply = t.ask(bounded);
    ASSERT_TRUE(reply);
    ASSERT_TRUE(t.loop.run(reply->next()));
    auto const last = t.loop.run(reply->next());
    ASSERT_TRUE(last);
    EXPECT_TRUE(last->last);
  }
  EXPECT_FALSE(t.loop.clock.is_awaited()) << "no alarm is left when the reply is gone";
  EXPECT_FALSE(t.call.interruption());
}

TEST(Timeouts, AsksTheTransportForTheConnectTimeoutAndPutsTheOldOneBack) {
  Timed t;
  ScriptedProvider provider("a", {Step::answer("x")});
  auto bounded = provider | timeouts({.connect = 1234ms}) | timeouts({.connect = 9s});
  auto const before = t.call.connect_timeout();
  ASSERT_TRUE(t.ask(bounded));
  EXPECT_EQ(provider.connect_timeouts().at(0), 1234ms) << "the innermost counts";
  EXPECT_EQ(t.call.connect_timeout(), before);
}

/// Has a body to wait for before it can ask, and then an answer.
struct Uploads {
  Duration waits, thinks;
  ScriptedProvider answers{"a", {Step::answer("x")}};
  std::string_view name() const { return "uploads"; }
  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    call.awaits_body(true);
    bool const came = co_await call.clock().sleep(waits, call);
    call.awaits_body(false);
    call.note_progress();
    bool const thought = came && co_await call.clock().sleep(thinks, call);
    if (!thought) co_return fail(call.interruption_error());
    Result<ChatReply> reply = co_await answers(request, call);
    co_return reply;
  }
};

TEST(Timeouts, CountsTheFirstTokenFromTheEndOfABodyThatTheClientSends) {
  for (bool const is_late : {false, true}) {
    Timed t;
    auto bounded = Uploads{60s, is_late ? 11s : 9s} | timeouts(only_first(10s)) | timeouts(only_first(10s));
    auto const reply = t.ask(bounded);
    ASSERT_EQ(reply.has_value(), !is_late);
    if (is_late) EXPECT_EQ(reply.error().code(), Errc::first_token_timeout);
    EXPECT_GE(t.passed(), 69s);
    EXPECT_LT(t.passed(), 71s);
  }
}

TEST(Timeouts, EndsTheWaitForTheFirstToken) {
  Timed t;
  auto bounded = ScriptedProvider("a", {Step::stall()}) | timeouts(only_first(2s));
  Result<ChatReply> const reply = t.ask(bounded);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::first_token_timeout);
  EXPECT_TRUE(reply.error().retryable());
  EXPECT_EQ(t.passed(), 2s);
  EXPECT_FALSE(t.call.interruption()) << "who raised it clears it, so that another attempt can be made";
}

TEST(Timeouts, EndsAStreamThatFallsSilent) {
  Timed t;
  auto bounded = ScriptedProvider("a", {Step::stream({"x"}).then_stall()}) | timeouts(only_between(3s));
  Result<ChatReply> reply = t.ask(bounded);
  ASSERT_TRUE(reply);
  ASSERT_TRUE(t.loop.run(reply->next()));
  auto const silent = t.loop.run(reply->next());
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code(), Errc::between_tokens_timeout);
  EXPECT_EQ(t.passed(), 3s);
  EXPECT_FALSE(t.call.interruption());
}

TEST(Timeouts, DoesNotBlameTheProviderForASlowConsumer) {
  Timed t;
  auto bounded = ScriptedProvider("a", {Step::stream({"x", "y", "z"})}) | timeouts(only_between(1s));
  Result<ChatReply> reply = t.ask(bounded);
  ASSERT_TRUE(reply);
  for (int i = 0; i < 3; ++i) {
    t.loop.pass(1min);
    EXPECT_TRUE(t.loop.run(reply->next()));
  }
}

TEST(Timeouts, EndsACallThatTakesTooLongBeforeItsCommitPoint) {
  Timed t;
  auto bounded = ScriptedProvider("a", {Step::stall()}) | timeouts(only_whole(5s));
  Result<ChatReply> const reply = t.ask(bounded);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::whole_timeout);
  EXPECT_EQ(t.passed(), 5s);
}

TEST(Timeouts, EndsACallThatTakesTooLongInTheMiddleOfItsStream) {
  Timed t;
  std::vector<std::string> const parts(100, "x");
  auto bounded = ScriptedProvider("a", {Step::stream(parts).every(1s)}) | timeouts(only_whole(5s));
  Result<ChatReply> reply = t.ask(bounded);
  ASSERT_TRUE(reply);
  std::optional<Errc> end;
  while (!end) {
    auto const part = t.loop.run(reply->next());
    if (!part) end = part.error().code();
  }
  EXPECT_EQ(end, Errc::whole_timeout);
  EXPECT_EQ(t.passed(), 5s);
}

TEST(Timeouts, OfEachAttemptBeginAnewInsideRetry) {
  Timed t;
  ScriptedProvider provider("a", {Step::stall(), Step::stall(), Step::answer("x").after(1900ms)});
  auto patient = provider | timeouts(only_first(2s)) | retry({.attempts = 3, .first_wait = 0ms});
  EXPECT_TRUE(t.ask(patient));
  EXPECT_EQ(provider.calls(), 3U);
  EXPECT_GE(t.passed(), 5900ms);
  EXPECT_LE(t.passed(), 6s);
}

TEST(Timeouts, AroundRetryBoundTheWholeRun) {
  Timed t;
  ScriptedProvider provider = ScriptedProvider("a", {Step::stall()}).repeat();
  auto bounded = provider | timeouts(only_first(2s)) | retry({.attempts = 9, .first_wait = 0ms}) |
                 timeouts(only_whole(5s));
  Result<ChatReply> const reply = t.ask(bounded);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::whole_timeout);
  EXPECT_EQ(provider.calls(), 3U);
  EXPECT_GE(t.passed(), 5s);
  EXPECT_LE(t.passed(), 5s + testing::ManualClock::tick);
}

TEST(Timeouts, TwoClocksThatRingAtTheSameInstantBothCount) {
  for (bool const outer_is_whole : {true, false}) {
    Timed t;
    ScriptedProvider provider = ScriptedProvider("a", {Step::stall()}).repeat();
    auto const inner = outer_is_whole ? only_first(2s) : only_whole(2s);
    auto const outer = outer_is_whole ? only_whole(2s) : only_first(2s);
    auto bounded = provider | timeouts(inner) | retry({.attempts = 9, .first_wait = 0ms}) | timeouts(outer);
    Result<ChatReply> const reply = t.ask(bounded);
    ASSERT_FALSE(reply);
    EXPECT_LE(provider.calls(), 2U) << "the outer clock is not forgotten because the inner one was first";
    EXPECT_LE(t.passed(), 2s + testing::ManualClock::tick);
    EXPECT_FALSE(t.call.interruption());
  }
}

TEST(Timeouts, LetAFallbackGoOn) {
  Timed t;
  auto chain = Fallback{ScriptedProvider("a", {Step::stall()}) | timeouts(only_first(1s)),
                        ScriptedProvider("b", {Step::answer("x")})};
  Result<ChatReply> const reply = t.ask(chain);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "b");
}

TEST(Timeouts, GiveWayToACancelledCall) {
  Timed t;
  auto bounded = ScriptedProvider("a", {Step::stall()}) | timeouts(only_first(2s));
  auto running = testing::start(t.loop.io, bounded(t.request, t.call));
  t.loop.settle();
  t.call.cancel();
  t.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(t.call.interruption(), Errc::cancelled);
}

TEST(Timeouts, RefuseATimeThatCannotBeMeant) {
  Clocks const negative{.connect = -1ms};
  EXPECT_THROW(Timeouts(ScriptedProvider("a", {}), negative), std::invalid_argument);
}

}  // namespace
}  // namespace lowart::timeouts_test
