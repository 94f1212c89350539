#include <lowart/policy/for_model.hpp>

#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

namespace lowart::for_model_test {
namespace {

using lowart::testing::ScriptedProvider;
using lowart::testing::Step;
using lowart::testing::TestLoop;

TEST(ForModel, AsksForItsModelWhateverTheCallerNamed) {
  ScriptedProvider const inner = ScriptedProvider("p", {Step::answer("ok")}).repeat();
  ForModel<ScriptedProvider> mapped(inner, "upstream-model");
  static_assert(Provider<ForModel<ScriptedProvider>>);
  EXPECT_EQ(mapped.name(), "p");
  TestLoop loop;
  for (auto const* model : {"fast", "upstream-model"}) {
    Call call = loop.call();
    ChatRequest const request = ChatRequest(model).add(Role::user, "Hi");
    auto const reply = loop.run(mapped(request, call));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->head().upstream_model, "upstream-model");
    EXPECT_EQ(request.model(), model) << "the caller's request is its own";
  }
  EXPECT_EQ(inner.models(), (std::vector<std::string>{"upstream-model", "upstream-model"}));
}

TEST(ForModel, PassesErrorsOn) {
  ForModel<ScriptedProvider> mapped(ScriptedProvider("p", {Step::fail(Error(Errc::upstream_failed))}), "m");
  TestLoop loop;
  Call call = loop.call();
  ChatRequest const request("x");
  auto const reply = loop.run(mapped(request, call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::upstream_failed);
}

TEST(ForPattern, MakesTheModelOfTheCallersName) {
  ScriptedProvider const inner = ScriptedProvider("p", {Step::answer("ok")}).repeat();
  TestLoop loop;
  auto const ask = [&](char const* pattern, char const* model, char const* asked) {
    ForPattern<ScriptedProvider> mapped(inner, pattern, model);
    Call call = loop.call();
    ChatRequest const request(asked);
    EXPECT_TRUE(loop.run(mapped(request, call)));
    return inner.models().back();
  };
  EXPECT_EQ(ask("router/*", "*", "router/meta/llama"), "meta/llama");
  EXPECT_EQ(ask("*-latest", "pinned-*-2026", "opus-latest"), "pinned-opus-2026");
  EXPECT_EQ(ask("gpt-*", "fixed", "gpt-4"), "fixed");
  EXPECT_EQ(ask("gpt-*", "x/*", "an-alias"), "x/an-alias") << "a name that leads here by another way";
}

}  // namespace
}  // namespace lowart::for_model_test
