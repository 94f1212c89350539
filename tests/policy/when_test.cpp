#include <lowart/policy/when.hpp>

#include <lowart/gateway/client_dialects.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace lowart::when_test {
namespace {

using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

ScriptedProvider answering(std::string name) {
  return ScriptedProvider(std::move(name), {Step::answer("x")}).repeat();
}

/// A request as it comes through the door of a path.
class Came {
 public:
  Came(std::string_view path, std::string body) : body_(std::move(body)) {
    auto const* client = find_chat_client(path);
    Asked const asked{.path = path, .query = {}, .body = body_};
    Result<WireRequest> facts = client->facts(asked, scratch_);
    EXPECT_TRUE(facts) << facts.error().message();
    if (facts->decode == nullptr) facts->decode = client->decode;
    request_.emplace(*facts);
  }
  Came(Came const&) = delete;
  Came& operator=(Came const&) = delete;
  template <class F>
  auto fact(F&& f) {
    Call const call = loop_.call();
    return f(RequestFacts(*request_, call));
  }
  bool has_tools() {
    return fact([](RequestFacts const& f) { return f.has_tools(); });
  }
  bool has_images() {
    return fact([](RequestFacts const& f) { return f.has_images(); });
  }
  std::string user() {
    return fact([](RequestFacts const& f) { return f.user(); });
  }
  std::string beginning() {
    return fact([](RequestFacts const& f) { return f.beginning(); });
  }

 private:
  TestLoop loop_;
  std::string body_;
  std::string scratch_;
  std::optional<ChatRequest> request_;
};

constexpr std::string_view chat = "/v1/chat/completions";
constexpr std::string_view messages = "/v1/messages";
constexpr std::string_view responses = "/v1/responses";
constexpr std::string_view gemini = "/v1beta/models/g:generateContent";

TEST(RequestFacts, KnowsToolsInEveryDialect) {
  constexpr char const* hi = R"("messages":[{"role":"user","content":"Hi"}])";
  auto const with = [&](std::string more) {
    return R"({"model":"m","max_tokens":9,)" + std::string(hi) + more + "}";
  };
  EXPECT_FALSE(Came(chat, with("")).has_tools());
  EXPECT_FALSE(Came(chat, with(R"(,"tools":[])")).has_tools());
  EXPECT_FALSE(Came(chat, with(R"(,"tools":null)")).has_tools());
  EXPECT_TRUE(Came(chat, with(R"(,"tools":[{"type":"function","function":{"name":"f"}}])")).has_tools());
  EXPECT_TRUE(Came(chat, with(R"(,"functions":[{"name":"f"}])")).has_tools());
  EXPECT_TRUE(Came(chat, with(R"(,"t\u006fols":[{"type":"function","function":{"name":"f"}}])")).has_tools());
  EXPECT_FALSE(Came(messages, with("")).has_tools());
  EXPECT_TRUE(
      Came(messages, with(R"(,"tools":[{"name":"f","input_schema":{"type":"object"}}])")).has_tools());
  EXPECT_TRUE(
      Came(responses, R"({"model":"m","input":"Hi","tools":[{"type":"function","name":"f"}]})").has_tools());
  EXPECT_TRUE(Came(gemini, R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]}],)"
                           R"("tools":[{"functionDeclarations":[{"name":"f"}]}]})")
                  .has_tools());
}

TEST(RequestFacts, KnowsPicturesInEveryDialect) {
  EXPECT_TRUE(Came(chat, R"({"model":"m","messages":[{"role":"user","content":[)"
                         R"({"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]})")
                  .has_images());
  EXPECT_TRUE(Came(chat, R"({"model":"m","messages":[{"role":"user","content":[)"
                         R"({"type":"\u0069mage_url","\u0069mage_url":{"url":"https://x/y.png"}}]}]})")
                  .has_images())
      << "whatever its letters are written as";
  EXPECT_TRUE(Came(messages, R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[)"
                             R"({"type":"image","source":{"type":"url","url":"https://x/y.png"}}]}]})")
                  .has_images());
  EXPECT_TRUE(Came(responses, R"({"model":"m","input":[{"role":"user","content":[)"
                              R"({"type":"input_image","image_url":"https://x/y.png"}]}]})")
                  .has_images());
  EXPECT_TRUE(Came(gemini, R"({"contents":[{"role":"user","parts":[)"
                           R"({"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]})")
                  .has_images());
}

