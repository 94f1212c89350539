// What clients of Ollama say, and what they are told: requests read, answers and errors written.

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_embeddings.hpp>
#include <lowart/dialect/ollama_embeddings_of_clients.hpp>
#include <lowart/dialect/ollama_error.hpp>
#include <lowart/dialect/ollama_facts.hpp>
#include <lowart/dialect/ollama_generate_decode.hpp>
#include <lowart/dialect/ollama_generate_encode.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/dialect/ollama_reply_encode.hpp>
#include <lowart/dialect/ollama_request_decode.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/testing/manual_clock.hpp>

#include "recordings.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::ollama_door_test {
namespace {

using namespace lowart::dialect;
namespace json = boost::json;

// --- facts ------------------------------------------------------------------------------------------------

TEST(OllamaFacts, FindModelFramingAndLimit) {
  std::string scratch;
  auto const facts = [&](std::string_view body) { return read_ollama_chat_facts(body, scratch); };
  std::string const hi = R"("messages":[{"role":"user","content":"Hi"}]})";
  std::string const shortest = R"({"model":"a",)" + hi;
  auto const plain = facts(shortest);
  ASSERT_TRUE(plain) << plain.error().message();
  EXPECT_EQ(plain->model, "a");
  EXPECT_EQ(plain->model_token, "\"a\"");
  EXPECT_EQ(plain->dialect, Dialect::ollama);
  EXPECT_TRUE(plain->stream && plain->include_usage) << "a stream, unless it says otherwise";
  EXPECT_FALSE(plain->asks_nothing || plain->max_tokens);
  std::string const longer = R"({"model":"\u0061","stream":false,"options":{"num_predict":7},)" + hi;
  auto const whole = facts(longer);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->model, "a");
  EXPECT_FALSE(whole->stream);
  EXPECT_EQ(whole->max_tokens, 7);
  EXPECT_TRUE(facts(R"({"model":"a","stream":null,)" + hi)->stream);
  EXPECT_EQ(facts(R"({"model":"a","options":{"num_predict":-1},)" + hi)->max_tokens, std::nullopt);
  for (std::string_view const nothing :
       {R"({"model":"a"})", R"({"model":"a","messages":[ ]})", R"({"model":"a","messages":null})"})
    EXPECT_TRUE(facts(nothing)->asks_nothing) << nothing;
}

TEST(OllamaFacts, RefuseWhatIsNoRequest) {
  std::string scratch;
  auto const refused = [&](std::string_view body) {
    auto const facts = read_ollama_chat_facts(body, scratch);
    return facts ? "taken" : facts.error().param();
  };
  EXPECT_EQ(refused(R"({"messages":[]})"), "model");
  EXPECT_EQ(refused(R"({"model":"a","model":"b"})"), "model");
  EXPECT_EQ(refused(R"({"model":"a","Model":"b"})"), "model") << "Ollama is written in Go";
  EXPECT_EQ(refused(R"({"model":""})"), "model");
  EXPECT_EQ(refused(R"({"model":"a","messages":{}})"), "messages");
  EXPECT_EQ(refused(R"({"model":"a","stream":"yes"})"), "stream");
  EXPECT_EQ(refused(R"({"model":"a","options":[]})"), "options");
  EXPECT_EQ(refused("{"), "");
  auto const prompt = read_ollama_generate_facts(R"({"model":"a","prompt":7})", scratch);
  EXPECT_EQ(prompt ? "taken" : prompt.error().param(), "prompt");
  EXPECT_TRUE(read_ollama_generate_facts(R"({"model":"a","prompt":""})", scratch)->asks_nothing);
  auto const said = read_ollama_generate_facts(R"({"model":"a","prompt":"x"})", scratch);
  EXPECT_FALSE(said->asks_nothing);
  EXPECT_EQ(said->dialect, Dialect::ollama_generate);
}

// --- requests ---------------------------------------------------------------------------------------------

Conversation heard(std::string_view body) {
  auto c = decode_ollama(body);
  EXPECT_TRUE(c) << (c ? "" : c.error().message());
  return c.value_or(Conversation{});
}
std::string chat_for(Conversation const& c, MayDrop may_drop = MayDrop::hints) {
  Losses losses(may_drop);
  auto const body = encode_openai_chat(c, "m", losses);
  return body ? *body + losses.header() : "refused " + body.error().param();
}

