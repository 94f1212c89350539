#include <lowart/dialect/gemini_array.hpp>
#include <lowart/dialect/gemini_reply_decode.hpp>
#include <lowart/dialect/gemini_reply_encode.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "gemini_reply_text.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace lowart::gemini_reply_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using lowart::testing::feed_every_split;
using lowart::testing::gemini::Said;
using lowart::testing::gemini::said_by;
namespace json = boost::json;

std::string golden_stream(std::string_view name) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden" / "gemini" / name,
                     std::ios::binary);
  std::string const text((std::istreambuf_iterator<char>(file)), {});
  auto const begin = text.find('\n') + 1;
  return text.substr(begin, text.find("----\n") - begin);
}

std::vector<ChatDelta> steps_of(std::string_view stream) {
  SseReplyDecoder<GeminiReplyEvents> decoder;
  std::vector<ChatDelta> steps;
  auto const result = decoder.decode(stream, true, steps);
  EXPECT_TRUE(result) << result.error().message();
  return steps;
}

/// The payloads of a stream, parsed.
std::vector<json::object> chunks_of(std::string_view stream) {
  std::vector<json::object> chunks;
  while (!stream.empty()) {
    EXPECT_TRUE(stream.starts_with("data: "));
    auto const end = stream.find("\r\n\r\n");
    EXPECT_NE(end, std::string_view::npos);
    chunks.push_back(json::parse(stream.substr(6, end - 6)).as_object());
    stream.remove_prefix(end + 4);
  }
  return chunks;
}

ReplyContext context() {
  ReplyContext context;
  context.id = "made";
  context.model = "asked";
  return context;
}

std::string written(std::vector<ChatDelta> const& steps) {
  GeminiReplyWriter writer(context());
  std::string out;
  for (ChatDelta const& step : steps) writer.write(step, out);
  writer.finish(out);
  return out;
}

ChatDelta step(PieceDelta piece, std::int64_t choice = 0) {
  ChatDelta delta;
  delta.dialect = Dialect::openai_chat;
  delta.choices.emplace_back().index = choice;
  delta.choices.back().pieces.push_back(std::move(piece));
  return delta;
}
PieceDelta words(PartKind kind, std::string text) {
  PieceDelta piece;
  piece.kind = kind;
  piece.text = std::move(text);
  return piece;
}
PieceDelta call(std::int64_t index, std::string id, std::string name, std::string arguments) {
  PieceDelta piece;
  piece.kind = PartKind::tool_call;
  piece.index = index;
  piece.call = {std::move(id), std::move(name), std::move(arguments)};
  return piece;
}
ChatDelta finish(FinishReason reason) {
  ChatDelta delta;
  delta.dialect = Dialect::openai_chat;
  delta.choices.emplace_back().finish = reason;
  return delta;
}

TEST(GeminiReply, SaysTheSameHoweverTheStreamIsCut) {
  for (std::string_view const name :
       {"stream_text.txt", "stream_calls.txt", "stream_two_candidates.txt", "stream_media.txt",
        "stream_partial_arguments.txt", "stream_blocked.txt"}) {
    std::string const stream = golden_stream(name);
    auto const whole = steps_of(stream);
    feed_every_split(stream, [&](auto const& pieces) {
      SseReplyDecoder<GeminiReplyEvents> decoder;
      std::vector<ChatDelta> steps;
      for (auto const& piece : pieces) ASSERT_TRUE(decoder.decode(piece, false, steps));
      ASSERT_EQ(steps, whole) << name;
    });
  }
}

TEST(GeminiReply, ReadsTextThoughtsSignaturesAndUsage) {
  auto const said = said_by(steps_of(golden_stream("stream_text.txt")));
  EXPECT_EQ(said.id, "rid1");
  EXPECT_EQ(said.model, "gemini-2.5-flash");
  auto const& choice = said.choices.at(0);
  EXPECT_EQ(choice.text, "H\xC3\xA9llo \"x\"\n");
  EXPECT_EQ(choice.reasoning, "Thinking.");
  EXPECT_EQ(choice.signatures, std::vector<std::string>{"c2ln"});
  EXPECT_EQ(choice.finish, FinishReason::stop);
  EXPECT_EQ(lowart::testing::gemini::usage_words(said.usage), "input=6 cache_read=4 output=5 reasoning=2");
}

