#include <lowart/dialect/anthropic_request_encode.hpp>
#include <lowart/dialect/openai_chat_request.hpp>

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace lowart::openai_chat_request_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

/// The same value without null members, which mean "absent".
json::value without_nulls(json::value const& v) {
  if (v.is_array()) {
    json::array out;
    for (auto const& e : v.get_array()) out.push_back(without_nulls(e));
    return out;
  }
  if (!v.is_object()) return v;
  json::object out;
  for (auto const& [key, value] : v.get_object())
    if (!value.is_null()) out[key] = without_nulls(value);
  return out;
}

std::string encoded(Conversation const& c, std::string_view model = "m") {
  Losses losses;
  auto const body = encode_openai_chat(c, model, losses);
  EXPECT_TRUE(body) << body.error().message();
  EXPECT_EQ(losses.header(), "");
  return body.value_or("");
}

TEST(OpenAiChatRequest, GivesEveryGoldenBodyBackWithTheSameMeaning) {
  auto const folder = std::filesystem::path(__FILE__).parent_path() / "golden" / "openai_chat";
  int bodies = 0;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("request_")) continue;
    ++bodies;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string const body((std::istreambuf_iterator<char>(file)), {});
    auto const conversation = decode_openai_chat(body);
    ASSERT_TRUE(conversation) << entry.path() << ": " << conversation.error().message();
    auto const again = encoded(*conversation, "some/model");
    EXPECT_EQ(without_nulls(json::parse(again)), without_nulls(json::parse(body))) << entry.path() << "\n"
                                                                                   << again;
    auto const second = decode_openai_chat(again);
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_EQ(*second, *conversation) << entry.path();
  }
  EXPECT_GE(bodies, 3);
}

/// Makes conversations of every shape that the dialect can say.
class Corpus {
 public:
  explicit Corpus(unsigned seed) : random_(seed) {}

