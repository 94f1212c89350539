// What clients of Ollama are told: answers, errors and embeddings.

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_embeddings.hpp>
#include <lowart/dialect/ollama_embeddings_of_clients.hpp>
#include <lowart/dialect/ollama_error.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/dialect/ollama_reply_encode.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/testing/manual_clock.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::ollama_door_reply_test {
namespace {

using namespace lowart::dialect;
namespace json = boost::json;

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
}  // namespace lowart::ollama_door_reply_test
