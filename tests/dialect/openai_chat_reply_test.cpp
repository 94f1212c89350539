#include <lowart/dialect/openai_chat_reader.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_completions.hpp>

#include <gtest/gtest.h>

#include <memory_resource>
#include <random>
#include <string>
#include <vector>

namespace lowart::openai_chat_reply_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

ReplyContext context(bool include_usage = false) {
  ReplyContext named;
  named.id = "1";
  named.model = "demo";
  named.created = 1764499721;
  named.include_usage = include_usage;
  return named;
}

ChatDelta text_step(std::string text, std::int64_t index = 0) {
  ChatDelta delta;
  ChoiceDelta& choice = delta.choices.emplace_back();
  choice.index = index;
  choice.say(PartKind::text, std::move(text));
  return delta;
}

ChatDelta finish_step(FinishReason reason, std::int64_t index = 0) {
  ChatDelta delta = text_step("", index);
  delta.choices[0].finish = reason;
  return delta;
}

ChatDelta call_step(std::int64_t index, std::string id, std::string name, std::string arguments) {
  ChatDelta delta = text_step("");
  PieceDelta& piece = delta.choices[0].pieces.emplace_back();
  piece.kind = PartKind::tool_call;
  piece.index = index;
  piece.call = ToolCall{std::move(id), std::move(name), std::move(arguments)};
  return delta;
}

Usage some_usage() {
  Usage usage;
  usage.set(UsageClass::input, 5);
  usage.set(UsageClass::cache_read, 3);
  usage.set(UsageClass::output, 2);
  usage.set(UsageClass::reasoning, 4);
  return usage;
}

std::string stream_of(std::vector<ChatDelta> const& steps, bool include_usage = false) {
  ChunkEncoder encoder(context(include_usage));
  std::string out;
  for (ChatDelta const& step : steps) encoder.write(step, out);
  encoder.finish(out);
  return out;
}

std::string const head =
    R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764499721,"model":"demo","choices":[)";

TEST(ChunkEncoder, WritesAPlainStream) {
  EXPECT_EQ(
      stream_of({text_step("Hi"), text_step(" \"you\""), finish_step(FinishReason::stop)}),
      head +
          R"({"index":0,"delta":{"role":"assistant","content":"Hi"},"logprobs":null,"finish_reason":null}]})" +
          "\n\n" + head +
          R"({"index":0,"delta":{"content":" \"you\""},"logprobs":null,"finish_reason":null}]})" + "\n\n" +
          head + R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})" +
          "\n\ndata: [DONE]\n\n");
}

TEST(ChunkEncoder, TellsTheUsageOnlyWhenItWasAskedFor) {
  ChatDelta last = finish_step(FinishReason::length);
  last.usage = some_usage();
  EXPECT_EQ(stream_of({text_step("Hi"), last}).find("usage"), std::string::npos);
  auto const with = stream_of({text_step("Hi"), last}, true);
  std::string const usage =
      head +
      R"(],"usage":{"prompt_tokens":8,"completion_tokens":6,"total_tokens":14,"prompt_tokens_details":)"
      R"({"cached_tokens":3,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,)"
      R"("audio_tokens":0}}})" +
      "\n\ndata: [DONE]\n\n";
  EXPECT_TRUE(with.ends_with(usage)) << with;
  EXPECT_NE(with.find(R"("finish_reason":null}],"usage":null})"), std::string::npos) << with;
  EXPECT_EQ(stream_of({text_step("Hi")}, true).find("prompt_tokens"), std::string::npos);
}

TEST(ChunkEncoder, GivesToolCallsWhatAStrictClientAsksFor) {
  auto const out = stream_of({call_step(0, "call_a", "look", ""), call_step(0, "call_a", "look", "{}"),
                              call_step(1, "", "nothing", "")});
  EXPECT_NE(
      out.find(R"("delta":{"role":"assistant","tool_calls":[{"index":0,"id":"call_a","type":"function",)"
               R"("function":{"name":"look","arguments":""}}]})"),
      std::string::npos)
      << out;
  EXPECT_NE(out.find(R"("delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]})"),
            std::string::npos);
  EXPECT_NE(
      out.find(
          R"({"index":1,"id":"call_1_0_1","type":"function","function":{"name":"nothing","arguments":""}})"),
      std::string::npos);
  EXPECT_NE(out.find(R"("delta":{},"logprobs":null,"finish_reason":"tool_calls")"), std::string::npos);
}

