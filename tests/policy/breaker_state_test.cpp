#include <lowart/policy/breaker_state.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lowart::breaker_state_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};
Error down() { return Error(Errc::upstream_failed, "down", Origin::upstream); }
Error limited(std::chrono::milliseconds retry_after) {
  return Error(Errc::rate_limited, "429", Origin::upstream).with_retry_after(retry_after);
}

/// One call that fails, from admission to report.
void fail_once(BreakerState& state, Error const& error, TimePoint at = start) {
  auto const pass = state.admit(at);
  ASSERT_TRUE(pass);
  state.failed(*pass, error, at);
}
void succeed_once(BreakerState& state, TimePoint at = start) {
  auto const pass = state.admit(at);
  ASSERT_TRUE(pass);
  state.succeeded(*pass, at);
}
/// One call whose answer begins after `took` and is complete at once.
void answer_once(BreakerState& state, std::chrono::milliseconds took, TimePoint at = start) {
  auto pass = state.admit(at);
  ASSERT_TRUE(pass);
  state.answered(*pass, at + took);
  state.succeeded(*pass, at + took);
}

TEST(BreakerState, OpensAfterSoManyFailuresInARow) {
  BreakerState state({.failures = 3});
  fail_once(state, down());
  fail_once(state, down());
  EXPECT_EQ(state.position(), BreakerPosition::closed);
  fail_once(state, down());
  EXPECT_EQ(state.position(), BreakerPosition::open);
  EXPECT_EQ(state.opened_count(), 1U);
}

TEST(BreakerState, StartsCountingAnewAfterASuccess) {
  BreakerState state({.failures = 2});
  for (int i = 0; i < 10; ++i) {
    fail_once(state, down());
    succeed_once(state);
  }
  EXPECT_EQ(state.position(), BreakerPosition::closed);
}

TEST(BreakerState, OpensOnTheRateOfAFullWindowOnly) {
  BreakerState state({.failures = 0, .failure_percent = 50, .window = 10});
  for (int i = 0; i < 4; ++i) fail_once(state, down());
  for (int i = 0; i < 5; ++i) succeed_once(state);
  EXPECT_EQ(state.position(), BreakerPosition::closed) << "nine calls are no window of ten";
  fail_once(state, down());
  EXPECT_EQ(state.position(), BreakerPosition::open);
}

TEST(BreakerState, ForgetsWhatSlidesOutOfTheWindow) {
  BreakerState state({.failures = 0, .failure_percent = 30, .window = 10});
  for (int round = 0; round < 50; ++round) {
    fail_once(state, down());
    for (int i = 0; i < 4; ++i) succeed_once(state);
  }
  EXPECT_EQ(state.position(), BreakerPosition::closed) << "two of ten is less than thirty per cent";
  fail_once(state, down());
  fail_once(state, down());
  EXPECT_EQ(state.position(), BreakerPosition::open);
}

TEST(BreakerState, JudgesNoRateOfTooFewCalls) {
  BreakerState state({.failures = 0, .failure_percent = 10, .window = 1000, .minimum_calls = 8});
  for (int i = 0; i < 7; ++i) fail_once(state, down());
  EXPECT_EQ(state.position(), BreakerPosition::closed);
  fail_once(state, down());
  EXPECT_EQ(state.position(), BreakerPosition::open);
}

TEST(BreakerState, TakesTheRateOverTheLastWhile) {
  BreakerState state({.failures = 0, .failure_percent = 50, .window_time = 16s, .minimum_calls = 4});
  for (int i = 0; i < 3; ++i) fail_once(state, down(), start);
  succeed_once(state, start + 17s);
  fail_once(state, down(), start + 18s);
  EXPECT_EQ(state.position(), BreakerPosition::closed)
      << "the first three have slid out: two calls are too few";
  succeed_once(state, start + 19s);
  EXPECT_EQ(state.view(start + 19s).failures.calls, 3U);
  fail_once(state, down(), start + 20s);
  EXPECT_EQ(state.position(), BreakerPosition::open) << "two of four";
}

TEST(BreakerState, OpensWhenTooManyAnswersBeginLate) {
  BreakerState state({.slow_percent = 50, .slow = 2s, .window = 4, .rest = 10s});
  answer_once(state, 2s);
  answer_once(state, 100ms);
  answer_once(state, 1999ms);
  EXPECT_EQ(state.position(), BreakerPosition::closed);
  answer_once(state, 5s);
  EXPECT_EQ(state.position(), BreakerPosition::open);
  EXPECT_EQ(state.view(start).opened_by, std::nullopt);
  EXPECT_EQ(state.admit(start + 5s).error(), 10s) << "it rests from the answer on";
}

TEST(BreakerState, RestsAgainWhenTheProbeIsSlow) {
  BreakerState state({.failures = 1, .slow_percent = 100, .slow = 1s, .rest = 10s});
  fail_once(state, down());
  answer_once(state, 1s, start + 10s);
  EXPECT_EQ(state.position(), BreakerPosition::open);
  answer_once(state, 999ms, start + 30s);
  EXPECT_EQ(state.position(), BreakerPosition::closed);
}

