#include <lowart/dialect/openai_chat_reader.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory_resource>
#include <string>
#include <vector>

namespace lowart::openai_chat_reader_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

ReplyProgress no_progress() { return ReplyProgress(std::pmr::get_default_resource()); }

std::string_view finish_word(FinishReason reason) {
  constexpr std::array<std::string_view, 6> words{"none",       "stop",           "length",
                                                  "tool_calls", "content_filter", "other"};
  return words[static_cast<std::size_t>(reason)];
}

std::string usage_words(Usage const& usage) {
  std::string words = "usage:";
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    if (auto const n = usage.get(c))
      words.append(" ").append(to_string(c)).append("=").append(std::to_string(*n));
  }
  return words;
}

/// Everything a reader found, as text.
std::string findings(OpenAiChatReader const& reader, Result<void> const& result,
                     ReplyProgress const& progress) {
  auto const flag = [](bool yes) { return yes ? "true\n" : "false\n"; };
  std::string out = "committed: ";
  out.append(flag(reader.committed())).append("done: ").append(flag(reader.done()));
  out.append("events: ").append(std::to_string(progress.events));
  out.append("\nfinish: ").append(finish_word(progress.finish)).append("\ntext: ");
  append_json_string(out, progress.text);
  out.append("\n").append(usage_words(progress.usage)).append("\n");
  if (!result) {
    out.append("error: ").append(to_string(result.error().code())).append(" ");
    out.append(std::to_string(result.error().upstream_status())).append(" ");
    append_json_string(out, result.error().upstream_message());
    out.append("\n");
  }
  return out;
}

/// Feeds a stream cut at these places and says what was found; checks what may be passed on.
std::string read_stream(std::string_view stream, std::vector<std::size_t> cuts, bool done_required = true) {
  OpenAiChatReader reader{OpenAiEvents(done_required)};
  auto progress = no_progress();
  Result<void> result;
  cuts.push_back(stream.size());
  std::size_t from = 0;
  std::size_t good = 0;
  for (std::size_t const to : cuts) {
    std::string const piece(
        stream.substr(from, to - from));  // its own memory: views must not outlive the call
    result = reader.feed(piece, progress);
    if (reader.good_bytes() > 0) good = from + reader.good_bytes();
    from = to;
  }
  // A last event cut inside its CRLF ends at the CR, which ends a line as well.
  if (good > 0 && stream.substr(good - 1).starts_with("\r\n")) ++good;
  auto out = findings(reader, result, progress);
  if (!done_required) out.append("may end without [DONE]: ").append(reader.may_end() ? "true\n" : "false\n");
  out.append("good: ").append(std::to_string(good)).append("\n");
  return out;
}

struct Golden {
  std::string name, stream, expected;
};

std::vector<Golden> golden_streams() {
  std::vector<Golden> all;
  auto const folder = std::filesystem::path(__FILE__).parent_path() / "golden" / "openai_chat";
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("stream_")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string const text((std::istreambuf_iterator<char>(file)), {});
    auto const begin = text.find('\n') + 1;  // the first line says what the case is about
    auto const mark = text.find("----\n");
    all.push_back(
        {entry.path().filename().string(), text.substr(begin, mark - begin), text.substr(mark + 5)});
  }
  return all;
}

TEST(OpenAiChatReader, FindsWhatTheGoldenStreamsSayAtEverySplitPoint) {
  auto const all = golden_streams();
  ASSERT_GE(all.size(), 15U);
  for (Golden const& golden : all) {
    bool const done_required = golden.expected.find("may end") == std::string::npos;
    auto const whole = read_stream(golden.stream, {}, done_required);
    EXPECT_EQ(whole.substr(0, whole.find("good: ")), golden.expected) << golden.name;
    for (std::size_t at = 0; at <= golden.stream.size(); ++at)
      ASSERT_EQ(read_stream(golden.stream, {at}, done_required), whole) << golden.name << " cut at " << at;
    std::vector<std::size_t> each(golden.stream.size());
    for (std::size_t i = 0; i < each.size(); ++i) each[i] = i;
    ASSERT_EQ(read_stream(golden.stream, each, done_required), whole) << golden.name << " byte by byte";
  }
}

std::string content_event(std::string_view text) {
  std::string event = R"(data: {"choices":[{"index":0,"delta":{"content":)";
  append_json_string(event, text);
  return event.append("}}]}\n\n");
}

