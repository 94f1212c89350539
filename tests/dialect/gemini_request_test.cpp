#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/gemini_request_encode.hpp>

#include "recordings.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace lowart::gemini_request_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

std::string golden(std::string_view name) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden" / "gemini" / name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string encoded(Conversation const& c, std::string_view model = "gemini-2.5-flash") {
  Losses losses;
  auto body = encode_gemini(c, model, losses);
  EXPECT_TRUE(body) << (body ? "" : body.error().message());
  return body.value_or("");
}

Conversation decoded(std::string_view body) {
  auto c = decode_gemini(body);
  EXPECT_TRUE(c) << (c ? "" : c.error().message());
  return c.value_or(Conversation{});
}

/// A conversation of another client.
Conversation foreign(Dialect dialect = Dialect::openai_chat) {
  Conversation c;
  c.dialect = dialect;
  return c;
}
Message& say(Conversation& c, Role role, std::string text = {}) {
  Message& message = c.messages.emplace_back();
  message.role = role;
  if (!text.empty()) message.content.emplace_back().text = std::move(text);
  return message;
}
ContentPart& call(Message& message, std::string id, std::string name, std::string arguments) {
  ContentPart& part = message.content.emplace_back();
  part.kind = PartKind::tool_call;
  part.call = {std::move(id), std::move(name), std::move(arguments)};
  return part;
}

void expect_identity(std::string_view body, std::string_view about) {
  Conversation const once = decoded(body);
  Conversation const twice = decoded(encoded(once));
  EXPECT_TRUE(once == twice) << about << "\n" << body << "\n" << encoded(once) << "\n" << encoded(twice);
}

TEST(GeminiRequest, ReadsEveryFieldIntoTheNeutralLanguage) {
  auto const c = decoded(golden("request_everything.json"));
  ASSERT_EQ(c.messages.size(), 9U);
  EXPECT_EQ(c.messages[0].role, Role::system);
  EXPECT_TRUE(c.system_is_apart);
  EXPECT_EQ(c.messages[0].text(), "You are terse. Very.");
  auto const& parts = c.messages[1].content;
  ASSERT_EQ(parts.size(), 6U);
  EXPECT_EQ(parts[0].text, "Look: \xC3\xA9\n");
  EXPECT_EQ(parts[1].kind, PartKind::image);
  EXPECT_EQ(parts[1].media->data, "data:image/png;base64,/+//") << "the URL-safe alphabet is Google's alone";
  EXPECT_EQ(parts[1].media->file_name, "a.png");
  EXPECT_EQ(parts[2].kind, PartKind::audio);
  EXPECT_EQ(parts[2].media->media_type, "audio/pcm;rate=16000");
  EXPECT_EQ(parts[3].media->data, "data:application/pdf;base64,JVBERg==");
  EXPECT_EQ(parts[4].kind, PartKind::video);
  EXPECT_EQ(parts[4].media->data, "https://www.youtube.com/watch?v=1");
  EXPECT_EQ(parts[5].media->file_id, "gs://bucket/a.pdf");
  auto const& model = c.messages[2];
  EXPECT_EQ(model.role, Role::assistant);
  EXPECT_EQ(model.joined(PartKind::reasoning), "I think.");
  EXPECT_EQ(model.content[1].call.id, "call_0_get_weather");
  EXPECT_EQ(model.content[1].call.arguments, R"({"city": "Rome", "n": 1})");
  EXPECT_EQ(model.content[1].signature, (Signature{Dialect::gemini, "c2ln"}));
  EXPECT_EQ(model.content[2].call.id, "call_1_get_weather");
  EXPECT_EQ(model.content[3].call.id, "own");
  EXPECT_EQ(model.content[3].call.arguments, "{}");
  EXPECT_EQ(c.messages[3].tool_call_id, "call_0_get_weather");
  EXPECT_EQ(c.messages[3].text(), "sunny");
  EXPECT_FALSE(c.messages[3].same_turn);
  EXPECT_EQ(c.messages[4].tool_call_id, "call_1_get_weather");
  EXPECT_TRUE(c.messages[4].tool_failed);
  EXPECT_TRUE(c.messages[4].same_turn);
  EXPECT_EQ(c.messages[4].text(), "no such city");
  EXPECT_EQ(c.messages[5].tool_call_id, "own");
  EXPECT_EQ(c.messages[5].text(), R"({"time": {"h": 9}})");
  EXPECT_EQ(c.messages[5].content.back().kind, PartKind::image);
  EXPECT_EQ(c.messages[6].role, Role::user);
  EXPECT_TRUE(c.messages[6].same_turn);
  EXPECT_EQ(c.messages[7].content[0].kind, PartKind::other);
  EXPECT_EQ(c.messages[7].content[2].signature.value, "dGV4dA==");
  ASSERT_EQ(c.tools.size(), 4U);
  EXPECT_EQ(json::parse(c.tools[0].parameters.text), json::parse(R"({"type":"object","properties":{
      "city":{"type":["string","null"]},"type":{"type":"array","items":{"type":"integer","format":"int32"}}},
      "required":["city"],"propertyOrdering":["city","type"]})"));
  EXPECT_FALSE(c.tools[2].raw.empty());
  EXPECT_EQ(c.tool_choice.kind, ToolChoiceKind::required);
  EXPECT_EQ(c.tool_choice.allowed, (std::vector<std::string>{"get_weather", "clock"}));
  EXPECT_EQ(c.output_format.kind, OutputKind::json_schema);
  EXPECT_EQ(c.reasoning.budget_tokens, 512);
  EXPECT_EQ(c.reasoning.shown, "auto");
  EXPECT_EQ(c.temperature, 0.5);
  EXPECT_EQ(c.top_k, 40);
  EXPECT_EQ(c.top_logprobs, 2);
  EXPECT_EQ(c.stop, (std::vector<std::string>{"END", "STOP"}));
  EXPECT_NE(find_extra(c.extra, "generationConfig.speechConfig"), nullptr);
  EXPECT_NE(find_extra(c.extra, "cachedContent"), nullptr);
  EXPECT_NE(find_extra(c.extra, "unknownOfTop"), nullptr);
}

