#include <lowart/dialect/cohere_embeddings.hpp>
#include <lowart/dialect/cohere_request_encode.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/openai_embeddings.hpp>

#include "written_request.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::cohere_request_test {
namespace {

using namespace lowart::dialect;
using lowart::testing::hello_with;
using lowart::testing::of_chat;
using lowart::testing::of_messages;
namespace json = boost::json;

/// The body that is written, or "refused FIELD".
std::string encoded(Conversation const& c, MayDrop may_drop = MayDrop::nothing) {
  Losses losses(may_drop);
  return lowart::testing::body_or_refusal(encode_cohere(c, "command-a", losses));
}
std::string dropped(Conversation const& c) {
  Losses losses;
  EXPECT_TRUE(encode_cohere(c, "command-a", losses));
  return losses.header();
}
/// The member of that name that becomes of these members of a chat request; null when there is none.
json::value written(std::string_view members, std::string_view name) {
  return lowart::testing::member_of(encoded(hello_with(members)), name);
}
json::value messages(Conversation const& c) { return json::parse(encoded(c)).at("messages"); }

constexpr std::string_view two_tools = R"(,"tools":[{"type":"function","function":{"name":"f"}},
  {"type":"function","function":{"name":"g","parameters":{"type":"object"}}}])";

TEST(CohereRequest, SaysAConversationWithToolsImagesAndSettings) {
  auto const c = of_chat(R"({"model":"m","stream":true,"max_tokens":9,"temperature":0.5,"top_p":0.9,"seed":7,
    "frequency_penalty":0.1,"presence_penalty":0.2,"stop":["a","b"],"logprobs":true,"messages":[
    {"role":"system","content":"Be terse."},{"role":"developer","content":"Be kind."},
    {"role":"user","content":[{"type":"text","text":"Look"},
      {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
    {"role":"assistant","content":"Well.","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},
      {"id":"c2","type":"function","function":{"name":"g","arguments":""}},
      {"id":"c3","type":"function","function":{"name":"h","arguments":"not json"}}]},
    {"role":"tool","tool_call_id":"c2","content":"two"},{"role":"tool","tool_call_id":"c1","content":"one"}],
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
      {"type":"function","function":{"name":"g"}}]})");
  EXPECT_EQ(json::parse(encoded(c)), json::parse(R"({"model":"command-a","messages":[
    {"role":"system","content":[{"type":"text","text":"Be terse."},{"type":"text","text":"Be kind."}]},
    {"role":"user","content":[{"type":"text","text":"Look"},
      {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
    {"role":"assistant","content":"Well.","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},
      {"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}},
      {"id":"c3","type":"function","function":{"name":"h","arguments":"{\"input\":\"not json\"}"}}]},
    {"role":"tool","tool_call_id":"c2","content":"two"},{"role":"tool","tool_call_id":"c1","content":"one"}],
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
      {"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],
    "max_tokens":9,"temperature":0.5,"p":0.9,"seed":7,"frequency_penalty":0.1,"presence_penalty":0.2,
    "stop_sequences":["a","b"],"logprobs":true,"stream":true})"));
}

TEST(CohereRequest, IsShortWhenLittleIsSaid) {
  EXPECT_EQ(encoded(hello_with("")),
            R"({"model":"command-a","messages":[{"role":"user","content":"Hi"}],"stream":false})");
}

TEST(CohereRequest, KeepsNucleusSamplingWithinItsRange) {
  EXPECT_EQ(written(R"(,"top_p":1)", "p"), 0.99);
  EXPECT_EQ(written(R"(,"top_p":0)", "p"), 0.01);
  EXPECT_EQ(written(R"(,"top_p":0.5)", "p"), 0.5);
}

TEST(CohereRequest, WritesFormats) {
  EXPECT_EQ(written(R"(,"response_format":{"type":"json_object"})", "response_format"),
            json::parse(R"({"type":"json_object"})"));
  EXPECT_EQ(written(R"(,"response_format":{"type":"text"})", "response_format"), nullptr);
  EXPECT_EQ(
      written(
          R"(,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}})",
          "response_format"),
      json::parse(R"({"type":"json_object","json_schema":{"type":"object"}})"));
}

TEST(CohereRequest, TurnsWishesToThinkIntoBudgets) {
  EXPECT_EQ(written("", "thinking"), nullptr);
  EXPECT_EQ(written(R"(,"reasoning_effort":"none")", "thinking"), json::parse(R"({"type":"disabled"})"));
  EXPECT_EQ(written(R"(,"reasoning_effort":"low")", "thinking"),
            json::parse(R"({"type":"enabled","token_budget":2048})"));
  auto const thinking = [](std::string_view wish) {
    auto const c =
        of_messages(R"({"model":"m","max_tokens":9000,"messages":[{"role":"user","content":"Hi"}],)"
                    R"("thinking":)" +
                    std::string(wish) + "}");
    return json::parse(encoded(c)).at("thinking");
  };
  EXPECT_EQ(thinking(R"({"type":"enabled","budget_tokens":2000})"),
            json::parse(R"({"type":"enabled","token_budget":2000})"));
  EXPECT_EQ(thinking(R"({"type":"disabled"})"), json::parse(R"({"type":"disabled"})"));
}

TEST(CohereRequest, ChoosesTools) {
  auto const tools = [](std::string_view choice) {
    auto const body = json::parse(encoded(hello_with(std::string(two_tools) + std::string(choice))));
    std::string all;
    for (auto const& tool : body.at("tools").as_array())
      all += tool.at("function").at("name").as_string().subview();
    auto const* const word = body.as_object().if_contains("tool_choice");
    return all + " " + (word != nullptr ? std::string(word->as_string()) : "");
  };
  EXPECT_EQ(tools(""), "fg ");
  EXPECT_EQ(tools(R"(,"tool_choice":"auto")"), "fg ");
  EXPECT_EQ(tools(R"(,"tool_choice":"none")"), "fg NONE");
  EXPECT_EQ(tools(R"(,"tool_choice":"required")"), "fg REQUIRED");
  EXPECT_EQ(tools(R"(,"tool_choice":{"type":"function","function":{"name":"g"}})"), "g REQUIRED");
  EXPECT_EQ(tools(R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto",
              "tools":[{"type":"function","function":{"name":"f"}}]}})"),
            "f ");
}

TEST(CohereRequest, IsStrictWhereEveryToolIsAndTellsWhereItIsNot) {
  std::string const strict = R"({"type":"function","function":{"name":"f","strict":true}})";
  std::string const lax = R"({"type":"function","function":{"name":"g"}})";
  std::string const none = R"(,"tool_choice":"none")";
  EXPECT_EQ(written(two_tools, "strict_tools"), nullptr);
  EXPECT_EQ(written(R"(,"tools":[)" + strict + "]", "strict_tools"), true);
  EXPECT_EQ(written(R"(,"tools":[)" + strict + "]" + none, "strict_tools"), true);
  EXPECT_EQ(dropped(hello_with(R"(,"tools":[)" + lax + "," + strict + "]")), "tools[1].strict");
  EXPECT_EQ(encoded(hello_with(R"(,"tools":[)" + lax + "," + strict + "]")), "refused tools[1].strict");
}

TEST(CohereRequest, BringsThoughtsBackThatNobodySigned) {
  Conversation c = hello_with("");
  auto const thought = [&](std::string_view text, Signature signature, bool calls) {
    Message& message = c.messages.emplace_back();
    message.role = Role::assistant;
    ContentPart& part = message.content.emplace_back();
    part.kind = PartKind::reasoning;
    part.text = text;
    part.signature = std::move(signature);
    ContentPart& said = message.content.emplace_back();
    said.kind = calls ? PartKind::tool_call : PartKind::text;
    said.text = "So.";
    said.call.id = "c1";
    said.call.name = "f";
  };
  thought("Hm.", {}, false);
  thought("I call.", {}, true);
  thought("Secret.", {Dialect::anthropic, "proof"}, false);
  Losses losses;
  auto const body = encode_cohere(c, "m", losses);
  ASSERT_TRUE(body);
  auto const turns = json::parse(*body).at("messages");
  EXPECT_EQ(
      turns.at(1),
      json::parse(
          R"({"role":"assistant","content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"So."}]})"));
  EXPECT_EQ(turns.at(2), json::parse(R"({"role":"assistant","tool_plan":"I call.","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]})"));
  EXPECT_EQ(turns.at(3), json::parse(R"({"role":"assistant","content":"So."})"));
  EXPECT_EQ(losses.header(), "messages[3]");
}