std::string const everything =
    R"({"model":"m","messages":[{"role":"system","content":"Be terse."},)"
    R"({"role":"user","content":"Look","images":["iVBORw0K","/9j/AAAA"],"own":1},)"
    R"({"role":"assistant","content":"Hm","thinking":"Let me see","tool_calls":[)"
    R"({"id":"c1","function":{"name":"f","arguments":{"a":[1,2.5]}}},{"id":"c2","function":{"name":"g","arguments":{}}}]},)"
    R"({"role":"tool","content":"sunny","tool_name":"f","tool_call_id":"c1"},)"
    R"({"role":"tool","content":"noon","tool_name":"g","tool_call_id":"c2"}],)"
    R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],)"
    R"("format":{"type":"object"},"think":"high","options":{"num_predict":9,"temperature":0.5,"top_p":0.9,)"
    R"("top_k":5,"seed":7,"frequency_penalty":0.1,"presence_penalty":0.2,"stop":["a","b"],"num_ctx":8192,)"
    R"("min_p":0.1},"logprobs":true,"top_logprobs":2,"keep_alive":"5m","stream":true})";

TEST(OllamaRequestDecode, LosesNothing) {
  Losses losses(MayDrop::nothing);
  auto const again = encode_ollama(heard(everything), "m", losses);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(json::parse(*again), json::parse(everything)) << *again;
  for (std::string_view const think : {"true", "false", "\"low\"", "\"max\""}) {
    std::string const body = R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"think":)" +
                             std::string(think) + R"(,"options":{"num_predict":-2},"stream":false})";
    auto const said = encode_ollama(heard(body), "m", losses);
    EXPECT_EQ(said.value_or(""), R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"think":)" +
                                     std::string(think) + R"(,"options":{"num_predict":-2},"stream":false})");
  }
}

TEST(OllamaRequestDecode, SaysItToAnotherDialect) {
  Conversation c = heard(everything);
  EXPECT_EQ(c.messages[1].content[2].media->data, "data:image/jpeg;base64,/9j/AAAA");
  EXPECT_EQ(c.messages[2].content[0].kind, PartKind::reasoning);
  EXPECT_EQ(chat_for(c), "refused messages[1].own");
  c.messages[1].extra.clear();
  EXPECT_EQ(chat_for(c), "refused options.top_k");
  c.top_k = 40;  // Ollama's own default
  EXPECT_EQ(chat_for(c), "refused options.min_p");
  std::erase_if(c.extra, [](ExtraField const& field) { return field.name == "options.min_p"; });
  std::string const body = chat_for(c);
  EXPECT_TRUE(body.ends_with("}messages[2].thinking, think, options.top_k, options.num_ctx, keep_alive"))
      << body;
  auto const value = json::parse(body.substr(0, body.rfind('}') + 1));
  EXPECT_EQ(value.at("max_completion_tokens"), 9);
  EXPECT_EQ(value.at("messages").at(3).at("tool_call_id"), "c1");
  EXPECT_EQ(value.at("messages").at(2).at("tool_calls").at(0).at("function").at("arguments"),
            R"({"a":[1,2.5]})");
}

TEST(OllamaRequestDecode, MatchesResultsThatNameNoCall) {
  auto const c = heard(R"({"model":"m","messages":[{"role":"assistant","tool_calls":[
    {"function":{"name":"f","arguments":{}}},{"function":{"name":"g"}},{"function":{"name":"f","arguments":{}}}]},
    {"role":"tool","content":"1","tool_name":"g"},{"role":"tool","content":"2","tool_name":"f"},
    {"role":"tool","content":"3"},{"role":"tool","content":"4"}]})");
  ASSERT_EQ(c.messages.size(), 5U);
  auto const& calls = c.messages[0].content;
  EXPECT_EQ(c.messages[1].tool_call_id, calls[1].call.id);
  EXPECT_EQ(c.messages[2].tool_call_id, calls[0].call.id);
  EXPECT_EQ(c.messages[3].tool_call_id, calls[2].call.id);
  EXPECT_EQ(c.messages[4].tool_call_id, "");
  EXPECT_EQ(calls[1].call.arguments, "{}");
}

