/// What admission costs: one call against all it counts against, in and out again. Processor time per call.
///
/// ./dev bench limits [--benchmark_filter=REGEX]

#include <lowart/meter/limiter.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace lowart;

constexpr std::int64_t plenty = 1'000'000'000'000;
constexpr std::int64_t noon = 1'796'040'000'000'000;  // 2026-11-30T12:00:00Z
constexpr CallUse reserved{.tokens = 2'000, .cost = NanoUsd(1'000'000)};
constexpr CallUse used{.tokens = 700, .cost = NanoUsd(400'000)};

LimitTime time_after(std::int64_t call) {  // a microsecond between calls
  auto const passed = std::chrono::microseconds(call);
  return {TimePoint(std::chrono::hours(1)) + passed, noon + passed.count()};
}

/// Ten limits of a key, a user, a team, a model and a type of models.
struct Subjects {
  LimitTime begin = time_after(0);
  LimitState key{{.rpm = plenty, .tpm = plenty, .concurrency = plenty}, begin, "key"};
  LimitState user{{.day = {.requests = plenty, .tokens = plenty, .cost = {}}}, begin, "user"};
  LimitState team{{.week = {.requests = 0, .tokens = plenty, .cost = {}},
                   .month = {.requests = 0, .tokens = 0, .cost = NanoUsd(plenty * 100)},
                   .soft_percent = 80},
                  begin,
                  "team"};
  LimitState model{{.tpm = plenty, .month = {.requests = 0, .tokens = plenty, .cost = {}}}, begin, "model"};
  LimitState type{{.day = {.requests = 0, .tokens = plenty, .cost = {}}}, begin, "type"};
};

void one_call(LimitGroup& group, std::int64_t call, benchmark::State& state) {
  LimitReport report;
  auto admission = Limiter::admit(group, time_after(call), reserved, &report);
  if (!admission) {
    state.SkipWithError("refused");
    return;
  }
  benchmark::DoNotOptimize(report);
  admission->settle(used);
}

void ten_limits(benchmark::State& state) {
  static Subjects subjects;
  std::int64_t call = 0;
  for (auto _ : state) {
    LimitGroup group;
    for (auto* one : {&subjects.key, &subjects.user, &subjects.team, &subjects.model, &subjects.type})
      group.add(one);
    one_call(group, ++call, state);
  }
}
BENCHMARK(ten_limits);
BENCHMARK(ten_limits)->Threads(2)->UseRealTime();

void three_rates_of_a_key(benchmark::State& state) {
  static Subjects subjects;
  std::int64_t call = 0;
  for (auto _ : state) {
    LimitGroup group;
    group.add(&subjects.key);
    one_call(group, ++call, state);
  }
}
BENCHMARK(three_rates_of_a_key);

}  // namespace

BENCHMARK_MAIN();
