#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::responses_request_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

std::string golden(std::string_view name) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden" / "openai_responses" / name);
  return {std::istreambuf_iterator<char>(file), {}};
}

Conversation decoded(std::string_view body) {
  auto read = decode_responses(body);
  EXPECT_TRUE(read) << read.error().message();
  return read ? *std::move(read) : Conversation();
}

std::string encoded(Conversation const& c, MayDrop may_drop = MayDrop::hints) {
  Losses losses(may_drop);
  auto body = encode_responses(c, "m", losses);
  EXPECT_TRUE(body) << body.error().message();
  return body ? *body : "{}";
}

json::object object(std::string_view text) { return json::parse(text).as_object(); }

/// A body with this input, as it comes out again.
json::array input_again(std::string_view input) {
  std::string const body = R"({"model":"m","input":)" + std::string(input) + "}";
  return object(encoded(decoded(body))).at("input").as_array();
}

ContentPart text_part(std::string text) {
  ContentPart part;
  part.text = std::move(text);
  return part;
}
Message message(Role role, std::vector<ContentPart> parts) {
  Message message;
  message.role = role;
  message.content = std::move(parts);
  return message;
}
ContentPart call_part(std::string id, std::string name, std::string arguments, bool custom = false) {
  ContentPart part;
  part.kind = PartKind::tool_call;
  part.call = {std::move(id), std::move(name), std::move(arguments), custom};
  return part;
}
ContentPart reasoning_part(std::string text, Signature signature) {
  ContentPart part;
  part.kind = PartKind::reasoning;
  part.text = std::move(text);
  part.signature = std::move(signature);
  return part;
}
Conversation chat(std::vector<Message> messages) {
  Conversation c;
  c.dialect = Dialect::openai_chat;
  c.messages = std::move(messages);
  return c;
}

TEST(ResponsesRequest, EverythingComesOutAgain) {
  auto const body = golden("request_everything.json");
  auto const c = decoded(body);
  auto const written = encoded(c);
  auto expected = object(body);
  expected["model"] = "m";
  EXPECT_EQ(object(written), expected) << written;
  EXPECT_EQ(decoded(written), c);
}

TEST(ResponsesRequest, NamesWhatTheNeutralLanguageNames) {
  auto const c = decoded(golden("request_everything.json"));
  EXPECT_EQ(c.dialect, Dialect::openai_responses);
  EXPECT_TRUE(c.system_is_apart);
  ASSERT_EQ(c.messages.size(), 8U);
  EXPECT_EQ(c.messages[0].text(), "Answer briefly.\nIn German.");
  EXPECT_EQ(c.messages[1].role, Role::developer);
  auto const& user = c.messages[2].content;
  ASSERT_EQ(user.size(), 7U);
  EXPECT_EQ(user[1].media->data, "https://example.com/a.png");
  EXPECT_EQ(user[1].media->detail, "high");
  EXPECT_EQ(user[2].media->file_id, "file-1");
  EXPECT_EQ(user[3].media->file_name, "a.pdf");
  EXPECT_EQ(user[4].media->data, "https://example.com/b.pdf");
  EXPECT_EQ(user[5].kind, PartKind::audio);
  EXPECT_EQ(user[6].kind, PartKind::other);
  auto const& turn = c.messages[3].content;
  std::vector<PartKind> kinds;
  for (auto const& part : turn) kinds.push_back(part.kind);
  using enum PartKind;
  EXPECT_EQ(kinds, (std::vector{reasoning, text, refusal, text, tool_call, tool_call, other, reasoning}));
  EXPECT_EQ(turn[0].signature, (Signature{Dialect::openai_responses, "gAAAA"}));
  EXPECT_EQ(turn[1].citations.size(), 2U);
  EXPECT_EQ(turn[1].citations[0].url, "https://example.com");
  EXPECT_EQ(turn[4].call, (ToolCall{"call_1", "weather", R"({"city":"Berlin"})", false}));
  EXPECT_EQ(turn[5].call, (ToolCall{"call_2", "sql", "SELECT 1", true}));
  EXPECT_EQ(turn[7].text, "thought");
  EXPECT_EQ(c.messages[4].tool_call_id, "call_1");
  EXPECT_EQ(c.messages[5].content[1].kind, PartKind::image);
  EXPECT_EQ(c.messages[6].content[0].kind, PartKind::other);
  ASSERT_EQ(c.tools.size(), 3U);
  EXPECT_EQ(c.tools[0].strict, true);
  EXPECT_TRUE(c.tools[1].custom);
  EXPECT_FALSE(c.tools[2].raw.empty());
  EXPECT_EQ(c.tool_choice.kind, ToolChoiceKind::required);
  EXPECT_EQ(c.tool_choice.allowed, (std::vector<std::string>{"weather", "sql"}));
  EXPECT_EQ(c.output_format.kind, OutputKind::json_schema);
  EXPECT_EQ(c.reasoning.effort, "high");
  EXPECT_EQ(c.reasoning.shown, "auto");
  EXPECT_EQ(c.verbosity, "low");
  EXPECT_EQ(c.logprobs, true);
  EXPECT_EQ(c.top_logprobs, 2);
  EXPECT_EQ(c.max_tokens, 1000);
  EXPECT_EQ(c.user, "u-1");
}

