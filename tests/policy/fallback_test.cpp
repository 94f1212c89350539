#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <stdexcept>
#include <vector>

namespace lowart::fallback_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

Error upstream(Errc code) { return Error(code, "scripted", Origin::upstream); }
Error rejected(int status, std::string body = {}) {
  return upstream(Errc::upstream_rejected).with_upstream_status(status).with_upstream_body(std::move(body));
}
ScriptedProvider failing(std::string name, Error error) {
  return ScriptedProvider(std::move(name), {Step::fail(std::move(error))}).repeat();
}
ScriptedProvider answering(std::string name) {
  return ScriptedProvider(std::move(name), {Step::answer("x")}).repeat();
}

struct Asked {
  TestLoop loop;
  Call call = loop.call();
  template <class P>
  Result<ChatReply> operator()(P& provider) {
    ChatRequest const request("m");
    return loop.run(provider(request, call));
  }
};

TEST(Fallback, StopsAtTheFirstAnswer) {
  Asked ask;
  auto a = answering("a");
  auto b = answering("b");
  auto chain = Fallback{a, b};
  auto const reply = ask(chain);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "a");
  EXPECT_EQ(b.calls(), 0U);
}

TEST(Fallback, GoesOnAfterWhateverIsTheTargetsTrouble) {
  for (Errc const code : {Errc::connect_failed, Errc::connect_timeout, Errc::first_token_timeout,
                          Errc::connection_lost, Errc::malformed_reply, Errc::upstream_failed,
                          Errc::upstream_auth, Errc::rate_limited, Errc::quota_exceeded, Errc::overloaded,
                          Errc::circuit_open, Errc::unsupported, Errc::internal, Errc::too_large})
    EXPECT_TRUE(goes_on(upstream(code))) << to_string(code);
}

TEST(Fallback, StopsAtWhatFailsEverywhere) {
  for (Errc const code : {Errc::invalid_request, Errc::unauthenticated, Errc::permission_denied,
                          Errc::cancelled, Errc::whole_timeout, Errc::shutting_down})
    EXPECT_FALSE(goes_on(upstream(code))) << to_string(code);
  EXPECT_FALSE(goes_on(Error(Errc::too_large, "body", Origin::client)));
  for (int const status : {400, 404, 413, 422}) EXPECT_FALSE(goes_on(rejected(status))) << status;
  for (int const status : {402, 405, 408, 409, 451}) EXPECT_TRUE(goes_on(rejected(status))) << status;
}

TEST(Fallback, GoesOnWhenTheTargetDoesNotHaveTheModel) {
  EXPECT_TRUE(goes_on(rejected(404, R"({"error":{"code":"model_not_found"}})")));
  EXPECT_TRUE(goes_on(rejected(404).with_upstream_message("The model `x` does not exist.")));
  EXPECT_FALSE(goes_on(rejected(404, R"({"error":"no such route"})")));
  EXPECT_FALSE(goes_on(rejected(400, R"({"error":"the model cannot do that"})")));
}

TEST(Fallback, HandsTheStoppingErrorOutAsItCame) {
  Asked ask;
  auto b = answering("b");
  auto chain = Fallback{failing("a", rejected(400, "their words")), b};
  auto const reply = ask(chain);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().upstream_body(), "their words");
  EXPECT_EQ(b.calls(), 0U);
}

TEST(Fallback, NamesEverythingThatWasTried) {
  Asked ask;
  auto open = failing("c", upstream(Errc::upstream_auth)) | breaker();
  EXPECT_FALSE(ask(open));
  ask.call.trail().clear();
  auto flaky = failing("a", upstream(Errc::first_token_timeout).with_retryable(true).with_sent(Sent::maybe));
  auto chain =
      Fallback{flaky | retry({.attempts = 2}), failing("b", upstream(Errc::connect_failed)), std::move(open)};
  auto const reply = ask(chain);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(),
            "every target failed: a (first_token_timeout), a (first_token_timeout), b (connect_failed), c "
            "(circuit_open)");
  EXPECT_EQ(reply.error().sent(), Sent::maybe) << "one of them may have been billed";
}

TEST(Fallback, TellsTheStatusOfTheTargetThatIsBackFirst) {
  Asked ask;
  auto later =
      upstream(Errc::rate_limited).with_upstream_status(429).with_retry_after(50s).with_retryable(true);
  auto sooner =
      upstream(Errc::upstream_failed).with_upstream_status(503).with_retry_after(7s).with_retryable(true);
  auto chain =
      Fallback{failing("a", later), failing("b", sooner), failing("c", upstream(Errc::upstream_failed))};
  auto const reply = ask(chain);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().upstream_status(), 503);
  EXPECT_EQ(reply.error().retry_after(), 7s);
}

TEST(Fallback, OfOneTargetTellsThatTargetsError) {
  Asked ask;
  auto chain = Fallback{failing("a", upstream(Errc::connect_failed))};
  static_assert(std::same_as<decltype(chain), Fallback<ScriptedProvider>>);
  auto const reply = ask(chain);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(), "scripted");
}

TEST(Fallback, OfAFallbackIsACopyUnlessTheTypeIsWrittenOut) {
  Asked ask;
  auto inner = Fallback{answering("a"), answering("b")};
  auto copy = Fallback{inner};
  static_assert(std::same_as<decltype(copy), decltype(inner)>);
  Fallback<Fallback<ScriptedProvider, ScriptedProvider>> nested{inner};
  EXPECT_TRUE(ask(copy));
  EXPECT_TRUE(ask(nested));
  auto chain = Fallback{inner, answering("c")};
  static_assert(std::same_as<decltype(chain), Fallback<decltype(inner), ScriptedProvider>>);
  EXPECT_TRUE(ask(chain));
}

TEST(Fallback, DoesNotGoOnOnceTheCallIsCancelled) {
  Asked ask;
  auto b = answering("b");
  auto chain = Fallback{ScriptedProvider("a", {Step::stall()}), b};
  ChatRequest const request("m");
  auto running = testing::start(ask.loop.io, chain(request, ask.call));
  ask.loop.settle();
  ask.call.cancel();
  ask.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::cancelled);
  EXPECT_EQ(b.calls(), 0U);
}

TEST(Fallback, DoesNotTouchAnAnswerThatHasBegun) {
  Asked ask;
  auto b = answering("b");
  auto chain =
      Fallback{ScriptedProvider("a", {Step::stream({"x"}).then_fail(upstream(Errc::connection_lost))}), b};
  auto reply = ask(chain);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(ask.loop.run(reply->next()));
  EXPECT_FALSE(ask.loop.run(reply->next()));
  EXPECT_EQ(b.calls(), 0U);
}

TEST(FallbackList, DecidesLikeFallback) {
  Asked ask;
  std::vector<AnyProvider> targets;
  targets.emplace_back(failing("a", upstream(Errc::connect_failed)));
  targets.emplace_back(answering("b") | breaker());
  AnyFallback chain(std::move(targets));
  auto const reply = ask(chain);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head().provider, "b");
}

TEST(FallbackList, NeedsATarget) { EXPECT_THROW(AnyFallback({}), std::invalid_argument); }

TEST(FallbackReport, KeepsItsListShort) {
  TestLoop loop;
  Call call = loop.call();
  FallbackReport report(0);
  for (int i = 0; i < 1000; ++i) report.add("some-target", Error(Errc::connect_failed), call);
  std::string const message = std::move(report).error().message();
  EXPECT_LT(message.size(), 700U);
  EXPECT_NE(message.find(" more"), std::string::npos);
}

}  // namespace
}  // namespace lowart::fallback_test
