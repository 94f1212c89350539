#include <lowart/policy/selection.hpp>

#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lowart::selection_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t fixed_seed = 20'260'101;
constexpr TimePoint now{std::chrono::hours(1)};

std::vector<Candidate> targets(std::vector<double> const& weights) {
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < weights.size(); ++i)
    all.push_back(
        {.name = "t" + std::to_string(i), .weight = weights[i], .load = std::make_shared<TargetLoad>()});
  return all;
}

/// Asks a selection again and again, for a request in process.
struct Asking {
  Asking() = default;
  testing::TestLoop loop;
  Call call = loop.call();
  ChatRequest request{"m"};
  JitterSource random{fixed_seed};

  template <Selection S>
  std::vector<std::size_t> order(S const& selection, std::vector<Candidate> const& candidates,
                                 TimePoint at = now) {
    RequestFacts const facts(request, call);
    TargetOrder order(candidates.size());
    selection.arrange(candidates, Moment{.facts = facts, .now = at, .random = random.next()}, order);
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < order.size(); ++i) places.push_back(order[i]);
    return places;
  }
  template <Selection S>
  std::map<std::vector<std::size_t>, int> orders(S const& selection, std::vector<Candidate> const& candidates,
                                                 int times) {
    std::map<std::vector<std::size_t>, int> seen;
    for (int i = 0; i < times; ++i) ++seen[order(selection, candidates)];
    return seen;
  }
};

/// How likely drawing by weight without replacement gives this order.
double likelihood(std::vector<std::size_t> const& order, std::vector<double> const& weights) {
  double left = 0;
  for (double const w : weights) left += w;
  double p = 1;
  for (std::size_t const i : order) {
    p *= weights[i] / left;
    left -= weights[i];
  }
  return p;
}

