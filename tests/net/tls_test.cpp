#include "certificates.hpp"
#include "http_client_fixture.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace lowart::tls_test {
namespace {

using namespace std::chrono_literals;
using lowart::Call;
using lowart::Errc;
using lowart::Sent;
using lowart::Task;
using lowart::net::HttpOptions;
using lowart::net::TlsContext;
using lowart::testing::answer;
using lowart::testing::Fetched;
using lowart::testing::HttpClientTest;
using lowart::testing::TestAuthority;
using lowart::testing::TestDirectory;
using lowart::testing::Wire;

constexpr auto hi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

// A peer that speaks TLS, and the authority that signed for it.
class TlsTest : public HttpClientTest {
 public:
  explicit TlsTest(std::string const& names = "DNS:localhost,IP:127.0.0.1", long from = -3600,
                   long until = 86400)
      : files(authority.issue("server", names, from, until)) {
    auto server = TlsContext::server(files.cert, files.key);
    if (!server) throw std::runtime_error(server.error().message());
    peer.secure(*server);
    peer.then(answer(hi));
  }
  lowart::net::HttpTransport transport(std::string const& host = "127.0.0.1", std::string ca = "") {
    HttpOptions options;
    options.ca_file = ca.empty() ? authority.file() : ca;
    return at("https://" + host + ":" + std::to_string(peer.port()), options);
  }
  // The message of the failed connection.
  std::string refusal(lowart::net::HttpTransport transport) {
    Fetched const got = fetch(transport);
    if (!got.error) return "no error";
    EXPECT_EQ(got.error->code(), Errc::connect_failed);
    EXPECT_EQ(got.error->sent(), Sent::nothing);
    EXPECT_EQ(stats(transport).open, 0u);
    return got.error->message();
  }

  TestDirectory directory;
  TestAuthority authority{directory, "authority"};
  TestAuthority::Files files;
};

bool contains(std::string const& text, std::string const& part) {
  return text.find(part) != std::string::npos;
}

TEST(Tls, CarriesExchangesOnOneConnection) {
  TlsTest test;
  auto transport = test.transport();
  for (int i = 0; i < 3; ++i) {
    Fetched const got = test.fetch(transport);
    EXPECT_FALSE(got.error) << got.error->message();
    EXPECT_EQ(got.body, "hi");
  }
  EXPECT_EQ(test.peer.connections(), 1);
}

TEST(Tls, ChecksNamesAndAddresses) {
  TlsTest test;
  auto by_name = test.transport("localhost");
  EXPECT_EQ(test.fetch(by_name).body, "hi");
}

TEST(Tls, CarriesFiveMegabytesBothWays) {
  TlsTest test;
  std::string big(5 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>('a' + (i * 7 + i / 977) % 26);
  lowart::testing::HttpClientTest& plain = test;
  lowart::testing::ScriptedPeer peer(plain.io);
  peer.secure(*TlsContext::server(test.files.cert, test.files.key));
  peer.then([&](Wire& wire) -> Task<> {
    std::string const request = co_await wire.receive();
    std::string const echoed = request.substr(request.find("\r\n\r\n") + 4);
    co_await wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(echoed.size()) + "\r\n\r\n");
    co_await wire.send(echoed);
    co_await wire.stall();
  });
  HttpOptions options;
  options.ca_file = test.authority.file();
  auto transport = test.at("https://127.0.0.1:" + std::to_string(peer.port()), options);
  lowart::net::HttpRequest request("POST", "/echo");
  request.body(std::string_view(big).substr(0, 3)).body(std::string_view(big).substr(3, 20'000));
  request.body(std::string_view(big).substr(20'003, 100)).body(std::string_view(big).substr(20'103));
  Fetched const got = test.fetch(transport, request);
  EXPECT_FALSE(got.error) << got.error->message();
  EXPECT_TRUE(got.body == big);
  EXPECT_EQ(transport.stats(lowart::net::Loop::of(test.io)).idle, 1u);
}

TEST(Tls, RefusesACertificateForAnotherHost) {
  TlsTest test("DNS:other.example");
  std::string const by_address = test.refusal(test.transport());
  EXPECT_TRUE(contains(by_address, "127.0.0.1 was made for another host")) << by_address;
  std::string const by_name = test.refusal(test.transport("localhost"));
  EXPECT_TRUE(contains(by_name, "localhost was made for another host")) << by_name;
}

TEST(Tls, RefusesAnExpiredCertificate) {
  TlsTest test("IP:127.0.0.1", -7200, -3600);
  std::string const message = test.refusal(test.transport());
  EXPECT_TRUE(contains(message, "has expired")) << message;
}

TEST(Tls, RefusesACertificateOfTheFuture) {
  TlsTest test("IP:127.0.0.1", 3600, 7200);
  std::string const message = test.refusal(test.transport());
  EXPECT_TRUE(contains(message, "is not valid yet")) << message;
}

TEST(Tls, RefusesAnUnknownAuthority) {
  TlsTest test;
  TestAuthority const stranger(test.directory, "stranger");
  std::string const message = test.refusal(test.transport("127.0.0.1", stranger.file()));
  EXPECT_TRUE(contains(message, "ca_file")) << message;
  auto by_system = test.at("https://127.0.0.1:" + std::to_string(test.peer.port()));
  EXPECT_TRUE(contains(test.refusal(by_system), "ca_file"));
}

TEST(Tls, TrustsAnybodyWhenToldTo) {
  TlsTest test("DNS:other.example", -7200, -3600);
  HttpOptions options;
  options.verify = false;
  auto transport = test.at("https://127.0.0.1:" + std::to_string(test.peer.port()), options);
  EXPECT_EQ(test.fetch(transport).body, "hi");
}

TEST(Tls, SaysWhenTheServerDoesNotSpeakIt) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> {
    co_await wire.receive_some();
    co_await wire.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    co_await wire.stall();
  });
  auto transport = test.at("https://127.0.0.1:" + std::to_string(test.peer.port()));
  Fetched const got = test.fetch(transport);
  ASSERT_TRUE(got.error);
  EXPECT_TRUE(contains(got.error->message(), "does not speak TLS")) << got.error->message();
}

TEST(Tls, SaysWhenTheServerLeavesWithinTheHandshake) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> { co_await wire.receive_some(); });
  auto transport = test.at("https://127.0.0.1:" + std::to_string(test.peer.port()));
  EXPECT_EQ(test.fetch(transport).code(), Errc::connect_failed);
}

