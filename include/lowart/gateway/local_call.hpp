#pragma once
/// LocalCall: a Call for code in the same process: no socket, no key, no limit.

#include <lowart/core/call.hpp>
#include <lowart/core/loop_clock.hpp>
#include <lowart/meter/limiter.hpp>

#include <boost/asio/query.hpp>

namespace lowart {

/// Lives where the caller's coroutine lives, on an io_context of the caller's; one thread at a time.
///
///     LocalCall call(co_await asio::this_coro::executor);
///     auto reply = co_await gateway(request, call);
class LocalCall {
 public:
  /// `executor` must belong to an io_context.
  explicit LocalCall(asio::any_io_executor executor)
      : call_(Limiter::unlimited(), clock_of(executor), executor, arena_) {}

  operator Call&() noexcept { return call_; }
  Call& operator*() noexcept { return call_; }
  Call* operator->() noexcept { return &call_; }

 private:
  static Clock& clock_of(asio::any_io_executor const& executor) {
    auto& context = asio::query(executor, asio::execution::context);
    return LoopClock::of(static_cast<asio::io_context&>(context));
  }
  Arena arena_;
  Call call_;
};

}  // namespace lowart
