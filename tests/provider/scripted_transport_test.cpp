#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::scripted_transport_test {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedAnswer;
using testing::ScriptedTransport;
using testing::TestLoop;

struct Sent {
  TestLoop loop;
  Call call = loop.call();
  ScriptedTransport transport;

  explicit Sent(std::vector<ScriptedAnswer> answers) : transport(std::move(answers)) {}
  Result<ArenaPtr<net::Exchange>> send() {
    net::HttpRequest request("POST", "/v1/chat/completions");
    request.field("accept", "application/json").body("{\"model\":").body("\"m\"}");
    return loop.run(transport.exchange(request, call));
  }
};

TEST(ScriptedTransport, RecordsWhatWasSent) {
  Sent sent({ScriptedAnswer::json(200, "{}")});
  ASSERT_TRUE(sent.send());
  auto const& request = sent.transport.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/chat/completions");
  EXPECT_EQ(request.field("accept"), "application/json");
  EXPECT_EQ(request.body, R"({"model":"m"})");
  EXPECT_EQ(request.piece_sizes.size(), 2U);
}

TEST(ScriptedTransport, GivesHeadAndPieces) {
  Sent sent(
      {ScriptedAnswer(200).field("content-type", "text/event-stream").piece("ab").piece("c").every(1s)});
  auto const exchange = sent.send();
  ASSERT_TRUE(exchange);
  EXPECT_EQ((*exchange)->status(), 200);
  EXPECT_EQ((*exchange)->field("content-type"), "text/event-stream");
  std::string body;
  for (;;) {
    auto const piece = sent.loop.run((*exchange)->read());
    ASSERT_TRUE(piece);
    if (piece->empty()) break;
    body.append(piece->data(), piece->size());
  }
  EXPECT_EQ(body, "abc");
}

TEST(ScriptedTransport, FailsAtEachStep) {
  Error const refused(Errc::connect_failed);
  Error const cut(Errc::connection_lost);
  Sent sent({ScriptedAnswer::fail(refused), ScriptedAnswer(200).then_fail(cut),
             ScriptedAnswer(200).piece("x").then_fail(cut)});
  EXPECT_EQ(sent.send().error().code(), Errc::connect_failed);
  {
    auto const after_head = sent.send();
    EXPECT_EQ(sent.loop.run((*after_head)->read()).error().code(), Errc::connection_lost);
    auto const after_piece = sent.send();
    EXPECT_TRUE(sent.loop.run((*after_piece)->read()));
    EXPECT_EQ(sent.loop.run((*after_piece)->read()).error().code(), Errc::connection_lost);
  }
  EXPECT_EQ(sent.transport.exchanges().dropped, 2U);
  EXPECT_EQ(sent.send().error().code(), Errc::connect_failed) << "the script is over";
}

TEST(ScriptedTransport, StallsUntilTheCallIsInterrupted) {
  Sent sent({ScriptedAnswer::stall()});
  net::HttpRequest const request("GET", "/");
  auto running = testing::start(sent.loop.io, sent.transport.exchange(request, sent.call));
  sent.loop.pass(1h);
  EXPECT_FALSE(running.done());
  sent.call.interrupt(Errc::first_token_timeout);
  sent.loop.settle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take().error().code(), Errc::first_token_timeout);
}

TEST(ScriptedTransport, CountsWhatBecameOfTheConnection) {
  Sent sent({ScriptedAnswer(200).piece("x"), ScriptedAnswer(200).piece("x"), ScriptedAnswer(200).piece("x")});
  {
    auto const read = sent.send();
    while (!sent.loop.run((*read)->read())->empty()) {
    }
    auto const finished = sent.send();
    (*finished)->finish();
    auto const dropped = sent.send();
  }
  EXPECT_EQ(sent.transport.exchanges().completed, 2U);
  EXPECT_EQ(sent.transport.exchanges().dropped, 1U);
}

}  // namespace
}  // namespace lowart::scripted_transport_test
