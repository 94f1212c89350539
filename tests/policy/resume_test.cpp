#include <lowart/policy/resume.hpp>

#include <lowart/meter/metered.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace lowart::resume_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

Error cut() { return Error(Errc::connection_lost, "cut", Origin::upstream); }
ScriptedProvider breaks(std::string name, std::vector<std::string> parts, Error error = cut()) {
  return ScriptedProvider(std::move(name), {Step::stream(std::move(parts)).then_fail(std::move(error))})
      .repeat();
}
ScriptedProvider streams(std::string name, std::vector<std::string> parts) {
  return ScriptedProvider(std::move(name), {Step::stream(std::move(parts))}).repeat();
}
ChatRequest streamed(Conversation conversation = {}) {
  conversation.stream = true;
  ChatRequest request("m", std::move(conversation));
  request.add(Role::user, "Tell me.");
  return request;
}

/// What came out, and who marked a seam.
struct Told {
  std::string text;
  std::string seam;
  std::optional<Errc> error;
};
template <class P>
Told ask(TestLoop& loop, P& provider, ChatRequest const& request, Call& call) {
  Told told;
  Result<ChatReply> reply = loop.run(provider(request, call));
  if (!reply) {
    told.error = reply.error().code();
    return told;
  }
  for (;;) {
    Result<ReplyPart> const part = loop.run(reply->next());
    if (!part) {
      told.error = part.error().code();
      return told;
    }
    for (ChatDelta const& step : part->deltas) {
      for (auto const& choice : step.choices) told.text += choice.text();
      told.seam += step.seam;
    }
    if (part->last) return told;
  }
}
template <class P>
Told ask(P& provider, ChatRequest const& request = streamed()) {
  TestLoop loop;
  Call call = loop.call();
  return ask(loop, provider, request, call);
}

TEST(Resume, GoesOnWithTheNextTargetWhereAStreamBroke) {
  auto a = breaks("a", {"Once ", "upon "});
  auto b = streams("b", {"a ", "time."});
  auto chain = Fallback{a, b} | resume();
  Told const told = ask(chain);
  EXPECT_EQ(told.error, std::nullopt);
  EXPECT_EQ(told.text, "Once upon a time.");
  EXPECT_EQ(told.seam, "b");
  EXPECT_EQ(chain.counts().resumed, 1U);
  EXPECT_EQ(chain.counts().given_up, 0U);
}

TEST(Resume, AsksWhoBrokeOffLast) {
  auto a = breaks("a", {"x"});
  ScriptedProvider b("b", {Step::fail(cut()), Step::stream({"y"})});
  ScriptedProvider a_then("a", {Step::stream({"x"}).then_fail(cut()), Step::stream({"z"})});
  auto chain = Fallback{a_then, b} | resume();
  EXPECT_EQ(ask(chain).text, "xz") << "b failed, so a may do it again";
  EXPECT_EQ(b.calls(), 1U);
}

TEST(Resume, TellsTheErrorWhenNobodyCanGoOn) {
  auto a = breaks("a", {"x"});
  ScriptedProvider b = ScriptedProvider("b", {Step::fail(cut())}).repeat();
  auto chain = Fallback{a, b} | resume({.times = 1});
  Told const told = ask(chain);
  EXPECT_EQ(told.error, Errc::connection_lost);
  EXPECT_EQ(told.text, "xx") << "a was asked again, and broke again";
  EXPECT_EQ(chain.counts().given_up, 1U);
}

TEST(Resume, LeavesACallThatWasCancelledAlone) {
  TestLoop loop;
  Call call = loop.call();
  ScriptedProvider a("a", {Step::stream({"x"}).then_stall()});
  auto b = streams("b", {"y"});
  auto chain = Fallback{a, b} | resume();
  ChatRequest const request = streamed();
  Result<ChatReply> reply = loop.run(chain(request, call));
  ASSERT_TRUE(reply);
  ASSERT_TRUE(loop.run(reply->next()));
  call.cancel();
  Result<ReplyPart> const part = loop.run(reply->next());
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code(), Errc::cancelled);
  EXPECT_EQ(b.calls(), 0U);
  EXPECT_EQ(chain.counts().given_up, 0U);
}

TEST(Resume, LeavesDocumentsAndSeveralChoicesAlone) {
  for (bool const json : {false, true}) {
    Conversation asked;
    if (json) asked.output_format.kind = OutputKind::json_object;
    else asked.n = 2;
    auto a = breaks("a", {"x"});
    auto b = streams("b", {"y"});
    auto chain = Fallback{a, b} | resume();
    EXPECT_EQ(ask(chain, streamed(asked)).error, Errc::connection_lost);
    EXPECT_EQ(b.calls(), 0U);
  }
}

