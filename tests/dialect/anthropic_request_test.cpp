#include <lowart/dialect/anthropic_request.hpp>
#include <lowart/dialect/openai_chat_request.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace lowart::anthropic_request_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

std::string golden(std::string_view name) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden" / "anthropic" / name,
                     std::ios::binary);
  return {(std::istreambuf_iterator<char>(file)), {}};
}

std::string encoded(Conversation const& c, AnthropicVariant variant = {}, MayDrop may = MayDrop::hints) {
  Losses losses(may);
  auto const body = encode_anthropic(c, "m", losses, variant);
  return body ? *body : "refused: " + body.error().param();
}

std::string dropped(Conversation const& c) {
  Losses losses(MayDrop::hints);
  (void)encode_anthropic(c, "m", losses);
  return losses.header();
}

Conversation from_chat(std::string_view body) {
  auto c = decode_openai_chat(body);
  EXPECT_TRUE(c) << (c ? "" : c.error().message());
  return c ? *std::move(c) : Conversation();
}

std::string translated(std::string_view chat_body, AnthropicVariant variant = {}) {
  return encoded(from_chat(chat_body), variant);
}

void expect_identity(std::string_view body) {
  auto const first = decode_anthropic(body);
  ASSERT_TRUE(first) << first.error().message() << "\n" << body;
  std::string const written = encoded(*first);
  auto const again = decode_anthropic(written);
  ASSERT_TRUE(again) << again.error().message() << "\n" << written;
  EXPECT_EQ(*again, *first) << body << "\n" << written;
  EXPECT_EQ(encoded(*again), written);
}

TEST(AnthropicRequest, SurvivesDecodingAndEncodingWhole) {
  for (std::string_view const name : {"request_everything.json", "request_older.json", "request_newer.json"})
    expect_identity(golden(name));
}

TEST(AnthropicRequest, ReadsWhatTheNeutralLanguageNames) {
  auto const c = *decode_anthropic(golden("request_everything.json"));
  EXPECT_TRUE(c.system_is_apart);
  ASSERT_EQ(c.messages.size(),
            12U);  // system, user, assistant, lead, 3 results, talk, system, user, user, assistant
  EXPECT_EQ(c.messages[0].role, Role::system);
  EXPECT_EQ(c.messages[0].content[0].cache, CacheMark{"1h"});
  EXPECT_FALSE(c.messages[0].content[1].cache);  // with more than we know it stays an extra field
  auto const& user = c.messages[1].content;
  EXPECT_EQ(user[0].text, "Look é\n");
  EXPECT_EQ(user[1].media->data, "data:image/png;base64,iVBORw0KGgo=");
  EXPECT_EQ(user[2].media->data, "https://example.com/a.png");
  EXPECT_EQ(user[3].media->file_id, "file_1");
  EXPECT_EQ(user[4].media->file_name, "A report");
  EXPECT_EQ(user[4].extra.size(), 2U);  // context, citations
  EXPECT_EQ(user[6].text, "plain words");
  EXPECT_EQ(user[7].kind, PartKind::other);
  auto const& assistant = c.messages[2].content;
  EXPECT_EQ(assistant[0].signature, (Signature{Dialect::anthropic, "EqQBsig=="}));
  EXPECT_TRUE(assistant[1].redacted);
  EXPECT_EQ(assistant[2].citations.at(0).quote, "plain");
  EXPECT_EQ(assistant[3].kind, PartKind::other);
  EXPECT_EQ(assistant[5].call.arguments, R"({"a": [1, 2.50, null]})");
  EXPECT_EQ(c.messages[4].role, Role::tool);
  EXPECT_TRUE(c.messages[4].same_turn);
  EXPECT_EQ(c.messages[4].cache, CacheMark{"5m"});
  EXPECT_TRUE(c.messages[5].tool_failed);
  EXPECT_EQ(c.messages[5].content[1].kind, PartKind::image);
  EXPECT_EQ(c.messages[8].role, Role::system);
  EXPECT_TRUE(c.tools[0].strict.value_or(false));
  EXPECT_FALSE(c.tools[2].raw.empty());
  EXPECT_EQ(c.tool_choice.kind, ToolChoiceKind::required);
  EXPECT_EQ(c.parallel_tool_calls, false);
  EXPECT_EQ(c.reasoning.budget_tokens, 2048);
  EXPECT_EQ(c.reasoning.effort, "high");
  EXPECT_EQ(c.output_format.kind, OutputKind::json_schema);
  EXPECT_EQ(c.user, "u-1");
  EXPECT_EQ(c.stop.size(), 2U);
  EXPECT_EQ(c.top_k, 40);
}

