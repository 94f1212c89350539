#pragma once
/// HugeArray: a large table of plain values, in huge pages where the system has them.

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace lowart {

/// As many zeroed `T` as it is made with. What is read at random misses the cache once and not the table of pages as
/// well.
template <class T>
  requires(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>)
class HugeArray {
 public:
  HugeArray() = default;
  /// Throws std::bad_alloc.
  explicit HugeArray(std::size_t count) : count_(count) {
    if (count == 0) return;
    bool const is_large = count * sizeof(T) >= page;
    std::size_t const unit = is_large ? page : line;
    std::size_t const bytes = (count * sizeof(T) + unit - 1) / unit * unit;
    values_.reset(static_cast<T*>(std::aligned_alloc(unit, bytes)));
    if (!values_) throw std::bad_alloc();
    if (is_large) static_cast<void>(::madvise(values_.get(), bytes, MADV_HUGEPAGE));  // a wish
    std::memset(static_cast<void*>(values_.get()), 0, bytes);
  }

  std::size_t size() const noexcept { return count_; }
  T& operator[](std::size_t at) noexcept { return values_.get()[at]; }
  T const& operator[](std::size_t at) const noexcept { return values_.get()[at]; }

 private:
  static constexpr std::size_t page = std::size_t{2} << 20U;
  static constexpr std::size_t line = std::max<std::size_t>(64, alignof(T));
  struct Free {
    void operator()(T* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<T, Free> values_;
  std::size_t count_{0};
};

}  // namespace lowart
