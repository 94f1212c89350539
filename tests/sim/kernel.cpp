#include "kernel.hpp"

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace lowart::sim {

// --- Wire -------------------------------------------------------------------------------------------------------------

void Wire::send(std::string_view bytes) {
  if (gone_ || end_sent_ || reset_sent_ || bytes.empty()) return;
  unread_.append(bytes);
  kernel_.notify(fd_);
}

void Wire::send_end() {
  if (gone_ || end_sent_ || reset_sent_) return;
  end_sent_ = true;
  kernel_.trace_.note(kernel_.now_, "peer ends", fd_);
  kernel_.notify(fd_);
}

void Wire::send_reset() {
  if (gone_ || reset_sent_) return;
  reset_sent_ = true;
  unread_.clear();
  read_at_ = 0;
  kernel_.trace_.note(kernel_.now_, "peer resets", fd_);
  kernel_.notify(fd_);
}

std::string Wire::take(std::size_t most) {
  bool const was_full = written_.size() >= room_;
  std::string taken = written_.substr(0, most);
  written_.erase(0, taken.size());
  if (was_full && !gone_) kernel_.notify(fd_);
  return taken;
}

void Wire::tell_of_bytes() {
  if (std::exchange(telling_, true)) return;
  auto const self = kernel_.file(fd_)->wire;
  kernel_.after(kernel_.latency(), [self] {
    self->telling_ = false;
    if (self->peer_) self->peer_->on_bytes(*self);
  });
}

void Wire::tell_of_end(bool reset) {
  auto const self = kernel_.file(fd_)->wire;
  if (reset) written_.clear();  // what the peer has not taken by now is lost with it
  kernel_.after(kernel_.latency(), [self, reset] {
    if (self->peer_ && !self->written_.empty()) self->peer_->on_bytes(*self);
    auto const peer = self->gone_ ? std::move(self->peer_) : self->peer_;
    if (peer) peer->on_closed(*self, reset);
  });
}

// --- Kernel: the world's side -----------------------------------------------------------------------------------------

thread_local Kernel* Kernel::current_ = nullptr;

Kernel::Kernel(Random& random, Trace& trace) : random_(random), trace_(trace) { current_ = this; }
Kernel::~Kernel() {
  current_ = nullptr;
  for (auto& file : files_)
    if (file && file->wire) file->wire->peer_.reset();
}

void Kernel::after(Nanos delay, std::function<void()> act) {
  events_.push(Event{now_ + std::max(delay, Nanos{0}), event_number_++, std::move(act)});
}

std::shared_ptr<Wire> Kernel::connect_client(std::uint16_t port, std::shared_ptr<Peer> peer,
                                             std::size_t room) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!files_[i] || !files_[i]->listening || files_[i]->port != port) continue;
    auto wire = std::make_shared<Wire>(*this, std::move(peer), room);
    files_[i]->backlog.push_back(wire);
    notify(first_fd + static_cast<int>(i));
    return wire;
  }
  return nullptr;
}

void Kernel::next_event() {
  auto const act = std::move(const_cast<Event&>(events_.top()).act);
  now_ = events_.top().at;
  events_.pop();
  act();
}

Nanos Kernel::latency() {
  return program_ended_ ? std::chrono::microseconds(100) : Nanos(random_.between(20'000, 400'000));
}

void Kernel::program_ends() noexcept {
  program_ended_ = true;
  trace_.ends();
}

void Kernel::run_out() {
  while (!events_.empty()) next_event();
}

// --- Kernel: the program's side ---------------------------------------------------------------------------------------

bool Kernel::owns(int fd) const noexcept { return fd >= first_fd; }

