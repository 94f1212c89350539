#pragma once
/// Wakeup: a wait of one coroutine that anybody may end, from any thread.

#include <lowart/core/call.hpp>
#include <lowart/core/config.hpp>
#include <lowart/core/task.hpp>

#include <atomic>
#include <memory>

namespace lowart {

/// Waits of one call, on its loop. Only ring() is for other threads, which must not outlive the object in using it:
/// whoever keeps a pointer to it in a list takes it out before it is gone.
class Wakeup {
 public:
  explicit Wakeup(Call& call) : call_(call), bell_(std::make_shared<Bell>(call.executor())) {}
  Wakeup(Wakeup const&) = delete;
  Wakeup& operator=(Wakeup const&) = delete;

  /// Ends the wait of now, or the next one: waits that were not begun are not lost. Never resumes anything itself, so
  /// it may be called with a lock held.
  LOWART_DECL void ring();

  /// Waits until ring(), at most until that time (plus a tick of the clock), and no longer than the call goes on. True
  /// when it was rung; what rings many times before a wait ends one.
  LOWART_DECL Task<bool> wait(TimePoint until);

 private:
  /// Outlives the wait, as a ring may still be on its way through the loop.
  struct Bell {
    explicit Bell(asio::any_io_executor e) : executor(std::move(e)) {}
    asio::any_io_executor executor;
    std::atomic<bool> rung{false};
    void* waiting{nullptr};  ///< The timer of the wait; of the loop's thread only.
  };

  Call& call_;
  std::shared_ptr<Bell> bell_;
};

}  // namespace lowart

#if defined(LOWART_HEADER_ONLY)
#include <lowart/core/wakeup.ipp>
#endif
