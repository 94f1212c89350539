#pragma once
/// Reactor: edge-triggered readiness of sockets, nested in an io_context: a wait costs no system call of its own.

#include <lowart/core/config.hpp>
#include <lowart/net/outbox.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lowart::net {

class Watch;

/// Who waits for a socket: a coroutine's completion handler, kept without an allocation.
class Waiter {
 public:
  Waiter() noexcept = default;
  Waiter(Waiter const&) = delete;
  Waiter& operator=(Waiter const&) = delete;
  ~Waiter() { drop(); }

  explicit operator bool() const noexcept { return act_ != nullptr; }

  template <class Handler>
  void set(Handler handler) {
    static_assert(sizeof(Handler) <= space && alignof(Handler) <= alignof(std::max_align_t));
    static_assert(std::is_nothrow_move_constructible_v<Handler>);
    ::new (static_cast<void*>(place_)) Handler(std::move(handler));
    act_ = [](void* place, Act what, [[maybe_unused]] boost::asio::any_io_executor* executor) {
      auto* const held = static_cast<Handler*>(place);
      Handler taken(std::move(*held));
      held->~Handler();
      if (what == Act::resume) std::move(taken)();
      else if (what == Act::post) boost::asio::post(*executor, std::move(taken));
    };
  }
  /// Goes on with the coroutine, here and now. It may do anything, also wait again here.
  void resume() { act(Act::resume); }
  /// Goes on with the coroutine later, on this executor.
  void post(boost::asio::any_io_executor executor) { act(Act::post, &executor); }
  /// Ends the coroutine without going on with it.
  void drop() noexcept {
    if (act_ != nullptr) act(Act::drop);
  }

 private:
  enum class Act : std::uint8_t { resume, post, drop };
  using Action = void (*)(void* place, Act what, boost::asio::any_io_executor* executor);
  static constexpr std::size_t space = 64;

  void act(Act what, boost::asio::any_io_executor* executor = nullptr) {
    std::exchange(act_, nullptr)(place_, what, executor);
  }

  alignas(std::max_align_t) std::byte place_[space];
  Action act_{nullptr};
};

/// A service of an io_context: one epoll instance for its sockets, watched by the io_context's own.
///
/// Used on the loop's thread only. While nobody waits it keeps nothing running, so io_context::run() can end.
class Reactor final : public boost::asio::execution_context::service {
 public:
  inline static boost::asio::execution_context::id id;

  LOWART_DECL explicit Reactor(boost::asio::execution_context& context);
  LOWART_DECL ~Reactor() override;
  static Reactor& of(boost::asio::execution_context& context) {
    return boost::asio::use_service<Reactor>(context);
  }

  /// Lets go of what only a busy turn needs; true when memory came free. For whoever runs the loop to call now and then.
  bool tidy() noexcept { return outbox_.tidy(); }

 private:
  friend class Watch;
  LOWART_DECL void shutdown() override;
  LOWART_DECL void add(Watch& watch);
  LOWART_DECL void remove(Watch& watch) noexcept;
  LOWART_DECL bool has_told(Watch const& watch) const noexcept;
  LOWART_DECL void begins_to_wait();
  LOWART_DECL void ended_waiting();
  LOWART_DECL void arm();
  LOWART_DECL void dispatch();
  /// More is to be done in this turn, so that a write may wait for its end.
  bool is_busy() const noexcept { return dispatching_ && (event_at_ < event_count_ || !outbox_.empty()); }

  boost::asio::posix::stream_descriptor epoll_;
  std::array<epoll_event, 128> events_{};
  int event_count_{0};
  int event_at_{0};
  std::size_t waiting_{0};
  Watch* first_{nullptr};
  Outbox outbox_;
  bool armed_{false};
  bool dispatching_{false};
  bool down_{false};
};

/// The readiness of one socket. Not movable: the reactor points to it.
///
/// What is known of reading changes with events and with what the owner tells of its reads; an event that has not
/// been dispatched yet is not known.
class Watch {
 public:
  /// `socket` stays the caller's, who closes it after this is gone.
  Watch(Reactor& reactor, int socket) : reactor_(reactor), socket_(socket) { reactor_.add(*this); }
  ~Watch() { reactor_.remove(*this); }
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;

  enum class Reading : std::uint8_t {
    unknown,  ///< Only a try can tell.
    ready,    ///< There is something to read, or the end, or an error.
    drained,  ///< Nothing was there; an event will say when there is.
  };
  Reading reading() const noexcept { return reading_; }
  /// Nothing that had happened when the loop last asked is still to be dispatched to this socket. Known only to what
  /// the dispatch itself resumes: while nobody waits, or for other handlers, the loop may not have asked for long.
  bool is_up_to_date() const noexcept { return reactor_.has_told(*this); }
  bool writable() const noexcept { return writable_; }
  /// A read took something and may have left more.
  void read_some() noexcept { reading_ = hung_up_ ? Reading::ready : Reading::unknown; }
  /// A read found nothing, or took less than it had room for.
  void drained() noexcept { reading_ = hung_up_ ? Reading::ready : Reading::drained; }
  /// A write was not taken.
  void full() noexcept { writable_ = false; }

  /// Takes a small write for the end of this turn, if there is more to do in it. False: send it now.
  bool put_off(std::span<std::string_view const> pieces) {
    return writable_ && left_.empty() && reactor_.is_busy() && reactor_.outbox_.put(*this, pieces);
  }
  /// Something that was put off is not sent yet.
  bool is_behind() const noexcept { return queued_ || !left_.empty(); }
  /// Brings out what was put off. False: the socket does not take all of it now.
  bool bring_out() noexcept {
    if (queued_) reactor_.outbox_.flush();
    return left_.empty() || send_left();
  }

  /// What a wait is for.
  enum class For : std::uint8_t { read, write, either };

  /// Calls `handler()` when the socket is ready or cancel() was called. One wait of each kind at a time.
  template <class Handler>
  void wait(For what, Handler handler) {
    waiter(what).set(std::move(handler));
    reactor_.begins_to_wait();
  }
  bool waiting() const noexcept { return waiters_[0] || waiters_[1] || waiters_[2]; }
  /// Ends the waits of now, soon but not at once: their handlers run later on this loop.
  LOWART_DECL void cancel();

 private:
  friend class Reactor;
  friend class Outbox;
  Waiter& waiter(For what) noexcept { return waiters_[static_cast<std::size_t>(what)]; }
  LOWART_DECL void resume(For what);
  LOWART_DECL void on_events(std::uint32_t events);
  LOWART_DECL bool send_left() noexcept;
  LOWART_DECL void keep(std::string_view left) noexcept;
  LOWART_DECL std::size_t send(std::string_view bytes) noexcept;

  Reactor& reactor_;
  std::array<Waiter, 3> waiters_;
  Watch* next_{nullptr};
  Watch* previous_{nullptr};
  int socket_;
  Reading reading_{Reading::unknown};
  bool writable_{true};
  bool hung_up_{false};  ///< The peer has closed, or the connection is broken.
  bool queued_{false};   ///< Something of it is in the outbox.
  std::string left_;     ///< What was put off and the socket did not take: it is full.
  bool* gone_{nullptr};  ///< Set while handlers run, to be told of an end in the middle.
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/reactor.ipp>
#endif