TEST(GeminiReply, GivesCallsIdsAndTheWordToolCalls) {
  auto const said = said_by(steps_of(golden_stream("stream_calls.txt")));
  auto const& calls = said.choices.at(0).calls;
  EXPECT_EQ(calls.at(0), (Said::Call{"call_rid1_0_0", "f", R"({"a":1})", "s"}));
  EXPECT_EQ(calls.at(1), (Said::Call{"call_rid1_0_1", "g", "{}", ""}));
  EXPECT_EQ(said.choices.at(0).finish, FinishReason::tool_calls);
}

TEST(GeminiReply, PutsArgumentsTogetherThatCamePiecemeal) {
  auto const said = said_by(steps_of(golden_stream("stream_partial_arguments.txt")));
  auto const& calls = said.choices.at(0).calls;
  EXPECT_EQ(calls.at(0), (Said::Call{"call_rid1_0_0", "put", R"({"items":[{"name":"apple","n":2}]})", "s"}));
  EXPECT_EQ(calls.at(1), (Said::Call{"call_rid1_0_1", "none", "{}", ""}));
  GeminiPartialArgs arguments;
  EXPECT_TRUE(arguments.add(R"({"jsonPath":"$['a b'][1]","boolValue":true})"));
  EXPECT_TRUE(arguments.add(R"({"jsonPath":"$.n","nullValue":"NULL_VALUE"})"));
  for (std::string_view const bad :
       {R"({"jsonPath":"$"})", R"({"jsonPath":"a"})", R"({"jsonPath":"$.a[99999]","stringValue":""})",
        R"({"jsonPath":"$[x]","stringValue":""})", R"({})"})
    EXPECT_FALSE(arguments.add(bad)) << bad;
}

TEST(GeminiReply, KeepsPartsOfGooglesOwnAndMedia) {
  auto const said = said_by(steps_of(golden_stream("stream_media.txt")));
  auto const& choice = said.choices.at(0);
  ASSERT_EQ(choice.others.size(), 2U);
  EXPECT_EQ(choice.others[0], R"({"executableCode":{"language":"PYTHON","code":"1+1"}})");
  EXPECT_EQ(choice.media, std::vector<std::string>{"data:image/png;base64,AAAA"});
}

TEST(GeminiReply, SaysABlockedPromptAsContentFilter) {
  auto const steps = steps_of(golden_stream("stream_blocked.txt"));
  auto const said = said_by(steps);
  EXPECT_EQ(said.choices.at(0).finish, FinishReason::content_filter);
  EXPECT_EQ(said.choices.at(0).finish_text, "PROHIBITED_CONTENT");
  EXPECT_NE(find_extra(steps.at(0).extra, "promptFeedback"), nullptr);
}

TEST(GeminiReply, ReadsFinishReasons) {
  struct Case {
    std::string_view word;
    FinishReason reason;
    std::string_view text;
  };
  for (auto const& c :
       std::vector<Case>{{"\"STOP\"", FinishReason::stop, ""},
                         {"1", FinishReason::stop, ""},
                         {"\"MAX_TOKENS\"", FinishReason::length, ""},
                         {"\"SAFETY\"", FinishReason::content_filter, "SAFETY"},
                         {"\"SPII\"", FinishReason::content_filter, "SPII"},
                         {"\"MALFORMED_FUNCTION_CALL\"", FinishReason::other, "MALFORMED_FUNCTION_CALL"},
                         {"\"NEW_WORD\"", FinishReason::other, "NEW_WORD"}}) {
    auto const reply =
        decode_gemini_reply(R"({"candidates":[{"finishReason":)" + std::string(c.word) + "}]}");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->choices.at(0).finish, c.reason) << c.word;
    EXPECT_EQ(reply->choices.at(0).finish_text, c.text);
    ReplyContext const about = context();
    auto const again = decode_gemini_reply(encode_gemini_reply(*reply, about));
    EXPECT_EQ(again->choices.at(0).finish, c.reason) << c.word;
    EXPECT_EQ(again->choices.at(0).finish_text, c.text);
  }
}

