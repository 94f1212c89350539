#include "server_fixture.hpp"

#include <lowart/net/http_server.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>

namespace lowart::http_server_test {
namespace {

using namespace lowart;
using namespace lowart::testing;
using namespace std::chrono_literals;

net::ServerLimits small_limits() {
  net::ServerLimits limits;
  limits.head_time = limits.body_time = limits.write_time = limits.idle_time = 200ms;
  limits.look_out = 50ms;
  limits.linger_time = 300ms;
  return limits;
}

TEST(HttpServer, KeepsAConnectionForManyRequests) {
  TestServer server;
  ASSERT_TRUE(server.listening.has_value());
  TestClient client(server.address);
  for (int i = 0; i < 100; ++i) {
    auto const body = pattern(static_cast<std::size_t>(i));
    auto const answer = client.ask(post("/echo", body));
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(answer.body, body);
    ASSERT_FALSE(answer.has("connection: close"));
  }
  EXPECT_EQ(server.server->connections(), 1U);
}

TEST(HttpServer, WritesFieldsOfTheHandlerAndDropsThoseThatBreakOut) {
  TestServer server;
  TestClient client(server.address);
  auto const answer = client.ask(get("/echo"));
  EXPECT_TRUE(answer.has("\r\nx-peer: 127.0.0.1:")) << answer.head;
  EXPECT_TRUE(answer.has("\r\ndate: ")) << answer.head;
  EXPECT_FALSE(answer.has("bad")) << answer.head;
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  TestClient client(server.address);
  std::string all;
  std::vector<std::string> bodies;
  for (std::size_t size : {0U, 1U, 3000U, 16384U, 40000U, 7U, 0U, 100U}) {
    bodies.push_back(pattern(size));
    all += post("/echo", bodies.back());
    bodies.push_back(pattern(size + 1));
    all += post_chunked("/echo", bodies.back(), 1000);
    bodies.emplace_back();
    all += get("/echo");
  }
  std::thread writer([&] { client.send(all); });
  for (auto const& body : bodies) {
    auto const answer = client.receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, body);
  }
  writer.join();
}

TEST(HttpServer, AnswersAStreamInChunksAndThenTheNextRequest) {
  TestServer server;
  TestClient client(server.address);
  client.send(get("/stream") + get("/stream") + get("/echo"));
  EXPECT_EQ(client.receive().body, "one two three");
  EXPECT_EQ(client.receive().body, "one two three");
  EXPECT_EQ(client.receive().status, 200);
}

TEST(HttpServer, ReadsBodiesOfEverySizeFixedAndChunked) {
  TestServer server;
  TestClient client(server.address);
  for (std::size_t size : {0U, 1U, 16000U, 16383U, 16384U, 16385U, 65536U, 1U << 20U}) {
    auto const body = pattern(size);
    std::thread fixed([&] { client.send(post("/echo", body)); });
    EXPECT_TRUE(client.receive().body == body) << size;
    fixed.join();
    for (std::size_t piece : {777U, 16384U, 300'000U}) {
      std::thread chunked([&] { client.send(post_chunked("/echo", body, piece)); });
      EXPECT_TRUE(client.receive().body == body) << size << " in " << piece;
      chunked.join();
    }
  }
}

TEST(HttpServer, HandsABodyThatIsHeldOutAsOnePiece) {
  TestServer server;
  TestClient client(server.address);
  EXPECT_EQ(client.ask(post("/held-pieces", "")).body, "");
  for (std::size_t const size : {5U, 100'000U}) {
    std::string const body(size, 'x');
    EXPECT_TRUE(client.ask(post("/held-pieces", body)).body == "[" + body + "]") << size;
    EXPECT_TRUE(client.ask(post_chunked("/held-pieces", body, 3'000)).body == "[" + body + "]") << size;
  }
}

TEST(HttpServer, ReadsARequestThatComesByteByByte) {
  TestServer server;
  TestClient client(server.address);
  int const on = 1;
  ::setsockopt(client.fd(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
  for (auto const& request : {post("/echo", "hello", "x-y: z\r\n"), post_chunked("/echo", "hello", 2)}) {
    for (char const c : request) client.send({&c, 1});
    EXPECT_EQ(client.receive().body, "hello");
  }
}

TEST(HttpServer, RefusesALongBodyWithoutReadingItAndTheAnswerArrives) {
  TestServer server;
  server.seen.body_limit = 32U << 20U;
  auto const body = pattern(40U << 20U);
  TestClient fixed(server.address);
  // This client sends everything before it reads.
  EXPECT_TRUE(fixed.send(post("/echo", body)));
  auto const answer = fixed.receive();
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(answer.has("connection: close"));
  EXPECT_TRUE(fixed.ended());

  TestClient chunked(server.address);
  EXPECT_TRUE(chunked.send(post_chunked("/echo", body, 1U << 20U)));
  EXPECT_EQ(chunked.receive().status, 413);
  EXPECT_TRUE(chunked.ended());
}

TEST(HttpServer, TakesALongBodyWithinTheLimit) {
  TestServer server;
  TestClient client(server.address);
  auto const body = pattern(40U << 20U);
  std::thread writer([&] { client.send(post("/echo", body)); });
  EXPECT_TRUE(client.receive().body == body);
  writer.join();
}

TEST(HttpServer, PassesOverAShortBodyThatNobodyRead) {
  TestServer server;
  TestClient client(server.address);
  std::string const trap = get("/smuggled");
  client.send(post("/ignore", trap) + post("/ignore", trap + pattern(100'000)) + get("/echo"));
  EXPECT_EQ(client.receive().body, "ignored");
  EXPECT_EQ(client.receive().body, "ignored");
  EXPECT_EQ(client.receive().status, 200);
  server.seen.body_limit = 10;
  EXPECT_EQ(client.ask(post("/echo", trap)).status, 413);
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
  EXPECT_FALSE(server.seen.has("/smuggled"));
}

TEST(HttpServer, ClosesBehindAChunkedBodyThatNobodyRead) {
  TestServer server;
  TestClient client(server.address);
  client.send(post_chunked("/ignore", "x", 1) + get("/smuggled"));
  auto const answer = client.receive();
  EXPECT_EQ(answer.body, "ignored");
  EXPECT_TRUE(answer.has("connection: close"));
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(server.seen.has("/smuggled"));
}

TEST(HttpServer, AsksForABodyThatIsHeldBack) {
  TestServer server;
  TestClient client(server.address);
  for (std::string const& request : {post("/echo", "held back", "Expect: 100-continue\r\n"),
                                     post_chunked("/echo", "held back", 4, "Expect: 100-continue\r\n")}) {
    auto const head = request.find("\r\n\r\n") + 4;
    client.send(request.substr(0, head));
    EXPECT_EQ(client.receive(true).head, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(request.substr(head));
    EXPECT_EQ(client.receive().body, "held back");
  }
  // Nobody asks for what is there already.
  EXPECT_EQ(client.ask(post("/echo", "sent", "Expect: 100-continue\r\n")).body, "sent");
  EXPECT_EQ(client.ask(post("/echo", "", "Expect: 100-continue\r\n")).status, 200);
}

TEST(HttpServer, ClosesWhenAHeldBackBodyWasNotWanted) {
  TestServer server(small_limits());
  for (std::string_view const path : {"/ignore", "/echo"}) {
    server.seen.body_limit = 3;
    TestClient client(server.address);
    auto const answer =
        client.ask("POST " + std::string(path) +
                   " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    EXPECT_EQ(answer.status, path == "/echo" ? 413 : 200);
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_TRUE(client.ended());
  }
}

TEST(HttpServer, RefusesWhatTwoReadersCouldFrameDifferently) {
  struct Case {
    std::string_view request;
    int status;
  };
  constexpr std::string_view host = "Host: a\r\n";
  (void)host;
  Case const cases[] = {
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\nContent-Length: 1\r\n\r\nx", 417},
      {"\x16\x03\x01\x02 a TLS hello on a plain port", 400},
      // What the handler finds out when it reads the body.
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\nb\r\nx\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n", 400},
  };
  TestServer server(small_limits());
  for (auto const& test : cases) {
    TestClient client(server.address);
    client.send(std::string(test.request) + get("/smuggled") + get("/smuggled"));
    auto const answer = client.receive();
    EXPECT_EQ(answer.status, test.status) << test.request;
    EXPECT_TRUE(answer.has("connection: close")) << test.request;
    ::shutdown(client.fd(), SHUT_WR);
    EXPECT_TRUE(client.ended()) << test.request;
  }
  EXPECT_FALSE(server.seen.has("/smuggled"));
}

TEST(HttpServer, ServesClientsOfVersion10) {
  TestServer server;
  {
    TestClient client(server.address);
    client.send("GET /stream HTTP/1.0\r\n\r\n");
    auto const answer = client.receive();
    EXPECT_FALSE(answer.has("chunked"));
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_EQ(client.rest(), "one two three");
    EXPECT_EQ(client.last_error(), 0);
  }
  TestClient client(server.address);
  auto const kept =
      client.ask("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(kept.body, "hi");
  EXPECT_TRUE(kept.has("connection: keep-alive"));
  EXPECT_EQ(client.ask("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nho").body, "ho");
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  TestServer server;
  TestClient client(server.address);
  for (std::string_view const path : {"/ignore", "/stream"}) {
    client.send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    auto const answer = client.receive(true);
    EXPECT_TRUE(answer.has(path == "/stream" ? "transfer-encoding: chunked" : "content-length: 7"))
        << answer.head;
  }
  EXPECT_EQ(client.ask(get("/ignore")).body, "ignored");
}

TEST(HttpServer, SendsNoBodyWithAStatusThatHasNone) {
  TestServer server;
  TestClient client(server.address);
  client.send(get("/nothing"));
  auto const answer = client.receive();
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.has("content-length"));
  EXPECT_EQ(client.ask(get("/ignore")).body, "ignored");
}

TEST(HttpServer, AnswersForAHandlerThatDoesNot) {
  TestServer server;
  TestClient client(server.address);
  EXPECT_EQ(client.ask(get("/silent")).status, 500);
  EXPECT_EQ(client.ask(get("/ignore")).status, 200);
  auto const answer = client.ask(get("/throw"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_TRUE(answer.has("connection: close"));
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, NeverLetsACutAnswerPassForAWholeOne) {
  TestServer server;
  for (std::string_view const path : {"/throw-late", "/abort"}) {
    TestClient modern(server.address);
    auto const answer = modern.ask(get(path));
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.body, "the first half");
    TestClient old(server.address);
    old.send("GET " + std::string(path) + " HTTP/1.0\r\n\r\n");
    old.rest();
    EXPECT_EQ(old.last_error(), ECONNRESET);
  }
}

TEST(HttpServer, BoundsTheHead) {
  net::ServerLimits limits = small_limits();
  limits.head.head_bytes = 4000;
  limits.head.fields = 5;
  limits.head.target_bytes = 100;
  TestServer server(limits);
  struct Case {
    std::string request;
    int status;
  };
  std::string fields;
  for (int i = 0; i < 6; ++i) fields += "x-" + std::to_string(i) + ": y\r\n";
  Case const cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4000, 'x'), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n", 431},
      {"GET /" + std::string(200, 'p') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
  };
  for (auto const& test : cases) {
    TestClient client(server.address);
    EXPECT_EQ(client.ask(test.request).status, test.status);
    ::shutdown(client.fd(), SHUT_WR);
    EXPECT_TRUE(client.ended());
  }
}

TEST(HttpServer, TakesAHeadLongerThanItsFirstBuffer) {
  TestServer server;
  TestClient client(server.address);
  std::string const field = "X: " + std::string(30'000, 'x') + "\r\n";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.ask(post("/echo", "body", field)).body, "body");
  client.send(post("/echo", "one", field) + post("/echo", "two", field));
  EXPECT_EQ(client.receive().body, "one");
  EXPECT_EQ(client.receive().body, "two");
}

}  // namespace
}  // namespace lowart::http_server_test
