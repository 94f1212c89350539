#include <lowart/provider/openai.hpp>

#include <lowart/dialect/openai_chat_request_decode.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/provider/collect.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace lowart::openai_test {
namespace {

using namespace std::chrono_literals;
using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;
using lowart::testing::TestLoop;

/// As OpenAI's servers stream: a role first, obfuscation, usage last. A comment as proxies send to keep
/// alive.
std::string const stream_text =
    ": OPENROUTER PROCESSING\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"ab"})"
    "\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"xyz1"})"
    "\n\n"
    ": ping\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"q"})"
    "\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"obfuscation":"q"})"
    "\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})"
    "\n\n"
    "data: [DONE]\n\n";
std::string const whole_text =
    R"({"id":"c1","object":"chat.completion","created":1,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})";
std::string const error_event =
    "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"code\":null}}\n\n";

ScriptedAnswer sse() { return ScriptedAnswer(200).field("content-type", "text/event-stream; charset=utf-8"); }
ScriptedAnswer pieces(std::vector<std::string> const& all) {
  ScriptedAnswer answer = sse();
  for (auto const& piece : all) std::move(answer).piece(piece);
  return answer;
}

/// One provider over a script, one call. Declared in the order in which they must go.
struct Asked {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;
  OpenAi<ScriptedTransport> provider;
  Result<ChatReply> reply = fail(Errc::internal, "not asked");

  explicit Asked(ScriptedAnswer answer, OpenAiOptions options = {})
      : transport(std::vector<ScriptedAnswer>{std::move(answer)}), provider(transport, std::move(options)) {}

  Result<ChatReply>& ask(ChatRequest const& request) {
    reply = loop.run(provider(request, call));
    return reply;
  }
  Result<ChatReply>& ask() { return ask(ChatRequest("m").add(Role::user, "Hi")); }
  Result<ReplyPart> next() { return loop.run(reply->next()); }

  struct Read {
    std::vector<std::string> parts;
    std::optional<Error> error;
    std::string bytes() const {
      std::string all;
      for (auto const& part : parts) all += part;
      return all;
    }
  };
  Read rest() {
    Read read;
    for (;;) {
      auto const part = next();
      if (!part) {
        read.error = part.error();
        return read;
      }
      read.parts.emplace_back(part->bytes);
      if (part->last) return read;
    }
  }
};

WireRequest facts_of(std::string const& body, std::string& scratch) {
  auto facts = dialect::read_openai_chat_facts(body, scratch);
  EXPECT_TRUE(facts) << facts.error().message();
  return *facts;
}

std::string sent_body(std::string const& body, std::string const& model) {
  std::string scratch;
  Asked asked(ScriptedAnswer::json(200, whole_text));
  ChatRequest const request(facts_of(body, scratch));
  EXPECT_TRUE(asked.ask(model.empty() ? request : request.for_model(model)));
  return asked.transport.requests().at(0).body;
}

TEST(OpenAi, ForwardsTheBytesAsTheyCameWhenTheModelKeepsItsName) {
  for (std::string const body :
       {R"({"model":"m","messages":[]})", R"( { "messages":[], "unknown" : 1e3 , "model"  :  "m" } )",
        R"({"messages":[],"model":"\u006d","temperature":0.10})"}) {
    EXPECT_EQ(sent_body(body, ""), body);
    EXPECT_EQ(sent_body(body, "m"), body);
  }
}

TEST(OpenAi, ReplacesNothingButTheModelsName) {
  EXPECT_EQ(sent_body(R"({"model":"m","messages":[]})", "other"), R"({"model":"other","messages":[]})");
  EXPECT_EQ(sent_body(R"({"a":1,"model" : "m" ,"messages":[]})", "other"),
            R"({"a":1,"model" : "other" ,"messages":[]})");
  EXPECT_EQ(sent_body(R"({"messages":[],"model":"m"})", "o"), R"({"messages":[],"model":"o"})");
  EXPECT_EQ(sent_body(R"({"model":"\u006d\"","messages":[]})", "a\"b\n"),
            R"({"model":"a\"b\n","messages":[]})");
}

