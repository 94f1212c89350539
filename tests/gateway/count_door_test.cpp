#include <lowart/gateway/count_client.hpp>
#include <lowart/gateway/whole_door.hpp>

#include "gateway_fixture.hpp"

#include <lowart/gateway/openai_client.hpp>
#include <lowart/meter/counted.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lowart::count_door_test {
namespace {

using namespace lowart::testing;

std::string const body = R"({"model":"gpt-4","messages":[{"role":"user","content":"Hello there"}]})";
constexpr std::string_view good_key = "Authorization: Bearer sk-lw-1\r\n";

/// Counting as a dialect has it; that of chat serves as well as any.
constexpr CountClient count_client{
    .dialect = Dialect::openai_chat,
    .route = "/count",
    .manners = &openai_chat_client,
    .facts = [](Asked const& asked,
                std::string& scratch) { return dialect::read_openai_chat_facts(asked.body, scratch); },
    .decode = &dialect::decode_openai_chat,
    .encode = [](std::int64_t tokens) { return "{\"tokens\":" + std::to_string(tokens) + "}"; },
};

struct Records {
  std::shared_ptr<int> kept = std::make_shared<int>(0);
  Result<void> append(UsageRecord const&) { return ++*kept, Result<void>{}; }
};

/// Counts as a provider that is asked in its own dialect.
struct Counter {
  std::optional<Error> error{};
  std::string_view name() const { return "c"; }
  Task<Result<CountReply>> operator()(CountRequest const& request, Call&) {
    if (error) co_return fail(*error);
    WholeHead head;
    head.provider = "c";
    co_return CountReply(head, 7, request.chat().dialect(), R"({"tokens": 7, "own":1})");
  }
};

/// A gateway whose only door counts.
template <class P>
class CountGateway {
 public:
  CountGateway(P provider, Records records, GatewayOptions options)
      : shared_(std::make_shared<Shared>(std::move(provider) | metered(TokenMeter{}, std::move(records)),
                                         std::move(options))) {}

  net::Handler handler(std::size_t loop, Clock& clock, std::function<bool()> const&) {
    auto state = std::make_shared<LoopState>(shared_->metrics.shard(loop), clock, shared_->options.log_fd);
    return [shared = shared_, state = std::move(state)](net::ServerRequest& request,
                                                        net::Responder& responder) -> Task<void> {
      return serve(*shared, *state, request, responder);
    };
  }
  Metrics& metrics() { return shared_->metrics; }

 private:
  struct Shared {
    Shared(Metered<P, Records> a, GatewayOptions o)
        : answer(std::move(a)), options(std::move(o)), keys(options.keys) {}
    Metered<P, Records> answer;
    GatewayOptions options;
    Keyring keys;
    Metrics metrics;
  };
  static Task<void> serve(Shared& shared, LoopState& loop, net::ServerRequest& request,
                          net::Responder& responder) {
    WholeDoor door(loop);
    bool const served = co_await door.serve(shared.answer, shared.keys, count_client, request, responder);
    EXPECT_TRUE(served);
  }
  std::shared_ptr<Shared> shared_;
};

template <class P>
struct Setting {
  LogFile log;
  Records records;
  std::optional<GatewayServer<CountGateway<P>>> server;

  explicit Setting(P provider, GatewayOptions options = {}) {
    options.log_fd = log.fd();
    server.emplace(CountGateway<P>(std::move(provider), records, std::move(options)));
  }
  HttpAnswer ask(std::string_view text, std::string_view fields = "") {
    return server->ask(post("/count", text, fields));
  }
};

GatewayOptions with_key(Limits limits) {
  GatewayOptions options;
  options.keys.push_back({.name = "first",
                          .digest = net::sha256("sk-lw-1"),
                          .limits = std::make_shared<LimitState>(limits, std::chrono::steady_clock::now()),
                          .models = {}});
  return options;
}

TEST(CountDoor, CountsHereWhereTheProviderDoesNot) {
  Setting s(ScriptedProvider("p", {}) | counted());
  HttpAnswer const answer = s.ask(body);
  auto const conversation = dialect::decode_openai_chat(body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            "{\"tokens\":" + std::to_string(count_conversation(cl100k_base(), *conversation)) + "}");
  EXPECT_EQ(field_of(answer, "x-lowart-provenance"), "counted");
  EXPECT_EQ(field_of(answer, "x-lowart-provider"), "p");
}

TEST(CountDoor, PassesTheProvidersOwnAnswerOn) {
  Setting s(Counter{});
  HttpAnswer const answer = s.ask(body);
  EXPECT_EQ(answer.body, R"({"tokens": 7, "own":1})");
  EXPECT_EQ(field_of(answer, "x-lowart-provenance"), "reported");
}

TEST(CountDoor, LeavesNoRecordButALineInTheLogAndItsCounters) {
  Setting s(Counter{});
  EXPECT_EQ(s.ask(body).status, 200);
  EXPECT_EQ(*s.records.kept, 0);
  s.server->stop();
  auto const metrics = s.server->metrics();
  EXPECT_EQ(metrics.value("http_requests_total{route=\"/count\",status=\"200\"}"), 1);
  auto const lines = s.log.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("path").as_string(), "/count");
  EXPECT_EQ(lines[0].at("outcome").as_string(), "complete");
  EXPECT_FALSE(lines[0].contains("first_token_us")) << "no model had anything to say";
}

TEST(CountDoor, NeedsAKeyAndCountsAgainstItsRequestsButNotItsTokens) {
  Setting s(Counter{}, with_key({.rpm = 2, .tpm = 1, .concurrency = 0}));
  EXPECT_EQ(s.ask(body).status, 401);
  EXPECT_EQ(s.ask(body, good_key).status, 200) << "one token a minute is enough for what spends none";
  EXPECT_EQ(s.ask(body, good_key).status, 200);
  EXPECT_EQ(s.ask(body, good_key).status, 429);
}

TEST(CountDoor, TellsWhatWentWrong) {
  Setting s(Counter{.error = Error(Errc::upstream_failed, "boom", Origin::upstream)});
  EXPECT_EQ(s.ask(body).status, 502);
  EXPECT_EQ(error_of(s.ask(R"({"model":"gpt-4"})")).at("param").as_string(), "messages");
}

}  // namespace
}  // namespace lowart::count_door_test
