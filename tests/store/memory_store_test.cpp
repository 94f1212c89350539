#include <lowart/store/memory_store.hpp>

#include "store_fixture.hpp"

namespace lowart::memory_store_test {
namespace {

using namespace lowart;
using lowart_test::sample_record;

constexpr std::int64_t hour = 3'600'000'000;

TEST(MemoryStore, AddsUpByKeyModelAndHour) {
  MemoryStore store;
  std::vector<UsageRecord> batch;
  for (std::uint64_t n = 0; n < 10; ++n) {
    batch.push_back(sample_record(n));
    batch.back().started_at = static_cast<std::int64_t>(n) * hour;
    batch.back().key = n < 5 ? "alice" : "bob";
  }
  ASSERT_TRUE(store.append(batch));
  EXPECT_EQ(store.totals({})->request_count, 10);
  EXPECT_EQ(store.totals({})->cost, NanoUsd(150'000));
  EXPECT_EQ(store.totals({.key = "alice"})->request_count, 5);
  EXPECT_EQ(store.totals({.key = "alice", .model = "gpt-4o"})->request_count, 2);
  EXPECT_EQ(store.totals({.from = 2 * hour, .until = 4 * hour})->request_count, 2);
  EXPECT_EQ(store.totals({.from = 2 * hour + 1, .until = 4 * hour + 1})->request_count, 3);
  EXPECT_EQ(store.totals({.from = 4 * hour, .until = 4 * hour})->request_count, 0);
  auto const models = store.grouped({}, UsageDimension::model);
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ((*models)[0].name, "gpt-4o");
  EXPECT_EQ((*models)[0].totals.tokens[static_cast<std::size_t>(UsageClass::output)], 1 + 3 + 5 + 7 + 9);
}

TEST(MemoryStore, IgnoresARecordItIsOfferedAgain) {
  MemoryStore store;
  std::array const batch{sample_record(1), sample_record(2), sample_record(1)};
  ASSERT_TRUE(store.append(batch));
  ASSERT_TRUE(store.append(batch));
  EXPECT_EQ(store.totals({})->request_count, 2);
}

TEST(MemoryStore, KeepsTheLatestRecordsAndTheirNames) {
  MemoryStore store({.max_records = 3});
  for (std::uint64_t n = 1; n <= 5; ++n) {
    std::string const name = "key-" + std::to_string(n);  // Gone before it is read back.
    auto record = sample_record(n);
    record.key = name;
    ASSERT_TRUE(store.append(std::span(&record, 1)));
  }
  auto const latest = store.recent(10);
  ASSERT_EQ(latest->size(), 3u);
  EXPECT_EQ((*latest)[0].get().key, "key-5");
  EXPECT_EQ((*latest)[2].get().key, "key-3");
  EXPECT_EQ(store.recent(1)->size(), 1u);
  EXPECT_EQ(store.totals({})->request_count, 5);
}

TEST(MemoryStore, ForgetsTheOldestHoursBeyondItsBound) {
  MemoryStore store({.max_sums = 4});
  for (std::uint64_t n = 0; n < 10; ++n) {
    auto record = sample_record(n);
    record.started_at = static_cast<std::int64_t>(n) * hour;
    ASSERT_TRUE(store.append(std::span(&record, 1)));
  }
  EXPECT_EQ(store.totals({})->request_count, 4);
  EXPECT_EQ(store.totals({.from = 6 * hour})->request_count, 4);
  EXPECT_EQ(store.forgotten_sums(), 6u);
}

TEST(MemoryStore, StaysAtTheEndOfTheRange) {
  MemoryStore store;
  for (std::uint64_t n = 0; n < 3; ++n) {
    auto record = sample_record(n);
    record.usage.set(UsageClass::output, std::numeric_limits<std::int64_t>::max());
    record.started_at =
        n == 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max() - 1;
    ASSERT_TRUE(store.append(std::span(&record, 1)));
  }
  auto const sum = store.totals({.from = std::numeric_limits<std::int64_t>::min()});
  EXPECT_EQ(sum->request_count, 3);
  EXPECT_EQ(sum->tokens[static_cast<std::size_t>(UsageClass::output)],
            std::numeric_limits<std::int64_t>::max());
}

}  // namespace
}  // namespace lowart::memory_store_test
