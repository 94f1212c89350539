// Replies of Cohere: the reader that looks along, and the decoder, however the bytes are cut.

#include <lowart/dialect/cohere_reader.hpp>
#include <lowart/dialect/cohere_reply_decode.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "reader_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::cohere_reader_test {
namespace {

using namespace lowart::dialect;
using lowart::testing::feed_every_split;
using lowart::testing::no_progress;
using lowart::testing::put_together;
using StreamDecoder = SseReplyDecoder<CohereReplyEvents>;

std::string event(std::string_view type, std::string_view members = "") {
  std::string text = "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"";
  return text.append(members.empty() ? "" : ",").append(members).append("}\n\n");
}
/// An event that adds to the message.
std::string adds(std::string_view type, std::string_view message, std::string_view more = "") {
  return event(type, R"("index":0,"delta":{"message":{)" + std::string(message) + "}}" + std::string(more));
}
std::string ends(std::string_view reason, std::string_view more = "") {
  return event("message-end", R"("delta":{"finish_reason":")" + std::string(reason) +
                                  R"(","usage":{"billed_units":{"input_tokens":5,"output_tokens":2},)"
                                  R"("tokens":{"input_tokens":500,"output_tokens":6},"cached_tokens":448})" +
                                  std::string(more) + "}");
}
std::string const starts = event(
    "message-start",
    R"("id":"c-1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[]}})");
std::string const talk =
    starts + adds("content-start", R"("content":{"type":"thinking","thinking":""})") +
    adds("content-delta", R"("content":{"thinking":"Hm\n"})") + event("content-end", R"("index":0)") +
    adds("content-start", R"("content":{"type":"text","text":""})") +
    adds("content-delta", R"("content":{"text":"Gr\u00fc"})",
         R"(,"logprobs":{"token_ids":[1,2],"text":"Gr\u00fc","logprobs":[-0.5,-0.25]})") +
    adds("content-delta", R"("content":{"text":"\u00dfe 🙂"})",
         R"(,"logprobs":{"token_ids":[3],"text":"\u00dfe 🙂","logprobs":[-1]})") +
    event("content-end", R"("index":1)") +
    adds(
        "citation-start",
        R"("citations":{"start":0,"end":5,"text":"Gr\u00fc\u00dfe","type":"TEXT_CONTENT","sources":[)"
        R"({"type":"document","id":"d","document":{"url":"https://x","title":"X","text":"t"}},{"type":"tool","id":"n"}]})") +
    event("citation-end", R"("index":0)") + ends("COMPLETE");
std::string const calls =
    starts + adds("tool-plan-delta", R"("tool_plan":"I will ")") +
    adds("tool-plan-delta", R"("tool_plan":"look.")") +
    event(
        "tool-call-start",
        R"("index":0,"delta":{"message":{"tool_calls":{"id":"w1","type":"function","function":{"name":"weather","arguments":""}}}})") +
    event("tool-call-delta",
          R"("index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"city\":"}}}})") +
    event(
        "tool-call-start",
        R"("index":1,"delta":{"message":{"tool_calls":{"id":"t1","type":"function","function":{"name":"time"}}}})") +
    event("tool-call-delta",
          R"("index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"\"Paris\"}"}}}})") +
    event("tool-call-end", R"("index":0)") + event("tool-call-end", R"("index":1)") + ends("TOOL_CALL");

ChatDelta decoded(std::string_view stream) {
  StreamDecoder decoder;
  std::vector<ChatDelta> steps;
  EXPECT_TRUE(decoder.decode(stream, true, steps));
  return put_together(steps);
}

TEST(CohereReader, FindsTheSameHoweverAStreamIsCut) {
  lowart::testing::expect_reads_however_cut<CohereReader>(talk, 5, 2);
}