TEST(GeminiReply, ReadsWhatItRestsOn) {
  auto const reply = decode_gemini_reply(
      R"({"candidates":[{"content":{"parts":[{"text":"Rome is old."}]},"finishReason":"STOP",
      "citationMetadata":{"citationSources":[{"endIndex":4,"uri":"https://c"}]},
      "groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"web":{"uri":"https://b"}}],
        "groundingSupports":[{"segment":{"endIndex":12,"text":"Rome is old."},"groundingChunkIndices":[1,7]}]}}]})");
  ASSERT_TRUE(reply);
  auto const said = said_by({*reply});
  auto const& citations = said.choices.at(0).citations;
  ASSERT_EQ(citations.size(), 2U);
  EXPECT_EQ(citations[0].url, "https://b");
  EXPECT_EQ(citations[0].quote, "Rome is old.");
  EXPECT_EQ(citations[0].begin, 0);
  EXPECT_EQ(citations[0].end, 12);
  EXPECT_EQ(citations[1].url, "https://c");
  EXPECT_EQ(citations[1].end, 4);
  auto const accented = decode_gemini_reply(
      R"({"candidates":[{"content":{"parts":[{"text":"é"}]},"citationMetadata":{"citations":[{"endIndex":2,"uri":"https://c"}]}}]})");
  EXPECT_FALSE(said_by({*accented}).choices.at(0).citations.at(0).end)
      << "Google counts bytes, we count characters";
}

TEST(GeminiReply, TranslatesLogProbabilitiesBothWays) {
  auto const reply =
      decode_gemini_reply(R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"logprobsResult":{
      "topCandidates":[{"candidates":[{"token":"a","tokenId":1,"logProbability":-0.5},{"token":"b","logProbability":-1}]}],
      "chosenCandidates":[{"token":"a","tokenId":1,"logProbability":-0.5}]}}]})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(json::parse(reply->choices.at(0).logprobs.text),
            json::parse(R"({"content":[{"token":"a","logprob":-0.5,"bytes":null,"top_logprobs":[
              {"token":"a","logprob":-0.5,"bytes":null},{"token":"b","logprob":-1,"bytes":null}]}]})"));
  EXPECT_EQ(
      json::parse(to_gemini_logprobs(reply->choices.at(0).logprobs.text)),
      json::parse(
          R"({"topCandidates":[{"candidates":[{"token":"a","logProbability":-0.5},{"token":"b","logProbability":-1}]}],
              "chosenCandidates":[{"token":"a","logProbability":-0.5}]})"));
}

TEST(GeminiReply, RefusesErrorsAndWhatIsNoReply) {
  EXPECT_EQ(decode_gemini_reply("{").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_gemini_reply("[]").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_gemini_reply(R"({"candidates":{}})").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_gemini_reply(R"({"candidates":[1]})").error().code(), Errc::malformed_reply);
  EXPECT_EQ(decode_gemini_reply(R"({"candidates":[{"content":{"parts":[1]}}]})").error().code(),
            Errc::malformed_reply);
  EXPECT_EQ(decode_gemini_reply(R"({"error":{"code":429,"message":"x"}})").error().code(),
            Errc::rate_limited);
}

TEST(GeminiReplyWriter, WritesWhatAnotherProviderStreamed) {
  PieceDelta signature = words(PartKind::reasoning, "");
  signature.signature = {Dialect::anthropic, "sig"};
  PieceDelta other;
  other.kind = PartKind::other;
  other.raw.text = R"({"type":"secret"})";
  ChatDelta usage;
  usage.usage.emplace();
  usage.usage->set(UsageClass::input, 10);
  usage.usage->set(UsageClass::cache_read, 5);
  usage.usage->set(UsageClass::output, 3);
  usage.usage->set(UsageClass::reasoning, 2);
  auto const chunks = chunks_of(
      written({step(words(PartKind::reasoning, "Hm.")), step(signature), step(other),
               step(words(PartKind::text, "Hello")), step(call(0, "id0", "f", "")),
               step(call(1, "id1", "g", "")), step(call(0, "", "", "{\"a\"")), step(call(1, "", "", "oops")),
               step(call(0, "", "", ":1}")), finish(FinishReason::tool_calls), usage}));
  ASSERT_EQ(chunks.size(), 5U);
  auto const parts = [&](std::size_t i) {
    return chunks[i].at("candidates").at(0).at("content").at("parts");
  };
  EXPECT_EQ(parts(0), json::parse(R"([{"text":"Hm.","thought":true}])"));
  EXPECT_EQ(parts(1),
            json::parse(R"([{"text":"","thought":true,"thoughtSignature":"bHcxLmFudGhyb3BpYy5zaWc="}])"));
  EXPECT_EQ(parts(2), json::parse(R"([{"text":"Hello"}])"));
  EXPECT_EQ(parts(3), json::parse(R"([{"functionCall":{"id":"id0","name":"f","args":{"a":1}}},
                                      {"functionCall":{"id":"id1","name":"g","args":{"input":"oops"}}}])"));
  EXPECT_EQ(json::value(chunks[4]),
            json::parse(R"({"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},
      "finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":15,"candidatesTokenCount":3,"totalTokenCount":20,
      "cachedContentTokenCount":5,"thoughtsTokenCount":2},"modelVersion":"asked","responseId":"made"})"));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(chunks[i].at("modelVersion"), "asked");
    EXPECT_FALSE(chunks[i].at("candidates").at(0).as_object().contains("finishReason"));
  }
}