TEST(ResponsesRequest, ReadsAStringAsAMessageOfTheUser) {
  auto const c = decoded(R"({"model":"m","input":"Hi \u00e4"})");
  ASSERT_EQ(c.messages.size(), 1U);
  EXPECT_EQ(c.messages[0].role, Role::user);
  EXPECT_EQ(c.messages[0].text(), "Hi \xC3\xA4");
  EXPECT_EQ(decoded(encoded(c)), c);
}

TEST(ResponsesRequest, KeepsTheBordersOfTheAssistantsMessages) {
  auto const items = input_again(R"([{"role":"assistant","content":"a"},{"role":"assistant","content":"b"},
      {"role":"assistant","content":[{"type":"output_text","text":"c"},{"type":"output_text","text":"d"}]}])");
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[1].at("content").as_array().size(), 1U);
  EXPECT_EQ(items[2].at("content").as_array().size(), 2U);
}

TEST(ResponsesRequest, LeavesAnAssistantsPlainTextAString) {
  auto const items =
      input_again(R"([{"role":"user","content":"q"},{"role":"assistant","content":"a","id":"x"}])");
  EXPECT_EQ(items[1].at("content"), "a");
  EXPECT_EQ(items[1].at("id"), "x");
}

TEST(ResponsesRequest, CarriesAMessageWithPartsItDoesNotKnowWhole) {
  auto const items =
      input_again(R"([{"role":"assistant","content":[{"type":"output_smell","of":"roses"}]}])");
  EXPECT_EQ(items[0].at("content").at(0).at("of"), "roses");
}

TEST(ResponsesRequest, KnowsReasoningThatOnlyItsMakerCanRead) {
  auto const c =
      decoded(R"({"input":[{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"E"}]})");
  auto const& part = c.messages[0].content[0];
  EXPECT_TRUE(part.redacted);
  EXPECT_EQ(part.signature, (Signature{Dialect::openai_responses, "E"}));
}

TEST(ResponsesRequest, TakesAnAbsentSummaryAsAnEmptyOne) {
  auto const c =
      decoded(R"({"input":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"t"}]}]})");
  EXPECT_EQ(c.messages[0].content[0].text, "t");
  EXPECT_EQ(decoded(encoded(c)), c);
}

TEST(ResponsesRequest, BringsAnotherProvidersSignatureBackToIt) {
  Signature const theirs{Dialect::anthropic, "EqQB"};
  auto const sealed = seal(theirs, Dialect::openai_responses);
  auto const c = decoded(R"({"input":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],)"
                         R"("encrypted_content":")" +
                         sealed + R"("},{"role":"user","content":"go"}]})");
  EXPECT_EQ(c.messages[0].content[0].signature, theirs);
  EXPECT_EQ(c.messages[0].content[0].text, "hm");
  EXPECT_FALSE(c.messages[0].content[0].redacted);
  Losses losses;
  auto const written = encode_responses(c, "m", losses);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->find("EqQB"), std::string::npos) << "a provider refuses what it did not make";
  EXPECT_EQ(losses.dropped(), (std::vector<std::string>{"input[0].encrypted_content"}));
}

