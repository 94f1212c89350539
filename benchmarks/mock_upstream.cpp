/// A cheap stand-in for a provider of OpenAI chat and of Anthropic Messages: one thread, one epoll, replies made
/// beforehand.
///
///   bench_mock_upstream [--port 0] [--key KEY]      prints "listening 127.0.0.1:PORT"; ends on SIGTERM
///     [--certificate PEM --private-key PEM]         listens for TLS as well: "listening 127.0.0.1:PORT tls PORT"
///
/// - POST to a path that ends in /chat/completions: a whole reply of 1 KB.
/// - The same with "stream":true: `max_tokens` events (100 when not given), usage, [DONE].
///   Each event is a chunk of its own, and all are written at once.
/// - A model named *-one-chunk: the burst is one chunk.
/// - A model named *-paced-5000us: two events at once, then one each 5000 us; each has its time. Chat only.
/// - POST to a path that ends in /messages: the same in that protocol, whole or as a burst.
/// - GET /v1/models and GET /stats: the model list, and what was counted so far.
///
/// With --key every call must carry it as its protocol wants, as bearer token or as x-api-key, else 401.
/// Of bodies above 64 KiB only both ends are looked at.

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "prepared_replies.hpp"
#include "request_reading.hpp"
#include "sockets.hpp"
#include "tls_socket.hpp"

namespace {

using namespace lowart::bench;

constexpr std::size_t kept_front = 60 * 1024;
constexpr std::size_t kept_tail = 4 * 1024;
constexpr std::size_t unread_limit =
    1024 * 1024;  ///< Bytes a client may send ahead while it is being answered.

struct Connection {
  int fd = -1;
  PeerSocket socket;
  std::uint64_t id = 0;
  std::string in;  ///< Head and body of the current request, without `discarded`, and what follows.
  std::size_t discarded = 0;  ///< Body bytes dropped from the middle of a long body.
  std::size_t to_discard = 0;
  std::string_view out;  ///< Not sent yet; points into a prepared reply or into `own_out`.
  std::string own_out;
  bool waits_for_room = false;
  int paced_events = 0;  ///< > 0 while a paced stream runs.
  int next_event = 0;
  std::uint64_t pace_ns = 0;
  std::uint64_t due_ns = 0;
};

class Mock {
 public:
  Mock(int port, std::string key, TlsContext tls) : inner_key_(std::move(key)), inner_tls_(std::move(tls)) {
    inner_listener_ = listen_on(port);
    int tls_port = 0;
    if (inner_tls_) inner_tls_listener_ = listen_on(tls_port);
    inner_epoll_ = epoll_create1(EPOLL_CLOEXEC);
    inner_timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(inner_listener_, EPOLLIN, EPOLL_CTL_ADD);
    watch(inner_timer_, EPOLLIN, EPOLL_CTL_ADD);
    if (inner_tls_) watch(inner_tls_listener_, EPOLLIN, EPOLL_CTL_ADD);
    std::printf("listening 127.0.0.1:%d%s\n", port,
                inner_tls_ ? (" tls " + std::to_string(tls_port)).c_str() : "");
    std::fflush(stdout);
  }

  void run() {
    std::vector<epoll_event> ready(256);
    for (;;) {
      int const n = epoll_wait(inner_epoll_, ready.data(), static_cast<int>(ready.size()), -1);
      for (int i = 0; i < n; ++i) {
        int const fd = ready[static_cast<std::size_t>(i)].data.fd;
        if (fd == inner_listener_ || fd == inner_tls_listener_) {
          accept_all(fd);
        } else if (fd == inner_timer_) {
          std::uint64_t ticks = 0;
          if (read(inner_timer_, &ticks, sizeof ticks) > 0) send_due_events();
        } else if (auto found = inner_connections_.find(fd); found != inner_connections_.end()) {
          serve(*found->second, ready[static_cast<std::size_t>(i)].events);
        }
      }
    }
  }

 private:
  struct Due {
    std::uint64_t at;
    int fd;
    std::uint64_t id;
    bool operator<(Due const& other) const { return at > other.at; }  // the earliest is on top
  };

  void watch(int fd, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(inner_epoll_, operation, fd, &event);
  }

  void accept_all(int listener) {
    for (;;) {
      int const fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      send_at_once(fd);
      auto connection = std::make_unique<Connection>();
      connection->fd = fd;
      connection->socket = PeerSocket(fd, listener == inner_tls_listener_ ? inner_tls_.get() : nullptr);
      connection->id = ++inner_accepted_;
      inner_connections_[fd] = std::move(connection);
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(Connection& c) {
    int const fd = c.fd;
    close(fd);
    inner_connections_.erase(fd);
  }

  void serve(Connection& c, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0U && !flush(c)) return drop(c);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0U && !receive(c)) return drop(c);
    if (!answer_all(c)) drop(c);
  }