TEST(OpenAi, SendsItsCredentialsAndTheCallsNames) {
  OpenAiOptions options;
  options.api_key = Secret("sk-1");
  Asked asked(ScriptedAnswer::json(200, whole_text), std::move(options));
  asked.call.request_id("req_7");
  asked.call.traceparent("00-ab-cd-01");
  ASSERT_TRUE(asked.ask());
  auto const& sent = asked.transport.requests().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.path, "/chat/completions");
  EXPECT_EQ(sent.field("authorization"), "Bearer sk-1");
  EXPECT_EQ(sent.field("x-request-id"), "req_7");
  EXPECT_EQ(sent.field("traceparent"), "00-ab-cd-01");
  EXPECT_EQ(sent.field("content-type"), "application/json");
  EXPECT_EQ(sent.field("accept"), "application/json");
}

TEST(OpenAi, SendsNoAuthorizationWithoutAKeyAndAsksForAStreamByItsType) {
  std::string scratch;
  std::string const body = R"({"model":"m","stream":true,"messages":[]})";
  Asked asked(sse().piece(stream_text));
  ASSERT_TRUE(asked.ask(ChatRequest(facts_of(body, scratch))));
  auto const& sent = asked.transport.requests().at(0);
  EXPECT_EQ(sent.field("authorization"), "");
  EXPECT_EQ(sent.field("x-request-id"), "");
  EXPECT_EQ(sent.field("accept"), "text/event-stream");
}

TEST(OpenAi, WritesARequestThatWasMadeInProcess) {
  Asked asked(ScriptedAnswer::json(200, whole_text));
  ASSERT_TRUE(asked.ask());
  std::string const& body = asked.transport.requests().at(0).body;
  auto const conversation = dialect::decode_openai_chat(body);
  ASSERT_TRUE(conversation) << body;
  EXPECT_EQ(conversation->messages.at(0).content.at(0).text, "Hi");
  std::string scratch;
  EXPECT_EQ(facts_of(body, scratch).model, "m");
}

TEST(OpenAi, SendsCompletionsToTheirOwnPath) {
  std::string scratch;
  std::string const body = R"({"model":"m","prompt":"Hi"})";
  auto const facts = dialect::read_openai_completions_facts(body, scratch);
  ASSERT_TRUE(facts);
  Asked asked(ScriptedAnswer::json(
      200,
      R"({"id":"c","object":"text_completion","choices":[{"index":0,"text":"ok","finish_reason":"stop"}]})"));
  ASSERT_TRUE(asked.ask(ChatRequest(*facts)));
  EXPECT_EQ(asked.transport.requests().at(0).path, "/completions");
  EXPECT_EQ(asked.reply->head().dialect, Dialect::openai_completions);
}

/// What holds for a good stream, however it was cut.
void expect_good_stream(Asked& asked, std::string const& text) {
  ASSERT_TRUE(asked.ask()) << asked.reply.error().message();
  EXPECT_TRUE(asked.reply->head().streamed);
  EXPECT_FALSE(asked.call.trail().at(0).failure);
  auto const first = asked.next();
  ASSERT_TRUE(first);
  EXPECT_NE(first->bytes.find("Hel"), std::string_view::npos) << "not at the first content";
  Asked::Read read;
  if (!first->last) {
    std::string const beginning(first->bytes);
    read = asked.rest();
    read.parts.insert(read.parts.begin(), beginning);
  } else {
    read.parts.emplace_back(first->bytes);
  }
  EXPECT_FALSE(read.error);
  EXPECT_EQ(read.bytes(), text);
  for (auto const& part : read.parts) EXPECT_TRUE(part.empty() || part.ends_with("\n")) << part;
  EXPECT_EQ(asked.reply->progress().text, "Hello");
  EXPECT_EQ(asked.reply->progress().usage.input_total(), 9);
  EXPECT_EQ(asked.reply->progress().usage.output_total(), 2);
  asked.reply = fail(Errc::internal, "over");
  EXPECT_EQ(asked.transport.exchanges().completed, 1U);
  EXPECT_EQ(asked.transport.exchanges().dropped, 0U);
}

