#include <lowart/store/sqlite_store.hpp>
#include <lowart/store/usage_reader.hpp>

#include "store_fixture.hpp"

namespace lowart::usage_reader_test {
namespace {

using namespace lowart;
using namespace lowart_test;

constexpr std::int64_t begin = 1'760'000'000'000'000;

/// So many calls, one a minute, from number `first` on.
std::vector<UsageRecord> calls(std::uint64_t first, std::uint64_t count) {
  std::vector<UsageRecord> result;
  for (auto n = first; n < first + count; ++n) {
    auto r = sample_record(n);
    r.started_at = begin + static_cast<std::int64_t>(n) * 60'000'000;
    r.user = n % 3 == 0 ? "ann" : "ben";
    result.push_back(r);
  }
  return result;
}
UsageTotals by_hand(std::span<UsageRecord const> all, UsageFilter const& filter) {
  UsageTotals sum;
  for (auto const& r : all)
    if (filter.accepts(r)) sum.add(r);
  return sum;
}
std::string grouped_by_hand(std::span<UsageRecord const> all, UsageFilter const& filter,
                            UsageDimension dimension) {
  UsageGroups groups;
  for (auto const& r : all) {
    UsageTotals one;
    one.add(r);
    if (filter.accepts(r)) groups.add(group_name(dimension, r), one);
  }
  std::string text;
  for (auto const& g : groups.take())
    text += g.name + "=" + std::to_string(g.totals.request_count) + "," +
            std::to_string(g.totals.cost.count()) + " ";
  return text;
}
std::string text_of(std::vector<UsageGroup> const& groups) {
  std::string text;
  for (auto const& g : groups)
    text += g.name + "=" + std::to_string(g.totals.request_count) + "," +
            std::to_string(g.totals.cost.count()) + " ";
  return text;
}

/// Whatever part of the calls the sums in the file have.
void expect_exact(std::string const& path, std::span<UsageRecord const> all) {
  auto reader = UsageReader::open(path);
  ASSERT_TRUE(reader) << reader.error().message();
  std::int64_t const end = begin + static_cast<std::int64_t>(all.size()) * 60'000'000;
  for (UsageFilter filter :
       {UsageFilter{}, UsageFilter{.user = "ann"}, UsageFilter{.model = "gpt-4o"},
        UsageFilter{.from = begin + 7'000'000, .until = end - 11'000'000},
        UsageFilter{.user = "ben", .from = begin + 5'000'000'000, .until = begin + 5'500'000'000}}) {
    auto const totals = reader->totals(filter);
    ASSERT_TRUE(totals) << totals.error().message();
    auto const expected = by_hand(all, filter);
    EXPECT_EQ(totals->request_count, expected.request_count);
    EXPECT_EQ(totals->cost, expected.cost);
    EXPECT_EQ(totals->tokens, expected.tokens);
    for (auto const dimension : {UsageDimension::user, UsageDimension::model, UsageDimension::hour,
                                 UsageDimension::day, UsageDimension::month}) {
      auto const groups = reader->grouped(filter, dimension);
      ASSERT_TRUE(groups) << groups.error().message();
      EXPECT_EQ(text_of(*groups), grouped_by_hand(all, filter, dimension)) << to_string(dimension);
    }
  }
  auto const page = reader->history({.limit = 10});
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_FALSE(page->records.empty());
  EXPECT_EQ(page->records.front().get().id, all.back().id);
}

TEST(UsageReader, IsExactWhateverTheWritersSumsHaveAndNeverChangesThem) {
  TempDirectory directory;
  auto const path = directory.file("usage.db");
  auto store = SqliteStore::open(path);
  ASSERT_TRUE(store);
  std::vector<UsageRecord> all;
  for (std::uint64_t n = 0; n < 12; ++n) {
    auto const more = calls(n * 50, 50);
    all.insert(all.end(), more.begin(), more.end());
    ASSERT_TRUE(store->append(more));
    expect_exact(path, all);
    if (n % 4 == 1) {
      ASSERT_TRUE(store->totals({}));  // writes the sums; the last row of the hour goes on being filled
      expect_exact(path, all);
    }
  }
  EXPECT_EQ(store->totals({})->request_count, 600);
}

TEST(UsageReader, TellsOfTheMomentInWhichItWasOpened) {
  TempDirectory directory;
  auto const path = directory.file("usage.db");
  auto store = SqliteStore::open(path);
  ASSERT_TRUE(store && store->append(calls(0, 5)));
  auto reader = UsageReader::open(path);
  ASSERT_TRUE(reader);
  ASSERT_TRUE(store->append(calls(5, 5)));  // it keeps no writer waiting
  ASSERT_TRUE(store->totals({}));
  EXPECT_EQ(reader->totals({})->request_count, 5);
  EXPECT_EQ(reader->history({})->records.size(), 5);
  EXPECT_EQ(UsageReader::open(path)->totals({})->request_count, 10);
}

TEST(UsageReader, ReadsWhatADeadProcessLeft) {
  TempDirectory directory;
  auto const path = directory.file("usage.db");
  in_child([&] {
    auto store = SqliteStore::open(path);
    if (!store || !store->append(calls(0, 70))) ::_exit(1);
    ::_exit(0);
  });
  expect_exact(path, calls(0, 70));
  expect_exact(path, calls(0, 70));
}

TEST(UsageReader, LeavesTheDirectoryAsItWas) {
  TempDirectory directory;
  auto const path = directory.file("usage.db");
  {
    auto store = SqliteStore::open(path);
    ASSERT_TRUE(store && store->append(calls(0, 5)));
  }
  EXPECT_EQ(UsageReader::open(path)->totals({})->request_count, 5);
  EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path + "-shm"));
  EXPECT_FALSE(sqlite::Database::open_to_read(path)->execute("DELETE FROM usage_batch"));
}

TEST(UsageReader, RefusesWhatIsMissingOrOfAnotherVersion) {
  TempDirectory directory;
  auto const path = directory.file("usage.db");
  EXPECT_FALSE(UsageReader::open(path));
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    auto database = sqlite::Database::open(path);
    ASSERT_TRUE(database && database->execute(sqlite::usage_schema_steps[0].statements) &&
                database->execute("PRAGMA user_version = 1"));
  }
  auto const old = UsageReader::open(path);
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().message().find("db migrate"), std::string::npos) << old.error().message();
}

}  // namespace
}  // namespace lowart::usage_reader_test