TEST(AnthropicRequest, ReadsABodyToBeCounted) {
  auto const c = decode_anthropic(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->max_tokens, std::nullopt);
}

TEST(AnthropicRequest, NamesThePlaceOfWhatIsWrong) {
  struct Case {
    std::string_view body, param;
  };
  for (
      Case const& c : {
          Case{"", ""},
          Case{"[]", ""},
          Case{R"({"messages":[)", ""},
          Case{R"({"model":"m"})", "messages"},
          Case{R"({"messages":{}})", "messages"},
          Case{R"({"messages":[1]})", "messages[0]"},
          Case{R"({"messages":[{"content":"x"}]})", "messages[0].role"},
          Case{R"({"messages":[{"role":"tool","content":"x"}]})", "messages[0].role"},
          Case{R"({"messages":[{"role":"user"}]})", "messages[0].content"},
          Case{R"({"messages":[{"role":"user","content":5}]})", "messages[0].content"},
          Case{R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})", "messages[0].content[0].type"},
          Case{R"({"messages":[{"role":"user","content":[{"type":"text"}]}]})",
               "messages[0].content[0].text"},
          Case{R"({"messages":[{"role":"user","content":[{"type":"image"}]}]})",
               "messages[0].content[0].source"},
          Case{R"({"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}]})",
               "messages[0].content[0].source.url"},
          Case{R"({"messages":[{"role":"user","content":[{"type":"tool_result"}]}]})",
               "messages[0].content[0].tool_use_id"},
          Case{
              R"({"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":[1]}]}]})",
              "messages[0].content[0].content[0]"},
          Case{
              R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"n","input":"{}"}]}]})",
              "messages[0].content[0].input"},
          Case{R"({"messages":[],"system":5})", "system"},
          Case{R"({"messages":[],"tools":[{"description":"d"}]})", "tools[0].name"},
          Case{R"({"messages":[],"tool_choice":"auto"})", "tool_choice"},
          Case{R"({"messages":[],"tool_choice":{"type":"tool"}})", "tool_choice.name"},
          Case{R"({"messages":[],"thinking":{"budget_tokens":1}})", "thinking.type"},
          Case{R"({"messages":[],"max_tokens":"5"})", "max_tokens"},
          Case{R"({"messages":[],"stop_sequences":[1]})", "stop_sequences[0]"},
          Case{R"({"messages":[],"output_config":{"format":{"type":"json_schema"}}})",
               "output_config.format.schema"},
          Case{R"({"messages":[],"metadata":{"user_id":5}})", "metadata.user_id"},
      }) {
    auto const result = decode_anthropic(c.body);
    ASSERT_FALSE(result) << c.body;
    EXPECT_EQ(result.error().code(), Errc::invalid_request) << c.body;
    EXPECT_EQ(result.error().param(), c.param) << c.body;
  }
}

TEST(AnthropicRequest, TranslatesAToolLoop) {
  EXPECT_EQ(
      translated(R"({"model":"x","messages":[
        {"role":"system","content":"S1"},{"role":"developer","content":"S2"},
        {"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"b"}]},
        {"role":"assistant","content":"","tool_calls":[
          {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
          {"id":"call.2","type":"function","function":{"name":"g","arguments":""}},
          {"id":"call_3","type":"custom","custom":{"name":"h","input":"ls \"x\""}}]},
        {"role":"tool","tool_call_id":"call_1","content":"r1"},
        {"role":"tool","tool_call_id":"call.2","content":""},
        {"role":"tool","tool_call_id":"call_3","content":"r3"},
        {"role":"user","content":"c"}]})"),
      R"({"model":"m","max_tokens":8192,"system":[{"type":"text","text":"S1"},{"type":"text","text":"S2"}],"messages":[)"
      R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
      R"({"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{"x":1}},)"
      R"({"type":"tool_use","id":"call_2","name":"g","input":{}},)"
      R"({"type":"tool_use","id":"call_3","name":"h","input":{"input":"ls \"x\""}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"r1"},)"
      R"({"type":"tool_result","tool_use_id":"call_2"},{"type":"tool_result","tool_use_id":"call_3","content":"r3"},)"
      R"({"type":"text","text":"c"}]}]})");
}