TEST(ChunkEncoder, EndsEveryChoiceThatDidNotEnd) {
  auto const out = stream_of({text_step("a"), text_step("b", 1), finish_step(FinishReason::length, 1)});
  EXPECT_NE(out.find(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})"), std::string::npos)
      << out;
  EXPECT_EQ(stream_of({}), head +
                               R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,)"
                               R"("finish_reason":"stop"}]})" +
                               "\n\ndata: [DONE]\n\n");
}

TEST(ChunkEncoder, KeepsOneIdentityAndPrefersTheProviders) {
  ChatDelta first = text_step("a");
  first.id = "theirs", first.model = "m-1", first.created = 7;
  ChatDelta second = text_step("b");
  second.id = "other";
  auto const out = stream_of({first, second});
  EXPECT_EQ(out.find("chatcmpl-1"), std::string::npos);
  EXPECT_EQ(out.find("other"), std::string::npos);
}

TEST(ChunkEncoder, IsReadBackByTheReader) {
  ChatDelta last = finish_step(FinishReason::tool_calls);
  last.usage = some_usage();
  auto const out = stream_of({text_step("Hi \n"), call_step(0, "c", "f", "{\"a\":1}"), last}, true);
  OpenAiChatReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  ASSERT_TRUE(reader.feed(out, progress));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(progress.text, "Hi \nf{\"a\":1}");
  EXPECT_EQ(progress.usage.total(), some_usage().total());
  EXPECT_EQ(progress.usage.get(UsageClass::reasoning), 4);
  EXPECT_EQ(progress.finish, FinishReason::tool_calls);
}

TEST(OpenAiReply, WritesAWholeReply) {
  CompletionBuilder builder;
  builder.add(text_step("He"));
  builder.add(text_step("llo"));
  ChatDelta last = finish_step(FinishReason::stop);
  last.usage = some_usage();
  builder.add(last);
  EXPECT_EQ(
      encode_openai_reply(builder.whole(), context()),
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1764499721,"model":"demo","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":8,"completion_tokens":6,"total_tokens":14,"prompt_tokens_details":)"
      R"({"cached_tokens":3,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0}}})");
}

TEST(OpenAiReply, WritesToolCallsWithoutContent) {
  CompletionBuilder builder;
  builder.add(call_step(1, "b", "g", ""));
  builder.add(call_step(0, "a", "f", "{"));
  builder.add(call_step(0, "", "", "}"));
  auto const body = encode_openai_reply(builder.whole(), context());
  EXPECT_NE(
      body.find(
          R"("message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"a","type":)"
          R"("function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":)"
          R"({"name":"g","arguments":""}}]},"logprobs":null,"finish_reason":"tool_calls"})"),
      std::string::npos)
      << body;
  OpenAiChatReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  ASSERT_TRUE(reader.whole(body, progress));
  EXPECT_EQ(progress.text, "f{}g");
}

TEST(CompletionBuilder, JoinsLogprobsAndLists) {
  CompletionBuilder builder;
  ChatDelta a = text_step("a");
  a.choices[0].logprobs.text = R"({"content":[{"token":"a"}],"refusal":null})";
  a.choices[0].extra.push_back({"annotations", {"[1]"}});
  ChatDelta b = text_step("b");
  b.choices[0].logprobs.text = R"({"content":[{"token":"b"}],"refusal":null})";
  b.choices[0].extra.push_back({"annotations", {"[2]"}});
  b.extra.push_back({"service_tier", {"\"default\""}});
  builder.add(a);
  builder.add(b);
  ChoiceDelta const& choice = builder.whole().choices[0];
  EXPECT_EQ(choice.logprobs.text, R"({"content":[{"token":"a"},{"token":"b"}],"refusal":null})");
  EXPECT_EQ(choice.extra[0].value.text, "[1,2]");
  EXPECT_EQ(builder.whole().extra[0].value.text, "\"default\"");
}