TEST(BreakerState, CountsWhatIsInItsScopeOnly) {
  Error const refused = Error(Errc::upstream_auth, "", Origin::upstream).with_upstream_status(401);
  Error const forbidden = Error(Errc::upstream_auth, "", Origin::upstream).with_upstream_status(403);
  Error const broke(Errc::quota_exceeded, "", Origin::upstream);
  Error const busy = Error(Errc::overloaded, "", Origin::upstream).with_retry_after(1s);
  struct Row {
    Error error;
    bool key, model_of_key, target;
  };
  for (Row const& row : {Row{refused, true, false, false}, Row{forbidden, false, true, false},
                         Row{broke, true, false, false}, Row{limited(1s), false, true, false},
                         Row{busy, false, false, true}, Row{down(), false, false, true}}) {
    bool const expected[] = {row.key, row.model_of_key, row.target};
    BreakerScope const scopes[] = {{true, false, false}, {false, true, false}, {false, false, true}};
    for (int i = 0; i < 3; ++i) {
      BreakerState state({.failures = 1, .scope = scopes[i]});
      fail_once(state, row.error);
      EXPECT_EQ(state.position() == BreakerPosition::open, expected[i])
          << to_string(row.error.code()) << " " << row.error.upstream_status() << " scope " << i;
    }
  }
}

TEST(BreakerState, ShowsWhatOpenedItAndForHowLong) {
  BreakerState state({.failures = 2, .failure_percent = 100, .rest = 30s});
  fail_once(state, down());
  BreakerView view = state.view(start);
  EXPECT_EQ(view.failures_in_row, 1);
  EXPECT_EQ(view.failures.bad, 1U);
  EXPECT_EQ(view.opens_in, 0s);
  fail_once(state, Error(Errc::connect_failed));
  view = state.view(start + 10s);
  EXPECT_EQ(view.position, BreakerPosition::open);
  EXPECT_EQ(view.opened_by, Errc::connect_failed);
  EXPECT_EQ(view.opens_in, 20s);
}

TEST(BreakerState, ToldByEachCodeWhatItMeans) {
  for (Errc const code :
       {Errc::connect_failed, Errc::connect_timeout, Errc::first_token_timeout, Errc::between_tokens_timeout,
        Errc::whole_timeout, Errc::connection_lost, Errc::malformed_reply, Errc::upstream_failed})
    EXPECT_EQ(verdict(Error(code)), BreakerVerdict::failure) << to_string(code);
  for (Errc const code :
       {Errc::upstream_rejected, Errc::invalid_request, Errc::unauthenticated, Errc::cancelled,
        Errc::circuit_open, Errc::unsupported, Errc::not_found, Errc::shutting_down, Errc::internal})
    EXPECT_EQ(verdict(Error(code, "", Origin::upstream)), BreakerVerdict::nothing) << to_string(code);
  EXPECT_EQ(verdict(Error(Errc::upstream_auth)), BreakerVerdict::open);
  EXPECT_EQ(verdict(limited(1s)), BreakerVerdict::open_until);
  EXPECT_EQ(verdict(Error(Errc::rate_limited, "", Origin::upstream)), BreakerVerdict::failure);
  EXPECT_EQ(verdict(Error(Errc::rate_limited, "ours", Origin::client)), BreakerVerdict::nothing);
}

TEST(BreakerState, OpensAtOnceWhenCredentialsAreRefused) {
  BreakerState state({.failures = 100});
  fail_once(state, Error(Errc::upstream_auth, "401", Origin::upstream));
  EXPECT_EQ(state.position(), BreakerPosition::open);
}

TEST(BreakerState, RestsAsLongAsTheTargetAsks) {
  BreakerState state({.rest = 1s});
  fail_once(state, limited(20s));
  auto const refused = state.admit(start + 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), 15s);
  EXPECT_TRUE(state.admit(start + 20s));
}

TEST(BreakerState, KeepsTheLongerOfTwoDeadlines) {
  BreakerState state({.failures = 1, .rest = 30s});
  auto const late_news = state.admit(start);
  auto const short_news = state.admit(start);
  fail_once(state, limited(40s));
  state.failed(*short_news, limited(5s), start);
  EXPECT_EQ(state.admit(start).error(), 40s);
  state.failed(*late_news, limited(90s), start);
  EXPECT_EQ(state.admit(start).error(), 90s);
  EXPECT_EQ(state.opened_count(), 1U);
}

TEST(BreakerState, BoundsWhatATargetMayAsk) {
  BreakerState state({.rest = 1s, .longest_rest = 60s});
  fail_once(state, limited(std::chrono::hours(1000)));
  EXPECT_EQ(state.admit(start).error(), 60s);
}