TEST(AnthropicRequest, TranslatesToolsAndTheirChoice) {
  EXPECT_EQ(
      translated(
          R"({"model":"x","max_completion_tokens":5,"messages":[{"role":"user","content":"a"}],"tools":[
        {"type":"function","function":{"name":"f","description":"F","parameters":{"properties":{}},"strict":true}},
        {"type":"function","function":{"name":"g"}},
        {"type":"custom","custom":{"name":"h","description":"H","format":{"type":"grammar"}}}],
        "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,"user":"u","stop":"END"})"),
      R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"tools":[)"
      R"({"name":"f","description":"F","input_schema":{"type":"object","properties":{}},"strict":true},)"
      R"({"name":"g","input_schema":{"type":"object","properties":{}}},)"
      R"({"name":"h","description":"H\n\nThe input must have this format: {\"type\":\"grammar\"}",)"
      R"("input_schema":{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}}],)"
      R"("tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},"metadata":{"user_id":"u"},)"
      R"("stop_sequences":["END"]})");
}

TEST(AnthropicRequest, OffersOnlyTheAllowedTools) {
  std::string const body = translated(R"({"model":"x","messages":[{"role":"user","content":"a"}],"tools":[
      {"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
      "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}})");
  EXPECT_EQ(body.find(R"("name":"f")"), std::string::npos);
  EXPECT_NE(body.find(R"("tool_choice":{"type":"any"})"), std::string::npos);
}

TEST(AnthropicRequest, TranslatesMediaAndFormats) {
  EXPECT_EQ(
      translated(R"({"model":"x","messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},
        {"type":"image_url","image_url":{"url":"https://example.com/a.png"}},
        {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}},
        {"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,aGkh"}}]}],
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}})"),
      R"({"model":"m","max_tokens":8192,"messages":[{"role":"user","content":[)"
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},)"
      R"({"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},)"
      R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"title":"a.pdf"},)"
      R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"hi!"},"title":"a.txt"}]}],)"
      R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}})");
}

std::string thinking_of(std::string_view settings, AnthropicVariant variant = {}) {
  std::string const body = translated(
      R"({"model":"x","messages":[{"role":"user","content":"a"}],)" + std::string(settings) + "}", variant);
  auto const limit = find_member(body, "max_tokens");
  auto const thinking = find_member(body, "thinking");
  auto const output = find_member(body, "output_config");
  if (!limit) return body;
  return std::string(limit->value) + " " + std::string(thinking ? thinking->value : "none") + " " +
         std::string(output ? output->value : "none");
}

TEST(AnthropicRequest, TurnsEffortIntoThinkingThatLeavesRoomForAnAnswer) {
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"low")"),
            R"(10240 {"type":"enabled","budget_tokens":2048} none)");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"high","max_completion_tokens":8000)"),
            R"(8000 {"type":"enabled","budget_tokens":6000} none)");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"minimal","max_completion_tokens":1366)"),
            R"(1366 {"type":"enabled","budget_tokens":1024} none)");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"high","max_completion_tokens":1000)"), "1000 none none");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"none")"), R"(8192 {"type":"disabled"} none)");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"minimal")", {.adaptive_thinking = true}),
            R"(8192 {"type":"adaptive"} {"effort":"low"})");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"high","temperature":0.5)"), "8192 none none");
  EXPECT_EQ(thinking_of(R"("reasoning_effort":"high","temperature":1)"),
            R"(32768 {"type":"enabled","budget_tokens":24576} none)");
}

TEST(AnthropicRequest, KeepsTheBudgetOfAClientBelowItsLimit) {
  Conversation c = from_chat(R"({"model":"x","max_tokens":2000,"messages":[{"role":"user","content":"a"}]})");
  c.reasoning.budget_tokens = 5000;
  EXPECT_NE(encoded(c).find(R"("budget_tokens":1999)"), std::string::npos);
  c.reasoning.budget_tokens = 10;
  EXPECT_NE(encoded(c).find(R"("budget_tokens":1024)"), std::string::npos);
  c.max_tokens = 1024;
  EXPECT_EQ(encoded(c).find("thinking"), std::string::npos);
  EXPECT_EQ(dropped(c), "reasoning_effort");
}

