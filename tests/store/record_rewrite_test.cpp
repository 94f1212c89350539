#include <lowart/store/record_rewrite.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

namespace lowart::record_rewrite_test {
namespace {

using lowart_test::sample_record;
using lowart_test::TempDirectory;

constexpr std::int64_t hour = 3'600'000'000;

/// A database with records of some hours.
struct Kept {
  TempDirectory directory;
  std::string path = directory.file("usage.db");

  explicit Kept(std::size_t count) {
    auto store = SqliteStore::open(path);
    std::vector<UsageRecord> records;
    for (std::size_t i = 0; i < count; ++i) {
      UsageRecord r = sample_record(i);
      r.started_at = static_cast<std::int64_t>(i) * hour / 2;
      r.cost = NanoUsd(100);
      r.price = "old";
      records.push_back(r);
    }
    EXPECT_TRUE(store->append(records));
  }
  sqlite::Database open() const { return *sqlite::Database::open(path); }
  std::int64_t total() const {
    auto store = SqliteStore::open(path);
    return store->totals({})->cost.count();
  }
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    auto database = open();
    EXPECT_TRUE(for_each_record(database, {}, [&](UsageRecord const& r) {
      all.push_back(std::to_string(r.started_at / (hour / 2)) + " " + std::to_string(r.cost.count()) + " " +
                    std::string(r.price) + " " + std::string(r.key));
    }));
    std::sort(all.begin(), all.end());
    return all;
  }
};

TEST(RewriteCosts, ChangesTheRecordsOfTheRangeAndTheirSums) {
  Kept const kept(6);
  auto const before = kept.told();
  EXPECT_EQ(kept.total(), 600);
  {
    auto database = kept.open();
    RecordRange const range{.from = hour, .until = 2 * hour + 1};
    ASSERT_TRUE(rewrite_costs(database, range, [](UsageRecord& r, std::span<AttemptRecord>) {
      r.cost = NanoUsd(1);
      r.price = "a longer name than before";
    }));
  }
  auto const after = kept.told();
  ASSERT_EQ(after.size(), 6U);
  int changed = 0;
  for (std::size_t i = 0; i < after.size(); ++i) changed += after[i] != before[i] ? 1 : 0;
  EXPECT_EQ(changed, 3) << "those that began in the range";
  EXPECT_TRUE(after[2].starts_with("2 1 a longer name")) << after[2];
  EXPECT_EQ(kept.total(), 303);
}

TEST(RewriteCosts, LeavesRecordsAloneThatNobodyChanges) {
  Kept const kept(4);
  auto const before = kept.told();
  auto database = kept.open();
  ASSERT_TRUE(rewrite_costs(database, {}, [](UsageRecord&, std::span<AttemptRecord>) {}));
  EXPECT_EQ(kept.told(), before);
  EXPECT_EQ(kept.total(), 400);
  ASSERT_TRUE(rewrite_costs(database, {.from = 5, .until = 5},
                            [](UsageRecord&, std::span<AttemptRecord>) { FAIL(); }));
}

TEST(RewriteCosts, ChangesNothingWhenARowCannotBeRead) {
  Kept const kept(4);
  auto database = kept.open();
  ASSERT_TRUE(database.execute(
      "UPDATE usage_batch SET records = x'0102' WHERE id = (SELECT max(id) FROM usage_batch)"));
  auto const done =
      rewrite_costs(database, {}, [](UsageRecord& r, std::span<AttemptRecord>) { r.cost = NanoUsd(7); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::storage_failed);
  int sevens = 0;
  auto const read =
      for_each_record(database, {}, [&](UsageRecord const& r) { sevens += r.cost.count() == 7; });
  EXPECT_FALSE(read);
  EXPECT_EQ(sevens, 0);
}

}  // namespace
}  // namespace lowart::record_rewrite_test