TEST(RequestFacts, IsNotFooledByTalkAboutPictures) {
  EXPECT_FALSE(
      Came(chat, R"({"model":"m","messages":[{"role":"user","content":"image_url"}]})").has_images());
  EXPECT_FALSE(
      Came(chat, R"({"model":"m","messages":[{"role":"user","content":"caf\u00e9 \u0069s"}]})").has_images());
  EXPECT_FALSE(Came(chat, R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})").has_images());
}

TEST(RequestFacts, KnowsWhoIsBehindTheCall) {
  constexpr char const* hi = R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}])";
  auto const with = [&](std::string more) { return hi + more + "}"; };
  EXPECT_EQ(Came(chat, with("")).user(), "");
  EXPECT_EQ(Came(chat, with(R"(,"user":"u-\"1")")).user(), "u-\"1");
  EXPECT_EQ(Came(chat, with(R"(,"user":"u","safety_identifier":"s")")).user(), "s");
  EXPECT_EQ(Came(messages, with(R"(,"metadata":{"user_id":"u"})")).user(), "u");
  EXPECT_EQ(Came(chat, with(R"(,"metadata":{"user_id":7})")).user(), "");
}

TEST(RequestFacts, KnowsHowAConversationBegan) {
  auto const turn = [](std::string rest) {
    return R"({"model":"m","max_tokens":9,"messages":[{"role":"system","content":"Be kind."},)"
           R"({"role":"user","content":"Hi")" +
           rest + "]}";
  };
  auto const first = Came(chat, turn("}")).beginning();
  EXPECT_EQ(first, "Be kind.\nHi\n");
  EXPECT_EQ(Came(chat, turn(R"(},{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"})"))
                .beginning(),
            first)
      << "it does not change when it goes on";
  auto const anthropic = [](std::string mark) {
    return R"({"model":"m","max_tokens":9,"system":"Be kind.","messages":[{"role":"user","content":[{"type":"text",)"
           R"("text":"Hi")" +
           mark + "}]}]}";
  };
  EXPECT_EQ(Came(messages, anthropic("")).beginning(), first);
  EXPECT_EQ(Came(messages, anthropic(R"(,"cache_control":{"type":"ephemeral"})")).beginning(), first)
      << "nor when a cache mark moves on";
}

TEST(RequestFacts, EstimatesAsTheDoorDoes) {
  std::string const body = R"({"model":"m","n":2,"max_tokens":30,"messages":[]})" + std::string(400, ' ');
  Came came(chat, body);
  EXPECT_EQ(came.fact([](RequestFacts const& f) { return f.input_tokens(); }),
            static_cast<std::int64_t>(body.size()) / 4);
  EXPECT_EQ(came.fact([](RequestFacts const& f) { return f.output_tokens(); }), 60);
  TestLoop loop;
  Call const call = loop.call();
  ChatRequest const plain("m");
  EXPECT_EQ(RequestFacts(plain, call).output_tokens(), assumed_output_tokens);
  EXPECT_EQ(RequestFacts(CountRequest(plain), call).output_tokens(), 0) << "a count writes nothing";
  EXPECT_EQ(RequestFacts(EmbeddingRequest("m"), call).output_tokens(), 0);
}

/// Whether a condition holds for a request in process.
bool holds(Condition const& condition, ChatRequest const& request, std::string_view key = {}) {
  TestLoop loop;
  Call call = loop.call();
  call.caller({.key = key});
  call.client_fields({.lookup = [](void const*, std::string_view name) -> std::string_view {
    return name == "x-tier" ? "gold-1" : "";
  }});
  return condition(RequestFacts(request, call));
}