TEST(AnthropicRequest, DoesNotThinkBetweenCallsThatCameWithoutThinking) {
  Conversation const c =
      from_chat(R"({"model":"x","reasoning_effort":"high","messages":[{"role":"user","content":"a"},
      {"role":"assistant","content":null,"tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"i","content":"r"}]})");
  EXPECT_EQ(dropped(c), "reasoning_effort");
  EXPECT_EQ(encoded(c).find("thinking"), std::string::npos);
}

TEST(AnthropicRequest, RefusesWhatItCannotSayByTheClientsName) {
  auto const refused = [](std::string_view settings) {
    return translated(R"({"model":"x","messages":[{"role":"user","content":"a"}],)" + std::string(settings) +
                      "}");
  };
  EXPECT_EQ(refused(R"("temperature":1.5)"), "refused: temperature");
  EXPECT_EQ(refused(R"("seed":1)"), "refused: seed");
  EXPECT_EQ(refused(R"("n":2)"), "refused: n");
  EXPECT_EQ(refused(R"("response_format":{"type":"json_object"})"), "refused: response_format");
  EXPECT_EQ(refused(R"("stop":["\n"])"), "refused: stop");
  EXPECT_EQ(refused(R"("logit_bias":{})"), "refused: logit_bias");
  EXPECT_EQ(
      translated(
          R"({"model":"x","messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]})"),
      "refused: messages[1]");
  EXPECT_EQ(translated(R"({"model":"x","messages":[{"role":"user","content":[
                {"type":"image_url","image_url":{"url":"data:image/svg+xml,x"}}]}]})"),
            "refused: messages[0].content[0]");
}

TEST(AnthropicRequest, DropsWhatItMayAndSaysSo) {
  Conversation const c = from_chat(
      R"({"model":"x","temperature":2,"messages":[{"role":"user","name":"bob","content":"a"}],"store":true,"verbosity":"low"})");
  Losses losses(MayDrop::anything);
  auto const body = encode_anthropic(c, "m", losses);
  ASSERT_TRUE(body);
  EXPECT_EQ(
      *body,
      R"({"model":"m","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})");
  EXPECT_EQ(losses.header(), "messages[0].name, verbosity, store, temperature");
}

TEST(AnthropicRequest, BringsAnotherProvidersProofsBackToItAlone) {
  auto const c =
      decode_anthropic(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[
      {"type":"thinking","thinking":"T","signature":"lw1.openai_responses.R"},
      {"type":"redacted_thinking","data":"lw1.gemini.G"},
      {"type":"tool_use","id":"i","name":"n","input":{}}]},{"role":"assistant","content":[
      {"type":"redacted_thinking","data":"lw1.openai_responses.S"}]}]})");
  ASSERT_TRUE(c);
  auto const& parts = c->messages[1].content;
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].signature, (Signature{Dialect::openai_responses, "R"}));
  EXPECT_EQ(parts[1].signature, (Signature{Dialect::gemini, "G"}));  // on the call, where Gemini wants it
  EXPECT_EQ(encoded(*c),
            R"({"model":"m","messages":[{"role":"user","content":"a"},)"
            R"({"role":"assistant","content":[{"type":"tool_use","id":"i","name":"n","input":{}}]}]})");
}

/// Random requests of this dialect.
class Corpus {
 public:
  explicit Corpus(unsigned seed) : random_(seed) {}

  std::string request() {
    std::string body = "{\"model\":\"m\"";
    if (coin()) body += ",\"system\":" + (coin() ? text() : list(2, [this] { return text_block(); }));
    body += ",\"messages\":" + list(5, [this] { return message(); });
    if (coin()) body += ",\"tools\":" + list(3, [this] { return tool(); });
    if (coin())
      body += ",\"tool_choice\":" +
              pick({R"({"type":"auto"})", R"({"type":"any","disable_parallel_tool_use":true})",
                    R"({"type":"none"})", R"({"type":"tool","name":"t"})", R"({"type":"new","x":1})"});
    if (coin())
      body += ",\"thinking\":" + pick({R"({"type":"enabled","budget_tokens":1024})", R"({"type":"disabled"})",
                                       R"({"type":"adaptive","display":"omitted"})",
                                       R"({"type":"between_tools","display":"new"})"});
    if (coin())
      body += ",\"output_config\":" +
              pick({R"({"effort":"low"})", R"({"format":{"type":"json_schema","schema":{}}})",
                    R"({"effort":"max","format":{"type":"json_schema","schema":{},"x":1},"y":2})", "{}"});
    if (coin()) body += R"(,"output_format":{"type":"json_schema","schema":{"a":1}})";
    if (coin()) body += ",\"metadata\":" + pick({R"({"user_id":"u"})", R"({"other":1})", "{}"});
    if (coin()) body += ",\"max_tokens\":" + std::to_string(number(5000));
    if (coin()) body += ",\"temperature\":0." + std::to_string(number(9));
    if (coin()) body += R"(,"stop_sequences":["a","\n"])";
    if (coin()) body += ",\"stream\":true";
    return body + extra() + "}";
  }

