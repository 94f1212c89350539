#pragma once
/// FreeLists: blocks of memory that wait to be used again, in lists per size and thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace lowart {

/// Last in, first out, so that a block is still in the cache. What waits on a thread is bounded; blocks may go back on
/// another thread than they came from.
///
/// `Heap` has `void* make(size)` and `void drop(void*) noexcept`, and names whose lists these are. `step`: sizes are
/// multiples of it, below `largest`.
template <class Heap, std::size_t step, std::size_t largest, std::size_t most_kept>
class FreeLists {
 public:
  static void* take(std::size_t size) {
    Free*& first = lists_.first[size / step];
    if (first == nullptr) [[unlikely]]
      return make(size);
    Free* const block = first;
    first = block->next;
    lists_.kept_bytes -= size;
    return block;
  }
  /// Asks the heap at once, for a size that has no list, too.
  static void* make(std::size_t size) {
    ++lists_.made;
    return Heap::make(size);
  }
  static void give_back(void* block, std::size_t size) noexcept {
    bool const keeps = lists_.kept_bytes + size <= most_kept && is_open();
    if (!keeps) [[unlikely]]
      return Heap::drop(block);
    Free*& first = lists_.first[size / step];
    first = ::new (block) Free{first};
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
        Heap::drop(block);
      }
    lists_.kept_bytes = 0;
    return kept;
  }
  /// How many blocks this thread has asked the heap for.
  static std::uint64_t made() noexcept { return lists_.made; }

 private:
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
  /// Empties the lists at the thread's end; blocks that come back later go to the heap.
  struct Closer {
    ~Closer() {
      tidy();
      lists_.state = State::closed;
    }
  };
  static bool is_open() noexcept {
    if (lists_.state == State::untouched) [[unlikely]]
      open();
    return lists_.state == State::open;
  }
  [[gnu::noinline]] static void open() noexcept {
    lists_.state = State::open;  // before: what the closer needs may come back here
    static thread_local Closer const closer;
  }

  inline static constinit thread_local Lists lists_{};
};

}  // namespace lowart
