#include <lowart/gateway/response_door.hpp>

#include "gateway_fixture.hpp"

#include <lowart/meter/counted.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/openai_responses.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::response_door_test {
namespace {

using namespace lowart::testing;
namespace json = boost::json;
using Server = GatewayServer<Gateway<AnyProvider>>;

KeyEntry key(std::string name, Limits limits = {}) {
  auto const state = std::make_shared<LimitState>(limits, std::chrono::steady_clock::now());
  return {.name = name, .digest = net::sha256("sk-" + name), .limits = state, .models = {}};
}
struct Setting {
  LogFile log;
  std::optional<Server> server;

  explicit Setting(AnyProvider provider, bool keeps = true, ResponseStoreLimits limits = {},
                   DoorLimits door = {}) {
    GatewayOptions options;
    options.keys = {key("a"), key("b"), key("few", {.rpm = 2, .tpm = 0, .concurrency = 0})};
    options.limits = door;
    if (keeps) options.responses = limits;
    options.log_fd = log.fd();
    server.emplace(Gateway<AnyProvider>(std::move(provider), std::move(options)));
  }
  HttpAnswer create(std::string_view body, std::string const& who = "a",
                    std::string const& fields = "") const {
    return server->ask(post("/v1/responses", body, "Authorization: Bearer sk-" + who + "\r\n" + fields));
  }
  HttpAnswer count(std::string_view body, std::string const& who = "a") const {
    return server->ask(post("/v1/responses/input_tokens", body, "Authorization: Bearer sk-" + who + "\r\n"));
  }
  HttpAnswer at(std::string const& method, std::string const& id, std::string const& who = "a") const {
    return server->ask(method + " /v1/responses/" + id + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-" +
                       who + "\r\n\r\n");
  }
};
AnyProvider neutral(std::vector<std::string> pieces = {"Hel", "lo"}) {
  return AnyProvider(ScriptedProvider("p", {Step::stream(std::move(pieces))}).repeat());
}
AnyProvider whole_neutral() { return AnyProvider(ScriptedProvider("p", {Step::answer("Hello")}).repeat()); }
std::string id_of(HttpAnswer const& answer) {
  return std::string(json::parse(answer.body).at("id").as_string());
}
/// The response in the last event of a stream, as it stands there.
std::string end_of(HttpAnswer const& stream) {
  auto const at = stream.body.rfind(R"("response":{)");
  auto const end = stream.body.rfind("}\n\n");
  return at == std::string::npos ? "" : stream.body.substr(at + 11, end - at - 11);
}

TEST(ResponseDoor, GivesAWholeAnswerBackByteForByteUntilItIsDeleted) {
  Setting s(whole_neutral());
  HttpAnswer const made = s.create(R"({"model":"m","input":"Hi"})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_TRUE(json::parse(made.body).at("store").as_bool());
  std::string const id = id_of(made);
  EXPECT_EQ(s.at("GET", id).body, made.body);
  HttpAnswer const deleted = s.at("DELETE", id);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body, R"({"id":")" + id + R"(","object":"response","deleted":true})");
  for (auto const* method : {"GET", "DELETE"}) {
    HttpAnswer const gone = s.at(method, id);
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(error_of(gone).at("message").as_string(), "Response with id '" + id + "' not found.");
  }
}

TEST(ResponseDoor, KeepsTheFinalObjectOfAStream) {
  Setting s(neutral());
  HttpAnswer const made = s.create(R"({"model":"m","input":"Hi","stream":true})");
  std::string const object = end_of(made);
  std::string const id = std::string(json::parse(object).at("id").as_string());
  EXPECT_EQ(s.at("GET", id).body, object);
}

TEST(ResponseDoor, TellsAnotherKeyAsLittleAsNobody) {
  Setting s(whole_neutral());
  std::string const id = id_of(s.create(R"({"model":"m","input":"Hi"})"));
  std::string const unknown = s.at("GET", "resp_none", "b").body;
  for (auto const* method : {"GET", "DELETE"}) {
    HttpAnswer const other = s.at(method, id, "b");
    EXPECT_EQ(other.status, 404);
    EXPECT_EQ(other.body.size() - id.size(), unknown.size() - std::string("resp_none").size());
  }
  EXPECT_EQ(s.at("GET", id, "nobody").status, 401);
  EXPECT_EQ(s.at("GET", id).status, 200);
}

TEST(ResponseDoor, CountsAgainstTheRequestsOfTheKeyAndStandsInTheLog) {
  Setting s(whole_neutral());
  std::string const id = id_of(s.create(R"({"model":"m","input":"Hi"})", "few"));
  EXPECT_EQ(s.at("GET", id, "few").status, 200);
  EXPECT_EQ(s.at("GET", id, "few").status, 429);
  s.server->stop();
  auto const lines = s.log.lines();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1].at("method").as_string(), "GET");
  EXPECT_EQ(lines[1].at("path").as_string(), "/v1/responses/{id}");
  EXPECT_EQ(lines[2].at("status").as_int64(), 429);
}

