#include <lowart/gateway/client_deadline.hpp>

#include <lowart/policy/breaker.hpp>
#include <lowart/policy/bulkhead.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string_view>

namespace lowart::client_deadline_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

struct SomeFields {
  std::map<std::string_view, std::string_view> all;
  std::optional<std::string_view> find(std::string_view name) const {
    auto const found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  }
};
std::optional<std::chrono::milliseconds> said(std::map<std::string_view, std::string_view> fields) {
  return client_deadline(SomeFields{std::move(fields)});
}

TEST(ClientDeadline, ReadsWhatSdksAndProxiesSay) {
  EXPECT_EQ(said({{"x-stainless-timeout", "60"}}), 60s);
  EXPECT_EQ(said({{"x-stainless-read-timeout", "600.0"}}), 600s);
  EXPECT_EQ(said({{"x-stainless-read-timeout", "0.5"}}), 500ms);
  EXPECT_EQ(said({{"x-envoy-expected-rq-timeout-ms", "1500"}}), 1500ms);
  EXPECT_EQ(said({{"x-stainless-timeout", "20"}, {"x-envoy-expected-rq-timeout-ms", "15000"}}), 15s)
      << "the least of them";
  EXPECT_EQ(said({{"x-stainless-timeout", "600000"}}), 24h) << "milliseconds, as some old versions say";
  EXPECT_EQ(said({{"x-stainless-timeout", "1000000000000000000000"}}), 24h);
}

TEST(ClientDeadline, TakesWhatItCannotReadForNothingSaid) {
  EXPECT_FALSE(said({}));
  for (std::string_view const value :
       {"", "0", "0.0", "-5", "soon", "5s", "1e3", "inf", "nan", " 5", "5 ", "0x5", "5,5", "0.0001"})
    EXPECT_FALSE(said({{"x-stainless-timeout", value}})) << value;
  EXPECT_EQ(said({{"x-stainless-timeout", "0"}, {"x-stainless-read-timeout", "7"}}), 7s)
      << "TypeScript says 0 for less than a second";
}

struct Waiting {
  TestLoop loop;
  Call call = loop.call();
  TimePoint start = loop.clock.now();
  template <class P>
  Result<ChatReply> operator()(P& provider, std::chrono::milliseconds within) {
    ClientDeadline const deadline(call, start, within);
    ChatRequest const request("m");
    return loop.run(provider(request, call));
  }
  Duration took() const { return loop.clock.now() - start; }
};

TEST(ClientDeadline, EndsACallWhateverItWaitsFor) {
  Error const busy =
      Error(Errc::upstream_failed, "503", Origin::upstream).with_retryable(true).with_retry_after(5s);
  auto const places = std::make_shared<BulkheadPlaces>(BulkheadOptions{.concurrency = 1});
  auto const state = std::make_shared<BreakerState>(BreakerOptions{.failures = 1});
  TestLoop other;
  Call holder = other.call();
  BulkheadTicket taken(places, holder);
  ASSERT_EQ(taken.enter(), BulkheadTicket::Is::inside);
  auto const ends = [](auto provider) {
    Waiting wait;
    auto const reply = wait(provider, 2s);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code(), Errc::client_deadline);
    EXPECT_EQ(http_status(reply.error()), 504);
    EXPECT_LE(wait.took(), 2s);
    EXPECT_GE(wait.took(), 1800ms);
  };
  ScriptedProvider const silent = ScriptedProvider("a", {Step::stall()}).repeat();
  ends(silent);
  ends(ScriptedProvider("a", {Step::fail(busy)}).repeat() | retry({.attempts = 5}));
  ends(
      Fallback{silent | breaker(state) | retry({.attempts = 5}), ScriptedProvider("b", {Step::answer("x")})});
  ends(silent | bulkhead(places));
  ends(Fallback{silent, silent} | hedge({.after = 1s}));
  EXPECT_EQ(state->position(), BreakerPosition::closed) << "the client's haste is not the target's failure";
  EXPECT_EQ(places->waiting(), 0);
}

TEST(ClientDeadline, LeavesAnAnswerAloneThatHasBegun) {
  Waiting wait;
  auto stream = ScriptedProvider("a", {Step::stream({"x", "y"}).after(1s).every(5s)});
  auto reply = wait(stream, 2s);
  ASSERT_TRUE(reply);
  for (bool last = false; !last;) {
    auto const part = wait.loop.run(reply->next());
    ASSERT_TRUE(part);
    last = part->last;
  }
  EXPECT_GT(wait.took(), 5s);
}

TEST(ClientDeadline, IsOverWhenTheAnswerBeginsInTheSameMoment) {
  TestLoop loop;
  Call call = loop.call();
  {
    ClientDeadline const deadline(call, loop.clock.now(), 1s);
    loop.pass(2s);
    EXPECT_EQ(call.interruption(), Errc::client_deadline);
  }
  EXPECT_FALSE(call.interruption());
}

TEST(ClientDeadline, WaitsForAClockThatWasFirst) {
  TestLoop loop;
  Call call = loop.call();
  ClientDeadline const deadline(call, loop.clock.now(), 1s);
  call.interrupt(Errc::first_token_timeout);
  loop.pass(2s);
  EXPECT_EQ(call.interruption(), Errc::first_token_timeout);
  call.take_back(Errc::first_token_timeout);
  loop.pass(100ms);
  EXPECT_EQ(call.interruption(), Errc::client_deadline);
}

}  // namespace
}  // namespace lowart::client_deadline_test
