#pragma once
/// Arena: memory of one call. ArenaPtr: owns an object that lies in it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <new>
#include <span>

namespace lowart {

/// Memory of one call: taken by bumping a pointer, given back all at once.
class Arena final : public std::pmr::memory_resource {
 public:
  /// `first` is used before the heap is; it must outlive the arena.
  explicit Arena(std::span<std::byte> first = {}) noexcept
      : at_(first.data()), end_(first.data() + first.size()), first_(first) {}
  Arena(Arena const&) = delete;
  Arena& operator=(Arena const&) = delete;
  ~Arena() override { release(); }

  std::pmr::memory_resource* resource() noexcept { return this; }
  /// Room for `size` bytes; `align` is a power of two.
  void* take(std::size_t size, std::size_t align) {
    auto const misplaced = static_cast<std::size_t>(-reinterpret_cast<std::intptr_t>(at_)) & (align - 1);
    if (static_cast<std::size_t>(end_ - at_) < misplaced + size) [[unlikely]]
      return take_from_heap(size, align);
    std::byte* const place = at_ + misplaced;
    at_ = place + size;
    return place;
  }
  /// Frees everything. Nothing that was made here may live on.
  void release() noexcept {
    while (heap_ != nullptr) {
      Block* const block = heap_;
      heap_ = block->next;
      ::operator delete(block, block->size, std::align_val_t(alignof(Block)));
    }
    at_ = first_.data();
    end_ = at_ + first_.size();
  }

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
    std::size_t size;
  };
  static constexpr std::size_t least_block = 4096;

  [[gnu::noinline]] void* take_from_heap(std::size_t size, std::size_t align) {
    std::size_t const twice = heap_ != nullptr ? 2 * heap_->size : least_block;
    std::size_t const all = std::max(twice, sizeof(Block) + size + align);
    void* const memory = ::operator new(all, std::align_val_t(alignof(Block)));
    heap_ = ::new (memory) Block{heap_, all};
    at_ = static_cast<std::byte*>(memory) + sizeof(Block);
    end_ = static_cast<std::byte*>(memory) + all;
    return take(size, align);
  }
  void* do_allocate(std::size_t size, std::size_t align) override { return take(size, align); }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(std::pmr::memory_resource const& other) const noexcept override { return this == &other; }

  std::byte* at_;
  std::byte* end_;
  std::span<std::byte> first_;
  Block* heap_{nullptr};
};

/// Destroys, but leaves the memory to the arena.
struct ArenaDelete {
  template <class T>
  void operator()(T* object) const noexcept {
    std::destroy_at(object);
  }
};
template <class T>
using ArenaPtr = std::unique_ptr<T, ArenaDelete>;

}  // namespace lowart
