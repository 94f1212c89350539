#pragma once
/// FramePool: memory for coroutine frames, in lists per size and thread, instead of Asio's few slots.

#include <lowart/core/free_lists.hpp>

#include <boost/asio/detail/memory.hpp>
#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>

#include <climits>
#include <cstddef>
#include <cstdint>

namespace lowart {

/// A call's deepest point holds about ten frames, and as many calls as there are wait at once. Asio looks through its
/// slots for one that fits, which misses the cache for each, and asks the heap for frames of 1020 bytes and more.
///
/// Here a frame goes to the list of its size and comes from it: see FreeLists.
///
/// Works in programs that define LOWART_FRAME_POOL for all their sources, as our CMake target lowart::compiled does.
/// The blocks are laid out as Asio's own: a source that does not know of this may free what came from here, and the
/// other way round.
class FramePool {
 public:
  static constexpr std::size_t most_kept_bytes = 4 * 1024 * 1024;  ///< Per thread.

  static void* take(std::size_t size) {
    return mark(is_listed(size) ? Lists::take(size) : Lists::make(size), size);
  }
  static void give_back(void* block, std::size_t size) noexcept {
    if (!is_listed(size)) return boost::asio::aligned_delete(block);
    Lists::give_back(block, size);
  }
  static std::size_t kept_bytes() noexcept { return Lists::kept_bytes(); }
  /// Gives what waits in the lists of this thread back to the heap. Returns how many bytes.
  static std::size_t tidy() noexcept { return Lists::tidy(); }
  /// How many blocks this thread has asked the heap for.
  static std::uint64_t made() noexcept { return Lists::made(); }

 private:
  static constexpr std::size_t step = 8;  // sizes of frames are multiples of it
  static constexpr std::size_t largest = 4096;
  static constexpr std::size_t asio_chunk = 4;

  struct Heap {
    static void* make(std::size_t size) {
      return boost::asio::aligned_new(BOOST_ASIO_DEFAULT_ALIGN, size + asio_chunk);
    }
    static void drop(void* block) noexcept { boost::asio::aligned_delete(block); }
  };
  using Lists = FreeLists<Heap, step, largest, most_kept_bytes>;

  static bool is_listed(std::size_t size) noexcept { return size < largest && size % step == 0; }
  /// Asio notes behind the frame how large its block is.
  static void* mark(void* block, std::size_t size) noexcept {
    std::size_t const chunks = (size + asio_chunk - 1) / asio_chunk;
    static_cast<unsigned char*>(block)[size] = chunks <= UCHAR_MAX ? static_cast<unsigned char>(chunks) : 0;
    return block;
  }
};

}  // namespace lowart

#if defined(LOWART_FRAME_POOL)
namespace boost::asio::detail {

template <>
inline void* thread_info_base::allocate(awaitable_frame_tag, thread_info_base*, std::size_t size,
                                        std::size_t) {
  return lowart::FramePool::take(size);
}
template <>
inline void thread_info_base::deallocate(awaitable_frame_tag, thread_info_base*, void* pointer,
                                         std::size_t size) {
  lowart::FramePool::give_back(pointer, size);
}

}  // namespace boost::asio::detail
#endif
