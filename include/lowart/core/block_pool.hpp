#pragma once
/// BlockPool: small blocks of the heap, in lists per size and thread.

#include <lowart/core/free_lists.hpp>

#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace lowart {

/// Beneath operator new and delete where a program includes core/pooled_new.hpp, else unused.
class BlockPool {
 public:
  static constexpr std::size_t largest = 1024;             ///< In bytes; a larger one is the heap's.
  static constexpr std::size_t most_kept_bytes = 1 << 19;  ///< Per thread.

  /// Throws std::bad_alloc, as operator new does.
  static void* take(std::size_t size) {
    std::size_t const room = rounded(size);
    return room <= largest ? Lists::take(room) : Lists::make(size);
  }
  /// `size`: what was asked for.
  static void give_back(void* block, std::size_t size) noexcept {
    std::size_t const room = rounded(size);
    if (room > largest) return std::free(block);
    Lists::give_back(block, room);
  }
  /// The heap tells how large the block is: at least as large as what was asked for.
  static void give_back(void* block) noexcept {
    std::size_t const room = malloc_usable_size(block) / step * step;
    if (room > largest) return std::free(block);
    Lists::give_back(block, room);
  }
  static std::size_t kept_bytes() noexcept { return Lists::kept_bytes(); }
  /// Gives what waits on this thread back to the heap. Returns how many bytes.
  static std::size_t tidy() noexcept { return Lists::tidy(); }
  /// How many blocks this thread has asked the heap for.
  static std::uint64_t made() noexcept { return Lists::made(); }

 private:
  static constexpr std::size_t step = 16;
  struct Heap {
    static void* make(std::size_t size) {
      for (;;) {
        if (void* const block = std::malloc(size)) return block;
        std::new_handler const handler = std::get_new_handler();
        if (handler == nullptr) throw std::bad_alloc();
        handler();
      }
    }
    static void drop(void* block) noexcept { std::free(block); }
  };
  using Lists = FreeLists<Heap, step, largest + step, most_kept_bytes>;

  static std::size_t rounded(std::size_t size) noexcept {
    return size > largest ? largest + step : size <= step ? step : (size + step - 1) / step * step;
  }
};

}  // namespace lowart
