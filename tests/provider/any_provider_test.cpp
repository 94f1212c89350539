#include <lowart/provider/any_provider.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::any_provider_test {
namespace {

using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

/// Another operation, as a later version may add it: no policy and no type erasure needs to know.
struct Shout {
  using reply_type = std::string;
  static constexpr std::string_view operation = "shout";
};
struct Shouter {
  std::string_view name() const { return "shouter"; }
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) {
    co_return fail(Errc::internal, "only shouts");
  }
  Task<Result<std::string>> operator()(Shout const&, Call&) { co_return std::string("HEY"); }
};

TEST(AnyProvider, AnswersLikeWhatItHolds) {
  TestLoop loop;
  AnyProvider any(ScriptedProvider("a", {Step::answer("hello")}));
  EXPECT_EQ(any.name(), "a");
  Call call = loop.call();
  ChatRequest const request("m");
  Result<ChatReply> reply = loop.run(any(request, call));
  ASSERT_TRUE(reply);
  auto const part = loop.run(reply->next());
  ASSERT_TRUE(part);
  EXPECT_TRUE(part->last);
  EXPECT_EQ(part->deltas[0].choices[0].text(), "hello");
}

TEST(AnyProvider, SharesWhatItHoldsBetweenCopies) {
  TestLoop loop;
  ScriptedProvider provider = ScriptedProvider("a", {Step::answer("x")}).repeat();
  AnyProvider any(provider);
  AnyProvider copy = any;
  std::vector<AnyProvider> table{any, copy};
  for (auto& entry : table) {
    Call call = loop.call();
    ChatRequest const request("m");
    EXPECT_TRUE(loop.run(entry(request, call)));
  }
  EXPECT_EQ(provider.calls(), 2U);
}

TEST(AnyProvider, HoldsWhatCanOnlyBeMoved) {
  TestLoop loop;
  AnyProvider any(testing::ArchetypeProvider(1));
  Call call = loop.call();
  ChatRequest const request("m");
  EXPECT_EQ(loop.run(any(request, call)).error().code(), Errc::unsupported);
}

TEST(AnyProvider, ServesEachRequestTypeOfItsList) {
  using Either = AnyProviderOf<ChatRequest, Shout>;
  static_assert(Serves<Either, Shout> && Serves<Either, ChatRequest> && !Serves<AnyProvider, Shout>);
  TestLoop loop;
  Call call = loop.call();
  Shout const shout;
  Either loud(Shouter{});
  EXPECT_EQ(loop.run(loud(shout, call)).value(), "HEY");
}

TEST(AnyProvider, SaysWhatTheHeldProviderDoesNotServe) {
  TestLoop loop;
  Call call = loop.call();
  Shout const shout;
  AnyProviderOf<ChatRequest, Shout> quiet(ScriptedProvider("quiet", {}));
  auto const refused = loop.run(quiet(shout, call));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
  EXPECT_EQ(refused.error().message(), "quiet does not serve shout");
}

}  // namespace
}  // namespace lowart::any_provider_test
