#include "http_client_fixture.hpp"

#include "certificates.hpp"

#include <gtest/gtest.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lowart::http_client_test {
namespace {

using namespace std::chrono_literals;
using lowart::Call;
using lowart::Errc;
using lowart::Sent;
using lowart::Task;
using lowart::net::HttpOptions;
using lowart::net::HttpRequest;
using lowart::testing::answer;
using lowart::testing::answer_and_close;
using lowart::testing::Fetched;
using lowart::testing::HttpClientTest;
using lowart::testing::Script;
using lowart::testing::Wire;

constexpr auto ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

TEST(HttpTransport, SendsARequestAndReadsTheAnswer) {
  HttpClientTest test;
  std::string seen;
  test.peer.then([&](Wire& wire) -> Task<> {
    seen = co_await wire.receive();
    co_await wire.send("HTTP/1.1 201 Created\r\nX-Id: 7\r\nContent-Length: 5\r\n\r\nhello");
  });
  auto transport = test.at(test.peer.url() + "/v1");
  Fetched const got = test.fetch(transport, HttpClientTest::post("body"));
  EXPECT_EQ(got.status, 201);
  EXPECT_EQ(got.body, "hello");
  EXPECT_FALSE(got.error);
  EXPECT_EQ(seen, "POST /v1/things HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(test.peer.port()) +
                      "\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
}

TEST(HttpTransport, ShowsFieldsUntilTheFirstRead) {
  HttpClientTest test;
  test.peer.then(answer("HTTP/1.1 200 OK\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nhi"));
  auto transport = test.transport();
  Call call = test.new_call();
  auto look = [&]() -> Task<std::string> {
    auto const request = HttpClientTest::get();
    auto exchange = co_await transport.exchange(request, call);
    std::string seen((*exchange)->field("retry-after"));
    seen += "/" + std::to_string((*exchange)->content_length().value_or(0));
    auto const piece = co_await (*exchange)->read();
    seen += "/" + std::string((*exchange)->field("retry-after"));
    co_return seen;
  };
  EXPECT_EQ(lowart::testing::run(test.io, look()), "3/2/");
}

TEST(HttpTransport, ReusesAConnectionForTheNextCall) {
  HttpClientTest test;
  test.peer.then(answer(ok));
  auto transport = test.transport();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.peer.connections(), 1);
  auto const stats = test.stats(transport);
  EXPECT_EQ(stats.connects, 1u);
  EXPECT_EQ(stats.reuses, 9u);
  EXPECT_EQ(stats.open, 1u);
  EXPECT_EQ(stats.idle, 1u);
}

TEST(HttpTransport, ReusesAConnectionAfterAnswersOfEveryFraming) {
  for (std::string const text :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"}) {
    HttpClientTest test;
    test.peer.then(answer(text));
    auto transport = test.transport();
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(test.fetch(transport).error) << text;
    EXPECT_EQ(test.peer.connections(), 1) << text;
  }
}

TEST(HttpTransport, DoesNotReuseWhatTheServerWillClose) {
  for (std::string const text :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\n\r\nhi"}) {
    HttpClientTest test;
    test.peer.then(answer_and_close(text));
    auto transport = test.transport();
    for (int i = 0; i < 2; ++i) {
      Fetched const got = test.fetch(transport);
      EXPECT_FALSE(got.error) << got.error->message();
      EXPECT_EQ(got.body, "hi");
    }
    EXPECT_EQ(test.peer.connections(), 2) << text;
    EXPECT_EQ(test.stats(transport).open, 0u);
  }
}

TEST(HttpTransport, SendsAHeadRequestAndExpectsNoBody) {
  HttpClientTest test;
  test.peer.then(answer("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport, HttpRequest("HEAD", "/")).body, "");
  EXPECT_EQ(test.fetch(transport, HttpRequest("HEAD", "/")).body, "");
  EXPECT_EQ(test.peer.connections(), 1);
}

TEST(HttpTransport, ReadsAnAnswerThatComesByteByByte) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.dribble(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
        "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    co_await wire.receive();
    co_await wire.dribble(ok);
  });
  auto transport = test.transport();
  Fetched const first = test.fetch(transport);
  EXPECT_FALSE(first.error);
  EXPECT_EQ(first.body, "hello world");
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.peer.connections(), 1);
}

