// The wires of Anthropic, Gemini and Responses: where requests go, with which credentials, and what replies become.

#include <lowart/dialect/anthropic_facts.hpp>
#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/gemini_facts.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::wires_test {
namespace {

using namespace lowart::testing;

/// One provider over a script, one call. Declared in the order in which they must go.
template <template <class> class Wired, class Options>
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  Wired<ScriptedTransport> provider;
  Result<ChatReply> reply = fail(Errc::internal, "not asked");

  explicit Asked(ScriptedAnswer answer, Options options = {})
      : transport(std::vector<ScriptedAnswer>{std::move(answer)}),
        provider(transport, keyed(std::move(options))) {}
  static Options keyed(Options options) {
    options.api_key = Secret("sk-upstream");
    return options;
  }
  Result<ChatReply>& ask(ChatRequest const& request) {
    reply = loop.run(provider(request, call));
    return reply;
  }
  Result<Answer> collected() { return loop.run(collect(*reply, call)); }
  RecordedRequest const& sent() const { return transport.requests().at(0); }
};
using AskedAnthropic = Asked<Anthropic, AnthropicOptions>;
using AskedGemini = Asked<Gemini, GeminiOptions>;
using AskedResponses = Asked<OpenAiResponses, OpenAiResponsesOptions>;

ScriptedAnswer sse(std::string text) {
  return ScriptedAnswer(200).field("content-type", "text/event-stream").piece(std::move(text));
}

std::string const message =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"Hello"}],)"
    R"("stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}})";
std::string const generated =
    R"({"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"finishReason":"STOP"}],)"
    R"("usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4}})";
std::string const response =
    R"({"id":"resp_1","object":"response","status":"completed","model":"r","output":[{"type":"message","id":"m",)"
    R"("role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],)"
    R"("usage":{"input_tokens":3,"output_tokens":1,"total_tokens":4}})";

ChatRequest hello() { return std::move(ChatRequest("a-model").add(Role::user, "Hi")); }

template <class A>
void expect_hello(A& asked) {
  ASSERT_TRUE(asked.ask(hello())) << asked.reply.error().message();
  auto const answer = asked.collected();
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->text(), "Hello");
  EXPECT_EQ(answer->whole.usage->input_total(), 3);
  EXPECT_EQ(asked.reply->progress().usage.output_total(), 1);
}

TEST(Wires, AnswerARequestMadeInProcess) {
  AskedAnthropic anthropic(ScriptedAnswer::json(200, message));
  expect_hello(anthropic);
  EXPECT_EQ(anthropic.sent().path, "/messages");
  EXPECT_EQ(anthropic.sent().field("x-api-key"), "sk-upstream");
  EXPECT_EQ(anthropic.sent().field("anthropic-version"), "2023-06-01");
  AskedGemini gemini(ScriptedAnswer::json(200, generated));
  expect_hello(gemini);
  EXPECT_EQ(gemini.sent().path, "/models/a-model:generateContent");
  EXPECT_EQ(gemini.sent().field("x-goog-api-key"), "sk-upstream");
  AskedResponses responses(ScriptedAnswer::json(200, response));
  expect_hello(responses);
  EXPECT_EQ(responses.sent().path, "/responses");
  EXPECT_EQ(responses.sent().field("authorization"), "Bearer sk-upstream");
}

TEST(Wires, ForwardTheBytesOfTheirOwnDialectAndReplaceTheModelsName) {
  std::string scratch;
  std::string const body =
      R"({ "own":1e3, "model" : "mine", "max_tokens":5, "messages":[{"role":"user","content":"\u0048i"}]})";
  auto facts = dialect::read_anthropic_facts(body, scratch);
  ASSERT_TRUE(facts);
  std::array<std::pair<std::string_view, std::string_view>, 2> const fields{
      {{"anthropic-version", "2026-10-21"}, {"anthropic-beta", "one,two"}}};
  facts->fields = fields;
  AskedAnthropic asked(ScriptedAnswer::json(200, message));
  ASSERT_TRUE(asked.ask(ChatRequest(*facts).for_model("theirs")));
  EXPECT_EQ(
      asked.sent().body,
      R"({ "own":1e3, "model" : "theirs", "max_tokens":5, "messages":[{"role":"user","content":"\u0048i"}]})");
  EXPECT_EQ(asked.sent().field("anthropic-version"), "2026-10-21");
  EXPECT_EQ(asked.sent().field("anthropic-beta"), "one,two");
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer sk-upstream");  // as this version has it
  EXPECT_EQ(asked.sent().field("x-api-key"), "");
  EXPECT_EQ(asked.reply->head().dialect, Dialect::anthropic);
}

TEST(Wires, OpenSealsOfTheirOwnDialectAndSendNoneOfAnothersProvider) {
  std::string const body =
      R"({"model":"m","max_tokens":9,"own":1.50,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":)"
      R"([{"type":"thinking","thinking":"mine","signature":"lw1.anthropic.EqQB"},)"
      R"({"type":"thinking","thinking":"other","signature":"lw1.openai_responses.gAAA"},)"
      R"({"type":"text","text":"Yes"}]},{"role":"user","content":"Go on"}]})";
  std::string scratch;
  auto facts = dialect::read_anthropic_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->decode = &dialect::decode_anthropic;
  AskedAnthropic asked(ScriptedAnswer::json(200, message));
  ASSERT_TRUE(asked.ask(ChatRequest(*facts).for_model("claude"))) << asked.reply.error().message();
  std::string const& sent = asked.sent().body;
  EXPECT_EQ(sent.find("lw1."), std::string::npos) << sent;
  EXPECT_NE(sent.find(R"("signature":"EqQB")"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("other"), std::string::npos) << "its proof would be refused: " << sent;
  EXPECT_EQ(asked.reply->head().dropped, "messages[1].content[1].signature") << "and says so";
  EXPECT_NE(sent.find(R"("own":1.50)"), std::string::npos) << sent;
  EXPECT_NE(sent.find(R"("model":"claude")"), std::string::npos) << sent;
}