TEST(OllamaRequestDecode, TakesSettingsThatSayNothing) {
  auto const c = heard(R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"format":"","stream":false,
    "options":{"repeat_penalty":1.1,"num_thread":8,"min_p":0,"top_k":40,"use_mmap":null}})");
  EXPECT_EQ(chat_for(c), R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})"
                         "options.top_k, options.repeat_penalty, options.num_thread, options.min_p");
  auto const penalty =
      heard(R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"options":{"repeat_penalty":1.5}})");
  EXPECT_EQ(chat_for(penalty), "refused options.repeat_penalty");
}

TEST(OllamaRequestDecode, SaysWhatIsWrongAndWhere) {
  auto const wrong = [](std::string_view members) {
    auto const c = decode_ollama(R"({"model":"m",)" + std::string(members) + "}");
    return c ? "read" : c.error().param();
  };
  EXPECT_EQ(wrong(R"("messages":[7])"), "messages[0]");
  EXPECT_EQ(wrong(R"("messages":[{"content":"x"}])"), "messages[0].role");
  EXPECT_EQ(wrong(R"("messages":[{"role":"king","content":"x"}])"), "messages[0].role");
  EXPECT_EQ(wrong(R"("messages":[{"role":"user","content":[]}])"), "messages[0].content");
  EXPECT_EQ(wrong(R"("messages":[{"role":"user","content":"x","images":["a b"]}])"), "messages[0].images[0]");
  EXPECT_EQ(wrong(R"("messages":[{"role":"user","content":"x","images":[7]}])"), "messages[0].images[0]");
  EXPECT_EQ(wrong(R"("messages":[{"role":"assistant","tool_calls":[{}]}])"),
            "messages[0].tool_calls[0].function");
  EXPECT_EQ(
      wrong(R"("messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}])"),
      "messages[0].tool_calls[0].function.arguments");
  EXPECT_EQ(wrong(R"("tools":[{"function":{"parameters":{}}}])"), "tools[0].function.name");
  EXPECT_EQ(wrong(R"("format":"xml")"), "format");
  EXPECT_EQ(wrong(R"("think":"a lot")"), "think");
  EXPECT_EQ(wrong(R"("think":7)"), "think");
  EXPECT_EQ(wrong(R"("options":{"stop":"x"})"), "options.stop");
  EXPECT_EQ(wrong(R"("options":{"stop":[7]})"), "options.stop[0]");
  EXPECT_EQ(wrong(R"("options":{"num_predict":1.5})"), "options.num_predict");
  EXPECT_EQ(wrong(R"("options":{"temperature":1e400})"), "options.temperature");
}

TEST(OllamaGenerate, IsReadAndWritten) {
  std::string const body =
      R"({"model":"m","prompt":"Draw \"it\"","system":"Be terse.","images":["iVBORw0K"],"format":"json",)"
      R"("options":{"num_predict":9},"raw":true,"context":[1,2],"stream":true})";
  auto const c = decode_ollama_generate(body);
  ASSERT_TRUE(c) << c.error().message();
  EXPECT_EQ(c->messages.size(), 2U);
  EXPECT_EQ(c->messages[1].text(), "Draw \"it\"");
  Losses losses(MayDrop::nothing);
  auto const again = encode_ollama_generate(*c, "m", losses);
  EXPECT_EQ(json::parse(again.value_or("null")), json::parse(body));
  EXPECT_EQ(chat_for(*c), "refused raw");
  auto const asked = [](std::string_view members) {
    auto const read =
        decode_ollama_generate(R"({"model":"m","prompt":"x","stream":false,)" + std::string(members) + "}");
    return read ? chat_for(*read) : "wrong " + read.error().param();
  };
  EXPECT_EQ(asked(R"("suffix":"}")"), "refused suffix");
  EXPECT_EQ(asked(R"("template":"{{.Prompt}}")"), "refused template");
  EXPECT_EQ(asked(R"("context":[1])"), "refused context");
  EXPECT_EQ(asked(R"("suffix":"","context":[],"raw":false,"keep_alive":-1)"),
            R"({"model":"m","messages":[{"role":"user","content":"x"}]}suffix, context, raw, keep_alive)");
  EXPECT_EQ(asked(R"("images":["?"])"), "wrong images[0]");
}

TEST(OllamaGenerate, IsOnePromptOnly) {
  auto c = decode_ollama_generate(R"({"model":"m","prompt":"x"})");
  ASSERT_TRUE(c);
  c->messages.emplace_back().role = Role::assistant;
  Losses losses;
  auto const body = encode_ollama_generate(*c, "m", losses);
  EXPECT_EQ(body ? "written" : body.error().param(), "prompt");
}

