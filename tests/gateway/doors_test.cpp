#include <lowart/gateway/doors.hpp>

#include "gateway_fixture.hpp"

#include <lowart/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::doors_test {
namespace {

using namespace lowart::testing;
using Server = GatewayServer<Gateway<Router>>;

Router two_models() {
  std::vector<Route> routes;
  for (auto const* name : {"m-1", "a/m-2"})
    routes.push_back({.model = name,
                      .aliases = {},
                      .owner = "o",
                      .answer = AnyProvider(ScriptedProvider("p", {Step::answer("Hi")}).repeat())});
  return Router(std::move(routes));
}
GatewayOptions options_of(int log_fd, bool with_key = false) {
  GatewayOptions options;
  options.models = {{.id = "m-1", .owner = "first \"owner\""}, {.id = "a/m-2", .owner = "o"}};
  options.log_fd = log_fd;
  if (with_key)
    options.keys.push_back(
        {.name = "k", .digest = net::sha256("sk-lw-1"), .limits = {}, .models = {"a/m-2"}});
  return options;
}
std::string get_with(std::string_view method, std::string_view path, std::string_view fields = "") {
  return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
         "\r\n";
}
std::vector<std::string> ids_of(HttpAnswer const& answer) {
  std::vector<std::string> ids;
  auto const body = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(body.at("object").as_string(), "list");
  for (auto const& card : body.at("data").as_array()) {
    EXPECT_EQ(card.at("object").as_string(), "model");
    EXPECT_TRUE(card.as_object().contains("created") && card.as_object().contains("owned_by"));
    ids.emplace_back(card.at("id").as_string());
  }
  return ids;
}

TEST(Doors, ListsTheModels) {
  Server server(Gateway<Router>(two_models(), options_of(-1)));
  HttpAnswer const all = server.ask(get("/v1/models"));
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(ids_of(all), (std::vector<std::string>{"m-1", "a/m-2"}));
  HttpAnswer const one = server.ask(get("/v1/models/a/m-2"));
  EXPECT_EQ(boost::json::parse(one.body).at("id").as_string(), "a/m-2");
  HttpAnswer const none = server.ask(get("/v1/models/m-3"));
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(error_of(none).at("code").as_string(), "model_not_found");
  EXPECT_EQ(error_of(none).at("message").as_string(), "the model 'm-3' does not exist here");
}

TEST(Doors, ListsToAKeyTheModelsItMayUse) {
  Server server(Gateway<Router>(two_models(), options_of(-1, true)));
  EXPECT_EQ(server.ask(get("/v1/models")).status, 401);
  std::string_view const key = "Authorization: Bearer sk-lw-1\r\n";
  EXPECT_EQ(ids_of(server.ask(get_with("GET", "/v1/models", key))), (std::vector<std::string>{"a/m-2"}));
  EXPECT_EQ(server.ask(get_with("GET", "/v1/models/m-1", key)).status, 404);
  EXPECT_EQ(server.ask(get_with("GET", "/v1/models/a/m-2", key)).status, 200);
}

TEST(Doors, ListsTheModelsAsTheAskersVendorDoes) {
  Router router = two_models();
  GatewayOptions options = options_of(-1);
  options.models.push_back({.id = "v-1", .owner = "o", .doors = {DoorKind::embeddings}});
  Server server(Gateway<Router>(std::move(router), options));
  for (std::string_view const field : {"anthropic-version: 2023-06-01\r\n", "x-api-key: k\r\n"}) {
    EXPECT_EQ(
        server.ask(get_with("GET", "/v1/models?limit=1000", field)).body,
        R"({"data":[{"type":"model","id":"m-1","display_name":"m-1","created_at":"1970-01-01T00:00:00Z"},)"
        R"({"type":"model","id":"a/m-2","display_name":"a/m-2","created_at":"1970-01-01T00:00:00Z"}],)"
        R"("has_more":false,"first_id":"m-1","last_id":"a/m-2"})");
    EXPECT_EQ(server.ask(get_with("GET", "/v1/models/a%2Fm-2", field)).body,
              R"({"type":"model","id":"a/m-2","display_name":"a/m-2","created_at":"1970-01-01T00:00:00Z"})");
  }
  std::string const vectors = R"({"name":"models/v-1","baseModelId":"v-1","version":"1","displayName":"v-1",)"
                              R"("supportedGenerationMethods":["embedContent","batchEmbedContents"]})";
  EXPECT_EQ(server.ask(get("/v1beta/models/v-1")).body, vectors);
  EXPECT_EQ(server.ask(get_with("GET", "/v1/models/v-1", "x-goog-api-key: k\r\n")).body, vectors);
  auto const listed = boost::json::parse(server.ask(get("/v1beta/models?pageSize=50")).body).as_object();
  EXPECT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed.at("models").as_array().size(), 3U);
  auto const first = listed.at("models").at(0).as_object();
  EXPECT_EQ(first.at("name").as_string(), "models/m-1");
  EXPECT_EQ(first.at("supportedGenerationMethods").as_array().size(), 5U);
  EXPECT_EQ(ids_of(server.ask(get("/v1/models"))), (std::vector<std::string>{"m-1", "a/m-2", "v-1"}));
}

