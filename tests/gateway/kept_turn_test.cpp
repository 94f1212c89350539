#include <lowart/gateway/kept_turn.hpp>

#include <lowart/dialect/responses_facts.hpp>
#include <lowart/testing/manual_clock.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace lowart::kept_turn_test {
namespace {

namespace json = boost::json;

struct Kept {
  testing::ManualClock clock;
  ResponseStore store{{.bytes = 100'000, .entries = 10, .lifetime = std::chrono::hours(1)}};

  /// One turn of a request that is answered with `answer`; what the provider is asked.
  std::string turn(std::string const& request, std::string const& answer, std::string_view owner = "k") {
    std::string scratch;
    auto const facts = dialect::read_responses_facts(request, scratch);
    EXPECT_TRUE(facts);
    KeptTurn turn(store, owner, "req_1", facts->wire, clock);
    if (answer.starts_with("{")) turn.keep(answer);
    else turn.keep_end(answer);
    return turn.continued();
  }
};

std::string answer(std::string_view id, std::string_view text = "hi", std::string_view status = "completed") {
  return json::serialize(json::object{
      {"id", id},
      {"status", status},
      {"output", json::array{json::object{{"type", "message"}, {"role", "assistant"}, {"content", text}}}}});
}

TEST(KeptTurn, ContinuesAResponseOverSeveralTurnsWithEverythingButTheInstructions) {
  Kept kept;
  EXPECT_EQ(kept.turn(R"({"model":"m","instructions":"Be kind.","input":"one"})", answer("r1", "a")), "");
  kept.turn(R"({"model":"m","input":[{"role":"user","content":"two"}],"previous_response_id":"r1"})",
            answer("r2", "b"));
  std::string const asked =
      kept.turn(R"({"model":"m","input":"three","previous_response_id":"r2","tools":[]})", answer("r3"));
  EXPECT_EQ(json::parse(asked), json::parse(R"({"model":"m","tools":[],"input":[
    {"type":"message","role":"user","content":"one"},{"type":"message","role":"assistant","content":"a"},
    {"role":"user","content":"two"},{"type":"message","role":"assistant","content":"b"},
    {"type":"message","role":"user","content":"three"}]})"));
}

TEST(KeptTurn, KeepsTheResponseByteForByteWhetherWholeOrAtTheEndOfAStream) {
  for (std::string const line : {"\n", "\r\n"}) {
    Kept kept;
    std::string const object = R"({ "id":"r1", "x": 1e3,"status":"incomplete","output":[ ] })";
    kept.turn(R"({"model":"m","input":"one"})", object);
    EXPECT_EQ(kept.store.get("k", "r1", kept.clock.now())->response, object);
    kept.store.erase("k", "r1", kept.clock.now());
    kept.turn(R"({"model":"m","input":"one","stream":true})",
              "event: response.output_text.done" + line + R"(data: {"type":"response.output_text.done"})" +
                  line + line + "event: response.incomplete" + line +
                  R"(data: {"type":"response.incomplete",)" + R"("response":)" + object + "}" + line + line);
    auto const found = kept.store.get("k", "r1", kept.clock.now());
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->response, object);
  }
}

TEST(KeptTurn, KeepsNothingThatIsNotAFinishedResponseOrIsNotToBeKept) {
  Kept kept;
  for (auto const* status : {"in_progress", "queued", "failed", "cancelled", ""})
    kept.turn(R"({"model":"m","input":"one"})", answer("r", "a", status));
  for (auto const* request :
       {R"({"model":"m","input":"one","store":false})", R"({"model":"m","input":"one","conversation":"c"})"})
    kept.turn(request, answer("r"));
  kept.turn(R"({"model":"m","input":"one"})", answer(""));
  kept.turn(R"({"model":"m","input":"one"})", R"({"object":"no response"})");
  kept.turn(R"({"model":"m","input":"one"})",
            "event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n");
  kept.turn(R"({"model":"m","input":"one"})",
            "data: {\"type\":\"response.failed\",\"response\":" + answer("r", "a", "failed") + "}\n\n");
  EXPECT_EQ(kept.store.size(), 0U);
}

TEST(KeptTurn, LeavesAnIdOfOthersToTheProviderAndDoesNotKeepWhatFollows) {
  Kept kept;
  kept.turn(R"({"model":"m","input":"one"})", answer("r1"), "another");
  EXPECT_EQ(kept.turn(R"({"model":"m","input":"two","previous_response_id":"r1"})", answer("r2")), "");
  EXPECT_EQ(kept.store.get("k", "r2", kept.clock.now()), nullptr) << "its beginning is not known here";
}

TEST(KeptTurn, GoesOnFromAResponseThatIsNotKeptItself) {
  Kept kept;
  kept.turn(R"({"model":"m","input":"one"})", answer("r1"));
  EXPECT_NE(kept.turn(R"({"model":"m","input":"x","store":false,"previous_response_id":"r1"})", answer("r2")),
            "");
  EXPECT_EQ(kept.store.size(), 1U);
}

}  // namespace
}  // namespace lowart::kept_turn_test