  Conversation conversation() {
    Conversation c;
    c.dialect = Dialect::openai_chat;
    for (int n = below(4); n >= 0; --n) c.messages.push_back(message());
    for (int n = below(3); n > 0; --n) c.tools.push_back(tool());
    c.tool_choice.kind = static_cast<ToolChoiceKind>(below(5));
    if (c.tool_choice.kind == ToolChoiceKind::named) c.tool_choice.name = word();
    if (maybe())
      c.tool_choice = {ToolChoiceKind::other, {}, {}, {R"({"type":"allowed_tools","mode":"auto"})"}};
    c.output_format.kind = static_cast<OutputKind>(below(4));
    if (c.output_format.kind == OutputKind::json_schema)
      c.output_format = {OutputKind::json_schema, word(), text(), {R"({"type":"object"})"}, flag(), {}};
    c.parallel_tool_calls = flag();
    if (maybe()) c.max_tokens = below(1000), c.max_tokens_is_legacy = maybe();
    if (maybe()) c.temperature = below(1000) / 7.0;
    if (maybe()) c.top_p = 0.1;
    if (maybe()) c.frequency_penalty = -1.5;
    if (maybe()) c.presence_penalty = 1e-9;
    if (maybe()) c.n = 1 + below(5);
    if (maybe()) c.seed = INT64_MIN + below(9);
    c.logprobs = flag();
    if (maybe()) c.top_logprobs = below(20);
    for (int n = below(3); n > 0; --n) c.stop.push_back(text());
    if (c.stop.size() == 1) c.stop_is_list = maybe();
    if (maybe()) c.reasoning.effort = "high";
    if (maybe()) c.user = text();
    c.stream = maybe();
    c.include_usage = maybe();
    c.extra = extra();
    return c;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool maybe() { return below(3) == 0; }
  std::optional<bool> flag() { return maybe() ? std::optional(maybe()) : std::nullopt; }
  std::string word() { return "w" + std::to_string(below(100)); }
  std::string text() {
    constexpr std::array<std::string_view, 9> pieces{
        "a", "\"", "\\", "\n", "\x01", "\xC3\xA9", "\xF0\x9F\x98\x80", "{", "/"};
    std::string out = "t";
    for (int n = below(8); n > 0; --n) out.append(pieces[static_cast<std::size_t>(below(9))]);
    return out;
  }
  std::vector<ExtraField> extra() {
    std::vector<ExtraField> out;
    if (maybe()) out.push_back({"x_one", {R"({"a":[1,2.50,null,"\u00e9"]})"}});
    if (maybe()) out.push_back({"x \"two", {"null"}});
    if (maybe()) out.push_back({"", {"1"}});  // a name like any other
    return out;
  }
  ContentPart part() {
    ContentPart p;
    constexpr std::array kinds{PartKind::text, PartKind::image,   PartKind::audio,
                               PartKind::file, PartKind::refusal, PartKind::other};
    p.kind = kinds[static_cast<std::size_t>(below(6))];
    if (maybe()) p.cache.emplace().ttl = maybe() ? "1h" : "";
    p.extra = extra();
    switch (p.kind) {
      case PartKind::text:
      case PartKind::refusal: p.text = text(); break;
      case PartKind::image: p.media.edit().data = text(), p.media.edit().detail = maybe() ? "low" : ""; break;
      case PartKind::audio: p.media.edit().data = word(), p.media.edit().format = "wav"; break;
      case PartKind::file:
        p.media.edit().file_id = word(), p.media.edit().file_name = maybe() ? text() : "";
        break;
      case PartKind::other:
        p.raw.text = R"({"type":"video_url","video_url":{"url":"u"}})", p.extra.clear();
        p.cache.reset();
        break;
      default: break;
    }
    if (p.kind == PartKind::image && maybe()) p.extra.push_back({"image_url", {R"({"own":1})"}});
    return p;
  }
  Message message() {
    Message m;
    m.role = static_cast<Role>(below(5));
    m.content_is_parts = maybe();
    if (m.content_is_parts) {
      for (int n = below(4); n > 0; --n) m.content.push_back(part());
    } else if (!maybe()) {
      m.content.emplace_back().text = text();
    }
    if (!m.content_is_parts && maybe()) {
      ContentPart& refusal = m.content.emplace_back();
      refusal.kind = PartKind::refusal;
      refusal.text = text();
    }
    for (int n = maybe() ? below(3) : 0; n > 0; --n) m.content.push_back(tool_call());
    if (maybe()) m.tool_call_id = word();
    if (maybe()) m.name = word();
    m.extra = extra();
    if (maybe()) think(m);
    return m;
  }
  /// Reasoning stands first, and its member is kept as well.
  void think(Message& m) {
    ContentPart thought;
    thought.kind = PartKind::reasoning;
    thought.text = text();
    ExtraField kept{maybe() ? "reasoning_content" : "reasoning", {}};
    append_json_string(kept.value.text, thought.text);
    m.content.insert(m.content.begin(), std::move(thought));
    m.extra.push_back(std::move(kept));
  }
  ContentPart tool_call() {
    ContentPart p;
    p.kind = PartKind::tool_call;
    p.call = ToolCall{word(), word(), text(), maybe()};
    p.extra = extra();
    if (maybe()) p.extra.push_back({p.call.custom ? "custom" : "function", {R"({"own":[]})"}});
    return p;
  }
  Tool tool() {
    Tool t;
    if (maybe()) return t.raw.text = R"({"type":"web_search","web_search":{}})", t;
    t.name = word();
    if (maybe()) t.description = text();
    if (maybe()) t.parameters.text = R"({"type":"object","properties":{"a":{"type":"string"}}})";
    t.strict = flag();
    t.extra = extra();
    if (maybe()) t.cache.emplace().ttl = "1h";
    if (maybe()) t.extra.push_back({"function", {R"({"own":1e3})"}});
    return t;
  }

  std::mt19937 random_;
};

TEST(OpenAiChatRequest, ReadsBackWhatItWroteForAnyConversation) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Conversation const c = Corpus(seed).conversation();
    auto const body = encoded(c);
    auto const again = decode_openai_chat(body);
    ASSERT_TRUE(again) << again.error().message() << "\n" << body;
    ASSERT_EQ(*again, c) << "seed " << seed << "\n" << body;
  }
}