TEST(OpenAi, PassesAStreamOnAsItCameAtEverySplitPoint) {
  for (std::size_t at = 0; at <= stream_text.size(); ++at) {
    std::vector<std::string> cut;
    if (at > 0) cut.push_back(stream_text.substr(0, at));
    if (at < stream_text.size()) cut.push_back(stream_text.substr(at));
    Asked asked(pieces(cut));
    expect_good_stream(asked, stream_text);
    if (HasFailure()) FAIL() << "cut at " << at;
  }
}

TEST(OpenAi, PassesAStreamOnByteByByteAndWithCarriageReturns) {
  std::string crlf;
  for (char const c : stream_text) crlf.append(c == '\n' ? "\r\n" : std::string(1, c));
  for (std::string const& text : {stream_text, crlf}) {
    for (std::size_t const size : {1U, 2U, 3U, 7U, 64U, 333U}) {
      std::vector<std::string> cut;
      for (std::size_t at = 0; at < text.size(); at += size) cut.push_back(text.substr(at, size));
      Asked asked(pieces(cut));
      // A blank line may be cut between its CR and its LF: the last LF says nothing, and is not waited for.
      ASSERT_TRUE(asked.ask());
      auto const read = asked.rest();
      EXPECT_FALSE(read.error);
      std::string got = read.bytes();
      if (got.ends_with("\r")) got += "\n";
      EXPECT_EQ(got, text) << "pieces of " << size;
    }
  }
}

TEST(OpenAi, IgnoresWhatFollowsTheTerminalEvent) {
  Asked asked(sse().piece(stream_text + "data: {\"more\":1}\n\n").piece("and more"));
  ASSERT_TRUE(asked.ask());
  auto const read = asked.rest();
  EXPECT_FALSE(read.error);
  EXPECT_EQ(read.bytes(), stream_text);
}

TEST(OpenAi, FailsAStreamThatEndsEarlyAtEveryPlace) {
  std::size_t const content = stream_text.find("\"Hel\"");
  std::size_t const commit = stream_text.find("\n\n", content) + 2;
  std::size_t const done = stream_text.find("data: [DONE]") + std::string_view("data: [DONE]\n\n").size();
  for (std::size_t at = 0; at < done - 1; ++at) {
    Asked asked(at == 0 ? sse() : sse().piece(stream_text.substr(0, at)));
    auto const& reply = asked.ask();
    if (at < commit - 1) {
      ASSERT_FALSE(reply) << at;
      EXPECT_EQ(reply.error().code(), Errc::connection_lost);
      EXPECT_TRUE(reply.error().retryable());
      EXPECT_EQ(reply.error().sent(), Sent::yes);
      EXPECT_EQ(asked.call.trail().at(0).failure, Errc::connection_lost);
      continue;
    }
    if (!reply) continue;  // between the two line ends of the event that commits
    auto const read = asked.rest();
    ASSERT_TRUE(read.error) << at;
    EXPECT_EQ(read.error->code(), Errc::connection_lost);
    EXPECT_FALSE(read.error->retryable());
    EXPECT_TRUE(stream_text.starts_with(read.bytes())) << at;
    EXPECT_TRUE(read.bytes().ends_with("\n")) << at;
  }
}

TEST(OpenAi, AcceptsTheEndOfAStreamWithoutDoneWhereNoneIsPromised) {
  std::string const text = stream_text.substr(0, stream_text.find("data: [DONE]"));
  OpenAiOptions options;
  options.done_required = false;
  for (std::size_t const size : {text.size(), std::size_t{50}}) {
    std::vector<std::string> cut;
    for (std::size_t at = 0; at < text.size(); at += size) cut.push_back(text.substr(at, size));
    Asked asked(pieces(cut), options);
    expect_good_stream(asked, text);
  }
  std::string const unfinished = text.substr(0, text.find("\"stop\"") - 200);
  Asked asked(sse().piece(unfinished), options);
  ASSERT_TRUE(asked.ask());
  EXPECT_EQ(asked.rest().error->code(), Errc::connection_lost);
}