TEST(HttpTransport, CarriesFiveMegabytesBothWays) {
  std::string big(5 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>('a' + (i * 7 + i / 977) % 26);
  for (bool const chunked : {false, true}) {
    HttpClientTest test;
    test.peer.then([&](Wire& wire) -> Task<> {
      std::string const request = co_await wire.receive();
      std::string const echoed = request.substr(request.find("\r\n\r\n") + 4);
      if (!chunked) {
        co_await wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(echoed.size()) +
                           "\r\n\r\n" + echoed);
      } else {
        std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < echoed.size(); at += 65536) {
          std::string const part = echoed.substr(at, 65536);
          char size[20];
          std::snprintf(size, sizeof size, "%zx\r\n", part.size());
          text += size + part + "\r\n";
        }
        co_await wire.send(text + "0\r\n\r\n");
      }
      co_await wire.stall();
    });
    auto transport = test.transport();
    HttpRequest request("POST", "/echo");
    request.body(std::string_view(big).substr(0, 1000)).body(std::string_view(big).substr(1000));
    Fetched const got = test.fetch(transport, request);
    EXPECT_FALSE(got.error) << got.error->message();
    EXPECT_TRUE(got.body == big);
    EXPECT_EQ(test.stats(transport).idle, 1u);
    EXPECT_EQ(lowart::net::Loop::of(test.io).buffers().lent_bytes(), 0u);
  }
}

TEST(HttpTransport, ConnectsToAUnixSocket) {
  lowart::testing::TestDirectory const directory;
  HttpClientTest test;
  lowart::testing::ScriptedPeer peer(test.io, directory.file("peer.sock"));
  std::string seen;
  peer.then([&](Wire& wire) -> Task<> {
    seen = co_await wire.receive();
    co_await wire.send(ok);
  });
  auto transport = test.at("unix:" + directory.file("peer.sock") + ":/v1");
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_TRUE(seen.starts_with("GET /v1/things HTTP/1.1\r\nHost: localhost\r\n")) << seen;

  auto nobody = test.at("unix:" + directory.file("nobody.sock"));
  Fetched const refused = test.fetch(nobody);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code(), Errc::connect_failed);
  EXPECT_NE(refused.error->message().find("nobody.sock: No such file"), std::string::npos)
      << refused.error->message();
}

TEST(HttpTransport, ResolvesANameOnceForManyCalls) {
  HttpClientTest test;
  test.peer.then(answer_and_close(ok));
  auto transport = test.at("http://localhost:" + std::to_string(test.peer.port()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(test.fetch(transport).body, "hi");
}

TEST(HttpTransport, NamesTheHostThatCannotBeResolved) {
  HttpClientTest test;
  auto transport = test.at("http://no-such-host.invalid");
  Fetched const got = test.fetch(transport);
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::connect_failed);
  EXPECT_NE(got.error->message().find("no-such-host.invalid"), std::string::npos);
  EXPECT_EQ(got.error->sent(), Sent::nothing);
}

TEST(HttpTransport, RefusesToSendWhatWouldBeAnotherRequest) {
  HttpClientTest test;
  test.peer.then(answer(ok));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).status, 200);
  HttpRequest split("GET", "/");
  split.field("X-A", "b\r\nX-C: d");
  HttpRequest name("GET", "/");
  name.field("X A", "b");
  HttpRequest own("GET", "/");
  own.field("Content-length", "5");
  HttpRequest many("GET", "/");
  for (std::size_t i = 0; i <= HttpRequest::max_fields; ++i) many.field("X", "y");
  for (auto const& request : {split, name, own, many, HttpRequest("GET", "/a b"),
                              HttpRequest("GET", "no-slash"), HttpRequest("GE T", "/")}) {
    Fetched const got = test.fetch(transport, request);
    EXPECT_EQ(got.code(), Errc::invalid_request);
    EXPECT_EQ(got.error->sent(), Sent::nothing);
  }
  EXPECT_EQ(test.fetch(transport).status, 200);
  EXPECT_EQ(test.peer.connections(), 1);
}

// Every phase dies.

TEST(HttpTransport, SaysThatAConnectionWasRefused) {
  HttpClientTest test;
  test.peer.stop();
  auto transport = test.transport();
  Fetched const got = test.fetch(transport);
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::connect_failed);
  EXPECT_EQ(got.error->message(),
            "cannot connect to 127.0.0.1:" + std::to_string(test.peer.port()) + ": Connection refused");
  EXPECT_EQ(got.error->sent(), Sent::nothing);
  EXPECT_TRUE(got.error->retryable());
  EXPECT_EQ(got.error->origin(), lowart::Origin::upstream);
}