TEST(ResponseDoor, SaysWhatItDoesNotDo) {
  Setting s(whole_neutral());
  std::string const id = id_of(s.create(R"({"model":"m","input":"Hi"})"));
  HttpAnswer const streamed = s.at("GET", id + "?stream=true");
  EXPECT_EQ(streamed.status, 400);
  EXPECT_EQ(error_of(streamed).at("param").as_string(), "stream");
  HttpAnswer const put = s.at("PUT", id);
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(field_of(put, "allow"), "GET, DELETE");
  EXPECT_EQ(s.at("GET", id + "/input_items").status, 404);
}

TEST(ResponseDoor, IsNotThereWhereNothingIsKept) {
  Setting s(whole_neutral(), false);
  HttpAnswer const made = s.create(R"({"model":"m","input":"Hi"})");
  EXPECT_FALSE(json::parse(made.body).at("store").as_bool());
  EXPECT_EQ(s.at("GET", id_of(made)).status, 404);
  HttpAnswer const metrics = s.server->ask(get("/metrics"));
  EXPECT_EQ(metrics.body.find("gateway_responses_kept"), std::string::npos);
}

TEST(ResponseDoor, NamesEachAnswerAnewWhateverTheClientCallsItsRequests) {
  Setting s(whole_neutral());
  std::string const one = id_of(s.create(R"({"model":"m","input":"Hi"})", "a", "x-request-id: mine\r\n"));
  std::string const two = id_of(s.create(R"({"model":"m","input":"Hi"})", "a", "x-request-id: mine\r\n"));
  EXPECT_NE(one, two);
}

TEST(ResponseDoor, CountsWhatIsKeptAndWhatHadToGo) {
  Setting s(whole_neutral(), true, {.bytes = 1U << 20U, .entries = 2, .lifetime = std::chrono::hours(1)});
  for (int i = 0; i < 3; ++i) s.create(R"({"model":"m","input":"Hi"})");
  PrometheusReader const metrics(s.server->ask(get("/metrics")).body);
  EXPECT_EQ(metrics.value("gateway_responses_kept"), 2);
  EXPECT_EQ(metrics.value("gateway_responses_evicted_total"), 1);
  EXPECT_GT(metrics.value("gateway_responses_kept_bytes"), 1000);
}

// --- going on ---------------------------------------------------------------------------------------------------------

ScriptedAnswer message(std::string text) {
  return ScriptedAnswer(200)
      .field("content-type", "application/json")
      .piece(
          R"({"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":")" +
          text + R"("}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}})");
}

TEST(ResponseDoor, AProviderOfAnotherDialectIsAskedWithAllThatWasSaid) {
  ScriptedTransport transport({message("one"), message("two")});
  Setting s(AnyProvider(Anthropic<ScriptedTransport>(transport, {})));
  HttpAnswer const first = s.create(R"({"model":"m","input":"first","instructions":"Be kind."})");
  std::string const id = id_of(first);
  HttpAnswer const second =
      s.create(R"({"model":"m","input":"second","previous_response_id":")" + id + R"("})");
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(json::parse(second.body).at("previous_response_id").as_string(), id);
  auto const asked = json::parse(transport.requests().at(1).body).as_object();
  EXPECT_FALSE(asked.contains("system")) << "instructions are of their own turn only";
  EXPECT_EQ(asked.at("messages").as_array().size(), 3U) << asked;
  EXPECT_FALSE(asked.contains("previous_response_id"));
}

TEST(ResponseDoor, AnIdThatIsNotKnownIsRefusedWhereNobodyCanKnowIt) {
  ScriptedTransport transport(std::vector<ScriptedAnswer>{message("one")});
  Setting s(AnyProvider(Anthropic<ScriptedTransport>(transport, {})));
  std::string const id = id_of(s.create(R"({"model":"m","input":"first"})"));
  for (auto const& [asked, who] : {std::pair<std::string, std::string>("resp_x", "a"), {id, "b"}}) {
    HttpAnswer const refused =
        s.create(R"({"model":"m","input":"x","previous_response_id":")" + asked + R"("})", who);
    EXPECT_EQ(refused.status, 400);
    auto const error = error_of(refused);
    EXPECT_EQ(error.at("code").as_string(), "previous_response_not_found");
    EXPECT_EQ(error.at("param").as_string(), "previous_response_id");
    EXPECT_EQ(error.at("message").as_string(), "Previous response with id '" + asked + "' not found.");
  }
  EXPECT_EQ(transport.requests().size(), 1U);
}

