#include <lowart/meter/limiter.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowart::limit_group_test {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t day = 86'400'000'000;
constexpr std::int64_t midnight = 1'795'996'800'000'000;  // 2026-11-30T00:00:00Z, a Monday
constexpr NanoUsd cent{10'000'000};

static_assert(!std::is_copy_constructible_v<LimitGroup>);

LimitTime after(std::chrono::microseconds since_midnight) {
  return {TimePoint(1h) + since_midnight, midnight + since_midnight.count()};
}
LimitTime const noon = after(12h);
CallUse use(std::int64_t tokens, NanoUsd cost = {}) { return {.tokens = tokens, .cost = cost}; }
NanoUsd cents(std::int64_t n) { return NanoUsd(n * cent.count()); }

LimitUse of(LimitState const& state, LimitKind kind, LimitTime const& now = noon) {
  for (auto const& one : state.uses(now))
    if (one.kind == kind) return one;
  return {};
}
std::int64_t taken(LimitState const& state, LimitKind kind, LimitTime const& now = noon) {
  return of(state, kind, now).used + of(state, kind, now).reserved;
}

struct Subjects {
  LimitState key{{.rpm = 10, .tpm = 1000, .concurrency = 3}, noon, "key alice"};
  LimitState team{{.month = {.requests = 0, .tokens = 0, .cost = cents(100)}}, noon, "team red"};
  LimitState model{{.day = {.requests = 5, .tokens = 500, .cost = {}}}, noon, "model m"};
  LimitGroup group;
  Subjects() {
    for (auto* state : {&model, &key, &team, &key}) group.add(state);
    group.add(nullptr);
  }
};

TEST(LimitGroup, HoldsEachStateOnceByAddress) {
  Subjects s;
  ASSERT_EQ(s.group.states().size(), 3U);
  EXPECT_LT(s.group.states()[0], s.group.states()[1]);
  EXPECT_LT(s.group.states()[1], s.group.states()[2]);
}

TEST(LimitGroup, TakesFromAllAndSettlesInAll) {
  Subjects s;
  auto admission = Limiter::admit(s.group, noon, use(300, cents(40)));
  ASSERT_TRUE(admission);
  EXPECT_EQ(of(s.key, LimitKind::rpm).used, 1);
  EXPECT_EQ(of(s.key, LimitKind::tpm).used, 300);
  EXPECT_EQ(of(s.team, LimitKind::cost_per_month).reserved, cents(40).count());
  EXPECT_EQ(of(s.model, LimitKind::tokens_per_day).reserved, 300);
  admission->settle(use(120, cents(7)));
  EXPECT_EQ(of(s.key, LimitKind::tpm).used, 120);
  EXPECT_EQ(of(s.key, LimitKind::concurrency).used, 0);
  EXPECT_EQ(of(s.team, LimitKind::cost_per_month).used, cents(7).count());
  EXPECT_EQ(of(s.team, LimitKind::cost_per_month).reserved, 0);
  EXPECT_EQ(taken(s.model, LimitKind::tokens_per_day), 120);
  EXPECT_EQ(taken(s.model, LimitKind::requests_per_day), 1);
}

TEST(LimitGroup, TakesFromNoneWhenOneRefuses) {
  Subjects s;
  auto const running = Limiter::admit(s.group, noon, use(100, cents(70)));
  LimitReport report;
  auto const refused = Limiter::admit(s.group, noon, use(100, cents(31)), &report);
  ASSERT_FALSE(refused);
  EXPECT_EQ(of(s.key, LimitKind::rpm).used, 1);
  EXPECT_EQ(taken(s.model, LimitKind::requests_per_day), 1);
  EXPECT_EQ(report.refused_by, &s.team);
  ASSERT_TRUE(report.notice);
  EXPECT_EQ(report.notice->subject, "team red");
  EXPECT_TRUE(report.notice->reached && report.notice->first);
  EXPECT_EQ(report.left.requests.remaining, 9) << "the rates are told as well";
}