struct Death {
  char const* name;
  char const* sent;
  Errc code;
  bool answered;
  Sent may_have_sent;
};

class HttpTransportDies : public ::testing::TestWithParam<Death> {};

TEST_P(HttpTransportDies, WithTheRightError) {
  for (bool const reset : {false, true}) {
    HttpClientTest test;
    test.peer.then([&](Wire& wire) -> Task<> {
      co_await wire.receive();
      co_await wire.send(GetParam().sent);
      if (reset) wire.reset();
    });
    auto transport = test.transport();
    Fetched const got = test.fetch(transport);
    ASSERT_TRUE(got.error);
    // A reset may overtake the bytes before it.
    if (!reset) EXPECT_EQ(got.code(), GetParam().code) << got.error->message();
    if (!reset) EXPECT_EQ(got.answered, GetParam().answered);
    if (!reset) EXPECT_EQ(got.error->sent(), GetParam().may_have_sent);
    EXPECT_TRUE(got.error->retryable());
    EXPECT_EQ(test.stats(transport).open, 0u);
    EXPECT_EQ(test.peer.connections(), 1);
    EXPECT_EQ(lowart::net::Loop::of(test.io).buffers().lent_bytes(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    EveryPhase, HttpTransportDies,
    ::testing::Values(
        Death{"Silence", "", Errc::connection_lost, false, Sent::maybe},
        Death{"HalfStatusLine", "HTTP/1.1 2", Errc::connection_lost, false, Sent::yes},
        Death{"HalfHead", "HTTP/1.1 200 OK\r\nContent-Le", Errc::connection_lost, false, Sent::yes},
        Death{"OnlyInterim", "HTTP/1.1 100 Continue\r\n\r\n", Errc::connection_lost, false, Sent::yes},
        Death{"GarbageHead", "SSH-2.0-OpenSSH_9\r\n\r\n", Errc::malformed_reply, false, Sent::yes},
        Death{"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
              Errc::malformed_reply, false, Sent::yes},
        Death{"UpgradeNobodyAskedFor", "HTTP/1.1 101 Switching Protocols\r\n\r\n", Errc::malformed_reply,
              false, Sent::yes},
        Death{"NoBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", Errc::connection_lost, true,
              Sent::yes},
        Death{"HalfBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Errc::connection_lost, true,
              Sent::yes},
        Death{"HalfChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
              Errc::connection_lost, true, Sent::yes},
        Death{"NoLastChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
              Errc::connection_lost, true, Sent::yes},
        Death{"ChunkGarbage", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n",
              Errc::malformed_reply, true, Sent::yes}),
    [](auto const& info) { return info.param.name; });

TEST(HttpTransport, StopsReadingAHeadThatDoesNotEnd) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'));
    co_await wire.stall();
  });
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).code(), Errc::malformed_reply);
}

TEST(HttpTransport, ReadsAHeadLargerThanOneBlock) {
  HttpClientTest test;
  test.peer.then(
      answer("HTTP/1.1 200 OK\r\nX: " + std::string(30'000, 'x') + "\r\nContent-Length: 2\r\n\r\nhi"));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.fetch(transport).body, "hi");
}

TEST(HttpTransport, GivesUpAfterManyInterimAnswers) {
  HttpClientTest test;
  std::string many;
  for (int i = 0; i < 50; ++i) many += "HTTP/1.1 102 Processing\r\n\r\n";
  test.peer.then(answer(many));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).code(), Errc::malformed_reply);
}

// Reuse under fire.

TEST(HttpTransport, ReplacesAConnectionThatWasClosedWhileIdle) {
  HttpClientTest test;
  test.peer.then(answer_and_close(ok)).then(answer(ok));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.peer.connections(), 2);
}

