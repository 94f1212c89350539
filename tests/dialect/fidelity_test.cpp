#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/sealed_signature.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lowart::fidelity_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

Conversation chat(std::string_view body) {
  auto c = decode_openai_chat(body);
  EXPECT_TRUE(c) << c.error().message();
  return c.value_or(Conversation{});
}

/// The fields that are lost, and the one that refuses the translation.
std::string lost(Conversation const& c, Dialect target, MayDrop may_drop = MayDrop::anything) {
  Losses losses(may_drop);
  check_fidelity(c, target, losses);
  return losses.refused() ? "refused " + losses.refused()->param() : losses.header();
}

constexpr std::string_view odd = R"({"model":"m","seed":1,"metadata":{"a":"b"},"own":1,"messages":[
    {"role":"system","content":"s"},{"role":"user","name":"eve","content":[{"type":"text","text":"t","mark":1},
    {"type":"image_url","image_url":{"url":"https://x/y.png"}}]},{"role":"developer","content":"d"}],
    "tools":[{"type":"web_search"}]})";

TEST(Fidelity, NamesEachLossAsTheClientSpeltIt) {
  EXPECT_EQ(lost(chat(odd), Dialect::gemini),
            "messages[1].name, messages[1].content[0].mark, messages[1].content[1], messages[2], tools[0], "
            "metadata, own");
  EXPECT_EQ(lost(chat(odd), Dialect::gemini, MayDrop::hints), "refused messages[1].content[0].mark");
  EXPECT_EQ(lost(chat(odd), Dialect::anthropic),
            "messages[1].name, messages[1].content[0].mark, messages[2], tools[0], seed, metadata, own");
}

TEST(Fidelity, LosesNothingWithinADialectAndInPlainTalk) {
  EXPECT_EQ(lost(chat(odd), Dialect::openai_chat), "");
  for (Dialect const target : {Dialect::openai_responses, Dialect::anthropic, Dialect::gemini})
    EXPECT_EQ(lost(chat(R"({"model":"m","temperature":1,"messages":[{"role":"user","content":"hi"}]})"),
                   target, MayDrop::nothing),
              "");
}

TEST(Fidelity, CountsTheBlocksOfAWireMessage) {
  Conversation c;
  c.dialect = Dialect::anthropic;
  c.system_is_apart = true;
  c.messages.resize(4);
  c.messages[0].role = Role::system;
  c.messages[0].content.resize(1);
  c.messages[1].role = Role::tool;
  c.messages[1].content.resize(2);
  c.messages[2].same_turn = true;
  c.messages[2].content.resize(2);
  c.messages[3].content.resize(1);
  EXPECT_EQ(path_of(c, 0, 0), "system[0]");
  EXPECT_EQ(path_of(c, 1, 1), "messages[0].content[0].content[1]");
  EXPECT_EQ(path_of(c, 2, 1), "messages[0].content[2]");
  EXPECT_EQ(path_of(c, 3, 0), "messages[1].content[0]");
  c.dialect = Dialect::gemini;
  EXPECT_EQ(path_of(c, 2, 0), "contents[0].parts[1]");
}

TEST(SealedSignature, ComesBackToItsMakerOnly) {
  Signature const thought{Dialect::anthropic, "EqQ.B=="};
  EXPECT_EQ(seal(thought, Dialect::anthropic), "EqQ.B==");
  EXPECT_EQ(seal(thought, Dialect::openai_chat), "lw1.anthropic.EqQ.B==");
  EXPECT_EQ(unseal(seal(thought, Dialect::openai_chat), Dialect::openai_chat), thought);
  EXPECT_EQ(unseal("EqQ.B==", Dialect::anthropic), thought);
  EXPECT_EQ(seal(thought, Dialect::gemini), "bHcxLmFudGhyb3BpYy5FcVEuQj09");  // bytes to its SDKs: base64
  EXPECT_EQ(unseal(seal(thought, Dialect::gemini), Dialect::gemini), thought);
  EXPECT_EQ(unseal("bHcx!", Dialect::gemini), (Signature{Dialect::gemini, "bHcx!"}));
  EXPECT_EQ(unseal("lw1.nobody.x", Dialect::gemini), (Signature{Dialect::gemini, "lw1.nobody.x"}));
}

