#include "server_fixture.hpp"

#include <lowart/net/http_server.hpp>

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/resource.h>

#include <future>
#include <string>
#include <string_view>
#include <thread>

namespace lowart::http_server_bounds_test {
namespace {

using namespace lowart;
using namespace lowart::testing;
using namespace std::chrono_literals;

net::ServerLimits short_times() {
  net::ServerLimits limits;
  limits.head_time = limits.body_time = limits.write_time = limits.idle_time = 200ms;
  limits.look_out = 50ms;
  return limits;
}

constexpr auto scheduling = 700ms;  // what a busy machine may add

bool readable_within(TestClient const& client, std::chrono::milliseconds time) {
  pollfd look{client.fd(), POLLIN, 0};
  return ::poll(&look, 1, static_cast<int>(time.count())) > 0;
}

/// Sends a byte every 20 ms until the server answers or closes; how long that took.
std::chrono::steady_clock::duration dribble(TestClient& client, std::string_view endless) {
  auto const began_at = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began_at < 5s) {
    if (readable_within(client, 20ms) || !client.send(endless.substr(0, 1))) break;
  }
  return std::chrono::steady_clock::now() - began_at;
}

TEST(HttpServerBounds, ClosesAnIdleConnectionInSilence) {
  TestServer server(short_times());
  TestClient fresh(server.address);
  TestClient used(server.address);
  EXPECT_EQ(used.ask(get("/echo")).status, 200);
  EXPECT_TRUE(fresh.ended());
  EXPECT_TRUE(used.ended());
}

TEST(HttpServerBounds, EndsAHeadThatComesByteByByte) {
  TestServer server(short_times());
  TestClient client(server.address);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  EXPECT_LT(dribble(client, "x"), 250ms + scheduling);
  EXPECT_EQ(client.receive().status, 408);
}

TEST(HttpServerBounds, EndsABodyThatComesByteByByte) {
  auto limits = short_times();
  limits.body_rate = 1000;
  TestServer server(limits);
  for (std::string_view const field : {"Content-Length: 1000", "Transfer-Encoding: chunked"}) {
    TestClient client(server.address);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n\r\n");
    if (field.starts_with("T")) client.send("3e8\r\n");
    EXPECT_LT(dribble(client, "x"), 250ms + scheduling);
    auto const answer = client.receive();
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.has("connection: close"));
  }
}

TEST(HttpServerBounds, TakesASlowBodyThatKeepsItsPace) {
  auto limits = short_times();
  limits.body_rate = 1000;
  TestServer server(limits);
  TestClient client(server.address);
  std::string const piece = pattern(100);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    client.send(piece);
    if (i < 9) {
      EXPECT_FALSE(readable_within(client, 40ms));
    }
  }
  EXPECT_EQ(client.receive().body.size(), 1000U);
}

TEST(HttpServerBounds, EndsAnAnswerThatNobodyTakes) {
  TestServer server(short_times());
  TestClient client(server.address);
  client.send(get("/big"));
  auto given_up = server.seen.wait_ended.get_future();
  ASSERT_EQ(given_up.wait_for(5s), std::future_status::ready);
  EXPECT_TRUE(given_up.get());
  EXPECT_EQ(client.receive().status, 0);
}

TEST(HttpServerBounds, GivesASlowReaderAsLongAsItKeepsItsPace) {
  for (bool const keeps_pace : {true, false}) {
    auto limits = short_times();
    if (!keeps_pace) limits.body_rate = std::size_t{1} << 30U;
    else limits.write_time = 400ms;  // a busy machine may stop its reader for a while, too
    TestServer server(limits);
    TestClient client(server.address);
    client.send(get("/big"));
    auto ended = server.seen.wait_ended.get_future();
    auto const began_at = std::chrono::steady_clock::now();
    while (ended.wait_for(2ms) != std::future_status::ready && client.more()) continue;
    auto const took = std::chrono::steady_clock::now() - began_at;
    EXPECT_EQ(ended.get(), !keeps_pace);  // given up
    if (keeps_pace) {
      EXPECT_GT(took, 2 * limits.write_time);
      EXPECT_EQ(client.receive().body.size(), 32U << 20U);
    } else {
      EXPECT_LT(took, limits.write_time + 50ms + scheduling);
    }
  }
}

TEST(HttpServerBounds, CancelsTheCallOfAClientThatLeaves) {
  for (std::string_view const path : {"/wait", "/drip"}) {
    for (std::string const& more : {std::string(), get("/smuggled")}) {
      TestServer server(short_times());
      TestClient client(server.address);
      client.send(get(path));
      server.seen.wait_began.get_future().wait();
      client.send(more);
      auto const left_at = std::chrono::steady_clock::now();
      client.close();
      EXPECT_TRUE(server.seen.wait_ended.get_future().get());
      EXPECT_LT(std::chrono::steady_clock::now() - left_at, 100ms + scheduling) << path;
      EXPECT_FALSE(server.seen.has("/smuggled"));
    }
  }
}

TEST(HttpServerBounds, LetsClientsWaitInTheBacklogWhenFull) {
  auto limits = short_times();
  limits.idle_time = 5s;
  limits.connections = 2;
  TestServer server(limits);
  TestClient first(server.address);
  TestClient second(server.address);
  EXPECT_EQ(first.ask(get("/echo")).status, 200);
  EXPECT_EQ(second.ask(get("/echo")).status, 200);
  std::vector<TestClient> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.emplace_back(server.address);
    waiting.back().send(get("/echo"));
  }
  EXPECT_FALSE(readable_within(waiting[0], 120ms));
  EXPECT_EQ(server.server->connections(), 2U);
  first.close();
  for (auto& client : waiting) {
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_LE(server.server->connections(), 2U);
    client.close();
  }
}

TEST(HttpServerBounds, WaitsForDescriptorsWhenThereAreNone) {
  TestServer server;
  TestClient first(server.address);
  EXPECT_EQ(first.ask(get("/echo")).status, 200);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  int const lowest_free = ::dup(0);
  ::close(lowest_free);
  rlimit one_more = before;
  one_more.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
  ::setrlimit(RLIMIT_NOFILE, &one_more);
  TestClient second(server.address);
  bool const sent = second.connected() && second.send(get("/echo"));
  bool const answered = readable_within(second, 100ms);
  bool const others_served = first.ask(get("/echo")).status == 200;
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(sent);
  EXPECT_FALSE(answered);
  EXPECT_TRUE(others_served);
  EXPECT_EQ(second.receive().status, 200);
}

}  // namespace
}  // namespace lowart::http_server_bounds_test
