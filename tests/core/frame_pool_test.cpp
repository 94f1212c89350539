#include <lowart/core/frame_pool.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace lowart::frame_pool_test {
namespace {

TEST(FramePool, GivesTheLastBlockOfASizeAgain) {
  void* const first = FramePool::take(264);
  void* const second = FramePool::take(264);
  FramePool::give_back(first, 264);
  FramePool::give_back(second, 264);
  EXPECT_EQ(FramePool::take(264), second);
  EXPECT_EQ(FramePool::take(264), first);
  FramePool::give_back(first, 264);
  FramePool::give_back(second, 264);
}

TEST(FramePool, KeepsSizesApart) {
  void* const small = FramePool::take(64);
  FramePool::give_back(small, 64);
  void* const large = FramePool::take(72);
  EXPECT_NE(large, small);
  std::memset(large, 1, 72);
  FramePool::give_back(large, 72);
}

TEST(FramePool, LeavesToTheHeapWhatIsLargeOrOdd) {
  for (std::size_t const size : {std::size_t{13}, std::size_t{4096}, std::size_t{100'000}}) {
    auto const before = FramePool::kept_bytes();
    void* const block = FramePool::take(size);
    std::memset(block, 1, size);
    FramePool::give_back(block, size);
    EXPECT_EQ(FramePool::kept_bytes(), before) << size;
  }
}

TEST(FramePool, KeepsNoMoreThanItsBound) {
  std::thread([] {
    constexpr std::size_t size = 4000;
    std::vector<void*> blocks(2 * FramePool::most_kept_bytes / size);
    for (void*& block : blocks) block = FramePool::take(size);
    for (void* const block : blocks) FramePool::give_back(block, size);
    EXPECT_LE(FramePool::kept_bytes(), FramePool::most_kept_bytes);
    EXPECT_GT(FramePool::kept_bytes(), FramePool::most_kept_bytes - size);
  }).join();
}

TEST(FramePool, TakesBlocksOfOtherThreads) {
  void* const here = FramePool::take(128);
  std::thread([here] {
    FramePool::give_back(here, 128);
    EXPECT_EQ(FramePool::take(128), here);
    FramePool::give_back(here, 128);
  }).join();
}

// A source that does not know of the pool uses Asio's own functions on the same frames.
TEST(FramePool, AsioAndThePoolMayFreeEachOthersBlocks) {
  using Asio = boost::asio::detail::thread_info_base;
  Asio slots;
  Asio::default_tag const tag{};
  void* const ours = FramePool::take(512);
  Asio::deallocate(tag, &slots, ours, 512);
  EXPECT_EQ(Asio::allocate(tag, &slots, 500), ours);  // so it read how large our block is
  FramePool::give_back(ours, 512);
  EXPECT_EQ(FramePool::take(512), ours);
  FramePool::give_back(ours, 512);
}

}  // namespace
}  // namespace lowart::frame_pool_test