TEST(OpenAi, TakesAnErrorEventBeforeContentForAnError) {
  std::string const role = stream_text.substr(0, stream_text.find("data: {\"id\":\"c1\"", 40));
  for (auto const& cut : {std::vector<std::string>{error_event}, {role, error_event}, {role + error_event}}) {
    Asked asked(pieces(cut));
    ASSERT_FALSE(asked.ask());
    EXPECT_EQ(asked.reply.error().code(), Errc::upstream_failed);
    EXPECT_EQ(asked.reply.error().upstream_message(), "boom");
    EXPECT_EQ(asked.reply.error().sent(), Sent::yes);
    EXPECT_EQ(asked.call.trail().at(0).failure, Errc::upstream_failed);
  }
}

TEST(OpenAi, DeliversTheGoodEventsBeforeAnErrorEventAtEverySplitPoint) {
  std::string const good = stream_text.substr(0, stream_text.find(": ping"));
  std::string const text = good + error_event;
  for (std::size_t at = 1; at < text.size(); ++at) {
    // The provider says nothing more and keeps the connection open: the error is not to wait for it.
    Asked asked(sse().piece(text.substr(0, at)).piece(text.substr(at)).then_stall());
    ASSERT_TRUE(asked.ask()) << at;
    auto const read = asked.rest();
    ASSERT_TRUE(read.error) << at;
    EXPECT_EQ(read.error->code(), Errc::upstream_failed) << at;
    EXPECT_EQ(read.bytes(), good) << at;
  }
}

TEST(OpenAi, TakesWhatIsNoJsonForMalformed) {
  Asked first(sse().piece("data: <html>\n\n"));
  ASSERT_FALSE(first.ask());
  EXPECT_EQ(first.reply.error().code(), Errc::malformed_reply);
  std::string const good = stream_text.substr(0, stream_text.find(": ping"));
  Asked later(sse().piece(good + "data: {\"id\":\n\n"));
  ASSERT_TRUE(later.ask());
  auto const read = later.rest();
  EXPECT_EQ(read.bytes(), good);
  EXPECT_EQ(read.error->code(), Errc::malformed_reply);
}

TEST(OpenAi, TakesAStreamWithoutAnyContentForMalformed) {
  Asked done(sse().piece("data: [DONE]\n\n"));
  ASSERT_FALSE(done.ask());
  EXPECT_EQ(done.reply.error().code(), Errc::malformed_reply);
  EXPECT_TRUE(done.reply.error().retryable());
  OpenAiOptions options;
  options.reply_bytes = 1000;
  Asked endless(sse().piece(std::string(600, ':') + "\n").piece(std::string(600, ':') + "\n").then_stall(),
                options);
  ASSERT_FALSE(endless.ask());
  EXPECT_EQ(endless.reply.error().code(), Errc::malformed_reply);
}

TEST(OpenAi, EndsAStreamThatWouldNeverEnd) {
  OpenAiOptions options;
  options.reply_bytes = 1000;
  std::string const event = R"(data: {"choices":[{"index":0,"delta":{"role":"assistant","content":")" +
                            std::string(100, 'x') + "\"}}]}\n\n";
  auto answer = sse();
  for (int i = 0; i < 20; ++i) std::move(answer).piece(event);
  Asked asked(std::move(answer).then_stall(), options);
  ASSERT_TRUE(asked.ask());
  std::size_t bytes = 0;
  auto part = asked.next();
  for (; part && bytes <= 20 * event.size(); part = asked.next()) bytes += part->bytes.size();
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code(), Errc::too_large);
  EXPECT_EQ(bytes, 11 * event.size()) << "whole events up to the one that went over";
}

TEST(OpenAi, ReadsAWholeReplyInOnePieceOrMany) {
  for (std::size_t const size : {whole_text.size(), std::size_t{1}, std::size_t{17}})
    for (bool const told : {true, false}) {
      ScriptedAnswer answer = ScriptedAnswer(200).field("content-type", "application/json");
      if (told) std::move(answer).with_length(whole_text.size());
      for (std::size_t at = 0; at < whole_text.size(); at += size)
        std::move(answer).piece(whole_text.substr(at, size));
      Asked asked(std::move(answer));
      ASSERT_TRUE(asked.ask());
      EXPECT_FALSE(asked.reply->head().streamed);
      EXPECT_EQ(asked.reply->head().content_type, "application/json");
      auto const part = asked.next();
      ASSERT_TRUE(part);
      EXPECT_TRUE(part->last);
      EXPECT_EQ(part->bytes, whole_text);
      EXPECT_EQ(asked.reply->progress().usage.total(), 11);
      asked.reply = fail(Errc::internal, "over");
      EXPECT_EQ(asked.transport.exchanges().completed, 1U) << "the connection could serve on";
    }
}