TEST(Doors, TurnsPagesAndRefusesOnesThatAreNone) {
  Server server(Gateway<Router>(two_models(), options_of(-1)));
  std::string_view const asker = "anthropic-version: 1\r\n";
  auto const first =
      boost::json::parse(server.ask(get_with("GET", "/v1/models?limit=1", asker)).body).as_object();
  EXPECT_EQ(first.at("data").as_array().size(), 1U);
  EXPECT_EQ(first.at("last_id").as_string(), "m-1");
  EXPECT_TRUE(first.at("has_more").as_bool());
  auto const second =
      boost::json::parse(server.ask(get_with("GET", "/v1/models?limit=1&after_id=m-1", asker)).body)
          .as_object();
  EXPECT_EQ(second.at("last_id").as_string(), "a/m-2");
  EXPECT_FALSE(second.at("has_more").as_bool());
  HttpAnswer const none = server.ask(get_with("GET", "/v1/models?limit=none", asker));
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(boost::json::parse(none.body).at("error").at("type").as_string(), "invalid_request_error");
  HttpAnswer const bad = server.ask(get("/v1beta/models?pageToken=x"));
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(boost::json::parse(bad.body).at("error").at("status").as_string(), "INVALID_ARGUMENT");
}

TEST(Doors, ListsNothingInShape) {
  GatewayOptions options;
  Server server(Gateway<Router>(two_models(), options));
  EXPECT_EQ(server.ask(get("/v1/models")).body, R"({"object":"list","data":[]})");
  EXPECT_EQ(server.ask(get_with("GET", "/v1/models", "anthropic-version: 1\r\n")).body,
            R"({"data":[],"has_more":false,"first_id":null,"last_id":null})");
  EXPECT_EQ(server.ask(get("/v1beta/models")).body, R"({"models":[]})");
}

TEST(Doors, RefusesInTheDialectOfThePath) {
  Server server(Gateway<Router>(two_models(), options_of(-1)));
  struct Case {
    std::string_view method, path, fields;
    int status;
    std::string_view word;  // what its dialect calls it
  };
  constexpr std::string_view from_claude = "anthropic-version: 2023-06-01\r\n";
  for (auto const& [method, path, fields, status, word] : {
           Case{"GET", "/v1/messages", "", 405, R"({"type":"error","error":{"type":"invalid_request_error")"},
           Case{"GET", "/v1/messages/count_tokens", "", 405, R"("type":"invalid_request_error")"},
           Case{"GET", "/v1/messages/batches", "", 404,
                R"({"type":"error","error":{"type":"not_found_error")"},
           Case{"GET", "/v1/models/m-9", from_claude, 404, R"("type":"not_found_error")"},
           Case{"GET", "/v1/models/m-9:1b", "", 404, R"("code":"model_not_found")"},
           Case{"GET", "/v1beta/models/m-1:generateContent", "", 405, R"({"error":{"code":405)"},
           Case{"GET", "/v1/models/m-1:countTokens", "", 405, R"({"error":{"code":405)"},
           Case{"GET", "/v1beta/models/m-9", "", 404, R"("status":"NOT_FOUND")"},
           Case{"GET", "/v1beta/cachedContents", "", 404, R"("status":"NOT_FOUND")"},
           Case{"DELETE", "/v1beta/models", "", 405, R"("status":"UNIMPLEMENTED")"},
           Case{"DELETE", "/v1/models/m-1", "", 405, R"("code":"method_not_allowed")"},
           Case{"GET", "/v1/responses", "", 405, R"("code":"method_not_allowed")"},
           Case{"GET", "/v1/messagesx", "", 404, R"("code":"not_found")"},
       }) {
    HttpAnswer const answer = server.ask(get_with(method, path, fields));
    EXPECT_EQ(answer.status, status) << path;
    EXPECT_NE(answer.body.find(word), std::string::npos) << path << " " << answer.body;
    EXPECT_EQ(field_of(answer, "allow").empty(), status != 405) << path;
  }
}

