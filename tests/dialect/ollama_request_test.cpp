#include <lowart/dialect/ollama_embeddings.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/dialect/openai_embeddings.hpp>

#include "recordings.hpp"
#include "written_request.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::ollama_request_test {
namespace {

using namespace lowart::dialect;
using lowart::testing::hello_with;
using lowart::testing::of_chat;
namespace json = boost::json;

/// The body that is written, or "refused FIELD".
std::string encoded(Conversation const& c, MayDrop may_drop = MayDrop::nothing, OllamaVariant variant = {}) {
  Losses losses(may_drop);
  return lowart::testing::body_or_refusal(encode_ollama(c, "llama3", losses, variant));
}
std::string dropped(Conversation const& c) {
  Losses losses;
  EXPECT_TRUE(encode_ollama(c, "llama3", losses));
  return losses.header();
}
/// The member of that name that becomes of these members of a chat request; null when there is none.
json::value written(std::string_view members, std::string_view name) {
  return lowart::testing::member_of(encoded(hello_with(members)), name);
}

TEST(OllamaRequest, SaysAConversationWithToolsImagesAndSettings) {
  auto const c = of_chat(R"({"model":"m","stream":true,"max_tokens":9,"temperature":0.5,"top_p":0.9,"seed":7,
    "frequency_penalty":0.1,"presence_penalty":0.2,"stop":["a","b"],"logprobs":true,"top_logprobs":2,
    "reasoning_effort":"medium","messages":[
    {"role":"system","content":"Be terse."},{"role":"user","content":[{"type":"text","text":"Look"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"text","text":"here"}]},
    {"role":"assistant","content":null,"tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},
      {"id":"c2","type":"function","function":{"name":"g","arguments":""}},
      {"id":"c3","type":"function","function":{"name":"h","arguments":"not json"}}]},
    {"role":"tool","tool_call_id":"c2","content":"two"},{"role":"tool","tool_call_id":"c1","content":"one"},
    {"role":"tool","tool_call_id":"c3","content":"three"},{"role":"developer","content":"Now go."}],
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
      {"type":"function","function":{"name":"g"}}]})");
  EXPECT_EQ(json::parse(encoded(c)), json::parse(R"({"model":"llama3","messages":[
    {"role":"system","content":"Be terse."},{"role":"user","content":"Look\n\nhere","images":["AAAA"]},
    {"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"name":"f","arguments":{"a":1}}},
      {"id":"c2","function":{"name":"g","arguments":{}}},
      {"id":"c3","function":{"name":"h","arguments":{"input":"not json"}}}]},
    {"role":"tool","content":"two","tool_name":"g","tool_call_id":"c2"},
    {"role":"tool","content":"one","tool_name":"f","tool_call_id":"c1"},
    {"role":"tool","content":"three","tool_name":"h","tool_call_id":"c3"},{"role":"system","content":"Now go."}],
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
      {"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],
    "think":"medium","options":{"num_predict":9,"temperature":0.5,"top_p":0.9,"seed":7,"frequency_penalty":0.1,
    "presence_penalty":0.2,"stop":["a","b"]},"logprobs":true,"top_logprobs":2,"stream":true})"));
}

TEST(OllamaRequest, SaysThatItWantsNoStreamAsThatIsNotTheDefault) {
  EXPECT_EQ(encoded(hello_with("")),
            R"({"model":"llama3","messages":[{"role":"user","content":"Hi"}],"stream":false})");
}