TEST(OpenAi, RefusesAWholeReplyOverItsLimitInOnePieceOrMany) {
  OpenAiOptions options;
  options.reply_bytes = whole_text.size() - 1;
  Asked one(ScriptedAnswer::json(200, whole_text), options);
  ASSERT_FALSE(one.ask());
  EXPECT_EQ(one.reply.error().code(), Errc::too_large);
  EXPECT_EQ(one.reply.error().origin(), Origin::upstream);
  Asked many(ScriptedAnswer(200).piece(whole_text.substr(0, 100)).piece(whole_text.substr(100)), options);
  ASSERT_FALSE(many.ask());
  EXPECT_EQ(many.reply.error().code(), Errc::too_large);
  EXPECT_EQ(many.transport.exchanges().dropped, 1U);
}

TEST(OpenAi, TakesAWholeReplyThatIsNoCompletionForAnError) {
  for (std::string const body : {"<html>", "", "[]", R"({"object":"list"})", R"({"choices":[)"}) {
    Asked asked(ScriptedAnswer::json(200, body));
    ASSERT_FALSE(asked.ask()) << body;
    EXPECT_EQ(asked.reply.error().code(), Errc::malformed_reply) << body;
    EXPECT_TRUE(asked.reply.error().retryable());
  }
  Asked error(ScriptedAnswer::json(200, R"({"error":{"message":"boom","type":"server_error"}})"));
  ASSERT_FALSE(error.ask());
  EXPECT_EQ(error.reply.error().code(), Errc::upstream_failed);
  EXPECT_EQ(error.reply.error().upstream_message(), "boom");
}

TEST(OpenAi, ReadsEveryClassOfStatus) {
  struct Case {
    int status;
    std::string body;
    Errc code;
    bool retryable;
  };
  std::string const said = R"({"error":{"message":"no","type":"t","code":null}})";
  for (auto const& c :
       {Case{400, said, Errc::upstream_rejected, false}, Case{404, said, Errc::upstream_rejected, false},
        Case{422, "not json", Errc::upstream_rejected, false}, Case{401, said, Errc::upstream_auth, false},
        Case{403, said, Errc::upstream_auth, false}, Case{429, said, Errc::rate_limited, true},
        Case{500, said, Errc::upstream_failed, true}, Case{502, "<html>", Errc::upstream_failed, true},
        Case{503, "", Errc::upstream_failed, true},
        Case{429, R"({"error":{"message":"q","code":"insufficient_quota"}})", Errc::quota_exceeded, false}}) {
    Asked asked(ScriptedAnswer::json(c.status, c.body));
    ASSERT_FALSE(asked.ask()) << c.status;
    EXPECT_EQ(asked.reply.error().code(), c.code) << c.status << c.body;
    EXPECT_EQ(asked.reply.error().upstream_status(), c.status);
    EXPECT_EQ(asked.reply.error().retryable(), c.retryable) << c.status << c.body;
    EXPECT_EQ(asked.reply.error().origin(), Origin::upstream);
    EXPECT_EQ(asked.reply.error().sent(), Sent::yes);
    EXPECT_EQ(asked.call.trail().at(0).failure, c.code);
  }
}

TEST(OpenAi, TakesANonsenseStatusForAnError) {
  for (int const status : {301, 304, 199}) {
    Asked asked{ScriptedAnswer(status)};
    ASSERT_FALSE(asked.ask()) << status;
    EXPECT_EQ(asked.reply.error().origin(), Origin::upstream);
  }
}

TEST(OpenAi, TellsWhenToComeBack) {
  Asked seconds(ScriptedAnswer::json(429, "{}").field("retry-after", "7"));
  ASSERT_FALSE(seconds.ask());
  EXPECT_EQ(seconds.reply.error().retry_after(), 7s);
  Asked millis(ScriptedAnswer::json(503, "{}").field("retry-after-ms", "250"));
  ASSERT_FALSE(millis.ask());
  EXPECT_EQ(millis.reply.error().retry_after(), 250ms);
}

