// Conversations of every client as requests of Converse.

#include <lowart/dialect/bedrock_request_encode.hpp>

#include "written_request.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace lowart::bedrock_request_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
using lowart::testing::of_chat;
using lowart::testing::of_messages;
namespace json = boost::json;

constexpr std::string_view claude = "eu.anthropic.claude-sonnet-4-20250514-v1:0";
constexpr std::string_view nova = "amazon.nova-pro-v1:0";

json::value encoded(Conversation const& c, std::string_view model = claude, BedrockVariant variant = {}) {
  Losses losses(MayDrop::nothing);
  auto const body = encode_bedrock(c, model, losses, variant);
  EXPECT_TRUE(body) << (body ? "" : body.error().message());
  return body ? json::parse(*body) : json::value();
}
/// The field whose loss refuses the request.
std::string refused(Conversation const& c, std::string_view model = claude, MayDrop may = MayDrop::hints) {
  Losses losses(may);
  auto const body = encode_bedrock(c, model, losses);
  if (body) return "";
  EXPECT_EQ(body.error().code(), Errc::unsupported);
  return std::string(body.error().param());
}
std::vector<std::string> dropped(Conversation const& c, std::string_view model = claude) {
  Losses losses(MayDrop::anything);
  EXPECT_TRUE(encode_bedrock(c, model, losses));
  return losses.dropped();
}

TEST(BedrockRequest, SaysAToolLoopOfOpenAi) {
  auto const c =
      of_chat(R"({"model":"m","max_completion_tokens":99,"temperature":0.5,"top_p":0.25,"stop":["END"],
    "messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Weather?"},
      {"role":"assistant","content":"Looking.","tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"get","arguments":"{\"city\":\"Oslo\"}"}},
        {"id":"call/2","type":"function","function":{"name":"now","arguments":""}}]},
      {"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"tool","tool_call_id":"call/2","content":"noon"},
      {"role":"user","content":"And?"}],
    "tools":[{"type":"function","function":{"name":"get","description":"Tells","strict":true,
      "parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},
      {"type":"function","function":{"name":"now"}}],"tool_choice":"required"})");
  EXPECT_EQ(encoded(c), json::parse(R"({"system":[{"text":"Be brief."}],
    "messages":[{"role":"user","content":[{"text":"Weather?"}]},
      {"role":"assistant","content":[{"text":"Looking."},
        {"toolUse":{"toolUseId":"call_1","name":"get","input":{"city":"Oslo"}}},
        {"toolUse":{"toolUseId":"call_2","name":"now","input":{}}}]},
      {"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"text":"rain"}]}},
        {"toolResult":{"toolUseId":"call_2","content":[{"text":"noon"}]}},{"text":"And?"}]}],
    "inferenceConfig":{"maxTokens":99,"temperature":0.5,"topP":0.25,"stopSequences":["END"]},
    "toolConfig":{"tools":[{"toolSpec":{"name":"get","description":"Tells","strict":true,"inputSchema":{"json":
      {"type":"object","properties":{"city":{"type":"string"}}}}}},
      {"toolSpec":{"name":"now","inputSchema":{"json":{"type":"object","properties":{}}}}}],
      "toolChoice":{"any":{}}}})"));
}

TEST(BedrockRequest, SaysCacheMarksThinkingAndFailuresOfAnthropic) {
  auto const c =
      of_messages(R"({"model":"m","max_tokens":4096,"thinking":{"type":"enabled","budget_tokens":2000},
    "system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral"}}],
    "messages":[{"role":"user","content":[{"type":"text","text":"U","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"lw1.bedrock.EqQB"},
        {"type":"redacted_thinking","data":"lw1.bedrock.c2Vj"},
        {"type":"tool_use","id":"t1","name":"f","input":{"a":1}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[
        {"type":"text","text":"no"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}],
    "tools":[{"name":"f","input_schema":{"properties":{}},"cache_control":{"type":"ephemeral"}}]})");
  EXPECT_EQ(encoded(c), json::parse(R"({"system":[{"text":"S"},{"cachePoint":{"type":"default"}}],
    "messages":[{"role":"user","content":[{"text":"U"},{"cachePoint":{"type":"default","ttl":"1h"}}]},
      {"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm","signature":"EqQB"}}},
        {"reasoningContent":{"redactedContent":"c2Vj"}},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},
      {"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"no"},
        {"image":{"format":"png","source":{"bytes":"AAAA"}}}],"status":"error"}}]}],
    "inferenceConfig":{"maxTokens":4096},
    "toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}},
      {"cachePoint":{"type":"default"}}]},
    "additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}})"));
}

TEST(BedrockRequest, SaysMediaInTheFormatsThatConverseHas) {
  auto const c = of_messages(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[
    {"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/"}},
    {"type":"document","title":"My_file: (v1).pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"hi"}},
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"ho"}}]}]})");
  EXPECT_EQ(encoded(c).at("messages").at(0).at("content"), json::parse(R"([
    {"image":{"format":"jpeg","source":{"bytes":"/9j/"}}},
    {"document":{"format":"pdf","name":"My file (v1) pdf","source":{"bytes":"JVBE"}}},
    {"document":{"format":"txt","name":"document","source":{"bytes":"aGk="}}},
    {"document":{"format":"txt","name":"document 2","source":{"bytes":"aG8="}}}])"));
  Conversation film;
  film.dialect = Dialect::gemini;
  ContentPart& part = film.messages.emplace_back().content.emplace_back();
  part.kind = PartKind::video;
  part.media.edit().data = "data:video/mp4;base64,AAAA";
  EXPECT_EQ(encoded(film).at("messages").at(0).at("content").at(0),
            json::parse(R"({"video":{"format":"mp4","source":{"bytes":"AAAA"}}})"));
}

