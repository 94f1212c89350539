#include <lowart/dialect/json_scan.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/testing/run.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::demo_test {
namespace {

using namespace std::chrono_literals;
using lowart::ChatRequest;
using lowart::Demo;
using lowart::Errc;
using lowart::FinishReason;
using lowart::Role;
using lowart::UsageClass;

/// What one choice came to.
struct Heard {
  std::string text;
  std::vector<lowart::ToolCall> tool_calls;
  FinishReason finish{FinishReason::none};
  int roles{0};
};
/// What a whole reply came to.
struct Outcome {
  std::vector<Heard> choices;
  std::optional<lowart::Usage> usage;
  std::optional<lowart::Error> error;
  bool committed{false};
  bool streamed{false};
  std::string provider, model, progress_text;
  lowart::FinishReason progress_finish{FinishReason::none};
  lowart::Usage progress_usage;
  std::int64_t events{0};
  int parts{0};
  lowart::TimePoint first_at{}, ended_at{};
};

void hear(lowart::ReplyPart const& part, Outcome& out) {
  ++out.parts;
  for (auto const& delta : part.deltas) {
    if (delta.usage) out.usage = delta.usage;
    for (auto const& choice : delta.choices) {
      auto const index = static_cast<std::size_t>(choice.index);
      if (out.choices.size() <= index) out.choices.resize(index + 1);
      Heard& heard = out.choices[index];
      if (choice.role) ++heard.roles;
      heard.text += choice.text();
      for (auto const& piece : choice.pieces) {
        if (piece.kind != lowart::PartKind::tool_call) continue;
        auto const at = static_cast<std::size_t>(piece.index);
        if (heard.tool_calls.size() <= at) heard.tool_calls.resize(at + 1);
        heard.tool_calls[at].id += piece.call.id;
        heard.tool_calls[at].name += piece.call.name;
        heard.tool_calls[at].arguments += piece.call.arguments;
      }
      if (choice.finish != FinishReason::none) heard.finish = choice.finish;
    }
  }
}

lowart::Task<Outcome> listen(Demo& demo, ChatRequest const& request, lowart::Call& call) {
  Outcome out;
  lowart::Result<lowart::ChatReply> reply = co_await demo(request, call);
  out.ended_at = call.now();
  if (!reply) {
    out.error = reply.error();
    co_return out;
  }
  out.committed = true;
  out.streamed = reply->head().streamed;
  out.provider = reply->head().provider;
  out.model = reply->head().upstream_model;
  bool more = true;
  while (more) {
    lowart::Result<lowart::ReplyPart> part = co_await reply->next();
    if (part) hear(*part, out);
    else out.error = part.error();
    more = part && !part->last;
  }
  out.first_at = reply->progress().first_content_at;
  out.progress_text = reply->progress().text;
  out.progress_finish = reply->progress().finish;
  out.progress_usage = reply->progress().usage;
  out.events = reply->progress().events;
  out.ended_at = call.now();
  co_return out;
}

ChatRequest ask(std::string prompt, bool stream = true, std::string model = "demo") {
  ChatRequest request(std::move(model));
  request.add(Role::user, std::move(prompt));
  request.edit().stream = stream;
  return request;
}
void offer(ChatRequest& request, std::string name, std::string description, std::string schema) {
  lowart::Tool tool;
  tool.name = std::move(name);
  tool.description = std::move(description);
  tool.parameters.text = std::move(schema);
  request.edit().tools.push_back(std::move(tool));
}
ChatRequest with_tools(std::string prompt, bool stream = true) {
  ChatRequest request = ask(std::move(prompt), stream);
  offer(request, "get_time", "Tells the current time of day", R"({"type":"object","properties":{}})");
  offer(
      request, "get_weather", "Current weather of a city",
      R"({"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["c","f"]}},"required":["city","unit"]})");
  return request;
}

struct DemoProvider : ::testing::Test {
  Outcome hear_out(ChatRequest const& request) {
    lowart::Call call = loop.call();
    Outcome out = loop.run(listen(demo, request, call));
    trail.assign(call.trail().begin(), call.trail().end());
    return out;
  }
  /// Interrupts after `after`.
  Outcome interrupted(ChatRequest const& request, lowart::Duration after, Errc code = Errc::cancelled) {
    lowart::Call call = loop.call();
    auto running = lowart::testing::start(loop.io, listen(demo, request, call));
    loop.pass(after);
    EXPECT_FALSE(running.done());
    call.interrupt(code);
    loop.settle();
    EXPECT_TRUE(running.done());
    return running.take();
  }

  lowart::testing::TestLoop loop;
  Demo demo;
  std::vector<lowart::Attempt> trail;
};