TEST(OpenAi, ReadsARefusalWithinBoundsAndWithoutItsEnd) {
  Asked cut(ScriptedAnswer(500).piece("{\"error\":{\"mess").then_fail(Error(Errc::connection_lost)));
  ASSERT_FALSE(cut.ask());
  EXPECT_EQ(cut.reply.error().code(), Errc::upstream_failed) << "the status is known";
  Asked endless(ScriptedAnswer(500).piece(std::string(100'000, 'x')).then_stall());
  ASSERT_FALSE(endless.ask());
  EXPECT_EQ(endless.reply.error().code(), Errc::upstream_failed);
  EXPECT_EQ(endless.transport.exchanges().dropped, 1U);
}

TEST(OpenAi, PassesOnWhatTheTransportSays) {
  Asked asked(
      ScriptedAnswer::fail(Error(Errc::connect_failed, "no route", Origin::upstream).with_retryable(true)));
  ASSERT_FALSE(asked.ask());
  EXPECT_EQ(asked.reply.error().code(), Errc::connect_failed);
  EXPECT_TRUE(asked.reply.error().retryable());
  EXPECT_EQ(asked.call.trail().at(0).failure, Errc::connect_failed);
}

TEST(OpenAi, StopsWhereverItWaitsWhenTheCallIsInterrupted) {
  std::string const good = stream_text.substr(0, stream_text.find(": ping"));
  std::vector<ScriptedAnswer> const waits{ScriptedAnswer::stall(), sse().then_stall(),
                                          sse().piece(stream_text.substr(0, 300)).then_stall(),
                                          ScriptedAnswer(200).piece(whole_text.substr(0, 20)).then_stall(),
                                          ScriptedAnswer(500).piece("{").then_stall()};
  for (std::size_t i = 0; i < waits.size(); ++i)
    for (Errc const code : {Errc::cancelled, Errc::first_token_timeout}) {
      Asked asked(waits[i]);
      ChatRequest const request = ChatRequest("m").add(Role::user, "Hi");
      auto running = lowart::testing::start(asked.loop.io, asked.provider(request, asked.call));
      asked.loop.pass(1s);
      ASSERT_FALSE(running.done()) << i;
      asked.call.interrupt(code);
      asked.loop.settle();
      ASSERT_TRUE(running.done()) << i;
      auto const reply = running.take();
      ASSERT_FALSE(reply);
      EXPECT_EQ(reply.error().code(), code) << i;
      EXPECT_EQ(asked.call.trail().at(0).failure, code) << i;
      EXPECT_EQ(asked.transport.exchanges().completed, 0U);
    }
  Asked later(sse().piece(good).then_stall());
  ASSERT_TRUE(later.ask());
  ASSERT_TRUE(later.next());
  auto running = lowart::testing::start(later.loop.io, later.reply->next());
  later.loop.settle();
  later.call.interrupt(Errc::between_tokens_timeout);
  later.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::between_tokens_timeout);
}

TEST(OpenAi, ClosesTheConnectionOfAReplyThatIsDropped) {
  std::string const good = stream_text.substr(0, stream_text.find(": ping"));
  Asked asked(sse().piece(good).then_stall());
  ASSERT_TRUE(asked.ask());
  ASSERT_TRUE(asked.next());
  asked.reply = fail(Errc::internal, "dropped");
  EXPECT_EQ(asked.transport.exchanges().dropped, 1U);
  EXPECT_EQ(asked.loop.clock.sleepers(), 0U);
}

TEST(OpenAi, NotesWhenTheFirstContentCame) {
  Asked asked(sse().after(2s).piece(stream_text.substr(0, 300)).piece(stream_text.substr(300)).every(1s));
  TimePoint const before = asked.loop.clock.now();
  ASSERT_TRUE(asked.ask());
  EXPECT_EQ(asked.reply->progress().first_content_at - before, 4s);
  EXPECT_EQ(asked.call.trail().at(0).ended_at - before, 4s);
}

}  // namespace
}  // namespace lowart::openai_test