TEST(BedrockRequest, RefusesMediaThatConverseCannotHave) {
  auto const with = [](std::string const& url) {
    return of_chat(
        R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url",)"
        R"("image_url":{"url":")" +
        url + R"("}}]}]})");
  };
  EXPECT_EQ(refused(with("https://a.b/c.png")), "messages[0].content[1]");
  EXPECT_EQ(refused(with("data:image/tiff;base64,AAAA")), "messages[0].content[1]");
  EXPECT_EQ(refused(with("data:image/png,raw")), "messages[0].content[1]");
  EXPECT_EQ(refused(with("data:image/png;base64,AAAA")), "");
}

TEST(BedrockRequest, GivesClaudeABudgetOrAnEffortAndOthersNeither) {
  auto const c =
      of_chat(R"({"model":"m","reasoning_effort":"low","messages":[{"role":"user","content":"a"}]})");
  auto const budget = encoded(c);
  EXPECT_EQ(budget.at("additionalModelRequestFields"),
            json::parse(R"({"thinking":{"type":"enabled","budget_tokens":2048}})"));
  EXPECT_EQ(budget.at("inferenceConfig").at("maxTokens").as_int64(), 2048 + 8192);
  auto const adaptive = encoded(c, claude, {.adaptive_thinking = true});
  EXPECT_EQ(adaptive.at("additionalModelRequestFields"), json::parse(R"({"thinking":{"type":"adaptive"}})"));
  EXPECT_EQ(adaptive.at("outputConfig"), json::parse(R"({"effort":"low"})"));
  EXPECT_EQ(dropped(c, nova), std::vector<std::string>{"reasoning_effort"});
}

TEST(BedrockRequest, SaysTopKToClaudeAlone) {
  auto const c =
      of_messages(R"({"model":"m","max_tokens":9,"top_k":5,"messages":[{"role":"user","content":"a"}]})");
  EXPECT_EQ(encoded(c).at("additionalModelRequestFields"), json::parse(R"({"top_k":5})"));
  EXPECT_EQ(refused(c, nova), "top_k");
}

TEST(BedrockRequest, SaysASchemaOfTheOutput) {
  auto const c = of_chat(
      R"({"model":"m","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema",
    "json_schema":{"name":"n","schema":{"type":"object"}}}})");
  EXPECT_EQ(encoded(c).at("outputConfig"),
            json::parse(R"({"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"n",
              "schema":"{\"type\":\"object\"}"}}}})"));
  EXPECT_EQ(refused(of_chat(R"({"model":"m","messages":[{"role":"user","content":"a"}],
    "response_format":{"type":"json_object"}})")),
            "response_format");
}

TEST(BedrockRequest, ForbidsToolsByOfferingNone) {
  std::string const tools =
      R"("tool_choice":"none","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";
  auto const c = of_chat(R"({"model":"m","messages":[{"role":"user","content":"a"}],)" + tools + "}");
  EXPECT_EQ(encoded(c).as_object().contains("toolConfig"), false);
  EXPECT_EQ(refused(of_chat(
                R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":)"
                R"([{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
                R"({"role":"tool","tool_call_id":"c","content":"r"}],)" +
                tools + "}")),
            "tool_choice");
  auto const named =
      of_chat(R"({"model":"m","messages":[{"role":"user","content":"a"}],"tool_choice":{"type":"function",
    "function":{"name":"f"}},"tools":[{"type":"function","function":{"name":"f"}}]})");
  EXPECT_EQ(encoded(named).at("toolConfig").at("toolChoice"), json::parse(R"({"tool":{"name":"f"}})"));
}

TEST(BedrockRequest, TellsWhatItCannotSay) {
  auto const settings = [](std::string const& more) {
    return of_chat(R"({"model":"m","messages":[{"role":"user","content":"a"}],)" + more + "}");
  };
  EXPECT_EQ(refused(settings(R"("temperature":1.5)")), "temperature");
  EXPECT_EQ(refused(settings(R"("seed":1)")), "seed");
  EXPECT_EQ(refused(settings(R"("n":2)")), "n");
  EXPECT_EQ(refused(settings(R"("user":"u")")), "");
  EXPECT_EQ(dropped(settings(R"("user":"u","temperature":1.5)")),
            (std::vector<std::string>{"user", "temperature"}));
}

TEST(BedrockRequest, LeavesTheReasoningOfOtherProvidersOut) {
  auto const c = of_messages(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},
    {"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"of-anthropic"},
    {"type":"text","text":"b"}]},{"role":"user","content":"c"}]})");
  EXPECT_EQ(dropped(c).size(), 1U);
  Losses losses;
  auto const body = encode_bedrock(c, claude, losses);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->find("Hm"), std::string::npos);
}

TEST(BedrockRequest, KeepsIdsOfCallsWithinTheirBoundsAndInPairs) {
  std::string const id(80, 'a');
  auto const c = of_chat(
      R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":")" +
      id + R"(z","type":"function","function":{"name":"f","arguments":"not json"}}]},)" +
      R"({"role":"tool","tool_call_id":")" + id + R"(z","content":"r"}]})");
  auto const body = encoded(c);
  auto const& call = body.at("messages").at(1).at("content").at(0).at("toolUse");
  EXPECT_EQ(call.at("toolUseId").as_string(), std::string(63, 'a') + "z");
  EXPECT_EQ(call.at("input"), json::parse(R"({"input":"not json"})"));
  EXPECT_EQ(body.at("messages").at(2).at("content").at(0).at("toolResult").at("toolUseId"),
            call.at("toolUseId"));
}

}  // namespace
}  // namespace lowart::bedrock_request_test
