#include <lowart/dialect/responses_reader.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::responses_reader_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using Reader = ReplyReader<ResponsesEvents>;

ReplyProgress no_progress() { return ReplyProgress(std::pmr::get_default_resource()); }

std::string event(std::string_view data) {
  auto const value = boost::json::parse(data);
  std::string const type(value.at("type").as_string());
  return "event: " + type + "\ndata: " + boost::json::serialize(value) + "\n\n";
}
std::string const created = event(R"({"type":"response.created","sequence_number":0,"response":{"id":"r"}})");
std::string const completed =
    event(R"({"type":"response.completed","sequence_number":9,"response":{"status":"completed","output":[],
      "usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":1},
      "output_tokens":7,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":17}}})");
std::string text_delta(std::string_view text) {
  return event(
      R"({"type":"response.output_text.delta","sequence_number":4,"output_index":0,"content_index":0,)"
      R"("delta":")" +
      std::string(text) + R"("})");
}

TEST(ResponsesReader, FindsTextUsageAndEndAtEverySplitPoint) {
  std::string const stream =
      created + text_delta("H\\u00e4") +
      event(
          R"({"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","name":"f"}})") +
      event(R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"})") +
      event(R"({"type":"response.function_call_arguments.done","output_index":1,"arguments":"{}"})") +
      completed + "data: [DONE]\n\n";
  lowart::testing::feed_every_split(stream, [&](auto const& pieces) {
    Reader reader;
    auto progress = no_progress();
    for (auto const& piece : pieces) ASSERT_TRUE(reader.feed(piece.view(), progress));
    ASSERT_TRUE(reader.done() && reader.committed());
    ASSERT_EQ(progress.text,
              "H\xC3\xA4"
              "f{}");
    ASSERT_EQ(progress.events, 2);
    ASSERT_EQ(progress.finish, FinishReason::tool_calls);
    ASSERT_EQ(progress.usage.get(UsageClass::input), 5);
    ASSERT_EQ(progress.usage.get(UsageClass::cache_read), 4);
    ASSERT_EQ(progress.usage.get(UsageClass::cache_write), 1);
    ASSERT_EQ(progress.usage.get(UsageClass::output), 5);
    ASSERT_EQ(progress.usage.get(UsageClass::reasoning), 2);
  });
}

TEST(ResponsesReader, CommitsAtTheFirstContentOnly) {
  auto const commits = [](std::string_view data) {
    Reader reader;
    auto progress = no_progress();
    EXPECT_TRUE(reader.feed(created, progress));
    EXPECT_FALSE(reader.committed());
    EXPECT_TRUE(reader.feed(event(data), progress)) << data;
    return reader.committed();
  };
  EXPECT_FALSE(commits(R"({"type":"response.in_progress","response":{}})"));
  EXPECT_FALSE(commits(R"({"type":"response.output_item.added","item":{"type":"message"}})"));
  EXPECT_FALSE(commits(R"({"type":"response.output_item.added","item":{"type":"reasoning"}})"));
  EXPECT_FALSE(commits(R"({"type":"response.content_part.added","part":{"type":"output_text","text":""}})"));
  EXPECT_FALSE(commits(R"({"type":"response.output_text.delta","delta":""})"));
  EXPECT_FALSE(commits(R"({"type":"keepalive"})"));
  EXPECT_TRUE(commits(R"({"type":"response.output_text.delta","delta":"x"})"));
  EXPECT_TRUE(commits(R"({"type":"response.refusal.delta","delta":"x"})"));
  EXPECT_TRUE(commits(R"({"type":"response.reasoning_summary_text.delta","delta":"x"})"));
  EXPECT_TRUE(commits(R"({"type":"response.output_item.added","item":{"type":"function_call","name":"f"}})"));
  EXPECT_TRUE(commits(R"({"type":"response.output_item.added","item":{"type":"web_search_call"}})"));
  EXPECT_TRUE(commits(R"({"type":"response.completed","response":{"status":"completed"}})"));
}

TEST(ResponsesReader, TakesAStreamWithoutItsTerminalEventAsCut) {
  Reader reader;
  auto progress = no_progress();
  ASSERT_TRUE(reader.feed(created + text_delta("x") + "data: [DONE]\n\n", progress));
  EXPECT_FALSE(reader.done());
  EXPECT_FALSE(reader.may_end());
}

