#pragma once
/// FramePool: memory for coroutine frames, in lists per size and thread, instead of Asio's few slots.

#include <boost/asio/detail/memory.hpp>
#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <new>

namespace lowart {

/// A call's deepest point holds about ten frames, and as many calls as there are wait at once. Asio looks through its
/// slots for one that fits, which misses the cache for each, and asks the heap for frames of 1020 bytes and more.
///
/// Here a frame goes to the list of its size and comes from it: last in, first out, so it is still in the cache. What
/// waits in the lists of a thread is bounded; frames may go back on another thread than they came from.
///
/// Works in programs that define LOWART_FRAME_POOL for all their sources, as our CMake target lowart::compiled does.
/// The blocks are laid out as Asio's own: a source that does not know of this may free what came from here, and the
/// other way round.
class FramePool {
 public:
  static constexpr std::size_t most_kept_bytes = 4 * 1024 * 1024;  ///< Per thread.

  static void* take(std::size_t size) {
    Free** const list = list_of(size);
    if (list == nullptr || *list == nullptr) return mark(make(size), size);
    Free* const block = *list;
    *list = block->next;
    lists_.kept_bytes -= size;
    return mark(block, size);
  }
  static void give_back(void* block, std::size_t size) noexcept {
    Free** const list = list_of(size);
    bool const keeps = list != nullptr && lists_.kept_bytes + size <= most_kept_bytes && is_open();
    if (!keeps) return boost::asio::aligned_delete(block);
    *list = ::new (block) Free{*list};
    lists_.kept_bytes += size;
  }
  static std::size_t kept_bytes() noexcept { return lists_.kept_bytes; }
  /// Gives what waits in the lists of this thread back to the heap. Returns how many bytes.
  static std::size_t tidy() noexcept {
    std::size_t const kept = lists_.kept_bytes;
    for (Free*& first : lists_.first)
      while (first != nullptr) {
        Free* const block = first;
        first = block->next;
        boost::asio::aligned_delete(block);
      }
    lists_.kept_bytes = 0;
    return kept;
  }
  /// How many blocks this thread has asked the heap for.
  static std::uint64_t made() noexcept { return lists_.made; }

 private:
  static constexpr std::size_t step = 8;  // sizes of frames are multiples of it
  static constexpr std::size_t largest = 4096;
  static constexpr std::size_t asio_chunk = 4;

  struct Free {
    Free* next;
  };
  enum class State : unsigned char { untouched, open, closed };
  /// Trivial, so that reaching it costs no check whether it was made yet.
  struct Lists {
    std::array<Free*, largest / step> first{};
    std::size_t kept_bytes{0};
    std::uint64_t made{0};
    State state{State::untouched};
  };
  /// Empties the lists at the thread's end; frames that end later go to the heap.
  struct Closer {
    ~Closer() {
      tidy();
      lists_.state = State::closed;
    }
  };

  static Free** list_of(std::size_t size) noexcept {
    return size < largest && size % step == 0 ? &lists_.first[size / step] : nullptr;
  }
  static bool is_open() noexcept {
    if (lists_.state == State::untouched) {
      static thread_local Closer const closer;
      lists_.state = State::open;
    }
    return lists_.state == State::open;
  }
  static void* make(std::size_t size) {
    ++lists_.made;
    return boost::asio::aligned_new(BOOST_ASIO_DEFAULT_ALIGN, size + asio_chunk);
  }
  /// Asio notes behind the frame how large its block is.
  static void* mark(void* block, std::size_t size) noexcept {
    std::size_t const chunks = (size + asio_chunk - 1) / asio_chunk;
    static_cast<unsigned char*>(block)[size] = chunks <= UCHAR_MAX ? static_cast<unsigned char>(chunks) : 0;
    return block;
  }

  static constinit thread_local Lists lists_;
};

inline constinit thread_local FramePool::Lists FramePool::lists_{};

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
