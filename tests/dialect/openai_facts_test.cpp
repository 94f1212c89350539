#include <lowart/dialect/openai_facts.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::openai_facts_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

Result<WireRequest> facts(std::string_view body, std::string& scratch) {
  return read_openai_chat_facts(body, scratch);
}

TEST(OpenAiFacts, FindsEverythingInOneLook) {
  std::string const body =
      R"( {"messages":[{"role":"user","content":"\"model\":\"x\"}]"}], "model" : "gpt-4o" ,"stream":true,)"
      R"("stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":7,"n":2,"own":{"n":9}} )";
  std::string scratch;
  auto const f = facts(body, scratch);
  ASSERT_TRUE(f) << f.error().message();
  EXPECT_EQ(f->model, "gpt-4o");
  EXPECT_EQ(f->model_token, "\"gpt-4o\"");
  EXPECT_EQ(f->model_token.data() - body.data(), static_cast<std::ptrdiff_t>(body.find("\"gpt-4o\"")));
  EXPECT_TRUE(f->stream);
  EXPECT_TRUE(f->include_usage);
  EXPECT_EQ(f->max_tokens, 7);
  EXPECT_EQ(f->choices, 2);
  EXPECT_EQ(f->dialect, Dialect::openai_chat);
  EXPECT_EQ(f->body, body);
}

TEST(OpenAiFacts, NotesWhatIsAskedForBeyondText) {
  struct Case {
    std::string_view member;
    std::uint16_t features;
  };
  auto const bit = [](CallFeature f) { return static_cast<std::uint16_t>(f); };
  for (auto const& c : {Case{R"("tools":[{"type":"function"}])", bit(CallFeature::tools)},
                        Case{R"("functions":[{"name":"f"}])", bit(CallFeature::tools)},
                        Case{R"("tools":[])", 0}, Case{R"("tools":null)", 0},
                        Case{R"("response_format":{"type":"json_object"})", bit(CallFeature::structured)},
                        Case{R"("reasoning_effort":"low")", bit(CallFeature::reasoning)},
                        Case{R"("audio":{"voice":"x"})", bit(CallFeature::audio)}}) {
    std::string const body = R"({"model":"m","messages":[],)" + std::string(c.member) + "}";
    std::string scratch;
    auto const f = facts(body, scratch);
    ASSERT_TRUE(f) << body;
    EXPECT_EQ(f->features.bits(), c.features) << body;
  }
}

TEST(OpenAiFacts, TakesDefaultsForWhatIsAbsentOrNull) {
  for (std::string_view body :
       {R"({"model":"m","messages":[]})",
        R"({"model":"m","messages":[],"stream":null,"stream_options":null,"max_tokens":null,"n":null})"}) {
    std::string scratch;
    auto const f = facts(body, scratch);
    ASSERT_TRUE(f) << f.error().message();
    EXPECT_FALSE(f->stream);
    EXPECT_FALSE(f->include_usage);
    EXPECT_EQ(f->max_tokens, std::nullopt);
    EXPECT_EQ(f->choices, 1);
  }
}

TEST(OpenAiFacts, DecodesTheModelAndEscapedNames) {
  std::string scratch;
  auto const f = facts(R"({"mod\u0065l":"a\/b","messages":[],"str\u0065am":true})", scratch);
  ASSERT_TRUE(f) << f.error().message();
  EXPECT_EQ(f->model, "a/b");
  EXPECT_EQ(f->model_token, R"("a\/b")");
  EXPECT_TRUE(f->stream);
}

TEST(OpenAiFacts, LetsTheLastOfSeveralMembersCount) {
  std::string scratch;
  auto const f = facts(R"({"model":"m","messages":[],"stream":true,"n":3,"n":4,"stream":false})", scratch);
  ASSERT_TRUE(f);
  EXPECT_FALSE(f->stream);
  EXPECT_EQ(f->choices, 4);
}

