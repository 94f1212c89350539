#include <lowart/provider/openai.hpp>

#include <lowart/testing/byte_feeder.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::openai_repair_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

struct Heard {
  std::string bytes, text;
  Usage usage;
};

Heard hear(ScriptedAnswer answer, bool repair = true) {
  TestLoop loop;
  Call call = loop.call();
  OpenAiOptions options;
  options.repair = repair;
  OpenAi<ScriptedTransport> provider(ScriptedTransport({std::move(answer)}), options);
  Result<ChatReply> reply = loop.run(provider(ChatRequest("m").add(Role::user, "Hi"), call));
  Heard heard;
  EXPECT_TRUE(reply) << reply.error().message();
  for (bool more = reply.has_value(); more;) {
    Result<ReplyPart> const part = loop.run(reply->next());
    EXPECT_TRUE(part);
    more = part && !part->last;
    if (part) heard.bytes += part->bytes;
  }
  if (!reply) return heard;
  heard.text = reply->progress().text;
  heard.usage = reply->progress().usage;
  return heard;
}

ScriptedAnswer stream() { return ScriptedAnswer(200).field("content-type", "text/event-stream"); }

std::string event(std::string_view data) { return std::string("data: ").append(data).append("\n\n"); }

/// However it is cut, `came` is passed on as `expected`, and read alike.
void expect_at_every_split(std::string const& came, std::string const& expected) {
  Heard const raw = hear(stream().piece(came), false);
  EXPECT_EQ(raw.bytes, came) << "not switched off";
  lowart::testing::feed_every_split(came, [&](auto const& pieces) {
    ScriptedAnswer answer = stream();
    for (std::string_view const piece : pieces) std::move(answer).piece(std::string(piece));
    Heard const heard = hear(std::move(answer));
    ASSERT_EQ(heard.bytes, expected);
    ASSERT_EQ(heard.text, raw.text);
    ASSERT_EQ(heard.usage, raw.usage);
  });
}

std::string const mistral_call =
    R"({"id":"1","choices":[{"index":0,"delta":{"content":null,"tool_calls":[{"id":"a","function":{"name":"f",)"
    R"("arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2},"p":"ab"})";

TEST(OpenAiRepairOnTheWire, RepairsMistralsToolCalls) {
  std::string const role =
      event(R"({"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})");
  std::string fixed = mistral_call;
  fixed.insert(fixed.find(R"("id":"a")"), R"("index":0,"type":"function",)");
  expect_at_every_split(": hello\n\n" + role + event(mistral_call) + "data: [DONE]\n\n",
                        ": hello\n\n" + role + event(fixed) + "data: [DONE]\n\n");
}

TEST(OpenAiRepairOnTheWire, PutsInTheRoleAndLeavesTheRest) {
  std::string const one = event(R"({"choices":[{"index":0,"delta":{"content":"a"}}]})");
  std::string const two = event(R"({"choices":[{"index":0,"delta":{"content":"b"}}]})");
  std::string const end =
      event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})") + "data: [DONE]\n\n";
  std::string fixed = one;
  fixed.insert(fixed.find("\"content\""), R"("role":"assistant",)");
  expect_at_every_split(one + two + one + end, fixed + two + one + end);
  expect_at_every_split("\xEF\xBB\xBF" + one + two + one + end, "\xEF\xBB\xBF" + fixed + two + one + end);
}

TEST(OpenAiRepairOnTheWire, FinishesWhatSnowflakeLeavesOpen) {
  std::string const head = R"({"id":"","model":"","created":7,"choices":[{"index":0,"delta":{)";
  std::string const one = event(head + R"("role":"assistant","content":"a"}}]})");
  std::string const two =
      event(head + R"("content":"b"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}})");
  std::string const ours =
      R"({"id":"","created":7,"model":"","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}])";
  expect_at_every_split(one + two + "data: [DONE]\n\n",
                        one + two + event(ours + R"(,"usage":{"prompt_tokens":3,"completion_tokens":2}})") +
                            "data: [DONE]\n\n");
  std::string const usage =
      event(R"({"id":"","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})");
  expect_at_every_split(one + usage + "data: [DONE]\n\n",
                        one + event(ours + "}") + usage + "data: [DONE]\n\n");
}

TEST(OpenAiRepairOnTheWire, WritesAnEventOfSeveralDataLinesAnew) {
  std::string const end =
      event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})") + "data: [DONE]\n\n";
  expect_at_every_split(
      "id: 5\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"a\"}}]}\n\n" + end,
      "id: 5\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"role\":\"assistant\","
      "\"content\":\"a\"}}]}\n\n" +
          end);
}

TEST(OpenAiRepairOnTheWire, LeavesHealthyAndLegacyStreamsAsTheyCame) {
  std::string const azure =
      event(R"({"choices":[],"id":"","model":"","object":"","prompt_filter_results":[]})");
  std::string const healthy =
      azure +
      event(R"({"choices":[{"delta":{"content":"a","role":"assistant"},"finish_reason":null,"index":0}]})") +
      event(R"({"choices":[{"delta":{},"finish_reason":"length","index":0}]})") +
      event(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})") + "data: [DONE]\n\n";
  expect_at_every_split(healthy, healthy);
  std::string const legacy = event(R"({"choices":[{"text":"a","index":0}]})") + "data: [DONE]\n\n";
  expect_at_every_split(legacy, legacy);
}

TEST(OpenAiRepairOnTheWire, RepairsAWholeReplyInOnePieceAndInSeveral) {
  std::string const came = R"({"choices":[{"message":{"content":"Hello"}}],"unknown":1e2})";
  std::string const fixed =
      R"({"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hello"}}],"unknown":1e2})";
  EXPECT_EQ(hear(ScriptedAnswer::json(200, came)).bytes, fixed);
  EXPECT_EQ(hear(ScriptedAnswer(200).piece(came.substr(0, 9)).piece(came.substr(9))).bytes, fixed);
  EXPECT_EQ(hear(ScriptedAnswer::json(200, came), false).bytes, came);
}

}  // namespace
}  // namespace lowart::openai_repair_test