TEST(Condition, AsksForEachFact) {
  ChatRequest const plain = ChatRequest("m").add(Role::user, "Hi");
  ChatRequest rich = plain;
  rich.edit().stream = true;
  rich.edit().tools.emplace_back().name = "f";
  rich.edit().messages.back().content.emplace_back().kind = PartKind::image;
  EXPECT_TRUE(holds({}, plain)) << "what asks for nothing holds";
  for (Condition const& condition :
       {Condition{.streamed = true}, Condition{.tools = true}, Condition{.images = true}}) {
    EXPECT_TRUE(holds(condition, rich));
    EXPECT_FALSE(holds(condition, plain));
  }
  for (Condition const& condition :
       {Condition{.streamed = false}, Condition{.tools = false}, Condition{.images = false}}) {
    EXPECT_FALSE(holds(condition, rich));
    EXPECT_TRUE(holds(condition, plain));
  }
  EXPECT_TRUE(holds({.keys = {"a", "team-*"}}, plain, "team-7"));
  EXPECT_FALSE(holds({.keys = {"a", "team-*"}}, plain, "b"));
  EXPECT_TRUE(holds({.headers = {{"x-tier", {"gold*"}}}}, plain));
  EXPECT_FALSE(holds({.headers = {{"x-tier", {"silver"}}}}, plain));
  EXPECT_TRUE(holds({.headers = {{"x-tier", {"silver", "*"}}}}, plain));
  EXPECT_FALSE(holds({.headers = {{"x-other", {"*"}}}}, plain)) << "it is not there";
}

TEST(Condition, HoldsOnlyWhenAllOfItDoes) {
  ChatRequest streamed("m");
  streamed.edit().stream = true;
  EXPECT_TRUE(holds({.keys = {"a"}, .streamed = true, .tools = false}, streamed, "a"));
  EXPECT_FALSE(holds({.keys = {"a"}, .streamed = true, .tools = true}, streamed, "a"));
  EXPECT_FALSE(holds({.keys = {"b"}, .streamed = true}, streamed, "a"));
}

TEST(Condition, BoundsTheInputAtBothEnds) {
  std::string const body(400, ' ');
  WireRequest wire;
  wire.body = body;
  ChatRequest const request(wire);  // about 100 tokens
  EXPECT_TRUE(holds({.min_input_tokens = 100, .max_input_tokens = 100}, request));
  EXPECT_FALSE(holds({.min_input_tokens = 101}, request));
  EXPECT_FALSE(holds({.max_input_tokens = 99}, request));
}

template <class P>
Result<ChatReply> ask(TestLoop& loop, Call& call, P& provider, bool stream) {
  ChatRequest request("m");
  request.edit().stream = stream;
  return loop.run(provider(request, call));
}

TEST(When, AsksOneOrTheOther) {
  TestLoop loop;
  auto split = When{Condition{.streamed = true}, answering("a"), answering("b")};
  for (bool const stream : {true, false}) {
    Call call = loop.call();
    auto const reply = ask(loop, call, split, stream);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->head().provider, stream ? "a" : "b");
  }
}

TEST(When, TakesAnyFunctionOfTheFacts) {
  TestLoop loop;
  Call call = loop.call();
  auto split = When{[](RequestFacts const& facts) { return facts.output_tokens() > 10; }, answering("a"),
                    answering("b")};
  EXPECT_EQ(ask(loop, call, split, false)->head().provider, "a");
}

TEST(When, WithoutElseIsPassedOverByAChain) {
  TestLoop loop;
  auto chain = Fallback{When{Condition{.streamed = true}, answering("a")}, answering("b")};
  Call call = loop.call();
  EXPECT_EQ(ask(loop, call, chain, false)->head().provider, "b");
  auto alone = When{Condition{.streamed = true}, answering("a")};
  Call other = loop.call();
  auto const refused = ask(loop, other, alone, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
}

TEST(When, IsOfferedWhereWhoeverMayBeAskedServes) {
  auto const doors = [](auto provider) { return AnyProvider(std::move(provider)).doors(); };
  EXPECT_EQ(doors(When{Condition{}, Demo{}, Demo{}}), doors_served<Demo>);
  EXPECT_EQ(doors(When{Condition{}, Demo{}, answering("a")}), DoorSet::of_chat());
  EXPECT_EQ(doors(When{Condition{}, AnyProvider(answering("a")), AnyProvider(Demo{})}), DoorSet::of_chat());
  EXPECT_EQ(doors(When{Condition{}, Demo{}}), doors_served<Demo>);
}

static_assert(Provider<When<Condition, testing::ArchetypeProvider, testing::ArchetypeProvider>>);
static_assert(Provider<When<Condition, testing::ArchetypeProvider>>);

}  // namespace
}  // namespace lowart::when_test
