#pragma once
/// A server on its own thread with a handler for every situation, and a blocking client.

#include <lowart/net/http_server.hpp>
#include <lowart/testing/admission_for_tests.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace lowart::testing {

/// What the handlers of a test have seen; any thread.
class Seen {
 public:
  void served(std::string_view path) {
    std::lock_guard const lock(mutex_);
    paths_.emplace_back(path);
  }
  std::vector<std::string> paths() const {
    std::lock_guard const lock(mutex_);
    return paths_;
  }
  bool has(std::string_view path) const {
    auto const all = paths();
    return std::find(all.begin(), all.end(), path) != all.end();
  }
  std::promise<bool> wait_ended;  ///< Of /wait and /drip: whether the call was cancelled.
  std::promise<void> wait_began;
  std::atomic<std::size_t> body_limit{64U << 20U};

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;
};

/// Answers by the request's path.
inline Task<void> answer_for_test(net::ServerRequest& request, net::Responder& responder, Seen& seen) {
  std::string_view const path = request.head().path();
  seen.served(path);
  if (path == "/ignore") {
    Result<void> const sent = co_await responder.send(200, "text/plain", "ignored");
    (void)sent;
  } else if (path == "/held-pieces") {  // of a body that is held already
    Result<std::string_view> const body = co_await request.body(seen.body_limit);
    std::string text = body ? std::string() : "no body";
    for (;;) {
      Result<std::string_view> const piece = co_await request.next_piece(seen.body_limit, nullptr);
      if (!piece || piece->empty()) break;
      text.append("[").append(*piece).append("]");
    }
    Result<void> const sent = co_await responder.send(200, "text/plain", text);
    (void)sent;
  } else if (path == "/stream") {
    responder.begin(200, "text/event-stream");
    for (std::string_view const piece : {"one ", "two ", "three"}) {
      Result<void> const sent = co_await responder.write(piece, piece == "three");
      if (!sent) co_return;
    }
  } else if (path == "/nothing") {
    Result<void> const sent = co_await responder.send(204, "", "must not be sent");
    (void)sent;
  } else if (path == "/silent") {
    responder.begin(200, "text/plain");
  } else if (path == "/throw") {
    throw std::runtime_error("thrown by the test");
  } else if (path == "/throw-late" || path == "/abort") {
    responder.begin(200, "text/plain");
    Result<void> const sent = co_await responder.write("the first half", false);
    (void)sent;
    if (path != "/abort") throw std::runtime_error("thrown by the test");
    responder.abort();
  } else if (path == "/wait" || path == "/drip") {
    Call call(AdmissionForTests::unlimited(), request.clock(), request.executor(), request.arena());
    responder.cancel_when_client_leaves(call);
    if (path == "/drip") {
      responder.begin(200, "text/plain");
      Result<void> const sent = co_await responder.write("drop", false);
      (void)sent;
    }
    seen.wait_began.set_value();
    bool const slept = co_await request.clock().sleep(std::chrono::seconds(10), call);
    seen.wait_ended.set_value(!slept);
  } else if (path == "/soon") {
    Call call(AdmissionForTests::unlimited(), request.clock(), request.executor(), request.arena());
    seen.wait_began.set_value();
    (void)co_await request.clock().sleep(std::chrono::milliseconds(150), call);
    Result<void> const sent = co_await responder.send(200, "text/plain", "soon");
    (void)sent;
  } else if (path == "/pieces") {
    std::string all;
    std::size_t largest = 0;
    Result<std::string_view> piece;
    do {
      piece = co_await request.next_piece(seen.body_limit, nullptr);
      if (!piece) break;
      all += *piece;
      largest = std::max(largest, piece->size());
    } while (!piece->empty());
    responder.number("x-largest-piece", static_cast<std::int64_t>(largest));
    int const status = piece ? 200 : piece.error().code() == Errc::too_large ? 413 : 400;
    std::string const text(piece ? std::string_view(all) : std::string_view(piece.error().message()));
    Result<void> const sent = co_await responder.send(status, "text/plain", text);
    (void)sent;
  } else if (path == "/big") {
    std::string const big(32U << 20U, 'b');
    Result<void> const sent = co_await responder.send(200, "text/plain", big);
    seen.wait_ended.set_value(!sent);
  } else {
    responder.field("x-peer", request.peer()).field("bad name", "x").field("x-bad", "a\r\nb: c");
    Result<std::string_view> const body = co_await request.body(seen.body_limit);
    int const status = body ? 200 : body.error().code() == Errc::too_large ? 413 : 400;
    std::string const text(body ? *body : std::string_view(body.error().message()));
    Result<void> const sent = co_await responder.send(status, "text/plain", text);
    (void)sent;
  }
}

/// One server, one loop, one thread.
class TestServer {
 public:
  explicit TestServer(net::ServerLimits limits = {}, net::ListenAddress at = loopback())
      : address(std::move(at)) {
    server = std::make_shared<net::HttpServer>(
        io,
        [this](net::ServerRequest& request, net::Responder& responder) {
          return answer_for_test(request, responder, seen);
        },
        limits);
    listening = server->listen(address);
    thread_ = std::thread([this] { io.run(); });
  }
  ~TestServer() { stop(); }
  TestServer(TestServer const&) = delete;
  TestServer& operator=(TestServer const&) = delete;