TEST(GeminiRequest, WritesWhatItReadWithTheSameMeaning) {
  for (std::string_view const name : {"request_everything.json", "request_snake_case.json"})
    expect_identity(golden(name), name);
  // Members that are written in their own place and form again, whatever the order.
  auto const was = json::parse(golden("request_everything.json")).as_object();
  auto const is = json::parse(encoded(decoded(golden("request_everything.json")))).as_object();
  for (std::string_view const same :
       {"toolConfig", "safetySettings", "cachedContent", "labels", "unknownOfTop"})
    EXPECT_EQ(is.at(same), was.at(same)) << same;
  EXPECT_EQ(is.at("generationConfig"), was.at("generationConfig"));
  EXPECT_EQ(is.at("tools"), was.at("tools"));
  auto const& contents = is.at("contents").as_array();
  ASSERT_EQ(contents.size(), 5U);
  EXPECT_EQ(contents[3], was.at("contents").at(3));
  EXPECT_EQ(contents[4], was.at("contents").at(4));
  EXPECT_EQ(contents[2], was.at("contents").at(2));
}

TEST(GeminiRequest, ReadsSnakeCaseAndOneForAList) {
  auto const c = decoded(golden("request_snake_case.json"));
  ASSERT_EQ(c.messages.size(), 2U);
  EXPECT_EQ(c.messages[0].text(), "One part for a list.");
  EXPECT_EQ(c.messages[1].content[0].media->format, "mp3");
  EXPECT_EQ(c.messages[1].content[1].media->file_id, "files/1");
  EXPECT_EQ(c.tools.at(0).parameters.text, R"({"type": "object"})");
  EXPECT_EQ(c.tool_choice.kind, ToolChoiceKind::automatic);
  EXPECT_EQ(c.top_k, 3);
  EXPECT_EQ(c.max_tokens, 9);
  EXPECT_EQ(c.reasoning.effort, "low");
  EXPECT_EQ(c.reasoning.shown, "none");
  EXPECT_EQ(c.presence_penalty, 1);
  EXPECT_EQ(c.output_format.kind, OutputKind::text);
}