TEST(GeminiReplyWriter, EndsEveryAnswerEvenAnEmptyOne) {
  auto const chunks = chunks_of(written({}));
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].at("candidates").at(0).at("finishReason"), "STOP");
  auto const two =
      chunks_of(written({step(words(PartKind::text, "a"), 0), step(words(PartKind::text, "b"), 1)}));
  EXPECT_EQ(two.back().at("candidates").as_array().size(), 2U);
  auto const unfinished = chunks_of(written({step(call(0, "i", "f", "{}"))}));
  EXPECT_EQ(
      unfinished.back().at("candidates").at(0).at("content").at("parts").at(0).at("functionCall").at("name"),
      "f");
}

TEST(GeminiReplyWriter, TellsAFailureAsAnErrorEvent) {
  GeminiReplyWriter writer(context());
  std::string out;
  writer.write(step(words(PartKind::text, "a")), out);
  writer.fail(Error(Errc::connection_lost, "lost", Origin::upstream), out);
  auto const chunks = chunks_of(out);
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[1].at("error").at("code"), 502);
  GeminiReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  EXPECT_FALSE(reader.feed(out, progress));
  GeminiArrayFramer framer;
  std::string array;
  framer.feed(out, array);
  framer.finish(array);
  EXPECT_EQ(json::parse(array).as_array().size(), 2U);
}

TEST(GeminiReplyWriter, SaysCitationsOfOthersAsGrounding) {
  PieceDelta cited = words(PartKind::text, "Old.");
  cited.citations.push_back({"https://a", "A", "Old.", 0, 4, Dialect::anthropic, {}});
  auto const chunks = chunks_of(written({step(cited)}));
  EXPECT_EQ(chunks.back().at("candidates").at(0).at("groundingMetadata"),
            json::parse(R"({"groundingChunks":[{"web":{"uri":"https://a","title":"A"}}],"groundingSupports":[
              {"segment":{"startIndex":0,"endIndex":4,"text":"Old."},"groundingChunkIndices":[0]}]})"));
}

TEST(GeminiReplyWriter, SaysAgainWhatItsOwnDialectSaid) {
  for (std::string_view const name : {"stream_text.txt", "stream_calls.txt", "stream_media.txt",
                                      "stream_partial_arguments.txt", "stream_blocked.txt"}) {
    auto const steps = steps_of(golden_stream(name));
    auto const again = written(steps);
    auto const was = said_by(steps), is = said_by(steps_of(again));
    EXPECT_EQ(is.choices, was.choices) << name << "\n" << again;
    EXPECT_EQ(is.usage, was.usage) << name;
    GeminiReader reader;
    ReplyProgress progress(std::pmr::get_default_resource());
    ASSERT_TRUE(reader.feed(again, progress));
    EXPECT_TRUE(reader.may_end());
  }
}

TEST(GeminiReply, WritesAWholeReplyThatReadsAsTheSame) {
  std::string const body =
      R"({"candidates":[{"content":{"parts":[{"text":"t","thought":true},{"text":"Hi","thoughtSignature":"c2ln"},
      {"functionCall":{"id":"i","name":"f","args":{"a":[1]}},"thoughtSignature":"x"},{"executableCode":{"code":"1"}}],"role":"model"},
      "finishReason":"STOP","index":0,"avgLogprobs":-0.1},{"content":{"parts":[{"text":"b"}],"role":"model"},"finishReason":"SAFETY","index":1}],
      "usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6,"totalTokenCount":11},"modelVersion":"m","responseId":"r",
      "createTime":"2026-01-01T00:00:00Z"})";
  auto const reply = decode_gemini_reply(body);
  ASSERT_TRUE(reply);
  auto const again = decode_gemini_reply(encode_gemini_reply(*reply, context()));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *reply);
  EXPECT_EQ(json::parse(encode_gemini_reply(*reply, context())), json::parse(body));
}

}  // namespace
}  // namespace lowart::gemini_reply_test