TEST(LimitGroup, TellsWhichLimitOfWhomItsUseAndWhenItResets) {
  Subjects s;
  auto running = Limiter::admit(s.group, noon, use(100, cents(20)));
  auto ended = Limiter::admit(s.group, noon, use(100, cents(70)));
  ended->settle(use(100, cents(65)));
  auto const refused = Limiter::admit(s.group, noon, use(100, cents(31)));
  ASSERT_FALSE(refused);
  Error const& error = refused.error();
  EXPECT_EQ(error.code(), Errc::quota_exceeded);
  EXPECT_EQ(error.origin(), Origin::client);
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(error.message(),
            "the limit of 1 USD per month of team red is reached: used 0.65, reserved by running calls 0.2, "
            "requested 0.31; it begins anew at 2026-12-01T00:00:00Z");
  EXPECT_EQ(error.retry_after(), 12h);
  EXPECT_FALSE(Limiter::admit(s.team, after(24h - 1us), use(0, cents(31))));
  EXPECT_TRUE(Limiter::admit(s.team, after(24h), use(0, cents(31)))) << "the time is true";
}

TEST(LimitGroup, TellsTheLimitThatKeepsACallOutTheLongest) {
  LimitState minute({.rpm = 1}, noon, "key alice");
  LimitState daily({.concurrency = 1, .day = {.requests = 1, .tokens = 0, .cost = {}}}, noon, "user bob");
  LimitGroup group;
  group.add(&minute);
  group.add(&daily);
  auto const one = Limiter::admit(group, noon, {});
  EXPECT_EQ(Limiter::admit(group, noon, {}).error().code(), Errc::quota_exceeded);
  auto const rate = Limiter::admit(minute, noon, {});
  EXPECT_EQ(rate.error().code(), Errc::rate_limited);
  EXPECT_NE(rate.error().message().find("1 requests per minute of key alice"), std::string::npos);
}

TEST(LimitGroup, TellsWhatCanNeverFit) {
  Subjects s;
  auto const refused = Limiter::admit(s.group, noon, use(501));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::too_large);
  EXPECT_EQ(refused.error().message(),
            "the request reserves 501 tokens, more than the limit of 500 tokens per day of model m can ever "
            "hold; shorten it or lower max_tokens");
  auto const dear = Limiter::admit(s.group, noon, use(1, cents(101)));
  EXPECT_NE(dear.error().message().find("reserves 1.01 USD"), std::string::npos);
}

TEST(LimitGroup, CountsACallInTheWindowThatItBeganIn) {
  LimitState state({.day = {.requests = 10, .tokens = 1000, .cost = {}}}, noon, "key");
  auto late = Limiter::admit(state, after(24h - 1us), use(400));
  auto early = Limiter::admit(state, after(24h), use(50));
  late->settle(use(900));
  LimitTime const tomorrow = after(25h);
  EXPECT_EQ(taken(state, LimitKind::tokens_per_day, tomorrow), 50);
  early->settle(use(70));
  EXPECT_EQ(of(state, LimitKind::tokens_per_day, tomorrow).used, 70);
  EXPECT_EQ(of(state, LimitKind::requests_per_day, tomorrow).used, 1);
  auto const behind = Limiter::admit(state, after(24h - 5us), use(30));
  EXPECT_EQ(behind->reserved().began_utc, midnight + day)
      << "a loop whose clock is behind opens no old window";
  EXPECT_EQ(of(state, LimitKind::tokens_per_day, tomorrow).reserved, 30);
}

TEST(LimitGroup, WarnsFromTheSoftShareOnAndOnceAsTheFirst) {
  LimitState state({.day = {.requests = 0, .tokens = 1000, .cost = {}},
                    .month = {.requests = 0, .tokens = 1200, .cost = {}},
                    .soft_percent = 80},
                   noon, "key alice");
  LimitReport report;
  auto a = Limiter::admit(state, noon, use(799), &report);
  EXPECT_FALSE(report.notice);
  a->settle(use(799));
  auto b = Limiter::admit(state, noon, use(50), &report);
  ASSERT_TRUE(report.notice);
  EXPECT_FALSE(report.notice->reached);
  EXPECT_TRUE(report.notice->first);
  EXPECT_EQ(warning_text(*report.notice), "key alice: 84% of 1000 tokens per day");
  report = {};
  auto c = Limiter::admit(state, noon, use(1), &report);
  ASSERT_TRUE(report.notice);
  EXPECT_FALSE(report.notice->first) << "once in a window";
  report = {};
  auto d = Limiter::admit(state, after(36h), use(900), &report);
  ASSERT_TRUE(report.notice);
  EXPECT_TRUE(report.notice->first) << "and again in the next";
}

