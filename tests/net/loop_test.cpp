#include "http_client_fixture.hpp"

#include <lowart/core/frame_pool.hpp>
#include <lowart/net/buffer_pool.hpp>
#include <lowart/net/loop.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::net::loop_test {
namespace {

using namespace std::chrono_literals;
using testing::HttpClientTest;
using testing::Wire;

std::vector<Buffer> take(BufferPool& pool, int count, std::size_t size = BufferPool::block) {
  std::vector<Buffer> taken;
  for (int i = 0; i < count; ++i) taken.push_back(pool.take(size));
  return taken;
}

TEST(BufferPool, GivesAllBackToTheHeapWhenNothingIsLent) {
  BufferPool pool;
  take(pool, 10);
  take(pool, 3, 1024 * 1024);
  EXPECT_EQ(pool.kept_bytes(), 10 * BufferPool::block + 3 * 1024 * 1024);
  EXPECT_EQ(pool.tidy(), 10 * BufferPool::block + 3 * 1024 * 1024);
  EXPECT_EQ(pool.kept_bytes(), 0U);
  EXPECT_EQ(pool.tidy(), 0U);
  take(pool, 1);
  EXPECT_EQ(pool.kept_bytes(), BufferPool::block) << "as useful as before";
}

TEST(BufferPool, KeepsHalfOfItsSpareBlocksWhileSomeAreLent) {
  BufferPool pool;
  Buffer const lent = pool.take();
  take(pool, 8);
  EXPECT_EQ(pool.tidy(), 4 * BufferPool::block);
  EXPECT_EQ(pool.kept_bytes(), 4 * BufferPool::block);
  EXPECT_EQ(pool.lent_bytes(), BufferPool::block);
}

TEST(Loop, TidyingGivesSpareFramesAndBlocksBackToTheHeap) {
  boost::asio::io_context context;
  Loop& loop = Loop::of(context);
  loop.tidy();
  FramePool::give_back(FramePool::take(512), 512);
  EXPECT_TRUE(loop.tidy());
  EXPECT_EQ(FramePool::kept_bytes(), 0U);
  BlockPool::give_back(BlockPool::take(512), 512);
  EXPECT_TRUE(loop.tidy());
  EXPECT_EQ(BlockPool::kept_bytes(), 0U);
  EXPECT_FALSE(loop.tidy());
}

std::string const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

TEST(Loop, TidyingClosesConnectionsWhosePeerIsGone) {
  for (bool const stays : {true, false}) {
    HttpClientTest test;
    test.peer.then([&](Wire& wire) -> Task<> {
      co_await wire.receive();
      co_await wire.send(ok);
      if (stays) co_await wire.stall();
    });
    auto transport = test.transport();
    EXPECT_EQ(test.fetch(transport).body, "hi");
    EXPECT_EQ(test.stats(transport).idle, 1U);
    auto const end = std::chrono::steady_clock::now() + 300ms;
    while (test.stats(transport).open > 0 && std::chrono::steady_clock::now() < end) {
      test.io.run_for(1ms);
      Loop::of(test.io).tidy();
    }
    EXPECT_EQ(test.stats(transport).open, stays ? 1U : 0U);
  }
}

TEST(Loop, TidyingClosesConnectionsThatAreIdleForTooLong) {
  HttpClientTest test;
  test.peer.then([&](Wire& wire) -> Task<> {
    co_await wire.receive();
    co_await wire.send(ok);
    co_await wire.stall();
  });
  HttpOptions options;
  options.idle = 0s;
  auto transport = test.transport(options);
  EXPECT_EQ(test.fetch(transport).body, "hi");
  EXPECT_EQ(test.stats(transport).idle, 1U);
  EXPECT_TRUE(Loop::of(test.io).tidy()) << "buffers and frames came free as well";
  EXPECT_EQ(test.stats(transport).open, 0U);
}

}  // namespace
}  // namespace lowart::net::loop_test