TEST(OpenAiChatRequest, NamesThePathOfWhatIsWrong) {
  struct Case {
    std::string_view body, param, says;
  };
  for (Case const& c : {
           Case{R"({"messages":[{"role":"user","content":[{"typ":"text"}]}]})", "messages[0].content[0].type",
                "missing"},
           {R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text"}]}]})",
            "messages[1].content[0].text", "missing"},
           {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":"u"}]}]})",
            "messages[0].content[0].image_url", "object"},
           {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]})",
            "messages[0].content[0].image_url.url", "missing"},
           {R"({"messages":[{"role":"user","content":7}]})", "messages[0].content", "string or a list"},
           {R"({"messages":[{"content":"x"}]})", "messages[0].role", "missing"},
           {R"({"messages":[{"role":"bot"}]})", "messages[0].role", "unknown: 'bot'"},
           {R"({"messages":["hi"]})", "messages[0]", "object"},
           {R"({"messages":[{"role":"assistant","tool_calls":[{"id":1}]}]})", "messages[0].tool_calls[0].id",
            "string"},
           {R"({"messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{}}]}]})",
            "messages[0].tool_calls[0].function.name", "missing"},
           {R"({"messages":{}})", "messages", "list"},
           {R"({"model":"m"})", "messages", "missing"},
           {R"({"messages":[],"tools":[{"type":"function"}]})", "tools[0].function", "missing"},
           {R"({"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]})",
            "tools[0].function.parameters", "object"},
           {R"({"messages":[],"temperature":"hot"})", "temperature", "number"},
           {R"({"messages":[],"temperature":1e999})", "temperature", "out of range"},
           {R"({"messages":[],"n":1.5})", "n", "whole number"},
           {R"({"messages":[],"stop":["a",1]})", "stop[1]", "string"},
           {R"({"messages":[],"response_format":{}})", "response_format.type", "missing"},
           {R"({"messages":[],"stream_options":{"include_usage":"yes"}})", "stream_options.include_usage",
            "true or false"},
           {R"({"messages":[{"role":"user","content":"\x"}]})", "", "at byte"},
           {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xFF\"}]}", "", "at byte"},
           {R"({"messages":[]} x)", "", "at byte 16"},
           {"[]", "", "not a JSON object"},
           {"", "", "not valid JSON"},
       }) {
    auto const result = decode_openai_chat(c.body);
    ASSERT_FALSE(result) << c.body;
    EXPECT_EQ(result.error().code(), Errc::invalid_request);
    EXPECT_EQ(result.error().param(), c.param) << c.body << " -> " << result.error().message();
    EXPECT_NE(result.error().message().find(c.says), std::string::npos)
        << c.body << " -> " << result.error().message();
  }
}

TEST(OpenAiChatRequest, ReadsWhatAModelNeeds) {
  auto const c = decode_openai_chat(R"({"model":"m","messages":[
      {"role":"developer","content":"be brief"},
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:x","detail":"low"}}]},
      {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
        {"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},
        {"id":"2","function":{"name":"g","arguments":""}}]},
      {"role":"tool","tool_call_id":"1","content":"42"}],
      "max_tokens":9,"tool_choice":{"type":"function","function":{"name":"f"}},"stop":"x"})");
  ASSERT_TRUE(c) << c.error().message();
  ASSERT_EQ(c->messages.size(), 4U);
  EXPECT_EQ(c->messages[0].role, Role::developer);
  EXPECT_EQ(c->messages[1].text(), "a");
  EXPECT_EQ(c->messages[1].content[1].media->data, "data:x");
  ASSERT_EQ(c->messages[2].content.size(), 3U);
  EXPECT_EQ(c->messages[2].joined(PartKind::reasoning), "hm");
  EXPECT_EQ(c->messages[2].content[2].call.name, "g");
  EXPECT_EQ(c->messages[3].tool_call_id, "1");
  EXPECT_EQ(c->max_tokens, 9);
  EXPECT_TRUE(c->max_tokens_is_legacy);
  EXPECT_EQ(c->tool_choice.kind, ToolChoiceKind::named);
  EXPECT_EQ(c->tool_choice.name, "f");
  EXPECT_FALSE(c->stop_is_list);
  EXPECT_TRUE(c->extra.empty());
}

