#include <lowart/provider/text_reply.hpp>

#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::text_reply_test {
namespace {

using lowart::testing::TestLoop;

TEST(TextReply, IsAWholeAnswerInOnePart) {
  TestLoop loop;
  Call call = loop.call();
  std::string model = "a-model-with-a-name-that-is-not-short";
  ChatReply reply = text_reply(call, "me", model, "Hello");
  model.assign("gone");
  EXPECT_EQ(reply.head().dialect, Dialect::neutral);
  EXPECT_EQ(reply.head().provider, "me");
  EXPECT_EQ(reply.head().upstream_model, "a-model-with-a-name-that-is-not-short");
  EXPECT_FALSE(reply.head().streamed);
  auto const part = loop.run(reply.next());
  ASSERT_TRUE(part);
  EXPECT_TRUE(part->last);
  ASSERT_EQ(part->deltas.size(), 1U);
  auto const& choice = part->deltas[0].choices.at(0);
  EXPECT_EQ(choice.text(), "Hello");
  EXPECT_EQ(choice.role, Role::assistant);
  EXPECT_EQ(choice.finish, FinishReason::stop);
  EXPECT_EQ(reply.progress().text, "Hello");
  EXPECT_EQ(reply.progress().first_content_at, call.now());
}

TEST(ReadySource, CountsEverythingTheModelWroteAsProduced) {
  TestLoop loop;
  Call call = loop.call();
  ChatDelta delta;
  ChoiceDelta choice;
  choice.say(PartKind::text, "text ");
  choice.say(PartKind::reasoning, "thought ");
  choice.say(PartKind::refusal, "no ");
  PieceDelta& piece = choice.pieces.emplace_back();
  piece.kind = PartKind::tool_call;
  piece.call = ToolCall{"id", "f", "{}"};
  delta.choices.push_back(std::move(choice));
  delta.usage.emplace().set(UsageClass::output, 4);
  ReadySource source(std::move(delta), call);
  EXPECT_EQ(source.progress().text, "text thought no f{}");
  EXPECT_EQ(source.progress().usage.value(UsageClass::output), 4);
  auto const part = loop.run(source.next());
  ASSERT_TRUE(part);
  EXPECT_TRUE(part->last);
}

}  // namespace
}  // namespace lowart::text_reply_test
