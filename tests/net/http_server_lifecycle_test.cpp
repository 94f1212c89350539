#include "certificates.hpp"
#include "server_fixture.hpp"

#include <lowart/net/http_server.hpp>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <sys/stat.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <thread>

namespace lowart::http_server_lifecycle_test {
namespace {

using namespace lowart;
using namespace lowart::testing;
using namespace std::chrono_literals;

net::ListenAddress unix_at(std::string path) {
  net::ListenAddress address;
  address.socket_path = std::move(path);
  return address;
}

bool exists(std::string const& path) {
  struct stat what{};
  return ::lstat(path.c_str(), &what) == 0;
}

/// Several servers of one process, each on a loop and thread of its own. Answers with the server's number.
class Servers {
 public:
  explicit Servers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      loops_.push_back(std::make_unique<asio::io_context>(1));
      guards_.emplace_back(loops_[i]->get_executor());
      servers_.push_back(std::make_shared<net::HttpServer>(
          *loops_[i], [i](net::ServerRequest&, net::Responder& responder) { return say(i, responder); }));
    }
    servers_[0]->share_unix_with(servers_);
  }
  ~Servers() {
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
  }
  void run() {
    for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
  }
  net::HttpServer& operator[](std::size_t i) { return *servers_[i]; }
  std::vector<std::future<void>> drain() {
    std::vector<std::future<void>> idle;
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      auto told = std::make_shared<std::promise<void>>();
      idle.push_back(told->get_future());
      asio::post(*loops_[i], [this, i, told] { servers_[i]->drain([told] { told->set_value(); }); });
    }
    return idle;
  }

 private:
  static Task<void> say(std::size_t i, net::Responder& responder) {
    std::string const text = std::to_string(i);
    Result<void> const sent = co_await responder.send(200, "text/plain", text);
    (void)sent;
  }
  std::vector<std::unique_ptr<asio::io_context>> loops_;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_;
  std::vector<std::shared_ptr<net::HttpServer>> servers_;
  std::vector<std::thread> threads_;
};