TEST(OpenAiChatRequest, TakesNullForAbsent) {
  auto const c =
      decode_openai_chat(R"({"messages":[{"role":"assistant","content":null,"name":null,"refusal":null,
      "reasoning_content":null,"tool_calls":[{"id":null,"type":null,"function":{"name":"f","arguments":null}}]}],
      "max_completion_tokens":null,"max_tokens":3,"stop":null,"stream":null,"stream_options":null,"tools":null,
      "tool_choice":null,"response_format":null,"n":null,"temperature":null,"user":null})");
  ASSERT_TRUE(c) << c.error().message();
  EXPECT_TRUE(c->extra.empty());
  EXPECT_TRUE(c->messages[0].extra.empty());
  ASSERT_EQ(c->messages[0].content.size(), 1U);
  EXPECT_TRUE(c->messages[0].content[0].extra.empty());
  EXPECT_EQ(c->messages[0].content[0].call.name, "f");
  EXPECT_EQ(c->max_tokens, 3);
  EXPECT_EQ(
      encoded(*c),
      R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"","type":"function",)"
      R"("function":{"name":"f","arguments":""}}]}],"max_tokens":3})");
}

TEST(OpenAiChatRequest, KeepsUnknownNumbersAsTheyWereWritten) {
  auto const c =
      decode_openai_chat(R"({"model":"m","messages":[],"own":{"a":1.0,"b":123456789012345678901234567890}})");
  ASSERT_TRUE(c);
  EXPECT_NE(encoded(*c).find(R"("own":{"a":1.0,"b":123456789012345678901234567890})"), std::string::npos);
}

TEST(OpenAiChatRequest, KeepsOurSealsOfOtherProvidersFromTheProviderAndTellsIt) {
  auto const conversation = decode_openai_chat(R"({"model":"m","messages":[{"role":"user","content":"Hi"},
    {"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"Hm","signature":"lw1.anthropic.EqQB"}],
     "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},
       "extra_content":{"google":{"thought_signature":"lw1.gemini.Ag=="}}}]},
    {"role":"tool","tool_call_id":"c","content":"ok"}]})");
  ASSERT_TRUE(conversation) << conversation.error().message();
  Losses losses;
  auto const body = encode_openai_chat(*conversation, "m", losses);
  ASSERT_TRUE(body) << body.error().message();
  EXPECT_EQ(body->find("lw1."), std::string::npos) << *body;
  EXPECT_NE(body->find("Hm"), std::string::npos) << *body;
  EXPECT_EQ(losses.header(), "messages[1].reasoning_details, messages[1].tool_calls.extra_content");
  Losses none;
  auto const anthropic = encode_anthropic(*conversation, "m", none, {});
  ASSERT_TRUE(anthropic) << anthropic.error().message();
  EXPECT_NE(anthropic->find("EqQB"), std::string::npos) << "its maker gets it back: " << *anthropic;
}

TEST(OpenAiChatRequest, GivesAProvidersOwnSignaturesBackAsTheyCame) {
  std::string const call = R"("extra_content":{"google":{"thought_signature":"Ag=="},"more":1})";
  auto const conversation = decode_openai_chat(
      R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",)"
      R"("function":{"name":"f","arguments":"{}"},)" +
      call + "}]}]}");
  ASSERT_TRUE(conversation) << conversation.error().message();
  EXPECT_NE(encoded(*conversation).find(call), std::string::npos);
}

}  // namespace
}  // namespace lowart::openai_chat_request_test
