#include <lowart/dialect/anthropic_count.hpp>
#include <lowart/dialect/anthropic_facts.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::anthropic_facts_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

TEST(AnthropicFacts, FindsEverythingInOneLook) {
  std::string const body =
      R"({"messages":[{"role":"user","content":"\"model\":\"x\"}]"}],"system":"s","max_tokens":9,"stream":true,"model":"claude-x"})";
  std::string scratch;
  auto const f = read_anthropic_facts(body, scratch);
  ASSERT_TRUE(f) << f.error().message();
  EXPECT_EQ(f->dialect, Dialect::anthropic);
  EXPECT_EQ(f->model, "claude-x");
  EXPECT_EQ(f->model_token, "\"claude-x\"");
  EXPECT_EQ(f->max_tokens, 9);
  EXPECT_EQ(f->choices, 1);
  EXPECT_TRUE(f->stream);
  EXPECT_TRUE(f->include_usage);
  EXPECT_EQ(f->body, body);
}

TEST(AnthropicFacts, TakesABodyToBeCounted) {
  std::string scratch;
  auto const f = read_anthropic_facts(R"({"model":"m","messages":[]})", scratch);
  ASSERT_TRUE(f);
  EXPECT_EQ(f->max_tokens, std::nullopt);
  EXPECT_FALSE(f->stream);
  EXPECT_EQ(encode_anthropic_count_reply(2095), R"({"input_tokens":2095})");
}

TEST(AnthropicFacts, RefusesWithTheNameOfTheField) {
  struct Case {
    std::string_view body, param;
  };
  for (Case const& c :
       {Case{"", ""}, Case{"[]", ""}, Case{R"({"model":"m","messages":[)", ""},
        Case{R"({"messages":[]})", "model"}, Case{R"({"model":"","messages":[]})", "model"},
        Case{R"({"model":"m","Model":"n","messages":[]})", "model"}, Case{R"({"model":"m"})", "messages"},
        Case{R"({"model":"m","messages":"x"})", "messages"},
        Case{R"({"model":"m","messages":[],"stream":1})", "stream"},
        Case{R"({"model":"m","messages":[],"max_tokens":-1})", "max_tokens"}}) {
    std::string scratch;
    auto const f = read_anthropic_facts(c.body, scratch);
    ASSERT_FALSE(f) << c.body;
    EXPECT_EQ(f.error().code(), Errc::invalid_request) << c.body;
    EXPECT_EQ(f.error().param(), c.param) << c.body;
  }
}

}  // namespace
}  // namespace lowart::anthropic_facts_test
