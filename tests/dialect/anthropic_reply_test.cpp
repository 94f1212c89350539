#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/dialect/anthropic_reply.hpp>
#include <lowart/dialect/completion_builder.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

namespace lowart::anthropic_reply_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

ReplyContext context() {
  ReplyContext made;
  made.id = "1";
  made.model = "demo";
  return made;
}

std::string golden_stream(std::string_view name) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden" / "anthropic" / name,
                     std::ios::binary);
  std::string const text((std::istreambuf_iterator<char>(file)), {});
  auto const begin = text.find('\n') + 1;
  return text.substr(begin, text.find("----\n") - begin);
}

std::vector<ChatDelta> steps_of(std::string_view stream) {
  AnthropicStreamDecoder decoder;
  std::vector<ChatDelta> steps;
  auto const result = decoder.decode(stream, true, steps);
  EXPECT_TRUE(result) << (result ? "" : result.error().message());
  return steps;
}

ChatDelta gathered(std::vector<ChatDelta> const& steps) {
  CompletionBuilder builder;
  for (ChatDelta const& step : steps) builder.add(step);
  return std::move(builder).take();
}

std::string written(std::vector<ChatDelta> const& steps) {
  AnthropicReplyWriter writer(context());
  std::string out;
  for (ChatDelta const& step : steps) writer.write(step, out);
  writer.finish(out);
  return out;
}

/// A stream in short: one line an event, names and what varies. Fails where a strict client would.
std::string outline(std::string_view stream) {
  std::string lines;
  std::int64_t open = -1, next = 0;
  bool started = false, ended = false;
  net::SseSplitter splitter;
  auto const step =
      splitter.feed(std::span<char const>(stream.data(), stream.size()), [&](net::SseEvent const& e) {
        auto const member = [&](std::string_view name) {
          auto const m = find_member(e.data, name);
          return m ? std::string(m->value) : std::string();
        };
        EXPECT_EQ("\"" + std::string(e.event) + "\"", member("type"));
        EXPECT_FALSE(ended);
        EXPECT_EQ(e.event == "message_start", !std::exchange(started, true));
        if (e.event == "content_block_start") {
          EXPECT_EQ(open, -1);
          EXPECT_EQ(member("index"), std::to_string(open = next++));
          lines += member("content_block") + "\n";
        } else if (e.event == "content_block_delta") {
          EXPECT_EQ(member("index"), std::to_string(open));
          lines += "  " + member("delta") + "\n";
        } else if (e.event == "content_block_stop") {
          EXPECT_EQ(member("index"), std::to_string(open));
          open = -1;
        } else if (e.event == "message_delta") {
          EXPECT_EQ(open, -1);
          lines += member("delta") + member("usage") + "\n";
        } else if (e.event == "message_stop") {
          ended = true;
        }
      });
  EXPECT_EQ(step, net::SseStep::more);
  EXPECT_TRUE(ended);
  return lines;
}

ChatDelta one(PieceDelta piece, Dialect dialect = Dialect::openai_chat) {
  ChatDelta step;
  step.dialect = dialect;
  step.choices.emplace_back().pieces.push_back(std::move(piece));
  return step;
}
ChatDelta say(PartKind kind, std::string text) {
  PieceDelta piece;
  piece.kind = kind;
  piece.text = std::move(text);
  return one(std::move(piece));
}
ChatDelta call(std::int64_t index, std::string id, std::string name, std::string arguments,
               bool custom = false) {
  PieceDelta piece;
  piece.kind = PartKind::tool_call;
  piece.index = index;
  piece.call = {std::move(id), std::move(name), std::move(arguments), custom};
  return one(std::move(piece));
}
ChatDelta proof(Signature signature, bool redacted = false) {
  PieceDelta piece;
  piece.kind = PartKind::reasoning;
  piece.signature = std::move(signature);
  piece.redacted = redacted;
  return one(std::move(piece));
}
ChatDelta ends(FinishReason reason) {
  ChatDelta step;
  step.dialect = Dialect::openai_chat;
  step.choices.emplace_back().finish = reason;
  return step;
}

std::string const no_usage =
    R"({"input_tokens":0,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"output_tokens":0})";

