#include <lowart/policy/cache.hpp>

#include <lowart/meter/metered.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/archetype_provider.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache_fixture.hpp"

namespace lowart::cache_test {
namespace {

static_assert(Provider<Cached<testing::ArchetypeProvider>>);
static_assert(Serves<Cached<Demo>, ChatRequest> && Serves<Cached<Demo>, EmbeddingRequest> &&
              Serves<Cached<Demo>, CountRequest>);

TEST(Cached, GivesTheSameBytesAgainAndAsksNobody) {
  TestLoop loop;
  ScriptedProvider const up("up", {events({"a", "b", "c"}).every(1s), events({"never"})});
  Cached cached(up);
  auto const first = ask(loop, cached);
  EXPECT_EQ(first.head.cache.role, CacheRole::miss);
  TimePoint const before = loop.clock.now();
  auto const again = ask(loop, cached);
  EXPECT_EQ(again.bytes, "abc");
  EXPECT_EQ(again.bytes, first.bytes);
  EXPECT_EQ(again.parts, 1U);
  EXPECT_EQ(loop.clock.now(), before) << "without the pauses of a provider";
  EXPECT_EQ(again.head.cache.role, CacheRole::hit);
  EXPECT_EQ(again.head.dialect, Dialect::openai_chat);
  EXPECT_TRUE(again.head.streamed);
  EXPECT_EQ(again.provider, "up");
  EXPECT_EQ(again.attempts, 0U);
  EXPECT_EQ(up.calls(), 1U);
}

TEST(Cached, TellsTheAgeAndForgetsInTime) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {events({"x"})}).repeat();
  Cached cached(up, {.ttl = 10s});
  ask(loop, cached);
  loop.clock.advance(4s);
  EXPECT_EQ(ask(loop, cached).head.cache.age, 4);
  loop.clock.advance(6s);
  EXPECT_EQ(ask(loop, cached).head.cache.role, CacheRole::miss);
  EXPECT_EQ(up.calls(), 2U);
}

TEST(Cached, IsHeededByCacheControl) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {events({"x"})}).repeat();
  Cached cached(up);
  EXPECT_EQ(ask(loop, cached, chat(), "no-store").head.cache.role, CacheRole::none);
  EXPECT_EQ(ask(loop, cached).head.cache.role, CacheRole::miss) << "nothing was kept";
  EXPECT_EQ(ask(loop, cached, chat(), "no-cache").head.cache.role, CacheRole::miss);
  EXPECT_EQ(ask(loop, cached, chat(), "no-store").head.cache.role, CacheRole::none);
  EXPECT_EQ(ask(loop, cached).head.cache.role, CacheRole::hit);
  EXPECT_EQ(up.calls(), 4U);
}

TEST(Cached, SeparatesKeysUnlessTheyShare) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {events({"x"})}).repeat();
  Cached own(up);
  ask(loop, own);
  EXPECT_EQ(ask(loop, own, chat(), "", "bob").head.cache.role, CacheRole::miss);
  auto shared = up | cached(CacheOptions{}, CacheScope{.model = {}, .shared = true});
  ask(loop, shared);
  EXPECT_EQ(ask(loop, shared, chat(), "", "bob").head.cache.role, CacheRole::hit);
}

TEST(Cached, KeepsOnlyWhatIsCompleteAndGood) {
  TestLoop loop;
  Error const lost(Errc::connection_lost, "lost", Origin::upstream);
  ScriptedProvider const up("up", {Step::fail(lost), events({"a"}).then_fail(lost), events({"ab"})});
  Cached cached(up);
  EXPECT_TRUE(ask(loop, cached).error);
  auto const partial = ask(loop, cached);
  EXPECT_TRUE(partial.error);
  EXPECT_EQ(partial.bytes, "a");
  EXPECT_EQ(ask(loop, cached).bytes, "ab");
  EXPECT_EQ(ask(loop, cached).bytes, "ab");
  EXPECT_EQ(up.calls(), 3U);
}