TEST(Resume, HandsWholeAnswersOnAsTheyCome) {
  ScriptedProvider a("a", {Step::answer("whole")});
  auto chain = Fallback{a} | resume();
  EXPECT_EQ(ask(chain, ChatRequest("m").add(Role::user, "x")).text, "whole");
}

TEST(Resume, PutsTheSeamIntoTheTextWhereAsked) {
  auto a = breaks("a", {"x"});
  auto b = streams("b", {"y", "z"});
  auto chain = Fallback{a, b} | resume({.seam = " ... "});
  EXPECT_EQ(ask(chain).text, "x ... yz");
}

TEST(Resume, BillsBothAndTrustsWhatWasCountedLess) {
  TestLoop loop;
  Call call = loop.call();
  Usage usage;
  usage.set(UsageClass::input, 100);
  usage.set(UsageClass::output, 10);
  auto a = breaks("a", {"one two three"});
  ScriptedProvider b("b", {Step::stream({"four"}).reporting(usage)});
  auto chain = Fallback{a, b} | resume();
  std::vector<std::string> priced;
  struct Kept {
    Result<void> append(UsageRecord const& record) {
      last->usage = record.usage;
      last->provenance = record.provenance;
      last->cost = record.cost;
      provider->assign(record.provider);
      return {};
    }
    UsageRecord* last;
    std::string* provider;
  };
  UsageRecord record;
  std::string provider;
  Metered metered(std::move(chain), TokenMeter{}, Kept{&record, &provider},
                  [&](Billed const& billed, Usage const& used) {
                    priced.emplace_back(billed.provider);
                    Price price;
                    price.set(UsageClass::output,
                              billed.provider == "a" ? NanoUsd(1'000'000'000) : NanoUsd(2'000'000'000));
                    return Priced{.cost = cost(used, price), .price = {}};
                  });
  EXPECT_EQ(ask(loop, metered, streamed(), call).text, "one two threefour");
  EXPECT_EQ(record.usage.value(UsageClass::output), 3 + 10);
  EXPECT_GT(record.usage.value(UsageClass::input), 100);
  EXPECT_EQ(record.provenance, Provenance::estimated) << "of a model whose tokenizer nobody knows";
  EXPECT_EQ(provider, "b");
  EXPECT_EQ(priced, (std::vector<std::string>{"b", "a", "a", "b"})) << "for the cost, and for the trail";
  EXPECT_EQ(record.cost.count(), 3 * 1'000 + 10 * 2'000);
  EXPECT_EQ(call.trail().size(), 2U);
}

TEST(ResumeDecision, AsksForTheRestWithLessToWrite) {
  Conversation asked;
  asked.max_tokens = 100;
  Conversation const rest = continuation(asked, std::string(80, 'x'), "go on");
  ASSERT_EQ(rest.messages.size(), 2U);
  EXPECT_EQ(rest.messages[0].role, Role::assistant);
  EXPECT_EQ(rest.messages[0].text(), std::string(80, 'x'));
  EXPECT_EQ(rest.messages[1].text(), "go on");
  EXPECT_EQ(rest.max_tokens, 80);
  EXPECT_EQ(continuation(asked, "", "go on"), asked);
  EXPECT_EQ(continuation(asked, std::string(8000, 'x'), "go on").max_tokens, 1);
}

TEST(ResumeDecision, GoesOnWithTextOnly) {
  struct Row {
    PartKind kind;
    bool may;
  };
  for (Row const& row :
       {Row{PartKind::text, true}, Row{PartKind::reasoning, true}, Row{PartKind::tool_call, false},
        Row{PartKind::refusal, false}, Row{PartKind::image, false}}) {
    ChatDelta step;
    step.choices.emplace_back().pieces.emplace_back().kind = row.kind;
    AnswerSoFar so_far;
    so_far.note(step);
    EXPECT_EQ(so_far.may_go_on(), row.may) << static_cast<int>(row.kind);
  }
  ChatDelta finished;
  finished.choices.emplace_back().finish = FinishReason::stop;
  AnswerSoFar so_far;
  so_far.note(finished);
  EXPECT_FALSE(so_far.may_go_on());
}

TEST(ResumeDecision, RefusesOptionsOutOfRange) {
  auto a = streams("a", {"x"});
  EXPECT_THROW((void)(Fallback{a} | resume({.times = 0})), std::invalid_argument);
  EXPECT_THROW((void)(Fallback{a} | resume({.instruction = ""})), std::invalid_argument);
}

}  // namespace
}  // namespace lowart::resume_test