TEST(GeminiRequest, ReadsEnumerationsThatOldClientsSendAsNumbers) {
  auto const c = decoded(R"({"contents":[{"parts":[{"text":"x"}]}],
      "tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":6,"properties":{"a":{"type":1}}}}]}],
      "toolConfig":{"functionCallingConfig":{"mode":3}}})");
  EXPECT_EQ(json::parse(c.tools.at(0).parameters.text),
            json::parse(R"({"type":"object","properties":{"a":{"type":"string"}}})"));
  EXPECT_EQ(c.tool_choice.kind, ToolChoiceKind::none);
}

TEST(GeminiRequest, NamesTheFieldThatIsWrong) {
  struct Case {
    std::string_view body, param;
  };
  for (auto const& [body, param] : std::vector<Case>{
           {R"(not json)", ""},
           {R"([])", ""},
           {R"({})", "contents"},
           {R"({"contents":"x"})", "contents"},
           {R"({"contents":["x"]})", "contents[0]"},
           {R"({"contents":[{"role":"assistant"}]})", "contents[0].role"},
           {R"({"contents":[{"parts":["x"]}]})", "contents[0].parts[0]"},
           {R"({"contents":[{"parts":[{"text":1}]}]})", "contents[0].parts[0].text"},
           {R"({"contents":[{"parts":[{"functionCall":{}}]}]})", "contents[0].parts[0].functionCall.name"},
           {R"({"contents":[{"parts":[{"functionCall":{"name":"f","args":"x"}}]}]})",
            "contents[0].parts[0].functionCall.args"},
           {R"({"contents":[{"parts":[{"functionResponse":{"name":"f","response":[]}}]}]})",
            "contents[0].parts[0].functionResponse.response"},
           {R"({"contents":[{"parts":[{"inlineData":{"mimeType":"a/b"}}]}]})",
            "contents[0].parts[0].inlineData.data"},
           {R"({"contents":[{"parts":[{"fileData":{}}]}]})", "contents[0].parts[0].fileData.fileUri"},
           {R"({"contents":[],"systemInstruction":"x"})", "systemInstruction"},
           {R"({"contents":[],"tools":[1]})", "tools[0]"},
           {R"({"contents":[],"tools":[{"functionDeclarations":[{}]}]})",
            "tools[0].functionDeclarations[0].name"},
           {R"({"contents":[],"generationConfig":{"topP":"x"}})", "generationConfig.topP"},
           {R"({"contents":[],"generation_config":{"max_output_tokens":1.5}})",
            "generation_config.max_output_tokens"},
           {R"({"contents":[],"generationConfig":{"stopSequences":[1]}})",
            "generationConfig.stopSequences[0]"}}) {
    auto const c = decode_gemini(body);
    ASSERT_FALSE(c) << body;
    EXPECT_EQ(c.error().code(), Errc::invalid_request) << body;
    EXPECT_EQ(c.error().param(), param) << body;
  }
}

TEST(GeminiRequest, MatchesResponsesToCallsByNameAndOrder) {
  auto const c = decoded(R"({"contents":[
      {"role":"model","parts":[{"functionCall":{"name":"a"}},{"functionCall":{"name":"b"}},{"functionCall":{"name":"a"}}]},
      {"role":"user","parts":[{"functionResponse":{"name":"b","response":{}}},{"functionResponse":{"name":"a","response":{}}},
                              {"functionResponse":{"name":"a","response":{}}},{"functionResponse":{"name":"c","response":{}}}]}]})");
  EXPECT_EQ(c.messages[1].tool_call_id, "call_1_b");
  EXPECT_EQ(c.messages[2].tool_call_id, "call_0_a");
  EXPECT_EQ(c.messages[3].tool_call_id, "call_2_a");
  EXPECT_EQ(c.messages[4].tool_call_id, "") << "it answers nothing";
}