  static bool busy(Connection const& c) { return !c.out.empty() || c.paced_events > 0; }

  /// False when the peer has gone.
  bool receive(Connection& c) {
    for (;;) {
      bool const discards = c.to_discard > 0;
      std::size_t const want = discards ? c.to_discard : inner_scratch_.size();
      // MSG_TRUNC makes TCP drop the bytes without copying them.
      ssize_t const n = discards && !c.socket.is_tls()
                            ? recv(c.fd, nullptr, want, MSG_TRUNC)
                            : c.socket.receive(inner_scratch_.data(), std::min(want, inner_scratch_.size()));
      if (n == 0) return false;
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      auto const got = static_cast<std::size_t>(n);
      if (discards) {
        c.to_discard -= got;
        c.discarded += got;
      } else {
        c.in.append(inner_scratch_.data(), got);
        if (c.in.size() > unread_limit) return false;
        plan_discard(c);
      }
      // Of TLS at most a record comes at once, and what OpenSSL holds wakes nobody.
      if (got < want && c.to_discard == 0 && !c.socket.is_tls()) return true;
    }
  }

  void plan_discard(Connection& c) const {
    if (c.in.size() < kept_front || c.discarded > 0 || busy(c)) return;
    RequestHead const head = read_head(c.in);
    if (head.bytes == 0) return;
    std::size_t const have = c.in.size() - head.bytes;
    if (head.content_length > have + kept_tail) c.to_discard = head.content_length - have - kept_tail;
  }

  /// Answers what has arrived whole; false when the connection must go.
  bool answer_all(Connection& c) {
    while (!busy(c) && c.to_discard == 0) {
      RequestHead const head = read_head(c.in);
      if (head.bytes == 0) return true;
      std::size_t const end = head.bytes + head.content_length - c.discarded;
      if (c.in.size() < end) return true;
      std::string_view const body = std::string_view(c.in).substr(head.bytes, end - head.bytes);
      answer(c, head, body);
      c.in.erase(0, end);
      c.discarded = 0;
      if (!flush(c)) return false;
    }
    return true;
  }

  void answer(Connection& c, RequestHead const& head, std::string_view body) {
    std::optional<Speech> const speech = speech_of(head.line);
    if (!speech) return answer_other(c, head.line);
    ++inner_requests_;
    inner_body_bytes_ += head.content_length;
    if (head.has_unknown_length)
      return say(c, json_answer("411 Length Required", R"({"error":{"message":"send a Content-Length"}})"));
    if (*speech == Speech::messages && head.anthropic_version.empty())
      return say(c,
                 json_answer("400 Bad Request", R"({"type":"error","error":{"type":"invalid_request_error",)"
                                                R"("message":"anthropic-version: header is required"}})"));
    if (!knows_key(*speech, head))
      return say(c,
                 json_answer("401 Unauthorized", R"({"type":"error","error":{"type":"authentication_error",)"
                                                 R"("message":"wrong key","code":"invalid_api_key"}})"));
    if (member(body, "stream").substr(0, 4) == "true") return begin_stream(c, *speech, body);
    WholeReply& whole = *speech == Speech::chat ? inner_whole_chat_ : inner_whole_message_;
    say(c, whole.to_body_of(head.content_length));
  }

  static std::optional<Speech> speech_of(std::string_view line) {
    if (line.substr(0, 5) != "POST ") return std::nullopt;
    if (line.find("/chat/completions ") != std::string_view::npos) return Speech::chat;
    if (line.find("/messages ") != std::string_view::npos) return Speech::messages;
    return std::nullopt;
  }

  bool knows_key(Speech speech, RequestHead const& head) const {
    if (inner_key_.empty()) return true;
    if (speech == Speech::messages) return head.api_key == inner_key_;
    constexpr std::string_view scheme = "Bearer ";
    std::string_view const given = head.authorization;
    return given.substr(0, scheme.size()) == scheme && given.substr(scheme.size()) == inner_key_;
  }

  void answer_other(Connection& c, std::string_view line) {
    if (line.substr(0, 11) == "GET /stats ") {
      return say(c, json_answer("200 OK", "{\"requests\":" + std::to_string(inner_requests_) +
                                              ",\"streams\":" + std::to_string(inner_streams_) +
                                              ",\"body_bytes\":" + std::to_string(inner_body_bytes_) +
                                              ",\"connections\":" + std::to_string(inner_accepted_) + "}"));
    }
    if (line.substr(0, 15) == "GET /v1/models ")
      return say(
          c, json_answer("200 OK", R"({"object":"list","data":[{"id":"bench-model","object":"model"}]})"));
    say(c, json_answer("404 Not Found", R"({"error":{"message":"no such path"}})"));
  }