TEST(HttpTransport, SendsOnceMoreWhenTheServerClosesAnIdleConnectionAtThatMoment) {
  for (bool const reset : {false, true}) {
    HttpClientTest test;
    test.peer
        .then([&](Wire& wire) -> Task<> {
          co_await wire.receive();
          co_await wire.send(ok);
          co_await wire.receive_some();  // The next request has come, but is not answered.
          if (reset) wire.reset();
        })
        .then(answer(ok));
    auto transport = test.transport();
    EXPECT_EQ(test.fetch(transport).body, "hi");
    Fetched const again = test.fetch(transport, HttpClientTest::post("once"));
    EXPECT_FALSE(again.error);
    EXPECT_EQ(again.body, "hi");
    EXPECT_EQ(test.peer.connections(), 2);
    EXPECT_EQ(test.stats(transport).repeats, 1u);
  }
}

TEST(HttpTransport, DoesNotSendAgainWhatWasPartlyAnswered) {
  HttpClientTest test;
  test.peer
      .then([](Wire& wire) -> Task<> {
        co_await wire.receive();
        co_await wire.send(ok);
        co_await wire.receive();
        co_await wire.send("H");
      })
      .then(answer(ok));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.fetch(transport).code(), Errc::connection_lost);
  EXPECT_EQ(test.peer.connections(), 1);
}

TEST(HttpTransport, DoesNotSendAgainOnAFreshConnection) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> { co_await wire.receive(); });
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).code(), Errc::connection_lost);
  EXPECT_EQ(test.peer.connections(), 1);
}

TEST(HttpTransport, DropsAConnectionOnWhichTheServerSaysTooMuch) {
  for (std::string const& text :
       {std::string(ok) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        std::string("HTTP/1.1 204 No Content\r\n\r\nx"),
        std::string(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 200")}) {
    HttpClientTest test;
    test.peer.then(answer(text));
    auto transport = test.transport();
    for (int i = 1; i <= 2; ++i) {
      Fetched const got = test.fetch(transport);
      EXPECT_FALSE(got.error);
      EXPECT_NE(got.body, "evil");
      EXPECT_EQ(test.peer.connections(), i);
    }
    EXPECT_EQ(test.stats(transport).open, 0u);
  }
}

TEST(HttpTransport, DropsAnIdleConnectionThatBeganToTalk) {
  HttpClientTest test;
  bool talked = false;
  test.peer
      .then([&](Wire& wire) -> Task<> {
        co_await wire.receive();
        co_await wire.send(ok);
        co_await wire.yield();
        co_await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        talked = true;
        co_await wire.stall();
      })
      .then(answer(ok));
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).body, "hi");
  while (!talked) test.io.run_one();
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.peer.connections(), 2);
}

// As the one above, but with a loop on which nobody waits for a socket, so that it was not told of the talk.
TEST(HttpTransport, DropsAnIdleConnectionThatBeganToTalkWhileTheLoopDidNotListen) {
  using boost::asio::ip::tcp;
  HttpClientTest test;
  boost::asio::io_context elsewhere;
  tcp::acceptor acceptor(elsewhere, {boost::asio::ip::address_v4::loopback(), 0});
  acceptor.non_blocking(true);
  auto transport = test.at("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  std::vector<tcp::socket> accepted;
  auto const fetch = [&] {
    Call call = test.new_call();
    HttpRequest const request = HttpClientTest::get();
    auto fetching = lowart::testing::start(test.io, lowart::testing::fetch_on(call, transport, request));
    while (!fetching.done()) {
      test.io.restart();
      test.io.run_one_for(1ms);
      boost::system::error_code nobody;
      tcp::socket connection = acceptor.accept(nobody);
      if (nobody) continue;
      boost::asio::write(connection, boost::asio::buffer(std::string(ok)));
      accepted.push_back(std::move(connection));
    }
    return fetching.take();
  };
  EXPECT_EQ(fetch().body, "hi");
  std::string const unasked = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  boost::asio::write(accepted.front(), boost::asio::buffer(unasked));
  EXPECT_EQ(fetch().body, "hi");
  EXPECT_EQ(accepted.size(), 2u);
}

TEST(HttpTransport, ClosesTheConnectionOfAnAnswerThatIsNotReadToItsEnd) {
  HttpClientTest test;
  bool closed = false;
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin");
    co_await wire.stall();
    closed = true;
  });
  auto transport = test.transport();
  {
    Call call = test.new_call();
    auto half = [&]() -> Task<bool> {
      auto const request = HttpClientTest::get();
      auto exchange = co_await transport.exchange(request, call);
      auto const piece = co_await (*exchange)->read();
      co_return piece.has_value();
    };
    EXPECT_TRUE(lowart::testing::run(test.io, half()));
  }
  EXPECT_EQ(test.stats(transport).open, 0u);
  while (!closed) test.io.run_one();
}

