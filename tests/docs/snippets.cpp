// What the documentation quotes and no example has. It is compiled, not run.
#include <lowart/lowart.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

namespace lowart {
namespace {

using testing::ScriptedProvider;
using testing::Step;
using testing::TestLoop;

//[testing
TEST(Retry, WaitsAsLongAsTheProviderAsks) {
  Error const full =
      Error(Errc::rate_limited, "full", Origin::upstream).with_retryable(true).with_retry_after(3s);
  ScriptedProvider provider("a", {Step::fail(full), Step::answer("hello")});
  Retry patient(provider, {.attempts = 2});

  TestLoop loop;
  Call call = loop.call();
  ChatRequest const request("any-model");
  TimePoint const begin = loop.clock.now();
  Result<ChatReply> const reply = loop.run(patient(request, call));

  ASSERT_TRUE(reply);
  EXPECT_EQ(provider.calls(), 2U);
  EXPECT_GE(loop.clock.now() - begin, 3s);  // of manual time
}
static_assert(Provider<Retry<testing::ArchetypeProvider>>);
//]

//[selection
/// The target that answered quickest of late: simple, and sends every call to it.
struct Quickest {
  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    order.sort_by([&](std::size_t i) { return targets[i].load->latency(moment.now); });
  }
};
static_assert(Selection<Quickest>);
//]

[[maybe_unused]] int keep_usage(Runtime& runtime) {
  //[store
  auto opened = Journal::open("data", {.writers = runtime.size() + 1});
  if (!opened) return 1;
  std::shared_ptr<Journal> const journal = std::move(*opened);
  auto store = SqliteStore::open("data/usage.db");
  if (!store) return 1;
  auto folder = Folder<SqliteStore>::start(*journal, std::move(*store));  // its thread moves the records
  if (!folder) return 1;

  auto answer = Demo{} | timeouts() | metered(TokenMeter{}, JournalSink{journal});
  //]
  (void)answer;
  return 0;
}

}  // namespace
}  // namespace lowart
