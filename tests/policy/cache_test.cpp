#include <lowart/policy/cache.hpp>

#include <lowart/meter/metered.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/store/memory_store.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace lowart::cache_test {
namespace {

using namespace std::chrono_literals;
using testing::Running;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

static_assert(Provider<Cached<testing::ArchetypeProvider>>);
static_assert(Serves<Cached<Demo>, ChatRequest> && Serves<Cached<Demo>, EmbeddingRequest> &&
              Serves<Cached<Demo>, CountRequest>);

Step events(std::vector<std::string> parts) {
  return Step::stream(std::move(parts)).as(Dialect::openai_chat);
}

ChatRequest chat(std::string_view body = R"({"messages":[]})", bool stream = true) {
  WireRequest wire;
  wire.body = body;
  wire.model = "m";
  wire.stream = stream;
  wire.decode = [](std::string_view) -> Result<Conversation> { return Conversation{}; };
  return ChatRequest(wire);
}

/// What one call came to.
struct Heard {
  std::string bytes;
  std::size_t parts{0};
  std::optional<Error> error;
  ReplyHead head;
  std::string provider;
  std::size_t attempts{0};
};

template <class P>
Task<Heard> listen(P& provider, ChatRequest const& request, Call& call) {
  Heard heard;
  Result<ChatReply> reply = co_await provider(request, call);
  if (!reply) heard.error = reply.error();
  else heard.head = reply->head();
  heard.provider = heard.head.provider;
  for (bool more = !heard.error; more;) {
    Result<ReplyPart> const part = co_await reply->next();
    if (!part) heard.error = part.error();
    else heard.bytes += part->bytes;
    ++heard.parts;
    more = part && !part->last;
  }
  heard.attempts = call.trail().size();
  co_return heard;
}

/// A call of a client with fields of its own.
struct Caller {
  explicit Caller(TestLoop& loop, std::string_view control = {}, std::string_view key = "alice")
      : cache_control(control), call(loop.call()) {
    call.key_name(key);
    call.client_fields({.lookup =
                            [](void const* head, std::string_view name) {
                              return name == "cache-control" ? *static_cast<std::string_view const*>(head)
                                                             : std::string_view();
                            },
                        .head = &cache_control});
  }
  std::string_view cache_control;
  Call call;
};
template <class P>
Heard ask(TestLoop& loop, P& provider, ChatRequest const& request = chat(), std::string_view control = {},
          std::string_view key = "alice") {
  Caller caller(loop, control, key);
  return loop.run(listen(provider, request, caller.call));
}

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

/// A gateway's cache over a metered provider: several loops are several TestLoops with one cache.
struct Crowd {
  explicit Crowd(TestLoop& l) : loop(l) {}
  template <class P>
  void join(P& provider, int count = 1) {
    for (int i = 0; i < count; ++i) {
      Caller& caller = callers.emplace_back(loop);
      running.push_back(testing::start(loop.io, listen(provider, question, caller.call)));
    }
    loop.settle();
  }
  int done() const {
    int count = 0;
    for (auto const& r : running) count += r.done() ? 1 : 0;
    return count;
  }
  TestLoop& loop;
  ChatRequest const question = chat();
  std::deque<Caller> callers;
  std::vector<Running<Heard>> running;
};

TEST(Cached, AsksOnceForAThousandEqualCalls) {
  TestLoop loop;
  ScriptedProvider const up("up", {events({"a", "b"}).after(2s).every(3s)});
  Cached cached(up);
  Crowd crowd(loop);
  crowd.join(cached, 500);
  loop.pass(3s);
  crowd.join(cached, 500);  // while the answer runs
  EXPECT_EQ(crowd.done(), 0);
  loop.pass(3s);
  ASSERT_EQ(crowd.done(), 1'000);
  EXPECT_EQ(up.calls(), 1U);
  int joined = 0;
  for (auto& r : crowd.running) {
    Heard const heard = r.take();
    EXPECT_EQ(heard.bytes, "ab");
    joined += heard.head.cache.role == CacheRole::joined ? 1 : 0;
  }
  EXPECT_EQ(joined, 999);
}

TEST(Cached, GoesOnWithOneWhoWaitsWhenTheFirstClientLeaves) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {events({"a", "b"}).every(2s)}).repeat();
  Cached cached(up);
  Crowd crowd(loop);
  crowd.join(cached, 100);
  loop.pass(1s);
  crowd.callers.front().call.cancel();
  loop.settle();
  EXPECT_EQ(crowd.running.front().take().error->code(), Errc::cancelled);
  EXPECT_EQ(up.calls(), 2U) << "one of those who waited asks";
  crowd.callers[50].call.cancel();  // one that only waits
  loop.settle();
  EXPECT_EQ(crowd.done(), 2);
  loop.pass(3s);
  EXPECT_EQ(crowd.done(), 100);
  EXPECT_EQ(up.calls(), 2U);
  EXPECT_EQ(crowd.running.back().take().bytes, "ab");
}