TEST(AnthropicReplyDecode, ReadsTheGoldenToolStream) {
  ChatDelta const whole = gathered(steps_of(golden_stream("stream_tools.txt")));
  EXPECT_EQ(whole.id, "msg_1");
  EXPECT_EQ(whole.model, "claude-x");
  ASSERT_EQ(whole.choices.size(), 1U);
  auto const& pieces = whole.choices[0].pieces;
  ASSERT_EQ(pieces.size(), 4U);
  EXPECT_EQ(pieces[0].text, "Let me see.");
  EXPECT_EQ(pieces[0].signature, (Signature{Dialect::anthropic, "EqQB=="}));
  EXPECT_EQ(pieces[1].text, "I \"look\"\né now.");
  EXPECT_EQ(pieces[2].call, (ToolCall{"toolu_1", "look", R"({"at": "Paris"})", false}));
  EXPECT_EQ(pieces[3].call, (ToolCall{"toolu_2", "idle", "{}", false}));
  EXPECT_EQ(pieces[3].index, 1);
  EXPECT_EQ(whole.choices[0].finish, FinishReason::tool_calls);
  ASSERT_TRUE(whole.usage);
  EXPECT_EQ(whole.usage->get(UsageClass::output), 80);
  EXPECT_EQ(whole.usage->get(UsageClass::reasoning), 9);
  EXPECT_EQ(whole.usage->input_total(), 19);
}

TEST(AnthropicReplyDecode, ReadsBlocksThatOnlyThisDialectKnows) {
  ChatDelta const whole = gathered(steps_of(golden_stream("stream_server_tools.txt")));
  auto const& choice = whole.choices.at(0);
  ASSERT_EQ(choice.pieces.size(), 5U);
  EXPECT_EQ(choice.pieces[0].raw.text,
            R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}})");
  EXPECT_EQ(choice.pieces[1].kind, PartKind::other);
  EXPECT_EQ(choice.pieces[2].text, "Cited");
  EXPECT_EQ(choice.pieces[2].citations.at(0).url, "https://example.com");
  EXPECT_EQ(choice.pieces[3].text, " and not.");  // a block of its own
  EXPECT_TRUE(choice.pieces[4].redacted);
  EXPECT_EQ(choice.stop_sequence, "END");
  ASSERT_EQ(whole.extra.size(), 2U);
  EXPECT_EQ(whole.extra[0].name, "container");
  ChatDelta const compacted = gathered(steps_of(golden_stream("stream_compaction.txt")));
  EXPECT_EQ(compacted.choices[0].pieces.at(0).raw.text, R"({"type":"compaction","content":"Summary"})");
  EXPECT_EQ(compacted.choices[0].finish_text, "pause_turn");
}

TEST(AnthropicReplyDecode, ReadsTheSameAtEverySplitPoint) {
  for (std::string_view const name :
       {"stream_tools.txt", "stream_server_tools.txt", "stream_whole_at_start.txt"}) {
    std::string const stream = golden_stream(name);
    auto const expected = steps_of(stream);
    lowart::testing::feed_every_split(stream, [&](std::vector<lowart::testing::ExactBytes> const& pieces) {
      AnthropicStreamDecoder decoder;
      std::vector<ChatDelta> steps;
      for (auto const& piece : pieces) ASSERT_TRUE(decoder.decode(piece.view(), false, steps));
      ASSERT_EQ(steps, expected) << name;
    });
  }
}

TEST(AnthropicReplyDecode, TellsTheProvidersErrors) {
  for (std::string_view const name :
       {"stream_error_later.txt", "stream_error_first.txt", "stream_not_json.txt"}) {
    AnthropicStreamDecoder decoder;
    std::vector<ChatDelta> steps;
    auto const result = decoder.decode(golden_stream(name), true, steps);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().origin(), Origin::upstream) << name;
  }
  EXPECT_EQ(decode_anthropic_reply(R"({"type":"error","error":{"type":"overloaded_error","message":"m"}})")
                .error()
                .code(),
            Errc::upstream_failed);
  EXPECT_EQ(decode_anthropic_reply("{}").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_anthropic_reply("{").error().code(), Errc::malformed_reply);
}

TEST(AnthropicReply, SurvivesAsAStreamAndWhole) {
  for (std::string_view const name : {"stream_tools.txt", "stream_server_tools.txt", "stream_compaction.txt",
                                      "stream_whole_at_start.txt"}) {
    ChatDelta first = gathered(steps_of(golden_stream(name)));
    std::string const stream = written(steps_of(golden_stream(name)));
    outline(stream);
    EXPECT_EQ(gathered(steps_of(stream)), first) << name;
    auto const whole = decode_anthropic_reply(encode_anthropic_reply(first, context()));
    ASSERT_TRUE(whole);
    ChatDelta again = gathered({*whole});
    EXPECT_EQ(again.choices[0].pieces.size(), first.choices[0].pieces.size());
    for (auto& piece : again.choices[0].pieces) piece.begins = false;
    for (auto& piece : first.choices[0].pieces) piece.begins = false;
    EXPECT_EQ(again, first) << name;
  }
}

