#pragma once
/// BufferPool: blocks of bytes that connections borrow while bytes are there, and only then.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace lowart::net {

class BufferPool;

/// A block on loan; goes back when destroyed. Must not outlive its pool.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { reset(); }

  explicit operator bool() const noexcept { return data_ != nullptr; }
  char* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::span<char> span() const noexcept { return {data_, size_}; }
  /// Gives the block back.
  inline void reset() noexcept;

 private:
  friend class BufferPool;
  Buffer(BufferPool& pool, char* data, std::size_t size) noexcept : pool_(&pool), data_(data), size_(size) {}

  BufferPool* pool_{nullptr};
  char* data_{nullptr};
  std::size_t size_{0};
};

/// Powers of two from 16 KB; free blocks wait in a list per size. One event loop, no locks.
///
/// What waits is bounded: 4 MB of the small blocks, 16 MB of the larger; what is over goes back to the heap. tidy(),
/// now and then, lets go of what a burst has left.
class BufferPool {
 public:
  static constexpr std::size_t block = 16 * 1024;
  static constexpr std::size_t largest_kept = 8 * 1024 * 1024;
  static constexpr std::size_t most_small_bytes = 4 * 1024 * 1024;
  static constexpr std::size_t most_large_bytes = 16 * 1024 * 1024;

  BufferPool() = default;
  BufferPool(BufferPool const&) = delete;
  BufferPool& operator=(BufferPool const&) = delete;
  ~BufferPool() { release_down_to(0); }

  /// A block of at least `size` bytes, contents undefined.
  Buffer take(std::size_t size = block) {
    size = std::bit_ceil(size < block ? block : size);
    lent_bytes_ += size;
    std::size_t const at = index(size);
    if (at < free_.size() && free_[at] != nullptr) {
      Free* const first = std::exchange(free_[at], free_[at]->next);
      (at == 0 ? kept_small_ : kept_large_) -= size;
      return {*this, reinterpret_cast<char*>(first), size};
    }
    return {*this, new char[size], size};
  }

  /// Gives half of what waits back to the heap, and all of it when nothing is lent. Returns how many bytes.
  std::size_t tidy() noexcept {
    std::size_t const kept = kept_bytes();
    release_down_to(lent_bytes_ == 0 ? 0 : kept / 2);
    return kept - kept_bytes();
  }

  std::size_t lent_bytes() const noexcept { return lent_bytes_; }
  std::size_t kept_bytes() const noexcept { return kept_small_ + kept_large_; }

 private:
  friend class Buffer;
  struct Free {
    Free* next;
  };
  static std::size_t index(std::size_t size) noexcept {
    return static_cast<std::size_t>(std::countr_zero(size) - std::countr_zero(block));
  }
  /// The largest first.
  void release_down_to(std::size_t bytes) noexcept {
    for (std::size_t at = free_.size(); at-- > 0;)
      while (free_[at] != nullptr && kept_bytes() > bytes) {
        delete[] reinterpret_cast<char*>(std::exchange(free_[at], free_[at]->next));
        (at == 0 ? kept_small_ : kept_large_) -= block << at;
      }
  }
  void give_back(char* data, std::size_t size) noexcept {
    lent_bytes_ -= size;
    std::size_t const at = index(size);
    std::size_t& kept = at == 0 ? kept_small_ : kept_large_;
    if (at >= free_.size() || kept + size > (at == 0 ? most_small_bytes : most_large_bytes)) {
      delete[] data;
      return;
    }
    kept += size;
    free_[at] = ::new (static_cast<void*>(data)) Free{free_[at]};
  }

  std::array<Free*, 10> free_{};  ///< 16 KB to 8 MB.
  std::size_t lent_bytes_{0};
  std::size_t kept_small_{0};
  std::size_t kept_large_{0};
};
static_assert(std::countr_zero(BufferPool::largest_kept) - std::countr_zero(BufferPool::block) == 9);

inline void Buffer::reset() noexcept {
  if (data_ != nullptr) pool_->give_back(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace lowart::net