TEST(ResponsesRequest, GivesGeminisSignatureToTheCallItStandsBefore) {
  auto const sealed = seal({Dialect::gemini, "g1"}, Dialect::openai_responses);
  std::string const item = R"({"type":"reasoning","summary":[],"encrypted_content":")" + sealed + R"("},)";
  auto const c = decoded(R"({"input":[{"role":"assistant","content":"t"},)" + item + item +
                         R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]})");
  ASSERT_EQ(c.messages.size(), 1U);
  ASSERT_EQ(c.messages[0].content.size(), 2U);
  EXPECT_EQ(c.messages[0].content[0].signature.value, "g1")
      << "one that another follows belongs to what is before";
  EXPECT_EQ(c.messages[0].content[1].signature, (Signature{Dialect::gemini, "g1"}));
  auto const alone = decoded(R"({"input":[)" + item + R"({"role":"user","content":"x"}]})");
  EXPECT_TRUE(alone.messages[0].content[0].redacted) << "nothing is there that it could belong to";
}

TEST(ResponsesRequest, SaysWhereAFaultIs) {
  struct Case {
    std::string_view body, param;
  };
  constexpr Case cases[] = {
      {R"({"input":[{"type":"message","role":"user","content":[{"text":"x"}]}]})",
       "input[0].content[0].type"},
      {R"({"input":[{"role":"user"}]})", "input[0].content"},
      {R"({"input":[{"role":"user","content":7}]})", "input[0].content"},
      {R"({"input":[{"role":"nobody","content":"x"}]})", "input[0].role"},
      {R"({"input":[{"role":"tool","content":"x"}]})", "input[0].role"},
      {R"({"input":[{"id":"x"}]})", "input[0].type"},
      {R"({"input":["x"]})", "input[0]"},
      {R"({"input":[{"type":"function_call","name":"f","arguments":""}]})", "input[0].call_id"},
      {R"({"input":[{"type":"function_call","call_id":"c","name":"f","arguments":{}}]})",
       "input[0].arguments"},
      {R"({"input":[{"type":"function_call_output","output":"x"}]})", "input[0].call_id"},
      {R"({"input":[{"type":"function_call_output","call_id":"c"}]})", "input[0].output"},
      {R"({"input":[{"type":"reasoning","summary":"x"}]})", "input[0].summary"},
      {R"({"input":{}})", "input"},
      {R"({"model":"m"})", "input"},
      {R"({"input":"x","instructions":[]})", "instructions"},
      {R"({"input":"x","tools":[{"name":"f"}]})", "tools[0].type"},
      {R"({"input":"x","tools":[{"type":"function"}]})", "tools[0].name"},
      {R"({"input":"x","tools":[{"type":"function","name":"f","parameters":"{}"}]})", "tools[0].parameters"},
      {R"({"input":"x","tool_choice":3})", "tool_choice"},
      {R"({"input":"x","tool_choice":{"type":"function"}})", "tool_choice.name"},
      {R"({"input":"x","text":{"format":{}}})", "text.format.type"},
      {R"({"input":"x","reasoning":"high"})", "reasoning"},
      {R"({"input":"x","max_output_tokens":"many"})", "max_output_tokens"},
      {R"({"input":"x","temperature":"hot"})", "temperature"},
      {R"({"input":"x","stream":1})", "stream"},
  };
  for (Case const& c : cases) {
    auto const read = decode_responses(c.body);
    ASSERT_FALSE(read) << c.body;
    EXPECT_EQ(read.error().code(), Errc::invalid_request);
    EXPECT_EQ(read.error().param(), c.param) << c.body;
  }
  EXPECT_FALSE(decode_responses("[]"));
  EXPECT_FALSE(decode_responses(R"({"input":"x")"));
}

TEST(ResponsesRequest, NeedsNoInputWhereTheServerRemembers) {
  EXPECT_TRUE(decode_responses(R"({"previous_response_id":"resp_1"})"));
  EXPECT_TRUE(decode_responses(R"({"prompt":{"id":"p"}})"));
}

