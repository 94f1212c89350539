#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "gemini_reply_text.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace lowart::gemini_reader_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using lowart::testing::feed_every_split;

ReplyProgress no_progress() { return ReplyProgress(std::pmr::get_default_resource()); }

struct Golden {
  std::string name, stream, expected;
};

std::vector<Golden> golden_streams() {
  std::vector<Golden> all;
  auto const folder = std::filesystem::path(__FILE__).parent_path() / "golden" / "gemini";
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

TEST(GeminiReader, FindsTheSameInGoldenStreamsHoweverTheyAreCut) {
  auto const all = golden_streams();
  ASSERT_GE(all.size(), 10U);
  for (Golden const& golden : all)
    feed_every_split(golden.stream, [&](auto const& pieces) {
      GeminiReader reader;
      auto progress = no_progress();
      Result<void> result;
      for (auto const& piece : pieces) result = reader.feed(piece, progress);
      ASSERT_EQ(lowart::testing::gemini::findings(reader, result, progress), golden.expected) << golden.name;
    });
}

TEST(GeminiReader, PassesOnOnlyWholeGoodEventsBeforeAnError) {
  std::string const good = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\n";
  GeminiReader reader;
  auto progress = no_progress();
  EXPECT_FALSE(reader.feed(good + "data: {\"error\":{\"code\":400,\"message\":\"m\"}}\r\n\r\n", progress));
  EXPECT_EQ(reader.good_bytes(), good.size());
}

TEST(GeminiReader, ReadsAWholeReplyAndGathersItsTextOnlyWithoutUsage) {
  std::string const head =
      R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"MAX_TOKENS"}])";
  GeminiReader told, untold;
  auto progress = no_progress();
  ASSERT_TRUE(
      told.whole(head + R"(,"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}})", progress));
  EXPECT_TRUE(told.done());
  EXPECT_TRUE(told.committed());
  EXPECT_EQ(progress.text, "");
  EXPECT_EQ(progress.usage.value(UsageClass::output), 2);
  EXPECT_EQ(progress.finish, FinishReason::length);
  auto counted = no_progress();
  ASSERT_TRUE(untold.whole(head + "}", counted));
  EXPECT_EQ(counted.text, "Hi");
}

TEST(GeminiReader, RefusesWhatIsNoReply) {
  struct Case {
    std::string_view body;
    Errc code;
  };
  for (auto const& [body, code] :
       std::vector<Case>{{"", Errc::malformed_reply},
                         {"[]", Errc::malformed_reply},
                         {"{}", Errc::malformed_reply},
                         {R"({"candidates":1})", Errc::malformed_reply},
                         {R"({"error":{"code":429,"message":"x"}})", Errc::rate_limited}}) {
    GeminiReader reader;
    auto progress = no_progress();
    auto const result = reader.whole(body, progress);
    ASSERT_FALSE(result) << body;
    EXPECT_EQ(result.error().code(), code) << body;
    EXPECT_FALSE(reader.done());
  }
  GeminiReader blocked;
  auto progress = no_progress();
  EXPECT_TRUE(blocked.whole(R"({"promptFeedback":{"blockReason":"SAFETY"}})", progress));
  EXPECT_EQ(progress.finish, FinishReason::content_filter);
}

}  // namespace
}  // namespace lowart::gemini_reader_test
