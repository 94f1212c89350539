#include <lowart/meter/metered.hpp>

#include <lowart/provider/text_reply.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace lowart::metered_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::AdmissionForTests;
using lowart::testing::ScriptedProvider;
using lowart::testing::Step;
using lowart::testing::TestLoop;

/// A record with its texts.
struct Kept {
  UsageRecord record;
  std::string key, model, provider, upstream_model, operation, price, tier;
};

/// Keeps records, or fails.
struct Notebook {
  struct Pages {
    std::vector<Kept> kept;
    bool fails{false};
  };
  std::shared_ptr<Pages> pages = std::make_shared<Pages>();
  Result<void> append(UsageRecord const& r) {
    if (pages->fails) return fail(Errc::storage_failed, "disk full");
    pages->kept.push_back({r, std::string(r.key), std::string(r.model), std::string(r.provider),
                           std::string(r.upstream_model), std::string(r.operation), std::string(r.price),
                           std::string(r.service_tier)});
    return {};
  }
};
static_assert(UsageSink<Notebook>);

/// Writes down how a call was settled.
struct Till final : Ledger {
  int settlements{0};
  std::int64_t reserved{-1};
  std::int64_t used{-1};
  NanoUsd cost;
  void settle(Reservation const& r, CallUse const& u) noexcept override {
    ++settlements, reserved = r.most.tokens, used = u.tokens, cost = u.cost;
  }
};

