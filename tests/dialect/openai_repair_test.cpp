#include <lowart/dialect/openai_repair.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::dialect_openai_repair_test {
namespace {

using namespace lowart::dialect;

std::string repaired(OpenAiRepair& repair, std::string_view json, OpenAiChoices begun = {}) {
  repair.begin(json);
  return repair.chunk(json, begun).value_or("as it came");
}
std::string repaired(std::string_view json, OpenAiChoices begun = {}) {
  OpenAiRepair repair;
  return repaired(repair, json, begun);
}
std::string whole(std::string_view json) {
  return OpenAiRepair::whole(json, find_member(json, "choices")->value).value_or("as it came");
}
constexpr unsigned first_has_begun = 1;

TEST(OpenAiRepair, LeavesAHealthyChunkAsItCame) {
  EXPECT_EQ(repaired(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})"), "as it came");
  EXPECT_EQ(
      repaired(R"({"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"a",)"
               R"("type":"function","function":{"name":"f","arguments":""}}]}}]})"),
      "as it came");
  EXPECT_EQ(repaired(R"({"choices":[],"id":"","object":""})"), "as it came");
  EXPECT_EQ(repaired(R"({"choices":[{"text":"legacy"}]})"), "as it came");
  EXPECT_EQ(repaired("nonsense"), "as it came");
}

TEST(OpenAiRepair, PutsTheRoleIntoTheFirstDeltaOfAChoiceOnly) {
  EXPECT_EQ(repaired(R"({"x": 1e3 ,"choices":[{"index":0,"delta":{"content":"Hi"}}] })"),
            R"({"x": 1e3 ,"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"}}] })");
  EXPECT_EQ(repaired(R"({"choices":[{"index":0,"delta":{ }}]})"),
            R"({"choices":[{"index":0,"delta":{"role":"assistant" }}]})");
  EXPECT_EQ(repaired(R"({"choices":[{"index":0,"delta":{"a":1,"role": null}}]})"),
            R"({"choices":[{"index":0,"delta":{"a":1,"role": "assistant"}}]})");
  EXPECT_EQ(repaired(R"({"choices":[{"index":0,"delta":{"content":"Hi"}}]})", first_has_begun), "as it came");
}

TEST(OpenAiRepair, NumbersChoicesThatHaveNoIndexByTheirPlace) {
  EXPECT_EQ(
      repaired(R"({"choices":[{"delta":{"role":"assistant"}},{"delta":{"role":"assistant"}}]})"),
      R"({"choices":[{"index":0,"delta":{"role":"assistant"}},{"index":1,"delta":{"role":"assistant"}}]})");
}

TEST(OpenAiRepair, NumbersAndTypesToolCallsAsMistralSendsThem) {
  OpenAiRepair repair;
  EXPECT_EQ(
      repaired(
          repair,
          R"({"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},)"
          R"({"id":"b","function":{"name":"g","arguments":"{}"}}]}}]})",
          first_has_begun),
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"type":"function","id":"a","function":{"name":"f","arguments":"{}"}},)"
      R"({"index":1,"type":"function","id":"b","function":{"name":"g","arguments":"{}"}}]}}]})");
  // A call of its own, a piece of the last one, a piece of one that is named.
  EXPECT_EQ(
      repaired(repair,
               R"({"choices":[{"index":0,"delta":{"tool_calls":[{"id":"c","function":{"name":"f"}}]}}]})",
               first_has_begun),
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":2,"type":"function","id":"c","function":{"name":"f"}}]}}]})");
  EXPECT_EQ(
      repaired(repair, R"({"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":"1"}}]}}]})",
               first_has_begun),
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":2,"function":{"arguments":"1"}}]}}]})");
  EXPECT_EQ(repaired(repair, R"({"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{}}]}}]})",
                     first_has_begun),
            R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{}}]}}]})");
}

TEST(OpenAiRepair, TakesEmptyNamesOutOfTheLaterPiecesOfACall) {
  OpenAiRepair repair;
  auto const piece = [&](std::string_view call) {
    std::string json = R"({"choices":[{"index":0,"delta":{"tool_calls":[)";
    return repaired(repair, json.append(call).append("]}}]}"), first_has_begun);
  };
  auto const expect = [](std::string_view call) {
    return std::string(R"({"choices":[{"index":0,"delta":{"tool_calls":[)").append(call).append("]}}]}");
  };
  EXPECT_EQ(piece(R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}})"),
            "as it came");
  EXPECT_EQ(piece(R"({"index":0,"type":null,"function":{"name":"","arguments":"{}"}})"),
            expect(R"({"index":0,"type":"function","function":{"arguments":"{}"}})"));
  EXPECT_EQ(piece(R"({"index":0,"function":{"arguments":"{}", "name":null}})"),
            expect(R"({"index":0,"function":{"arguments":"{}"}})"));
  EXPECT_EQ(piece(R"({"index":0,"id":"","function":{"name":"f","arguments":"{}"}})"), "as it came");
}

TEST(OpenAiRepair, MakesAnIdForACallThatHasNone) {
  std::string_view const json =
      R"({"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]})";
  std::string const made = repaired(json, first_has_begun);
  EXPECT_NE(made.find(R"("id":"call_)"), std::string::npos) << made;
  EXPECT_EQ(repaired(json, first_has_begun), made) << "the same reply, another id";
  std::string other(json);
  other.replace(other.find("\"x\""), 3, "\"y\"");
  EXPECT_NE(repaired(other, first_has_begun).substr(60), made.substr(60)) << "another reply, the same id";
}

TEST(OpenAiRepair, FinishesChoicesInTheNameOfTheirStream) {
  OpenAiRepair repair;
  repaired(repair, R"({"id":"","created":1.0,"model":"m","choices":[{"index":1,"delta":{"role":"assistant",)"
                   R"("tool_calls":[{"id":"a","function":{"name":"f"}}]}}]})");
  repair.used(R"({"prompt_tokens":1})");
  std::string out;
  repair.finish(0b11, true, out);
  EXPECT_EQ(
      out,
      R"(data: {"id":"","created":1.0,"model":"m","object":"chat.completion.chunk","choices":[)"
      R"({"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"tool_calls"}],)"
      R"("usage":{"prompt_tokens":1}})"
      "\n\n");
}

TEST(OpenAiRepair, RepairsAWholeReply) {
  EXPECT_EQ(
      whole(
          R"({"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]})"),
      "as it came");
  EXPECT_EQ(whole(R"({"choices":[{"text":"legacy"}]})"), "as it came");
  EXPECT_EQ(
      whole(R"({"choices":[{"message":{"content":"a"}}],"x":1})"),
      R"({"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"a"}}],"x":1})");
  EXPECT_EQ(
      whole(
          R"({"choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"a","function":{}}]},)"
          R"("finish_reason":null}]})"),
      R"({"choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"type":"function","id":"a","function":{}}]},)"
      R"("finish_reason":"tool_calls"}]})");
}

}  // namespace
}  // namespace lowart::dialect_openai_repair_test