TEST(OllamaRequest, WritesFormatsAndWishesToThink) {
  EXPECT_EQ(written(R"(,"response_format":{"type":"json_object"})", "format"), "json");
  EXPECT_EQ(written(R"(,"response_format":{"type":"text"})", "format"), nullptr);
  EXPECT_EQ(
      written(
          R"(,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}})",
          "format"),
      json::parse(R"({"type":"object"})"));
  for (auto const& [effort, think] : std::vector<std::pair<std::string, json::value>>{{"none", false},
                                                                                      {"minimal", "low"},
                                                                                      {"low", "low"},
                                                                                      {"medium", "medium"},
                                                                                      {"high", "high"},
                                                                                      {"xhigh", "high"}})
    EXPECT_EQ(written(R"(,"reasoning_effort":")" + effort + "\"", "think"), think) << effort;
  EXPECT_EQ(written("", "think"), nullptr) << "it is the model's";
  Conversation c = hello_with("");
  c.reasoning.mode = "adaptive";
  EXPECT_EQ(json::parse(encoded(c)).at("think"), true);
  c.reasoning.budget_tokens = 1024;
  EXPECT_EQ(json::parse(encoded(c)).at("think"), "low");
  c.reasoning.mode = "disabled";
  EXPECT_EQ(json::parse(encoded(c)).at("think"), false);
}

TEST(OllamaRequest, LoadsTheModelWithTheContextOfItsOptions) {
  Conversation const c = hello_with("");
  EXPECT_EQ(json::parse(encoded(c, MayDrop::nothing, {.num_ctx = 32768})).at("options"),
            json::parse(R"({"num_ctx":32768})"));
}

TEST(OllamaRequest, OffersTheToolsThatAChoiceLeavesAndRefusesToForceOne) {
  std::string const tools = R"(,"tools":[{"type":"function","function":{"name":"f"}},)"
                            R"({"type":"function","function":{"name":"g"}}],"tool_choice":)";
  EXPECT_EQ(written(tools + R"("auto")", "tools").as_array().size(), 2U);
  EXPECT_EQ(written(tools + R"("none")", "tools"), nullptr);
  auto const some = written(tools + R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":)"
                                    R"([{"type":"function","function":{"name":"g"}}]}})",
                            "tools");
  ASSERT_EQ(some.as_array().size(), 1U);
  EXPECT_EQ(some.at(0).at("function").at("name"), "g");
  std::string const head = R"({"model":"m","messages":[{"role":"user","content":"Hi"}])";
  for (std::string_view const must : {R"("required")", R"({"type":"function","function":{"name":"f"}})"})
    EXPECT_EQ(encoded(of_chat(head + tools + std::string(must) + "}"), MayDrop::hints),
              "refused tool_choice");
}

TEST(OllamaRequest, SaysAFreeFormToolAsAFunction) {
  auto const tools =
      written(R"(,"tools":[{"type":"custom","custom":{"name":"sh","description":"Runs."}}])", "tools");
  EXPECT_EQ(tools.at(0).at("function").at("parameters"), json::parse(gemini_request::custom_tool_schema));
}

TEST(OllamaRequest, BringsThoughtsBackAndToolsImages) {
  auto const c = decode_anthropic(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},
    {"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"s"},
      {"type":"redacted_thinking","data":"x"},{"type":"tool_use","id":"t","name":"see","input":{}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"A"},
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"BBBB"}}]}]}]})");
  ASSERT_TRUE(c);
  EXPECT_EQ(dropped(*c), "messages[1].content[1]");
  auto const messages = json::parse(encoded(*c, MayDrop::hints)).at("messages");
  EXPECT_EQ(messages.at(1).at("thinking"), "Hm");
  EXPECT_EQ(messages.at(2), json::parse(R"({"role":"tool","content":"A","images":["BBBB"],"tool_name":"see",
    "tool_call_id":"t"})"));
}