TEST(CohereRequest, ShowsImagesOfToolsBehindTheResults) {
  auto const c = of_messages(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Look"},
    {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},
      {"type":"tool_use","id":"b","name":"f","input":{}}]},
    {"role":"user","content":[
      {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"one"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
      {"type":"tool_result","tool_use_id":"b","content":"two"},{"type":"text","text":"And?"}]}]})");
  auto const all = messages(c).as_array();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[2], json::parse(R"({"role":"tool","tool_call_id":"a","content":"one"})"));
  EXPECT_EQ(all[3], json::parse(R"({"role":"tool","tool_call_id":"b","content":"two"})"));
  EXPECT_EQ(all[4], json::parse(R"({"role":"user","content":[
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]})"));
  EXPECT_EQ(all[5], json::parse(R"({"role":"user","content":"And?"})"));
}

TEST(CohereRequest, RefusesWhatItCannotSayByTheClientsName) {
  auto const refused = [](std::string_view members) { return encoded(hello_with(members), MayDrop::hints); };
  EXPECT_EQ(refused(R"(,"n":2)"), "refused n");
  EXPECT_EQ(refused(R"(,"frequency_penalty":1.5)"), "refused frequency_penalty");
  EXPECT_EQ(refused(R"(,"presence_penalty":-0.5)"), "refused presence_penalty");
  EXPECT_EQ(refused(R"(,"logprobs":true,"top_logprobs":3)"), "refused top_logprobs");
  EXPECT_EQ(encoded(of_chat(R"({"model":"m","messages":[{"role":"user","content":"Hi"},
                           {"role":"system","content":"Stop."}]})"),
                    MayDrop::hints),
            "refused messages[1]");
  EXPECT_EQ(encoded(of_chat(R"({"model":"m","messages":[{"role":"user","content":[
                {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}}]}]})"),
                    MayDrop::hints),
            "refused messages[0].content[0]");
  EXPECT_EQ(dropped(hello_with(R"(,"user":"u","parallel_tool_calls":false)")), "user");
}