TEST(CohereReader, CommitsAtTheFirstContent) {
  lowart::testing::expect_commits<CohereReader>(
      {{starts, false},
       {starts + adds("content-start", R"("content":{"type":"text","text":""})"), false},
       {adds("content-delta", R"("content":{"text":""})"), false},
       {adds("content-delta", R"("content":{"text":"a"})"), true},
       {adds("content-delta", R"("content":{"thinking":"a"})"), true},
       {adds("tool-plan-delta", R"("tool_plan":"a")"), true},
       {adds("tool-call-start", R"("tool_calls":{"id":"x"})"), true},
       {event("debug", R"("prompt":"a")"), false},
       {ends("COMPLETE"), true}});
}

TEST(CohereReader, KnowsAStreamWithoutItsEndAsCut) {
  lowart::testing::expect_knows_as_cut<CohereReader>(talk, ends("COMPLETE"));
}

TEST(CohereReader, FailsWhereTheProviderDid) {
  std::string const good = adds("content-delta", R"("content":{"text":"a"})");
  for (auto const& [bad, words] : std::vector<std::pair<std::string, std::string>>{
           {ends("ERROR"), "the generation ended with ERROR"},
           {ends("TIMEOUT"), "the generation ended with TIMEOUT"},
           {ends("ERROR", R"(,"error":"out of memory")"), "out of memory"},
           {"data: {\"message\":\"internal server error\"}\n\n", "internal server error"},
           {"event: error\ndata: {\"type\":\"error\",\"message\":\"broke\"}\n\n", "broke"}}) {
    CohereReader reader;
    auto progress = no_progress();
    auto const fed = reader.feed(good + bad, progress);
    ASSERT_FALSE(fed) << bad;
    EXPECT_EQ(fed.error().code(), Errc::upstream_failed);
    EXPECT_EQ(fed.error().upstream_message(), words);
    EXPECT_TRUE(fed.error().retryable());
    EXPECT_EQ(reader.good_bytes(), good.size());
    EXPECT_FALSE(reader.may_end());
    EXPECT_EQ(progress.text, "a");
    StreamDecoder decoder;
    std::vector<ChatDelta> steps;
    EXPECT_FALSE(decoder.decode(good + bad, true, steps)) << bad;
    EXPECT_EQ(steps.size(), 1U);
  }
}

TEST(CohereReader, RefusesWhatIsNoJsonAndAnEventOverTheLimit) {
  lowart::testing::expect_refuses<CohereReader>(
      {"data: <html>\n\n", "data: []\n\n", "data: [DONE]\n\n", "data: {\"a\":{\n\n"});
  CohereReader small(CohereEvents{}, 64);
  auto progress = no_progress();
  EXPECT_FALSE(small.feed(std::string(65, 'x'), progress));
}

TEST(CohereReader, ReadsWholeReplies) {
  CohereReader reader;
  auto progress = no_progress();
  ASSERT_TRUE(reader.whole(
      R"({"id":"x","finish_reason":"MAX_TOKENS","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}],
         "tool_plan":"P","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},
         "usage":{"tokens":{"input_tokens":9}}})",
      progress));
  EXPECT_TRUE(reader.done() && reader.committed());
  EXPECT_EQ(progress.text, "Hif{}P") << "gathered, as the output is not told";
  EXPECT_EQ(progress.finish, FinishReason::length);
  for (std::string const body : {"", "{}", "[]", R"({"message":"x"})", R"({"message":[]})",
                                 R"({"message":{},"finish_reason":"ERROR"})", R"({"message":{}})"}) {
    CohereReader bad;
    auto unread = no_progress();
    bool const is_reply = body == R"({"message":{}})";
    EXPECT_EQ(bad.whole(body, unread).has_value(), is_reply) << body;
  }
}