// A stream whose reader stops at the terminal event, before the last chunk.
Task<bool> read_then_finish(lowart::net::HttpTransport& transport, Call& call) {
  auto const request = HttpClientTest::get();
  auto exchange = co_await transport.exchange(request, call);
  if (!exchange) co_return false;
  auto const piece = co_await (*exchange)->read();
  (*exchange)->finish();
  co_return piece.has_value() && std::string_view(piece->data(), piece->size()) == "hi";
}

TEST(HttpTransport, KeepsTheConnectionOfAFinishedStreamWhoseEndFollows) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> {
    for (;;) {
      std::string const request = co_await wire.receive();
      if (request.empty()) co_return;
      co_await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
      co_await wire.yield();
      co_await wire.send("0\r\n\r\n");
    }
  });
  auto transport = test.transport();
  for (int i = 0; i < 5; ++i) {
    Call call = test.new_call();
    EXPECT_TRUE(lowart::testing::run(test.io, read_then_finish(transport, call)));
    while (test.io.poll_one() > 0) {
    }
  }
  EXPECT_EQ(test.peer.connections(), 1);
}

TEST(HttpTransport, LeavesAFinishedStreamAsideUntilItsEndHasCome) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    co_await wire.stall();
  });
  auto transport = test.transport();
  for (int i = 1; i <= 2; ++i) {
    Call call = test.new_call();
    EXPECT_TRUE(lowart::testing::run(test.io, read_then_finish(transport, call)));
    EXPECT_EQ(test.peer.connections(), i);
  }
}

TEST(HttpTransport, KeepsAsManyIdleConnectionsAsItMay) {
  HttpClientTest test;
  test.peer.then(answer(ok));
  HttpOptions options;
  options.max_idle_per_loop = 2;
  auto transport = test.transport(options);
  std::vector<lowart::testing::Running<Fetched>> running;
  auto const request = HttpClientTest::get();
  std::deque<Call> calls;
  for (int i = 0; i < 5; ++i) {
    Call& call = calls.emplace_back(lowart::testing::AdmissionForTests::unlimited(),
                                    lowart::LoopClock::of(test.io), test.io.get_executor(), test.arena);
    running.push_back(lowart::testing::start(test.io, lowart::testing::fetch_on(call, transport, request)));
  }
  for (auto& one : running)
    while (!one.done()) test.io.run_one();
  EXPECT_EQ(test.peer.connections(), 5);
  EXPECT_EQ(test.stats(transport).idle, 2u);
  EXPECT_EQ(test.stats(transport).open, 2u);
}

TEST(HttpTransport, TrustsNoConnectionThatWasIdleTooLong) {
  HttpClientTest test;
  test.peer.then(answer(ok));
  HttpOptions options;
  options.idle = 0s;
  auto transport = test.transport(options);
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(test.fetch(transport).body, "hi");
    EXPECT_EQ(test.peer.connections(), i);
  }
}

// An answer before the request is sent.

TEST(HttpTransport, ReturnsAnEarlyRefusalInsteadOfABrokenPipe) {
  std::string const big(8 * 1024 * 1024, 'x');
  for (bool const closes : {true, false}) {
    HttpClientTest test;
    test.peer.then([&](Wire& wire) -> Task<> {
      co_await wire.receive_some();
      co_await wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big");
      if (closes) co_return;
      // Reads nothing more, and does not close either.
      while (!wire.stream().peer_gone()) co_await wire.yield();
    });
    auto transport = test.transport();
    Fetched const got = test.fetch(transport, HttpClientTest::post(big));
    EXPECT_FALSE(got.error) << got.error->message();
    EXPECT_EQ(got.status, 413);
    EXPECT_EQ(got.body, "too big");
    EXPECT_EQ(test.stats(transport).open, 0u);
  }
}

TEST(HttpTransport, GoesOnSendingAfterAnInterimAnswer) {
  std::string const big(8 * 1024 * 1024, 'x');
  HttpClientTest test;
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive_some();
    co_await wire.send("HTTP/1.1 102 Processing\r\n\r\n");
    for (int i = 0; i < 20; ++i) co_await wire.yield();
    std::string const request = co_await wire.receive();
    co_await wire.send(request.ends_with(big) ? ok : "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    co_await wire.stall();
  });
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport, HttpClientTest::post(big)).body, "hi");
  EXPECT_EQ(test.stats(transport).idle, 1u);
}

