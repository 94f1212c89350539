#pragma once
/// The bodies of Reactor and Watch.

#include <lowart/net/reactor.hpp>

#include <boost/asio/post.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace lowart::net {

LOWART_DECL Reactor::Reactor(boost::asio::execution_context& context)
    : boost::asio::execution_context::service(context),
      epoll_(static_cast<boost::asio::io_context&>(context)) {
  int const fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  epoll_.assign(fd);
}

LOWART_DECL Reactor::~Reactor() = default;

LOWART_DECL void Reactor::shutdown() {
  down_ = true;
  // Dropping a handler ends its coroutine, which may end others and their watches: begin anew each time.
  for (Watch* watch = first_; watch != nullptr;) {
    bool dropped = false;
    for (Waiter& waiter : watch->waiters_) {
      if (!waiter) continue;
      waiter.drop();
      dropped = true;
      break;
    }
    watch = dropped ? first_ : watch->next_;
  }
  boost::system::error_code ignored;
  static_cast<void>(epoll_.close(ignored));
}

LOWART_DECL void Reactor::add(Watch& watch) {
  watch.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &watch;
  first_ = &watch;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watch;
  if (down_) return;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, watch.socket_, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

LOWART_DECL void Reactor::remove(Watch& watch) noexcept {
  if (watch.gone_ != nullptr) *watch.gone_ = true;
  if (watch.queued_) outbox_.flush();
  for (int i = event_at_; i < event_count_; ++i)
    if (events_[static_cast<std::size_t>(i)].data.ptr == &watch)
      events_[static_cast<std::size_t>(i)].data.ptr = nullptr;
  if (watch.previous_ != nullptr) watch.previous_->next_ = watch.next_;
  else first_ = watch.next_;
  if (watch.next_ != nullptr) watch.next_->previous_ = watch.previous_;
  for (Waiter& waiter : watch.waiters_) {
    if (!waiter) continue;
    waiter.drop();
    --waiting_;
  }
  if (!down_) ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, watch.socket_, nullptr);
}

LOWART_DECL bool Reactor::has_told(Watch const& watch) const noexcept {
  // Where all places were taken, more may wait in the system.
  if (!dispatching_ || event_count_ == static_cast<int>(events_.size())) return false;
  for (int i = event_at_; i < event_count_; ++i)
    if (events_[static_cast<std::size_t>(i)].data.ptr == &watch) return false;
  return true;
}

LOWART_DECL void Reactor::begins_to_wait() {
  ++waiting_;
  if (!armed_ && !dispatching_) arm();
}

LOWART_DECL void Reactor::ended_waiting() {
  if (--waiting_ > 0 || !armed_ || dispatching_) return;
  boost::system::error_code ignored;
  static_cast<void>(epoll_.cancel(ignored));  // or run() would wait for nobody
}

LOWART_DECL void Reactor::arm() {
  if (down_) return;
  armed_ = true;
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](boost::system::error_code error) {
                      armed_ = false;
                      if (down_) return;
                      if (!error) dispatch();
                      if (waiting_ > 0 && !armed_) arm();
                    });
}

LOWART_DECL void Reactor::dispatch() {
  dispatching_ = true;
  event_count_ = ::epoll_wait(epoll_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  for (event_at_ = 0; event_at_ < event_count_;) {
    epoll_event const event = events_[static_cast<std::size_t>(event_at_++)];
    if (event.data.ptr != nullptr) static_cast<Watch*>(event.data.ptr)->on_events(event.events);
  }
  event_at_ = event_count_ = 0;
  outbox_.flush();
  dispatching_ = false;
}

LOWART_DECL bool Outbox::put(Watch& watch, std::span<std::string_view const> pieces) {
  std::size_t size = 0;
  for (auto const piece : pieces) size += piece.size();
  if (size > largest_write) return false;
  bool const goes_on = count_ > 0 && writes_[count_ - 1].watch == &watch;
  if ((count_ == most_writes && !goes_on) || end() + size > most_bytes) flush();
  if (!bytes_) bytes_ = std::make_unique_for_overwrite<char[]>(most_bytes);
  char* at = bytes_.get() + end();
  for (auto const piece : pieces) at = std::copy(piece.begin(), piece.end(), at);
  if (count_ == 0 || writes_[count_ - 1].watch != &watch) writes_[count_++].watch = &watch;
  writes_[count_ - 1].end = static_cast<std::size_t>(at - bytes_.get());
  watch.queued_ = true;
  return true;
}

LOWART_DECL void Outbox::flush() noexcept {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    auto const [watch, end] = writes_[i];
    std::string_view const bytes(bytes_.get() + begin, end - begin);
    watch->queued_ = false;
    std::size_t const sent = watch->left_.empty() ? watch->send(bytes) : 0;
    if (sent < bytes.size()) watch->keep(bytes.substr(sent));
    begin = end;
  }
  count_ = 0;
}

/// How much the socket took. Where it takes nothing more for good, there is nothing left to send.
LOWART_DECL std::size_t Watch::send(std::string_view bytes) noexcept {
  for (std::size_t sent = 0;;) {
    ssize_t const step = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (step >= 0) sent += static_cast<std::size_t>(step);
    if (sent == bytes.size()) return sent;
    if (step >= 0 || errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      writable_ = false;
      return sent;
    }
    // Whoever wrote it has gone on. The end of the connection is what there is to tell, to who reads or writes next.
    (void)::shutdown(socket_, SHUT_RDWR);
    return bytes.size();
  }
}

LOWART_DECL void Watch::keep(std::string_view left) noexcept {
  try {
    left_.append(left);
  } catch (std::bad_alloc const&) {
    (void)::shutdown(socket_, SHUT_RDWR);
  }
}

LOWART_DECL bool Watch::send_left() noexcept {
  left_.erase(0, send(left_));
  return left_.empty();
}

LOWART_DECL void Watch::on_events(std::uint32_t events) {
  constexpr std::uint32_t ended = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & ended) != 0) hung_up_ = true;
  if ((events & (EPOLLIN | ended)) != 0) reading_ = Reading::ready;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
  if (writable_ && !left_.empty()) send_left();
  bool gone = false;
  gone_ = &gone;
  bool const readable = reading_ == Reading::ready;
  bool const ready = readable || writable_;
  if (readable) resume(For::read);
  if (!gone && writable_) resume(For::write);
  if (!gone && ready) resume(For::either);
  if (!gone) gone_ = nullptr;
}

LOWART_DECL void Watch::resume(For what) {
  Waiter& waiting = waiter(what);
  if (!waiting) return;
  reactor_.ended_waiting();
  waiting.resume();
}

LOWART_DECL void Watch::cancel() {
  for (Waiter& waiting : waiters_) {
    if (!waiting) continue;
    // Moved out now, so that a wait which begins before the post runs is not ended by it.
    reactor_.ended_waiting();
    waiting.post(reactor_.epoll_.get_executor());
  }
}

}  // namespace lowart::net
