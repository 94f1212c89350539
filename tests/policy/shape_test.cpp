#include <lowart/policy/shape.hpp>

#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/openai_chat_request_decode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::shape_test {
namespace {

using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

static_assert(Provider<Shaped<testing::ArchetypeProvider>>);
static_assert(Serves<Shaped<Demo>, EmbeddingRequest> && Serves<Shaped<Demo>, CountRequest>);

using Decode = Result<Conversation> (*)(std::string_view);

/// A request as a door makes it.
ChatRequest wire(std::string_view body, Dialect dialect = Dialect::openai_chat,
                 Decode decode = &dialect::decode_openai_chat) {
  WireRequest facts;
  facts.dialect = dialect;
  facts.body = body;
  facts.model = "m";
  if (auto const model = dialect::find_member(body, "model")) facts.model_token = model->value;
  if (auto const most = dialect::find_member(body, "max_tokens"))
    facts.max_tokens = dialect::as_int(most->value);
  facts.decode = decode;
  return ChatRequest(facts);
}

/// Keeps what it is asked.
struct Recorder {
  std::string_view name() const { return "recorder"; }
  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    *asked = request;
    if (request.wire()) *body = request.wire()->body;
    Result<ChatReply> reply = co_await answer(request, call);
    co_return reply;
  }
  std::shared_ptr<std::optional<ChatRequest>> asked = std::make_shared<std::optional<ChatRequest>>();
  std::shared_ptr<std::string> body = std::make_shared<std::string>();
  ScriptedProvider answer = ScriptedProvider("recorder", {Step::answer("x")}).repeat();
};
template <class P>
std::string mark_of(TestLoop& loop, P& provider, ChatRequest const& request) {
  Call call = loop.call();
  auto reply = loop.run(provider(request, call));
  return reply ? reply->head().shaped.text() : "error: " + reply.error().message();
}

ShapeOptions all() {
  return {.strip_tags = {"think"},
          .drop_empty_messages = true,
          .merge_user_messages = true,
          .stop = {"END"},
          .max_tokens = 50};
}

TEST(Shaped, HandsOnAsItCameWhatItDoesNotChange) {
  TestLoop loop;
  Recorder const recorder;
  Shaped shaped(recorder, all());
  constexpr std::string_view body =
      R"({ "model":"m", "stop":["END"], "max_tokens":50, "messages":[{"role":"user","content":"1 < 2"}], "x":1.50 })";
  EXPECT_EQ(mark_of(loop, shaped, wire(body)), "");
  EXPECT_TRUE((*recorder.asked)->is_as_it_came());
  EXPECT_EQ((*recorder.asked)->wire()->body.data(), body.data());
}

TEST(Shaped, SaysWhatItChangedAndCountsIt) {
  TestLoop loop;
  Recorder const recorder;
  Shaped shaped(recorder, all());
  constexpr std::string_view body =
      R"({"model":"m","max_tokens":51,"messages":[{"role":"user","content":"1"},)"
      R"({"role":"assistant","content":"\u003cthink>x</think>"},{"role":"user","content":"2"}]})";
  EXPECT_EQ(mark_of(loop, shaped, wire(body)), "stripped, dropped, merged, stop, max_tokens");
  ChatRequest const& asked = **recorder.asked;
  EXPECT_FALSE(asked.is_as_it_came());
  EXPECT_EQ(asked.dialect(), Dialect::openai_chat);
  EXPECT_EQ(asked.max_tokens(), 50);
  auto const said = asked.conversation().value();
  ASSERT_EQ(said.messages.size(), 1U);
  EXPECT_EQ(said.messages[0].text(), "2");
  EXPECT_EQ(shaped.counts().done[static_cast<std::size_t>(Reshaped::merged)].load(), 1U);
  EXPECT_EQ(shaped.counts().done[static_cast<std::size_t>(Reshaped::prefix)].load(), 0U);
}