TEST(GeminiRequest, WritesAnotherDialectsToolLoop) {
  Conversation c = foreign();
  say(c, Role::system, "Be brief.");
  say(c, Role::user, "Weather?");
  Message& model = say(c, Role::assistant, "Looking.");
  call(model, "call_a", "get_weather", R"({"city":"Rome"})");
  call(model, "call_b", "get_weather", "not json");
  say(c, Role::tool, R"({"sky":"blue"})").tool_call_id = "call_a";
  say(c, Role::tool, "no city").tool_call_id = "call_b";
  c.messages.back().tool_failed = true;
  say(c, Role::user, "Go on.");
  Tool& tool = c.tools.emplace_back();
  tool.name = "get_weather";
  tool.parameters.text = R"({"type":"object","$defs":{"x":{"const":1}},"additionalProperties":false})";
  c.tool_choice.kind = ToolChoiceKind::named;
  c.tool_choice.name = "get_weather";
  c.max_tokens = 5;
  c.n = 1;
  c.presence_penalty = 0;
  c.reasoning.effort = "high";
  EXPECT_EQ(json::parse(encoded(c, "gemini-2.5-pro")), json::parse(R"({
    "systemInstruction":{"parts":[{"text":"Be brief."}]},
    "contents":[{"role":"user","parts":[{"text":"Weather?"}]},
      {"role":"model","parts":[{"text":"Looking."},
        {"functionCall":{"id":"call_a","name":"get_weather","args":{"city":"Rome"}}},
        {"functionCall":{"id":"call_b","name":"get_weather","args":{"input":"not json"}}}]},
      {"role":"user","parts":[
        {"functionResponse":{"id":"call_a","name":"get_weather","response":{"sky":"blue"}}},
        {"functionResponse":{"id":"call_b","name":"get_weather","response":{"error":"no city"}}},
        {"text":"Go on."}]}],
    "tools":[{"functionDeclarations":[{"name":"get_weather",
      "parametersJsonSchema":{"type":"object","$defs":{"x":{"const":1}},"additionalProperties":false}}]}],
    "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["get_weather"]}},
    "generationConfig":{"maxOutputTokens":5,"thinkingConfig":{"thinkingBudget":24576,"includeThoughts":true}}})"));
}

TEST(GeminiRequest, SignsTheFirstCallOfAnotherModelForModelsThatInsist) {
  Conversation c = foreign(Dialect::anthropic);
  say(c, Role::user, "x");
  Message& model = say(c, Role::assistant);
  call(model, "1", "f", "{}");
  call(model, "2", "f", "{}");
  auto const later = json::parse(encoded(c, "gemini-3-pro-preview"));
  auto const& parts = later.at("contents").at(1).at("parts").as_array();
  EXPECT_EQ(parts.at(0).at("thoughtSignature"), "skip_thought_signature_validator");
  EXPECT_FALSE(parts.at(1).as_object().contains("thoughtSignature"));
  EXPECT_EQ(encoded(c, "gemini-2.5-pro").find("thoughtSignature"), std::string::npos);
  c.messages[1].content[0].signature = {Dialect::gemini, "real"};
  EXPECT_NE(encoded(c, "gemini-3-pro-preview").find(R"("thoughtSignature":"real")"), std::string::npos);
}

TEST(GeminiRequest, WritesOnlyItsOwnSignaturesAndReasoning) {
  Conversation c = foreign(Dialect::anthropic);
  say(c, Role::user, "x");
  Message& model = say(c, Role::assistant);
  ContentPart& theirs = model.content.emplace_back();
  theirs.kind = PartKind::reasoning;
  theirs.text = "secret";
  theirs.signature = {Dialect::anthropic, "sig"};
  ContentPart& ours = model.content.emplace_back();
  ours.kind = PartKind::reasoning;
  ours.text = "shown";
  ours.signature = {Dialect::gemini, "own"};
  model.content.emplace_back().text = "Answer.";
  Losses losses;
  auto const body = encode_gemini(c, "gemini-2.5-pro", losses);
  ASSERT_TRUE(body);
  EXPECT_EQ(losses.dropped(), std::vector<std::string>{"messages[1].content[0]"});
  EXPECT_EQ(json::parse(*body).at("contents").at(1).at("parts"),
            json::parse(R"([{"text":"shown","thought":true,"thoughtSignature":"own"},{"text":"Answer."}])"));
}