TEST(AnthropicReplyWriter, WritesAPlainAnswerOfAnotherDialect) {
  ChatDelta last = ends(FinishReason::stop);
  last.usage.emplace().set(UsageClass::input, 5);
  last.usage->set(UsageClass::cache_read, 3);
  last.usage->set(UsageClass::output, 2);
  last.usage->set(UsageClass::reasoning, 4);
  EXPECT_EQ(
      written({say(PartKind::text, "Hi "), say(PartKind::text, "you"), last}),
      "event: message_start\n"
      R"(data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"demo",)"
      R"("content":[],"stop_reason":null,"stop_sequence":null,"usage":)" +
          no_usage +
          "}}\n\n"
          "event: content_block_start\n"
          "data: "
          "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"
          "\n\n"
          "event: content_block_delta\n"
          "data: "
          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi "
          "\"}}\n\n"
          "event: content_block_delta\n"
          "data: "
          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"you\"}"
          "}\n\n"
          "event: content_block_stop\n"
          "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
          "event: message_delta\n"
          "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
          "\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":3,"
          "\"output_tokens\":6,\"output_tokens_details\":{\"thinking_tokens\":4}}}\n\n"
          "event: message_stop\n"
          "data: {\"type\":\"message_stop\"}\n\n");
}

TEST(AnthropicReplyWriter, PutsMixedToolCallsInOrder) {
  EXPECT_EQ(outline(written({call(0, "a", "f", ""), call(1, "b", "g", "{\"y\":"), call(0, "", "", "{\"x\":"),
                             call(1, "", "", "2}"), call(0, "", "", "\"}\"}"), call(2, "", "h", ""),
                             say(PartKind::text, "Done"), ends(FinishReason::tool_calls)})),
            R"({"type":"tool_use","id":"a","name":"f","input":{}}
  {"type":"input_json_delta","partial_json":"{\"x\":"}
  {"type":"input_json_delta","partial_json":"\"}\"}"}
{"type":"tool_use","id":"b","name":"g","input":{}}
  {"type":"input_json_delta","partial_json":"{\"y\":"}
  {"type":"input_json_delta","partial_json":"2}"}
{"type":"tool_use","id":"toolu_1_2","name":"h","input":{}}
{"type":"text","text":""}
  {"type":"text_delta","text":"Done"}
{"stop_reason":"tool_use","stop_sequence":null})" +
                no_usage + "\n");
}

TEST(AnthropicReplyWriter, StreamsACallAsSoonAsTheOneBeforeItIsWhole) {
  AnthropicReplyWriter writer(context());
  std::string out;
  writer.write(call(0, "a", "f", "{}"), out);
  out.clear();
  writer.write(call(1, "b", "g", "{\"y\""), out);
  EXPECT_NE(out.find(R"("partial_json":"{\"y\"")"), std::string::npos);
}

TEST(AnthropicReplyWriter, WrapsTheTextOfAFreeFormCall) {
  EXPECT_EQ(outline(written(
                {call(0, "a", "sh", "ls \"x", true), call(0, "", "", "\n", true), ends(FinishReason::stop)})),
            R"({"type":"tool_use","id":"a","name":"sh","input":{}}
  {"type":"input_json_delta","partial_json":"{\"input\":\""}
  {"type":"input_json_delta","partial_json":"ls \\\"x"}
  {"type":"input_json_delta","partial_json":"\\n"}
  {"type":"input_json_delta","partial_json":"\"}"}
{"stop_reason":"tool_use","stop_sequence":null})" +
                no_usage + "\n");
}

TEST(AnthropicReplyWriter, SealsForeignProofsAndSkipsForeignParts) {
  PieceDelta other;
  other.kind = PartKind::other;
  other.raw.text = R"({"type":"executableCode"})";
  PieceDelta called;
  called.kind = PartKind::tool_call;
  called.call = {"i", "n", "{}", false};
  called.signature = {Dialect::gemini, "G"};
  EXPECT_EQ(outline(written({say(PartKind::reasoning, "Hm"), proof({Dialect::gemini, "S"}),
                             one(other, Dialect::gemini), proof({Dialect::openai_responses, "R"}, true),
                             say(PartKind::refusal, "No"), say(PartKind::text, "Yes"),
                             one(called, Dialect::gemini), ends(FinishReason::content_filter)})),
            R"({"type":"thinking","thinking":"","signature":""}
  {"type":"thinking_delta","thinking":"Hm"}
  {"type":"signature_delta","signature":"lw1.gemini.S"}
{"type":"redacted_thinking","data":"lw1.openai_responses.R"}
{"type":"text","text":""}
  {"type":"text_delta","text":"No"}
{"type":"text","text":""}
  {"type":"text_delta","text":"Yes"}
{"type":"redacted_thinking","data":"lw1.gemini.G"}
{"type":"tool_use","id":"i","name":"n","input":{}}
  {"type":"input_json_delta","partial_json":"{}"}
{"stop_reason":"refusal","stop_sequence":null})" +
                no_usage + "\n");
}