TEST(Shaped, DoesNotReadWhatALimitAloneLeavesAlone) {
  TestLoop loop;
  Recorder const recorder;
  Shaped shaped(recorder, {.max_tokens = 50});
  auto const never = [](std::string_view) -> Result<Conversation> { return fail(Errc::internal, "read"); };
  EXPECT_EQ(mark_of(loop, shaped, wire(R"({"max_tokens":50})", Dialect::openai_chat, never)), "");
  EXPECT_EQ(mark_of(loop, shaped, wire(R"({"max_tokens":51})", Dialect::openai_chat, never)), "error: read");
  Shaped tags(recorder, {.strip_tags = {"think"}});
  EXPECT_EQ(mark_of(loop, tags, wire(R"({"messages":"plain"})", Dialect::openai_chat, never)), "");
  EXPECT_EQ(mark_of(loop, tags, wire(R"({"messages":"a < b"})", Dialect::openai_chat, never)), "error: read");
}

TEST(Shaped, ShapesRequestsThatWereMadeInProcess) {
  TestLoop loop;
  Recorder const recorder;
  Shaped shaped(recorder, all());
  ChatRequest request("m");
  request.add(Role::user, "1").add(Role::user, "2");
  EXPECT_EQ(mark_of(loop, shaped, request), "merged, stop");
  EXPECT_EQ((*recorder.asked)->conversation()->messages.size(), 1U);
  EXPECT_EQ(request.conversation()->messages.size(), 2U) << "the caller's own stays";
}

/// What a provider of the same dialect is sent for a request that was changed.
template <template <class> class P, class Options>
std::string sent(std::string_view body, Dialect dialect, Decode decode, ShapeOptions options) {
  TestLoop loop;
  testing::ScriptedTransport transport({testing::ScriptedAnswer::json(200, "{}")});
  Shaped shaped(P<testing::ScriptedTransport>(transport, Options{}), std::move(options));
  Call call = loop.call();
  auto const request = wire(body, dialect, decode);
  auto reply = loop.run(shaped(request, call));
  return transport.requests().at(0).body;
}
void expect_all(std::string const& text, std::vector<std::string_view> const& parts) {
  EXPECT_NO_THROW(boost::json::parse(text)) << text;
  for (auto const part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

// What nobody here knows survives, wherever it stands, to the last digit.

TEST(Shaped, KeepsUnknownMembersOfOpenAiRequests) {
  auto const text = sent<OpenAi, OpenAiOptions>(
      R"({"model":"m","x_big":12345678901234567890123,"x_float":1.50,"max_tokens":900,"stop":"ONE","messages":[)"
      R"({"role":"user","content":"old"},)"
      R"({"role":"user","x_message":{"deep":[1e400,-0.0]},"content":[{"type":"text","text":"new","x_part":9007199254740993}]}],)"
      R"("tools":[{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}},"x_tool":true}]})",
      Dialect::openai_chat, &dialect::decode_openai_chat, all());
  expect_all(text, {R"("model":"m")", R"("x_big":12345678901234567890123)", R"("x_float":1.50)",
                    R"("max_tokens":50)", R"("stop":["ONE","END"])", R"("x_message":{"deep":[1e400,-0.0]})",
                    R"("x_part":9007199254740993)", R"({"z":1,"a":2})", R"("x_tool":true)"});
  EXPECT_EQ(text.find("old"), std::string::npos);
}

TEST(Shaped, KeepsUnknownMembersOfAnthropicRequests) {
  auto const text = sent<Anthropic, AnthropicOptions>(
      R"({"model":"m","max_tokens":900,"x_big":12345678901234567890123,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],)"
      R"("messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"sig=="},)"
      R"({"type":"text","text":"<think>x</think> kept","x_block":1.50},{"type":"tool_use","id":"t1","name":"f","input":{"n":9007199254740993}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"r"},{"type":"text","text":"go on"}]}]})",
      Dialect::anthropic, &dialect::decode_anthropic, all());
  expect_all(text, {R"("max_tokens":50)", R"("x_big":12345678901234567890123)",
                    R"("cache_control":{"type":"ephemeral"})", R"("signature":"sig==")", R"("text":"kept")",
                    R"("x_block":1.50)", R"({"n":9007199254740993})", R"("stop_sequences":["END"])",
                    R"("tool_use_id":"t1")", R"("text":"go on")"});
}