TEST(Doors, TellsWhichMethodAPathTakes) {
  Server server(Gateway<Router>(two_models(), options_of(-1)));
  for (auto const* path : {"/v1/chat/completions", "/v1/completions"}) {
    HttpAnswer const answer = server.ask(get(path));
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(field_of(answer, "allow"), "POST");
    EXPECT_EQ(error_of(answer).at("code").as_string(), "method_not_allowed");
  }
  HttpAnswer const answer = server.ask(post("/v1/models", "{}"));
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(field_of(answer, "allow"), "GET");
  TestClient client = server.client();
  client.send(get_with("HEAD", "/v1/models"));
  HttpAnswer const head = client.receive(true);
  EXPECT_EQ(head.head.substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(client.ask(get("/health")).status, 200) << "no body was sent";
}

TEST(Doors, SaysWhatIsHereWhereNothingIs) {
  LogFile log;
  Server server(Gateway<Router>(two_models(), options_of(log.fd())));
  for (std::string const& path :
       {std::string("/v1"), std::string("/v1/chat/completions/"), std::string("/v1/nothing")}) {
    HttpAnswer const answer = server.ask(get(path));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(error_of(answer).at("code").as_string(), "not_found");
  }
  for (int i = 0; i < 20; ++i) server.ask(get("/made/up/" + std::to_string(i)));
  server.stop();  // what an answer counts is counted behind it
  auto const metrics = server.metrics();
  EXPECT_EQ(metrics.value("http_requests_total{route=\"other\",status=\"404\"}"), 23);
  EXPECT_FALSE(metrics.mentions("made")) << "a client's path is no label";
  auto const lines = log.lines();
  ASSERT_EQ(lines.size(), 23U);
  EXPECT_EQ(lines[0].at("path").as_string(), "/v1");
  EXPECT_EQ(lines[0].at("status").as_int64(), 404);
  EXPECT_EQ(lines[0].at("error").as_string(), "not_found");
}

TEST(Doors, RefusesAModelThatDoesNotExistWithoutMakingItALabel) {
  Server server(Gateway<Router>(two_models(), options_of(-1)));
  for (int i = 0; i < 5; ++i) {
    HttpAnswer const answer = server.ask(
        post("/v1/chat/completions", R"({"messages":[],"model":"made-up-)" + std::to_string(i) + "\"}"));
    EXPECT_EQ(answer.status, 404);
    auto const error = error_of(answer);
    EXPECT_EQ(error.at("code").as_string(), "model_not_found");
    EXPECT_EQ(error.at("param").as_string(), "model");
  }
  EXPECT_FALSE(server.metrics().mentions("made-up"));
  EXPECT_EQ(server.metrics().value("gateway_denied_total{reason=\"not_found\"}"), 5);
}

TEST(Doors, TellsOperatorsHowItIs) {
  Server server(Gateway<Router>(two_models(), options_of(-1, true)));
  EXPECT_EQ(server.ask(get("/health")).body, R"({"status":"ok"})");
  EXPECT_EQ(server.ask(get("/ready")).body, R"({"status":"ready"})");
  HttpAnswer const metrics = server.ask(get("/metrics"));
  EXPECT_EQ(metrics.status, 200);
  EXPECT_TRUE(field_of(metrics, "content-type").starts_with("text/plain; version=0.0.4"));
  EXPECT_EQ(PrometheusReader(metrics.body).value("http_requests_total{route=\"/health\",status=\"200\"}"), 1);
}

TEST(Doors, SendsNewRequestsElsewhereWhileItDrains) {
  Server server(Gateway<Router>(two_models(), options_of(-1)));
  server.draining = true;
  HttpAnswer const ready = server.ask(get("/ready"));
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, R"({"status":"draining"})");
  EXPECT_EQ(server.ask(get("/health")).status, 200) << "it lives";
  HttpAnswer const refused = server.ask(post("/v1/chat/completions", R"({"model":"m-1","messages":[]})"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(error_of(refused).at("code").as_string(), "shutting_down");
  EXPECT_EQ(field_of(refused, "retry-after"), "1");
  EXPECT_EQ(field_of(refused, "retry-after-ms"), "1000");
  EXPECT_EQ(field_of(refused, "x-should-retry"), "true");
}

TEST(Doors, LogsNoGoodAnswerOfItsOwn) {
  LogFile log;
  Server server(Gateway<Router>(two_models(), options_of(log.fd())));
  for (auto const* path : {"/health", "/ready", "/metrics", "/v1/models"}) server.ask(get(path));
  server.stop();
  EXPECT_TRUE(log.lines().empty()) << "probes are no news";
}

}  // namespace
}  // namespace lowart::doors_test
