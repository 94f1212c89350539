#include <lowart/gateway/metrics.hpp>

#include <gtest/gtest.h>

#include "prometheus_reader.hpp"

#include <atomic>
#include <string>
#include <thread>

namespace lowart::metrics_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::PrometheusReader;

std::string rendered(Metrics const& metrics) {
  PrometheusText text;
  metrics.render(text);
  return text.take();
}

TEST(Histogram, CountsIntoTheBucketWhoseBoundItDoesNotPass) {
  Histogram h;
  h.observe(0us);
  h.observe(50us);
  h.observe(51us);
  h.observe(600s);
  h.observe(601s);
  EXPECT_EQ(h.bucket(0), 2);
  EXPECT_EQ(h.bucket(1), 1);
  EXPECT_EQ(h.bucket(Histogram::bounds_us.size() - 1), 1);
  EXPECT_EQ(h.bucket(Histogram::bounds_us.size()), 1);
  EXPECT_EQ(h.sum_us(), 101 + 1'201'000'000);
}

TEST(Histogram, HasBoundsThatRise) {
  for (std::size_t i = 1; i < Histogram::bounds_us.size(); ++i)
    EXPECT_LT(Histogram::bounds_us[i - 1], Histogram::bounds_us[i]);
}

TEST(Metrics, WritesBucketsThatAddUp) {
  Metrics metrics;
  for (auto const took : {10us, 70us, 3000us, 700'000'000us}) {
    metrics.shard(0).overhead.observe(took);
    metrics.shard(1).http_duration.at({"/v1/models"}).observe(took);
  }
  PrometheusReader const read(rendered(metrics));
  EXPECT_EQ(read.value("gateway_overhead_seconds_bucket{le=\"5e-05\"}"), 1);
  EXPECT_EQ(read.value("gateway_overhead_seconds_bucket{le=\"1e-04\"}"), 2);
  EXPECT_EQ(read.value("gateway_overhead_seconds_bucket{le=\"0.005\"}"), 3);
  EXPECT_EQ(read.value("gateway_overhead_seconds_bucket{le=\"600\"}"), 3);
  EXPECT_EQ(read.value("gateway_overhead_seconds_bucket{le=\"+Inf\"}"), 4);
  EXPECT_EQ(read.value("gateway_overhead_seconds_count"), 4);
  EXPECT_NEAR(read.value("gateway_overhead_seconds_sum"), 700.00308, 1e-9);
  EXPECT_EQ(read.value("http_request_duration_seconds_bucket{route=\"/v1/models\",le=\"+Inf\"}"), 4);
}

TEST(Metrics, AddsUpTheShardsOfAllLoops) {
  Metrics metrics;
  for (std::size_t loop : {0U, 3U, 3U, 1U}) metrics.shard(loop).http_requests.at({"/health", "200"}).add(5);
  metrics.shard(2).in_flight.add(2);
  metrics.shard(0).in_flight.add(-1);
  PrometheusReader const read(rendered(metrics));
  EXPECT_EQ(read.value("http_requests_total{route=\"/health\",status=\"200\"}"), 20);
  EXPECT_EQ(read.value("gateway_in_flight"), 1);
}

TEST(Metrics, IsReadableWhenNothingHappenedYet) {
  Metrics const metrics;
  PrometheusReader const read(rendered(metrics));
  EXPECT_EQ(read.value("gateway_in_flight"), 0);
  EXPECT_EQ(read.value("gateway_overhead_seconds_count"), 0);
}

TEST(PrometheusText, EscapesWhatALabelMayNotHold) {
  Metrics metrics;
  metrics.shard(0).cost_nano_usd.at({"a\"b\\c\nd"}).add(7);
  PrometheusReader const read(rendered(metrics));
  EXPECT_EQ(read.value("gateway_cost_nano_usd_total{model=\"a\\\"b\\\\c\\nd\"}"), 7);
}

TEST(Family, KeepsItsSeriesWhereTheyAre) {
  Family<Counter> family;
  Counter& first = family.at({"a", "x"});
  for (int i = 0; i < 500; ++i) family.at({std::to_string(i)}).add();
  first.add(3);
  EXPECT_EQ(&family.at({"a", "x"}), &first);
  EXPECT_NE(&family.at({"a", "", "x"}), &first) << "places count";
  EXPECT_EQ(first.value(), 3);
}

TEST(Family, IsBoundedWhateverItIsAsked) {
  Family<Counter> family;
  std::size_t const many = Family<Counter>::most_series + 500;
  for (std::size_t i = 0; i < many; ++i) family.at({"m" + std::to_string(i), "x"}).add();
  std::size_t series = 0;
  std::int64_t sum = 0;
  family.visit([&](Labels const&, Counter const& c) { ++series, sum += c.value(); });
  EXPECT_EQ(series, Family<Counter>::most_series + 1);
  EXPECT_EQ(sum, static_cast<std::int64_t>(many)) << "nothing is lost";
  EXPECT_EQ(family.at({"new one"}).value(), 500);
}

TEST(Family, IsReadWhileItsLoopCounts) {
  Metrics metrics;
  MetricsShard& shard = metrics.shard(0);
  std::atomic<bool> counted{false};
  std::thread reader([&] {
    while (!counted) PrometheusReader const read(rendered(metrics));
  });
  for (int i = 0; i < 2000; ++i) {
    shard.tokens.at({"m" + std::to_string(i % 300), "input"}).add();
    shard.first_token.at({"m" + std::to_string(i % 300)}).observe(std::chrono::microseconds(i));
  }
  counted = true;
  reader.join();
  PrometheusReader const read(rendered(metrics));
  EXPECT_EQ(read.value("gateway_tokens_total{model=\"m7\",class=\"input\"}"), 7);
}

}  // namespace
}  // namespace lowart::metrics_test