Usage usage_of(std::int64_t input, std::int64_t output) {
  Usage usage;
  usage.set(UsageClass::input, input);
  usage.set(UsageClass::output, output);
  return usage;
}
Priced price_of(Billed const& billed, Usage const& usage) {
  if (billed.model == "free") return {};
  Price price;
  price.set(UsageClass::input, NanoUsd(2'000'000'000));
  price.set(UsageClass::output, NanoUsd(6'000'000'000));
  return {.cost = cost(usage, price), .price = "test:all@2026-01-01"};
}

struct Metering {
  TestLoop loop;
  Till till;
  Notebook notebook;
  std::optional<Call> call;
  ScriptedProvider provider;
  Metered<ScriptedProvider, Notebook> metered;
  ChatRequest request;
  Result<ChatReply> reply = fail(Errc::internal, "not asked");

  explicit Metering(Step step, std::string model = "gpt-4o-mini")
      : provider("p", {std::move(step)}),
        metered(provider, TokenMeter{}, notebook, &price_of),
        request(ChatRequest(std::move(model)).add(Role::user, "Hello there")) {
    call.emplace(AdmissionForTests::on(till, 50), loop.clock, loop.io.get_executor(), loop.arena);
    call->caller({.key = "first"});
  }
  Result<ChatReply>& ask() {
    reply = loop.run(metered(request, *call));
    return reply;
  }
  Result<ReplyPart> next() { return loop.run(reply->next()); }
  void drop() { reply = fail(Errc::internal, "dropped"); }
  std::vector<Kept> const& kept() const { return notebook.pages->kept; }
};

TEST(Metered, AsksForThePriceOfWhoAnswered) {
  TestLoop loop;
  Notebook notebook;
  std::string asked;
  Metered<ScriptedProvider, Notebook> metered(ScriptedProvider("p", {Step::answer("a").serving("flex")}),
                                              TokenMeter{}, notebook,
                                              [&asked](Billed const& billed, Usage const&) {
                                                asked.append(billed.model)
                                                    .append("|")
                                                    .append(billed.provider)
                                                    .append("|")
                                                    .append(billed.upstream_model)
                                                    .append("|")
                                                    .append(billed.service_tier);
                                                EXPECT_GT(billed.started_at, 0);
                                                return Priced{};
                                              });
  Call call = loop.call();
  ChatRequest const request("m");
  Result<ChatReply> reply = loop.run(metered(request, call));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(loop.run(reply->next()));
  EXPECT_EQ(asked, "m|p|m|flex");
}

TEST(Metered, SaysInTheRecordWhichPriceItWasAndWhichTier) {
  Metering m(Step::answer("a").reporting(usage_of(100, 7)).serving("priority"));
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  EXPECT_EQ(m.kept().at(0).price, "test:all@2026-01-01");
  EXPECT_EQ(m.kept().at(0).tier, "priority");
}

TEST(Metered, KeepsTheRecordBeforeTheLastPartIsHandedOut) {
  Metering m(Step::stream({"a", "b"}).reporting(usage_of(100, 7)));
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  EXPECT_TRUE(m.kept().empty());
  EXPECT_EQ(m.till.settlements, 0);
  auto running = lowart::testing::start(m.loop.io, m.reply->next());
  m.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(m.kept().size(), 1U) << "before anybody took the last part";
  EXPECT_TRUE(running.take()->last);
}

TEST(Metered, RecordsACompleteAnswer) {
  Metering m(Step::stream({"a", "b"}).reporting(usage_of(100, 7)).after(2s).every(1s));
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  ASSERT_TRUE(m.next());
  m.drop();
  ASSERT_EQ(m.kept().size(), 1U);
  auto const& [r, key, model, provider, upstream_model, operation, price, tier] = m.kept()[0];
  EXPECT_EQ(key, "first");
  EXPECT_EQ(model, "gpt-4o-mini");
  EXPECT_EQ(provider, "p");
  EXPECT_EQ(upstream_model, "gpt-4o-mini");
  EXPECT_EQ(operation, "chat");
  EXPECT_EQ(r.usage, usage_of(100, 7));
  EXPECT_EQ(r.provenance, Provenance::reported);
  EXPECT_EQ(r.outcome, Outcome::complete);
  EXPECT_EQ(r.cost.count(), 100 * 2'000 + 7 * 6'000);
  EXPECT_EQ(r.attempts, 1);
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(r.streamed);
  EXPECT_EQ(r.duration, 3'000'000);
  EXPECT_EQ(r.time_to_first_token, 2'000'000);
  EXPECT_EQ(r.started_at, 1'767'225'600'000'000);
  EXPECT_FALSE(r.id == CallId{});
  EXPECT_EQ(m.till.settlements, 1);
  EXPECT_EQ(m.till.reserved, 50);
  EXPECT_EQ(m.till.used, 107);
  EXPECT_EQ(m.till.cost, m.call->spent().cost) << "a budget is charged what the record says";
  EXPECT_EQ(m.call->spent().usage, usage_of(100, 7));
  EXPECT_EQ(m.call->spent().cost, r.cost);
  EXPECT_EQ(m.call->spent().provenance, Provenance::reported);
}

TEST(Metered, RecordsAnErrorBeforeTheAnswer) {
  Metering m(Step::fail(Error(Errc::upstream_failed, "boom", Origin::upstream)));
  ASSERT_FALSE(m.ask());
  EXPECT_EQ(m.reply.error().code(), Errc::upstream_failed);
  ASSERT_EQ(m.kept().size(), 1U);
  auto const& r = m.kept()[0].record;
  EXPECT_EQ(m.kept()[0].provider, "p");
  EXPECT_EQ(r.outcome, Outcome::failed);
  EXPECT_EQ(r.status, 502);
  EXPECT_TRUE(r.usage.empty());
  EXPECT_EQ(r.provenance, Provenance::none);
  EXPECT_EQ(r.cost.count(), 0);
  EXPECT_EQ(r.time_to_first_token, -1);
  EXPECT_EQ(m.till.settlements, 1);
  EXPECT_EQ(m.till.used, 0);
}

TEST(Metered, RecordsACancellationBeforeTheAnswer) {
  Metering m(Step::stall());
  auto running = lowart::testing::start(m.loop.io, m.metered(m.request, *m.call));
  m.loop.pass(1s);
  m.call->cancel();
  m.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_FALSE(running.take());
  ASSERT_EQ(m.kept().size(), 1U);
  EXPECT_EQ(m.kept()[0].record.outcome, Outcome::cancelled);
  EXPECT_EQ(m.kept()[0].record.status, 499);
  EXPECT_EQ(m.till.used, 0);
}

TEST(Metered, CountsABrokenAnswerUpToItsBreak) {
  Metering m(Step::stream({"The quick ", "brown fox"}).then_fail(Error(Errc::connection_lost)));
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  ASSERT_TRUE(m.next());
  EXPECT_TRUE(m.kept().empty());
  ASSERT_FALSE(m.next());
  m.drop();
  ASSERT_EQ(m.kept().size(), 1U);
  auto const& r = m.kept()[0].record;
  EXPECT_EQ(r.outcome, Outcome::partial);
  EXPECT_EQ(r.provenance, Provenance::partial);
  EXPECT_EQ(r.usage.value(UsageClass::output),
            static_cast<std::int64_t>(o200k_base().count("The quick brown fox")));
  EXPECT_GT(r.usage.value(UsageClass::input), 0);
  EXPECT_EQ(m.till.settlements, 1);
  EXPECT_EQ(m.till.used, r.usage.total());
}

TEST(Metered, CountsADroppedAnswerUpToWhatWasProduced) {
  Metering m(Step::stream({"one", " two", " three"}));
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  m.drop();
  ASSERT_EQ(m.kept().size(), 1U);
  auto const& r = m.kept()[0].record;
  EXPECT_EQ(r.outcome, Outcome::cancelled);
  EXPECT_EQ(r.provenance, Provenance::partial);
  EXPECT_EQ(r.usage.value(UsageClass::output), 1);
  EXPECT_EQ(m.till.used, r.usage.total());
}

TEST(Metered, RecordsAnAnswerThatNobodyRead) {
  Metering m(Step::answer("one"));
  ASSERT_TRUE(m.ask());
  m.drop();
  ASSERT_EQ(m.kept().size(), 1U);
  EXPECT_EQ(m.kept()[0].record.outcome, Outcome::cancelled);
  EXPECT_FALSE(m.kept()[0].record.streamed);
}

TEST(Metered, RecordsAnAnswerWhoseTaskIsDestroyed) {
  Metering m(Step::stream({"one"}).then_stall());
  {
    auto const read = [](Metering& all) -> Task<Result<void>> {
      Result<ChatReply> reply = co_await all.metered(all.request, *all.call);
      for (;;) {
        Result<ReplyPart> const part = co_await reply->next();
        if (!part) break;
      }
      co_return Result<void>{};
    };
    auto running = lowart::testing::start(m.loop.io, read(m));
    m.loop.settle();
    running.abandon();
    m.loop.settle();
  }
  EXPECT_EQ(m.kept().size(), 1U);
  EXPECT_EQ(m.till.settlements, 1);
}

TEST(Metered, CountsTheAnswerOfAModelItKnowsAndSaysSo) {
  Metering m(Step::answer("The quick brown fox"));
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  auto const& r = m.kept().at(0).record;
  EXPECT_EQ(r.provenance, Provenance::counted);
  auto const conversation = m.request.conversation();
  EXPECT_EQ(r.usage.value(UsageClass::input), count_conversation(o200k_base(), *conversation));
  EXPECT_EQ(r.usage.value(UsageClass::output),
            static_cast<std::int64_t>(o200k_base().count("The quick brown fox")));
}

TEST(Metered, EstimatesTheAnswerOfAModelItDoesNotKnow) {
  Metering m(Step::answer("The quick brown fox"), "free");
  ASSERT_TRUE(m.ask());
  ASSERT_TRUE(m.next());
  EXPECT_EQ(m.kept().at(0).record.provenance, Provenance::estimated);
  EXPECT_EQ(m.kept().at(0).record.cost.count(), 0) << "no price, no cost";
}

TEST(Metered, CostsNothingWithoutPrices) {
  TestLoop loop;
  Notebook notebook;
  Call call = loop.call();
  Metered<ScriptedProvider, Notebook> metered(ScriptedProvider("p", {Step::answer("a")}), TokenMeter{},
                                              notebook);
  ChatRequest const request("gpt-4o");
  Result<ChatReply> reply = loop.run(metered(request, call));
  ASSERT_TRUE(loop.run(reply->next()));
  EXPECT_EQ(notebook.pages->kept.at(0).record.cost.count(), 0);
}

TEST(Metered, TellsOfARecordThatCouldNotBeKeptAndFailsNothing) {
  for (bool const answers : {true, false}) {
    Metering m(answers ? Step::answer("a") : Step::fail(Error(Errc::upstream_failed)));
    m.notebook.pages->fails = true;
    std::vector<std::string> told;
    m.metered.on_sink_failure([&](Error const& e) { told.push_back(e.message()); });
    EXPECT_EQ(m.ask().has_value(), answers);
    if (answers) {
      auto const part = m.next();
      ASSERT_TRUE(part);
      EXPECT_TRUE(part->last);
      EXPECT_GT(m.call->spent().usage.total(), 0);
    }
    EXPECT_EQ(told, std::vector<std::string>{"disk full"});
    EXPECT_EQ(m.till.settlements, 1) << "settled all the same";
  }
  Metering silent(Step::answer("a"));
  silent.notebook.pages->fails = true;
  ASSERT_TRUE(silent.ask());
  EXPECT_TRUE(silent.next()) << "without a callback too";
}

TEST(Metered, NamesEveryCallApart) {
  Metering a(Step::answer("a"));
  Metering b(Step::answer("b"));
  for (auto* m : {&a, &b}) {
    ASSERT_TRUE(m->ask());
    ASSERT_TRUE(m->next());
  }
  EXPECT_FALSE(a.kept().at(0).record.id == b.kept().at(0).record.id);
}

// --- embeddings -------------------------------------------------------------------------------------------

/// Answers with one vector, or fails.
struct Embedder {
  Usage usage;
  std::optional<Error> error;
  std::string_view name() const { return "e"; }
  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    if (error) co_return fail(*error);
    WholeHead head;
    head.provider = "e";
    head.upstream_model = call.keep(request.model());
    std::vector<Embedding> vectors{Embedding{1.0F}};
    co_return EmbeddingReply(head, std::move(vectors), usage);
  }
};
static_assert(Provider<Metered<Embedder, Notebook>> && !Serves<Metered<Embedder, Notebook>, ChatRequest>);

struct EmbeddingMetering {
  TestLoop loop;
  Till till;
  Notebook notebook;
  std::optional<Call> call;
  Metered<Embedder, Notebook> metered;
  EmbeddingRequest request = EmbeddingRequest("text-embedding-3-small").add("Hello there");
  Result<EmbeddingReply> reply = fail(Errc::internal, "not asked");

  explicit EmbeddingMetering(Embedder embedder)
      : metered(std::move(embedder), TokenMeter{}, notebook, &price_of) {
    call.emplace(AdmissionForTests::on(till, 50), loop.clock, loop.io.get_executor(), loop.arena);
    reply = loop.run(metered(request, *call));
  }
  Kept const& kept() const {
    EXPECT_EQ(notebook.pages->kept.size(), 1U);
    return notebook.pages->kept.at(0);
  }
};

TEST(MeteredEmbeddings, LeaveOneRecordWithWhatWasReported) {
  Usage usage;
  usage.set(UsageClass::input, 8);
  EmbeddingMetering const m(Embedder{.usage = usage, .error = {}});
  ASSERT_TRUE(m.reply);
  EXPECT_EQ(m.kept().operation, "embedding");
  EXPECT_EQ(m.kept().model, "text-embedding-3-small");
  EXPECT_EQ(m.kept().provider, "e");
  EXPECT_EQ(m.kept().record.outcome, Outcome::complete);
  EXPECT_EQ(m.kept().record.status, 200);
  EXPECT_EQ(m.kept().record.provenance, Provenance::reported);
  EXPECT_EQ(m.kept().record.usage, usage);
  EXPECT_EQ(m.kept().record.cost, price_of({}, usage).cost);
  EXPECT_EQ(m.till.settlements, 1);
  EXPECT_EQ(m.till.used, 8);
  EXPECT_EQ(m.call->spent().usage, usage);
}

TEST(MeteredEmbeddings, CountTheInputsWhereNothingWasReported) {
  EmbeddingMetering const m(Embedder{.usage = {}, .error = {}});
  auto const wanted = static_cast<std::int64_t>(cl100k_base().count("Hello there"));
  EXPECT_EQ(m.kept().record.usage.get(UsageClass::input), wanted);
  EXPECT_EQ(m.kept().record.usage.get(UsageClass::output), std::nullopt);
  EXPECT_EQ(m.kept().record.provenance, Provenance::counted);
  EXPECT_EQ(m.till.used, wanted);
}

TEST(MeteredEmbeddings, LeaveOneRecordOfAFailure) {
  EmbeddingMetering const m(
      Embedder{.usage = {}, .error = Error(Errc::rate_limited, "full", Origin::upstream)});
  EXPECT_FALSE(m.reply);
  EXPECT_EQ(m.kept().operation, "embedding");
  EXPECT_EQ(m.kept().record.outcome, Outcome::failed);
  EXPECT_EQ(m.kept().record.status, 429);
  EXPECT_EQ(m.till.used, 0);
}

}  // namespace
}  // namespace lowart::metered_test
