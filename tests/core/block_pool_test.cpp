#include <lowart/core/pooled_new.hpp>  // all tests of this program run over it

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

namespace lowart::block_pool_test {
namespace {

TEST(BlockPool, RoundsSizesUp) {
  BlockPool::tidy();  // what earlier tests have left may fill the lists
  void* const block = BlockPool::take(100);
  BlockPool::give_back(block, 100);
  EXPECT_EQ(BlockPool::take(112), block);
  BlockPool::give_back(block, 105);
  EXPECT_EQ(BlockPool::take(97), block);
  BlockPool::give_back(block, 97);
}

TEST(BlockPool, FindsTheSizeOfABlockThatIsGivenBackWithoutIt) {
  BlockPool::tidy();
  for (std::size_t size = 0; size <= BlockPool::largest; ++size) {
    void* const block = BlockPool::take(size);
    std::memset(block, 1, size);
    auto const before = BlockPool::kept_bytes();
    BlockPool::give_back(block);
    auto const kept = BlockPool::kept_bytes() - before;
    ASSERT_GE(kept, size);
    ASSERT_EQ(BlockPool::take(kept), block) << size;
    BlockPool::give_back(block);
  }
}

TEST(BlockPool, LeavesLargeOnesWithoutTheirSizeToTheHeap) {
  auto const before = BlockPool::kept_bytes();
  BlockPool::give_back(BlockPool::take(BlockPool::largest + 16));
  EXPECT_EQ(BlockPool::kept_bytes(), before);
}

#if defined(LOWART_POOLED_NEW)  // a sanitizer's heap ends the program instead, and sees each block go
TEST(BlockPool, RefusesWhatNoHeapHas) {
  EXPECT_THROW(BlockPool::take(std::numeric_limits<std::size_t>::max() - 8), std::bad_alloc);
  EXPECT_THROW(BlockPool::take(std::numeric_limits<std::size_t>::max() / 2), std::bad_alloc);
}

TEST(PooledNew, KeepsWhatIsDeletedForTheNextOfItsSize) {
  struct Thing {
    char bytes[200];
  };
  BlockPool::tidy();
  auto first = std::make_unique<Thing>();
  void* const place = first.get();
  first.reset();
  EXPECT_EQ(std::make_unique<Thing>().get(), place);
  auto list = std::make_unique<char[]>(200);
  EXPECT_EQ(static_cast<void*>(list.get()), place);
  list.reset();
  ::operator delete(::operator new(200));  // whose size the heap tells
  EXPECT_EQ(std::make_unique<Thing>().get(), place);
}
#endif

}  // namespace
}  // namespace lowart::block_pool_test
