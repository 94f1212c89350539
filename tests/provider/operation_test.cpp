#include <lowart/meter/token_meter.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/testing/piece_source.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "asked.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::operation_test {
namespace {

using namespace std::chrono_literals;
using dialect::read_operation_facts;
using dialect::read_operation_reply;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;
using Asked = lowart::testing::Asked<OpenAi<ScriptedTransport>, OpenAiOptions>;

std::string param_of(OperationKind kind, std::string_view body) {
  std::string scratch;
  auto const facts = read_operation_facts(kind, body, scratch);
  return facts ? "none" : facts.error().param();
}

TEST(OperationFacts, NameWhatIsMissing) {
  using enum OperationKind;
  EXPECT_EQ(param_of(moderation, R"({"model":"m","input":"a"})"), "none");
  EXPECT_EQ(param_of(moderation, R"({"model":"m"})"), "input");
  EXPECT_EQ(param_of(moderation, R"({"input":"a"})"), "model");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","query":"q","documents":[]})"), "none");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","documents":[]})"), "query");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","query":"q"})"), "documents");
  EXPECT_EQ(param_of(rerank, R"({"model":"m","query":"q","documents":"a"})"), "documents");
  EXPECT_EQ(param_of(image, R"({"model":"m","prompt":"a cat","stream":false})"), "none");
  EXPECT_EQ(param_of(image, R"({"model":"m","prompt":"a cat","stream":true})"), "none");
  EXPECT_EQ(param_of(image_edit, R"({"model":"m","images":[]})"), "prompt");
  EXPECT_EQ(param_of(image_variation, R"({"model":"m"})"), "none");
  EXPECT_EQ(param_of(speech, R"({"model":"m","voice":"alloy"})"), "input");
  EXPECT_EQ(param_of(speech, R"({"model":"m","input":"hello"})"), "none");
  EXPECT_EQ(param_of(transcription, R"({"model":"m","url":"https://a/b"})"), "none");
  EXPECT_EQ(param_of(translation, R"({})"), "model");
  EXPECT_EQ(param_of(image, R"({"model":"m","Model":"n","prompt":"a cat"})"), "model");
  EXPECT_EQ(param_of(image, R"({"model":"m","prompt":null})"), "prompt");
}

TEST(OperationReplies, TellTheirUsageInEachVendorsWords) {
  using enum OperationKind;
  auto const input = [](std::string_view body) {
    return read_operation_reply(rerank, body)->get(UsageClass::input);
  };
  EXPECT_EQ(input(R"({"results":[],"usage":{"total_tokens":38}})"), 38);                  // Jina, vLLM
  EXPECT_EQ(input(R"({"data":[],"usage":{"total_tokens":26,"prompt_tokens":20}})"), 20);  // told apart
  EXPECT_EQ(input(R"({"results":[],"meta":{"tokens":{"input_tokens":7,"output_tokens":0}}})"), 7);  // Cohere
  EXPECT_EQ(input(R"({"results":[],"meta":{"billed_units":{"search_units":1}}})"), std::nullopt);
  EXPECT_EQ(input(R"({"results":[],"usage":{"total_tokens":-1}})"), std::nullopt);
  auto const picture = read_operation_reply(
      image,
      R"({"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":50,"output_tokens":272,"total_tokens":322,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}})");
  EXPECT_EQ(picture->get(UsageClass::input), 10);
  EXPECT_EQ(picture->get(UsageClass::input_image), 40);
  EXPECT_EQ(picture->get(UsageClass::output), 0);
  EXPECT_EQ(picture->get(UsageClass::output_image), 272);
  auto const words = read_operation_reply(
      transcription,
      R"({"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}})");
  EXPECT_EQ(words->get(UsageClass::input), 4);
  EXPECT_EQ(words->get(UsageClass::input_audio), 10);
  EXPECT_EQ(words->get(UsageClass::output), 45);
  auto const seconds =
      read_operation_reply(transcription, R"({"text":"hi","usage":{"type":"duration","seconds":3}})");
  ASSERT_TRUE(seconds);
  EXPECT_EQ(seconds->get(UsageClass::audio_milliseconds), 3000);
  EXPECT_EQ(seconds->get(UsageClass::input), std::nullopt);
}