TEST(CohereReply, SaysTextThoughtsCitationsAndProbabilities) {
  feed_every_split(talk, [](auto const& pieces) {
    StreamDecoder decoder;
    std::vector<ChatDelta> steps;
    for (std::string_view const piece : pieces) ASSERT_TRUE(decoder.decode(piece, false, steps));
    ASSERT_EQ(put_together(steps), decoded(talk));
  });
  ChatDelta const whole = decoded(talk);
  EXPECT_EQ(whole.id, "c-1");
  ChoiceDelta const& choice = whole.choices.at(0);
  EXPECT_EQ(choice.joined(PartKind::reasoning), "Hm\n");
  EXPECT_EQ(choice.text(), "Grüße 🙂");
  EXPECT_EQ(choice.finish, FinishReason::stop);
  EXPECT_EQ(choice.logprobs.text,
            R"({"content":[{"token":"Grü","logprob":-0.75,"bytes":null,"top_logprobs":[]},)"
            R"({"token":"ße 🙂","logprob":-1,"bytes":null,"top_logprobs":[]}]})");
  ASSERT_EQ(choice.pieces.size(), 2U);
  ASSERT_EQ(choice.pieces[1].citations.size(), 1U) << "a source without a page says nothing";
  Citation const& citation = choice.pieces[1].citations[0];
  EXPECT_EQ(citation.url + citation.title, "https://xX");
  EXPECT_EQ(citation.begin, 0);
  EXPECT_EQ(citation.end, 5);
  EXPECT_EQ(whole.usage->input_total(), 5);
}

TEST(CohereReply, SaysThePlanAsAThoughtAndCallsOfToolsThatAreMixed) {
  ChoiceDelta const choice = decoded(calls).choices.at(0);
  EXPECT_EQ(choice.joined(PartKind::reasoning), "I will look.");
  EXPECT_EQ(choice.text(), "");
  EXPECT_EQ(choice.finish, FinishReason::tool_calls);
  ASSERT_EQ(choice.pieces.size(), 3U);
  EXPECT_EQ(choice.pieces[1].call, (ToolCall{"w1", "weather", R"({"city":"Paris"})", false}));
  EXPECT_EQ(choice.pieces[2].call, (ToolCall{"t1", "time", "{}", false}));
}

TEST(CohereReply, ReadsAWholeOne) {
  auto const reply = decode_cohere_reply(
      R"({"id":"r","finish_reason":"TOOL_CALL","message":{"role":"assistant","content":[
        {"type":"thinking","thinking":"Hm."},{"type":"text","text":"One."},{"type":"text","text":"Two."}],
        "tool_plan":"Plan.","citations":[
          {"start":0,"end":3,"content_index":2,"type":"TEXT_CONTENT","sources":[{"document":{"title":"T"}}]},
          {"start":0,"end":3,"content_index":0,"type":"THINKING_CONTENT","sources":[{"document":{"title":"no"}}]},
          {"start":0,"end":3,"type":"PLAN","sources":[{"document":{"title":"no"}}]},
          {"start":0,"end":3,"content_index":9,"sources":[{"document":{"title":"no"}}]}],
        "tool_calls":[{"id":"c","type":"function","function":{"name":"f"}}]},
        "usage":{"tokens":{"input_tokens":20,"output_tokens":3.0},"cached_tokens":8},
        "logprobs":[{"token_ids":[1],"text":"One","logprobs":[-2]}]})");
  ASSERT_TRUE(reply) << reply.error().message();
  ChoiceDelta const& choice = reply->choices.at(0);
  ASSERT_EQ(choice.pieces.size(), 5U);
  EXPECT_EQ(choice.pieces[0].text + choice.pieces[3].text, "Hm.Plan.");
  EXPECT_EQ(choice.pieces[1].text, "One.");
  EXPECT_TRUE(choice.pieces[1].citations.empty());
  ASSERT_EQ(choice.pieces[2].citations.size(), 1U);
  EXPECT_EQ(choice.pieces[2].citations[0].title, "T");
  EXPECT_EQ(choice.pieces[4].call, (ToolCall{"c", "f", "{}", false}));
  EXPECT_EQ(choice.finish, FinishReason::tool_calls);
  EXPECT_EQ(reply->usage->get(UsageClass::input), 12);
  EXPECT_EQ(reply->usage->get(UsageClass::cache_read), 8);
  EXPECT_EQ(reply->usage->get(UsageClass::output), 3);
  EXPECT_NE(choice.logprobs.text.find(R"("logprob":-2)"), std::string::npos);
  for (char const* const body :
       {"", "{", "{}", R"({"message":"x"})", R"({"message":{},"finish_reason":"TIMEOUT"})"})
    EXPECT_FALSE(decode_cohere_reply(body)) << body;
}

