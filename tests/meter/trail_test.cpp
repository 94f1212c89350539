/// What a record says of the attempts behind it, and who pays for which: the written rules of docs/architecture.md.

#include <lowart/meter/metered.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/resume.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lowart::trail_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::ScriptedProvider;
using lowart::testing::Step;
using lowart::testing::TestLoop;

/// "a upstream_failed 0+5 in=3 cost=6" for each attempt: when it began and how long it took in milliseconds.
std::string told(AttemptRecord const& attempt) {
  std::string text(attempt.provider);
  text.append(" ").append(attempt.failure.empty() ? "ok" : attempt.failure);
  text.append(" ").append(std::to_string(attempt.began_after / 1000));
  text.append("+").append(std::to_string(attempt.duration / 1000));
  for (auto const c : {UsageClass::input, UsageClass::output})
    if (auto const n = attempt.usage.get(c))
      text.append(" ").append(to_string(c)).append("=").append(std::to_string(*n));
  return text.append(" cost=").append(std::to_string(attempt.cost.count()));
}

struct Page {
  std::vector<std::string> trail;
  Usage usage;
  NanoUsd cost;
  Outcome outcome;
  Provenance provenance;
  CallFeatures features;
};
struct Notebook {
  std::shared_ptr<std::vector<Page>> pages = std::make_shared<std::vector<Page>>();
  Result<void> append(UsageRecord const& r) {
    Page page{{}, r.usage, r.cost, r.outcome, r.provenance, r.features};
    for (auto const& attempt : r.trail) page.trail.push_back(told(attempt));
    pages->push_back(std::move(page));
    return {};
  }
};

/// A nano-dollar for each token, two at the provider "b".
Priced price_of(Billed const& billed, Usage const& usage) {
  Price price;
  for (auto const c : {UsageClass::input, UsageClass::output})
    price.set(c, NanoUsd(billed.provider == "b" ? 2'000'000 : 1'000'000));
  return {.cost = cost(usage, price), .price = {}};
}
Usage usage_of(std::int64_t input, std::int64_t output) {
  Usage usage;
  usage.set(UsageClass::input, input);
  usage.set(UsageClass::output, output);
  return usage;
}
Error down() {
  return Error(Errc::upstream_failed, "503", Origin::upstream).with_sent(Sent::yes).with_retryable(true);
}
ScriptedProvider one(std::string name, Step step) {
  return ScriptedProvider(std::move(name), {std::move(step)});
}

/// Asks once and reads `parts` of the answer (all of them: -1); the one page that came of it.
template <class P>
Page page_of(P provider, int parts = -1,
             ChatRequest const& request = ChatRequest("m").add(Role::user, "Hi")) {
  TestLoop loop;
  Notebook notebook;
  auto metered = std::move(provider) | lowart::metered(TokenMeter{}, notebook, &price_of);
  Call call = loop.call();
  Result<ChatReply> reply = loop.run(metered(request, call));
  for (int i = 0; reply && i != parts; ++i) {
    Result<ReplyPart> const part = loop.run(reply->next());
    if (!part || part->last) break;
  }
  reply = fail(Errc::internal, "dropped");
  EXPECT_EQ(notebook.pages->size(), 1U);
  return notebook.pages->empty() ? Page{} : notebook.pages->front();
}
using Lines = std::vector<std::string>;

TEST(Trail, SaysNothingThatTheRecordSaysAnyway) {
  auto const page = page_of(one("a", Step::answer("x").reporting(usage_of(5, 2))));
  EXPECT_EQ(page.trail, Lines{});
  EXPECT_EQ(page.cost.count(), 7);
}

TEST(Trail, AProviderThatFailedIsPaidNothing) {
  auto const page = page_of(Fallback{one("a", Step::fail(down()).after(100ms)),
                                     one("b", Step::answer("x").reporting(usage_of(5, 2)).after(200ms))});
  EXPECT_EQ(page.trail, (Lines{"a upstream_failed 0+100 cost=0", "b ok 100+200 input=5 output=2 cost=14"}));
  EXPECT_EQ(page.usage, usage_of(5, 2));
  EXPECT_EQ(page.cost.count(), 14);
}

TEST(Trail, AllThatFailedAreTold) {
  auto const page = page_of(Fallback{one("a", Step::fail(down())), one("b", Step::fail(down()))});
  EXPECT_EQ(page.trail, (Lines{"a upstream_failed 0+0 cost=0", "b upstream_failed 0+0 cost=0"}));
  EXPECT_EQ(page.outcome, Outcome::failed);
  EXPECT_EQ(page.cost.count(), 0);
  EXPECT_EQ(page_of(one("a", Step::fail(down()))).trail.size(), 1U) << "why the only one failed";
}

