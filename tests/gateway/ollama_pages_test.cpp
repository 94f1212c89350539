// What tools made for Ollama ask of a gateway beside calls, and calls that ask nothing.

#include <lowart/gateway/doors.hpp>

#include "gateway_fixture.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::ollama_pages_test {
namespace {

using namespace lowart::testing;
namespace json = boost::json;
using Server = GatewayServer<Gateway<Router>>;

Router one_model() {
  std::vector<Route> routes;
  routes.push_back({.model = "m",
                    .aliases = {},
                    .owner = "o",
                    .answer = AnyProvider(ScriptedProvider("p", {Step::answer("Hi")}).repeat())});
  return Router(std::move(routes));
}
GatewayOptions options_of(bool with_key) {
  GatewayOptions options;
  ModelCard card{.id = "m", .owner = "o"};
  card.facts.context_tokens = 8192;
  card.facts.types = {"text", "vision"};
  card.facts.capabilities = {"tools"};
  options.models = {card,
                    {.id = "e", .owner = "o", .doors = {DoorKind::embeddings}},
                    {.id = "c", .owner = "o", .doors = {DoorKind::chat}}};
  if (with_key)
    options.keys.push_back({.name = "k", .digest = net::sha256("sk-lw-1"), .limits = {}, .models = {"m"}});
  return options;
}
std::string with_key(std::string_view method, std::string_view path) {
  return std::string(method) + " " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-lw-1\r\n\r\n";
}

TEST(OllamaPages, TellThatItIsThereWithoutAKey) {
  Server server(Gateway<Router>(one_model(), options_of(true)));
  EXPECT_EQ(server.ask(get("/")).body, "Ollama is running");
  EXPECT_TRUE(json::parse(server.ask(get("/api/version")).body).at("version").is_string());
  TestClient client = server.client();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive(true).status, 200);
  for (auto const* path : {"/api/tags", "/api/ps"}) {
    HttpAnswer const refused = server.ask(get(path));
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_TRUE(json::parse(refused.body).at("error").is_string()) << refused.body;
  }
  EXPECT_EQ(server.ask(post("/api/show", R"({"model":"m"})")).status, 401);
  EXPECT_EQ(json::parse(server.ask(with_key("GET", "/api/tags")).body).at("models").as_array().size(), 1U);
  EXPECT_EQ(server.ask(with_key("GET", "/api/ps")).body, R"({"models":[]})");
}

TEST(OllamaPages, ListWhatItsDoorsServe) {
  Server server(Gateway<Router>(one_model(), options_of(false)));
  auto const list = json::parse(server.ask(get("/api/tags")).body).at("models").as_array();
  ASSERT_EQ(list.size(), 2U) << "c is offered elsewhere";
  EXPECT_EQ(list[0].at("name"), "m");
  EXPECT_EQ(list[0].at("model"), "m");
  EXPECT_EQ(list[0].at("digest").as_string().size(), 64U);
  EXPECT_EQ(list[1].at("name"), "e");
}

TEST(OllamaPages, ShowAModel) {
  Server server(Gateway<Router>(one_model(), options_of(false)));
  auto const shown = json::parse(server.ask(post("/api/show", R"({"model":"m","verbose":true})")).body);
  EXPECT_EQ(shown.at("capabilities"), json::parse(R"(["completion","tools","vision"])"));
  auto const& info = shown.at("model_info");
  std::string const length = std::string(info.at("general.architecture").as_string()) + ".context_length";
  EXPECT_EQ(info.at(length), 8192);
  EXPECT_EQ(json::parse(server.ask(post("/api/show", R"({"name":"e"})")).body).at("capabilities"),
            json::parse(R"(["embedding"])"));
  for (std::string_view const none : {R"({"model":"x"})", R"({"model":"c/x"})"})
    EXPECT_EQ(server.ask(post("/api/show", none)).status, 404) << none;
  for (std::string_view const bad :
       {"", "{}", "[]", R"({"model":7})", R"({"model":""})", R"({"model":"m","model":"e"})"}) {
    HttpAnswer const refused = server.ask(post("/api/show", bad));
    EXPECT_EQ(refused.status, 400) << bad;
    EXPECT_TRUE(json::parse(refused.body).at("error").is_string()) << refused.body;
  }
  EXPECT_EQ(
      server.ask(post("/api/show", R"({"x":")" + std::string(70'000, 'x') + R"(","model":"m"})")).status,
      413);
  EXPECT_EQ(server.ask(get("/api/show")).status, 405);
  EXPECT_EQ(server.ask(get("/api/chat")).status, 405);
  EXPECT_EQ(server.ask(post("/api/tags", "{}")).status, 405);
  HttpAnswer const nothing = server.ask(post("/api/pull", "{}"));
  EXPECT_EQ(nothing.status, 404);
  EXPECT_TRUE(json::parse(nothing.body).at("error").is_string());
}

TEST(OllamaPages, AnswerAtOnceWhatAsksNothing) {
  Server server(Gateway<Router>(one_model(), options_of(false)));
  HttpAnswer const loaded = server.ask(post("/api/chat", R"({"model":"m","messages":[]})"));
  EXPECT_EQ(loaded.status, 200);
  EXPECT_EQ(json::parse(loaded.body).at("done_reason"), "load");
  EXPECT_EQ(json::parse(server.ask(post("/api/generate", R"({"model":"m","keep_alive":0})")).body)
                .at("done_reason"),
            "unload");
  EXPECT_EQ(server.ask(post("/api/chat", R"({"model":"x"})")).status, 404);
  server.stop();
  auto const metrics = server.metrics();
  EXPECT_EQ(metrics.value("http_requests_total{route=\"/api/chat\",status=\"200\"}"), 1);
  EXPECT_FALSE(metrics.mentions("gateway_upstream_attempts_total{")) << "nobody was asked";
}

TEST(OllamaPages, AnswerInLinesAndWhole) {
  Server server(Gateway<Router>(one_model(), options_of(false)));
  std::string const hi = R"({"model":"m","messages":[{"role":"user","content":"Hi"}])";
  HttpAnswer const streamed = server.ask(post("/api/chat", hi + "}"));
  EXPECT_NE(streamed.head.find("content-type: application/x-ndjson"), std::string::npos) << streamed.head;
  EXPECT_TRUE(streamed.body.ends_with("}\n")) << streamed.body;
  HttpAnswer const whole = server.ask(post("/api/chat", hi + R"(,"stream":false})"));
  auto const answer = json::parse(whole.body);
  EXPECT_EQ(answer.at("message").at("content"), "Hi");
  EXPECT_GT(answer.at("total_duration").as_int64(), 0);
  EXPECT_EQ(
      json::parse(server.ask(post("/api/generate", R"({"model":"m","prompt":"x","stream":false})")).body)
          .at("response"),
      "Hi");
}

}  // namespace
}  // namespace lowart::ollama_pages_test