TEST(GeminiRequest, BringsAnotherProvidersSignatureThroughItsClientInOnePart) {
  auto const c = decoded(R"({"contents":[{"role":"model","parts":[
      {"text":"a","thought":true},{"text":"b","thought":true},
      {"text":"","thought":true,"thoughtSignature":"bHcxLmFudGhyb3BpYy5zaWc="},
      {"text":"","thought":true,"thoughtSignature":"bHcxLmFudGhyb3BpYy5kYXRhLnJlZGFjdGVk"},
      {"text":"Answer."}]}]})");
  auto const& parts = c.messages.at(0).content;
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].text, "ab");
  EXPECT_EQ(parts[0].signature, (Signature{Dialect::anthropic, "sig"}));
  EXPECT_FALSE(parts[0].redacted);
  EXPECT_TRUE(parts[1].redacted);
  EXPECT_EQ(parts[1].signature, (Signature{Dialect::anthropic, "data"}));
}

TEST(GeminiRequest, RefusesWhatItCannotSayByItsName) {
  Conversation c = foreign();
  ContentPart& image = say(c, Role::user, "x").content.emplace_back();
  c.messages[0].content_is_parts = true;
  image.kind = PartKind::image;
  image.media.edit().data = "https://example.com/a.png";
  Losses losses;
  auto const refused = encode_gemini(c, "m", losses);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
  EXPECT_EQ(refused.error().param(), "messages[0].content[1]");
  Losses lenient(MayDrop::anything);
  auto const body = encode_gemini(c, "m", lenient);
  ASSERT_TRUE(body);
  EXPECT_EQ(json::parse(*body), json::parse(R"({"contents":[{"role":"user","parts":[{"text":"x"}]}]})"));
  image.media.edit().data = "data:text/plain,not base64";
  Losses again;
  EXPECT_EQ(encode_gemini(c, "m", again).error().param(), "messages[0].content[1]");
}

TEST(GeminiRequest, NeedsAMessageAndCallsThatResultsAnswer) {
  Losses losses;
  Conversation c = foreign();
  say(c, Role::system, "Only a system prompt.");
  auto const none = encode_gemini(c, "m", losses);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::invalid_request);
  say(c, Role::tool, "result").tool_call_id = "nobody";
  auto const orphan = encode_gemini(c, "m", losses);
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().param(), "messages[1]");
}

TEST(GeminiRequest, OffersOnlyTheToolsThatAreAllowed) {
  Conversation c = foreign();
  say(c, Role::user, "x");
  c.tools.emplace_back().name = "a";
  c.tools.emplace_back().name = "b";
  c.tool_choice.kind = ToolChoiceKind::automatic;
  c.tool_choice.allowed = {"b"};
  auto const body = json::parse(encoded(c));
  EXPECT_EQ(body.at("tools"), json::parse(R"([{"functionDeclarations":[{"name":"b"}]}])"));
  c.tools.clear();
  EXPECT_FALSE(json::parse(encoded(c)).as_object().contains("toolConfig"));
}

TEST(GeminiRequest, SaysEffortAsALevelToLaterModels) {
  Conversation c = foreign();
  say(c, Role::user, "x");
  c.reasoning.effort = "xhigh";
  c.reasoning.shown = "concise";
  EXPECT_EQ(json::parse(encoded(c, "gemini-3.5-flash")).at("generationConfig").at("thinkingConfig"),
            json::parse(R"({"thinkingLevel":"high","includeThoughts":true})"));
  c.reasoning = {};
  c.reasoning.effort = "none";
  EXPECT_EQ(json::parse(encoded(c, "gemini-3.5-flash")).at("generationConfig").at("thinkingConfig"),
            json::parse(R"({"thinkingBudget":0})"));
}