TEST(Cached, DoesNotKeepWhatTheClientLeftOrWhatIsTooLarge) {
  TestLoop loop;
  ScriptedProvider const up =
      ScriptedProvider("up", {events({std::string(600, 'a'), std::string(600, 'b')})}).repeat();
  Cached cached(up, {.size = 10'000, .entry = 1'000});
  {
    Call call = loop.call();
    auto const question = chat();
    auto reply = loop.run(cached(question, call));
    ASSERT_TRUE(reply);
  }
  EXPECT_EQ(ask(loop, cached).bytes.size(), 1'200U);
  EXPECT_EQ(ask(loop, cached).head.cache.role, CacheRole::miss);
  EXPECT_EQ(up.calls(), 3U);
  EXPECT_EQ(cached.cache().figures().entries, 0U);
}

TEST(Cached, KeepsNeutralStepsAndTheirEnd) {
  TestLoop loop;
  Usage usage;
  usage.set(UsageClass::input, 3);
  usage.set(UsageClass::output, 2);
  ScriptedProvider const up("up", {Step::stream({"Hel", "lo"}).reporting(usage)});
  Cached cached(up);
  for (int i = 0; i < 2; ++i) {
    Call call = loop.call();
    auto const question = chat();
    auto reply = loop.run(cached(question, call));
    ASSERT_TRUE(reply);
    auto const answer = loop.run(collect(*reply, call));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->text(), "Hello");
    EXPECT_EQ(answer->whole.choices.at(0).finish, FinishReason::stop);
    EXPECT_EQ(answer->whole.usage, usage) << "what it took when it was made";
  }
}

TEST(Cached, HandsOnWhatIsNotForACache) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {events({"x"})}).repeat();
  Cached cached(up);
  ChatRequest in_process("m");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(loop, cached, in_process).head.cache.role, CacheRole::none);
  EXPECT_EQ(up.calls(), 2U);
  Cached demo(Demo{});
  Call call = loop.call();
  CountRequest const count(chat());
  EXPECT_TRUE(loop.run(demo(count, call)));
}

/// The records that a meter leaves.
struct Sink {
  Result<void> append(UsageRecord const& r) {
    kept->push_back(r);
    return {};
  }
  std::shared_ptr<std::vector<UsageRecord>> kept = std::make_shared<std::vector<UsageRecord>>();
};

TEST(Cached, CostsNothingAndItsRecordSaysSo) {
  TestLoop loop;
  Usage usage;
  usage.set(UsageClass::input, 30);
  usage.set(UsageClass::output, 20);
  Sink const sink;
  Price price;
  price.set(UsageClass::input, NanoUsd(1'000'000));
  price.set(UsageClass::output, NanoUsd(1'000'000));
  auto answer = ScriptedProvider("up", {events({"a", "b"}).every(1s).reporting(usage)}) | cached() |
                metered(TokenMeter{}, sink, [price](Billed const&, Usage const& used) {
                  return Priced{.cost = cost(used, price), .price = "p"};
                });
  Crowd crowd(loop);
  crowd.join(answer, 3);
  loop.pass(2s);
  ask(loop, answer);
  ASSERT_EQ(sink.kept->size(), 4U);
  int paid = 0;
  for (UsageRecord const& r : *sink.kept) {
    EXPECT_EQ(r.outcome, Outcome::complete);
    EXPECT_EQ(r.status, 200);
    if (r.provenance == Provenance::reported) {
      ++paid;
      EXPECT_EQ(r.usage, usage);
      EXPECT_EQ(r.cost.count(), 50);
      EXPECT_EQ(r.attempts, 1);
      continue;
    }
    EXPECT_EQ(r.provenance, Provenance::cached);
    EXPECT_EQ(r.usage.get(UsageClass::input), 0);
    EXPECT_EQ(r.usage.total(), 0);
    EXPECT_EQ(r.cost.count(), 0);
    EXPECT_EQ(r.attempts, 0);
  }
  EXPECT_EQ(paid, 1) << "the one call that reached the provider";
}

TEST(Cached, WorksForEmbeddings) {
  TestLoop loop;
  Sink const sink;
  auto answer = Demo{} | cached() | metered(TokenMeter{}, sink);
  auto const ask_vectors = [&](std::string_view body) {
    Call call = loop.call();
    WireEmbedding wire;
    wire.body = body;
    wire.model = "m";
    wire.decode = [](std::string_view text) -> Result<EmbeddingInputs> {
      EmbeddingInputs inputs;
      inputs.inputs.emplace_back().text = text;
      return inputs;
    };
    EmbeddingRequest const request(wire);
    auto reply = loop.run(answer(request, call));
    return std::make_pair(reply->head().cache.role, reply->vectors().value());
  };
  auto const first = ask_vectors(R"({"input":"one"})");
  auto const again = ask_vectors(R"({"input":"one"})");
  auto const other = ask_vectors(R"({"input":"two"})");
  EXPECT_EQ(first.first, CacheRole::miss);
  EXPECT_EQ(again.first, CacheRole::hit);
  EXPECT_EQ(other.first, CacheRole::miss);
  EXPECT_EQ(first.second, again.second);
  EXPECT_NE(first.second, other.second);
  ASSERT_EQ(sink.kept->size(), 3U);
  EXPECT_EQ(sink.kept->at(1).provenance, Provenance::cached);
  EXPECT_EQ(sink.kept->at(1).usage.total(), 0);
  EXPECT_GT(sink.kept->at(2).usage.total(), 0);
}

}  // namespace
}  // namespace lowart::cache_test
