#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory_resource>
#include <string>
#include <vector>

namespace lowart::anthropic_reader_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

ReplyProgress no_progress() { return ReplyProgress(std::pmr::get_default_resource()); }

/// Everything a reader found, as text.
std::string findings(AnthropicReader const& reader, Result<void> const& result,
                     ReplyProgress const& progress) {
  constexpr std::array<std::string_view, 6> finishes{"none",       "stop",           "length",
                                                     "tool_calls", "content_filter", "other"};
  auto const flag = [](bool yes) { return yes ? "true\n" : "false\n"; };
  std::string out = "committed: ";
  out.append(flag(reader.committed())).append("done: ").append(flag(reader.done()));
  out.append("events: ").append(std::to_string(progress.events));
  out.append("\nfinish: ").append(finishes[static_cast<std::size_t>(progress.finish)]).append("\ntext: ");
  append_json_string(out, progress.text);
  out.append("\nusage:");
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const c = static_cast<UsageClass>(i);
    if (auto const n = progress.usage.get(c))
      out.append(" ").append(to_string(c)).append("=").append(std::to_string(*n));
  }
  out.append("\n");
  if (result) return out;
  out.append("error: ").append(to_string(result.error().code())).append(" ");
  out.append(std::to_string(result.error().upstream_status())).append(" ");
  append_json_string(out, result.error().upstream_message());
  return out.append("\n");
}

struct Golden {
  std::string name, stream, expected;
};

std::vector<Golden> golden_streams() {
  std::vector<Golden> all;
  auto const folder = std::filesystem::path(__FILE__).parent_path() / "golden" / "anthropic";
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

TEST(AnthropicReader, FindsWhatTheGoldenStreamsSayAtEverySplitPoint) {
  auto const all = golden_streams();
  ASSERT_GE(all.size(), 8U);
  for (Golden const& golden : all) {
    lowart::testing::feed_every_split(
        golden.stream, [&](std::vector<lowart::testing::ExactBytes> const& pieces) {
          AnthropicReader reader;
          auto progress = no_progress();
          Result<void> result;
          for (auto const& piece : pieces) result = reader.feed(piece.view(), progress);
          ASSERT_EQ(findings(reader, result, progress), golden.expected) << golden.name;
          ASSERT_EQ(reader.may_end(), reader.done()) << golden.name;
        });
  }
}

TEST(AnthropicReader, CommitsAtTheFirstContentOnly) {
  auto const commits = [](std::string_view events) {
    AnthropicReader reader;
    auto progress = no_progress();
    return reader.feed(events, progress).has_value() && reader.committed();
  };
  std::string const start =
      "data: "
      "{\"type\":\"message_start\",\"message\":{\"content\":[],\"stop_reason\":null,\"usage\":{\"input_"
      "tokens\":1}}}\n\n";
  auto const block = [&](std::string const& json) {
    return start + "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":" + json + "}\n\n";
  };
  EXPECT_FALSE(commits(start + "event: ping\ndata: {\"type\":\"ping\"}\n\n"));
  EXPECT_FALSE(commits(block(R"({"type":"text","text":""})")));
  EXPECT_FALSE(commits(block(R"({"type":"thinking","thinking":"","signature":""})")));
  EXPECT_FALSE(commits(start + "data: "
                               "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_"
                               "delta\",\"text\":\"\"}}\n\n"));
  EXPECT_TRUE(commits(block(R"({"type":"text","text":"a"})")));
  EXPECT_TRUE(commits(block(R"({"type":"tool_use","id":"i","name":"n","input":{}})")));
  EXPECT_TRUE(commits(block(R"({"type":"redacted_thinking","data":"x"})")));
  EXPECT_TRUE(
      commits(start + "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"));
}

TEST(AnthropicReader, ReadsARepeatedDeltaAsAFullLookWould) {
  std::string const start = R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":)";
  // The same head, and a tail that says more: no shape may hide it.
  std::string const stream = "data: " + start + "\"a\"}   }\n\ndata: " + start +
                             "\"b\",\"text\":\"c\"}}\n\ndata: " + start + "\"\"}}\n\ndata: " + start +
                             "\"\\\"d\\\\\"}}\n\ndata: " + start + "\"e\"}}}\n\n";
  AnthropicReader reader;
  auto progress = no_progress();
  auto const result = reader.feed(stream, progress);
  EXPECT_EQ(progress.text, "abc\"d\\");
  ASSERT_FALSE(result);  // a brace too many
  EXPECT_EQ(result.error().code(), Errc::malformed_reply);
}

TEST(AnthropicReader, ReadsAWholeReply) {
  AnthropicReader reader;
  auto progress = no_progress();
  ASSERT_TRUE(reader.whole(
      R"({"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}})",
      progress));
  EXPECT_TRUE(reader.committed() && reader.done());
  EXPECT_EQ(progress.usage.get(UsageClass::input), 3);
  EXPECT_EQ(progress.usage.get(UsageClass::output), 4);
  EXPECT_EQ(progress.finish, FinishReason::stop);
  EXPECT_EQ(progress.text, "");
}

TEST(AnthropicReader, GathersTheTextOfAWholeReplyThatReportsNoUsage) {
  AnthropicReader reader;
  auto progress = no_progress();
  ASSERT_TRUE(reader.whole(
      R"({"content":[{"type":"thinking","thinking":"T"},{"type":"tool_use","name":"n","input":{"a":1}},{"type":"text","text":"Hi"}]})",
      progress));
  EXPECT_EQ(progress.text, "Tn{\"a\":1}Hi");
}

TEST(AnthropicReader, RefusesAWholeBodyThatIsNoMessage) {
  for (std::string_view const body : {"", "{", "[]", "{}", R"({"content":"x"})", R"({"choices":[]})"}) {
    AnthropicReader reader;
    auto progress = no_progress();
    auto const result = reader.whole(body, progress);
    ASSERT_FALSE(result) << body;
    EXPECT_EQ(result.error().code(), Errc::malformed_reply) << body;
  }
  AnthropicReader reader;
  auto progress = no_progress();
  auto const result =
      reader.whole(R"({"type":"error","error":{"type":"api_error","message":"m"}})", progress);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::upstream_failed);
}

}  // namespace
}  // namespace lowart::anthropic_reader_test
