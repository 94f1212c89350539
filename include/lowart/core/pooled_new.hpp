#pragma once
/// operator new and delete of a whole program over BlockPool. Include it in one source of a program, or in none.
///
/// A request that is translated makes and drops some hundred strings and lists of a few sizes. glibc keeps seven blocks
/// of a size within a thread's reach and goes a long way for all others: a fifth of what a translation costs. Here they
/// wait in the thread's lists; net::Loop::tidy() gives them back when a loop is at rest.
///
/// With a sanitizer, which should see each block come and go, it does nothing.

#include <lowart/core/block_pool.hpp>

#include <cstddef>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && !__has_feature(memory_sanitizer)
#define LOWART_POOLED_NEW
#endif
#else
#define LOWART_POOLED_NEW
#endif
#endif

#if defined(LOWART_POOLED_NEW)
void* operator new(std::size_t size) { return lowart::BlockPool::take(size); }
void* operator new[](std::size_t size) { return lowart::BlockPool::take(size); }
void operator delete(void* block) noexcept {
  if (block != nullptr) lowart::BlockPool::give_back(block);
}
void operator delete[](void* block) noexcept {
  if (block != nullptr) lowart::BlockPool::give_back(block);
}
void operator delete(void* block, std::size_t size) noexcept {
  if (block != nullptr) lowart::BlockPool::give_back(block, size);
}
void operator delete[](void* block, std::size_t size) noexcept {
  if (block != nullptr) lowart::BlockPool::give_back(block, size);
}
#endif
