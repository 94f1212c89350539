#include "http_client_fixture.hpp"
#include "server_fixture.hpp"

#include <lowart/testing/piece_source.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// Bodies that pass in pieces: read by a server, sent by a client.
namespace lowart::body_pieces_test {
namespace {

using namespace lowart;
using namespace lowart::testing;
using namespace std::chrono_literals;

constexpr std::size_t largest_piece = 64U << 10U;

TEST(ServerPieces, GiveEveryBodyFixedAndChunkedAndThenTheNextRequest) {
  TestServer server;
  TestClient client(server.address);
  std::string all;
  std::vector<std::string> bodies;
  for (std::size_t const size : {0U, 1U, 3000U, 16384U, 65536U, 65537U, 400'000U}) {
    bodies.push_back(pattern(size));
    all += post("/pieces", bodies.back());
    for (std::size_t const chunk : {7U, 1000U, 70'000U}) {
      bodies.push_back(pattern(size / 3 + chunk));
      all += post_chunked("/pieces", bodies.back(), chunk);
    }
    bodies.emplace_back();
    all += get("/pieces");
  }
  std::thread writer([&] { client.send(all); });
  for (auto const& body : bodies) {
    auto const answer = client.receive();
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.body == body) << body.size();
    auto const at = answer.head.find("x-largest-piece: ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_LE(std::stoul(answer.head.substr(at + 17)), largest_piece);
  }
  writer.join();
  EXPECT_EQ(server.server->connections(), 1U);
}

TEST(ServerPieces, AreAskedForWhereTheClientWaits) {
  TestServer server;
  TestClient client(server.address);
  client.send("POST /pieces HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.receive(true).status, 100);
  client.send("body");
  EXPECT_EQ(client.receive().body, "body");
}

TEST(ServerPieces, EndAtTheLimitAtTheEndOfTheClientAndAtBadFraming) {
  TestServer server;
  server.seen.body_limit = 1000;
  EXPECT_EQ(TestClient(server.address).ask(post("/pieces", pattern(1001))).status, 413);
  EXPECT_EQ(TestClient(server.address).ask(post_chunked("/pieces", pattern(1001), 100)).status, 413);
  EXPECT_EQ(TestClient(server.address).ask(post_chunked("/pieces", pattern(1000), 100)).status, 200);
  TestClient broken(server.address);
  auto const answer =
      broken.ask("POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(broken.ended());
}

TEST(ServerPieces, DoNotWaitForASlowClientWithoutEnd) {
  net::ServerLimits limits;
  limits.body_time = 100ms;
  limits.linger_time = 100ms;
  TestServer server(limits);
  TestClient client(server.address);
  client.send("POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  auto const answer = client.receive();
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("in time"), std::string::npos) << answer.body;
}

class ClientPieces : public ::testing::Test {
 protected:
  /// What the server read of a body in these pieces.
  Fetched echoed(PieceSource& source, std::string_view path = "/echo") {
    TestServer server;
    auto made = net::HttpTransport::make("http://127.0.0.1:" + std::to_string(server.address.port));
    net::HttpRequest request("POST", path);
    request.body(source);
    Call call = client_.new_call();
    return client_.fetch(call, *made, request);
  }
  HttpClientTest client_;
};

std::vector<std::string> some_pieces(std::size_t count, std::size_t size) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < count; ++i) pieces.push_back(pattern(size + i));
  return pieces;
}
std::string joined(std::vector<std::string> const& pieces) {
  std::string all;
  for (auto const& piece : pieces) all += piece;
  return all;
}

TEST_F(ClientPieces, GoOutWithTheirLengthOrChunked) {
  for (bool const tells_length : {true, false})
    for (auto const& pieces : {some_pieces(0, 0), some_pieces(1, 1), some_pieces(30, 70'000)}) {
      PieceSource source(pieces, tells_length);
      auto const fetched = echoed(source);
      EXPECT_EQ(fetched.status, 200);
      EXPECT_TRUE(fetched.body == joined(pieces)) << pieces.size() << tells_length;
    }
}

TEST_F(ClientPieces, AreNotSentOnWhenTheAnswerIsThere) {
  client_.peer.then([](Wire& wire) -> Task<> {
    co_await wire.receive_some();
    co_await wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    co_await wire.stall();
  });
  auto transport = client_.transport();
  PieceSource source(some_pieces(2000, 60'000));
  net::HttpRequest request("POST", "/things");
  request.body(source);
  auto const fetched = client_.fetch(transport, request);
  EXPECT_EQ(fetched.status, 413);
  EXPECT_EQ(fetched.body, "big");
  EXPECT_EQ(client_.stats(transport).idle, 0U) << "half a request is no end of a conversation";
}

TEST_F(ClientPieces, OfASourceThatFailsEndTheConnectionWithItsError) {
  PieceSource source(some_pieces(3, 10), false);
  source.then_fail(Error(Errc::invalid_request, "the client left", Origin::client));
  auto const fetched = echoed(source);
  ASSERT_TRUE(fetched.error.has_value());
  EXPECT_EQ(fetched.error->message(), "the client left");
  for (std::uint64_t const wrong : {5U, 500U}) {
    PieceSource liar(some_pieces(3, 10));
    liar.lies(wrong);
    auto const refused = echoed(liar);
    ASSERT_TRUE(refused.error.has_value());
    EXPECT_EQ(refused.code(), Errc::invalid_request);
  }
}

TEST_F(ClientPieces, OfALongBodyGoOverAFreshConnectionAsTheyCouldNotBeSentAgain) {
  client_.peer.then([](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    co_await wire.receive_some();  // closes without a word when more comes
  });
  client_.peer.then(answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntook"));
  auto transport = client_.transport();
  EXPECT_EQ(client_.fetch(transport).status, 200);
  PieceSource source(some_pieces(3, 70'000), true, false);
  net::HttpRequest request("POST", "/things");
  request.body(source);
  EXPECT_EQ(client_.fetch(transport, request).body, "took");
  EXPECT_EQ(client_.peer.connections(), 2);
}

TEST_F(ClientPieces, AreSentAgainOverAFreshConnectionWhereTheySurviveThat) {
  for (bool const rewinds : {true, false}) {
    HttpClientTest client;
    client.peer.then([](Wire& wire) -> Task<> {
      co_await wire.receive();
      co_await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      co_await wire.receive_some();  // the next request, and closes without a word
    });
    client.peer.then(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain"));
    auto transport = client.transport();
    EXPECT_EQ(client.fetch(transport).status, 200);
    PieceSource source(some_pieces(2, 100), true, rewinds);
    net::HttpRequest request("POST", "/things");
    request.body(source);
    auto const fetched = client.fetch(transport, request);
    EXPECT_EQ(fetched.body, rewinds ? "again" : "");
    EXPECT_EQ(fetched.error.has_value(), !rewinds);
    EXPECT_EQ(source.rewound(), rewinds ? 1U : 0U);
  }
}

}  // namespace
}  // namespace lowart::body_pieces_test