TEST(ResponsesRequest, WritesWhatChatSays) {
  Conversation c = chat({message(Role::system, {text_part("be")}), message(Role::user, {text_part("hi")})});
  Message assistant = message(Role::assistant,
                              {text_part("hm"), call_part("c1", "f", "{}"), call_part("c2", "g", "q", true)});
  Message result = message(Role::tool, {text_part("42")});
  result.tool_call_id = "c1";
  Message other = message(Role::tool, {text_part("43")});
  other.tool_call_id = "c2";
  for (Message const& m : {assistant, result, other}) c.messages.push_back(m);
  c.tools.resize(3);
  c.tools[0].name = "f";
  c.tools[1].name = "g";
  c.tools[1].custom = true;
  c.tools[2].name = "h";
  c.tools[2].strict = true;
  c.tools[2].parameters.text = R"({"type":"object"})";
  c.tool_choice.kind = ToolChoiceKind::named;
  c.tool_choice.name = "g";
  c.max_tokens = 5;
  c.stream = true;
  c.output_format.kind = OutputKind::json_schema;
  c.output_format.schema.text = "{}";
  auto const body = object(encoded(c));
  auto const& input = body.at("input").as_array();
  ASSERT_EQ(input.size(), 7U);
  EXPECT_EQ(input[0], json::parse(R"({"type":"message","role":"system","content":"be"})"));
  EXPECT_EQ(input[2].at("content"), json::parse(R"([{"type":"output_text","text":"hm"}])"));
  EXPECT_EQ(input[3], json::parse(R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{}"})"));
  EXPECT_EQ(input[4], json::parse(R"({"type":"custom_tool_call","call_id":"c2","name":"g","input":"q"})"));
  EXPECT_EQ(input[5], json::parse(R"({"type":"function_call_output","call_id":"c1","output":"42"})"));
  EXPECT_EQ(input[6], json::parse(R"({"type":"custom_tool_call_output","call_id":"c2","output":"43"})"));
  auto const& tools = body.at("tools").as_array();
  EXPECT_EQ(tools[0].at("strict"), false) << "absent means strict here";
  EXPECT_TRUE(tools[0].at("parameters").is_object());
  EXPECT_FALSE(tools[1].as_object().contains("strict"));
  EXPECT_EQ(tools[2].at("strict"), true);
  EXPECT_EQ(body.at("tool_choice"), json::parse(R"({"type":"custom","name":"g"})"));
  EXPECT_EQ(body.at("text").at("format").at("name"), "answer");
  EXPECT_EQ(body.at("store"), false);
  EXPECT_FALSE(body.contains("include")) << "a model that does not reason refuses it";
  EXPECT_EQ(body.at("max_output_tokens"), 5);
}

TEST(ResponsesRequest, AsksForTheProofOfReasoningThatIsWanted) {
  Conversation c = chat({message(Role::user, {text_part("hi")})});
  c.reasoning.effort = "low";
  c.logprobs = true;
  auto const body = object(encoded(c));
  EXPECT_EQ(body.at("include"),
            json::parse(R"(["reasoning.encrypted_content","message.output_text.logprobs"])"));
  EXPECT_EQ(body.at("reasoning"), json::parse(R"({"effort":"low"})"));
  c.reasoning.effort = "none";
  c.logprobs.reset();
  EXPECT_FALSE(object(encoded(c)).contains("include"));
}

TEST(ResponsesRequest, TellsAnthropicsThinkingAsEffortAndSummary) {
  Conversation c = chat({message(Role::user, {text_part("hi")})});
  c.dialect = Dialect::anthropic;
  c.reasoning.mode = "enabled";
  c.reasoning.budget_tokens = 30'000;
  c.reasoning.shown = "full";
  EXPECT_EQ(object(encoded(c)).at("reasoning"), json::parse(R"({"effort":"high","summary":"detailed"})"));
  c.reasoning = {};
  c.reasoning.mode = "disabled";
  EXPECT_EQ(object(encoded(c)).at("reasoning"), json::parse(R"({"effort":"none"})"));
}

TEST(ResponsesRequest, GivesItsReasoningBackThroughAClientOfAnotherDialect) {
  Conversation c = chat({message(Role::user, {text_part("hi")}),
                         message(Role::assistant, {reasoning_part("own", {Dialect::openai_responses, "E"}),
                                                   reasoning_part("theirs", {Dialect::anthropic, "A"}),
                                                   reasoning_part("nobody's", {}), text_part("x")})});
  Losses losses;
  auto const body = encode_responses(c, "m", losses);
  ASSERT_TRUE(body);
  auto const written = object(*body);
  auto const& input = written.at("input").as_array();
  ASSERT_EQ(input.size(), 3U);
  EXPECT_EQ(input[1], json::parse(R"({"type":"reasoning","summary":[{"type":"summary_text","text":"own"}],)"
                                  R"("encrypted_content":"E"})"));
  EXPECT_EQ(losses.dropped(), (std::vector<std::string>{"messages[1]"}));
  EXPECT_TRUE(written.contains("include"));
}