TEST_F(DemoProvider, StreamsAtAHumanPace) {
  auto const begun = loop.clock.now();
  Outcome const out = hear_out(ask("write 100 words"));
  ASSERT_FALSE(out.error);
  EXPECT_TRUE(out.streamed);
  EXPECT_GE(out.first_at - begun, 150ms);
  EXPECT_LE(out.first_at - begun, 200ms);
  auto const seconds = std::chrono::duration<double>(out.ended_at - out.first_at).count();
  double const pace = static_cast<double>(out.events) / seconds;
  EXPECT_GT(pace, 40);
  EXPECT_LT(pace, 60);
  EXPECT_EQ(out.events, out.parts - 1);
  EXPECT_EQ(out.choices.at(0).roles, 1);
  EXPECT_EQ(out.choices.at(0).finish, FinishReason::stop);
}

TEST_F(DemoProvider, SaysTheSameWholeAsStreamed) {
  Outcome const streamed = hear_out(ask("What is the tallest mountain?"));
  Outcome const whole = hear_out(ask("What is the tallest mountain?", false));
  EXPECT_EQ(whole.parts, 1);
  EXPECT_FALSE(whole.streamed);
  EXPECT_EQ(whole.choices.at(0).text, streamed.choices.at(0).text);
  EXPECT_NE(whole.choices.at(0).text.find("tallest mountain"), std::string::npos);
  EXPECT_EQ(*whole.usage, *streamed.usage);
  EXPECT_EQ(whole.progress_text, streamed.progress_text);
  EXPECT_EQ(whole.progress_finish, FinishReason::stop);
}

TEST_F(DemoProvider, ReportsItsUsageAndItsNames) {
  Demo named("practice");
  lowart::Call call = loop.call();
  Outcome const out = loop.run(listen(named, ask("say exactly: one two three", true, "gpt-4o"), call));
  EXPECT_EQ(out.usage->value(UsageClass::output), 3);
  EXPECT_EQ(out.usage->value(UsageClass::input), 3 + 4 + 6);
  EXPECT_EQ(out.progress_usage, *out.usage);
  EXPECT_EQ(out.provider, "practice");
  EXPECT_EQ(out.model, "gpt-4o");
  ASSERT_EQ(call.trail().size(), 1U);
  EXPECT_EQ(call.trail()[0].provider, "practice");
  EXPECT_FALSE(call.trail()[0].failure);
}

TEST_F(DemoProvider, SaysAndCountsAsItIsTold) {
  EXPECT_EQ(hear_out(ask("say exactly: \"Hi\"  you!")).choices.at(0).text, "\"Hi\"  you!");
  EXPECT_EQ(hear_out(ask("Say 'pong'", false)).choices.at(0).text, "pong");
  EXPECT_EQ(hear_out(ask("Please count to 5.")).choices.at(0).text, "1, 2, 3, 4, 5");
  EXPECT_EQ(hear_out(ask("write 3 words")).usage->value(UsageClass::output), 3);
}

TEST_F(DemoProvider, StopsAtMaxTokens) {
  for (bool const stream : {true, false}) {
    ChatRequest request = ask("count to 100", stream);
    request.edit().max_tokens = 5;
    Outcome const out = hear_out(request);
    EXPECT_EQ(out.choices.at(0).text, "1, 2, 3");
    EXPECT_EQ(out.choices.at(0).finish, FinishReason::length);
    EXPECT_EQ(out.usage->value(UsageClass::output), 5);
  }
  ChatRequest none = ask("say x");
  none.edit().max_tokens = 0;
  EXPECT_EQ(hear_out(none).choices.at(0).finish, FinishReason::length);
}

TEST_F(DemoProvider, StopsBeforeAStopSequence) {
  ChatRequest request = ask("count to 100");
  request.edit().stop = {"never", ", 4", "9"};
  Outcome const out = hear_out(request);
  EXPECT_EQ(out.choices.at(0).text, "1, 2, 3");
  EXPECT_EQ(out.choices.at(0).finish, FinishReason::stop);
  request.edit().stop = {"1"};
  Outcome const empty = hear_out(request);
  EXPECT_TRUE(empty.committed);
  EXPECT_EQ(empty.choices.at(0).text, "");
  EXPECT_EQ(empty.choices.at(0).roles, 1);
}

TEST_F(DemoProvider, GivesSeveralChoicesInTurn) {
  ChatRequest request = ask("tell me something");
  request.edit().n = 2;
  Outcome const out = hear_out(request);
  ASSERT_EQ(out.choices.size(), 2U);
  EXPECT_NE(out.choices[0].text, out.choices[1].text);
  for (Heard const& heard : out.choices) {
    EXPECT_EQ(heard.roles, 1);
    EXPECT_EQ(heard.finish, FinishReason::stop);
  }
  request.edit().n = 0;
  EXPECT_EQ(hear_out(request).error->code(), Errc::upstream_rejected);
}

