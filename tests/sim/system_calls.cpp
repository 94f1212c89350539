// The system calls of this program: those on descriptors of a simulated kernel go there, all others to the real one.
// The linker prefers these definitions to the C library's, also for Asio and for the C++ library's clocks. So the
// gateway runs as it is: sockets, reactor, timers and all.

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "kernel.hpp"

namespace {

using lowart::sim::Kernel;

Kernel* kernel_of(int fd) noexcept {
  Kernel* const kernel = Kernel::current();
  return kernel != nullptr && kernel->owns(fd) ? kernel : nullptr;
}
/// As the C library tells it: -1 and errno.
template <class T>
T told(T result) noexcept {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  Kernel const* const kernel = Kernel::current();
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  bool const real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  auto nanos = (real ? kernel->wall_clock() : kernel->now()).count();
  constexpr long coarse_step = 4'000'000;
  if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE) nanos -= nanos % coarse_step;
  time->tv_sec = nanos / 1'000'000'000;
  time->tv_nsec = nanos % 1'000'000'000;
  return 0;
}

int socket(int domain, int type, int protocol) noexcept {
  Kernel* const kernel = Kernel::current();
  if (kernel != nullptr) return kernel->make_socket();
  return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
}

int bind(int fd, sockaddr const* address, socklen_t size) noexcept {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_bind, fd, address, size));
  sockaddr_in name{};
  std::memcpy(&name, address, std::min<std::size_t>(size, sizeof name));
  return told(kernel->bind(fd, ntohs(name.sin_port)));
}

int listen(int fd, int backlog) noexcept {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_listen, fd, backlog));
  return told(kernel->listen(fd));
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_getsockname, fd, address, size));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(kernel->port_of(fd));
  std::memcpy(address, &name, std::min<std::size_t>(*size, sizeof name));
  *size = sizeof name;
  return 0;
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_accept4, fd, address, size, flags));
  int const accepted = told(kernel->accept(fd));
  if (accepted >= 0) (void)getsockname(accepted, address, size);
  return accepted;
}

int connect(int fd, sockaddr const* address, socklen_t size) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_connect, fd, address, size));
  sockaddr_in name{};
  std::memcpy(&name, address, std::min<std::size_t>(size, sizeof name));
  return told(kernel->connect(fd, static_cast<int>(ntohl(name.sin_addr.s_addr) & 0xffU)));
}

int setsockopt(int fd, int level, int name, void const* value, socklen_t size) noexcept {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_setsockopt, fd, level, name, value, size));
  if (level == SOL_SOCKET && name == SO_LINGER) {
    linger wanted{};
    std::memcpy(&wanted, value, std::min<std::size_t>(size, sizeof wanted));
    if (wanted.l_onoff != 0 && wanted.l_linger == 0) kernel->reset_on_close(fd);
  }
  return 0;
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_getsockopt, fd, level, name, value, size));
  int const told_value = level == SOL_SOCKET && name == SO_ERROR ? kernel->take_error(fd) : 0;
  std::memcpy(value, &told_value, std::min<std::size_t>(*size, sizeof told_value));
  return 0;
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (kernel_of(fd) != nullptr) return 0;  // FIONBIO: all of ours are non-blocking
  return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
}

ssize_t recv(int fd, void* space, std::size_t size, int flags) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return ::syscall(SYS_recvfrom, fd, space, size, flags, nullptr, nullptr);
  return told(kernel->receive(fd, {static_cast<char*>(space), size}, (flags & MSG_PEEK) != 0));
}

ssize_t sendmsg(int fd, msghdr const* message, int flags) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return ::syscall(SYS_sendmsg, fd, message, flags);
  return told(kernel->send(fd, {message->msg_iov, message->msg_iovlen}));
}

ssize_t send(int fd, void const* bytes, std::size_t size, int flags) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return ::syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
  iovec const piece{const_cast<void*>(bytes), size};
  return told(kernel->send(fd, {&piece, 1}));
}

int shutdown(int fd, int how) noexcept {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_shutdown, fd, how));
  return told(kernel->shut_down_sending(fd));
}

int close(int fd) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_close, fd));
  return told(kernel->close(fd));
}

int poll(pollfd* files, nfds_t count, int timeout) {
  Kernel* const kernel = count == 1 ? kernel_of(files->fd) : nullptr;
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_poll, files, count, timeout));
  files->revents = kernel->poll(files->fd, files->events);
  return files->revents != 0 ? 1 : 0;
}

ssize_t read(int fd, void* space, std::size_t size) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return ::syscall(SYS_read, fd, space, size);
  return told(kernel->read_event(fd, space));
}

ssize_t write(int fd, void const* bytes, std::size_t size) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return ::syscall(SYS_write, fd, bytes, size);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, std::min(size, sizeof value));
  return told(kernel->write_event(fd, value));
}

int eventfd(unsigned count, int flags) noexcept {
  Kernel* const kernel = Kernel::current();
  return kernel != nullptr ? kernel->make_event() : static_cast<int>(::syscall(SYS_eventfd2, count, flags));
}

/// Asio then hands its timers' times to epoll_wait.
int timerfd_create(clockid_t, int) noexcept { return told(-ENOSYS); }

int epoll_create1(int flags) noexcept {
  Kernel* const kernel = Kernel::current();
  return kernel != nullptr ? kernel->make_epoll() : static_cast<int>(::syscall(SYS_epoll_create1, flags));
}

int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  Kernel* const kernel = kernel_of(epoll);
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
  return told(kernel->control(epoll, operation, fd, event));
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  Kernel* const kernel = kernel_of(epoll);
  if (kernel == nullptr)
    return static_cast<int>(::syscall(SYS_epoll_pwait, epoll, events, most, timeout, nullptr, 0));
  return told(kernel->wait(epoll, {events, static_cast<std::size_t>(most)}, timeout));
}

}  // extern "C"
