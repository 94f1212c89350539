#include <lowart/core/block_pool.hpp>
#include <lowart/core/frame_pool.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <thread>
#include <vector>

namespace lowart::free_lists_test {
namespace {

/// What every pool over FreeLists does.
template <class Pool>
class PoolOfBlocks : public ::testing::Test {};
using Pools = ::testing::Types<BlockPool, FramePool>;
TYPED_TEST_SUITE(PoolOfBlocks, Pools);

TYPED_TEST(PoolOfBlocks, GivesTheLastBlockOfASizeAgain) {
  std::thread([] {  // of this one the lists may be full: the tests' own heap is a pool, too
    void* const first = TypeParam::take(256);
    void* const second = TypeParam::take(256);
    TypeParam::give_back(first, 256);
    TypeParam::give_back(second, 256);
    EXPECT_EQ(TypeParam::take(256), second);
    EXPECT_EQ(TypeParam::take(256), first);
    TypeParam::give_back(first, 256);
    TypeParam::give_back(second, 256);
  })
      .join();
}

TYPED_TEST(PoolOfBlocks, KeepsSizesApart) {
  void* const small = TypeParam::take(64);
  TypeParam::give_back(small, 64);
  void* const large = TypeParam::take(80);
  EXPECT_NE(large, small);
  std::memset(large, 1, 80);
  TypeParam::give_back(large, 80);
}

TYPED_TEST(PoolOfBlocks, LeavesLargeOnesToTheHeapAndCountsThem) {
  for (std::size_t const size : {std::size_t{4096}, std::size_t{100'000}}) {
    auto const kept = TypeParam::kept_bytes();
    auto const made = TypeParam::made();
    void* const block = TypeParam::take(size);
    std::memset(block, 1, size);
    TypeParam::give_back(block, size);
    EXPECT_EQ(TypeParam::kept_bytes(), kept) << size;
    EXPECT_EQ(TypeParam::made(), made + 1) << size;
  }
}

TYPED_TEST(PoolOfBlocks, KeepsNoMoreThanItsBoundAndGivesAllBackWhenToldTo) {
  std::thread([] {
    constexpr std::size_t size = 1008;
    std::vector<void*> blocks(2 * TypeParam::most_kept_bytes / size);
    for (void*& block : blocks) block = TypeParam::take(size);
    for (void* const block : blocks) TypeParam::give_back(block, size);
    EXPECT_LE(TypeParam::kept_bytes(), TypeParam::most_kept_bytes);
    EXPECT_GT(TypeParam::kept_bytes(), TypeParam::most_kept_bytes - size);
    EXPECT_GT(TypeParam::tidy(), TypeParam::most_kept_bytes - size);
    EXPECT_EQ(TypeParam::kept_bytes(), 0U);
  }).join();
}

TYPED_TEST(PoolOfBlocks, TakesBlocksOfOtherThreads) {
  void* const here = TypeParam::take(128);
  std::thread([here] {
    TypeParam::give_back(here, 128);
    EXPECT_EQ(TypeParam::take(128), here);
    TypeParam::give_back(here, 128);
  }).join();
}

}  // namespace
}  // namespace lowart::free_lists_test