TEST(OpenAiChatReader, CommitsAtTheFirstContentOnly) {
  OpenAiChatReader reader;
  auto progress = no_progress();
  auto const feed = [&](std::string_view bytes) {
    return reader.feed(bytes, progress).has_value() && reader.committed();
  };
  EXPECT_FALSE(feed(": PROCESSING\n\n"));
  EXPECT_FALSE(feed("data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n"));
  EXPECT_FALSE(feed(
      "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}}]}\n\n"));
  EXPECT_FALSE(feed(
      "data: {\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[]},\"finish_reason\":\"\"}]}\n\n"));
  EXPECT_FALSE(
      feed("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n"));  // the event is not whole yet
  EXPECT_TRUE(feed("\n"));
}

TEST(OpenAiChatReader, SaysWhichBytesMayBePassedOn) {
  OpenAiChatReader reader;
  auto progress = no_progress();
  std::string const one = content_event("a");
  std::string const two = content_event("b");
  ASSERT_TRUE(reader.feed(one + two.substr(0, 9), progress));
  EXPECT_EQ(reader.good_bytes(), one.size());
  EXPECT_TRUE(reader.inside_event());
  ASSERT_TRUE(reader.feed(two.substr(9), progress));
  EXPECT_EQ(reader.good_bytes(), two.size() - 9);
  EXPECT_FALSE(reader.inside_event());
  EXPECT_FALSE(reader.feed(one + "data: {\"error\":{\"message\":\"m\"}}\n\n", progress));
  EXPECT_EQ(reader.good_bytes(), one.size());
  EXPECT_FALSE(reader.feed(one, progress));
  EXPECT_EQ(reader.good_bytes(), 0U);
}

TEST(OpenAiChatReader, HoldsBackTheBeginningOfAComment) {
  OpenAiChatReader reader;
  auto progress = no_progress();
  std::string const one = content_event("a");
  ASSERT_TRUE(reader.feed(one + ": PROC", progress));
  EXPECT_EQ(reader.good_bytes(), one.size());
}

TEST(OpenAiChatReader, RefusesAnEventOverTheLimit) {
  OpenAiChatReader reader(OpenAiEvents(), 100);
  auto progress = no_progress();
  auto const result = reader.feed("data: " + std::string(200, 'x'), progress);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::malformed_reply);
  EXPECT_EQ(result.error().origin(), Origin::upstream);
}

TEST(OpenAiChatReader, KeepsTheProvidersEnvelopeOfARefusalInAStream) {
  OpenAiChatReader reader;
  auto progress = no_progress();
  std::string const data =
      R"({"error":{"message":"bad","type":"invalid_request_error","code":"context_length_exceeded"}})";
  auto const result = reader.feed("data: " + data + "\n\n", progress);
  ASSERT_FALSE(result);
  EXPECT_EQ(openai_error_event(result.error()), "data: " + data + "\n\n");
}

TEST(OpenAiChatReader, ReadsAWholeReply) {
  OpenAiChatReader reader;
  auto progress = no_progress();
  std::string_view const reply = R"({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [
      {"index": 0, "message": {"role": "assistant", "content": "Hi \u00e9", "refusal": null,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
       "finish_reason": "tool_calls"},
      {"index": 1, "message": {"role": "assistant", "content": null, "refusal": "no"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11, "prompt_tokens_details": null}})";
  ASSERT_TRUE(reader.whole(reply, progress));
  EXPECT_TRUE(reader.committed());
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(progress.text, "") << "the usage is told, so nobody will count";
  EXPECT_EQ(usage_words(progress.usage), "usage: input=5 output=6");

  OpenAiChatReader counting;
  auto counted = no_progress();
  std::string const unmetered = std::string(reply.substr(0, reply.rfind(",\n    \"usage\""))) + "}";
  ASSERT_TRUE(counting.whole(unmetered, counted));
  EXPECT_EQ(counted.text,
            "Hi \xC3\xA9"
            "f{}no");
}