TEST(CohereReply, KeepsAWordForAnEndThatIsNotKnown) {
  ChoiceDelta const choice = decoded(ends("NEW_REASON")).choices.at(0);
  EXPECT_EQ(choice.finish, FinishReason::other);
  EXPECT_EQ(choice.finish_text, "NEW_REASON");
  EXPECT_EQ(cohere_finish_reason("STOP_SEQUENCE"), FinishReason::stop);
  EXPECT_EQ(cohere_finish_reason("MAX_TOKENS"), FinishReason::length);
}

TEST(CohereUsage, IsWhatIsBilled) {
  auto const usage = [](std::string_view text) {
    Usage const read = read_cohere_usage(text);
    auto const word = [&](UsageClass c) {
      auto const count = read.get(c);
      return count ? std::to_string(*count) : std::string("-");
    };
    return word(UsageClass::input) + " " + word(UsageClass::cache_read) + " " + word(UsageClass::output);
  };
  EXPECT_EQ(usage(R"({"billed_units":{"input_tokens":17,"output_tokens":19},
                    "tokens":{"input_tokens":1434,"output_tokens":48},"cached_tokens":992})"),
            "17 - 19");
  EXPECT_EQ(usage(R"({"tokens":{"input_tokens":1434,"output_tokens":48},"cached_tokens":992})"),
            "442 992 48");
  EXPECT_EQ(usage(R"({"tokens":{"input_tokens":10,"output_tokens":4},"cached_tokens":99})"), "0 10 4");
  EXPECT_EQ(usage(R"({"billed_units":{"input_tokens":24},"tokens":{"output_tokens":12}})"), "24 - 12");
  EXPECT_EQ(usage(R"({"billed_units":{"search_units":1}})"), "- - -");
  EXPECT_EQ(usage(R"({"billed_units":{"input_tokens":2.5,"output_tokens":1e2}})"), "3 - 100");
  EXPECT_EQ(usage(R"({"billed_units":{"input_tokens":-1,"output_tokens":1e300}})"), "- - -");
  EXPECT_EQ(usage(R"({"billed_units":{"input_tokens":"5"},"tokens":[]})"), "- - -");
  EXPECT_EQ(usage(""), "- - -");
}

TEST(CohereError, TellsWhoseFaultItIs) {
  auto const no_header = [](std::string_view) { return std::string_view(); };
  auto const read = [&](int status, std::string_view body = R"({"message":"why","id":"x"})") {
    return from_cohere_error(status, body, no_header, 0);
  };
  EXPECT_EQ(read(401).code(), Errc::upstream_auth);
  EXPECT_EQ(read(402).code(), Errc::quota_exceeded);
  EXPECT_EQ(read(429).code(), Errc::rate_limited);
  for (int const status : {400, 404, 422, 498}) {
    EXPECT_EQ(read(status).code(), Errc::upstream_rejected) << status;
    EXPECT_FALSE(read(status).retryable());
    EXPECT_EQ(read(status).upstream_message(), "why");
  }
  for (int const status : {499, 500, 503, 504}) {
    EXPECT_EQ(read(status).code(), Errc::upstream_failed) << status;
    EXPECT_TRUE(read(status).retryable());
    EXPECT_EQ(read(status).upstream_status(), status);
  }
  EXPECT_EQ(read(400, R"({"error":{"message":"in front"}})").upstream_message(), "in front");
  EXPECT_EQ(read(400, "<html>").upstream_message(), "<html>");
  auto const later = [](std::string_view name) { return std::string_view(name == "retry-after" ? "7" : ""); };
  EXPECT_EQ(from_cohere_error(429, "{}", later, 0).retry_after(), std::chrono::seconds(7));
}

}  // namespace
}  // namespace lowart::cohere_reader_test