TEST(OpenAiChatRequest, WritesWhatAnotherDialectSaid) {
  Conversation c;
  c.dialect = Dialect::anthropic;
  Message ask;
  ask.content.emplace_back().text = "look";
  ask.content.back().cache.emplace();
  Message turn;
  turn.role = Role::assistant;
  ContentPart& thought = turn.content.emplace_back();
  thought.kind = PartKind::reasoning;
  thought.text = "hm";
  thought.signature = Signature{Dialect::anthropic, "sig"};
  ContentPart& call = turn.content.emplace_back();
  call.kind = PartKind::tool_call;
  call.call = ToolCall{"toolu_1", "shot", "{}"};
  Message result;
  result.role = Role::tool;
  result.tool_call_id = "toolu_1";
  ContentPart& image = result.content.emplace_back();
  image.kind = PartKind::image;
  image.media.edit().data = "data:image/png;base64,AAAA";
  c.messages = {ask, turn, result};
  c.max_tokens = 5;
  c.stream = true;
  Losses losses;
  auto const body = encode_openai_chat(c, "gpt", losses);
  ASSERT_TRUE(body) << body.error().message();
  EXPECT_EQ(losses.header(), "messages[0].content[0].cache_control, messages[1].content[0]");
  EXPECT_EQ(
      *body,
      R"({"model":"gpt","messages":[{"role":"user","content":"look"},{"role":"assistant","content":null,)"
      R"("tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"shot","arguments":"{}"}}]},)"
      R"({"role":"tool","content":"The result follows in the next message of the user.",)"
      R"("tool_call_id":"toolu_1"},{"role":"user","content":[{"type":"image_url","image_url":)"
      R"({"url":"data:image/png;base64,AAAA"}}]}],"max_completion_tokens":5,"stream":true,)"
      R"("stream_options":{"include_usage":true}})");
}

TEST(Fidelity, LosesASignatureOfAnotherProviderAlsoWithinADialect) {
  Conversation c;
  c.messages.resize(1);
  auto& parts = c.messages[0].content;
  parts.resize(3);
  parts[0].kind = parts[1].kind = PartKind::reasoning;
  parts[0].signature = {Dialect::anthropic, "a"};
  parts[1].signature = {Dialect::gemini, "g"};
  parts[1].redacted = true;
  parts[2].text = "unsigned";
  c.dialect = Dialect::anthropic;
  EXPECT_EQ(lost(c, Dialect::anthropic), "messages[0].content[1].data");
  c.dialect = Dialect::gemini;
  EXPECT_EQ(lost(c, Dialect::gemini), "contents[0].parts[0].thoughtSignature");
  EXPECT_EQ(lost(c, Dialect::gemini, MayDrop::hints), lost(c, Dialect::gemini)) << "a hint";
  EXPECT_EQ(lost(c, Dialect::gemini, MayDrop::nothing), "refused contents[0].parts[0].thoughtSignature");
}

TEST(Fidelity, LosesNothingWithGooglesStandInForASignature) {
  Conversation c;
  c.dialect = Dialect::gemini;
  c.messages.resize(1);
  ContentPart& call = c.messages[0].content.emplace_back();
  call.kind = PartKind::tool_call;
  call.signature = {Dialect::gemini, std::string(gemini_no_signature)};
  EXPECT_EQ(lost(c, Dialect::anthropic, MayDrop::nothing), "");
  call.signature.value = "another";
  EXPECT_EQ(lost(c, Dialect::anthropic), "contents[0].parts[0].thoughtSignature");
}

}  // namespace
}  // namespace lowart::fidelity_test