/// Pearson's statistic of all orders against what they should be.
double chi_squared(std::map<std::vector<std::size_t>, int> seen, std::vector<double> const& weights,
                   int times) {
  std::vector<std::size_t> order(weights.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  double sum = 0;
  do {
    double const expected = likelihood(order, weights) * times;
    double const off = seen[order] - expected;
    sum += off * off / expected;
  } while (std::next_permutation(order.begin(), order.end()));
  return sum;
}

TEST(Priority, KeepsTheOrderOfTheFile) {
  Asking ask;
  EXPECT_EQ(ask.order(Priority{}, targets({1, 9, 3})), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(WeightedRandom, DrawsWholeOrdersByWeightWithoutReplacement) {
  constexpr int times = 60'000;
  std::vector<double> const three{5, 3, 2};
  std::vector<double> const four{1, 2, 3, 10};
  // 99.9 % of fair lotteries stay below: 20.5 with 5 degrees of freedom, 49.7 with 23.
  EXPECT_LT(chi_squared(Asking{}.orders(WeightedRandom{}, targets(three), times), three, times), 20.5);
  EXPECT_LT(chi_squared(Asking{}.orders(WeightedRandom{}, targets(four), times), four, times), 49.7);
}

TEST(WeightedRandom, IsToldFromALotteryWithOtherWeights) {
  constexpr int times = 60'000;
  auto const seen = Asking{}.orders(WeightedRandom{}, targets({5, 3, 2}), times);
  EXPECT_GT(chi_squared(seen, {5, 3, 2.2}, times), 20.5) << "the test above could not fail";
}

TEST(WeightedRandom, TriesATargetWithoutWeightLast) {
  Asking ask;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ask.order(WeightedRandom{}, targets({1, 0, 1})).back(), 1U);
}

TEST(WeightedRandom, GivesTheSameOrdersForTheSameSeed) {
  EXPECT_EQ(Asking{}.orders(WeightedRandom{}, targets({1, 1, 1}), 100),
            Asking{}.orders(WeightedRandom{}, targets({1, 1, 1}), 100));
}

TEST(LeastInFlight, PrefersWhoHasRoomForItsWeight) {
  Asking ask;
  auto all = targets({1, 4, 1});
  for (int i = 0; i < 3; ++i) all[1].load->begin();
  all[0].load->begin();
  EXPECT_EQ(ask.order(LeastInFlight{}, all).back(), 0U) << "2 calls for 1, 4 for 4, 1 for 1";
  for (int i = 0; i < 2; ++i) all[1].load->begin();
  EXPECT_EQ(ask.order(LeastInFlight{}, all), (std::vector<std::size_t>{2, 1, 0}));
  all[2].weight = 0;
  EXPECT_EQ(ask.order(LeastInFlight{}, all), (std::vector<std::size_t>{1, 0, 2}));
}

TEST(LeastInFlight, HasNoFavouriteAmongEquals) {
  constexpr int times = 60'000;
  std::vector<double> const equal{1, 1, 1};
  EXPECT_LT(chi_squared(Asking{}.orders(LeastInFlight{}, targets(equal), times), equal, times), 20.5);
}

TEST(PowerOfTwo, TakesTheBetterOfTwo) {
  auto all = targets({1, 1, 1});
  all[0].load->answered(300ms, now);
  all[1].load->answered(100ms, now);
  all[2].load->answered(200ms, now);
  constexpr int times = 60'000;
  std::array<int, 3> first{};
  Asking ask;
  for (int i = 0; i < times; ++i) ++first[ask.order(PowerOfTwo{}, all)[0]];
  EXPECT_EQ(first[0], 0) << "the slowest loses against each other one";
  // The best is in two pairs of three: 40'000, with a standard deviation of 115.
  EXPECT_NEAR(first[1], 40'000, 4 * 115);
  EXPECT_EQ(first[1] + first[2], times);
}

TEST(PowerOfTwo, NamesEachTargetOnceAndThoseWithoutWeightLast) {
  Asking ask;
  auto all = targets({1, 0, 1, 1, 1});
  all[3].load->answered(1s, now);
  for (int i = 0; i < 1000; ++i) {
    auto order = ask.order(PowerOfTwo{}, all);
    EXPECT_EQ(order.back(), 1U);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  }
}

TEST(PowerOfTwo, CountsWhoWaitsAlready) {
  Asking ask;
  auto all = targets({1, 1});
  all[0].load->answered(100ms, now);
  all[1].load->answered(150ms, now);
  EXPECT_EQ(ask.order(PowerOfTwo{}, all)[0], 0U);
  all[0].load->begin();
  EXPECT_EQ(ask.order(PowerOfTwo{}, all)[0], 1U) << "two calls of 100 ms are worse than one of 150";
}

TEST(Cheapest, AsksWhereTheRequestCostsLeast) {
  auto all = targets({1, 1, 1});
  auto const price = [](char const* input, char const* output) {
    Price p;
    p.set(UsageClass::input, *parse_usd(input));
    p.set(UsageClass::output, *parse_usd(output));
    return p;
  };
  all[0].price = price("1", "10");
  all[1].price = price("2", "4");
  all[2].price = price("2", "5");
  Asking ask;
  ask.request.edit().max_tokens = 100;
  EXPECT_EQ(ask.order(Cheapest{}, all), (std::vector<std::size_t>{1, 2, 0}))
      << "it writes more than it reads";
  std::string const body(40'000, 'x');
  WireRequest wire;
  wire.body = body;
  wire.max_tokens = 100;
  ask.request = ChatRequest(wire);
  EXPECT_EQ(ask.order(Cheapest{}, all), (std::vector<std::size_t>{0, 1, 2})) << "it reads 10'000 tokens";
  all[0].weight = 0;
  EXPECT_EQ(ask.order(Cheapest{}, all).back(), 0U);
}

TEST(Cheapest, SpreadsOverEqualPrices) {
  constexpr int times = 60'000;
  std::vector<double> const equal{1, 1, 1};
  EXPECT_LT(chi_squared(Asking{}.orders(Cheapest{}, targets(equal), times), equal, times), 20.5);
}

std::size_t home_of(Asking& ask, std::vector<Candidate> const& all, std::string const& user) {
  ask.request.edit().user = user;
  return ask.order(Sticky{.by = StickyBy::user}, all)[0];
}

TEST(Sticky, SendsTheSameUserToTheSameTarget) {
  Asking ask;
  auto const all = targets({1, 1, 1, 1});
  for (int i = 0; i < 50; ++i) {
    auto const user = "user-" + std::to_string(i);
    EXPECT_EQ(home_of(ask, all, user), home_of(ask, all, user));
  }
  EXPECT_EQ(home_of(ask, all, "user-1"), 0U) << "another build must not move everybody";
  EXPECT_EQ(home_of(ask, all, "user-3"), 2U);
  EXPECT_EQ(home_of(ask, all, "user-5"), 1U);
}

TEST(Sticky, SharesUsersByWeight) {
  Asking ask;
  auto const all = targets({3, 1});
  int first = 0;
  constexpr int users = 10'000;
  for (int i = 0; i < users; ++i) first += home_of(ask, all, "user-" + std::to_string(i)) == 0 ? 1 : 0;
  EXPECT_NEAR(first, 7500, 4 * 43) << "four standard deviations";
}

TEST(Sticky, MovesOnlyThoseWhoseTargetIsGone) {
  Asking ask;
  auto const all = targets({1, 1, 1, 1, 1});
  auto fewer = all;
  fewer.erase(fewer.begin() + 2);
  std::array<int, 5> moved{};
  constexpr int users = 10'000;
  for (int i = 0; i < users; ++i) {
    auto const user = "user-" + std::to_string(i);
    auto const before = home_of(ask, all, user);
    auto const after = home_of(ask, fewer, user);
    auto const after_in_all = after < 2 ? after : after + 1;
    if (before == 2) ++moved[after_in_all];
    else EXPECT_EQ(after_in_all, before) << user;
  }
  for (std::size_t const i : {0U, 1U, 3U, 4U})
    EXPECT_NEAR(moved[i], 500, 4 * 22) << "its share is spread evenly";
}

TEST(Sticky, SpreadsThoseWhoSayNothingToGoBy) {
  constexpr int times = 60'000;
  std::vector<double> const weights{5, 3, 2};
  auto const seen =
      Asking{}.orders(Sticky{.by = StickyBy::header, .header = "x-session"}, targets(weights), times);
  EXPECT_LT(chi_squared(seen, weights, times), 20.5);
}

TEST(PeakEwma, BelievesBadNewsAtOnceAndGoodNewsSlowly) {
  PeakEwma latency;
  EXPECT_FALSE(latency.known());
  EXPECT_EQ(latency.value(now), 0.0);
  latency.observe(100ms, now);
  EXPECT_NEAR(latency.value(now), 0.1, 1e-9);
  latency.observe(2s, now + 1s);
  EXPECT_NEAR(latency.value(now + 1s), 2.0, 1e-9);
  latency.observe(100ms, now + 2s);
  double const left = std::exp(-0.1);
  EXPECT_NEAR(latency.value(now + 2s), 2 * left + 0.1 * (1 - left), 1e-9);
}

TEST(PeakEwma, FadesWhileNothingIsMeasured) {
  PeakEwma latency;
  latency.observe(1s, now);
  EXPECT_NEAR(latency.value(now + PeakEwma::decay), std::exp(-1), 1e-9);
  EXPECT_LT(latency.value(now + 2min), 1e-5);
  EXPECT_NEAR(latency.value(now - 1s), 1.0, 1e-9) << "time that runs backwards stands still";
}

TEST(TargetLoad, CountsAFailureAsSlow) {
  TargetLoad load;
  load.failed(1ms, now);
  EXPECT_NEAR(load.latency(now), 5.0, 1e-9) << "refusing at once is not being quick";
  load.failed(60s, now);
  EXPECT_NEAR(load.latency(now), 60.0, 1e-9);
}

TEST(TargetLoad, GivesAnUnknownTargetOneCallToTell) {
  TargetLoad load;
  EXPECT_EQ(load.cost(now), 0.0);
  load.begin();
  EXPECT_NEAR(load.cost(now), 5.0, 1e-9);
  load.answered(100ms, now);
  EXPECT_NEAR(load.cost(now), 0.2, 1e-9);
  load.end();
  EXPECT_NEAR(load.cost(now), 0.1, 1e-9);
}

}  // namespace
}  // namespace lowart::selection_test