// --- answers ----------------------------------------------------------------------------------------------

ChatDelta step_of(PartKind kind, std::string text) {
  ChatDelta step;
  step.choices.emplace_back().say(kind, std::move(text));
  return step;
}
ChatDelta call_piece(std::int64_t index, std::string id, std::string name, std::string arguments) {
  ChatDelta step;
  PieceDelta& piece = step.choices.emplace_back().pieces.emplace_back();
  piece.kind = PartKind::tool_call;
  piece.index = index;
  piece.call = ToolCall{std::move(id), std::move(name), std::move(arguments)};
  return step;
}
ChatDelta end_of(FinishReason reason) {
  ChatDelta step;
  step.choices.emplace_back().finish = reason;
  Usage& usage = step.usage.emplace();
  usage.set(UsageClass::input, 10);
  usage.set(UsageClass::cache_read, 3);
  usage.set(UsageClass::output, 4);
  usage.set(UsageClass::reasoning, 2);
  return step;
}
ReplyContext named() {
  ReplyContext context;
  context.model = "m";
  context.created = 1'764'499'721;
  return context;
}
template <class Writer>
std::vector<std::string> lines_of(std::vector<ChatDelta> const& steps,
                                  ReplyContext const& context = named()) {
  Writer writer(context);
  std::string out;
  for (auto const& step : steps) writer.write(step, out);
  writer.finish(out);
  std::vector<std::string> lines;
  NdjsonSplitter splitter;
  splitter.feed({out.data(), out.size()}, [&](net::SseEvent const& line) { lines.emplace_back(line.data); });
  EXPECT_FALSE(splitter.inside_event());
  return lines;
}

TEST(OllamaReplyWriter, WritesALineForEachStepAndAnEnd) {
  auto const lines =
      lines_of<OllamaReplyWriter>({step_of(PartKind::reasoning, "Hm"), step_of(PartKind::text, "Hel\nlo"),
                                   ChatDelta{}, end_of(FinishReason::length)});
  std::string const head =
      R"({"model":"m","created_at":"2025-11-30T10:48:41.000000Z","message":{"role":"assistant",)";
  EXPECT_EQ(lines, (std::vector<std::string>{
                       head + R"("content":"","thinking":"Hm"},"done":false})",
                       head + R"("content":"Hel\nlo"},"done":false})",
                       head + R"("content":""},"done":true,"done_reason":"length","prompt_eval_count":13,)"
                              R"("eval_count":6})"}));
}

TEST(OllamaReplyWriter, GathersCallsWhole) {
  auto const lines = lines_of<OllamaReplyWriter>(
      {call_piece(0, "c1", "f", ""), call_piece(1, "c2", "g", R"({"q")"), call_piece(0, "", "", R"({"a":)"),
       call_piece(1, "", "", ":1}"), call_piece(0, "", "", "[1]}"), call_piece(2, "", "h", "oops"),
       end_of(FinishReason::tool_calls)});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[0]).at("message").at("tool_calls"),
            json::parse(R"([{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":[1]}}},
              {"id":"c2","function":{"index":1,"name":"g","arguments":{"q":1}}},
              {"function":{"index":2,"name":"h","arguments":{"input":"oops"}}}])"));
  EXPECT_EQ(json::parse(lines[0]).at("done"), false);
  EXPECT_EQ(json::parse(lines[1]).at("done_reason"), "stop");
}

TEST(OllamaReplyWriter, TellsHowLongItTook) {
  lowart::testing::ManualClock clock;
  ReplyContext context = named();
  context.clock = &clock;
  context.asked_at = clock.now();
  OllamaReplyWriter writer(context);
  std::string out;
  clock.advance(std::chrono::milliseconds(200));
  writer.write(step_of(PartKind::text, "Hi"), out);
  clock.advance(std::chrono::milliseconds(50));
  out.clear();
  writer.finish(out);
  auto const last = json::parse(out);
  EXPECT_EQ(last.at("total_duration"), 250'000'000);
  EXPECT_EQ(last.at("prompt_eval_duration"), 200'000'000);
  EXPECT_EQ(last.at("eval_duration"), 50'000'000);
  EXPECT_EQ(last.at("load_duration"), 0);
  EXPECT_FALSE(last.as_object().contains("eval_count")) << "nobody told";
  auto const whole = json::parse(encode_ollama_reply(step_of(PartKind::text, "Hi"), context));
  EXPECT_EQ(whole.at("eval_duration"), 250'000'000);
}

