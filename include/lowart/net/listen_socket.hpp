#pragma once
/// Listening sockets: TCP ports that the loops of one process share, and Unix sockets with their files.

#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>
#include <lowart/net/listen_address.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace lowart::net {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// The file of a Unix socket that listens; an empty path is none. Removed when it ends, if it is still the
/// one that was made.
class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)) {
    if (!path_.empty() && ::lstat(path_.c_str(), &made_) != 0) path_.clear();
  }
  SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})), made_(other.made_) {}
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile() { remove(); }

  void remove() noexcept {
    struct stat now{};
    bool const ours = !path_.empty() && ::lstat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino &&
                      now.st_dev == made_.st_dev;
    if (ours) ::unlink(path_.c_str());
    path_.clear();
  }

 private:
  std::string path_;
  struct stat made_{};
};

namespace listening {

constexpr int backlog = 4096;  // the system's own bound (net.core.somaxconn) applies below it

inline tl::unexpected<Error> failure(std::string const& what, int error) {
  return fail(Errc::storage_failed, what + ": " + std::system_category().message(error));
}

inline Result<Descriptor> bind_and_listen(Descriptor socket, void const* name, std::size_t size,
                                          std::string const& text) {
  bool const bound =
      ::bind(socket.get(), static_cast<sockaddr const*>(name), static_cast<socklen_t>(size)) == 0;
  if (!bound || ::listen(socket.get(), backlog) != 0) return failure("cannot listen on " + text, errno);
  return socket;
}

/// One socket of a port. SO_REUSEPORT lets the loops of a process share it; as it would let another process
/// of the user in as well, the first socket of a port is tried without.
inline Result<Descriptor> open_tcp(asio::ip::tcp::endpoint const& at, bool shared, std::string const& text) {
  int const family = at.address().is_v6() ? AF_INET6 : AF_INET;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failure("cannot make a socket for " + text, errno);
  int const on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  return bind_and_listen(std::move(socket), at.data(), at.size(), text);
}

/// Whether a socket file has a server behind it. One that refuses was left by a process that was killed.
inline bool is_served(sockaddr_un const& name) {
  Descriptor const probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return true;
  int const result = ::connect(probe.get(), reinterpret_cast<sockaddr const*>(&name), sizeof name);
  return result == 0 || errno != ECONNREFUSED;
}

}  // namespace listening

/// Listens on a TCP address; writes a port that the system chose, and that it is shared now, into `address`.
/// Errors: config_invalid for what is no numeric address, storage_failed with the system's reason.
inline Result<Descriptor> listen_tcp(ListenAddress& address) {
  boost::system::error_code error;
  auto const ip = asio::ip::make_address(address.host, error);
  if (error)
    return fail(Errc::config_invalid,
                "'" + address.host + "' is not a numeric address; to listen on all write 0.0.0.0");
  asio::ip::tcp::endpoint at(ip, address.port);
  if (!address.shared && address.port != 0) {
    auto const alone = listening::open_tcp(at, false, address.text());
    if (!alone) return fail(alone.error());
  }
  auto socket = listening::open_tcp(at, true, address.text());
  if (!socket) return socket;
  auto size = static_cast<socklen_t>(at.capacity());
  if (::getsockname(socket->get(), at.data(), &size) == 0) address.port = at.port();
  address.shared = true;
  return socket;
}

/// Listens on a Unix socket; takes the place of a file that nobody serves.
/// Errors: config_invalid (path too long, no socket), storage_failed (served by another process, not
/// allowed).
inline Result<Descriptor> listen_unix(ListenAddress const& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::string const& path = address.socket_path;
  if (path.size() >= sizeof name.sun_path)
    return fail(Errc::config_invalid, "'" + path + "' is too long for a socket");
  std::memcpy(name.sun_path, path.data(), path.size());
  struct stat what{};
  if (::lstat(name.sun_path, &what) == 0) {
    if (!S_ISSOCK(what.st_mode)) return fail(Errc::config_invalid, path + " exists and is no socket");
    if (listening::is_served(name)) return fail(Errc::storage_failed, path + " is served by another process");
    ::unlink(name.sun_path);
  }
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return listening::failure("cannot make a socket for " + address.text(), errno);
  return listening::bind_and_listen(std::move(socket), &name, sizeof name, address.text());
}

}  // namespace lowart::net