TEST(ResponsesRequest, WritesMediaOfOtherDialects) {
  Conversation c = chat({message(Role::user, {})});
  c.dialect = Dialect::anthropic;
  ContentPart image;
  image.kind = PartKind::image;
  image.media.edit().data = "aWJt";
  image.media.edit().media_type = "image/png";
  ContentPart file;
  file.kind = PartKind::file;
  file.media.edit().data = "data:application/pdf;base64,JVBE";
  ContentPart plain;
  plain.kind = PartKind::file;
  plain.text = "a plain document";
  c.messages[0].content = {image, file, plain};
  Message result = message(Role::tool, {text_part("see"), image});
  result.tool_call_id = "c";
  c.messages.push_back(result);
  auto const body = object(encoded(c));
  EXPECT_EQ(body.at("input").at(0).at("content"), json::parse(R"([
      {"type":"input_image","image_url":"data:image/png;base64,aWJt"},
      {"type":"input_file","file_data":"data:application/pdf;base64,JVBE","filename":"document.pdf"},
      {"type":"input_text","text":"a plain document"}])"));
  EXPECT_EQ(body.at("input").at(1).at("output"), json::parse(R"([
      {"type":"input_text","text":"see"},{"type":"input_image","image_url":"data:image/png;base64,aWJt"}])"));
}

TEST(ResponsesRequest, SaysInstructionsThatStoodApart) {
  Conversation c = chat({message(Role::system, {text_part("be")}), message(Role::user, {text_part("hi")})});
  c.dialect = Dialect::anthropic;
  c.system_is_apart = true;
  EXPECT_EQ(object(encoded(c)).at("instructions"), "be");
  c.messages[0].content.push_back(text_part("kind"));
  auto const body = object(encoded(c));
  EXPECT_FALSE(body.contains("instructions"));
  EXPECT_EQ(body.at("input").at(0).at("content").as_array().size(), 2U);
}

TEST(ResponsesRequest, RefusesWhatItCannotSayWithItsName) {
  Conversation c = chat({message(Role::user, {text_part("hi")})});
  c.seed = 7;
  Losses losses;
  auto const body = encode_responses(c, "m", losses);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code(), Errc::unsupported);
  EXPECT_EQ(body.error().param(), "seed");
  EXPECT_FALSE(object(encoded(c, MayDrop::anything)).contains("seed"));
  Conversation picture = chat({message(Role::assistant, {})});
  picture.messages[0].content.emplace_back().kind = PartKind::image;
  picture.messages[0].content[0].media.edit().data = "data:image/png;base64,aWJt";
  Losses of_picture;
  EXPECT_FALSE(encode_responses(picture, "m", of_picture));
}

TEST(ResponsesRequest, NamesTheItemThatAnotherDialectCannotSay) {
  auto const lost = [](std::string_view input) {
    Losses losses(MayDrop::nothing);
    check_fidelity(decoded(R"({"instructions":"i","include":["reasoning.encrypted_content"],"input":)" +
                           std::string(input) + "}"),
                   Dialect::anthropic, losses);
    return losses.refused() ? losses.refused()->param() : std::string();
  };
  EXPECT_EQ(lost(R"([{"role":"user","content":"x"},{"role":"assistant","content":"a","id":"msg_1"},
      {"role":"assistant","content":"b"},{"type":"web_search_call","id":"w"}])"),
            "input[3]");
  EXPECT_EQ(lost(R"([{"role":"assistant","content":"a"},{"type":"function_call","call_id":"c","name":"f",
      "arguments":"","id":"fc"},{"role":"user","content":[{"type":"input_text","text":"x"},{"type":"odd"}]}])"),
            "input[2].content[1]");
  EXPECT_EQ(lost(R"([{"type":"function_call_output","call_id":"c","output":[{"type":"odd"}]}])"),
            "input[0].output[0]");
  EXPECT_EQ(lost(R"([{"type":"message","role":"assistant","id":"m","status":"completed","content":[
      {"type":"output_text","text":"x","annotations":[],"logprobs":[]}]}])"),
            "")
      << "ids and states are nothing that could be lost";
}

}  // namespace
}  // namespace lowart::responses_request_test
