#include <lowart/gateway/gateway.hpp>

#include <lowart/gateway/local_call.hpp>
#include <lowart/meter/metered.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lowart::gateway_test {
namespace {

using lowart::testing::ScriptedProvider;
using lowart::testing::Step;

struct Count {
  std::shared_ptr<int> records = std::make_shared<int>(0);
  Result<void> append(UsageRecord const&) { return ++*records, Result<void>{}; }
};
using Counted = Gateway<Metered<ScriptedProvider, Count>>;

Counted gateway_of(Step step, Count count = {}) {
  return Counted(Metered<ScriptedProvider, Count>(ScriptedProvider("p", {std::move(step)}).repeat(),
                                                  TokenMeter{}, std::move(count)));
}

Task<Result<std::string>> ask(Counted& gateway) {
  LocalCall call(co_await asio::this_coro::executor);
  ChatRequest const request = ChatRequest("m").add(Role::user, "Hi");
  Result<ChatReply> reply = co_await gateway(request, call);
  if (!reply) co_return fail(reply.error());
  Result<Answer> const answer = co_await collect(*reply, call);
  if (!answer) co_return fail(answer.error());
  std::string text = answer->text();
  co_return text;
}

TEST(Gateway, IsAProviderThatNeedsNoSocket) {
  static_assert(Provider<Counted>);
  asio::io_context io{1};
  Count count;
  Counted gateway = gateway_of(Step::stream({"Hel", "lo"}), count);
  EXPECT_EQ(gateway.name(), "gateway");
  auto const text = lowart::testing::run(io, ask(gateway));
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "Hello");
  EXPECT_EQ(*count.records, 1);
}

TEST(Gateway, HandsErrorsToWhoCallsInProcess) {
  asio::io_context io{1};
  Counted gateway = gateway_of(Step::fail(Error(Errc::upstream_failed, "boom")));
  auto const text = lowart::testing::run(io, ask(gateway));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(), "boom");
}

TEST(Gateway, IsReadStepByStepInProcess) {
  asio::io_context io{1};
  Counted gateway = gateway_of(Step::stream({"a", "b", "c"}));
  auto const read = [](Counted& g) -> Task<std::vector<std::string>> {
    LocalCall call(co_await asio::this_coro::executor);
    ChatRequest const request("m");
    Result<ChatReply> reply = co_await g(request, call);
    std::vector<std::string> texts;
    DeltaReader steps(*reply, call);
    for (;;) {
      Result<std::optional<ChatDelta>> const step = co_await steps.next();
      if (!step || !*step) break;
      texts.push_back((*step)->choices.at(0).text());
    }
    co_return texts;
  };
  EXPECT_EQ(lowart::testing::run(io, read(gateway)), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Gateway, SharesEverythingWithItsCopies) {
  Counted first = gateway_of(Step::answer("a"));
  Counted second = first;
  EXPECT_EQ(&first.metrics(), &second.metrics());
}

}  // namespace
}  // namespace lowart::gateway_test