TEST(OllamaReplyWriter, SaysWhatGenerateSays) {
  auto const lines = lines_of<OllamaGenerateWriter>(
      {step_of(PartKind::reasoning, "Hm"), step_of(PartKind::text, "Hi"), end_of(FinishReason::stop)});
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_NE(lines[0].find(R"("response":"","thinking":"Hm","done":false})"), std::string::npos);
  EXPECT_NE(lines[1].find(R"("response":"Hi","done":false})"), std::string::npos);
  EXPECT_NE(lines[2].find(R"("response":"","done":true,"done_reason":"stop")"), std::string::npos);
  OllamaReplyEvents events;
  CompletionBuilder builder;
  for (auto const& line : lines) builder.add(events.read(line).value());
  EXPECT_EQ(builder.whole().choices.front().text(), "Hi");
  EXPECT_EQ(builder.whole().choices.front().joined(PartKind::reasoning), "Hm");
  EXPECT_EQ(builder.whole().usage->input_total(), 13);
}

TEST(OllamaReply, IsWrittenWhole) {
  CompletionBuilder builder;
  for (auto& step : {step_of(PartKind::reasoning, "Hm"), step_of(PartKind::text, "Hi"),
                     call_piece(0, "c", "f", R"({"a":1})"), end_of(FinishReason::content_filter)})
    builder.add(step);
  ChatDelta whole = builder.whole();
  whole.choices[0].logprobs.text = R"({"content":[{"token":"Hi","logprob":-1}]})";
  PieceDelta& image = whole.choices[0].pieces.emplace_back();
  image.kind = PartKind::image;
  image.data = "data:image/png;base64,AAAA";
  EXPECT_EQ(
      encode_ollama_reply(whole, named()),
      R"({"model":"m","created_at":"2025-11-30T10:48:41.000000Z","message":{"role":"assistant","content":"Hi",)"
      R"("thinking":"Hm","images":["AAAA"],"tool_calls":[{"id":"c","function":{"index":0,"name":"f",)"
      R"("arguments":{"a":1}}}]},"logprobs":[{"token":"Hi","logprob":-1}],"done":true,)"
      R"("done_reason":"content_filter","prompt_eval_count":13,"eval_count":6})");
  EXPECT_TRUE(decode_ollama_reply(encode_ollama_reply(ChatDelta{}, named())));
}

TEST(OllamaReply, ToARequestThatAsksNothing) {
  EXPECT_EQ(
      encode_ollama_loaded("{}", "m", 1'764'499'721'000'123),
      R"({"model":"m","created_at":"2025-11-30T10:48:41.000123Z","message":{"role":"assistant","content":""},)"
      R"("done":true,"done_reason":"load"})");
  for (std::string_view const time : {"0", "0.0", "\"0\"", "\"0s\"", "\"0m\""}) {
    std::string const body = R"({"keep_alive":)" + std::string(time) + "}";
    EXPECT_NE(encode_ollama_loaded<OllamaPath::generate>(body, "m", 0)
                  .find(R"("response":"","done":true,"done_reason":"unload")"),
              std::string::npos)
        << time;
  }
  for (std::string_view const time : {"-1", "\"5m\"", "\"0.5s\"", "10", "null"}) {
    std::string const body = R"({"keep_alive":)" + std::string(time) + "}";
    EXPECT_NE(encode_ollama_loaded(body, "m", 0).find(R"("load")"), std::string::npos) << time;
  }
}

TEST(OllamaReply, ReadsAsItWasRecorded) {
  auto const recordings = lowart::testing::recordings_of("ollama");
  if (recordings.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no recordings";
  int requests = 0;
  for (auto const& recording : recordings) {
    auto const* const request = recording.if_contains("request");
    if (request == nullptr || !request->is_object() || !request->as_object().contains("messages")) continue;
    std::string const body = json::serialize(*request);
    auto const c = decode_ollama(body);
    ASSERT_TRUE(c) << c.error().message() << body;
    Losses losses(MayDrop::nothing);
    EXPECT_TRUE(encode_ollama(*c, "m", losses)) << body;
    ++requests;
  }
  EXPECT_GT(requests, 0);
}

// --- errors -----------------------------------------------------------------------------------------------

TEST(OllamaError, IsOneText) {
  Error const ours =
      Error(Errc::rate_limited, "too \"many\"\nrequests").with_retry_after(std::chrono::milliseconds(1500));
  auto const reply = to_ollama_error(ours);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.body, R"({"error":"too \"many\"\nrequests"})");
  EXPECT_EQ(reply.retry_after, "2");
  EXPECT_EQ(ollama_error_line(ours), reply.body + "\n");
  EXPECT_TRUE(is_ollama_error_envelope(reply.body));
  EXPECT_FALSE(is_ollama_error_envelope(R"({"error":{"message":"x"}})"));
}