TEST_F(DemoProvider, CallsTheToolThatFitsBest) {
  for (bool const stream : {true, false}) {
    Outcome const out = hear_out(with_tools("What is the weather in New York?", stream));
    Heard const& heard = out.choices.at(0);
    ASSERT_EQ(heard.tool_calls.size(), 1U);
    EXPECT_EQ(heard.tool_calls[0].name, "get_weather");
    EXPECT_EQ(heard.tool_calls[0].id.size(), 29U);
    auto const city = lowart::dialect::find_member(heard.tool_calls[0].arguments, "city");
    ASSERT_TRUE(city) << heard.tool_calls[0].arguments;
    EXPECT_EQ(city->value, "\"New York\"");
    EXPECT_EQ(heard.finish, FinishReason::tool_calls);
    EXPECT_TRUE(heard.text.empty());
  }
}

TEST_F(DemoProvider, CallsSeveralToolsThatTheUserNames) {
  ChatRequest request = with_tools("Use get_weather and get_time for Oslo");
  auto const both = hear_out(request).choices.at(0).tool_calls;
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].name, "get_weather");
  EXPECT_EQ(both[1].name, "get_time");
  EXPECT_EQ(both[1].arguments, "{}");
  EXPECT_NE(both[0].id, both[1].id);
  request.edit().parallel_tool_calls = false;
  EXPECT_EQ(hear_out(request).choices.at(0).tool_calls.size(), 1U);
}

TEST_F(DemoProvider, RespectsTheToolChoice) {
  ChatRequest request = with_tools("What is the weather in Lima?");
  request.edit().tool_choice.kind = lowart::ToolChoiceKind::none;
  EXPECT_TRUE(hear_out(request).choices.at(0).tool_calls.empty());
  request.edit().tool_choice.kind = lowart::ToolChoiceKind::named;
  request.edit().tool_choice.name = "get_time";
  EXPECT_EQ(hear_out(request).choices.at(0).tool_calls.at(0).name, "get_time");
  ChatRequest said = with_tools("say hi");
  EXPECT_EQ(hear_out(said).choices.at(0).text, "hi");
  said.edit().tool_choice.kind = lowart::ToolChoiceKind::required;
  EXPECT_EQ(hear_out(said).choices.at(0).tool_calls.size(), 1U);
}

TEST_F(DemoProvider, AnswersInWordsAfterAToolsResult) {
  ChatRequest request = with_tools("What is the weather in Lima?");
  request.add(Role::assistant, "").add(Role::tool, "19 degrees, mist");
  Outcome const out = hear_out(request);
  EXPECT_TRUE(out.choices.at(0).tool_calls.empty());
  EXPECT_NE(out.choices.at(0).text.find("19 degrees, mist"), std::string::npos);
}

TEST_F(DemoProvider, AnswersInJsonWhenAskedTo) {
  ChatRequest request = ask("Describe tea", false);
  request.edit().output_format.kind = lowart::OutputKind::json_schema;
  request.edit().output_format.schema.text =
      R"({"type":"object","properties":{"title":{"type":"string"},"score":{"type":"integer"}},"required":["title","score"]})";
  std::string const text = hear_out(request).choices.at(0).text;
  EXPECT_EQ(lowart::dialect::find_member(text, "title")->value, "\"Describe tea\"");
  EXPECT_TRUE(lowart::dialect::find_member(text, "score"));
  request.edit().output_format.kind = lowart::OutputKind::json_object;
  EXPECT_TRUE(lowart::dialect::find_member(hear_out(request).choices.at(0).text, "answer"));
}

TEST_F(DemoProvider, IsAsFastOrSlowAsItsName) {
  auto const took = [&](std::string model) {
    auto const begun = loop.clock.now();
    hear_out(ask("count to 10", true, std::move(model)));
    return loop.clock.now() - begun;
  };
  EXPECT_EQ(took("demo-fast"), 0ms);
  EXPECT_GT(took("demo-slow"), 4s);
}

