#include <lowart/policy/router.hpp>

#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::router_test {
namespace {

using lowart::testing::ScriptedProvider;
using lowart::testing::Step;
using lowart::testing::TestLoop;

ScriptedProvider named(std::string name) {
  return ScriptedProvider(std::move(name), {Step::answer("ok")}).repeat();
}
Route route(std::string model, std::vector<std::string> aliases, ScriptedProvider const& provider) {
  return Route{.model = std::move(model),
               .aliases = std::move(aliases),
               .owner = "o",
               .answer = AnyProvider(provider)};
}

TEST(Router, FindsTheProviderByNameAndAlias) {
  ScriptedProvider const a = named("a");
  ScriptedProvider const b = named("b");
  Router router({route("m-1", {"fast", "f"}, a), route("m-2", {}, b)});
  TestLoop loop;
  for (std::string const model : {"m-1", "fast", "f", "m-2"}) {
    Call call = loop.call();
    ChatRequest const request(model);
    auto const reply = loop.run(router(request, call));
    ASSERT_TRUE(reply) << model;
    EXPECT_EQ(reply->head().provider, model == "m-2" ? "b" : "a");
  }
  EXPECT_EQ(a.models(), (std::vector<std::string>{"m-1", "fast", "f"})) << "the name is the client's";
  EXPECT_EQ(router.find("fast"), &router.routes()[0]);
  EXPECT_EQ(router.find("FAST"), nullptr) << "names are exact";
  EXPECT_EQ(router.find(""), nullptr);
}

TEST(Router, TakesTheNameBeforePatternsAndThePatternThatSaysMost) {
  Router router({route("*", {}, named("any")), route("gpt-4*", {}, named("four")),
                 route("gpt-4o-*", {"*claude*"}, named("omni")), route("gpt-4o-mini", {}, named("mini"))});
  auto const owner = [&](std::string_view model) { return std::string(router.find(model)->answer.name()); };
  EXPECT_EQ(owner("gpt-4o-mini"), "mini");
  EXPECT_EQ(owner("gpt-4o-large"), "omni");
  EXPECT_EQ(owner("my-claude-7"), "omni") << "an alias may be a pattern";
  EXPECT_EQ(owner("gpt-4.1"), "four");
  EXPECT_EQ(owner("llama"), "any");
  EXPECT_TRUE(router.knows("anything"));
}

TEST(Router, HandsThePatternsCallerNameOn) {
  ScriptedProvider const a = named("a");
  Router router({route("gpt-*", {}, a)});
  TestLoop loop;
  Call call = loop.call();
  ChatRequest const request("gpt-9");
  EXPECT_TRUE(loop.run(router(request, call)));
  EXPECT_EQ(a.models(), std::vector<std::string>{"gpt-9"});
  EXPECT_EQ(router.find("GPT-9"), nullptr);
}

TEST(Router, RefusesOnePatternTwice) {
  EXPECT_THROW(Router({route("a*", {}, named("a")), route("b", {"a*"}, named("b"))}), std::invalid_argument);
}

TEST(Router, TellsWhyACallAtADoorWouldBeInVain) {
  Route only_chat = route("m-1", {"fast"}, named("a"));
  only_chat.doors = {DoorKind::chat, DoorKind::messages};
  Router const router({only_chat, route("m-2", {}, named("b"))});
  EXPECT_FALSE(router.refusal("m-1", DoorKind::chat));
  EXPECT_FALSE(router.refusal("fast", DoorKind::messages));
  auto const refused = router.refusal("fast", DoorKind::embeddings);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), Errc::not_found);
  EXPECT_EQ(refused->origin(), Origin::client);
  EXPECT_EQ(refused->param(), "model");
  EXPECT_EQ(refused->message(),
            "the model 'fast' is not offered at this door (embeddings); it is offered at: chat, messages");
  EXPECT_EQ(router.refusal("m-3", DoorKind::chat)->message(), Router::unknown("m-3").message());
}

TEST(Router, OffersAModelOnlyWhereItsAnswerServes) {
  struct Talker {
    std::string_view name() const { return "talker"; }
    Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) {
      co_return fail(Errc::internal, "silent");
    }
  };
  Route talks{.model = "m", .aliases = {}, .owner = "o", .answer = AnyProvider(Talker{})};
  EXPECT_FALSE(Router({talks}).refusal("m", DoorKind::gemini));
  EXPECT_TRUE(Router({talks}).refusal("m", DoorKind::embeddings));
  talks.doors = {DoorKind::embeddings};
  EXPECT_EQ(Router({talks}).refusal("m", DoorKind::chat)->message(),
            "the model 'm' is not offered at this door (chat); it is offered at none");
}

TEST(Router, RefusesAModelThatNoRouteNames) {
  ScriptedProvider const a = named("a");
  Router router({route("m-1", {}, a)});
  TestLoop loop;
  Call call = loop.call();
  ChatRequest const request("gpt-9");
  auto const reply = loop.run(router(request, call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::not_found);
  EXPECT_EQ(reply.error().origin(), Origin::client);
  EXPECT_EQ(reply.error().param(), "model");
  EXPECT_EQ(reply.error().message(),
            "the model 'gpt-9' does not exist here; GET /v1/models lists the ones that do");
  EXPECT_TRUE(call.trail().empty()) << "nobody was asked";
  EXPECT_EQ(a.calls(), 0U);
}

TEST(Router, ShowsNoMoreOfAnUnknownNameThanIsUseful) {
  EXPECT_LT(Router::unknown(std::string(1'000'000, 'x')).message().size(), 300U);
}

TEST(Router, RefusesTwoRoutesOfOneName) {
  ScriptedProvider const a = named("a");
  auto const claims = [&](std::vector<Route> routes) {
    try {
      Router const router(std::move(routes));
    } catch (std::invalid_argument const& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  EXPECT_EQ(claims({route("m", {}, a), route("m", {}, a)}), "two routes claim the model name 'm'");
  EXPECT_EQ(claims({route("m", {}, a), route("n", {"m"}, a)}), "two routes claim the model name 'm'");
  EXPECT_EQ(claims({route("m", {"x", "x"}, a)}), "two routes claim the model name 'x'");
  EXPECT_EQ(claims({route("m", {"m"}, a)}), "two routes claim the model name 'm'");
  EXPECT_EQ(claims({}), "nothing");
}

TEST(Router, KeepsItsTableWhenItMoves) {
  ScriptedProvider const a = named("a");
  Router first({route("m", {"s"}, a)});
  Router second = std::move(first);
  Router third({});
  third = std::move(second);
  EXPECT_EQ(third.find("s"), third.routes().data());
  TestLoop loop;
  Call call = loop.call();
  ChatRequest const request("s");
  EXPECT_TRUE(loop.run(third(request, call)));
}

}  // namespace
}  // namespace lowart::router_test
