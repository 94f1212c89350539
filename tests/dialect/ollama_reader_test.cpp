// Replies of Ollama: the reader that looks along, and the decoder, however the bytes are cut.

#include <lowart/dialect/ollama_reader.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "reader_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::ollama_reader_test {
namespace {

using namespace lowart::dialect;
using lowart::testing::feed_every_split;
using lowart::testing::no_progress;
using lowart::testing::put_together;
using StreamDecoder = SseReplyDecoder<OllamaReplyEvents, NdjsonSplitter>;

std::string line(std::string_view message, std::string_view rest = R"("done":false)") {
  return std::string(
             R"({"model":"qwen3","created_at":"2026-08-07T06:08:23.577476Z","message":{"role":"assistant",)")
      .append(message)
      .append("},")
      .append(rest)
      .append("}\n");
}
std::string const done =
    line(R"("content":"")",
         R"("done_reason":"stop","done":true,"total_duration":9,"prompt_eval_count":21,"eval_count":8)");
std::string const talk = line(R"("content":"","thinking":"Hm\n")") + line(R"("content":"Gr\u00fc")") +
                         line(R"("content":"\u00dfe 🙂")") + done;
std::string const calls =
    line(R"("content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Paris"}}}])") +
    line(
        R"("content":"","tool_calls":[{"id":"call_x","function":{"index":1,"name":"time","arguments":{}}}])") +
    done;

TEST(OllamaReader, FindsTheSameHoweverAStreamIsCut) {
  lowart::testing::expect_reads_however_cut<OllamaReader>(talk, 21, 8);
}

TEST(OllamaReader, CommitsAtTheFirstContent) {
  lowart::testing::expect_commits<OllamaReader>({{line(R"("content":"")"), false},
                                                 {line(R"("content":"","thinking":"")"), false},
                                                 {line(R"("content":"a")"), true},
                                                 {line(R"("content":"","thinking":"a")"), true},
                                                 {calls.substr(0, calls.find('\n') + 1), true},
                                                 {done, true}});
}

TEST(OllamaReader, KnowsAStreamWithoutDoneAsCut) {
  lowart::testing::expect_knows_as_cut<OllamaReader>(talk, done);
}

TEST(OllamaReader, FailsAtALineThatSaysAnErrorAndPassesOnWhatCameBefore) {
  std::string const good = line(R"("content":"a")");
  feed_every_split(good + "{\"error\":\"out of memory\"}\n", [&](auto const& pieces) {
    OllamaReader reader;
    auto progress = no_progress();
    Result<void> fed;
    for (std::string_view const piece : pieces) fed = reader.feed(piece, progress);
    ASSERT_FALSE(fed);
    ASSERT_EQ(fed.error().code(), Errc::upstream_failed);
    ASSERT_EQ(fed.error().upstream_message(), "out of memory");
    ASSERT_FALSE(reader.may_end());
    ASSERT_EQ(progress.text, "a");
  });
  OllamaReader at_once;
  auto progress = no_progress();
  EXPECT_FALSE(at_once.feed(good + "{\"error\":\"x\"}\n", progress));
  EXPECT_EQ(at_once.good_bytes(), good.size());
}

TEST(OllamaReader, RefusesWhatIsNoJsonAndALineOverTheLimit) {
  lowart::testing::expect_refuses<OllamaReader>({"<html>\n", "[]\n", "{\"message\":{\n", "data: {}\n"});
  OllamaReader small(OllamaEvents{}, 64);
  auto progress = no_progress();
  auto const fed = small.feed(std::string(65, ' '), progress);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message(), "an event of the provider's stream is over the size limit");
}

TEST(OllamaReader, ReadsAWholeReplyAndGathersItsTextOnlyWithoutUsage) {
  std::string const head =
      R"({"message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"length")";
  OllamaReader told, untold;
  auto progress = no_progress();
  ASSERT_TRUE(told.whole(head + R"(,"prompt_eval_count":1,"eval_count":2})", progress));
  EXPECT_TRUE(told.done() && told.committed());
  EXPECT_EQ(progress.text, "");
  EXPECT_EQ(progress.finish, FinishReason::length);
  auto counted = no_progress();
  ASSERT_TRUE(untold.whole(head + R"(,"eval_count":2})", counted));
  EXPECT_EQ(counted.text, "Hi");
  EXPECT_FALSE(counted.usage.get(UsageClass::input)) << "not told is not zero";
}

TEST(OllamaReader, RefusesWhatIsNoReply) {
  for (auto const& [body, code] :
       std::vector<std::pair<std::string_view, Errc>>{{"", Errc::malformed_reply},
                                                      {"[]", Errc::malformed_reply},
                                                      {"{}", Errc::malformed_reply},
                                                      {R"({"message":"a"})", Errc::malformed_reply},
                                                      {R"({"error":"x"})", Errc::upstream_failed}}) {
    OllamaReader reader;
    auto progress = no_progress();
    auto const read = reader.whole(body, progress);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code(), code) << body;
  }
}