TEST(OperationReplies, AreRefusedWhenTheyAreNone) {
  for (std::string_view const body :
       {"", "<html>", "[]", R"({"choices":[]})", R"({"results":{}})", R"({"data":[)"})
    for (OperationKind const kind :
         {OperationKind::rerank, OperationKind::image, OperationKind::transcription})
      EXPECT_EQ(read_operation_reply(kind, body).error().code(), Errc::malformed_reply) << body;
}

TEST(OperationCalls, ForwardTheBytesAndReplaceNothingButTheModelsName) {
  std::string const reply = R"({ "results":[ {"index":1,"relevance_score":0.90} ], "own":1.0 })";
  std::string const body = R"({ "query":"q\u00e9","own":1e3, "model" : "m","documents":["a"] })";
  for (auto const& [model, sent] : std::vector<std::pair<std::string, std::string>>{
           {"m", body}, {"o\"", R"({ "query":"q\u00e9","own":1e3, "model" : "o\"","documents":["a"] })"}}) {
    Asked asked({ScriptedAnswer::json(200, reply)}, {.api_key = Secret("sk-up")});
    std::string scratch;
    auto const facts = read_operation_facts(OperationKind::rerank, body, scratch);
    ASSERT_TRUE(facts);
    auto answer = asked.loop.run(asked.provider(OperationRequest(*facts).for_model(model), asked.call));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_TRUE(answer->is_one_part());
    EXPECT_EQ(answer->take_first().bytes, reply);
    EXPECT_EQ(answer->head().upstream_model, model);
    auto const& request = asked.transport.requests().at(0);
    EXPECT_EQ(request.path, "/rerank");
    EXPECT_EQ(request.body, sent);
    EXPECT_EQ(request.field("authorization"), "Bearer sk-up");
  }
}

TEST(OperationCalls, GoToThePathOfTheirKind) {
  for (auto const& [kind, path] : std::vector<std::pair<OperationKind, std::string>>{
           {OperationKind::moderation, "/moderations"},
           {OperationKind::rerank, "/rerank"},
           {OperationKind::image, "/images/generations"},
           {OperationKind::image_edit, "/images/edits"},
           {OperationKind::image_variation, "/images/variations"},
           {OperationKind::speech, "/audio/speech"},
           {OperationKind::transcription, "/audio/transcriptions"},
           {OperationKind::translation, "/audio/translations"}}) {
    Asked asked({ScriptedAnswer::json(200, R"({"results":[],"text":""})")});
    OperationRequest const request(kind, "m", R"({"model":"m"})");
    ASSERT_TRUE(asked.loop.run(asked.provider(request, asked.call)));
    EXPECT_EQ(asked.transport.requests().at(0).path, path);
    EXPECT_EQ(asked.transport.requests().at(0).body, R"({"model":"m"})");
  }
}

TEST(OperationCalls, PassThroughThePolicies) {
  Asked asked({ScriptedAnswer::json(503, R"({"error":{"message":"busy"}})"),
               ScriptedAnswer::json(200, "<html>"), ScriptedAnswer::json(200, R"({"data":[]})")});
  RetryOptions patient;
  patient.attempts = 3;
  patient.first_wait = 1ms;
  auto chain =
      Fallback{AnyProvider(ForModel(asked.provider | timeouts({}) | breaker() | retry(patient), "up"))};
  auto const reply = asked.loop.run(chain(OperationRequest(OperationKind::image, "m", "{}"), asked.call));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->head().upstream_model, "up");
  EXPECT_EQ(asked.call.trail().size(), 3U);
}

/// All of an answer, and how it ended.
Task<Result<std::string>> read_all(OperationReply& reply) {
  std::string all;
  for (;;) {
    Result<ReplyPart> const part = co_await reply.next();
    if (!part) co_return fail(part.error());
    all += part->bytes;
    if (part->last) co_return all;
  }
}

TEST(OperationCalls, PassAVoiceOnAsItComes) {
  auto voice =
      ScriptedAnswer(200).field("content-type", "audio/mpeg").with_length(6).piece("abc").piece("def");
  Asked asked({std::move(voice)});
  OperationRequest const request(OperationKind::speech, "tts", R"({"model":"tts","input":"hi"})");
  auto reply = asked.loop.run(asked.provider(request, asked.call));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->head().content_type, "audio/mpeg");
  EXPECT_EQ(reply->head().length, 6U);
  EXPECT_FALSE(reply->head().streamed);
  EXPECT_EQ(asked.loop.run(read_all(*reply)).value_or("failed"), "abcdef");
  EXPECT_EQ(asked.transport.requests().at(0).field("accept"), "*/*");
}