TEST(CohereRequest, LeavesOutWhatMayBeDropped) {
  auto const c = of_chat(R"({"model":"m","frequency_penalty":1.5,"top_logprobs":3,"logprobs":true,"messages":[
      {"role":"user","content":"Hi"},{"role":"system","content":"Stop."}]})");
  Losses losses(MayDrop::anything);
  auto const body = encode_cohere(c, "m", losses);
  ASSERT_TRUE(body);
  EXPECT_EQ(*body,
            R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"logprobs":true,"stream":false})");
  EXPECT_EQ(losses.header(), "messages[1], frequency_penalty, top_logprobs");
}

EmbeddingInputs inputs(std::string_view body) {
  auto c = decode_openai_embeddings(body);
  EXPECT_TRUE(c) << (c ? "" : c.error().message());
  return c.value_or(EmbeddingInputs{});
}
std::string embeds(EmbeddingInputs const& c, CohereVariant const& variant = {}) {
  Losses losses;
  auto const body = encode_cohere_embeddings(c, "e", losses, variant);
  return body ? *body : "refused " + body.error().param();
}

TEST(CohereEmbeddings, WritesRequests) {
  EXPECT_EQ(embeds(inputs(R"({"model":"m","input":["a","b"],"dimensions":256})")),
            R"({"model":"e","input_type":"search_document","texts":["a","b"],"embedding_types":["float"],)"
            R"("output_dimension":256})");
  EXPECT_EQ(embeds(inputs(R"({"model":"m","input":"a","encoding_format":"base64","truncate":"END"})"),
                   {.input_type = "clustering"}),
            R"({"model":"e","input_type":"clustering","texts":["a"],"embedding_types":["base64"],)"
            R"("truncate":"END"})");
  EXPECT_EQ(embeds(inputs(R"({"model":"m","input":[1,2]})")), "refused input");
  EXPECT_EQ(embeds(inputs(R"({"model":"m","input":"a","input_type":"novel"})")), "refused input_type");
}

TEST(CohereEmbeddings, TakesTheTypeOfTextsFromTheRequest) {
  auto const type = [](EmbeddingInputs const& c) {
    auto const body = embeds(c);
    return body.starts_with("{") ? std::string(json::parse(body).at("input_type").as_string()) : body;
  };
  EXPECT_EQ(type(inputs(R"({"model":"m","input":"a","input_type":"query"})")), "search_query");
  EXPECT_EQ(type(inputs(R"({"model":"m","input":"a","input_type":"classification"})")), "classification");
  EmbeddingInputs c;
  c.dialect = EmbeddingDialect::gemini_batch;
  c.inputs.resize(2);
  for (auto& input : c.inputs) input.task = "RETRIEVAL_QUERY";
  EXPECT_EQ(type(c), "search_query");
  c.inputs[1].task = "RETRIEVAL_DOCUMENT";
  EXPECT_EQ(type(c), "refused requests[1].taskType");
  for (auto& input : c.inputs) input.task = "SEMANTIC_SIMILARITY";
  EXPECT_EQ(type(c), "refused requests[0].taskType");
}

TEST(CohereEmbeddings, ReadsFloatsAndBase64) {
  std::string const floats =
      R"({"id":"x","embeddings":{"float":[[0.5,-1],[2,3]]},"texts":["a","b"],"response_type":"embeddings_by_type",)"
      R"("meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":4}}})";
  auto const usage = read_cohere_embeddings(floats);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->get(UsageClass::input), 4);
  EXPECT_EQ(*decode_cohere_embedding_reply(floats), (std::vector<Embedding>{{0.5F, -1.0F}, {2.0F, 3.0F}}));
  EXPECT_EQ(*decode_cohere_embedding_reply(R"({"embeddings":{"base64":["AAAAPw=="]}})"),
            (std::vector<Embedding>{{0.5F}}));
  for (char const* const body : {"", "[]", "{}", R"({"embeddings":[[1]]})",
                                 R"({"embeddings":{"int8":[[1]]}})", R"({"embeddings":{"float":[["x"]]}})"})
    EXPECT_FALSE(decode_cohere_embedding_reply(body)) << body;
  EXPECT_FALSE(read_cohere_embeddings(R"({"message":"no"})"));
}

}  // namespace
}  // namespace lowart::cohere_request_test