TEST(OllamaReply, IsDecodedTheSameHoweverItIsCut) {
  feed_every_split(talk, [](auto const& pieces) {
    StreamDecoder decoder;
    std::vector<ChatDelta> steps;
    for (std::string_view const piece : pieces) ASSERT_TRUE(decoder.decode(piece, false, steps));
    ASSERT_EQ(steps.size(), 4U);
    ChatDelta const whole = put_together(steps);
    ASSERT_EQ(whole.model, "qwen3");
    ASSERT_EQ(whole.created, 1'786'082'903);
    ASSERT_EQ(whole.choices.size(), 1U);
    ASSERT_EQ(whole.choices[0].joined(PartKind::reasoning), "Hm\n");
    ASSERT_EQ(whole.choices[0].text(), "Grüße 🙂");
    ASSERT_EQ(whole.choices[0].finish, FinishReason::stop);
    ASSERT_EQ(whole.usage->value(UsageClass::output), 8);
  });
}

TEST(OllamaReply, NumbersCallsAndNamesThoseThatHaveNoId) {
  StreamDecoder decoder;
  std::vector<ChatDelta> steps;
  ASSERT_TRUE(decoder.decode(calls + "behind the end\n", true, steps));
  ASSERT_EQ(steps.size(), 3U);
  ASSERT_EQ(steps[0].choices[0].pieces.size(), 1U);
  PieceDelta const& first = steps[0].choices[0].pieces[0];
  EXPECT_EQ(first.index, 0);
  EXPECT_EQ(first.call, (ToolCall{"call_20260807060823577476_0", "weather", R"({"city":"Paris"})"}));
  PieceDelta const& second = steps[1].choices[0].pieces[0];
  EXPECT_EQ(second.index, 1);
  EXPECT_EQ(second.call, (ToolCall{"call_x", "time", "{}"}));
  EXPECT_EQ(steps[2].choices[0].finish, FinishReason::tool_calls);
}

TEST(OllamaReply, TellsLogProbabilitiesAsStrictClientsWantThem) {
  auto const reply = decode_ollama_reply(
      R"({"message":{"content":"Hi"},"done":true,"logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],)"
      R"("top_logprobs":[{"token":"Yo","logprob":-1}]},{"token":"!","logprob":0}]})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->choices[0].logprobs.text, R"({"content":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],)"
                                             R"("top_logprobs":[{"token":"Yo","logprob":-1,"bytes":null}]},)"
                                             R"({"token":"!","logprob":0,"bytes":null,"top_logprobs":[]}]})");
}

TEST(OllamaReply, KeepsAReasonThatItDoesNotKnow) {
  auto const reply = decode_ollama_reply(R"({"message":{"content":""},"done":true,"done_reason":"load"})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->choices[0].finish, FinishReason::other);
  EXPECT_EQ(reply->choices[0].finish_text, "load");
  EXPECT_EQ(decode_ollama_reply(R"({"message":{"content":"a"},"done":true})")->choices[0].finish,
            FinishReason::stop)
      << "old servers tell none";
}

TEST(OllamaReply, RefusesMembersOfTheWrongType) {
  for (std::string_view const body :
       {"", "[]", R"({"message":[]})", R"({"message":{"content":7}})", R"({"message":{"tool_calls":{}}})",
        R"({"message":{"tool_calls":[1]}})"}) {
    auto const reply = decode_ollama_reply(body);
    ASSERT_FALSE(reply) << body;
    EXPECT_EQ(reply.error().code(), Errc::malformed_reply) << body;
  }
  auto const failed = decode_ollama_reply(R"({"error":"no"})");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().upstream_message(), "no");
}

TEST(OllamaError, SaysWhatTheServerSaysAndWhoseFaultItIs) {
  auto const no_headers = [](std::string_view) { return std::string_view(); };
  struct Case {
    int status;
    std::string_view body, message;
    Errc code;
    bool retryable;
  };
  for (Case const& c : std::vector<Case>{
           {404, R"({"error":"model 'x' not found"})", "model 'x' not found", Errc::upstream_rejected, false},
           {400, R"({"error":"\"x\" does not support tools"})", "\"x\" does not support tools",
            Errc::upstream_rejected, false},
           {401, R"({"error":"unauthorized","signin_url":"https://x"})", "unauthorized", Errc::upstream_auth,
            false},
           {503, R"({"error":"server busy"})", "server busy", Errc::upstream_failed, true},
           {500, R"({"error":{"message":"a server in front"}})", "a server in front", Errc::upstream_failed,
            true},
           {502, "<html>", "<html>", Errc::upstream_failed, true},
           {500, R"({"error":7})", R"({"error":7})", Errc::upstream_failed, true}}) {
    Error const error = from_ollama_error(c.status, c.body, no_headers, 0);
    EXPECT_EQ(error.code(), c.code) << c.body;
    EXPECT_EQ(error.upstream_message(), c.message);
    EXPECT_EQ(error.upstream_status(), c.status);
    EXPECT_EQ(error.retryable(), c.retryable) << c.body;
  }
  Error const busy = from_ollama_error(
      429, "{}", [](std::string_view name) { return std::string_view(name == "retry-after" ? "3" : ""); }, 0);
  EXPECT_EQ(busy.retry_after(), std::chrono::seconds(3));
}

}  // namespace
}  // namespace lowart::ollama_reader_test
