#include <lowart/policy/shape_decision.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::shape_state_test {
namespace {

Message said(Role role, std::string text) {
  Message message;
  message.role = role;
  message.content.emplace_back().text = std::move(text);
  return message;
}
Conversation of(std::vector<Message> messages) {
  Conversation conversation;
  conversation.messages = std::move(messages);
  return conversation;
}
/// "uHi|aHello": who says what.
std::string gist(Conversation const& conversation) {
  std::string out;
  for (Message const& message : conversation.messages) {
    out.append(out.empty() ? "" : "|").push_back("sduat"[static_cast<std::size_t>(message.role)]);
    out += message.text();
  }
  return out;
}
std::string stripped(std::string text, std::string_view tag = "think") {
  shape::strip_blocks(text, tag);
  return text;
}

TEST(Shape, TakesBlocksOutWithTheSpaceBehindThem) {
  EXPECT_EQ(stripped("<think>a\nb</think>\n\nHello"), "Hello");
  EXPECT_EQ(stripped("One <think>x</think> two <think>y</think>"), "One two ");
  EXPECT_EQ(stripped("<think></think>"), "");
}

TEST(Shape, LeavesWhatIsNoCompleteBlock) {
  for (char const* text : {"Hello", "<think>never closed", "closed</think> only", "<thinking>x</thinking>",
                           "< think >x</think>"}) {
    std::string kept = text;
    EXPECT_FALSE(shape::strip_blocks(kept, "think"));
    EXPECT_EQ(kept, text);
  }
  EXPECT_EQ(stripped("<think>a</think><think>open"), "<think>open");
}

TEST(Shape, StripsOnlyWhatTheAssistantSaid) {
  auto c = of({said(Role::user, "<think>u</think>"),
               said(Role::assistant, "<think>x</think>A<tool_call>{}</tool_call>")});
  EXPECT_TRUE(shape::strip_tags(c, {"think", "tool_call"}));
  EXPECT_EQ(gist(c), "u<think>u</think>|aA");
  EXPECT_FALSE(shape::strip_tags(c, {"think", "tool_call"}));
}

TEST(Shape, LeavesNoEmptyPartBesideOthers) {
  auto c = of({said(Role::assistant, "<think>x</think>")});
  c.messages[0].content.emplace_back().kind = PartKind::tool_call;
  EXPECT_TRUE(shape::strip_tags(c, {"think"}));
  ASSERT_EQ(c.messages[0].content.size(), 1U);
  EXPECT_EQ(c.messages[0].content[0].kind, PartKind::tool_call);
  auto alone = of({said(Role::assistant, "<think>x</think>")});
  EXPECT_TRUE(shape::strip_tags(alone, {"think"}));
  EXPECT_EQ(alone.messages[0].content.size(), 1U);
}

TEST(Shape, DropsEmptyMessagesButNoResultsOfTools) {
  auto c = of({said(Role::system, ""), said(Role::user, "a"), said(Role::assistant, ""), said(Role::tool, ""),
               said(Role::user, "")});
  c.system_is_apart = true;
  EXPECT_TRUE(shape::drop_empty(c));
  EXPECT_EQ(gist(c), "ua|t");
  EXPECT_FALSE(c.system_is_apart);
  EXPECT_FALSE(shape::drop_empty(c));
}

TEST(Shape, DropsNothingThatSaysSomething) {
  auto c = of({said(Role::user, " "), said(Role::assistant, ""), said(Role::assistant, "")});
  c.messages[1].content.emplace_back().kind = PartKind::tool_call;
  c.messages[2].extra.push_back({"audio", {R"({"id":"x"})"}});
  EXPECT_FALSE(shape::drop_empty(c));
  auto only = of({said(Role::user, ""), said(Role::user, "")});
  shape::drop_empty(only);
  EXPECT_EQ(only.messages.size(), 1U) << "a request has a message";
}

TEST(Shape, KeepsTheLastOfSeveralUserMessages) {
  auto c = of({said(Role::system, "s"), said(Role::user, "1"), said(Role::user, "2"), said(Role::user, "3"),
               said(Role::assistant, "a"), said(Role::user, "4"), said(Role::assistant, "b"),
               said(Role::assistant, "c"), said(Role::user, "5"), said(Role::user, "6")});
  EXPECT_TRUE(shape::merge_user(c));
  EXPECT_EQ(gist(c), "ss|u3|aa|u4|ab|ac|u6");
  EXPECT_FALSE(shape::merge_user(c));
}

TEST(Shape, DoesNotTearApartWhatCameInOneMessage) {
  auto c =
      of({said(Role::assistant, "a"), said(Role::tool, "r"), said(Role::user, "1"), said(Role::user, "2")});
  c.messages[2].same_turn = true;  // behind the result
  EXPECT_TRUE(shape::merge_user(c));
  EXPECT_EQ(gist(c), "aa|tr|u2");
  auto parts = of({said(Role::user, "1"), said(Role::user, "2")});
  parts.messages[1].same_turn = true;
  EXPECT_FALSE(shape::merge_user(parts));
  auto emptied = of({said(Role::assistant, "a"), said(Role::user, ""), said(Role::tool, "r")});
  emptied.messages[2].same_turn = true;
  EXPECT_TRUE(shape::drop_empty(emptied));
  EXPECT_FALSE(emptied.messages[1].same_turn) << "its message begins with it now";
}

TEST(Shape, AddsStopWordsOnceAndWithinTheLimit) {
  Conversation c;
  c.stop = {"END"};
  c.stop_is_list = false;
  EXPECT_TRUE(shape::add_stops(c, {"END", "A", "A", "B", "C", "D"}, 4));
  EXPECT_EQ(c.stop, (std::vector<std::string>{"END", "A", "B", "C"}));
  EXPECT_TRUE(c.stop_is_list);
  EXPECT_FALSE(shape::add_stops(c, {"END", "D"}, 4));
  c.stop = {"1", "2", "3", "4", "5"};
  EXPECT_FALSE(shape::add_stops(c, {"A"}, 4)) << "the client's own are not touched";
  EXPECT_EQ(c.stop.size(), 5U);
}

TEST(Shape, LowersALimitButSetsNone) {
  std::optional<std::int64_t> asked = 100;
  EXPECT_FALSE(shape::clamp_max_tokens(asked, 100));
  EXPECT_TRUE(shape::clamp_max_tokens(asked, 99));
  EXPECT_EQ(asked, 99);
  asked.reset();
  EXPECT_FALSE(shape::clamp_max_tokens(asked, 99));
  EXPECT_FALSE(asked);
}

TEST(Shape, MergesWhatDroppingBringsTogether) {
  auto c = of({said(Role::user, "1"), said(Role::assistant, "<think>x</think>"), said(Role::user, "2"),
               said(Role::user, "")});
  ShapeMark const mark =
      shape::request(c, {.strip_tags = {"think"}, .drop_empty_messages = true, .merge_user_messages = true});
  EXPECT_EQ(gist(c), "u2");
  EXPECT_EQ(mark.text(), "stripped, dropped, merged");
  EXPECT_TRUE(shape::request(c, {}).empty());
}

}  // namespace
}  // namespace lowart::shape_state_test