TEST(Shaped, KeepsUnknownMembersOfGeminiRequests) {
  auto const text = sent<Gemini, GeminiOptions>(
      R"({"contents":[{"role":"user","parts":[{"text":"old"}]},{"role":"user","parts":[{"text":"new","xPart":1.50}]}],)"
      R"("xBig":12345678901234567890123,"generationConfig":{"stopSequences":["ONE"],"maxOutputTokens":900,"xConfig":9007199254740993}})",
      Dialect::gemini, &dialect::decode_gemini, all());
  expect_all(text, {R"("text":"new")", R"("xPart":1.50)", R"("xBig":12345678901234567890123)",
                    R"("maxOutputTokens":50)", R"("xConfig":9007199254740993)", R"(["ONE","END"])"});
  EXPECT_EQ(text.find("old"), std::string::npos);
}

TEST(Shaped, KeepsUnknownMembersOfResponsesRequests) {
  auto const text = sent<OpenAiResponses, OpenAiResponsesOptions>(
      R"({"model":"m","max_output_tokens":900,"x_big":12345678901234567890123,"store":false,"input":[)"
      R"({"role":"user","content":"old"},{"type":"message","role":"user","x_item":1.50,"content":[{"type":"input_text","text":"new"}]}]})",
      Dialect::openai_responses, &dialect::decode_responses, all());
  expect_all(text, {R"("model":"m")", R"("max_output_tokens":50)", R"("x_big":12345678901234567890123)",
                    R"("store":false)", R"("x_item":1.50)", R"("text":"new")"});
  EXPECT_EQ(text.find("old"), std::string::npos);
}

TEST(Shaped, ChangesLegacyCompletionsWhereTheyStand) {
  auto const never = [](std::string_view) -> Result<Conversation> { return fail(Errc::internal, "read"); };
  auto const text = sent<OpenAi, OpenAiOptions>(
      R"({ "model":"m", "prompt":[[1,2],[3]], "max_tokens" : 900, "stop":"ONE", "x":1.50 })",
      Dialect::openai_completions, never, all());
  EXPECT_EQ(text,
            R"({ "model":"m", "prompt":[[1,2],[3]], "max_tokens" : 50, "stop":["ONE","END"], "x":1.50 })");
  auto const added =
      sent<OpenAi, OpenAiOptions>(R"({"model":"m","prompt":"p"})", Dialect::openai_completions, never, all());
  EXPECT_EQ(added, R"({"stop":["END"],"model":"m","prompt":"p"})");
}

TEST(Shaped, CountsWhatIsAsked) {
  TestLoop loop;
  auto counting =
      Recorder{} | counted() | shaped({.merge_user_messages = true, .stop = {"END"}, .max_tokens = 1});
  auto const count = [&](std::string_view body) {
    Call call = loop.call();
    CountRequest const request(wire(body));
    return loop.run(counting(request, call))->input_tokens();
  };
  auto const one = count(R"({"model":"m","messages":[{"role":"user","content":"two"}]})");
  EXPECT_EQ(
      count(R"({"model":"m","messages":[{"role":"user","content":"one"},{"role":"user","content":"two"}]})"),
      one);
}

// --- the prefix

Step neutral(std::vector<std::string> parts) { return Step::stream(std::move(parts)); }

template <class P>
std::pair<std::string, std::vector<std::string>> said(TestLoop& loop, P& provider) {
  Call call = loop.call();
  ChatRequest const request("m");
  auto reply = loop.run(provider(request, call));
  if (!reply) return {reply.error().message(), {}};
  std::string const progress(reply->progress().text);
  std::vector<std::string> steps;
  DeltaReader reader(*reply, call);
  for (;;) {
    auto const step = loop.run(reader.next());
    if (!step || !*step) break;
    for (auto const& choice : (*step)->choices) steps.push_back(choice.text());
  }
  return {reply->head().shaped.text(), steps};
}