TEST(OpenAiReplyDecode, ReadsAChunk) {
  auto const delta = decode_openai_reply(
      R"({"id":"i","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":null,"service_tier":"x",)"
      R"("choices":[{"index":2,"delta":{"role":"assistant","content":"a\n","reasoning":"r","reasoning_content":"r",)"
      R"("refusal":null,"own":1,"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{"}},{"index":7,"custom":)"
      R"({"input":"x"}}]},"logprobs":{"content":[]},"finish_reason":"eos"}],"usage":{"prompt_tokens":1},)"
      R"("obfuscation":"zz"})");
  ASSERT_TRUE(delta) << delta.error().message();
  EXPECT_EQ(delta->id, "i");
  EXPECT_EQ(delta->created, 5);
  EXPECT_EQ(delta->usage->get(UsageClass::input), 1);
  EXPECT_EQ(delta->extra.size(), 1U);
  ASSERT_EQ(delta->choices.size(), 1U);
  ChoiceDelta const& choice = delta->choices[0];
  EXPECT_EQ(choice.index, 2);
  EXPECT_EQ(choice.text(), "a\n");
  EXPECT_EQ(choice.joined(PartKind::reasoning), "r");
  EXPECT_EQ(choice.extra.size(), 1U);
  ASSERT_EQ(choice.pieces.size(), 4U);
  EXPECT_EQ(choice.pieces[2].index, 0);
  EXPECT_EQ(choice.pieces[2].call.name, "f");
  EXPECT_EQ(choice.pieces[3].index, 7);
  EXPECT_TRUE(choice.pieces[3].call.custom);
  EXPECT_EQ(choice.finish, FinishReason::other);
  EXPECT_EQ(choice.finish_text, "eos");
  EXPECT_EQ(choice.logprobs.text, R"({"content":[]})");
}

TEST(OpenAiReplyDecode, RefusesWhatIsNoReply) {
  EXPECT_EQ(decode_openai_reply("nonsense").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_openai_reply(R"({"choices":7})").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_openai_reply(R"({"error":{"message":"m","code":429}})").error().code(),
            Errc::rate_limited);
}

TEST(OpenAiReplyDecode, ReadsAStreamAtEverySplitPointAndAWholeReply) {
  ChatDelta last = finish_step(FinishReason::stop);
  last.usage = some_usage();
  auto const stream = stream_of({text_step("Hi"), text_step(" you"), last}, true);
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    OpenAiStreamDecoder decoder;
    std::vector<ChatDelta> steps;
    ASSERT_TRUE(decoder.decode(std::string(stream, 0, at), false, steps));
    ASSERT_TRUE(decoder.decode(std::string(stream, at), true, steps));
    CompletionBuilder builder;
    for (ChatDelta const& step : steps) builder.add(step);
    ASSERT_EQ(builder.whole().choices.at(0).text(), "Hi you");
    ASSERT_EQ(builder.whole().usage->total(), 14);
  }
  auto const body = encode_openai_reply(text_step("Hello"), context());
  OpenAiWholeDecoder decoder;
  std::vector<ChatDelta> steps;
  ASSERT_TRUE(decoder.decode(body.substr(0, 20), false, steps));
  ASSERT_TRUE(decoder.decode(body.substr(20), true, steps));
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].choices[0].text(), "Hello");
}

TEST(OpenAiCompletions, ReadsAPromptAsOneMessage) {
  auto const c = decode_openai_completions(
      R"({"model":"m","prompt":"Once","max_tokens":5,"echo":true,"logprobs":3,"stream":true,"suffix":"x"})");
  ASSERT_TRUE(c) << c.error().message();
  ASSERT_EQ(c->messages.size(), 1U);
  EXPECT_EQ(c->messages[0].text(), "Once");
  EXPECT_EQ(c->max_tokens, 5);
  EXPECT_TRUE(c->stream);
  EXPECT_EQ(c->extra.size(), 3U);
  EXPECT_EQ(decode_openai_completions(R"({"prompt":["one"]})")->messages[0].text(), "one");
  for (std::string_view body : {R"({"prompt":["a","b"]})", R"({"prompt":[1,2]})", R"({"prompt":[[1]]})"}) {
    auto const several = decode_openai_completions(body);
    ASSERT_FALSE(several);
    EXPECT_EQ(several.error().code(), Errc::unsupported);
    EXPECT_EQ(several.error().param(), "prompt");
  }
}

TEST(OpenAiCompletions, WritesAStreamAndAWholeReply) {
  ReplyContext named = context(true);
  named.model = "m";
  named.created = 1;
  CompletionsChunkEncoder encoder(named);
  std::string out;
  ChatDelta first = text_step("Once");
  first.usage = some_usage();
  encoder.write(first, out);
  encoder.finish(out);
  std::string const begin =
      R"(data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[)";
  EXPECT_EQ(out.substr(0, out.find(R"("prompt_tokens")")),
            begin + R"({"text":"Once","index":0,"logprobs":null,"finish_reason":null}],"usage":null})" +
                "\n\n" + begin +
                R"({"text":"","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":null})" + "\n\n" +
                begin + R"(],"usage":{)");
  EXPECT_TRUE(out.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(
      encode_openai_completions_reply(text_step("Once"), named),
      R"({"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"Once","index":0,)"
      R"("logprobs":null,"finish_reason":"stop"}]})");
}

}  // namespace
}  // namespace lowart::openai_chat_reply_test