Nanos Kernel::wall_clock() const noexcept { return now_ + std::chrono::seconds(1'767'222'000); }

int Kernel::add(Kind kind) {
  files_.push_back(std::make_unique<File>(kind));
  ++open_files_;
  return first_fd + static_cast<int>(files_.size()) - 1;
}

Kernel::File* Kernel::file(int fd) noexcept {
  auto const index = static_cast<std::size_t>(fd - first_fd);
  return fd >= first_fd && index < files_.size() ? files_[index].get() : nullptr;
}

int Kernel::make_socket() { return add(Kind::socket); }
int Kernel::make_epoll() { return add(Kind::epoll); }
int Kernel::make_event() { return add(Kind::event); }

int Kernel::bind(int fd, std::uint16_t port) {
  File* const socket = file(fd);
  if (socket == nullptr) return -EBADF;
  socket->port = port;
  return 0;
}

int Kernel::listen(int fd) {
  File* const socket = file(fd);
  if (socket == nullptr) return -EBADF;
  socket->listening = true;
  return 0;
}

std::uint16_t Kernel::port_of(int fd) { return file(fd) != nullptr ? file(fd)->port : std::uint16_t{0}; }

int Kernel::accept(int fd) {
  File* const listener = file(fd);
  if (listener == nullptr || !listener->listening) return -EBADF;
  if (listener->backlog.empty()) return -EAGAIN;
  auto wire = std::move(listener->backlog.front());
  listener->backlog.pop_front();
  int const accepted = add(Kind::socket);
  wire->fd_ = accepted;
  file(accepted)->wire = std::move(wire);
  trace_.note(now_, "accept", accepted);
  return accepted;
}

int Kernel::connect(int fd, int host) {
  File* const socket = file(fd);
  if (socket == nullptr) return -EBADF;
  Dial dial = on_dial(host);
  trace_.note(now_, "connect", fd, host);
  socket->connecting = true;
  if (dial.kind == Dial::Kind::silence) return -EINPROGRESS;
  after(dial.after, [this, fd, dial = std::move(dial)] {
    File* const dialling = file(fd);
    if (dialling == nullptr) return;  // given up
    dialling->connecting = false;
    if (dial.kind == Dial::Kind::refuse) {
      dialling->error = ECONNREFUSED;
    } else {
      dialling->wire = std::make_shared<Wire>(*this, dial.peer, dial.room);
      dialling->wire->fd_ = fd;
      dial.connected(dialling->wire);
    }
    trace_.note(now_, dialling->error != 0 ? "refused" : "connected", fd);
    notify(fd);
  });
  return -EINPROGRESS;
}

int Kernel::take_error(int fd) { return file(fd) != nullptr ? std::exchange(file(fd)->error, 0) : EBADF; }

bool Kernel::interrupted() { return interrupts_ && random_.below(64) == 0; }

long Kernel::receive(int fd, std::span<char> space, bool peek) {
  File* const socket = file(fd);
  if (socket == nullptr) return -EBADF;
  if (!socket->wire) return -ENOTCONN;
  if (interrupted()) return -EINTR;
  Wire& wire = *socket->wire;
  if (wire.reset_sent_) return -ECONNRESET;
  std::size_t const size = std::min(space.size(), wire.unread_.size() - wire.read_at_);
  if (size == 0) return wire.end_sent_ ? 0 : -EAGAIN;
  std::memcpy(space.data(), wire.unread_.data() + wire.read_at_, size);
  if (peek) return static_cast<long>(size);
  trace_.note(now_, "recv", fd, static_cast<std::int64_t>(size));
  wire.read_at_ += size;
  if (wire.read_at_ == wire.unread_.size()) {
    wire.unread_.clear();
    wire.read_at_ = 0;
  }
  return static_cast<long>(size);
}

long Kernel::send(int fd, std::span<iovec const> pieces) {
  File* const socket = file(fd);
  if (socket == nullptr) return -EBADF;
  if (!socket->wire) return -ENOTCONN;
  if (interrupted()) return -EINTR;
  Wire& wire = *socket->wire;
  if (wire.reset_sent_ || wire.closed_) return -EPIPE;
  std::size_t sent = 0;
  for (iovec const& piece : pieces) {
    std::size_t const room = wire.room_ - std::min(wire.room_, wire.written_.size());
    std::size_t const part = std::min(piece.iov_len, room);
    wire.written_.append(static_cast<char const*>(piece.iov_base), part);
    sent += part;
    if (part < piece.iov_len) break;
  }
  if (sent == 0) return -EAGAIN;
  trace_.note(now_, "send", fd, static_cast<std::int64_t>(sent));
  wire.tell_of_bytes();
  return static_cast<long>(sent);
}

int Kernel::shut_down_sending(int fd) {
  File* const socket = file(fd);
  if (socket == nullptr) return -EBADF;
  if (!socket->wire) return -ENOTCONN;
  trace_.note(now_, "shutdown", fd);
  if (!std::exchange(socket->wire->closed_, true)) socket->wire->tell_of_end(false);
  return 0;
}

void Kernel::reset_on_close(int fd) {
  if (File* const socket = file(fd)) socket->resets = true;
}

/// The gateway closes a connection. As in TCP, closing what has unread bytes resets it.
void Kernel::hang_up(Wire& wire, bool reset) {
  wire.closed_ = wire.gone_ = true;
  wire.tell_of_end(reset || !wire.unread_.empty());
}

int Kernel::close(int fd) {
  File* const closed = file(fd);
  if (closed == nullptr) return -EBADF;
  trace_.note(now_, closed->resets ? "reset" : "close", fd);
  if (closed->wire) hang_up(*closed->wire, closed->resets);
  for (auto const& waiting : closed->backlog)
    after(Nanos{0}, [waiting] {
      if (auto const peer = std::move(waiting->peer_)) peer->on_closed(*waiting, true);
    });
  for (int const epoll : closed->watched_by)
    if (File* const watcher = file(epoll))
      std::erase_if(watcher->interests, [fd](Interest const& i) { return i.fd == fd; });
  files_[static_cast<std::size_t>(fd - first_fd)].reset();
  --open_files_;
  return 0;
}

std::uint32_t Kernel::readiness(File const& file) const {
  switch (file.kind) {
    case Kind::event: return file.count > 0 ? EPOLLIN : 0U;
    case Kind::epoll:
      return std::any_of(file.interests.begin(), file.interests.end(),
                         [](auto const& i) { return i.pending; })
                 ? EPOLLIN
                 : 0U;
    case Kind::socket: break;
  }
  if (file.listening) return file.backlog.empty() ? 0U : EPOLLIN;
  if (file.connecting) return 0;
  if (!file.wire) return file.error != 0 ? EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP : EPOLLOUT | EPOLLHUP;
  Wire const& wire = *file.wire;
  if (wire.reset_sent_) return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLERR | EPOLLHUP;
  std::uint32_t ready = 0;
  if (!wire.unread_.empty()) ready |= EPOLLIN;
  if (wire.end_sent_) ready |= EPOLLIN | EPOLLRDHUP;
  if (wire.end_sent_ && wire.closed_) ready |= EPOLLHUP;
  if (wire.written_.size() < wire.room_) ready |= EPOLLOUT;
  return ready;
}

short Kernel::poll(int fd, short events) {
  File const* const polled = file(fd);
  if (polled == nullptr) return POLLNVAL;
  std::uint32_t const always = EPOLLERR | EPOLLHUP;  // the values of poll() and epoll are the same
  return static_cast<short>(readiness(*polled) & (static_cast<std::uint32_t>(events) | always));
}

long Kernel::read_event(int fd, void* value) {
  File* const event = file(fd);
  if (event == nullptr) return -EBADF;
  if (event->count == 0) return -EAGAIN;
  std::uint64_t const count = std::exchange(event->count, 0);
  std::memcpy(value, &count, sizeof count);
  return sizeof count;
}

long Kernel::write_event(int fd, std::uint64_t value) {
  File* const event = file(fd);
  if (event == nullptr) return -EBADF;
  event->count += value;
  notify(fd);
  return sizeof value;
}

int Kernel::control(int epoll, int operation, int fd, epoll_event const* event) {
  File* const watcher = file(epoll);
  File* const watched = file(fd);
  if (watcher == nullptr || watched == nullptr) return -EBADF;
  auto& all = watcher->interests;
  auto const found = std::find_if(all.begin(), all.end(), [fd](Interest const& i) { return i.fd == fd; });
  if (operation == EPOLL_CTL_DEL) {
    if (found == all.end()) return -ENOENT;
    all.erase(found);
    std::erase(watched->watched_by, epoll);
    return 0;
  }
  Interest const interest{fd, event->events, event->data, true};
  if (operation == EPOLL_CTL_ADD) {
    if (found != all.end()) return -EEXIST;
    all.push_back(interest);
    watched->watched_by.push_back(epoll);
  } else {
    if (found == all.end()) return -ENOENT;
    *found = interest;
  }
  if (readiness(*watched) != 0) notify(epoll);
  return 0;
}

/// Something changed: whoever watches the file looks at it again.
void Kernel::notify(int fd) {
  File* const changed = file(fd);
  if (changed == nullptr) return;
  for (int const epoll : changed->watched_by) {
    File* const watcher = file(epoll);
    if (watcher == nullptr) continue;
    for (Interest& interest : watcher->interests)
      if (interest.fd == fd) interest.pending = true;
    notify(epoll);
  }
}

/// Begins anywhere: no order among files that are ready is promised.
int Kernel::collect(File& epoll, std::span<epoll_event> events) {
  std::size_t count = 0;
  std::size_t const size = epoll.interests.size();
  std::size_t const first = size > 1 ? static_cast<std::size_t>(random_.below(size)) : 0;
  for (std::size_t i = 0; i < size && count < events.size(); ++i) {
    Interest& interest = epoll.interests[(first + i) % size];
    if (!interest.pending) continue;
    std::uint32_t const wanted = interest.events | EPOLLERR | EPOLLHUP;
    std::uint32_t const ready = readiness(*file(interest.fd)) & wanted;
    interest.pending = ready != 0 && (interest.events & EPOLLET) == 0;
    if (ready == 0) continue;
    events[count].events = ready;
    events[count].data = interest.data;
    ++count;
  }
  return static_cast<int>(count);
}

int Kernel::wait(int epoll, std::span<epoll_event> events, int timeout_ms) {
  File* const watcher = file(epoll);
  if (watcher == nullptr) return -EBADF;
  Nanos const until = timeout_ms < 0 ? Nanos::max() : now_ + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    int const ready = collect(*watcher, events);
    if (ready > 0 || timeout_ms == 0) return ready;
    bool const world_is_next = !events_.empty() && events_.top().at <= until;
    if (!world_is_next) {
      if (until == Nanos::max()) {  // neither the world nor the program will ever do anything again
        on_stuck();
        return 0;
      }
      now_ = until;
      return 0;
    }
    next_event();
  }
}

}  // namespace lowart::sim
