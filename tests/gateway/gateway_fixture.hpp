#pragma once
/// A gateway behind a real server on its own thread, with a log that can be read.

#include <lowart/core/loop_clock.hpp>
#include <lowart/gateway/gateway.hpp>
#include <lowart/meter/metered.hpp>
#include <lowart/policy/router.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "../net/server_fixture.hpp"
#include "prometheus_reader.hpp"

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace lowart::testing {

using HttpAnswer = Answer;  // lowart::Answer is another thing

/// One server, one loop, one thread. Everything of it is gone after stop(), and the log is complete.
template <class G>
class GatewayServer {
 public:
  explicit GatewayServer(G g) : gateway(std::move(g)) {
    net::ServerLimits limits;
    limits.look_out = std::chrono::milliseconds(1);
    limits.linger_time = std::chrono::milliseconds(50);
    server_ = std::make_shared<net::HttpServer>(
        *io_, gateway.handler(0, LoopClock::of(*io_), [this] { return draining.load(); }), limits);
    EXPECT_TRUE(server_->listen(address));
    thread_ = std::thread([this] { io_->run(); });
  }
  ~GatewayServer() { stop(); }
  GatewayServer(GatewayServer const&) = delete;
  GatewayServer& operator=(GatewayServer const&) = delete;

  TestClient client() const { return TestClient(address); }
  HttpAnswer ask(std::string_view request) const { return client().ask(request); }
  /// Stops in the middle of whatever runs.
  void stop() {
    if (!thread_.joinable()) return;
    guard_.reset();
    io_->stop();
    thread_.join();
    server_.reset();
    io_.reset();
  }
  PrometheusReader metrics() {
    PrometheusText text;
    gateway.metrics().render(text);
    return PrometheusReader(text.take());
  }

  net::ListenAddress address = TestServer::loopback();
  G gateway;
  std::atomic<bool> draining{false};

 private:
  std::optional<asio::io_context> io_{std::in_place, 1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard_{io_->get_executor()};
  std::shared_ptr<net::HttpServer> server_;
  std::thread thread_;
};

/// A log in a file without a name.
class LogFile {
 public:
  LogFile() : file_(std::tmpfile()) {}
  ~LogFile() { std::fclose(file_); }
  LogFile(LogFile const&) = delete;
  LogFile& operator=(LogFile const&) = delete;
  int fd() const noexcept { return ::fileno(file_); }
  /// Every line so far, which must be a JSON object.
  std::vector<boost::json::object> lines() {
    std::string text(1U << 20U, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(fd(), text.data(), text.size(), 0))));
    std::vector<boost::json::object> all;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
      all.push_back(boost::json::parse(text.substr(at, end - at)).as_object());
    return all;
  }

 private:
  std::FILE* file_;
};

/// The value of a header field in an answer's head; empty when it is not there.
inline std::string field_of(HttpAnswer const& answer, std::string const& name) {
  auto const at = answer.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  auto const from = at + name.size() + 4;
  return answer.head.substr(from, answer.head.find("\r\n", from) - from);
}
/// The error object of an OpenAI error answer.
inline boost::json::object error_of(HttpAnswer const& answer) {
  auto const body = boost::json::parse(answer.body).as_object();
  EXPECT_EQ(body.size(), 1U);
  auto error = body.at("error").as_object();
  for (auto const* member : {"message", "type", "param", "code"})
    EXPECT_TRUE(error.contains(member)) << member;
  return error;
}

}  // namespace lowart::testing