TEST(AnthropicReplyWriter, TellsTheEndOfABrokenStreamAndAnEmptyOne) {
  AnthropicReplyWriter writer(context());
  std::string out;
  writer.fail(Error(Errc::connection_lost, "the provider \"left\""), out);
  EXPECT_EQ(out,
            "event: error\ndata: "
            R"({"type":"error","error":{"type":"api_error","message":"the provider \"left\""}})"
            "\n\n");
  EXPECT_EQ(outline(written({})), R"({"stop_reason":"end_turn","stop_sequence":null})" + no_usage + "\n");
}

TEST(AnthropicReplyWriter, TellsTheUsageThatIsKnownAtTheStart) {
  ChatDelta first = say(PartKind::text, "x");
  first.usage.emplace().set(UsageClass::input, 9);
  std::string const out = written({first});
  EXPECT_NE(
      out.find(
          R"("usage":{"input_tokens":9,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"output_tokens":0}}})"),
      std::string::npos);
}

TEST(AnthropicReplyWriter, KeepsRawJsonOnOneLine) {
  auto const whole = decode_anthropic_reply(
      "{\"content\":[{\"type\":\"new\",\n\"a\":\"\\n\"}],\r\n\"container\":{\n},\"stop_reason\":\"end_"
      "turn\"}");
  ASSERT_TRUE(whole);
  EXPECT_EQ(outline(written({*whole})),
            "{\"type\":\"new\",\"a\":\"\\n\"}\n"
            "{\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"container\":{}}" +
                no_usage + "\n");
}

TEST(AnthropicReplyEncode, WritesAWholeAnswerOfAnotherDialect) {
  ChatDelta const whole =
      gathered({say(PartKind::reasoning, "Hm"), say(PartKind::text, "Hi"), call(0, "", "f", ""),
                call(1, "b", "g", "not json"), ends(FinishReason::length)});
  EXPECT_EQ(encode_anthropic_reply(whole, context()),
            R"({"id":"msg_1","type":"message","role":"assistant","model":"demo","content":[)"
            R"({"type":"thinking","thinking":"Hm","signature":""},{"type":"text","text":"Hi"},)"
            R"({"type":"tool_use","id":"toolu_1_0","name":"f","input":{}},)"
            R"({"type":"tool_use","id":"b","name":"g","input":{"input":"not json"}}],)"
            R"("stop_reason":"max_tokens","stop_sequence":null,"usage":)" +
                no_usage + "}");
}

/// Random answers, cut into random pieces that are mixed where calls may be.
TEST(AnthropicReplyWriter, SaysTheSameHoweverCallsAreMixed) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> arguments;
    for (unsigned i = 0; i < 1 + random() % 4; ++i)
      arguments.push_back(random() % 4 == 0 ? "{}"
                                            : R"({"a":"}{\"","n":[)" + std::to_string(random() % 100) + "]}");
    std::vector<ChatDelta> steps;
    std::vector<std::size_t> at(arguments.size(), 0);
    for (std::size_t i = 0; i < arguments.size(); ++i)
      steps.push_back(
          call(static_cast<std::int64_t>(i), "id" + std::to_string(i), "f" + std::to_string(i), ""));
    for (std::size_t left = arguments.size(); left > 0;) {
      std::size_t const i = random() % arguments.size();
      if (at[i] == arguments[i].size()) continue;
      std::string const piece = arguments[i].substr(at[i], 1 + random() % 5);
      at[i] += piece.size();
      if (at[i] == arguments[i].size()) --left;
      steps.push_back(call(static_cast<std::int64_t>(i), "", "", piece));
    }
    std::string const stream = written(steps);
    outline(stream);
    ChatDelta const whole = gathered(steps_of(stream));
    auto const& pieces = whole.choices.at(0).pieces;
    ASSERT_EQ(pieces.size(), arguments.size()) << "seed " << seed;
    for (std::size_t i = 0; i < pieces.size(); ++i)
      ASSERT_EQ(pieces[i].call.id + pieces[i].call.name + pieces[i].call.arguments,
                "id" + std::to_string(i) + "f" + std::to_string(i) + arguments[i])
          << "seed " << seed;
  }
}

}  // namespace
}  // namespace lowart::anthropic_reply_test
