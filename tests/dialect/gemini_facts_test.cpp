#include <lowart/dialect/gemini_facts.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::gemini_facts_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;

TEST(GeminiPath, ReadsModelAndMethod) {
  struct Case {
    std::string_view path, query, model;
    GeminiMethod method;
    bool as_array;
  };
  for (auto const& c : std::vector<Case>{
           {"models/gemini-2.5-flash:generateContent", "", "gemini-2.5-flash", GeminiMethod::generate, false},
           {"/v1beta/models/gemini-2.5-flash:generateContent", "key=1", "gemini-2.5-flash",
            GeminiMethod::generate, false},
           {"/v1/models/a:streamGenerateContent", "alt=sse", "a", GeminiMethod::stream, false},
           {"/v1/models/a:streamGenerateContent", "key=x&alt=sse", "a", GeminiMethod::stream, false},
           {"/v1/models/a:streamGenerateContent", "$alt=sse", "a", GeminiMethod::stream, false},
           {"/v1/models/a:streamGenerateContent", "", "a", GeminiMethod::stream, true},
           {"/v1/models/a:streamGenerateContent", "alt=json", "a", GeminiMethod::stream, true},
           {"models/a:countTokens", "", "a", GeminiMethod::count_tokens, false},
           {"models/a:embedContent", "", "a", GeminiMethod::embed, false},
           {"models/a:batchEmbedContents", "", "a", GeminiMethod::batch_embed, false},
           {"models/llama3:8b:generateContent", "", "llama3:8b", GeminiMethod::generate, false},
           {"models/openai%2Fgpt-4:generateContent", "", "openai/gpt-4", GeminiMethod::generate, false},
           {"models/openai/gpt-4:generateContent", "", "openai/gpt-4", GeminiMethod::generate, false},
           {"models/models%2Fa:generateContent", "", "a", GeminiMethod::generate, false},
           {"models/a%3AgenerateContent", "", "a", GeminiMethod::generate, false},
           {"tunedModels/mine:generateContent", "", "tunedModels/mine", GeminiMethod::generate, false}}) {
    auto const path = parse_gemini_path(c.path, c.query);
    ASSERT_TRUE(path) << c.path << ": " << path.error().message();
    EXPECT_EQ(path->model, c.model);
    EXPECT_EQ(path->method, c.method) << c.path;
    EXPECT_EQ(path->as_array, c.as_array) << c.path << "?" << c.query;
  }
}

TEST(GeminiPath, SaysWhatIsWrong) {
  struct Case {
    std::string_view path, query, param;
    Errc code;
  };
  for (auto const& c :
       std::vector<Case>{{"", "", "", Errc::not_found},
                         {"/v1/files/a:generateContent", "", "", Errc::not_found},
                         {"models/a", "", "", Errc::not_found},
                         {"models/a:predict", "", "", Errc::not_found},
                         {"models/a:", "", "", Errc::not_found},
                         {"models/:generateContent", "", "model", Errc::invalid_request},
                         {"tunedModels/:generateContent", "", "model", Errc::invalid_request},
                         {"models/a%:generateContent", "", "model", Errc::invalid_request},
                         {"models/a%zz:generateContent", "", "model", Errc::invalid_request},
                         {"models/a%0Ab:generateContent", "", "model", Errc::invalid_request},
                         {"models/a%ff:generateContent", "", "model", Errc::invalid_request},
                         {"models/a:generateContent", "alt=proto", "alt", Errc::invalid_request}}) {
    auto const path = parse_gemini_path(c.path, c.query);
    ASSERT_FALSE(path) << c.path;
    EXPECT_EQ(path.error().code(), c.code) << c.path;
    EXPECT_EQ(path.error().param(), c.param) << c.path;
    EXPECT_EQ(path.error().origin(), Origin::client);
  }
}

TEST(GeminiFacts, TakesTheModelFromThePathAndTheRestFromTheBody) {
  auto const path = parse_gemini_path("models/a:streamGenerateContent", "").value();
  for (std::string_view const body :
       {R"({"contents":[],"generationConfig":{"maxOutputTokens":5,"candidateCount":2},"model":"other"})",
        R"({"contents":{},"generation_config":{"max_output_tokens":5,"candidate_count":2}})"}) {
    auto const facts = read_gemini_facts(path, body);
    ASSERT_TRUE(facts) << facts.error().message();
    EXPECT_EQ(facts->dialect, Dialect::gemini);
    EXPECT_EQ(facts->model, "a");
    EXPECT_TRUE(facts->model_token.empty());
    EXPECT_TRUE(facts->stream);
    EXPECT_TRUE(facts->as_array);
    EXPECT_TRUE(facts->include_usage);
    EXPECT_EQ(facts->max_tokens, 5);
    EXPECT_EQ(facts->choices, 2);
    EXPECT_EQ(facts->body, body);
  }
  auto const plain =
      read_gemini_facts(parse_gemini_path("models/a:generateContent", "").value(), R"({"contents":[]})");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->stream);
  EXPECT_FALSE(plain->as_array);
  EXPECT_EQ(plain->choices, 1);
  EXPECT_FALSE(plain->max_tokens);
}

TEST(GeminiFacts, NamesTheFieldThatIsWrong) {
  struct Case {
    std::string_view body, param;
  };
  auto const path = parse_gemini_path("models/a:generateContent", "").value();
  for (auto const& [body, param] :
       std::vector<Case>{{"", ""},
                         {R"([{"contents":[]}])", ""},
                         {R"({"contents":[)", ""},
                         {R"({"contents":[]} x)", ""},
                         {R"({})", "contents"},
                         {R"({"contents":null})", "contents"},
                         {R"({"contents":"x"})", "contents"},
                         {R"({"contents":[],"generationConfig":[]})", "generationConfig"},
                         {R"({"contents":[],"generationConfig":{"maxOutputTokens":-1}})",
                          "generationConfig.maxOutputTokens"},
                         {R"({"contents":[],"generationConfig":{"candidateCount":0}})",
                          "generationConfig.candidateCount"}}) {
    auto const facts = read_gemini_facts(path, body);
    ASSERT_FALSE(facts) << body;
    EXPECT_EQ(facts.error().code(), Errc::invalid_request);
    EXPECT_EQ(facts.error().param(), param) << body;
  }
}

TEST(GeminiFacts, NotesWhatIsAskedForBeyondText) {
  std::string const body = R"({"contents":[],"tools":[{"googleSearch":{}}],"generationConfig":)"
                           R"({"responseSchema":{"type":"OBJECT"},"thinkingConfig":{"thinkingBudget":1}}})";
  auto const facts = read_gemini_facts({.model = "m", .method = GeminiMethod::generate}, body);
  ASSERT_TRUE(facts);
  for (auto const f : {CallFeature::tools, CallFeature::structured, CallFeature::reasoning})
    EXPECT_TRUE(facts->features.has(f));
}

}  // namespace
}  // namespace lowart::gemini_facts_test
