#include <lowart/gateway/serve.hpp>

#include "gateway_fixture.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <set>
#include <string>
#include <thread>

namespace lowart::serve_test {
namespace {

using namespace lowart::testing;
using namespace std::chrono_literals;

std::string const request = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]})";

/// serve() on a thread of its own, told to end by signals to this process.
class Served {
 public:
  explicit Served(Step step, std::chrono::milliseconds drain = 20s,
                  std::vector<std::string> listen = {"127.0.0.1:0"}, std::size_t threads = 1)
      : runtime(threads) {
    ServeOptions options;
    options.listen = std::move(listen);
    options.drain = drain;
    options.on_ready = [this](std::vector<net::ListenAddress> const& bound) { ready_.set_value(bound); };
    Gateway<ScriptedProvider> gateway(ScriptedProvider("p", {std::move(step)}).repeat());
    thread_ = std::thread([this, gateway, options = std::move(options)]() mutable {
      exit_code.set_value(serve(runtime, std::move(gateway), std::move(options)));
    });
    auto bound = ready_.get_future();
    if (bound.wait_for(10s) == std::future_status::ready) addresses = bound.get();
  }
  ~Served() {
    runtime.stop();
    if (thread_.joinable()) thread_.join();
  }
  static void signal() { ::kill(::getpid(), SIGTERM); }
  TestClient client(std::size_t i = 0) const { return TestClient(addresses.at(i)); }

  Runtime runtime;
  std::vector<net::ListenAddress> addresses;
  std::promise<int> exit_code;

 private:
  std::promise<std::vector<net::ListenAddress>> ready_;
  std::thread thread_;
};

bool ends(std::future<int>& code) {
  return code.wait_for(10s) == std::future_status::ready && code.get() == 0;
}

TEST(Serve, TellsTheAddressesItBoundAndAnswersOnAll) {
  Served served(Step::answer("Hi"), 1s, {"127.0.0.1:0", "127.0.0.1:0"}, 2);
  ASSERT_EQ(served.addresses.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NE(served.addresses[i].port, 0);
    for (int n = 0; n < 8; ++n)
      EXPECT_EQ(served.client(i).ask(get("/health")).status, 200) << "whichever loop it comes to";
  }
  EXPECT_NE(served.addresses[0].port, served.addresses[1].port);
  auto code = served.exit_code.get_future();
  Served::signal();
  EXPECT_TRUE(ends(code));
}

TEST(Serve, LetsARunningStreamFinishAndTakesNothingNew) {
  Served served(Step::stream({"one ", "two ", "three"}).every(300ms));
  TestClient client = served.client();
  client.send(post("/v1/chat/completions", request));
  ASSERT_TRUE(client.more()) << "the stream runs";
  auto code = served.exit_code.get_future();
  Served::signal();
  HttpAnswer const answer = client.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("three"), std::string::npos);
  EXPECT_TRUE(answer.body.ends_with("data: [DONE]\n\n")) << "drained, not cut";
  EXPECT_FALSE(served.client().connected()) << "it does not listen any more";
  EXPECT_TRUE(ends(code));
}

TEST(Serve, EndsAtOnceAtTheSecondSignal) {
  Served served(Step::stream({"one"}).then_stall());
  TestClient client = served.client();
  client.send(post("/v1/chat/completions", request));
  ASSERT_TRUE(client.more());
  auto code = served.exit_code.get_future();
  Served::signal();
  while (served.client().connected()) std::this_thread::yield();  // until it drains
  EXPECT_EQ(code.wait_for(0s), std::future_status::timeout) << "it waits for the stream";
  Served::signal();
  EXPECT_TRUE(ends(code));
}

TEST(Serve, EndsWhatIsLeftWithAnErrorWhenItsTimeToDrainIsOver) {
  Served served(Step::stream({"one"}).then_stall(), 10ms);
  TestClient client = served.client();
  client.send(post("/v1/chat/completions", request));
  ASSERT_TRUE(client.more());
  auto code = served.exit_code.get_future();
  Served::signal();
  EXPECT_TRUE(ends(code));
  HttpAnswer const answer = client.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("code":"shutting_down")"), std::string::npos) << answer.body;
  EXPECT_EQ(answer.body.find("[DONE]"), std::string::npos) << "what was cut does not look complete";
}

TEST(Serve, RefusesWhatHasNotBegunWhenItsTimeToDrainIsOver) {
  Served served(Step::stall(), 10ms);
  TestClient client = served.client();
  client.send(post("/v1/chat/completions", request));
  while (served.client().ask(get("/metrics")).body.find("gateway_in_flight 1") == std::string::npos)
    std::this_thread::yield();
  auto code = served.exit_code.get_future();
  Served::signal();
  EXPECT_TRUE(ends(code));
  HttpAnswer const answer = client.receive();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("retry-after: 1"));
  EXPECT_TRUE(answer.has("x-should-retry: true"));
}

TEST(Serve, ClosesOnWhoDoesNotTakeTheError) {
  Served served(Step::stream({std::string(64 << 20U, 'x')}).then_stall(), 10ms);
  TestClient client = served.client();
  client.send(post("/v1/chat/completions", request));
  ASSERT_TRUE(client.more());
  auto code = served.exit_code.get_future();
  Served::signal();
  EXPECT_TRUE(ends(code));
}

TEST(Serve, EndsAtOnceWhenNothingRuns) {
  Served served(Step::answer("Hi"));
  TestClient idle = served.client();
  EXPECT_EQ(idle.ask(get("/health")).status, 200);
  auto code = served.exit_code.get_future();
  Served::signal();
  EXPECT_TRUE(ends(code));
  EXPECT_TRUE(idle.ended());
}

TEST(Serve, SaysWhyItCannotListen) {
  Served first(Step::answer("Hi"));
  ASSERT_EQ(first.addresses.size(), 1U);
  for (std::string const& where : {"127.0.0.1:" + std::to_string(first.addresses[0].port),
                                   std::string("nonsense"), std::string("127.0.0.1:99999")}) {
    Runtime runtime(1);
    ::testing::internal::CaptureStderr();
    int const code =
        serve(runtime, Gateway<ScriptedProvider>(ScriptedProvider("p", {})), {.listen = {where}});
    EXPECT_EQ(code, 1) << where;
    EXPECT_FALSE(::testing::internal::GetCapturedStderr().empty());
  }
}

TEST(Runtime, RunsEveryLoopOnItsOwnThreadAndTellsWhich) {
  Runtime runtime(3);
  EXPECT_EQ(Runtime::this_loop(), Runtime::no_loop);
  std::mutex mutex;
  std::set<std::size_t> loops;
  std::set<std::thread::id> threads;
  for (std::size_t i = 0; i < runtime.size(); ++i)
    asio::post(runtime.loop(i), [&, i] {
      std::lock_guard const lock(mutex);
      EXPECT_EQ(Runtime::this_loop(), i);
      loops.insert(i);
      threads.insert(std::this_thread::get_id());
      if (loops.size() == runtime.size()) runtime.stop();
    });
  runtime.run();
  EXPECT_EQ(loops.size(), 3U);
  EXPECT_EQ(threads.size(), 3U);
  EXPECT_EQ(Runtime::this_loop(), Runtime::no_loop);
}

}  // namespace
}  // namespace lowart::serve_test