TEST(ShapedPrefix, StandsBeforeTheFirstTextOfAStreamOnce) {
  TestLoop loop;
  Shaped shaped(ScriptedProvider("p", {neutral({"Hel", "lo", "!"})}), {.prefix = ">> "});
  auto const [mark, steps] = said(loop, shaped);
  EXPECT_EQ(mark, "prefix");
  EXPECT_EQ(steps, (std::vector<std::string>{">> Hel", "lo", "!"}));
}

TEST(ShapedPrefix, StandsBeforeAWholeAnswer) {
  TestLoop loop;
  Shaped shaped(ScriptedProvider("p", {Step::answer("Hello")}), {.prefix = ">> "});
  Call call = loop.call();
  ChatRequest const request("m");
  auto reply = loop.run(shaped(request, call));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->is_one_part());
  EXPECT_FALSE(reply->head().streamed);
  auto const answer = loop.run(collect(*reply, call));
  EXPECT_EQ(answer->text(), ">> Hello");
  EXPECT_EQ(reply->progress().text, "Hello") << "the provider did not write it";
}

/// Steps as a provider in process says them.
struct Steps final : ReplySource {
  Steps(std::vector<ChatDelta> d, Call& call) : deltas(std::move(d)), own(call.memory()) {}
  Task<Result<ReplyPart>> next() override {
    ReplyPart const part{.bytes = {}, .deltas = {&deltas[at], 1}, .last = at + 1 == deltas.size()};
    ++at;
    co_return part;
  }
  ReplyProgress& progress() noexcept override { return own; }
  std::vector<ChatDelta> deltas;
  ReplyProgress own;
  std::size_t at{1};
};
struct Thinker {
  std::string_view name() const { return "thinker"; }
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call& call) {
    std::vector<ChatDelta> deltas(4);
    for (std::int64_t i = 0; i < 2; ++i) {
      ChoiceDelta choice;
      choice.index = i;
      choice.say(PartKind::reasoning, "hm");
      deltas[0].choices.push_back(choice);
    }
    auto const text = [](std::int64_t index, std::string words) {
      ChoiceDelta choice;
      choice.index = index;
      choice.say(PartKind::text, std::move(words));
      return choice;
    };
    deltas[1].choices = {text(1, "B")};
    deltas[2].choices = {text(0, "A"), text(1, "b")};
    deltas[3].choices = {text(0, "a")};
    ChatReply::Head head;
    head.streamed = true;
    auto source = call.make<Steps>(std::move(deltas), call);
    ReplyPart const first{.bytes = {}, .deltas = {source->deltas.data(), 1}, .last = false};
    co_return ChatReply(head, std::move(source), first);
  }
};

TEST(ShapedPrefix, StandsBehindReasoningAndInEachChoice) {
  TestLoop loop;
  Shaped shaped(Thinker{}, {.prefix = ">"});
  auto const [mark, steps] = said(loop, shaped);
  EXPECT_EQ(steps, (std::vector<std::string>{"", "", ">B", ">A", "b", "a"}));
}

TEST(ShapedPrefix, LeavesFailuresWhereTheyAre) {
  TestLoop loop;
  Error const lost(Errc::connection_lost, "lost", Origin::upstream);
  Shaped shaped(ScriptedProvider("p", {Step::fail(lost), neutral({"a"}).then_fail(lost)}), {.prefix = ">"});
  EXPECT_EQ(said(loop, shaped).first, "lost");
  Call call = loop.call();
  ChatRequest const request("m");
  auto reply = loop.run(shaped(request, call));
  ASSERT_TRUE(reply);
  EXPECT_EQ(loop.run(reply->next())->deltas[0].choices[0].text(), ">a");
  EXPECT_EQ(loop.run(reply->next()).error().code(), Errc::connection_lost);
}

}  // namespace
}  // namespace lowart::shape_test
