#pragma once
/// Loop: what the connections of one event loop share: buffers, and whatever lives once per loop and key.

#include <lowart/core/block_pool.hpp>
#include <lowart/core/frame_pool.hpp>
#include <lowart/core/loop_clock.hpp>
#include <lowart/net/buffer_pool.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/query.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

namespace lowart::net {

/// Something that lives once per loop and key: a pool of connections, a cache of names.
class LoopResident {
 public:
  virtual ~LoopResident() = default;
  /// The loop is going down: close sockets now, accept none back.
  virtual void shut_down() noexcept = 0;
  /// Nobody will ask for it again, so it may go.
  virtual bool deserted() const noexcept = 0;
  /// Lets go of what is not needed now.
  virtual void tidy() {}
};

/// A service of the io_context, one per core. No locks: use it on the loop's thread only.
class Loop final : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit Loop(asio::execution_context& context)
      : asio::execution_context::service(context),
        clock_(LoopClock::of(static_cast<asio::io_context&>(context))) {}

  /// The loop of `context` (an io_context), made on first use.
  static Loop& of(asio::execution_context& context) { return asio::use_service<Loop>(context); }
  static Loop& of(asio::any_io_executor const& executor) {
    return of(asio::query(executor, asio::execution::context));
  }

  BufferPool& buffers() noexcept { return buffers_; }
  LoopClock& clock() noexcept { return clock_; }

  /// A key for residents; never 0, never twice. Thread safe.
  static std::uint64_t new_key() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  /// The resident of this key, made from `args` on first use. The key determines the type.
  template <class Resident, class... Args>
  Resident& resident(std::uint64_t key, Args&&... args) {
    auto const found = residents_.find(key);
    if (found != residents_.end()) return static_cast<Resident&>(*found->second);
    std::erase_if(residents_, [](auto const& entry) { return entry.second->deserted(); });
    auto made = std::make_unique<Resident>(*this, std::forward<Args>(args)...);
    Resident& here = *made;
    residents_.emplace(key, std::move(made));
    return here;
  }
  /// Lets go of what a burst of calls has left: free buffers and blocks, idle connections that are stale or whose peer is gone.
  /// True when memory came free. For whoever runs the loop to call now and then.
  bool tidy() {
    std::erase_if(residents_, [](auto const& entry) { return entry.second->deserted(); });
    for (auto& [key, resident] : residents_) resident->tidy();
    std::size_t const buffers = buffers_.tidy();
    return buffers + FramePool::tidy() + BlockPool::tidy() > 0;
  }
  /// The resident of this key, or null when there is none yet.
  template <class Resident>
  Resident const* find(std::uint64_t key) const noexcept {
    auto const found = residents_.find(key);
    return found == residents_.end() ? nullptr : static_cast<Resident const*>(found->second.get());
  }

 private:
  void shutdown() override {
    for (auto& [key, resident] : residents_) resident->shut_down();
  }

  LoopClock& clock_;
  BufferPool buffers_;
  std::unordered_map<std::uint64_t, std::unique_ptr<LoopResident>> residents_;
};

}  // namespace lowart::net