TEST(Wires, SendGeminiItsStandInForASealedSignatureOfACall) {
  std::string const sealed = dialect::to_base64("lw1.anthropic.EqQB");
  std::string const body =
      R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"name":"f",)"
      R"("args":{}},"thoughtSignature":")" +
      sealed +
      R"("}]},{"role":"user","parts":[{"functionResponse":)"
      R"({"name":"f","response":{"a":1}}}]}]})";
  dialect::GeminiPath path;
  path.model = "gemini-3-pro";
  auto facts = dialect::read_gemini_facts(path, body);
  ASSERT_TRUE(facts);
  facts->model = path.model;
  facts->decode = &dialect::decode_gemini;
  AskedGemini asked(ScriptedAnswer::json(200, generated));
  ASSERT_TRUE(asked.ask(ChatRequest(*facts))) << asked.reply.error().message();
  std::string const& sent = asked.sent().body;
  EXPECT_EQ(sent.find(sealed), std::string::npos) << sent;
  EXPECT_NE(sent.find(R"("thoughtSignature":"skip_thought_signature_validator")"), std::string::npos) << sent;
  EXPECT_EQ(asked.reply->head().dropped, "contents[1].parts[0].thoughtSignature") << "and says so";
}

TEST(Wires, SendResponsesNoProofOfAnotherProvider) {
  std::string const body =
      R"({"model":"m","input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1","summary":[],)"
      R"("encrypted_content":"lw1.gemini.Cg=="},{"type":"message","role":"assistant","content":"Yes"}]})";
  std::string scratch;
  auto facts = dialect::read_responses_facts(body, scratch);
  ASSERT_TRUE(facts);
  facts->wire.decode = &dialect::decode_responses;
  AskedResponses asked(ScriptedAnswer::json(200, response));
  ASSERT_TRUE(asked.ask(ChatRequest(facts->wire))) << asked.reply.error().message();
  EXPECT_EQ(asked.sent().body.find("lw1."), std::string::npos) << asked.sent().body;
  EXPECT_FALSE(asked.reply->head().dropped.empty()) << "and says so";
}

TEST(Wires, NameTheModelInThePathWhereTheDialectDoes) {
  std::string const body = R"({"own":1e3,"contents":[{"parts":[{"text":"Hi"}]}]})";
  dialect::GeminiPath path;
  path.model = "mine";
  path.method = dialect::GeminiMethod::stream;
  auto const facts = dialect::read_gemini_facts(path, body);
  ASSERT_TRUE(facts);
  AskedGemini asked(sse("data: " + generated + "\r\n\r\n"));
  ASSERT_TRUE(asked.ask(ChatRequest(*facts).for_model("their model?x")));
  EXPECT_EQ(asked.sent().path, "/models/their%20model%3Fx:streamGenerateContent?alt=sse");
  EXPECT_EQ(asked.sent().body, body);
}

TEST(Wires, TellACutStreamFromACompleteOne) {
  std::string const begin =
      "event: message_start\ndata: "
      "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3}}}\n\n"
      "event: content_block_start\ndata: "
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
      "\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: "
      "{\"type\":\"content_block_delta\",\"index\":0,"
      "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n";
  AskedAnthropic asked(sse(begin));
  ASSERT_TRUE(asked.ask(hello())) << asked.reply.error().message();
  auto const answer = asked.collected();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::connection_lost);
}

TEST(Wires, ReadTheirOwnRefusals) {
  AskedAnthropic overloaded(
      ScriptedAnswer::json(529, R"({"type":"error","error":{"type":"overloaded_error","message":"full"}})"));
  ASSERT_FALSE(overloaded.ask(hello()));
  EXPECT_EQ(overloaded.reply.error().code(), Errc::upstream_failed);
  EXPECT_TRUE(overloaded.reply.error().retryable());
  AskedGemini limited(ScriptedAnswer::json(
      429, R"({"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":)"
           R"("type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17s"}]}})"));
  ASSERT_FALSE(limited.ask(hello()));
  EXPECT_EQ(limited.reply.error().code(), Errc::rate_limited);
  EXPECT_EQ(limited.reply.error().retry_after(), std::chrono::seconds(17));
}

TEST(Wires, RefuseWhatTheirDialectCannotSayAndTellWhatTheyDropped) {
  ChatRequest odd = hello();
  odd.edit().seed = 7;
  AskedAnthropic refused(ScriptedAnswer::json(200, message));
  ASSERT_FALSE(refused.ask(odd));
  EXPECT_EQ(refused.reply.error().code(), Errc::unsupported);
  EXPECT_EQ(refused.reply.error().param(), "seed");
  EXPECT_TRUE(refused.transport.requests().empty());
  AnthropicOptions lax;
  lax.may_drop = MayDrop::anything;
  AskedAnthropic dropped(ScriptedAnswer::json(200, message), lax);
  ASSERT_TRUE(dropped.ask(odd)) << dropped.reply.error().message();
  EXPECT_EQ(dropped.reply->head().dropped, "seed");
}

}  // namespace
}  // namespace lowart::wires_test