// --- embeddings -------------------------------------------------------------------------------------------

TEST(OllamaEmbeddingsOfClients, AreReadAndAnswered) {
  constexpr auto many = EmbeddingDialect::ollama;
  constexpr auto single = EmbeddingDialect::ollama_single;
  std::string scratch;
  auto const facts = read_ollama_embedding_facts<many>(R"({"model":"e","input":["a"]})", scratch);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->model, "e");
  EXPECT_EQ(facts->model_tokens.size(), 1U);
  EXPECT_EQ(read_ollama_embedding_facts<many>(R"({"model":"e"})", scratch).error().param(), "input");
  EXPECT_EQ(read_ollama_embedding_facts<many>(R"({"model":"e","input":7})", scratch).error().param(),
            "input");
  EXPECT_EQ(read_ollama_embedding_facts<single>(R"({"model":"e","input":"x"})", scratch).error().param(),
            "prompt");
  EXPECT_EQ(read_ollama_embedding_facts<single>(R"({"model":"e","prompt":["x"]})", scratch).error().param(),
            "prompt");
  auto const said = [](auto const& inputs) {
    if (!inputs) return "wrong " + inputs.error().param();
    Losses losses;
    auto const body = encode_openai_embeddings(*inputs, "e", losses);
    return body ? *body + losses.header() : "refused " + body.error().param();
  };
  EXPECT_EQ(
      said(decode_ollama_embeddings<many>(
          R"({"model":"m","input":"a","truncate":true,"dimensions":3,"options":{"num_ctx":9},"keep_alive":0})")),
      R"({"model":"e","input":["a"],"dimensions":3}options.num_ctx, truncate, keep_alive)");
  EXPECT_EQ(said(decode_ollama_embeddings<many>(R"({"model":"m","input":["a","b"]})")),
            R"({"model":"e","input":["a","b"]})");
  EXPECT_EQ(said(decode_ollama_embeddings<single>(R"({"model":"m","prompt":"a"})")),
            R"({"model":"e","input":["a"]})");
  EXPECT_EQ(said(decode_ollama_embeddings<many>(R"({"model":"m","input":[]})")), "wrong input");
  EXPECT_EQ(said(decode_ollama_embeddings<many>(R"({"model":"m","input":["a",7]})")), "wrong input[1]");
  EXPECT_EQ(said(decode_ollama_embeddings<many>(R"({"model":"m","input":"a","own":1})")), "refused own");
  Usage usage;
  usage.set(UsageClass::input, 4);
  std::vector<Embedding> const vectors{{0.5F, -1.0F}, {3e-9F}};
  std::string const reply = encode_ollama_embedding_reply<many>(vectors, "m", usage);
  EXPECT_EQ(reply, R"({"model":"m","embeddings":[[0.5,-1],[3e-09]],"prompt_eval_count":4})");
  EXPECT_EQ(decode_ollama_embedding_reply(reply).value(), vectors);
  std::string const one = encode_ollama_embedding_reply<single>(vectors, "m", usage);
  EXPECT_EQ(one, R"({"embedding":[0.5,-1]})");
  EXPECT_EQ(decode_ollama_single_embedding_reply(one).value(), std::vector<Embedding>{vectors.front()});
  EXPECT_TRUE(read_ollama_embeddings(one, single));
  EXPECT_FALSE(read_ollama_embeddings(one));
  EXPECT_FALSE(decode_ollama_single_embedding_reply(R"({"embedding":{}})"));
}

}  // namespace
}  // namespace lowart::ollama_door_test