TEST(OperationCalls, ReadUsageOffAStreamThatEndsAndFailOneThatIsCut) {
  std::string const begun =
      "event: a\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA==\"}\n\n";
  std::string const done =
      "data: {\"type\":\"image_generation.completed\",\"usage\":{\"input_tokens\":5,"
      "\"output_tokens\":7}}\n\n";
  auto const stream = [](std::string first, std::string second) {
    return ScriptedAnswer(200)
        .field("content-type", "text/event-stream")
        .piece(std::move(first))
        .piece(std::move(second));
  };
  Asked asked({stream(begun, done), stream(begun, begun),
               stream(begun, "data: {\"type\":\"error\",\"error\":{\"message\":\"no\"}}\n\n"),
               stream("data: x\n\n", done)});
  OperationRequest const request(OperationKind::image, "m", R"({"model":"m","prompt":"p","stream":true})");
  {
    auto reply = asked.loop.run(asked.provider(request, asked.call));
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_TRUE(reply->head().streamed);
    EXPECT_EQ(asked.loop.run(read_all(*reply)).value_or("failed"), begun + done);
    EXPECT_EQ(reply->progress().usage.get(UsageClass::output_image), 7);
  }
  for (Errc const code : {Errc::connection_lost, Errc::upstream_failed}) {
    auto reply = asked.loop.run(asked.provider(request, asked.call));
    ASSERT_TRUE(reply) << reply.error().message();
    auto const read = asked.loop.run(read_all(*reply));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), code);
  }
  EXPECT_EQ(asked.loop.run(asked.provider(request, asked.call)).error().code(), Errc::malformed_reply);
}

/// A body that passes by, for a provider.
class PassingBody final : public OperationBody {
 public:
  explicit PassingBody(bool rewinds) : pieces_({"--b model=", "?", " file"}, false, rewinds) {}
  void name_model(std::string_view model) override { named.emplace_back(model); }
  bool rewind() override { return pieces_.rewind(); }
  bool can_rewind() const noexcept override { return pieces_.can_rewind(); }
  std::optional<std::uint64_t> length() const noexcept override { return pieces_.length(); }
  Task<Result<std::string_view>> next(Call& call) override { return pieces_.next(call); }
  std::vector<std::string> named;

 private:
  testing::PieceSource pieces_;
};

TEST(OperationCalls, SendABodyAgainAsLongAsItIsThere) {
  auto const busy = [] { return ScriptedAnswer::json(503, R"({"error":{"message":"busy"}})"); };
  RetryOptions quick;
  quick.attempts = 2;
  quick.first_wait = 1ms;
  for (bool const rewinds : {true, false}) {
    Asked asked({busy(), busy(), ScriptedAnswer::json(200, R"({"text":"hello"})")});
    PassingBody body(rewinds);
    WireOperation wire;
    wire.kind = OperationKind::transcription;
    wire.content_type = "multipart/form-data; boundary=b";
    wire.model = "m";
    wire.source = &body;
    OperationRequest const request(wire);
    auto chain =
        Fallback{ForModel(asked.provider | retry(quick), "up"), AnyProvider(asked.provider)} | hedge();
    auto const reply = asked.loop.run(chain(request, asked.call));
    ASSERT_EQ(reply.has_value(), rewinds);
    auto const& sent = asked.transport.requests();
    ASSERT_EQ(sent.size(), rewinds ? 3U : 1U);
    EXPECT_EQ(sent.back().body, "--b model=? file");
    EXPECT_EQ(sent.front().field("content-type"), "multipart/form-data; boundary=b");
    if (rewinds) EXPECT_EQ(body.named, (std::vector<std::string>{"up", "up", "m"}));
    else EXPECT_EQ(reply.error().code(), Errc::upstream_failed);
  }
}

TEST(OperationCalls, AreUnsupportedByThoseThatHaveNone) {
  TestLoop loop;
  Call call = loop.call();
  AnyProvider claude(Anthropic<ScriptedTransport>(ScriptedTransport({}), {}));
  auto const reply = loop.run(claude(OperationRequest(OperationKind::rerank, "m", "{}"), call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unsupported);
  EXPECT_FALSE(claude.doors().has(DoorKind::rerank));
}

}  // namespace
}  // namespace lowart::operation_test
