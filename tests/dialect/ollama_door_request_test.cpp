// What clients of Ollama say: the facts of a request, and the whole of it.

#include <lowart/dialect/ollama_facts.hpp>
#include <lowart/dialect/ollama_generate_decode.hpp>
#include <lowart/dialect/ollama_generate_encode.hpp>
#include <lowart/dialect/ollama_request_decode.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/dialect/openai_chat_request.hpp>

#include "recordings.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace lowart::ollama_door_request_test {
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

TEST(OllamaRequestDecode, ReadsWhatWasRecorded) {
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

}  // namespace
}  // namespace lowart::ollama_door_request_test