TEST(ResponseDoor, WhereNothingIsKeptAnIdIsRefusedAndSaysWhy) {
  Setting s(AnyProvider(Anthropic<ScriptedTransport>(ScriptedTransport(std::vector<ScriptedAnswer>{}), {})),
            false);
  HttpAnswer const refused = s.create(R"({"model":"m","input":"x","previous_response_id":"resp_x"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(error_of(refused).at("param").as_string(), "previous_response_id");
  EXPECT_EQ(error_of(refused).at("code").as_string(), "previous_response_not_found");
}

ScriptedAnswer response(std::string id) {
  return ScriptedAnswer(200)
      .field("content-type", "application/json")
      .piece(R"({ "id":")" + id + R"(", "object":"response","status":"completed","own":1e3,"output":[]})");
}

TEST(ResponseDoor, AProviderOfTheSameDialectIsAskedWithTheConversationOrWithTheIdItKnows) {
  ScriptedTransport transport(
      {response("resp_1"), response("resp_2"), response("resp_3"), response("resp_4")});
  Setting s(AnyProvider(OpenAiResponses<ScriptedTransport>(transport, {})));
  HttpAnswer const first = s.create(R"({"model":"m","input":"first"})");
  EXPECT_EQ(s.at("GET", "resp_1").body, first.body) << "the provider's own bytes";
  s.create(R"({"model":"m","input":"second","previous_response_id":"resp_1"})");
  EXPECT_EQ(json::parse(transport.requests().at(1).body),
            json::parse(R"({"model":"m","input":[{"type":"message","role":"user","content":"first"},
                                                {"type":"message","role":"user","content":"second"}]})"));
  std::string const not_ours = R"({"model":"m","input":"x", "previous_response_id":"resp_elsewhere"})";
  EXPECT_EQ(s.create(not_ours).status, 200);
  EXPECT_EQ(transport.requests().at(2).body, not_ours) << "as it came";
  EXPECT_EQ(s.at("GET", "resp_3").status, 404) << "what was said before it is not known here";
}

TEST(ResponseDoor, AConversationThatGrowsBeyondTheLongestBodyIsRefused) {
  Setting s(whole_neutral(), true, {}, {.body_bytes = 2000, .assumed_output_tokens = 10});
  std::string const long_input = R"({"model":"m","input":")" + std::string(1500, 'x') + R"(")";
  std::string const id = id_of(s.create(long_input + "}"));
  HttpAnswer const refused = s.create(long_input + R"(,"previous_response_id":")" + id + R"("})");
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(error_of(refused).at("param").as_string(), "previous_response_id");
}

TEST(ResponseDoor, CountsAllThatWasSaidBeforeWhereARequestGoesOn) {
  AnyProvider counts(ScriptedProvider("p", {Step::answer("Hello")}).repeat() | counted());
  Setting s(std::move(counts));
  std::string const id = id_of(s.create(R"({"model":"m","input":"Hi there, everyone"})"));
  HttpAnswer const on = s.count(R"({"model":"m","input":"Again","previous_response_id":")" + id + R"("})");
  HttpAnswer const all =
      s.count(R"({"model":"m","input":[{"role":"user","content":"Hi there, everyone"},)"
              R"({"role":"assistant","content":"Hello"},{"role":"user","content":"Again"}]})");
  ASSERT_EQ(on.status, 200) << on.body;
  EXPECT_EQ(on.body, all.body);
}

TEST(ResponseDoor, RefusesToCountWhatGoesOnFromWhatItDoesNotKnow) {
  for (bool const keeps : {true, false}) {
    Setting s(AnyProvider(ScriptedProvider("p", {Step::answer("Hello")}).repeat() | counted()), keeps);
    std::string const id = id_of(s.create(R"({"model":"m","input":"Hi"})", "b"));
    std::string const body = R"({"model":"m","input":"x","previous_response_id":")" + id + R"("})";
    HttpAnswer const refused = s.count(body, "a");
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(error_of(refused).at("code").as_string(), "previous_response_not_found");
    EXPECT_EQ(error_of(refused).at("param").as_string(), "previous_response_id");
    bool const says_why = refused.body.find("send the whole conversation") != std::string::npos;
    EXPECT_EQ(says_why, !keeps) << refused.body;
  }
}

TEST(ResponseDoor, CountsNoMoreThanABodyMayHave) {
  AnyProvider counts(ScriptedProvider("p", {Step::answer("Hello")}).repeat() | counted());
  Setting s(std::move(counts), true, {}, {.body_bytes = 200});
  std::string const id = id_of(s.create(R"({"model":"m","input":")" + std::string(100, 'x') + R"("})"));
  std::string const body = R"({"model":"m","input":"y","previous_response_id":")" + id + R"("})";
  EXPECT_EQ(s.count(body).status, 413);
}

}  // namespace
}  // namespace lowart::response_door_test
