#include <lowart/model/chat_request.hpp>

#include <gtest/gtest.h>

namespace lowart::chat_request_test {
namespace {

TEST(ChatRequest, CollectsWhatIsSaidInProcess) {
  ChatRequest request("gpt-x");
  request.add(Role::system, "be brief").add(Role::user, "hello");
  request.edit().max_tokens = 5;
  auto const said = request.conversation();
  ASSERT_TRUE(said);
  ASSERT_EQ(said->messages.size(), 2U);
  EXPECT_EQ(said->messages[1].text(), "hello");
  EXPECT_EQ(request.max_tokens(), 5);
  EXPECT_EQ(request.dialect(), Dialect::neutral);
  EXPECT_FALSE(request.stream());
}

TEST(ChatRequest, OfACopyIsNotChangedByTheOther) {
  ChatRequest first("m");
  first.add(Role::user, "one");
  ChatRequest second = first.for_model("other");
  second.add(Role::user, "two");
  EXPECT_EQ(first.conversation()->messages.size(), 1U);
  EXPECT_EQ(second.conversation()->messages.size(), 2U);
  EXPECT_EQ(first.model(), "m");
  EXPECT_EQ(second.model(), "other");
}

TEST(ChatRequest, FromADoorKeepsBytesAndFacts) {
  WireRequest wire;
  wire.body = R"({"model":"a","stream":true})";
  wire.model = "a";
  wire.stream = true;
  wire.include_usage = true;
  wire.max_tokens = 9;
  ChatRequest const request(wire);
  EXPECT_EQ(request.model(), "a");
  EXPECT_EQ(request.dialect(), Dialect::openai_chat);
  EXPECT_TRUE(request.stream() && request.include_usage());
  EXPECT_EQ(request.max_tokens(), 9);
  EXPECT_EQ(request.for_model("b").wire()->body.data(), wire.body.data()) << "no copy";
}

TEST(ChatRequest, DecodesOnlyWithTheDoorsDecoder) {
  WireRequest wire;
  wire.body = "hi";
  EXPECT_EQ(ChatRequest(wire).conversation().error().code(), Errc::internal);
  wire.decode = [](std::string_view body) -> Result<Conversation> {
    Conversation said;
    said.user = body;
    return said;
  };
  EXPECT_EQ(ChatRequest(wire).conversation()->user, "hi");
}

}  // namespace
}  // namespace lowart::chat_request_test