TEST(Cached, FailsAllOnlyAfterSeveralHaveFailed) {
  TestLoop loop;
  Error const down(Errc::upstream_failed, "down", Origin::upstream);
  ScriptedProvider const up(
      "up", {Step::fail(down).after(1s), Step::fail(down).after(1s), events({"x"}).after(1s)});
  Cached good(up);
  Crowd lucky(loop);
  lucky.join(good, 10);
  loop.pass(4s);
  ASSERT_EQ(lucky.done(), 10);
  EXPECT_EQ(lucky.running.back().take().bytes, "x");
  EXPECT_TRUE(lucky.running.front().take().error);

  ScriptedProvider const broken = ScriptedProvider("up", {Step::fail(down).after(1s)}).repeat();
  Cached bad(broken);
  Crowd unlucky(loop);
  unlucky.join(bad, 10);
  loop.pass(4s);
  ASSERT_EQ(unlucky.done(), 10);
  EXPECT_EQ(broken.calls(), 3U);
  EXPECT_EQ(unlucky.running.back().take().error->code(), Errc::upstream_failed);
}

TEST(Cached, DoesNotWaitForEverForOneThatIsSilent) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {Step::stall()}).repeat();
  Cached cached(up, {.wait = 10s});
  Crowd crowd(loop);
  crowd.join(cached, 20);
  loop.pass(11s);
  EXPECT_EQ(up.calls(), 2U) << "one more is asked, not nineteen";
  loop.pass(20s);
  EXPECT_EQ(up.calls(), 3U);
  EXPECT_EQ(crowd.done(), 17);
  for (auto& r : crowd.running)
    if (r.done()) EXPECT_EQ(r.take().error->code(), Errc::first_token_timeout);
  for (auto& caller : crowd.callers) caller.call.cancel();
  loop.settle();
  EXPECT_EQ(crowd.done(), 20);
}

TEST(Cached, LetsAWaitEndWithItsOwnClock) {
  TestLoop loop;
  ScriptedProvider const up = ScriptedProvider("up", {Step::stall()}).repeat();
  Cached cached(up);
  auto hurried = std::move(cached) | timeouts({.first_token = 2s});
  Crowd crowd(loop);
  crowd.join(hurried, 2);
  loop.pass(3s);
  ASSERT_EQ(crowd.done(), 2);
  EXPECT_EQ(crowd.running.back().take().error->code(), Errc::first_token_timeout);
}

TEST(Cached, MakesWaitersOfSeveralLoopsWaitForEachOther) {
  auto const cache = std::make_shared<AnswerCache>();
  /// Answers when the test says so, on whichever loop it is asked.
  struct Gate {
    std::string_view name() const { return "gate"; }
    Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
      ++*calls;
      while (!*open) {
        bool const waited = co_await call.clock().sleep(1ms, call);
        if (!waited) co_return fail(call.interruption_error());
      }
      Result<ChatReply> reply = co_await inner(request, call);
      co_return reply;
    }
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<bool>> open = std::make_shared<std::atomic<bool>>(false);
    ScriptedProvider inner = ScriptedProvider("up", {events({"a", "b"})}).repeat();
  };
  Gate const gate;
  std::atomic<int> good{0};
  std::atomic<int> begun{0};
  std::vector<std::thread> threads;
  constexpr int each = 50;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      TestLoop loop;
      Cached cached(gate, cache);
      Crowd crowd(loop);
      crowd.join(cached, each);
      ++begun;
      auto const until = std::chrono::steady_clock::now() + 20s;
      while (crowd.done() < each && std::chrono::steady_clock::now() < until) loop.pass(1ms);
      for (auto& r : crowd.running)
        if (r.done() && r.take().bytes == "ab") ++good;
      if (crowd.done() < each)
        for (auto& caller : crowd.callers) caller.call.cancel();
      loop.settle();
    });
  while (begun < 4) std::this_thread::yield();
  *gate.open = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 4 * each);
  EXPECT_EQ(gate.calls->load(), 1);
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
                metered(TokenMeter{}, sink, [price](Billed const&) { return price; });
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