// Interruption.

TEST(HttpTransport, FailsAtOnceWhenTheCallWasInterruptedBefore) {
  HttpClientTest test;
  test.peer.then(answer(ok));
  auto transport = test.transport();
  Call call = test.new_call();
  call.cancel();
  Fetched const got = test.fetch(call, transport);
  EXPECT_EQ(got.code(), Errc::cancelled);
  EXPECT_EQ(got.error->sent(), Sent::nothing);
  EXPECT_EQ(test.peer.connections(), 0);
}

TEST(HttpTransport, IsInterruptedWhileItWaitsForTheHead) {
  HttpClientTest test;
  Call call = test.new_call();
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive();
    EXPECT_EQ(lowart::net::Loop::of(test.io).buffers().lent_bytes(),
              0u);  // A silent provider holds no buffer.
    call.interrupt(Errc::first_token_timeout);
    co_await wire.stall();
  });
  auto transport = test.transport();
  Fetched const got = test.fetch(call, transport);
  EXPECT_EQ(got.code(), Errc::first_token_timeout);
  EXPECT_EQ(got.error->sent(), Sent::maybe);
  EXPECT_EQ(test.stats(transport).open, 0u);
}

TEST(HttpTransport, IsInterruptedWhileItWaitsForTheBody) {
  HttpClientTest test;
  Call call = test.new_call();
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    for (int i = 0; i < 20; ++i) co_await wire.yield();
    EXPECT_EQ(lowart::net::Loop::of(test.io).buffers().lent_bytes(), 0u);
    call.interrupt(Errc::between_tokens_timeout);
    co_await wire.stall();
  });
  auto transport = test.transport();
  Fetched const got = test.fetch(call, transport);
  EXPECT_TRUE(got.answered);
  EXPECT_EQ(got.body, "hi");
  EXPECT_EQ(got.code(), Errc::between_tokens_timeout);
  EXPECT_EQ(got.error->sent(), Sent::yes);
  EXPECT_EQ(test.stats(transport).open, 0u);
}

TEST(HttpTransport, IsInterruptedWhileItSends) {
  HttpClientTest test;
  Call call = test.new_call();
  std::string const big(16 * 1024 * 1024, 'x');
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive_some();
    for (int i = 0; i < 20; ++i) co_await wire.yield();
    call.cancel();
    co_await wire.stall();
  });
  auto transport = test.transport();
  Fetched const got = test.fetch(call, transport, HttpClientTest::post(big));
  EXPECT_EQ(got.code(), Errc::cancelled);
  EXPECT_EQ(got.error->sent(), Sent::maybe);
}

TEST(HttpTransport, IsInterruptedWhileItConnects) {
  HttpClientTest test;
  Call call = test.new_call();
  auto transport = test.at("http://192.0.2.1:9");  // TEST-NET-1: silent, or no route at all.
  lowart::asio::post(test.io, [&] { lowart::asio::post(test.io, [&] { call.cancel(); }); });
  Fetched const got = test.fetch(call, transport);
  ASSERT_TRUE(got.error);
  EXPECT_TRUE(got.code() == Errc::cancelled || got.code() == Errc::connect_failed);
  EXPECT_EQ(got.error->sent(), Sent::nothing);
}

TEST(HttpTransport, IsUsableByTwoLoopsAtOnce) {
  HttpClientTest one;
  one.peer.then(answer(ok));
  auto transport = one.transport();
  EXPECT_EQ(one.fetch(transport).body, "hi");
  lowart::asio::io_context other(1);
  {
    lowart::Arena arena;
    Call call(lowart::testing::AdmissionForTests::unlimited(), lowart::LoopClock::of(other),
              other.get_executor(), arena);
    auto const request = HttpClientTest::get();
    auto running = lowart::testing::start(other, lowart::testing::fetch_on(call, transport, request));
    while (!running.done()) {
      other.poll();
      other.restart();
      one.io.poll();
      one.io.restart();
    }
    EXPECT_EQ(running.take().body, "hi");
  }
  EXPECT_EQ(one.stats(transport).idle, 1u);
  EXPECT_EQ(transport.stats(lowart::net::Loop::of(other)).idle, 1u);
}

}  // namespace
}  // namespace lowart::http_client_test
