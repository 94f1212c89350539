#pragma once
/// Loopback sockets, the monotonic clock and the flag parsing that both bench programs share.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace lowart::bench {

/// Monotonic time in nanoseconds; the same clock in every process of the machine.
inline std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

/// Says why and ends the program: a bench that cannot run must not print a figure.
[[noreturn]] inline void give_up(std::string const& why) {
  std::fprintf(stderr, "%s%s%s\n", why.c_str(), errno != 0 ? ": " : "",
               errno != 0 ? std::strerror(errno) : "");
  std::exit(2);
}

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void send_at_once(int fd) {
  int const on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// A nonblocking listener on 127.0.0.1; `port` 0 takes a free one and is set to it.
inline int listen_on(int& port) {
  int const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int const on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(port);
  socklen_t length = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd, 4096) != 0)
    give_up("cannot listen on 127.0.0.1:" + std::to_string(port));
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  port = ntohs(address.sin_port);
  return fd;
}

/// A nonblocking connection to 127.0.0.1:port, or -1. Connecting itself may block, which on loopback is
/// short.
inline int connect_to(int port) {
  int const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  send_at_once(fd);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

/// `--name value` pairs; a name that is asked for but was not given has its default, one nobody knows ends
/// the run.
class Flags {
 public:
  Flags(int argc, char** argv, std::map<std::string, std::string> defaults)
      : inner_values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
      std::string const name = argv[i];
      if (i + 1 >= argc || inner_values_.count(name) == 0) {
        errno = 0;
        give_up("unknown flag or no value: " + name + "\nflags: " + names());
      }
      inner_values_[name] = argv[i + 1];
    }
  }
  std::string const& text(std::string const& name) const { return inner_values_.at(name); }
  double number(std::string const& name) const { return std::strtod(text(name).c_str(), nullptr); }
  int whole(std::string const& name) const { return static_cast<int>(number(name)); }

 private:
  std::string names() const {
    std::string all;
    for (auto const& [name, value] : inner_values_) all += name + " (" + value + ")  ";
    return all;
  }
  std::map<std::string, std::string> inner_values_;
};

}  // namespace lowart::bench