 private:
  unsigned number(unsigned below) { return static_cast<unsigned>(random_() % below); }
  bool coin() { return number(2) == 0; }
  std::string pick(std::vector<std::string> const& from) {
    return from[number(static_cast<unsigned>(from.size()))];
  }
  std::string text() {
    return pick({R"("")", R"("a b")", R"("\u00e9\"\n")", R"("{\"k\":[}")", "\"\xE2\x82\xAC\""});
  }
  std::string extra() {
    return number(4) == 0 ? ",\"own_" + std::to_string(number(9)) + "\":" + pick({"1", "[{}]", "\"x\""}) : "";
  }
  std::string cache() {
    return pick({"", "", R"(,"cache_control":{"type":"ephemeral"})",
                 R"(,"cache_control":{"type":"ephemeral","ttl":"1h"})", R"(,"cache_control":{"type":"new"})",
                 R"(,"cache_control":null)"});
  }
  template <class F>
  std::string list(unsigned most, F make) {
    std::string all = "[";
    for (unsigned i = number(most + 1); i > 0; --i) all += (all.size() > 1 ? "," : "") + make();
    return all + "]";
  }
  std::string text_block() { return "{\"type\":\"text\",\"text\":" + text() + cache() + extra() + "}"; }
  std::string source() {
    return pick({R"({"type":"base64","media_type":"image/png","data":"AA=="})",
                 R"({"type":"url","url":"https://x/y"})", R"({"type":"file","file_id":"f"})",
                 R"({"type":"text","media_type":"text/plain","data":"d"})",
                 R"({"type":"text","media_type":"text/plain","data":""})",
                 R"({"type":"url","url":"https://x/y","z":1})", R"({"type":"content","content":"c"})"});
  }
  std::string block(bool results) {
    switch (number(results ? 9 : 7)) {
      case 0:
      case 1: return text_block();
      case 2: return "{\"type\":\"image\",\"source\":" + source() + cache() + extra() + "}";
      case 3:
        return "{\"type\":\"document\",\"title\":" + text() + ",\"source\":" + source() + cache() + extra() +
               "}";
      case 4:
        return "{\"type\":\"thinking\",\"thinking\":" + text() + ",\"signature\":" + pick({"\"\"", "\"s\""}) +
               extra() + "}";
      case 5:
        return "{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":" + pick({"{}", R"({"a": 1})"}) +
               cache() + extra() + "}";
      case 6:
        return pick({R"({"type":"redacted_thinking","data":"d"})",
                     R"({"type":"server_tool_use","id":"s","input":{}})"});
      default:
        return "{\"type\":\"tool_result\",\"tool_use_id\":\"i\"" +
               (coin() ? ",\"content\":" + (coin() ? text() : list(3, [this] { return block(false); }))
                       : "") +
               (coin() ? ",\"is_error\":true" : "") + cache() + extra() + "}";
    }
  }
  std::string message() {
    bool const user = coin();
    return "{\"role\":" + (user ? pick({"\"user\"", "\"user\"", "\"system\""}) : "\"assistant\"") +
           ",\"content\":" + (coin() ? text() : list(4, [&] { return block(true); })) + extra() + "}";
  }
  std::string tool() {
    return pick({R"({"type":"bash_20250124","name":"bash"})",
                 "{\"name\":\"t\",\"input_schema\":{\"type\":\"object\"}" + cache() + extra() + "}",
                 R"({"type":"custom","name":"u","description":"d","strict":false})"});
  }

  std::mt19937 random_;
};

TEST(AnthropicRequest, SurvivesForAnyRequestOfThisDialect) {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    expect_identity(Corpus(seed).request());
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lowart::anthropic_request_test
