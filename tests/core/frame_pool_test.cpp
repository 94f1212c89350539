#include <lowart/core/frame_pool.hpp>

#include <gtest/gtest.h>

#include <cstring>

namespace lowart::frame_pool_test {
namespace {

TEST(FramePool, LeavesToTheHeapWhatIsOdd) {
  auto const before = FramePool::kept_bytes();
  void* const block = FramePool::take(13);
  std::memset(block, 1, 13);
  FramePool::give_back(block, 13);
  EXPECT_EQ(FramePool::kept_bytes(), before);
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