  static void say(Connection& c, std::string reply) {
    c.own_out = std::move(reply);
    c.out = c.own_out;
  }

  void begin_stream(Connection& c, Speech speech, std::string_view body) {
    ++inner_streams_;
    std::string const limit(member(body, "max_tokens").substr(0, 8));
    int events = std::atoi(limit.c_str());
    if (events < 3 || events > 100'000) events = default_events;
    std::string_view model = member(body, "model");
    model = model.substr(0, model.find('"', 1));
    std::size_t const at = model.find("-paced-");
    if (speech == Speech::chat && at != std::string_view::npos) {
      c.pace_ns = std::strtoull(std::string(model.substr(at + 7)).c_str(), nullptr, 10) * 1000U;
      c.paced_events = events;
      std::uint64_t const now = now_ns();
      say(c, stream_head(speech) + chunk(chat_event(0, events)) + chunk(chat_event(1, events, now)));
      c.next_event = 2;
      c.due_ns = now + c.pace_ns;
      return schedule(c);
    }
    bool const one_chunk = model.find("-one-chunk") != std::string_view::npos;
    std::string& prepared = inner_bursts_[{speech, events, one_chunk}];
    if (prepared.empty()) prepared = burst_reply(speech, events, one_chunk);
    c.out = prepared;
  }

  void schedule(Connection const& c) {
    bool const is_next = inner_due_.empty() || c.due_ns < inner_due_.top().at;
    inner_due_.push({c.due_ns, c.fd, c.id});
    if (is_next) arm_timer();
  }

  void arm_timer() const {
    itimerspec at{};
    if (!inner_due_.empty()) {
      at.it_value.tv_sec = static_cast<time_t>(inner_due_.top().at / 1'000'000'000U);
      at.it_value.tv_nsec = static_cast<long>(inner_due_.top().at % 1'000'000'000U);
    }
    timerfd_settime(inner_timer_, TFD_TIMER_ABSTIME, &at, nullptr);
  }

  void send_due_events() {
    while (!inner_due_.empty() && inner_due_.top().at <= now_ns()) {
      Due const due = inner_due_.top();
      inner_due_.pop();
      auto found = inner_connections_.find(due.fd);
      if (found == inner_connections_.end() || found->second->id != due.id) continue;
      Connection& c = *found->second;
      send_next_event(c);
      if (!flush(c) || !answer_all(c)) drop(c);
    }
    arm_timer();
  }

  void send_next_event(Connection& c) {
    std::string unsent(c.out);
    unsent += chunk(chat_event(c.next_event, c.paced_events, now_ns()));
    if (++c.next_event == c.paced_events) {
      unsent += chunk(chat_stream_end(c.paced_events)) + "0\r\n\r\n";
      c.paced_events = 0;
    } else {
      c.due_ns += c.pace_ns;
      schedule(c);
    }
    say(c, std::move(unsent));
  }

  /// Sends what is pending as far as the socket takes it; false when the peer has gone.
  bool flush(Connection& c) {
    while (!c.out.empty()) {
      ssize_t const n = c.socket.send(c.out.data(), c.out.size());
      if (n < 0 && errno != EAGAIN) return false;
      if (n < 0) {
        if (!c.waits_for_room) watch(c.fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        c.waits_for_room = true;
        return true;
      }
      c.out.remove_prefix(static_cast<std::size_t>(n));
    }
    if (c.waits_for_room) watch(c.fd, EPOLLIN, EPOLL_CTL_MOD);
    c.waits_for_room = false;
    return true;
  }

  std::string inner_key_;
  TlsContext inner_tls_;
  int inner_listener_ = -1;
  int inner_tls_listener_ = -1;
  int inner_epoll_ = -1;
  int inner_timer_ = -1;
  std::unordered_map<int, std::unique_ptr<Connection>> inner_connections_;
  std::priority_queue<Due> inner_due_;
  std::map<std::tuple<Speech, int, bool>, std::string> inner_bursts_;
  WholeReply inner_whole_chat_{Speech::chat};
  WholeReply inner_whole_message_{Speech::messages};
  std::string inner_scratch_ = std::string(64 * 1024, '\0');
  std::uint64_t inner_requests_ = 0;
  std::uint64_t inner_streams_ = 0;
  std::uint64_t inner_body_bytes_ = 0;
  std::uint64_t inner_accepted_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Flags const flags(argc, argv,
                    {{"--port", "0"}, {"--key", ""}, {"--certificate", ""}, {"--private-key", ""}});
  std::signal(SIGPIPE, SIG_IGN);
  bool const has_tls = !flags.text("--certificate").empty();
  Mock mock(flags.whole("--port"), flags.text("--key"),
            has_tls ? tls_context(flags.text("--certificate"), flags.text("--private-key")) : nullptr);
  mock.run();
}