TEST(OllamaRequest, RefusesWhatItCannotSayByTheClientsName) {
  std::string const head = R"({"model":"m","messages":[{"role":"user","content":"Hi"}])";
  EXPECT_EQ(encoded(of_chat(head + R"(,"n":2})"), MayDrop::hints), "refused n");
  EXPECT_EQ(encoded(of_chat(R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url",
    "image_url":{"url":"https://x/y.png"}}]}]})"),
                    MayDrop::hints),
            "refused messages[0].content[0]");
  EXPECT_EQ(encoded(of_chat(R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url",
    "image_url":{"url":"data:image/svg+xml,<svg/>"}}]}]})"),
                    MayDrop::hints),
            "refused messages[0].content[0]");
  EXPECT_EQ(dropped(of_chat(head + R"(,"user":"u","verbosity":"low"})")), "verbosity, user");
  Conversation nothing;
  nothing.dialect = Dialect::openai_chat;
  EXPECT_EQ(encoded(nothing), "refused messages");
}

TEST(OllamaRequest, CanSayWhatWasRecordedOfOtherClients) {
  auto const recordings = lowart::testing::recordings_of("chat");
  if (recordings.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no recordings";
  int said = 0;
  for (auto const& recording : recordings) {
    auto const* const request = recording.if_contains("request");
    if (request == nullptr || !request->is_object()) continue;
    auto const c = decode_openai_chat(json::serialize(*request));
    if (!c || c->messages.empty()) continue;
    std::string const body = encoded(*c, MayDrop::anything);
    EXPECT_EQ(json::parse(body).at("messages").as_array().size(), c->messages.size());
    ++said;
  }
  EXPECT_GE(said, 100);
}

// --- embeddings -------------------------------------------------------------------------------------------

std::string embedded(std::string_view body, MayDrop may_drop = MayDrop::hints) {
  auto const inputs = decode_openai_embeddings(body);
  EXPECT_TRUE(inputs);
  Losses losses(may_drop);
  auto const written = encode_ollama_embeddings(*inputs, "e", losses);
  return written ? *written + losses.header() : "refused " + written.error().param();
}

TEST(OllamaEmbeddings, SayTextsAndDimensions) {
  EXPECT_EQ(embedded(R"({"model":"m","input":"a"})"), R"({"model":"e","input":["a"]})");
  EXPECT_EQ(
      embedded(R"({"model":"m","input":["a","b"],"dimensions":3,"user":"u","encoding_format":"base64"})"),
      R"({"model":"e","input":["a","b"],"dimensions":3}user)");
  EXPECT_EQ(embedded(R"({"model":"m","input":[1,2]})", MayDrop::anything), "refused input");
  EXPECT_EQ(embedded(R"({"model":"m","input":"a","own":1})"), "refused own");
  EmbeddingInputs inputs;
  inputs.dialect = EmbeddingDialect::gemini_batch;
  inputs.inputs.resize(2);
  inputs.inputs[1].task = "CLUSTERING";
  Losses losses;
  auto const written = encode_ollama_embeddings(inputs, "e", losses);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().param(), "requests[1].taskType");
}

TEST(OllamaEmbeddings, AreReadWithWhatTheyUsed) {
  std::string_view const body =
      R"({"model":"e","embeddings":[[0.5,-1],[3e-9]],"total_duration":9,"prompt_eval_count":4})";
  auto const usage = read_ollama_embeddings(body);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->get(UsageClass::input), 4);
  auto const vectors = decode_ollama_embedding_reply(body);
  ASSERT_TRUE(vectors);
  EXPECT_EQ(*vectors, (std::vector<Embedding>{{0.5F, -1.0F}, {3e-9F}}));
  for (std::string_view const bad : {"", "{}", R"({"embeddings":{}})", R"({"embedding":[1]})"}) {
    EXPECT_FALSE(read_ollama_embeddings(bad)) << bad;
    EXPECT_FALSE(decode_ollama_embedding_reply(bad)) << bad;
  }
  for (std::string_view const bad :
       {R"({"embeddings":[1]})", R"({"embeddings":[["x"]]})", R"({"embeddings":["AAAA"]})"})
    EXPECT_FALSE(decode_ollama_embedding_reply(bad)) << bad;
}

}  // namespace
}  // namespace lowart::ollama_request_test
