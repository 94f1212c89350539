// What a key may do, as clients meet it.
#include <lowart/meter/metered.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include "gateway_fixture.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace lowart::key_policy_door_test {
namespace {

using namespace lowart::testing;
using Meter = Metered<AnyProvider, NoSink>;
using Server = GatewayServer<Gateway<Meter>>;

std::string const stream_request =
    R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]})";
constexpr std::string_view good_key = "Authorization: Bearer sk-lw-1\r\n";

struct Setting {
  template <class P>
  Setting(P provider, KeyPolicy policy) {
    GatewayOptions options;
    options.log_fd = log.fd();
    options.models = {{.id = "m", .owner = "p"}, {.id = "gpt-4o", .owner = "p"}};
    KeyEntry key{.name = "first", .digest = net::sha256("sk-lw-1"), .limits = {}, .models = {}};
    key.policy = std::make_shared<KeyPolicy const>(std::move(policy));
    options.keys.push_back(std::move(key));
    server.emplace(
        Gateway<Meter>(Meter(AnyProvider(std::move(provider)), TokenMeter{}, NoSink{}), std::move(options)));
  }
  Setting(Step step, KeyPolicy policy)
      : Setting(ScriptedProvider("p", {std::move(step)}).repeat(), std::move(policy)) {}
  HttpAnswer chat(std::string_view body = stream_request) const {
    return server->ask(post("/v1/chat/completions", body, good_key));
  }
  boost::json::object logged() {
    server->stop();
    auto lines = log.lines();
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? boost::json::object() : lines[0];
  }
  LogFile log;
  std::optional<Server> server;
};

using Live = std::shared_ptr<std::atomic<KeyState>>;
Live active() { return std::make_shared<std::atomic<KeyState>>(KeyState::active); }
KeyPolicy ending_with(Live live) { return KeyPolicy{.live = std::move(live), .revoke_streams = true}; }
void expect_partial(Setting& s) {
  auto const line = s.logged();
  EXPECT_EQ(line.at("outcome").as_string(), "partial");
  EXPECT_EQ(line.at("error").as_string(), "unauthenticated");
  bool counted = false;
  for (std::string const provenance : {"partial", "none"})
    counted = counted || s.server->metrics().value("gateway_usage_records_total{provenance=\"" + provenance +
                                                   "\",outcome=\"partial\"}") == 1;
  EXPECT_TRUE(counted);
}

// The provider says nothing more: who waits for it is told all the same.
TEST(KeyPolicyDoor, ASilentStreamEndsWhenItsKeyIsRevoked) {
  Live const live = active();
  Setting s(Step::stream({"Hel"}).then_stall(), ending_with(live));
  TestClient client = s.server->client();
  client.send(post("/v1/chat/completions", stream_request, good_key));
  ASSERT_TRUE(client.more());
  live->store(KeyState::revoked);
  HttpAnswer const answer = client.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("Hel"), std::string::npos);
  EXPECT_NE(answer.body.find("the API key was revoked"), std::string::npos) << answer.body;
  expect_partial(s);
}

TEST(KeyPolicyDoor, ACallThatHasNoAnswerYetEndsToo) {
  Live const live = active();
  Setting s(Step::stall(), ending_with(live));
  TestClient client = s.server->client();
  client.send(post("/v1/chat/completions", stream_request, good_key));
  while (s.server->metrics().value("gateway_in_flight") == 0) std::this_thread::yield();
  live->store(KeyState::revoked);
  HttpAnswer const answer = client.receive();
  EXPECT_EQ(answer.status, 401);
}

/// Answers, and has its caller's key revoked before anything of that is handed on.
struct Revoking {
  std::string_view name() const { return "p"; }
  template <Request R>
    requires Serves<ScriptedProvider, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    ReplyOf<R> reply = co_await inner(request, call);
    live->store(KeyState::revoked);
    co_return reply;
  }
  ScriptedProvider inner;
  Live live;
};

TEST(KeyPolicyDoor, NothingMoreIsHandedOnOnceTheKeyIsRevoked) {
  for (Dialect const dialect : {Dialect::neutral, Dialect::openai_chat}) {
    Live const live = active();
    std::string const event = R"(data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]})"
                              "\n\n";
    Step step =
        dialect == Dialect::neutral ? Step::stream({"Hel", "lo"}) : Step::stream({event, event}).as(dialect);
    Setting s(Revoking{ScriptedProvider("p", {std::move(step)}).repeat(), live}, ending_with(live));
    HttpAnswer const answer = s.chat();
    EXPECT_EQ(answer.body.find("Hel"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("the API key was revoked"), std::string::npos) << answer.body;
    expect_partial(s);
  }
}

TEST(KeyPolicyDoor, StreamsGoOnWhereTheKeyDoesNotAskForTheirEnd) {
  Live const live = active();
  Setting s(Revoking{ScriptedProvider("p", {Step::stream({"Hel", "lo"})}).repeat(), live},
            KeyPolicy{.live = live});
  EXPECT_TRUE(s.chat().body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(s.chat().status, 401) << "the next one";
}

TEST(KeyPolicyDoor, RefusesInTheDialectOfTheClient) {
  Setting s(Step::answer("Hello"), KeyPolicy{.expires_at = 1});
  EXPECT_EQ(s.chat().status, 401);
  HttpAnswer const claude = s.server->ask(
      post("/v1/messages", R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]})",
           good_key));
  EXPECT_EQ(claude.status, 401);
  auto const body = boost::json::parse(claude.body);
  EXPECT_EQ(body.at("error").at("type").as_string(), "authentication_error");
  EXPECT_EQ(body.at("error").at("message").as_string(),
            "the API key has expired on 1970-01-01T00:00:01Z; ask for a new one");
}

TEST(KeyPolicyDoor, RefusesPagesAsWell) {
  Setting s(Step::answer("Hello"), KeyPolicy{.expires_at = 1});
  EXPECT_EQ(s.server->ask("GET /v1/models HTTP/1.1\r\nHost: a\r\n" + std::string(good_key) + "\r\n").status,
            401);
}

TEST(KeyPolicyDoor, ListsOnlyWhatMayBeAsked) {
  Setting s(Step::answer("Hello"), KeyPolicy{.blocked = {"gpt-*"}});
  HttpAnswer const list =
      s.server->ask("GET /v1/models HTTP/1.1\r\nHost: a\r\n" + std::string(good_key) + "\r\n");
  EXPECT_EQ(list.status, 200);
  EXPECT_NE(list.body.find("\"m\""), std::string::npos);
  EXPECT_EQ(list.body.find("gpt-4o"), std::string::npos);
  HttpAnswer const blocked = s.chat(R"({"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]})");
  EXPECT_EQ(blocked.status, 403);
  EXPECT_NE(blocked.body.find("gpt-4o"), std::string::npos);
}

TEST(KeyPolicyDoor, RefusesOtherAddresses) {
  KeyPolicy policy;
  ASSERT_TRUE(policy.addresses.add("192.0.2.0/24"));
  Setting elsewhere(Step::answer("Hello"), policy);
  HttpAnswer const refused = elsewhere.chat();
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("127.0.0.1"), std::string::npos);
  ASSERT_TRUE(policy.addresses.add("127.0.0.0/8"));
  Setting here(Step::answer("Hello"), policy);
  EXPECT_EQ(here.chat().status, 200);
}

}  // namespace
}  // namespace lowart::key_policy_door_test