TEST(GeminiRequest, LosesTheCachedPromptNeverSilently) {
  auto const c =
      decoded(R"({"contents":[{"parts":[{"text":"x"}]}],"labels":{"a":"b"},"cachedContent":"cachedContents/1",
      "generationConfig":{"responseModalities":["TEXT"],"responseMimeType":"application/json","responseSchema":{"type":"OBJECT"}},
      "tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}]})");
  Losses losses;
  check_fidelity(c, Dialect::openai_chat, losses);
  ASSERT_TRUE(losses.refused());
  EXPECT_EQ(losses.refused()->param(), "cachedContent");
  EXPECT_EQ(losses.dropped(), (std::vector<std::string>{"generationConfig.responseModalities", "labels"}))
      << "and the signs of schemas in Gemini's own form are no losses";
}

/// A random request of the dialect, from a grammar of its fields.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}
  std::string request() {
    json::object top;
    if (chance(2)) top["systemInstruction"] = json::object{{"parts", json::array{text_part()}}};
    json::array contents;
    for (int i = number(4); i >= 0; --i) contents.push_back(content());
    top["contents"] = std::move(contents);
    if (chance(2))
      top["tools"] = json::array{json::object{{"functionDeclarations", json::array{function(), function()}}}};
    if (chance(4))
      top["tools"].is_array()
          ? top["tools"].as_array().push_back(json::object{{"urlContext", json::object()}})
          : void();
    if (chance(3)) top["toolConfig"] = json::object{{"functionCallingConfig", calling()}};
    if (chance(2)) top["generationConfig"] = config();
    if (chance(5)) top["labels"] = json::object{{word(), word()}};
    return json::serialize(top);
  }

 private:
  bool chance(int of) { return number(of) == 0; }
  int number(int below) { return static_cast<int>(random_() % static_cast<std::uint32_t>(below)); }
  std::string word() {
    static std::vector<std::string> const words{"f", "get_weather", "a b",  "\xC3\xA9", "{\"x\":1}",
                                                "",  "line\n",      "\"q\""};
    return words[static_cast<std::size_t>(number(static_cast<int>(words.size())))];
  }
  std::string name() { return chance(2) ? "f" : "get_weather"; }
  json::object text_part() {
    json::object part{{"text", word()}};
    if (chance(5)) part["thought"] = true;
    if (chance(5)) part["thoughtSignature"] = "c2ln";
    if (chance(9)) part["unknown"] = json::array{1, nullptr};
    return part;
  }
  json::object call_part() {
    json::object call{{"name", name()}};
    if (chance(2)) call["args"] = json::object{{word(), number(9)}};
    if (chance(4)) call["id"] = "id" + std::to_string(number(3));
    if (chance(9)) call["willContinue"] = false;
    return {{"functionCall", std::move(call)}};
  }
  json::object result_part() {
    static std::vector<std::string_view> const keys{"result", "error", "output", "other"};
    json::object response;
    if (!chance(5)) {
      json::value value = chance(3)
                              ? json::value(json::object{{keys[static_cast<std::size_t>(number(4))], 1}})
                              : json::value(word());
      response[keys[static_cast<std::size_t>(number(4))]] = std::move(value);
    }
    json::object result{{"name", name()}, {"response", std::move(response)}};
    if (chance(3)) result["id"] = "id" + std::to_string(number(3));
    if (chance(6)) result["parts"] = json::array{blob_part()};
    json::object part{{"functionResponse", std::move(result)}};
    if (chance(7)) part["extra"] = 1;
    return part;
  }
  json::object blob_part() {
    static std::vector<std::string_view> const types{"image/png", "audio/wav", "audio/pcm;rate=1",
                                                     "video/mp4", "text/plain"};
    auto const type = types[static_cast<std::size_t>(number(5))];
    if (chance(3))
      return {{"fileData", {{"mimeType", type}, {"fileUri", chance(2) ? "https://a/b" : "gs://a"}}}};
    return {{"inlineData", {{"mimeType", type}, {"data", "AA_-"}}}};
  }
  json::object content() {
    bool const model = chance(2);
    json::array parts;
    for (int i = number(4); i > 0; --i) {
      if (chance(3)) parts.push_back(model ? call_part() : result_part());
      else if (chance(4)) parts.push_back(blob_part());
      else if (chance(9)) parts.push_back(json::object{{"executableCode", json::object{{"code", word()}}}});
      else parts.push_back(text_part());
    }
    json::object content{{"role", model ? "model" : "user"}, {"parts", std::move(parts)}};
    if (chance(9)) content["more"] = true;
    return content;
  }
  json::object schema(int depth = 0) {
    static std::vector<std::string_view> const types{"STRING", "string", "INTEGER",
                                                     "OBJECT", "ARRAY",  "Boolean"};
    json::object schema{{"type", types[static_cast<std::size_t>(number(6))]}};
    if (chance(3)) schema["nullable"] = chance(2);
    if (depth < 3 && chance(2))
      schema["properties"] =
          json::object{{"type", this->schema(depth + 1)}, {word(), this->schema(depth + 1)}};
    if (depth < 3 && chance(4)) schema["anyOf"] = json::array{this->schema(depth + 1)};
    if (chance(4)) schema["enum"] = json::array{"A", "b"};
    return schema;
  }
  json::object function() {
    json::object function{{"name", name()}};
    if (chance(2)) function["description"] = word();
    if (chance(2)) function["parameters"] = schema();
    else if (chance(2)) function["parametersJsonSchema"] = json::object{{"type", "object"}};
    if (chance(6)) function["behavior"] = "BLOCKING";
    return function;
  }
  json::object calling() {
    static std::vector<std::string_view> const modes{"AUTO", "ANY", "NONE", "VALIDATED", "NEW_MODE"};
    json::object calling{{"mode", modes[static_cast<std::size_t>(number(5))]}};
    if (chance(2)) calling["allowedFunctionNames"] = json::array{"f"};
    if (chance(6)) calling["streamFunctionCallArguments"] = true;
    return calling;
  }
  json::object config() {
    json::object config;
    if (chance(2)) config["temperature"] = number(20) / 10.0;
    if (chance(3)) config["topK"] = number(50);
    if (chance(3)) config["candidateCount"] = 1 + number(3);
    if (chance(3)) config["stopSequences"] = json::array{word()};
    if (chance(2))
      config["responseMimeType"] = chance(2) ? "application/json" : chance(2) ? "text/plain" : "text/x.enum";
    if (chance(3)) config["responseSchema"] = schema();
    if (chance(4)) config["responseJsonSchema"] = json::object{{"type", "object"}};
    if (chance(3))
      config["thinkingConfig"] = json::object{{"thinkingLevel", "HIGH"}, {"includeThoughts", chance(2)}};
    if (chance(5)) config["speechConfig"] = json::object();
    return config;
  }
  std::mt19937 random_;
};