TEST(ResponsesReader, TellsWhyAnAnswerIsIncomplete) {
  auto const finish_of = [](std::string const& reason) {
    Reader reader;
    auto progress = no_progress();
    EXPECT_TRUE(reader.feed(event(R"({"type":"response.incomplete","response":{"status":"incomplete",
      "incomplete_details":{"reason":")" +
                                  reason + R"("}}})"),
                            progress));
    EXPECT_TRUE(reader.done());
    return progress.finish;
  };
  EXPECT_EQ(finish_of("max_output_tokens"), FinishReason::length);
  EXPECT_EQ(finish_of("content_filter"), FinishReason::content_filter);
  EXPECT_EQ(finish_of("boredom"), FinishReason::other);
}

TEST(ResponsesReader, TellsFailures) {
  auto const code_of = [](std::string const& bytes) {
    Reader reader;
    auto progress = no_progress();
    auto const read = reader.feed(created + bytes, progress);
    EXPECT_FALSE(read) << bytes;
    EXPECT_EQ(reader.good_bytes(), created.size());
    EXPECT_FALSE(reader.done());
    return read ? Errc::internal : read.error().code();
  };
  EXPECT_EQ(code_of(event(R"({"type":"error","code":"server_error","message":"m"})")), Errc::upstream_failed);
  EXPECT_EQ(
      code_of(event(R"({"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota"}})")),
      Errc::quota_exceeded);
  EXPECT_EQ(code_of(event(R"({"type":"response.failed","response":{"status":"failed","error":{
      "code":"rate_limit_exceeded","message":"m"}}})")),
            Errc::rate_limited);
  EXPECT_EQ(code_of(event(R"({"type":"response.completed","response":{"status":"failed"}})")),
            Errc::upstream_failed);
  EXPECT_EQ(code_of("data: {\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}\n\n"),
            Errc::upstream_rejected);
  EXPECT_EQ(code_of("data: <html>\n\n"), Errc::malformed_reply);
}

TEST(ResponsesReader, FindsTheTextThatCameInNoDelta) {
  Reader reader;
  auto progress = no_progress();
  ASSERT_TRUE(reader.feed(event(R"({"type":"response.output_text.done","output_index":0,"text":"whole"})") +
                              text_delta("!") +
                              event(R"({"type":"response.output_text.done","output_index":0,"text":"!"})"),
                          progress));
  EXPECT_EQ(progress.text, "whole!");
  Reader late;
  auto last = no_progress();
  ASSERT_TRUE(
      late.feed(created + event(R"({"type":"response.completed","response":{"status":"completed","output":[
      {"type":"message","content":[{"type":"output_text","text":"x"}]},
      {"type":"function_call","name":"f","arguments":"{}"}]}})"),
                last));
  EXPECT_EQ(last.text, "xf{}");
  EXPECT_EQ(last.finish, FinishReason::tool_calls);
}

TEST(ResponsesReader, RemembersTheNumberThatAnErrorEventGoesOnFrom) {
  Reader reader;
  auto progress = no_progress();
  EXPECT_EQ(progress.sequence_number, -1);
  ASSERT_TRUE(reader.feed(created + text_delta("x"), progress));
  EXPECT_EQ(progress.sequence_number, 4);
}

TEST(ResponsesReader, ReadsAWholeReply) {
  Reader reader;
  auto progress = no_progress();
  ASSERT_TRUE(reader.whole(R"({"id":"r","status":"completed","output":[{"type":"function_call","name":"f",)"
                           R"("arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2},"error":null})",
                           progress));
  EXPECT_TRUE(reader.done() && reader.committed());
  EXPECT_EQ(progress.finish, FinishReason::tool_calls);
  EXPECT_EQ(progress.usage.get(UsageClass::output), 2);
  EXPECT_TRUE(progress.text.empty()) << "the usage tells what it cost";
  auto counted = no_progress();
  ASSERT_TRUE(Reader().whole(
      R"({"output":[{"type":"reasoning","summary":[{"text":"a"}]},{"content":[{"text":"b"}]}]})", counted));
  EXPECT_EQ(counted.text, "ab");
}

TEST(ResponsesReader, RefusesWhatIsNoWholeReply) {
  auto const code_of = [](std::string_view body) {
    auto progress = no_progress();
    auto const read = Reader().whole(body, progress);
    EXPECT_FALSE(read) << body;
    return read ? Errc::internal : read.error().code();
  };
  EXPECT_EQ(code_of(R"({"error":{"message":"m","code":"invalid_api_key"}})"), Errc::upstream_auth);
  EXPECT_EQ(code_of(R"({"status":"failed","output":[],"error":{"code":"server_error"}})"),
            Errc::upstream_failed);
  EXPECT_EQ(code_of(R"({"choices":[]})"), Errc::malformed_reply);
  EXPECT_EQ(code_of("<html>"), Errc::malformed_reply);
}

}  // namespace
}  // namespace lowart::responses_reader_test