  static net::ListenAddress loopback() {
    net::ListenAddress address;
    address.host = "127.0.0.1";
    return address;
  }
  /// Stops in the middle of whatever runs.
  void stop() {
    guard_.reset();
    io.stop();
    if (thread_.joinable()) thread_.join();
  }
  /// Starts to drain; the future is ready when nothing is left. Throws in there if told twice.
  std::future<void> drain() {
    auto told = std::make_shared<std::promise<void>>();
    asio::post(io, [this, told] { server->drain([told] { told->set_value(); }); });
    return told->get_future();
  }
  /// Waits until the loop has done what was posted before.
  template <class F>
  auto on_loop(F what) {
    std::packaged_task<decltype(what())()> task(std::move(what));
    auto result = task.get_future();
    asio::post(io, [&task] { task(); });
    return result.get();
  }

  Seen seen;
  net::ListenAddress address;
  asio::io_context io{1};
  std::shared_ptr<net::HttpServer> server;
  Result<void> listening;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io.get_executor()};
  std::thread thread_;
};

struct Answer {
  int status{0};
  std::string head;
  std::string body;
  bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

/// A blocking client; every wait is bounded.
class TestClient {
 public:
  explicit TestClient(net::ListenAddress const& at) {
    fd_ = ::socket(at.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval const limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (at.is_unix()) {
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::memcpy(name.sun_path, at.socket_path.data(), at.socket_path.size());
      connected_ = ::connect(fd_, reinterpret_cast<sockaddr const*>(&name), sizeof name) == 0;
    } else {
      sockaddr_in name{};
      name.sin_family = AF_INET;
      name.sin_port = htons(at.port);
      ::inet_pton(AF_INET, at.host.c_str(), &name.sin_addr);
      connected_ = ::connect(fd_, reinterpret_cast<sockaddr const*>(&name), sizeof name) == 0;
    }
  }
  TestClient(TestClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), unread_(std::move(other.unread_)) {}
  ~TestClient() { close(); }

  bool connected() const noexcept { return connected_; }
  int fd() const noexcept { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// False when the server does not take it any more.
  bool send(std::string_view text) {
    while (!text.empty()) {
      auto const sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// The next answer, interim ones included. Status 0: the connection ended before it was complete.
  Answer receive(bool to_head = false) {
    Answer answer;
    std::size_t head_size = std::string::npos;
    while ((head_size = unread_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return answer;
    answer.head = take(head_size + 4);
    int const status = std::stoi(answer.head.substr(9, 3));
    bool complete = true;
    if (auto const at = answer.head.find("content-length: "); at != std::string::npos && !to_head) {
      std::size_t const size = std::stoul(answer.head.substr(at + 16));
      while (complete && unread_.size() < size) complete = more();
      answer.body = take(size);
    } else if (answer.has("transfer-encoding: chunked") && !to_head) {
      for (std::size_t size = 1; complete && size > 0;) {
        std::size_t line = 0;
        while (complete && (line = unread_.find("\r\n")) == std::string::npos) complete = more();
        if (!complete) break;
        size = std::stoul(take(line + 2), nullptr, 16);
        while (complete && unread_.size() < size + 2) complete = more();
        answer.body += take(size);
        take(2);
      }
    }
    if (complete) answer.status = status;
    return answer;
  }
  Answer ask(std::string_view request) {
    send(request);
    return receive();
  }
  /// Everything until the connection ends.
  std::string rest() {
    while (more()) continue;
    return take(unread_.size());
  }
  /// Whether the server has closed in good order and sent nothing else.
  bool ended() {
    bool const silent = rest().empty();
    return silent && last_error_ == 0;
  }
  /// errno of the last read; 0 was an orderly end.
  int last_error() const noexcept { return last_error_; }
  bool more() {
    char space[65536];
    auto const got = ::recv(fd_, space, sizeof space, 0);
    last_error_ = got < 0 ? errno : 0;
    if (got <= 0) return false;
    unread_.append(space, static_cast<std::size_t>(got));
    return true;
  }

 private:
  std::string take(std::size_t size) {
    std::string text = unread_.substr(0, size);
    unread_.erase(0, size);
    return text;
  }
  int fd_;
  bool connected_{false};
  int last_error_{0};
  std::string unread_;
};

inline std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
inline std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
/// The same body in chunks of `piece` bytes.
inline std::string post_chunked(std::string_view path, std::string_view body, std::size_t piece,
                                std::string_view fields = "") {
  std::string text = "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
                     "Transfer-Encoding: chunked\r\n\r\n";
  while (!body.empty()) {
    auto const part = body.substr(0, piece);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    text.append(size).append(part).append("\r\n");
    body.remove_prefix(part.size());
  }
  return text + "0\r\n\r\n";
}
/// Bytes that show when they are out of place.
inline std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 31 % 251 % 26);
  return text;
}

}  // namespace lowart::testing
