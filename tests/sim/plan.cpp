#include "plan.hpp"

#include <array>

namespace lowart::sim {

namespace {

using std::chrono::milliseconds;

milliseconds ms(Random& random, std::int64_t least, std::int64_t most) {
  return milliseconds(random.between(least, most));
}

Mood mood(Random& random) {
  Mood mood;
  mood.answer_trouble = static_cast<unsigned>(random.between(5, 70));
  mood.dial_trouble = random.percent(50) ? static_cast<unsigned>(random.between(0, 40)) : 0;
  mood.storm = random.percent(20) ? static_cast<unsigned>(random.between(20, 90)) : 0;
  mood.hangs_up = random.percent(50) ? static_cast<unsigned>(random.between(10, 60)) : 0;
  mood.slow = random.percent(40);
  return mood;
}

/// Where nothing goes wrong, nobody is refused either: the queue has room and time for all.
BulkheadOptions bulkhead(Random& random, bool calm) {
  return {.concurrency = random.between(1, 4),
          .queue = calm ? 100 : random.between(0, 4),
          .wait = calm ? std::chrono::minutes(5) : ms(random, 0, 3'000)};
}

HedgeOptions hedge(Random& random) {
  HedgeOptions hedge;
  hedge.after = random.percent(30) ? milliseconds(0) : ms(random, 1, 1'500);
  hedge.percentile = static_cast<int>(random.between(50, 99));
  hedge.samples = static_cast<int>(random.between(1, 3));
  hedge.budget_percent = static_cast<int>(random.between(0, 100));
  hedge.budget_reserve = static_cast<int>(random.between(0, 5));
  return hedge;
}

AnySelection::Choice balance(Random& random) {
  switch (random.below(5)) {
    case 0: return WeightedRandom{};
    case 1: return LeastInFlight{};
    case 2: return PowerOfTwo{};
    case 3: return Cheapest{};
    default: return Sticky{};
  }
}

ChainPlan chain(Random& random, std::size_t targets) {
  ChainPlan chain;
  auto const length = static_cast<std::size_t>(random.between(1, static_cast<std::int64_t>(targets)));
  auto const first = static_cast<std::size_t>(random.below(targets));
  for (std::size_t k = 0; k < length; ++k) chain.targets.push_back((first + k) % targets);
  if (length > 1 && random.percent(40)) chain.balance = balance(random);
  if (random.percent(25)) chain.hedge = hedge(random);
  return chain;
}

TargetPlan target(Random& random, int host, bool calm) {
  TargetPlan target;
  target.host = host;
  target.speech = random.one_of(all_speeches);
  target.model = random.percent(50) ? "gpt-4o" : "some-model";
  if (random.percent(25)) target.bulkhead = bulkhead(random, calm);
  if (calm) return target;
  target.clocks.connect = ms(random, 200, 2'000);
  target.clocks.first_token = random.percent(10) ? milliseconds(0) : ms(random, 300, 4'000);
  target.clocks.between_tokens = random.percent(10) ? milliseconds(0) : ms(random, 200, 3'000);
  target.clocks.whole = ms(random, 1'000, 8'000);
  target.breaker.failures = static_cast<int>(random.between(0, 4));
  target.breaker.failure_percent = random.percent(25) ? static_cast<int>(random.between(20, 100)) : 0;
  target.breaker.window = static_cast<int>(random.between(2, 6));
  target.breaker.window_time = random.percent(50) ? milliseconds(0) : ms(random, 1'000, 20'000);
  target.breaker.minimum_calls = static_cast<int>(random.between(1, 4));
  target.breaker.slow_percent = random.percent(20) ? static_cast<int>(random.between(20, 100)) : 0;
  target.breaker.slow = ms(random, 50, 2'000);
  target.breaker.rest = random.percent(5) ? milliseconds(0) : ms(random, 100, 3'000);
  target.breaker.longest_rest = target.breaker.rest + ms(random, 0, 3'000);
  target.retry.attempts = static_cast<int>(random.between(1, 3));
  target.retry.first_wait = ms(random, 0, 300);
  target.retry.longest_wait = target.retry.first_wait + ms(random, 0, 2'000);
  target.retry.budget_reserve = static_cast<int>(random.between(0, 6));
  return target;
}

Limits limits(Random& random) {
  Limits limits;
  if (random.percent(40)) return limits;
  if (random.percent(50)) limits.rpm = random.between(1, 12);
  if (random.percent(50)) limits.tpm = random.between(60, 8'000);
  if (random.percent(50)) limits.concurrency = random.between(1, 3);
  return limits;
}

Manners manners(Random& random, bool calm) {
  Manners manners;
  manners.begins_after = ms(random, 0, 1'500);
  manners.thinks = ms(random, 0, random.percent(10) ? 6'000 : 400);
  if (calm) {
    manners.thinks = ms(random, 0, 400);
    return manners;
  }
  if (random.percent(25)) {
    manners.leaving = random.percent(50) ? Manners::Leaving::ends : Manners::Leaving::resets;
    manners.leaves_after = ms(random, 0, 3'000);
  }
  manners.reads_slowly = random.percent(8);
  manners.stops_sending = random.percent(4);
  if (manners.reads_slowly || random.percent(10))
    manners.room = static_cast<std::size_t>(random.between(50, 2'000));
  return manners;
}

Question question(Random& random, Plan const& plan, int number) {
  Question q;
  q.number = number;
  q.speech = random.one_of(all_speeches);
  q.stream = random.percent(60);
  q.asks_usage = random.percent(80);
  q.key = random.one_of(plan.keys).text;
  q.model = "m" + std::to_string(random.below(plan.chains.size()));
  q.max_tokens = static_cast<int>(random.between(1, 100));
  constexpr std::array<int, 5> paddings{0, 0, 200, 3'000, 20'000};
  q.padding = random.one_of(paddings);
  q.chunked = random.percent(10);
  return q;
}

}  // namespace

Plan make_plan(Random& random) {
  Plan plan;
  plan.calm = random.percent(12);
  plan.interrupts = random.percent(30);
  plan.keeps_responses = random.percent(30);
  if (!plan.calm) plan.mood = mood(random);
  auto const targets = random.between(1, 3);
  for (int host = 1; host <= targets; ++host) plan.targets.push_back(target(random, host, plan.calm));
  auto const chains = random.between(1, 2);
  for (int i = 0; i < chains; ++i) plan.chains.push_back(chain(random, plan.targets.size()));
  auto const keys = random.between(1, 3);
  for (int i = 0; i < keys; ++i)
    plan.keys.push_back({"sk-" + std::to_string(i), plan.calm ? Limits{} : limits(random)});
  int number = 0;
  auto const clients = random.between(1, 6);
  for (int i = 0; i < clients; ++i) {
    ClientPlan& client = plan.clients.emplace_back();
    client.manners = manners(random, plan.calm);
    auto const calls = random.between(1, 4);
    for (int k = 0; k < calls; ++k) client.questions.push_back(question(random, plan, number++));
  }
  plan.server.head_time = ms(random, 500, 2'000);
  plan.server.body_time = ms(random, 500, 2'000);
  plan.server.write_time = ms(random, 500, 2'000);
  plan.server.idle_time = ms(random, 2'000, 5'000);
  plan.server.linger_time = ms(random, 100, 500);
  if (!plan.calm && random.percent(15)) {
    plan.drains_after = ms(random, 100, 4'000);
    plan.drain_bound = ms(random, 100, 5'000);
  }
  return plan;
}

}  // namespace lowart::sim
