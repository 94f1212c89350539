#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

#include <set>

namespace lowart::batch_table_test {
namespace {

using namespace lowart;
using namespace lowart_test;

constexpr std::int64_t batch_hour = 3'600'000'000;

/// A store, and a look at its rows from outside.
struct Rows {
  Rows()
      : store(*SqliteStore::open(data.file("usage.db"))),
        database(*sqlite::Database::open(data.file("usage.db"))) {}

  /// Appends records first, first + 1, ... as the fold does.
  void fold(std::uint64_t first, std::uint64_t count, std::int64_t shift = 0) {
    std::vector<UsageRecord> batch;
    for (auto n = first; n < first + count; ++n) {
      batch.push_back(sample_record(n));
      batch.back().started_at += shift;
    }
    offset += 8;
    auto const done = store.append(batch, std::array{JournalPosition{"segment", offset}});
    ASSERT_TRUE(done) << done.error().message();
  }
  std::int64_t number(std::string const& what) {
    return *database.integer("SELECT " + what + " FROM usage_batch");
  }
  void reopen() { store = *SqliteStore::open(data.file("usage.db")); }

  TempDirectory data;
  SqliteStore store;
  sqlite::Database database;
  std::uint64_t offset{64};
};

TEST(BatchTable, FillsTheLastRowUntilItHasEnough) {
  Rows rows;
  for (std::uint64_t n = 0; n < 60; ++n) {
    rows.fold(1 + n * 25, 25);
    if (n % 7 == 0) rows.reopen();  // The row is found again.
  }
  EXPECT_EQ(rows.number("count(*)"), 3);
  EXPECT_EQ(rows.number("min(count)"), 500);
  EXPECT_EQ(rows.number("sum(count)"), 1500);
  auto const found = numbers_in(rows.store);
  EXPECT_EQ(found.size(), 1500u);
  EXPECT_EQ(found.rbegin()->first, 1500u);
  EXPECT_EQ(rows.store.totals({})->request_count, 1500);
}

TEST(BatchTable, SplitsWhatIsTooMuchForARow) {
  Rows rows;
  rows.fold(1, 499);
  rows.fold(500, 5000);
  EXPECT_EQ(rows.number("max(count)"), 2000);
  EXPECT_EQ(rows.number("count(*)"), 3);
  EXPECT_EQ(rows.number("sum(count)"), 5499);
  EXPECT_EQ(numbers_in(rows.store).size(), 5499u);
}

TEST(BatchTable, KeepsEachRowWithinItsHour) {
  Rows rows;
  for (std::uint64_t n = 0; n < 40; ++n) {
    // Calls of the last hour still end in the next one; and now and then one of long ago.
    rows.fold(1 + n * 20, 10);
    rows.fold(11 + n * 20, 10, batch_hour);
    if (n % 10 == 0)
      for (std::int64_t ago = 2; ago <= 7; ++ago)
        rows.fold(10'000 * static_cast<std::uint64_t>(ago) + n, 1, -ago * batch_hour);
  }
  EXPECT_EQ(rows.number("count(*)"), 2 + 6);
  EXPECT_EQ(rows.number("sum(count)"), 800 + 24);
  EXPECT_EQ(
      rows.number("count(*) FILTER (WHERE first_at / 3600000000 <> hour OR last_at / 3600000000 <> hour)"),
      0);
  EXPECT_EQ(numbers_in(rows.store).size(), 824u);
}

TEST(BatchTable, AddsUpPartsOfHoursFromRowsThatOverlap) {
  Rows rows;
  constexpr std::int64_t begin = 1'760'000'000'000'000 / batch_hour * batch_hour;
  std::mt19937_64 random(5);
  std::vector<UsageRecord> all;
  for (std::uint64_t n = 0; n < 6000; ++n) {
    auto r = sample_record(n);
    // As calls end: later and later, but in another order than they began in.
    r.started_at =
        begin + static_cast<std::int64_t>(n) * 2'000'000 - static_cast<std::int64_t>(random() % 600'000'000);
    if (n % 3 == 0) r.key = "bob";
    all.push_back(r);
  }
  std::size_t at = 0;
  while (at < all.size()) {
    auto const count = std::min<std::size_t>(1 + random() % 900, all.size() - at);
    ASSERT_TRUE(
        rows.store.append(std::span(all).subspan(at, count), std::array{JournalPosition{"s", 8 * at}}));
    at += count;
  }
  for (int i = 0; i < 200; ++i) {
    UsageFilter query;
    query.from = begin - batch_hour + static_cast<std::int64_t>(random() % (4 * batch_hour));
    query.until =
        query.from + static_cast<std::int64_t>(random() % (i % 2 == 0 ? batch_hour / 20 : 3 * batch_hour));
    if (i % 3 == 0) query.key = "bob";
    if (i % 5 == 0) query.model = "gpt-4o";
    if (i % 11 == 0) query.from = all[static_cast<std::size_t>(i)].started_at;  // Borders on a record:
    if (i % 13 == 0)
      query.until = all[static_cast<std::size_t>(5999 - i)].started_at;  // `from` in, `until` out.
    UsageTotals expected;
    for (auto const& r : all)
      if (r.started_at >= query.from && r.started_at < query.until &&
          (query.key.empty() || r.key == query.key) && (query.model.empty() || r.model == query.model))
        expected.add(r);
    EXPECT_EQ(*rows.store.totals(query), expected) << i;
  }
}

TEST(BatchTable, ShowsTheLatestRecordsAcrossRowsThatOverlap) {
  Rows rows;
  std::mt19937_64 random(6);
  std::vector<std::pair<std::int64_t, std::uint64_t>> order;
  for (std::uint64_t n = 0; n < 4000; n += 400) {
    std::vector<UsageRecord> batch;
    for (std::uint64_t i = n; i < n + 400; ++i) {
      batch.push_back(sample_record(i));
      batch.back().started_at += static_cast<std::int64_t>(random() % 5'000'000'000);
      order.emplace_back(batch.back().started_at, i);
    }
    ASSERT_TRUE(rows.store.append(batch, std::array{JournalPosition{"s", n}}));
  }
  std::ranges::sort(order, std::greater{});
  for (std::size_t const count : {0u, 1u, 399u, 3999u, 9999u}) {
    auto const latest = rows.store.recent(count);
    ASSERT_EQ(latest->size(), std::min<std::size_t>(count, 4000));
    for (std::size_t i = 0; i < latest->size(); ++i)
      ASSERT_EQ((*latest)[i].get().id.low, order[i].second) << i;
  }
}

TEST(BatchTable, KnowsABatchThatIsOfferedAgainLongAfterwards) {
  Rows rows;
  std::vector<UsageRecord> early;
  for (std::uint64_t n = 1; n <= 50; ++n) early.push_back(sample_record(n));
  ASSERT_TRUE(rows.store.append(early));
  rows.fold(1000, 20'000);  // More than the ids that are held in memory.
  ASSERT_TRUE(rows.store.append(early));
  rows.reopen();
  ASSERT_TRUE(rows.store.append(early));
  EXPECT_EQ(rows.store.totals({})->request_count, 20'050);
  EXPECT_EQ(numbers_in(rows.store).size(), 20'050u);
}

TEST(BatchTable, KnowsALateRecordThatTheJournalHasTwice) {
  Rows rows;
  for (std::uint64_t n = 0; n < 20; ++n) rows.fold(1 + n * 300, 300);
  rows.fold(5990, 10);  // Under a new position.
  rows.reopen();
  rows.fold(5990, 12);
  EXPECT_EQ(rows.store.totals({})->request_count, 6001);
}

TEST(BatchTable, KeepsRecordsWithoutAnIdApart) {
  Rows rows;
  std::array batch{sample_record(1), sample_record(2)};
  for (auto& r : batch) r.id = {};
  ASSERT_TRUE(rows.store.append(batch, std::array{JournalPosition{"s", 64}}));
  EXPECT_EQ(rows.store.totals({})->request_count, 2);
}

TEST(BatchTable, CutsLongNamesInSumsAsInRecords) {
  Rows rows;
  auto record = sample_record(1);
  std::string const name(300, 'n');
  record.model = name;
  ASSERT_TRUE(rows.store.append(std::span(&record, 1)));
  auto const models = rows.store.grouped({}, UsageDimension::model);
  ASSERT_EQ(models->size(), 1u);
  EXPECT_EQ((*models)[0].name, std::string(255, 'n'));
  EXPECT_EQ(rows.store.recent(1)->at(0).get().model, (*models)[0].name);
}

TEST(BatchTable, SaysThatARowCannotBeRead) {
  Rows rows;
  rows.fold(1, 10);
  ASSERT_TRUE(rows.database.execute("UPDATE usage_batch SET records = substr(records, 1, 100)"));
  rows.reopen();
  auto const records = rows.store.recent(10);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code(), Errc::storage_failed);
  auto const sum = rows.store.totals({.from = sample_record(5).started_at});
  ASSERT_FALSE(sum);
  EXPECT_NE(sum.error().message().find("cannot be read"), std::string::npos);
}

TEST(LatestIds, KnowsTheLatestAndForgetsTheOldest) {
  LatestIds ids;
  for (std::uint64_t n = 1; n <= 3 * LatestIds::reach; ++n) {
    EXPECT_TRUE(ids.add({n, 7}));
    EXPECT_FALSE(ids.add({n > LatestIds::reach ? n - LatestIds::reach + 1 : 1, 7})) << n;
  }
  EXPECT_TRUE(ids.add({1, 7}));
}

}  // namespace
}  // namespace lowart::batch_table_test