TEST(OpenAiChatReader, LooksAWholeReplyOverAndRepairsWhatItLacks) {
  auto const reply = [](std::string_view choice, std::string_view usage) {
    return std::string(R"({"id":"c","choices":[)").append(choice).append("]").append(usage).append("}");
  };
  constexpr std::string_view told = R"(,"usage":{"prompt_tokens":5,"completion_tokens":6})";
  constexpr std::string_view healthy =
      R"({"index":0,"message":{"role":"assistant","content":"a ] } \" b"},"finish_reason":"stop"})";
  struct Case {
    std::string_view choice, repaired;
  };
  for (
      Case const& c :
      {Case{healthy, ""},
       {R"({"text":"legacy","index":0,"finish_reason":null})", ""},
       {R"({"index":0,"message":{"role":"assistant","tool_calls":null},"finish_reason":"stop"})", ""},
       {R"({"index":0,"message":{"content":"x"},"finish_reason":"stop"})",
        R"({"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"})"},
       {R"({"index":0,"message":{"role":""},"finish_reason":"stop"})",
        R"({"index":0,"message":{"role":"assistant"},"finish_reason":"stop"})"},
       {R"({"message":{"role":"assistant"},"finish_reason":"stop"})",
        R"({"index":0,"message":{"role":"assistant"},"finish_reason":"stop"})"},
       {R"({"index":0,"message":{"role":"assistant"},"finish_reason":null})",
        R"({"index":0,"message":{"role":"assistant"},"finish_reason":"stop"})"},
       {R"({"index":0,"message":{"role":"assistant"}})",
        R"({"finish_reason":"stop","index":0,"message":{"role":"assistant"}})"},
       {R"({"index":0,"message":{"role":"assistant","tool_calls":[{"id":"a","function":{}}]},"finish_reason":"tool_calls"})",
        R"({"index":0,"message":{"role":"assistant","tool_calls":[{"type":"function","id":"a","function":{}}]},"finish_reason":"tool_calls"})"}}) {
    for (std::string_view const usage : {told, std::string_view()}) {
      OpenAiChatReader reader(OpenAiEvents(true, true));
      auto progress = no_progress();
      std::string const body = reply(c.choice, usage);
      ASSERT_TRUE(reader.whole(body, progress)) << body;
      EXPECT_EQ(usage_words(progress.usage), usage.empty() ? "usage:" : "usage: input=5 output=6");
      if (c.repaired.empty()) EXPECT_TRUE(reader.instead().empty()) << reader.instead().front().bytes;
      else if (reader.instead().empty()) ADD_FAILURE() << "not repaired: " << body;
      else EXPECT_EQ(reader.instead().front().bytes, reply(c.repaired, usage));
    }
  }
}

TEST(OpenAiChatReader, TakesTheLastOfTwoUsagesOfAWholeReply) {
  OpenAiChatReader reader(OpenAiEvents(true, true));
  auto progress = no_progress();
  ASSERT_TRUE(reader.whole(
      R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":)"
      R"({"cached_tokens":1}},"usage":{"prompt_tokens":5,"completion_tokens":6}})",
      progress));
  EXPECT_EQ(usage_words(progress.usage), "usage: input=5 output=6");
}

TEST(OpenAiChatReader, RefusesAWholeReplyThatIsNone) {
  struct Case {
    std::string_view body;
    Errc code;
  };
  for (Case const& c : {Case{"", Errc::malformed_reply},
                        {"<html>", Errc::malformed_reply},
                        {"{}", Errc::malformed_reply},
                        {R"({"choices":[)", Errc::malformed_reply},
                        {R"({"choices":[]}x)", Errc::malformed_reply},
                        {R"({"choices":null})", Errc::malformed_reply},
                        {R"({"error":{"message":"m","code":429}})", Errc::rate_limited},
                        {R"({"error":"down"})", Errc::upstream_failed}}) {
    OpenAiChatReader reader;
    auto progress = no_progress();
    auto const result = reader.whole(c.body, progress);
    ASSERT_FALSE(result) << c.body;
    EXPECT_EQ(result.error().code(), c.code) << c.body;
    EXPECT_FALSE(reader.done());
    EXPECT_FALSE(reader.committed());
  }
}

TEST(OpenAiUsage, NeverGoesBelowZeroAndKeepsTheSum) {
  struct Case {
    std::string_view json, words;
  };
  for (
      Case const& c : {
          Case{R"({"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":50}})",
               "usage: input=0 cache_read=10"},
          {R"({"prompt_tokens":20,"completion_tokens":4,"total_tokens":24,"prompt_tokens_details":{"cached_tokens":18,)"
           R"("audio_tokens":5},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":4}})",
           "usage: input=0 cache_read=18 output=0 reasoning=3 input_audio=2 output_audio=1"},
          {R"({"prompt_tokens":-5,"completion_tokens":3})", "usage: input=0 output=3"},
          {R"({"prompt_tokens":null,"completion_tokens":"3"})", "usage:"},
          {R"({"prompt_tokens":8,"cached_tokens":6})", "usage: input=2 cache_read=6"},
          {R"({"prompt_tokens":8,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":7}})",
           "usage: input=1 cache_read=0 cache_write=7"},
          {R"({})", "usage:"},
          {R"(nonsense)", "usage:"},
      })
    EXPECT_EQ(usage_words(read_openai_usage(c.json)), c.words) << c.json;
}

}  // namespace
}  // namespace lowart::openai_chat_reader_test