TEST(Tls, EndsAHandshakeThatStallsWithTheConnectClock) {
  HttpClientTest test;
  test.peer.then([](Wire& wire) -> Task<> { co_await wire.stall(); });
  auto transport = test.at("https://127.0.0.1:" + std::to_string(test.peer.port()));
  Call call = test.new_call();
  call.connect_timeout(30ms);
  Fetched const got = test.fetch(call, transport);
  EXPECT_EQ(got.code(), Errc::connect_timeout);
  EXPECT_EQ(got.error->sent(), Sent::nothing);
  EXPECT_TRUE(got.error->retryable());
  EXPECT_EQ(test.stats(transport).open, 0u);
}

TEST(Tls, EndsAHandshakeWhenTheCallIsInterrupted) {
  HttpClientTest test;
  Call call = test.new_call();
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive_some();
    call.cancel();
    co_await wire.stall();
  });
  auto transport = test.at("https://127.0.0.1:" + std::to_string(test.peer.port()));
  Fetched const got = test.fetch(call, transport);
  EXPECT_EQ(got.code(), Errc::cancelled);
  EXPECT_EQ(got.error->sent(), Sent::nothing);
}

TEST(Tls, ResumesTheSessionOfTheLastConnection) {
  TlsTest test;
  std::vector<bool> resumed;
  lowart::testing::ScriptedPeer peer(test.io);
  peer.secure(*TlsContext::server(test.files.cert, test.files.key));
  peer.then([&](Wire& wire) -> Task<> {
    resumed.push_back(wire.stream().tls_resumed());
    co_await wire.receive();
    co_await wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  });
  HttpOptions options;
  options.ca_file = test.authority.file();
  auto transport = test.at("https://localhost:" + std::to_string(peer.port()), options);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(resumed, (std::vector<bool>{false, true, true, true}));
}

TEST(Tls, TellsATruncatedBodyFromAnEndedOne) {
  for (bool const orderly : {true, false}) {
    TlsTest test;
    lowart::testing::ScriptedPeer peer(test.io);
    peer.secure(*TlsContext::server(test.files.cert, test.files.key));
    peer.then([&](Wire& wire) -> Task<> {
      co_await wire.receive();
      co_await wire.send("HTTP/1.1 200 OK\r\n\r\nuntil close");
      if (!orderly) wire.stream().drop();
    });
    HttpOptions options;
    options.ca_file = test.authority.file();
    auto transport = test.at("https://localhost:" + std::to_string(peer.port()), options);
    Fetched const got = test.fetch(transport);
    EXPECT_EQ(got.body, "until close");
    EXPECT_EQ(got.error.has_value(), !orderly);
  }
}

TEST(Tls, ServesTheNewCertificateAfterAReload) {
  TlsTest test("DNS:other.example");
  auto server = TlsContext::server(test.files.cert, test.files.key);
  test.peer.secure(*server);
  EXPECT_TRUE(contains(test.refusal(test.transport()), "another host"));
  test.authority.issue("server", "IP:127.0.0.1");
  ASSERT_TRUE(server->reload());
  auto transport = test.transport();
  EXPECT_EQ(test.fetch(transport).body, "hi");

  std::ofstream(test.files.key) << "not a key";
  auto const failed = server->reload();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::config_invalid);
  EXPECT_TRUE(contains(failed.error().message(), "server.key")) << failed.error().message();
  auto another = test.transport();
  EXPECT_EQ(test.fetch(another).body, "hi");
}

TEST(Tls, NamesTheFileThatIsWrong) {
  TestDirectory const directory;
  auto const no_ca = TlsContext::client({directory.file("none.pem"), true});
  ASSERT_FALSE(no_ca);
  EXPECT_TRUE(contains(no_ca.error().message(), "none.pem"));
  auto const no_cert = TlsContext::server(directory.file("none.crt"), directory.file("none.key"));
  ASSERT_FALSE(no_cert);
  EXPECT_TRUE(contains(no_cert.error().message(), "none.crt"));
  TestAuthority const authority(directory, "authority");
  auto const one = authority.issue("one", "DNS:one");
  auto const two = authority.issue("two", "DNS:two");
  auto const mixed = TlsContext::server(one.cert, two.key);
  ASSERT_FALSE(mixed);
  EXPECT_TRUE(contains(mixed.error().message(), "two.key")) << mixed.error().message();
}

}  // namespace
}  // namespace lowart::tls_test