TEST(OpenAiFacts, RefusesWithTheNameOfTheField) {
  struct Case {
    std::string_view body, param, says;
  };
  for (Case const& c : {
           Case{R"({"messages":[]})", "model", "names no model"},
           {R"({"model":"","messages":[]})", "model", "empty"},
           {R"({"model":7,"messages":[]})", "model", "must be a string"},
           {R"({"model":null,"messages":[]})", "model", "must be a string"},
           {R"({"model":"\q","messages":[]})", "model", "valid JSON string"},
           {R"({"model":"a","messages":[],"model":"b"})", "model", "twice"},
           {R"({"model":"a","messages":[],"model":"a"})", "model", "twice"},
           {R"({"model":"a","messages":[],"mode\u006c":"b"})", "model", "twice"},
           {R"({"model":"a","messages":[],"Model":"b"})", "model", "twice"},
           {R"({"model":"a"})", "messages", "no 'messages'"},
           {R"({"model":"a","messages":"hi"})", "messages", "list"},
           {R"({"model":"a","messages":[],"stream":"yes"})", "stream", "true or false"},
           {R"({"model":"a","messages":[],"stream_options":[]})", "stream_options", "object"},
           {R"({"model":"a","messages":[],"stream_options":{"include_usage":1}})",
            "stream_options.include_usage", "true or false"},
           {R"({"model":"a","messages":[],"n":0})", "n", "from 1 to 128"},
           {R"({"model":"a","messages":[],"n":129})", "n", "from 1 to 128"},
           {R"({"model":"a","messages":[],"n":1.5})", "n", "whole number"},
           {R"({"model":"a","messages":[],"max_tokens":-1})", "max_tokens", "at least 0"},
           {R"({"model":"a","messages":[],"max_tokens":"9"})", "max_tokens", "whole number"},
           {R"({"model":"a","messages":[],"max_completion_tokens":99999999999999999999})",
            "max_completion_tokens", "whole number"},
           {"", "", "not valid JSON"},
           {"[]", "", "not a JSON object"},
           {"\"model\"", "", "not a JSON object"},
           {R"({"model":"a","messages":[)", "", "cut off at byte 25"},
           {R"({"model":"a","messages":[]}x)", "", "after byte 26"},
           {R"({"model":"a" "messages":[]})", "", "after byte"},
           {R"({"model":"a","messages":[]}})", "", "follows"},
       }) {
    std::string scratch;
    auto const f = facts(c.body, scratch);
    ASSERT_FALSE(f) << c.body;
    EXPECT_EQ(f.error().code(), Errc::invalid_request);
    EXPECT_EQ(f.error().origin(), Origin::client);
    EXPECT_EQ(f.error().param(), c.param) << c.body;
    EXPECT_NE(f.error().message().find(c.says), std::string::npos) << c.body << " -> " << f.error().message();
  }
}

TEST(OpenAiFacts, RefusesEveryPrefixOfABody) {
  std::string const body =
      R"({"model":"gpt-\u0034o","messages":[{"role":"user","content":"a\\"}],"stream":true,"n":1})";
  std::string scratch;
  for (std::size_t n = 0; n < body.size(); ++n)
    EXPECT_FALSE(facts(std::string(body, 0, n), scratch)) << body.substr(0, n);
  EXPECT_TRUE(facts(body, scratch));
}

TEST(OpenAiFacts, ReadsLegacyCompletions) {
  std::string scratch;
  for (std::string_view body : {R"({"model":"m","prompt":"hi"})", R"({"model":"m","prompt":["a","b"]})",
                                R"({"model":"m","prompt":[1,2]})", R"({"model":"m"})"}) {
    auto const f = read_openai_completions_facts(body, scratch);
    ASSERT_TRUE(f) << body;
    EXPECT_EQ(f->dialect, Dialect::openai_completions);
  }
  auto const wrong = read_openai_completions_facts(R"({"model":"m","prompt":{}})", scratch);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().param(), "prompt");
}

}  // namespace
}  // namespace lowart::openai_facts_test