TEST(BreakerState, LetsOneProbeThroughAfterTheRest) {
  BreakerState state({.failures = 1, .rest = 30s});
  fail_once(state, down());
  EXPECT_EQ(state.admit(start + 30s - 1ns).error(), 1ms) << "rounded up: never too early";
  auto const probe = state.admit(start + 30s);
  ASSERT_TRUE(probe);
  EXPECT_EQ(state.position(), BreakerPosition::half_open);
  EXPECT_EQ(state.admit(start + 30s).error(), 1s) << "a probe is under way";
  state.succeeded(*probe, start);
  EXPECT_EQ(state.position(), BreakerPosition::closed);
}

TEST(BreakerState, RestsAgainWhenTheProbeFails) {
  BreakerState state({.failures = 5, .rest = 10s});
  for (int i = 0; i < 5; ++i) fail_once(state, down());
  fail_once(state, down(), start + 10s);
  EXPECT_EQ(state.position(), BreakerPosition::open);
  EXPECT_EQ(state.admit(start + 10s).error(), 10s);
  EXPECT_EQ(state.opened_count(), 2U);
}

TEST(BreakerState, GivesTheSlotOfAWithdrawnProbeToTheNext) {
  BreakerState state({.failures = 1, .rest = 10s});
  fail_once(state, down());
  auto const probe = state.admit(start + 10s);
  state.withdrawn(*probe);
  auto const client_fault = state.admit(start + 10s);
  ASSERT_TRUE(client_fault);
  state.failed(*client_fault, Error(Errc::upstream_rejected, "400", Origin::upstream), start + 10s);
  EXPECT_EQ(state.position(), BreakerPosition::half_open);
  EXPECT_TRUE(state.admit(start + 10s));
}

TEST(BreakerState, OpensWhenAProbeFailsAfterItsAnswerBegan) {
  BreakerState state({.failures = 1, .rest = 10s});
  fail_once(state, down());
  auto probe = state.admit(start + 10s);
  state.answered(*probe, start);
  auto const other = state.admit(start + 11s);
  ASSERT_TRUE(other) << "the slot is free from the commit point on";
  state.failed(*probe, down(), start + 12s);
  EXPECT_EQ(state.position(), BreakerPosition::open);
  state.succeeded(*other, start);
  EXPECT_EQ(state.position(), BreakerPosition::open) << "news from before the move";
}

TEST(BreakerState, IgnoresNewsFromBeforeAMove) {
  BreakerState state({.failures = 1, .rest = 10s});
  auto const old_success = state.admit(start);
  auto const old_failure = state.admit(start);
  fail_once(state, down());
  state.succeeded(*old_success, start);
  EXPECT_EQ(state.position(), BreakerPosition::open);
  auto const probe = state.admit(start + 10s);
  state.failed(*old_failure, down(), start + 10s);
  EXPECT_EQ(state.position(), BreakerPosition::half_open);
  state.succeeded(*probe, start);
  EXPECT_EQ(state.position(), BreakerPosition::closed);
}

TEST(BreakerState, ProbesAtOnceWithoutARest) {
  BreakerState state({.failures = 1, .rest = 0ms});
  fail_once(state, down());
  EXPECT_TRUE(state.admit(start));
}

TEST(BreakerState, RefusesOptionsOutOfRange) {
  EXPECT_THROW(BreakerState({.failures = -1}), std::invalid_argument);
  EXPECT_THROW(BreakerState({.failure_percent = 101}), std::invalid_argument);
  EXPECT_THROW(BreakerState({.window = 0}), std::invalid_argument);
  EXPECT_THROW(BreakerState({.rest = -1ms}), std::invalid_argument);
  EXPECT_THROW(BreakerState({.rest = 20s, .longest_rest = 10s}), std::invalid_argument);
}

TEST(BreakerState, HasAtMostOneProbeAcrossThreads) {
  BreakerState state({.failures = 1, .rest = 0ms});
  fail_once(state, down());
  std::atomic<int> probing{0};
  std::atomic<int> most{0};
  std::atomic<int> probes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        auto const pass = state.admit(start);
        if (!pass) continue;
        int const now = ++probing;
        if (now > most) most = now;
        ++probes;
        --probing;
        if (i % 3 == 0) state.failed(*pass, down(), start);
        else state.withdrawn(*pass);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(probes, 0);
  EXPECT_TRUE(state.admit(start)) << "no slot was lost";
}

TEST(BreakerState, StaysUsableUnderMixedNewsFromManyThreads) {
  BreakerState state({.failures = 3, .failure_percent = 50, .window = 20, .rest = 0ms});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&state, t] {
      for (int i = 0; i < 5000; ++i) {
        auto pass = state.admit(start);
        if (!pass) continue;
        switch ((i + t) % 5) {
          case 0: state.failed(*pass, down(), start); break;
          case 1: state.withdrawn(*pass); break;
          case 2: state.answered(*pass, start); [[fallthrough]];
          default: state.succeeded(*pass, start);
        }
      }
    });
  for (auto& thread : threads) thread.join();
  auto const pass = state.admit(start);
  ASSERT_TRUE(pass);
  state.succeeded(*pass, start);
  EXPECT_EQ(state.position(), BreakerPosition::closed);
}

}  // namespace
}  // namespace lowart::breaker_state_test