TEST(LimitGroup, CountsExactlyOnlyWhereItMatters) {
  LimitState state({.tpm = 64'000}, noon, "key");
  CallEstimate const small{.input = use(1000), .output = use(20'000)};
  auto const in = Limiter::admit_small(state, noon, small);
  ASSERT_TRUE(in && *in);
  EXPECT_EQ((*in)->reserved().most.tokens, 21'000);
  EXPECT_FALSE(Limiter::admit_small(state, noon, small)) << "1000 is more than a 64th of what is left: count";
  CallEstimate const full{.input = use(1), .output = use(50'000)};
  auto const out = Limiter::admit_small(state, noon, full);
  ASSERT_TRUE(out && !*out) << "no input would be little enough";
  EXPECT_EQ((*out).error().code(), Errc::rate_limited);
  CallEstimate const long_input{.input = use(60'000), .output = use(1)};
  EXPECT_FALSE(Limiter::admit_small(state, noon, long_input)) << "its bytes are too many, its tokens may fit";
  EXPECT_EQ(of(state, LimitKind::tpm).used, 21'000) << "nothing was taken";
}

TEST(LimitState, KnowsWhatMatters) {
  EXPECT_FALSE(LimitState({.rpm = 1, .day = {.requests = 1, .tokens = 0, .cost = {}}}, noon).limits_tokens());
  EXPECT_TRUE(LimitState({.week = {.requests = 0, .tokens = 1, .cost = {}}}, noon).limits_tokens());
  LimitState const money({.week = {.requests = 0, .tokens = 0, .cost = cent}}, noon);
  EXPECT_TRUE(money.limits_cost() && !money.limits_tokens());
}

TEST(LimitState, KeepsWhatIsUsedOverANewConfiguration) {
  Limits limits{.day = {.requests = 0, .tokens = 1000, .cost = {}}};
  LimitState state(limits, noon, "key alice");
  auto running = Limiter::admit(state, noon, use(300));
  Limiter::admit(state, noon, use(100))->settle(use(100));
  limits.day.tokens = 350;
  limits.week.tokens = 10'000;
  state.change(limits, after(13h), "key bob");
  EXPECT_EQ(of(state, LimitKind::tokens_per_day).used, 100);
  EXPECT_EQ(of(state, LimitKind::tokens_per_day).limit, 350);
  EXPECT_EQ(of(state, LimitKind::tokens_per_week).used, 0);
  auto const refused = Limiter::admit(state, after(13h), use(1));
  EXPECT_NE(refused.error().message().find("350 tokens per day of key bob"), std::string::npos);
  running->settle(use(200));
  EXPECT_EQ(of(state, LimitKind::tokens_per_day).used, 300);
  EXPECT_EQ(taken(state, LimitKind::tokens_per_week), 0) << "it began before the week was counted";
  auto const past = state.unknown_past();
  ASSERT_EQ(past.size(), 2U);
  EXPECT_EQ(past[1].first, LimitPeriod::week);
  EXPECT_EQ(past[1].second, (CalendarSpan{midnight, midnight + 13 * 3'600'000'000}));
  state.add_past(LimitPeriod::week, midnight, {.requests = 2, .use = use(400)});
  state.add_past(LimitPeriod::week, midnight, {.requests = 2, .use = use(400)});
  EXPECT_EQ(of(state, LimitKind::tokens_per_week).used, 400) << "once";
}

TEST(LimitState, AddsNothingToAWindowThatHasEnded) {
  LimitState state({.day = {.requests = 10, .tokens = 0, .cost = {}}}, noon, "key");
  ASSERT_EQ(state.unknown_past().size(), 1U);
  auto const tomorrow = Limiter::admit(state, after(36h), {});
  EXPECT_TRUE(state.unknown_past().empty()) << "the new window was counted from its begin";
  state.add_past(LimitPeriod::day, midnight, {.requests = 9, .use = {}});
  EXPECT_EQ(taken(state, LimitKind::requests_per_day, after(36h)), 1);
}

/// Many threads admit, settle, drop and reload while the time passes midnights.
TEST(LimitGroup, NeverLetsTooMuchInAndLeavesNothingBehindAcrossThreads) {
  constexpr std::size_t subjects = 5;
  constexpr std::int64_t tokens_a_day = 200'000;
  constexpr int places = 12;
  Limits const limits{.rpm = 100'000,
                      .tpm = 10'000'000,
                      .concurrency = places,
                      .day = {.requests = 3'000, .tokens = tokens_a_day, .cost = cents(500)},
                      .month = {.requests = 0, .tokens = 0, .cost = cents(100'000)},
                      .soft_percent = 50};
  struct Witness {
    std::mutex mutex;
    std::map<std::int64_t, std::int64_t> tokens;  // at least as many are taken, by day
    std::map<std::int64_t, std::int64_t> requests;
  };
  std::array<std::unique_ptr<LimitState>, subjects> states;
  std::array<Witness, subjects> seen;
  std::array<std::atomic<int>, subjects> running{};
  for (auto& state : states) state = std::make_unique<LimitState>(limits, noon, "subject");
  std::atomic<std::int64_t> micros{12 * 3'600'000'000};
  std::atomic<int> admitted{0};
  std::atomic<bool> too_much{false};
  auto const now = [&] { return after(std::chrono::microseconds(micros.load())); };
  struct Running {
    std::unique_ptr<LimitGroup> group;
    std::vector<std::size_t> of;
    std::optional<Admission> admission;
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      std::vector<Running> mine;
      auto const end = [&](bool drop) {
        Running call = std::move(mine.back());
        mine.pop_back();
        Reservation const held = call.admission->reserved();
        std::int64_t const used = drop ? 0 : static_cast<std::int64_t>(random()) % (held.most.tokens + 1);
        for (std::size_t s : call.of) {
          --running[s];
          std::lock_guard const lock(seen[s].mutex);
          seen[s].tokens[held.began_utc / day] -= held.most.tokens - used;
        }
        if (drop) call.admission.reset();
        else call.admission->settle(use(used, NanoUsd(used)));
      };
      for (int i = 0; i < 6'000; ++i) {
        if (t == 0 && i % 5 == 0) micros += 40'000'000 + random() % 60'000'000;  // passes some midnights
        if (t == 1 && i % 50 == 0) states[random() % subjects]->change(limits, now(), "subject");
        if (!mine.empty() && random() % 2 == 0) {
          end(random() % 3 == 0);
          continue;
        }
        Running call;
        call.group = std::make_unique<LimitGroup>();
        for (std::size_t s = 0; s < subjects; ++s)
          if (random() % 2 == 0) call.of.push_back(s), call.group->add(states[s].get());
        if (call.of.empty()) continue;
        auto const tokens = static_cast<std::int64_t>(random() % 3'000);
        LimitReport report;
        auto admission = Limiter::admit(*call.group, now(), use(tokens, NanoUsd(tokens)), &report);
        if (!admission) continue;
        ++admitted;
        std::int64_t const today = admission->reserved().began_utc / day;
        for (std::size_t s : call.of) {
          if (++running[s] > places) too_much = true;
          std::lock_guard const lock(seen[s].mutex);
          if ((seen[s].tokens[today] += tokens) > tokens_a_day) too_much = true;
          if (++seen[s].requests[today] > 3'000) too_much = true;
        }
        call.admission.emplace(*std::move(admission));
        mine.push_back(std::move(call));
      }
      while (!mine.empty()) end(mine.size() % 2 == 0);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(too_much);
  EXPECT_GT(admitted, 1'000);
  LimitTime const last = now();
  for (std::size_t s = 0; s < subjects; ++s) {
    EXPECT_EQ(of(*states[s], LimitKind::concurrency, last).used, 0);
    EXPECT_EQ(of(*states[s], LimitKind::tokens_per_day, last).reserved, 0);
    EXPECT_EQ(of(*states[s], LimitKind::cost_per_month, last).reserved, 0);
    EXPECT_EQ(of(*states[s], LimitKind::tokens_per_day, last).used, seen[s].tokens[last.utc / day]);
    EXPECT_EQ(of(*states[s], LimitKind::requests_per_day, last).used, seen[s].requests[last.utc / day]);
    LimitTime const later = after(std::chrono::microseconds(micros.load()) + 1min);
    EXPECT_EQ(of(*states[s], LimitKind::tpm, later).used, 0);
  }
}

}  // namespace
}  // namespace lowart::limit_group_test