TEST(HttpServerLifecycle, DrainsIdleConnectionsAtOnceAndRunningOnesWhenTheyEnd) {
  TestServer server;
  TestClient idle(server.address);
  EXPECT_EQ(idle.ask(get("/echo")).status, 200);
  TestClient running(server.address);
  running.send(get("/soon"));
  server.seen.wait_began.get_future().wait();
  TestClient halfway(server.address);
  EXPECT_EQ(halfway.ask(get("/echo")).status, 200);
  halfway.send("GET /echo HTTP/1.1\r\nHo");
  while (server.on_loop([&] { return server.server->connections(); }) != 3) std::this_thread::yield();
  for (int i = 0; i < 10; ++i) server.on_loop([] { return 0; });

  auto drained = server.drain();
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(TestClient(server.address).connected());
  halfway.send("st: a\r\n\r\n");
  auto const last = halfway.receive();
  EXPECT_EQ(last.status, 200);
  EXPECT_TRUE(last.has("connection: close"));
  auto const soon = running.receive();
  EXPECT_EQ(soon.body, "soon");
  EXPECT_TRUE(soon.has("connection: close"));
  EXPECT_TRUE(running.ended());
  ASSERT_EQ(drained.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(server.server->connections(), 0U);
  drained.get();
}

TEST(HttpServerLifecycle, DrainsAtOnceWhenNothingRuns) {
  TestServer server;
  ASSERT_EQ(server.drain().wait_for(5s), std::future_status::ready);
}

TEST(HttpServerLifecycle, AnswersWhoWasInTheBacklogWhenTheDrainBegan) {
  TestServer server;
  std::promise<void> hold;
  asio::post(server.io, [held = hold.get_future().share()] { held.wait(); });
  TestClient client(server.address);
  client.send(get("/echo"));
  auto drained = server.drain();
  hold.set_value();
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(drained.wait_for(5s), std::future_status::ready);
}

TEST(HttpServerLifecycle, AbortsWhatIsLeftAfterADrain) {
  net::ServerLimits limits;
  limits.look_out = 50ms;
  TestServer server(limits);
  TestClient client(server.address);
  client.send(get("/drip"));
  server.seen.wait_began.get_future().wait();
  auto drained = server.drain();
  EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
  asio::post(server.io, [&] { server.server->abort(); });
  EXPECT_TRUE(server.seen.wait_ended.get_future().get());
  EXPECT_EQ(drained.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(client.receive().status, 0);
}

TEST(HttpServerLifecycle, ServesAUnixSocketAndRemovesItsFile) {
  TestDirectory const directory;
  auto const address = unix_at(directory.file("s"));
  TestServer server({}, address);
  ASSERT_TRUE(server.listening.has_value());
  TestClient client(address);
  EXPECT_TRUE(client.ask(get("/echo")).has("x-peer: unix"));
  auto const body = pattern(300'000);
  std::thread writer([&] { client.send(post("/echo", body)); });
  EXPECT_TRUE(client.receive().body == body);
  writer.join();
  EXPECT_TRUE(exists(address.socket_path));
  EXPECT_EQ(server.drain().wait_for(5s), std::future_status::ready);
  EXPECT_FALSE(exists(address.socket_path));
}

TEST(HttpServerLifecycle, ReplacesADeadSocketFileButNothingElse) {
  TestDirectory const directory;
  auto const address = unix_at(directory.file("s"));
  int const dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.socket_path.data(), address.socket_path.size());
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr const*>(&name), sizeof name), 0);
  ::close(dead);

  TestServer server({}, address);
  ASSERT_TRUE(server.listening.has_value());
  TestServer const second({}, address);
  ASSERT_FALSE(second.listening.has_value());
  EXPECT_EQ(second.listening.error().code(), Errc::storage_failed);
  EXPECT_EQ(TestClient(address).ask(get("/echo")).status, 200);

  auto const file = directory.file("plain");
  std::ofstream(file) << "not a socket";
  TestServer const third({}, unix_at(file));
  ASSERT_FALSE(third.listening.has_value());
  EXPECT_EQ(third.listening.error().code(), Errc::config_invalid);
  EXPECT_TRUE(exists(file));

  // A successor's file is not ours to remove.
  ::unlink(address.socket_path.c_str());
  std::ofstream(address.socket_path) << "a successor's";
  EXPECT_EQ(server.drain().wait_for(5s), std::future_status::ready);
  EXPECT_TRUE(exists(address.socket_path));
}

TEST(HttpServerLifecycle, SpreadsTheConnectionsOfAUnixSocketOverServers) {
  TestDirectory const directory;
  auto address = unix_at(directory.file("s"));
  Servers servers(3);
  ASSERT_TRUE(servers[0].listen(address).has_value());
  servers.run();
  std::map<std::string, int> seen;
  std::vector<TestClient> clients;
  for (int i = 0; i < 9; ++i) {
    clients.emplace_back(address);
    ++seen[clients.back().ask(get("/")).body];
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{{"0", 3}, {"1", 3}, {"2", 3}}));
  for (auto& idle : servers.drain()) EXPECT_EQ(idle.wait_for(5s), std::future_status::ready);
  for (auto& client : clients) EXPECT_TRUE(client.ended());
  EXPECT_FALSE(exists(address.socket_path));
}

TEST(HttpServerLifecycle, SharesAPortBetweenTheLoopsOfOneProcessOnly) {
  auto address = TestServer::loopback();
  Servers servers(2);
  ASSERT_TRUE(servers[0].listen(address).has_value());
  ASSERT_TRUE(servers[1].listen(address).has_value());
  servers.run();
  std::map<std::string, int> seen;
  std::vector<TestClient> clients;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back(address);
    ++seen[clients.back().ask(get("/")).body];
  }
  EXPECT_GT(seen["0"], 0);
  EXPECT_GT(seen["1"], 0);

  auto another = TestServer::loopback();
  another.port = address.port;
  TestServer const stranger({}, another);
  ASSERT_FALSE(stranger.listening.has_value());
  EXPECT_EQ(stranger.listening.error().code(), Errc::storage_failed);
  for (auto& idle : servers.drain()) EXPECT_EQ(idle.wait_for(5s), std::future_status::ready);
}