TEST(GeminiRequest, DecodingWhatWasEncodedIsTheIdentity) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    expect_identity(Generator(seed).request(), "seed " + std::to_string(seed));
    if (HasFailure()) return;
  }
}

TEST(GeminiRequest, ReadsAndWritesRecordedRequests) {
  auto const recordings = lowart::testing::recordings_of("gemini");
  if (recordings.empty()) GTEST_SKIP() << "LOWART_RECORDINGS names no recordings";
  int requests = 0;
  for (auto const& recording : recordings) {
    auto const* request = recording.if_contains("request");
    if (request == nullptr || request->is_null() || recording.at("status").as_int64() != 200) continue;
    std::string const body =
        request->is_string() ? std::string(request->get_string()) : json::serialize(*request);
    auto const dom = json::parse(body);
    if (!dom.is_object() || !dom.as_object().contains("contents")) continue;
    auto const c = decoded(body);
    std::string texts, told;
    for (auto const& content : dom.at("contents").as_array())
      for (auto const& part : content.at("parts").as_array()) {
        auto const* const text = part.as_object().if_contains("text");
        if (text != nullptr) texts += text->as_string();
      }
    for (std::size_t i = c.system_is_apart ? 1 : 0; i < c.messages.size(); ++i)
      if (c.messages[i].role != Role::tool) told += c.messages[i].text();
    EXPECT_EQ(told, texts);
    expect_identity(body, json::value_to<std::string>(recording.at("src")));
    ++requests;
  }
  EXPECT_GE(requests, 70);
}

}  // namespace
}  // namespace lowart::gemini_request_test