TEST(Trail, TheLoserOfAHedgeIsToldAndNotBilled) {
  auto chain = Fallback{one("a", Step::answer("x").after(30s)),
                        one("b", Step::answer("y").reporting(usage_of(5, 2)).after(500ms))} |
               hedge({.after = 1s});
  auto const page = page_of(std::move(chain));
  ASSERT_EQ(page.trail.size(), 2U);
  EXPECT_TRUE(page.trail[0].starts_with("a cancelled 0+")) << page.trail[0];
  EXPECT_NE(page.trail[0].find(" input="), std::string::npos) << "its provider has read the prompt";
  EXPECT_TRUE(page.trail[1].ends_with(" input=5 output=2 cost=14")) << page.trail[1];
  EXPECT_EQ(page.usage, usage_of(5, 2));
  EXPECT_EQ(page.cost.count(), 14) << "the client pays for the answer that it got";
}

TEST(Trail, OfTwoThatAnsweredAHedgeAtOnceOneIsTakenForTheAnswer) {
  auto chain = Fallback{one("a", Step::answer("x").reporting(usage_of(5, 2)).after(1500ms)),
                        one("b", Step::answer("y").reporting(usage_of(5, 2)).after(500ms))} |
               hedge({.after = 1s});
  auto const page = page_of(std::move(chain));
  ASSERT_EQ(page.trail.size(), 2U);
  auto const answered = [](std::string const& line) { return line.find(" ok ") != std::string::npos; };
  EXPECT_EQ(std::count_if(page.trail.begin(), page.trail.end(), answered), 1)
      << page.trail[0] << page.trail[1];
  EXPECT_EQ(page.usage, usage_of(5, 2));
}

TEST(Trail, AnAnswerOfTwoProvidersIsPaidToBoth) {
  Error const cut(Errc::connection_lost, "cut", Origin::upstream);
  Conversation asked;
  asked.stream = true;
  auto chain = Fallback{one("a", Step::stream({"Once ", "upon "}).reporting(usage_of(5, 2)).then_fail(cut)),
                        one("b", Step::stream({"a ", "time."}).reporting(usage_of(8, 3)))} |
               resume();
  auto const page =
      page_of(std::move(chain), -1, ChatRequest("m", std::move(asked)).add(Role::user, "Tell me."));
  ASSERT_EQ(page.trail.size(), 2U);
  // What "a" did not come to report is counted.
  EXPECT_TRUE(page.trail[0].ends_with(" input=10 output=3 cost=13")) << page.trail[0];
  EXPECT_TRUE(page.trail[1].ends_with(" input=8 output=3 cost=22")) << page.trail[1];
  EXPECT_EQ(page.usage, usage_of(18, 6));
  EXPECT_EQ(page.cost.count(), 35);
  EXPECT_EQ(page.provenance, Provenance::estimated);
}

TEST(Trail, AClientThatLeavesPaysForWhatWasWritten) {
  auto const page = page_of(one("a", Step::stream({"one two three", "four"}).every(1s)), 1);
  EXPECT_EQ(page.outcome, Outcome::cancelled);
  EXPECT_EQ(page.provenance, Provenance::partial);
  EXPECT_GT(page.usage.value(UsageClass::input), 0);
  EXPECT_EQ(page.usage.get(UsageClass::output), 3);
  EXPECT_EQ(page.cost.count(), page.usage.total());
}

TEST(Trail, AProviderThatBreaksOffIsPaidForWhatItWrote) {
  Error const cut(Errc::connection_lost, "cut", Origin::upstream);
  auto const page = page_of(one("a", Step::stream({"one two three", "four"}).then_fail(cut)));
  EXPECT_EQ(page.outcome, Outcome::partial);
  EXPECT_EQ(page.provenance, Provenance::partial);
  EXPECT_GT(page.usage.value(UsageClass::output), 3);
  EXPECT_EQ(page.cost.count(), page.usage.total());
}

TEST(Trail, SaysWhatWasAskedFor) {
  WireRequest wire;
  wire.body = R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})";
  wire.features.add(CallFeature::tools);
  auto const page = page_of(one("a", Step::answer("x")), -1, ChatRequest(wire));
  EXPECT_TRUE(page.features.has(CallFeature::tools));
  EXPECT_TRUE(page.features.has(CallFeature::images));
  EXPECT_FALSE(page.features.has(CallFeature::audio));
  EXPECT_FALSE(page.features.has(CallFeature::tool_calls));
}

}  // namespace
}  // namespace lowart::trail_test
