#include <lowart/meter/counted.hpp>

#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/meter/metered.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace lowart::counted_test {
namespace {

using lowart::testing::ScriptedProvider;
using lowart::testing::Step;
using lowart::testing::TestLoop;

/// Counts, or fails as it is told.
struct Counter {
  std::shared_ptr<int> asked = std::make_shared<int>(0);
  std::optional<Error> error;

  std::string_view name() const { return "counter"; }
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) { co_return fail(Errc::internal, "no chat"); }
  Task<Result<CountReply>> operator()(CountRequest const&, Call&) {
    ++*asked;
    if (error) co_return fail(*error);
    WholeHead head;
    head.provider = name();
    co_return CountReply(head, 77, Provenance::reported);
  }
};

CountRequest question(std::string model) {
  ChatRequest chat(std::move(model));
  chat.add(Role::user, "How many tokens are these?");
  return CountRequest(chat);
}

template <class P>
Result<CountReply> count(P provider, CountRequest const& request) {
  TestLoop loop;
  Call call = loop.call();
  auto reply = loop.run(provider(request, call));
  if (!reply) return reply;
  WholeHead head;  // what it viewed is gone with the call
  return CountReply(head, reply->input_tokens(), reply->provenance());
}

TEST(Counted, CountsWithTheModelsTokenizerWhereTheProviderDoesNot) {
  CountRequest const known = question("gpt-4");
  auto const counted_here = count(ScriptedProvider("p", {}) | counted(), known);
  ASSERT_TRUE(counted_here);
  EXPECT_EQ(counted_here->input_tokens(), count_conversation(cl100k_base(), *known.chat().conversation()));
  EXPECT_EQ(counted_here->provenance(), Provenance::counted);
  auto const estimated = count(ScriptedProvider("p", {}) | counted(), question("llama"));
  ASSERT_TRUE(estimated);
  EXPECT_EQ(estimated->input_tokens(), count_conversation(o200k_base(), *known.chat().conversation()));
  EXPECT_EQ(estimated->provenance(), Provenance::estimated);
}

TEST(Counted, AsksAProviderThatCounts) {
  auto const reply = count(Counter{} | counted(), question("gpt-4"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->input_tokens(), 77);
  EXPECT_EQ(reply->provenance(), Provenance::reported);
}

TEST(Counted, CountsItselfWhatTheProviderCannotButTellsItsFailures) {
  Counter other_dialect;
  other_dialect.error = Error(Errc::unsupported, "not mine");
  auto const reply = count(other_dialect | counted(), question("gpt-4"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->provenance(), Provenance::counted);
  EXPECT_EQ(*other_dialect.asked, 1);
  Counter full;
  full.error = Error(Errc::rate_limited, "full", Origin::upstream);
  auto const failed = count(full | counted(), question("gpt-4"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::rate_limited);
}

TEST(Counted, RefusesWhatLeansOnWhatItsServerKeepsRatherThanCountTooLow) {
  for (std::string const name : {"previous_response_id", "conversation", "prompt"}) {
    auto const conversation =
        dialect::decode_responses(R"({"model":"m","input":"x",")" + name + R"(":"r_1"})");
    ASSERT_TRUE(conversation);
    auto const reply =
        count(ScriptedProvider("p", {}) | counted(), CountRequest(ChatRequest("gpt-4", *conversation)));
    ASSERT_FALSE(reply) << name;
    EXPECT_EQ(reply.error().code(), Errc::unsupported);
    EXPECT_EQ(reply.error().param(), name);
  }
}

TEST(Counted, TakesTheTokenizerOfTheModelThatIsAsked) {
  auto const reply = count(ForModel(ScriptedProvider("p", {}) | counted(), "gpt-4"), question("alias"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->provenance(), Provenance::counted);
}

TEST(Counted, HandsChatsOn) {
  TestLoop loop;
  Call call = loop.call();
  auto provider = ScriptedProvider("p", {Step::answer("hi")}) | counted();
  ChatRequest const request("m");
  EXPECT_TRUE(loop.run(provider(request, call)));
}

TEST(Counted, LeavesNoUsageRecord) {
  struct Records {
    std::shared_ptr<int> kept = std::make_shared<int>(0);
    Result<void> append(UsageRecord const&) { return ++*kept, Result<void>{}; }
  };
  Records records;
  auto provider = ScriptedProvider("p", {Step::answer("hi")}) | counted() | metered(TokenMeter{}, records);
  TestLoop loop;
  Call call = loop.call();
  CountRequest const request = question("gpt-4");
  EXPECT_TRUE(loop.run(provider(request, call)));
  EXPECT_EQ(*records.kept, 0);
  EXPECT_EQ(call.spent().usage, Usage{});
}

}  // namespace
}  // namespace lowart::counted_test
