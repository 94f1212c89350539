#include <lowart/provider/collect.hpp>

#include <lowart/provider/openai.hpp>
#include <lowart/provider/text_reply.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::collect_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedProvider;
using lowart::testing::ScriptedTransport;
using lowart::testing::Step;
using lowart::testing::TestLoop;

std::string chunk(std::string_view delta, std::string_view finish = "null") {
  return R"(data: {"id":"c","object":"chat.completion.chunk","created":3,"model":"m","choices":[{"index":0,"delta":)" +
         std::string(delta) + R"(,"finish_reason":)" + std::string(finish) + "}]}\n\n";
}
std::string const opening = chunk(R"({"role":"assistant","content":""})") + chunk(R"({"content":"Hel"})");
std::string const ending =
    chunk(R"({"content":"lo"})") + chunk("{}", "\"stop\"") +
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n" +
    "data: [DONE]\n\n";

Result<Answer> collected(TestLoop& loop, Call& call, ScriptedAnswer answer) {
  OpenAi<ScriptedTransport> provider(ScriptedTransport({std::move(answer)}), {});
  ChatRequest const request = ChatRequest("m").add(Role::user, "Hi");
  Result<ChatReply> reply = loop.run(provider(request, call));
  if (!reply) return fail(reply.error());
  return loop.run(collect(*reply, call));
}
ScriptedAnswer sse(std::string const& text, std::size_t size) {
  ScriptedAnswer answer = ScriptedAnswer(200).field("content-type", "text/event-stream");
  for (std::size_t at = 0; at < text.size(); at += size) std::move(answer).piece(text.substr(at, size));
  return answer;
}

TEST(Collect, JoinsAStreamHoweverItWasCut) {
  std::string const text = opening + ending;
  for (std::size_t size = 1; size <= text.size(); size += size < 40 ? 1 : 97) {
    TestLoop loop;
    Call call = loop.call();
    auto const answer = collected(loop, call, sse(text, size));
    ASSERT_TRUE(answer) << size << answer.error().message();
    EXPECT_EQ(answer->text(), "Hello") << size;
    EXPECT_EQ(answer->whole.choices.at(0).finish, FinishReason::stop);
    ASSERT_TRUE(answer->whole.usage);
    EXPECT_EQ(answer->whole.usage->total(), 11);
  }
}

TEST(Collect, ReadsAWholeAnswer) {
  TestLoop loop;
  Call call = loop.call();
  auto const answer =
      collected(loop, call,
                ScriptedAnswer::json(
                    200, R"({"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
                         R"("content":"Hello"},"finish_reason":"stop"}]})"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text(), "Hello");
}

TEST(Collect, ReadsNeutralAnswers) {
  TestLoop loop;
  Call call = loop.call();
  ChatReply ready = text_reply(call, "me", "m", "Hello");
  auto const at_once = loop.run(collect(ready, call));
  ASSERT_TRUE(at_once);
  EXPECT_EQ(at_once->text(), "Hello");
  ScriptedProvider provider("p", {Step::stream({"Hel", "", "lo"})});
  ChatRequest const request("m");
  auto reply = loop.run(provider(request, call));
  auto const streamed = loop.run(collect(*reply, call));
  ASSERT_TRUE(streamed);
  EXPECT_EQ(streamed->text(), "Hello");
}

TEST(Collect, FailsWithTheStreamsOwnError) {
  TestLoop loop;
  Call call = loop.call();
  auto const cut = collected(loop, call, sse(opening, opening.size()));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), Errc::connection_lost);
}

TEST(DeltaReader, HandsOutOneStepAtATimeAndThenNothing) {
  TestLoop loop;
  Call call = loop.call();
  ScriptedProvider provider("p", {Step::stream({"a", "b"})});
  ChatRequest const request("m");
  auto reply = loop.run(provider(request, call));
  DeltaReader steps(*reply, call);
  std::vector<std::string> texts;
  for (int i = 0; i < 2; ++i) {
    auto const step = loop.run(steps.next());
    ASSERT_TRUE(step && *step);
    texts.push_back((*step)->choices.at(0).text());
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "b"}));
  for (int i = 0; i < 2; ++i) {
    auto const end = loop.run(steps.next());
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end) << "asking again is harmless";
  }
}

TEST(DeltaReader, HandsOutTheStepsBeforeABreak) {
  TestLoop loop;
  Call call = loop.call();
  OpenAi<ScriptedTransport> provider(ScriptedTransport({sse(opening, opening.size())}), {});
  ChatRequest const request = ChatRequest("m").add(Role::user, "Hi");
  auto reply = loop.run(provider(request, call));
  DeltaReader steps(*reply, call);
  std::string text;
  for (;;) {
    auto const step = loop.run(steps.next());
    if (!step) {
      EXPECT_EQ(step.error().code(), Errc::connection_lost);
      break;
    }
    ASSERT_TRUE(*step);
    for (auto const& choice : (*step)->choices) text += choice.text();
  }
  EXPECT_EQ(text, "Hel");
}

TEST(Answer, HasNoTextWithoutAChoice) { EXPECT_EQ(Answer{}.text(), ""); }

}  // namespace
}  // namespace lowart::collect_test
