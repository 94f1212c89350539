#include <lowart/core/block_pool.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace lowart::block_pool_test {
namespace {

TEST(BlockPool, GivesTheLastBlockOfASizeAgain) {
  void* const first = BlockPool::take(100);
  void* const second = BlockPool::take(112);  // the same, rounded
  BlockPool::give_back(first, 100);
  BlockPool::give_back(second, 112);
  EXPECT_EQ(BlockPool::take(98), second);
  EXPECT_EQ(BlockPool::take(105), first);
  BlockPool::give_back(first, 105);
  BlockPool::give_back(second, 98);
}

TEST(BlockPool, FindsTheSizeOfABlockThatIsGivenBackWithoutIt) {
  for (std::size_t size = 0; size <= BlockPool::largest; ++size) {
    void* const block = BlockPool::take(size);
    std::memset(block, 1, size);
    auto const before = BlockPool::kept_bytes();
    BlockPool::give_back(block);
    EXPECT_GE(BlockPool::kept_bytes() - before, size);
    void* const next = BlockPool::take(BlockPool::kept_bytes() - before);
    EXPECT_EQ(next, block) << size;
    BlockPool::give_back(next);
  }
}

TEST(BlockPool, LeavesLargeOnesToTheHeap) {
  for (std::size_t const size : {BlockPool::largest + 16, std::size_t{100'000}}) {
    auto const before = BlockPool::kept_bytes();
    void* const block = BlockPool::take(size);
    std::memset(block, 1, size);
    BlockPool::give_back(block, size);
    BlockPool::give_back(BlockPool::take(size));
    EXPECT_EQ(BlockPool::kept_bytes(), before) << size;
  }
}

#if defined(LOWART_FRAME_POOL)  // a sanitizer's heap ends the program instead
TEST(BlockPool, RefusesWhatNoHeapHas) {
  EXPECT_THROW(BlockPool::take(std::numeric_limits<std::size_t>::max() - 8), std::bad_alloc);
  EXPECT_THROW(BlockPool::take(std::numeric_limits<std::size_t>::max() / 2), std::bad_alloc);
}
#endif

TEST(BlockPool, KeepsNoMoreThanItsBoundAndGivesAllBackWhenToldTo) {
  std::thread([] {
    constexpr std::size_t size = 1000;
    std::vector<void*> blocks(2 * BlockPool::most_kept_bytes / size);
    for (void*& block : blocks) block = BlockPool::take(size);
    for (void* const block : blocks) BlockPool::give_back(block, size);
    EXPECT_LE(BlockPool::kept_bytes(), BlockPool::most_kept_bytes);
    EXPECT_GT(BlockPool::kept_bytes(), BlockPool::most_kept_bytes - 2 * size);
    EXPECT_GT(BlockPool::tidy(), BlockPool::most_kept_bytes - 2 * size);
    EXPECT_EQ(BlockPool::kept_bytes(), 0U);
  }).join();
}

TEST(BlockPool, TakesBlocksOfOtherThreads) {
  void* const here = BlockPool::take(128);
  std::thread([here] {
    BlockPool::give_back(here, 128);
    EXPECT_EQ(BlockPool::take(128), here);
    BlockPool::give_back(here, 128);
  }).join();
}

}  // namespace
}  // namespace lowart::block_pool_test
