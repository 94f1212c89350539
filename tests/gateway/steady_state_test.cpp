// What a call costs that can be counted exactly on any machine: allocations of the loop's thread.
#include <lowart/net/http_client.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/openai.hpp>

#include <gtest/gtest.h>

#include "gateway_fixture.hpp"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#if defined(LOWART_FRAME_POOL)  // sanitizers bring operators of their own

namespace {
thread_local std::uint64_t allocations_here = 0;

void* counted(std::size_t size, std::size_t align) {
  ++allocations_here;
  void* const memory = align <= alignof(std::max_align_t)
                           ? std::malloc(size != 0 ? size : 1)
                           : std::aligned_alloc(align, (size + align - 1) / align * align);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size, 1); }
void* operator new(std::size_t size, std::align_val_t align) {
  return counted(size, static_cast<std::size_t>(align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace lowart::steady_state_test {
namespace {

using namespace lowart::testing;

/// Notes on the loop's thread, at the end of each call, how much has been allocated there.
struct Tally {
  explicit Tally(std::size_t calls) : seen(std::make_shared<std::vector<std::uint64_t>>()) {
    seen->reserve(calls);
  }
  Result<void> append(UsageRecord const&) {
    seen->push_back(allocations_here + FramePool::made());
    return {};
  }
  std::shared_ptr<std::vector<std::uint64_t>> seen;
};

constexpr std::string_view reply =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}})";

Task<void> give_reply(net::ServerRequest& request, net::Responder& responder) {
  Result<std::string_view> const body = co_await request.body(1U << 20U);
  EXPECT_TRUE(body);
  Result<void> const sent = co_await responder.send(200, "application/json", reply);
  EXPECT_TRUE(sent);
}

/// A provider on a thread of its own, so that what it allocates is not counted.
class Upstream {
 public:
  Upstream() {
    EXPECT_TRUE(server_->listen(address));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Upstream() {
    io_.stop();
    thread_.join();
  }
  net::ListenAddress address = TestServer::loopback();

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  std::shared_ptr<net::HttpServer> server_ = std::make_shared<net::HttpServer>(io_, give_reply);
  std::thread thread_;
};

std::string request_of(std::size_t prompt_bytes) {
  std::string const body = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":")" +
                           std::string(prompt_bytes, 'x') + R"("}]})";
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-lw-1\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

class SteadyState : public ::testing::TestWithParam<std::size_t> {};

// Everything a call needs is there from the calls before it: buffers, frames, its arena, series, connections. An
// allocation more is one that every call of every client pays for.
TEST_P(SteadyState, ARelayedCallAllocatesNothing) {
  constexpr std::size_t calls = 60;
  constexpr std::size_t warm = 20;
  Upstream const upstream;
  auto transport =
      net::HttpTransport::make("http://127.0.0.1:" + std::to_string(upstream.address.port) + "/v1");
  ASSERT_TRUE(transport);
  OpenAiOptions options;
  options.api_key = Secret("sk-upstream");
  auto guarded = OpenAi<net::HttpTransport>(*transport, options) | timeouts() | breaker() | retry();
  std::vector<Route> routes;
  routes.push_back(Route{"gpt-4o-mini", {}, "up", AnyProvider(ForModel(std::move(guarded), "gpt-4o-mini"))});
  Tally const tally(calls);
  LogFile log;
  GatewayOptions how;
  Limits limits;
  limits.rpm = limits.tpm = 1'000'000'000;
  KeyEntry key{"key",
               net::sha256("sk-lw-1"),
               std::make_shared<LimitState>(limits, std::chrono::steady_clock::now()),
               {}};
  KeyPolicy policy{.expires_at = 9'000'000'000'000'000,
                   .blocked = {"gpt-3*"},
                   .live = std::make_shared<std::atomic<KeyState>>(KeyState::active),
                   .revoke_streams = true};
  policy.types.add(ModelType::chat);
  ASSERT_TRUE(policy.addresses.add("127.0.0.0/8"));
  key.policy = std::make_shared<KeyPolicy const>(std::move(policy));
  how.keys.push_back(std::move(key));
  how.log_fd = log.fd();
  GatewayServer server(Gateway(Metered(Router(std::move(routes)), TokenMeter{}, tally), how));

  std::string const request = request_of(GetParam());
  TestClient client = server.client();
  for (std::size_t i = 0; i < calls; ++i) {
    ASSERT_TRUE(client.send(request));
    ASSERT_EQ(client.receive().body, reply);
  }
  server.stop();
  ASSERT_EQ(tally.seen->size(), calls);
  EXPECT_GT(tally.seen->front(), 0U);  // it does count
  EXPECT_EQ(tally.seen->back() - tally.seen->at(warm), 0U);
}

INSTANTIATE_TEST_SUITE_P(Bodies, SteadyState, ::testing::Values(1'000U, 20'000U, 300'000U));

}  // namespace
}  // namespace lowart::steady_state_test

#endif
