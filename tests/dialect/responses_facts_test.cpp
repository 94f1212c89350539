#include <lowart/dialect/responses_facts.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lowart::responses_facts_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

Result<ResponsesFacts> facts_of(std::string_view body) {
  static std::string scratch;
  return read_responses_facts(body, scratch);
}

TEST(ResponsesFacts, FindsWhatTheDoorNeeds) {
  std::string_view const body =
      R"({"input":"x","model":"gpt-5","stream":true,"max_output_tokens":9,"store":false,"background":true,)"
      R"("previous_response_id":"resp_1","conversation":{"id":"conv_1"}})";
  auto const facts = facts_of(body);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->wire.dialect, Dialect::openai_responses);
  EXPECT_EQ(facts->wire.model, "gpt-5");
  EXPECT_EQ(facts->wire.model_token, R"("gpt-5")");
  EXPECT_EQ(facts->wire.model_token.data(), body.data() + body.find(R"("gpt-5")"));
  EXPECT_EQ(facts->wire.body, body);
  EXPECT_TRUE(facts->wire.stream);
  EXPECT_TRUE(facts->wire.include_usage);
  EXPECT_EQ(facts->wire.max_tokens, 9);
  EXPECT_EQ(facts->wire.choices, 1);
  EXPECT_EQ(facts->wire.goes_on_from, R"("resp_1")");
  EXPECT_TRUE(facts->conversation);
  EXPECT_TRUE(facts->background);
  EXPECT_EQ(facts->store, false);
}

TEST(ResponsesFacts, TakesWhatIsAbsentOrNullAsUnset) {
  for (std::string_view const body :
       {R"({"model":"m"})",
        R"({"model":"m","input":null,"previous_response_id":null,"store":null,)"
        R"("background":null,"conversation":null,"stream":null,"max_output_tokens":null})"}) {
    auto const facts = facts_of(body);
    ASSERT_TRUE(facts) << body;
    EXPECT_TRUE(facts->wire.goes_on_from.empty());
    EXPECT_FALSE(facts->conversation || facts->background || facts->wire.stream);
    EXPECT_FALSE(facts->store || facts->wire.max_tokens);
  }
}

TEST(ResponsesFacts, ReadsAnEscapedModelName) {
  auto const facts = facts_of(R"({"model":"gpt\u002d5","input":[]})");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->wire.model, "gpt-5");
}

TEST(ResponsesFacts, RefusesWithTheNameOfTheMember) {
  struct Case {
    std::string_view body, param;
  };
  constexpr Case cases[] = {{R"({"input":"x"})", "model"},
                            {R"({"model":7,"input":"x"})", "model"},
                            {R"({"model":"a","Model":"b"})", "model"},
                            {R"({"model":"m","input":7})", "input"},
                            {R"({"model":"m","stream":"yes"})", "stream"},
                            {R"({"model":"m","store":"yes"})", "store"},
                            {R"({"model":"m","background":1})", "background"},
                            {R"({"model":"m","previous_response_id":1})", "previous_response_id"},
                            {R"({"model":"m","max_output_tokens":-1})", "max_output_tokens"},
                            {R"({"model":"m")", ""},
                            {R"([])", ""}};
  for (Case const& c : cases) {
    auto const facts = facts_of(c.body);
    ASSERT_FALSE(facts) << c.body;
    EXPECT_EQ(facts.error().code(), Errc::invalid_request);
    EXPECT_EQ(facts.error().param(), c.param) << c.body;
  }
}

}  // namespace
}  // namespace lowart::responses_facts_test
