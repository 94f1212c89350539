#include <lowart/gateway/response_store.hpp>

#include <lowart/dialect/openai_error.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace lowart::response_store_test {
namespace {

using namespace lowart;
using std::chrono::seconds;

TimePoint at(int second) { return TimePoint(seconds(second)); }

StoredResponse response(std::string text, std::string items = "") {
  return {std::move(text), std::move(items)};
}

TEST(ResponseStore, GivesBackWhatWasPut) {
  ResponseStore store;
  ASSERT_TRUE(store.put("key", "resp_1", response("{}", "[1]"), at(0)));
  auto const found = store.get("key", "resp_1", at(1));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->response, "{}");
  EXPECT_EQ(found->items, "[1]");
}

TEST(ResponseStore, ShowsNobodyWhatAnotherKeyAskedFor) {
  ResponseStore store;
  store.put("ab", "c", response("secret"), at(0));
  EXPECT_EQ(store.get("a", "c", at(0)), nullptr);
  EXPECT_EQ(store.get("a", "bc", at(0)), nullptr);
  EXPECT_EQ(store.get("", "abc", at(0)), nullptr);
  EXPECT_FALSE(store.erase("a", "bc", at(0)));
  EXPECT_NE(store.get("ab", "c", at(0)), nullptr);
}

TEST(ResponseStore, KeepsTheSameIdOfTwoKeysApart) {
  ResponseStore store;
  store.put("a", "resp", response("1"), at(0));
  store.put("b", "resp", response("2"), at(0));
  EXPECT_TRUE(store.erase("a", "resp", at(0)));
  ASSERT_NE(store.get("b", "resp", at(0)), nullptr);
  EXPECT_EQ(store.get("b", "resp", at(0))->response, "2");
}

TEST(ResponseStore, ForgetsAfterTheLifetimeHoweverOftenItIsRead) {
  ResponseStore store({.bytes = 10'000, .entries = 10, .lifetime = seconds(60)});
  store.put("k", "r", response("x"), at(0));
  EXPECT_NE(store.get("k", "r", at(59)), nullptr);
  EXPECT_EQ(store.get("k", "r", at(60)), nullptr);
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(store.bytes(), 0U);
  store.put("k", "r", response("x"), at(100));
  EXPECT_FALSE(store.erase("k", "r", at(160)));
}

TEST(ResponseStore, DropsTheOneUsedLongestAgoWhenItIsFull) {
  ResponseStore store({.bytes = 1U << 20U, .entries = 2, .lifetime = seconds(60)});
  store.put("k", "1", response("a"), at(0));
  store.put("k", "2", response("b"), at(0));
  EXPECT_NE(store.get("k", "1", at(1)), nullptr);
  store.put("k", "3", response("c"), at(2));
  EXPECT_EQ(store.size(), 2U);
  EXPECT_EQ(store.get("k", "2", at(2)), nullptr);
  EXPECT_NE(store.get("k", "1", at(2)), nullptr);
  EXPECT_NE(store.get("k", "3", at(2)), nullptr);
}

TEST(ResponseStore, StaysWithinItsBytes) {
  ResponseStore store({.bytes = 10'000, .entries = 1'000, .lifetime = seconds(60)});
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(store.put("k", std::to_string(i), response(std::string(1'000, 'x'), std::string(500, 'y')),
                          at(i / 10)));
    EXPECT_LE(store.bytes(), 10'000U);
  }
  EXPECT_EQ(store.size(), 5U);
  EXPECT_NE(store.get("k", "99", at(10)), nullptr);
}

TEST(ResponseStore, DoesNotKeepWhatIsLargerThanItself) {
  ResponseStore store({.bytes = 1'000, .entries = 10, .lifetime = seconds(60)});
  store.put("k", "r", response("small"), at(0));
  EXPECT_FALSE(store.put("k", "big", response(std::string(2'000, 'x')), at(0)));
  EXPECT_NE(store.get("k", "r", at(0)), nullptr);
  EXPECT_FALSE(store.put("k", "r", response(std::string(2'000, 'x')), at(0)));
  EXPECT_EQ(store.get("k", "r", at(0)), nullptr) << "what it replaces is no longer true";
}

TEST(ResponseStore, ReplacesWhatHasTheSameId) {
  ResponseStore store;
  store.put("k", "r", response("one"), at(0));
  auto const before = store.bytes();
  store.put("k", "r", response("two"), at(1));
  EXPECT_EQ(store.size(), 1U);
  EXPECT_EQ(store.bytes(), before);
  EXPECT_EQ(store.get("k", "r", at(1))->response, "two");
}

TEST(ResponseStore, LeavesAResponseToWhoReadsItWhileItIsDropped) {
  ResponseStore store;
  store.put("k", "r", response("text"), at(0));
  auto const held = store.get("k", "r", at(0));
  store.erase("k", "r", at(0));
  EXPECT_EQ(held->response, "text");
}

TEST(ResponseStore, ServesManyThreads) {
  ResponseStore store({.bytes = 100'000, .entries = 50, .lifetime = seconds(60)});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&store, t] {
      for (int i = 0; i < 2'000; ++i) {
        std::string const id = std::to_string(i % 100);
        store.put("k" + std::to_string(t % 2), id, response(std::string(100, 'x')), at(i));
        (void)store.get("k0", id, at(i));
        if (i % 7 == 0) (void)store.erase("k1", id, at(i));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(store.size(), 50U);
  EXPECT_LE(store.bytes(), 100'000U);
}

TEST(ResponseStore, RefusalsAreThoseThatClientsKnow) {
  auto const unknown = dialect::to_openai_error(previous_response_not_found("resp_x"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.body.find(R"("code":"previous_response_not_found")"), std::string::npos);
  EXPECT_NE(unknown.body.find("resp_x"), std::string::npos);
  EXPECT_EQ(dialect::to_openai_error(responses_are_not_kept()).status, 400);
  auto const missing = dialect::to_openai_error(response_not_found("resp_x"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find(R"("code":"not_found")"), std::string::npos);
  EXPECT_EQ(deleted_response_body("resp_x"), R"({"id":"resp_x","object":"response","deleted":true})");
}

}  // namespace
}  // namespace lowart::response_store_test