TEST_F(DemoProvider, RefusesAsItsNameSays) {
  std::vector<std::pair<std::string, Errc>> const refusals{{"demo-429", Errc::rate_limited},
                                                           {"demo-fail", Errc::upstream_failed},
                                                           {"demo-malformed", Errc::malformed_reply},
                                                           {"demo-auth", Errc::upstream_auth}};
  for (auto const& [model, code] : refusals) {
    Outcome const out = hear_out(ask("hello", true, model));
    ASSERT_TRUE(out.error) << model;
    EXPECT_FALSE(out.committed) << model;
    EXPECT_EQ(out.error->code(), code) << model;
    EXPECT_EQ(out.error->origin(), lowart::Origin::upstream) << model;
    EXPECT_EQ(out.error->retryable(), code != Errc::upstream_auth) << model;
    ASSERT_EQ(trail.size(), 1U);
    EXPECT_EQ(trail[0].failure, code);
  }
  EXPECT_EQ(hear_out(ask("hello", true, "demo-429")).error->retry_after(), 2s);
  EXPECT_EQ(hear_out(ask("hello", true, "demo-fail")).error->upstream_status(), 500);
}

TEST_F(DemoProvider, FailsEverySecondFlakyCallAcrossCopies) {
  Demo copy = demo;
  EXPECT_EQ(hear_out(ask("hi", true, "demo-flaky")).error->code(), Errc::upstream_failed);
  lowart::Call call = loop.call();
  EXPECT_FALSE(loop.run(listen(copy, ask("hi", true, "demo-flaky"), call)).error);
  EXPECT_TRUE(hear_out(ask("hi", true, "demo-flaky")).error);
}

TEST_F(DemoProvider, CutsTheStreamAfterSomeWords) {
  Outcome const out = hear_out(ask("count to 100", true, "demo-cut"));
  EXPECT_TRUE(out.committed);
  EXPECT_EQ(out.choices.at(0).text, "1, 2, 3, 4,");
  EXPECT_EQ(out.error->code(), Errc::connection_lost);
  EXPECT_FALSE(out.error->retryable());
  EXPECT_FALSE(out.usage);
  Outcome const whole = hear_out(ask("count to 100", false, "demo-cut"));
  EXPECT_FALSE(whole.committed);
  EXPECT_TRUE(whole.error->retryable());
}

TEST_F(DemoProvider, StallsUntilItIsInterrupted) {
  Outcome const out = interrupted(ask("count to 100", true, "demo-stall"), 3h, Errc::between_tokens_timeout);
  EXPECT_EQ(out.choices.at(0).text, "1, 2,");
  EXPECT_EQ(out.error->code(), Errc::between_tokens_timeout);
  EXPECT_FALSE(interrupted(ask("count to 100", false, "demo-stall"), 3h).committed);
}

TEST_F(DemoProvider, HangsUntilItIsInterrupted) {
  Outcome const out = interrupted(ask("hello", true, "demo-hang"), 3h, Errc::first_token_timeout);
  EXPECT_FALSE(out.committed);
  EXPECT_EQ(out.error->code(), Errc::first_token_timeout);
  EXPECT_TRUE(out.error->retryable());
}

TEST_F(DemoProvider, EndsAtOnceWhereverItIsInterrupted) {
  for (auto const after : {50ms, 200ms, 400ms}) {
    Outcome const out = interrupted(ask("count to 100"), after);
    EXPECT_EQ(out.error->code(), Errc::cancelled);
    EXPECT_EQ(out.committed, after >= 150ms);
  }
  EXPECT_EQ(interrupted(ask("count to 100", false), 300ms).error->code(), Errc::cancelled);
  EXPECT_EQ(interrupted(ask("hello", true, "demo-fail"), 10ms).error->code(), Errc::cancelled);
  lowart::Call call = loop.call();
  call.cancel();
  EXPECT_EQ(loop.run(listen(demo, ask("hello", true, "demo-fast"), call)).error->code(), Errc::cancelled);
}

TEST_F(DemoProvider, BoundsWhatItSays) {
  Outcome const out = hear_out(ask("count to 999999999", false));
  EXPECT_EQ(out.usage->value(UsageClass::output), lowart::demo::output_limit);
  EXPECT_EQ(out.choices.at(0).finish, FinishReason::length);
}

TEST(DemoModels, AreListedOnceWithASentence) {
  for (auto const& model : lowart::demo_models()) {
    EXPECT_FALSE(model.sentence.empty());
    EXPECT_EQ(&lowart::demo_model(model.name), &model);
  }
  EXPECT_EQ(lowart::demo_model("gpt-4o").name, "demo");
}

TEST(DemoPieces, AreTheTextWhenJoined) {
  constexpr std::string_view text =
      "Grüße, \n\n  aus \xF0\x9F\x98\x80 {\"a\":[1,2]}   internationalization ... \xFF\x80";
  std::string joined;
  for (std::string_view rest = text; !rest.empty();) joined += lowart::demo::take_piece(rest);
  EXPECT_EQ(joined, text);
  EXPECT_EQ(lowart::demo::count_pieces("one two, three"), 4);
}

}  // namespace
}  // namespace lowart::demo_test