/// A blocking TLS client on a TestClient's socket.
class TlsClient {
 public:
  explicit TlsClient(net::ListenAddress const& at) : client_(at), context_(SSL_CTX_new(TLS_client_method())) {
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, client_.fd());
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(TlsClient const&) = delete;
  bool connected() const noexcept { return connected_; }
  bool send(std::string_view text) { return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0; }
  /// Reads until `end` has come or the connection ends.
  std::string receive_to(std::string_view end) {
    std::string text;
    char space[16384];
    while (!text.ends_with(end)) {
      int const got = SSL_read(ssl_, space, sizeof space);
      if (got <= 0) break;
      text.append(space, static_cast<std::size_t>(got));
    }
    return text;
  }
  void say_goodbye() { SSL_shutdown(ssl_); }

 private:
  TestClient client_;
  SSL_CTX* context_;
  SSL* ssl_{nullptr};
  bool connected_{false};
};

TEST(HttpServerLifecycle, SpeaksTls) {
  TestDirectory const directory;
  TestAuthority const authority(directory, "ca");
  auto const files = authority.issue("server", "IP:127.0.0.1");
  auto address = TestServer::loopback();
  address.cert_file = files.cert;
  address.key_file = files.key;
  net::ServerLimits limits;
  limits.look_out = 50ms;
  TestServer server(limits, address);
  ASSERT_TRUE(server.listening.has_value());
  {
    TlsClient client(server.address);
    ASSERT_TRUE(client.connected());
    auto const body = pattern(100'000) + "END";
    client.send(post("/echo", body) + get("/stream"));
    EXPECT_TRUE(client.receive_to("0\r\n\r\n").find(body) != std::string::npos);
    client.send(get("/wait"));
    server.seen.wait_began.get_future().wait();
    client.say_goodbye();
    EXPECT_TRUE(server.seen.wait_ended.get_future().get());
  }
  TestClient plain(server.address);
  plain.send(get("/smuggled"));
  plain.rest();
  EXPECT_FALSE(server.seen.has("/smuggled"));
  TlsClient idle(server.address);
  ASSERT_TRUE(idle.connected());
  EXPECT_EQ(server.drain().wait_for(5s), std::future_status::ready);
  EXPECT_EQ(idle.receive_to("never"), "");
}

TEST(HttpServerLifecycle, RefusesAWrongCertificateOrAddress) {
  auto address = TestServer::loopback();
  address.cert_file = address.key_file = "/nonexistent.pem";
  EXPECT_EQ(TestServer({}, address).listening.error().code(), Errc::config_invalid);
  net::ListenAddress name;
  name.host = "example";
  EXPECT_EQ(TestServer({}, name).listening.error().code(), Errc::config_invalid);
  EXPECT_EQ(TestServer({}, unix_at(std::string(108, 'p'))).listening.error().code(), Errc::config_invalid);
  EXPECT_EQ(TestServer({}, unix_at("/nonexistent/s")).listening.error().code(), Errc::storage_failed);
}

TEST(HttpServerLifecycle, LeavesNothingBehindWhenTheLoopIsTornDown) {
  TestDirectory const directory;
  std::shared_ptr<net::HttpServer> survivor;
  {
    TestServer server({}, unix_at(directory.file("s")));
    server.on_loop([&] { return server.server->share_unix_with({server.server}), 0; });
    survivor = server.server;
    TestClient idle(server.address);
    EXPECT_EQ(idle.ask(get("/echo")).status, 200);
    TestClient halfway(server.address);
    halfway.send("GET / HT");
    TestClient uploading(server.address);
    uploading.send(post("/echo", pattern(100'000)).substr(0, 60'000));
    TestClient lingering(server.address);
    lingering.send("nonsense\r\n\r\n");
    EXPECT_EQ(lingering.receive().status, 400);
    TestClient streaming(server.address);
    streaming.send(get("/drip"));
    server.seen.wait_began.get_future().wait();
    server.stop();
  }
  EXPECT_FALSE(exists(directory.file("s")));
}

}  // namespace
}  // namespace lowart::http_server_lifecycle_test
