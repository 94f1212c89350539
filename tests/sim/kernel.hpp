#pragma once
/// Kernel: the system calls that the gateway makes, in memory: sockets, epoll, and time that passes only in waits.

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "random.hpp"
#include "trace.hpp"

struct iovec;

namespace lowart::sim {

class Kernel;
class Wire;

/// The far end of a connection: a client or an upstream.
class Peer {
 public:
  virtual ~Peer() = default;
  /// The gateway has sent something: Wire::take() has it.
  virtual void on_bytes(Wire& wire) = 0;
  /// The gateway has closed its side, or both, which is told once more; `reset`: so that the peer sees an error
  /// instead of an end.
  virtual void on_closed(Wire& wire, bool reset) = 0;
};

/// One connection between the gateway's socket and a Peer, which acts through it.
class Wire {
 public:
  Wire(Kernel& kernel, std::shared_ptr<Peer> peer, std::size_t room)
      : kernel_(kernel), peer_(std::move(peer)), room_(room) {}

  /// What the gateway will read next. Nothing happens on a connection that the gateway has closed.
  void send(std::string_view bytes);
  void send_end();
  void send_reset();
  /// At most `most` of what the gateway has written; makes room for as much.
  std::string take(std::size_t most = static_cast<std::size_t>(-1));
  std::size_t untaken() const noexcept { return written_.size(); }
  bool closed_by_gateway() const noexcept { return closed_; }

 private:
  friend class Kernel;
  void tell_of_bytes();
  void tell_of_end(bool reset);

  Kernel& kernel_;
  std::shared_ptr<Peer> peer_;  ///< Null once the connection is over for both.
  std::size_t room_;            ///< Bytes that may be written and not taken.
  std::string unread_;
  std::size_t read_at_{0};
  std::string written_;
  int fd_{-1};
  bool end_sent_{false};    ///< By the peer.
  bool reset_sent_{false};  ///< By the peer.
  bool closed_{false};      ///< By the gateway, or at least its sending side.
  bool gone_{false};        ///< The gateway's socket is closed.
  bool telling_{false};     ///< An event that tells of bytes is on its way.
};

/// What becomes of an attempt of the gateway to connect.
struct Dial {
  enum class Kind : std::uint8_t { accept, refuse, silence };
  Kind kind{Kind::accept};
  Nanos after{};
  std::shared_ptr<Peer> peer{};  ///< Who accepts.
  std::size_t room{64 * 1024};   ///< Of what is sent to it.
  std::function<void(std::shared_ptr<Wire>)> connected{};
};

/// One process's view of its system, for one thread. While it lives, the system calls of system_calls.cpp come here.
///
/// Time stands still while the program runs. When the program waits in epoll_wait and nothing is ready, the next event
/// of the world happens at its time, or the wait's own time is over. So a run depends on its seed only.
class Kernel {
 public:
  Kernel(Random& random, Trace& trace);
  ~Kernel();
  Kernel(Kernel const&) = delete;
  Kernel& operator=(Kernel const&) = delete;
  static Kernel* current() noexcept { return current_; }

  // --- the world's side
  Nanos now() const noexcept { return now_; }
  Trace& trace() noexcept { return trace_; }
  Random& random() noexcept { return random_; }
  /// `act` happens so much later, after what was planned earlier for the same time.
  void after(Nanos delay, std::function<void()> act);
  /// Connects a client to a port that the gateway listens on; null when nobody does.
  std::shared_ptr<Wire> connect_client(std::uint16_t port, std::shared_ptr<Peer> peer, std::size_t room);
  /// Decides about connects of the gateway: its argument is the last byte of the address that is dialled.
  std::function<Dial(int host)> on_dial;
  /// The program waits for something that will never come; should end its loop.
  std::function<void()> on_stuck;
  /// Interrupts system calls (EINTR) now and then.
  void interrupts(bool now_and_then) noexcept { interrupts_ = now_and_then; }
  /// The program's loop has ended. What it closes from now on, it closes in no order that a seed decides, so nothing of
  /// that is a matter of chance or of the digest.
  void program_ends() noexcept;
  /// Lets the world go on when the program has ended: what is on its way arrives.
  void run_out();
  std::size_t open_files() const noexcept { return open_files_; }

  // --- the program's side; results as of the calls they stand for, errors as -errno
  bool owns(int fd) const noexcept;
  Nanos wall_clock() const noexcept;
  int make_socket();
  int make_epoll();
  int make_event();
  int bind(int fd, std::uint16_t port);
  int listen(int fd);
  std::uint16_t port_of(int fd);
  int accept(int fd);
  int connect(int fd, int host);
  int take_error(int fd);
  long receive(int fd, std::span<char> space, bool peek);
  long send(int fd, std::span<iovec const> pieces);
  int shut_down_sending(int fd);
  void reset_on_close(int fd);
  int close(int fd);
  short poll(int fd, short events);
  long read_event(int fd, void* value);
  long write_event(int fd, std::uint64_t value);
  int control(int epoll, int operation, int fd, epoll_event const* event);
  int wait(int epoll, std::span<epoll_event> events, int timeout_ms);

 private:
  friend class Wire;
  enum class Kind : std::uint8_t { socket, epoll, event };
  struct Interest {
    int fd;
    std::uint32_t events;
    epoll_data_t data;
    bool pending;
  };
  struct File {
    explicit File(Kind k) : kind(k) {}
    Kind kind;
    std::vector<int> watched_by;  ///< epoll files
    // socket
    std::shared_ptr<Wire> wire;
    bool connecting{false};
    bool listening{false};
    bool resets{false};
    int error{0};
    std::uint16_t port{0};
    std::deque<std::shared_ptr<Wire>> backlog;
    // epoll
    std::vector<Interest> interests;
    // event
    std::uint64_t count{0};
  };
  struct Event {
    Nanos at;
    std::uint64_t number;
    std::function<void()> act;
    friend bool operator<(Event const& a, Event const& b) noexcept {
      return a.at != b.at ? a.at > b.at : a.number > b.number;
    }
  };

  static constexpr int first_fd = 1'000'000;  ///< Far from the descriptors of the real system.

  int add(Kind kind);
  File* file(int fd) noexcept;
  std::uint32_t readiness(File const& file) const;
  void notify(int fd);
  void next_event();
  Nanos latency();
  int collect(File& epoll, std::span<epoll_event> events);
  bool interrupted();
  void hang_up(Wire& wire, bool reset);

  static thread_local Kernel* current_;

  Random& random_;
  Trace& trace_;
  Nanos now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<File>> files_;
  std::size_t open_files_{0};
  std::priority_queue<Event> events_;
  std::uint64_t event_number_{0};
  bool interrupts_{false};
  bool program_ended_{false};
};

}  // namespace lowart::sim
