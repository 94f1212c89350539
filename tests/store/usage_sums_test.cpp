#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite_store.hpp>
#include <lowart/store/usage_periods.hpp>

#include "store_fixture.hpp"

#include <set>

namespace lowart::usage_sums_test {
namespace {

using namespace lowart;
using namespace lowart_test;
using Limits = std::numeric_limits<std::int64_t>;

constexpr std::int64_t sums_begin = 1'767'225'600'000'000;  // 2026-01-01
constexpr std::int64_t sums_day = 24 * hour_microseconds;
constexpr std::array all_dimensions{
    UsageDimension::key,   UsageDimension::user,     UsageDimension::team,
    UsageDimension::model, UsageDimension::provider, UsageDimension::operation,
    UsageDimension::hour,  UsageDimension::day,      UsageDimension::month};

/// Calls of 70 days by several keys, users, models and providers, with all that sums tell.
std::vector<UsageRecord> calls_of_70_days(std::uint64_t count, std::mt19937_64& random) {
  static constexpr std::array<std::string_view, 4> keys{"k-1", "k-2", "k-3", ""};
  static constexpr std::array<std::string_view, 3> users{"ann", "ben", ""};
  static constexpr std::array<std::string_view, 2> providers{"one", "two"};
  static constexpr std::array<std::string_view, 3> operations{"chat", "embeddings", "speech"};
  std::vector<UsageRecord> result;
  for (std::uint64_t n = 0; n < count; ++n) {
    auto r = sample_record(n);
    r.started_at = sums_begin + static_cast<std::int64_t>(random() % (70 * sums_day));
    r.key = keys[random() % 4];
    r.user = users[random() % 3];
    r.team = n % 2 == 0 ? "red" : "";
    r.provider = providers[random() % 2];
    r.operation = operations[random() % 3];
    r.outcome = static_cast<Outcome>(random() % 4);
    r.provenance = n % 9 == 0 ? Provenance::cached : Provenance::reported;
    r.duration = static_cast<std::int64_t>(random() % 1'000'000);
    r.time_to_first_token = n % 4 == 0 ? -1 : static_cast<std::int64_t>(random() % 1'000);
    for (std::size_t c = 0; c < usage_class_count; ++c)
      if (random() % 3 == 0)
        r.usage.set(static_cast<UsageClass>(c), static_cast<std::int64_t>(random() % 100'000));
    result.push_back(r);
  }
  return result;
}

UsageTotals totals_by_hand(std::span<UsageRecord const> all, UsageFilter const& filter) {
  UsageTotals sum;
  for (auto const& r : all)
    if (filter.accepts(r)) sum.add(r);
  return sum;
}
std::map<std::string, UsageTotals> groups_by_hand(std::span<UsageRecord const> all, UsageFilter const& filter,
                                                  UsageDimension dimension) {
  std::map<std::string, UsageTotals> groups;
  for (auto const& r : all)
    if (filter.accepts(r)) groups[group_name(dimension, r)].add(r);
  return groups;
}

/// A filter of some names and times, at times on whole hours or days.
UsageFilter some_filter(std::mt19937_64& random, std::int64_t unit) {
  UsageFilter filter;
  if (random() % 3 == 0) filter.key = "k-1";
  if (random() % 4 == 0) filter.user = "ann";
  if (random() % 4 == 0) filter.team = "red";
  if (random() % 3 == 0) filter.model = "gpt-4o";
  if (random() % 4 == 0) filter.provider = "two";
  if (random() % 4 == 0) filter.operation = "chat";
  auto const time = [&] {
    auto const t = sums_begin + static_cast<std::int64_t>(random() % (80 * sums_day)) - 5 * sums_day;
    return t / unit * unit;
  };
  if (random() % 5 != 0) filter.from = time();
  if (random() % 5 != 0) filter.until = time();
  return filter;
}

template <class S>
void agrees_with_adding_up_by_hand(S& store, std::span<UsageRecord const> all, std::mt19937_64& random,
                                   std::int64_t unit) {
  auto const filter = some_filter(random, unit);
  auto const totals = store.totals(filter);
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(*totals, totals_by_hand(all, filter));
  auto const dimension = all_dimensions[random() % all_dimensions.size()];
  auto const groups = store.grouped(filter, dimension);
  ASSERT_TRUE(groups) << groups.error().message();
  auto const expected = groups_by_hand(all, filter, dimension);
  ASSERT_EQ(groups->size(), expected.size()) << to_string(dimension);
  auto at = expected.begin();
  for (auto const& [name, sums] : *groups) {
    EXPECT_EQ(name, at->first);
    EXPECT_EQ(sums, at->second) << to_string(dimension) << " " << name;
    ++at;
  }
  EXPECT_EQ(*store.distinct(filter, dimension),
            static_cast<std::int64_t>(expected.size() - expected.count("")));
}

TEST(UsageSums, AgreeWithAddingUpByHandInSqlite) {
  TempDirectory data;
  std::mt19937_64 random(21);
  auto const all = calls_of_70_days(4000, random);
  auto store = *SqliteStore::open(data.file("usage.db"));
  for (std::size_t at = 0; at < all.size(); at += 200) {
    ASSERT_TRUE(store.append(std::span(all).subspan(at, 200), std::array{JournalPosition{"s", at}}));
    if (at % 600 == 0) ASSERT_TRUE(store.totals({}));  // Written in between.
    if (at % 1000 == 0) store = *SqliteStore::open(data.file("usage.db"));
  }
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    agrees_with_adding_up_by_hand(store, all, random,
                                  i % 3 == 0   ? 1
                                  : i % 3 == 1 ? hour_microseconds
                                               : sums_day);
  }
}

TEST(UsageSums, AgreeWithAddingUpByHandInMemory) {
  std::mt19937_64 random(22);
  auto const all = calls_of_70_days(2000, random);
  MemoryStore store;
  ASSERT_TRUE(store.append(all));
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    agrees_with_adding_up_by_hand(store, all, random, hour_microseconds);
  }
}

/// A process that dies leaves the sums behind the records: they are made up for when the file is opened.
TEST(UsageSums, AreMadeOfTheRecordsAfterACrash) {
  TempDirectory data;
  std::mt19937_64 random(23);
  auto const all = calls_of_70_days(3000, random);
  std::size_t done = 0;
  for (std::size_t const part : {700u, 13u, 1u, 1500u, 786u}) {
    in_child([&] {
      auto store = *SqliteStore::open(data.file("usage.db"));
      for (std::size_t i = 0; i < part; i += 100) {
        auto const count = std::min<std::size_t>(100, part - i);
        if (!store.append(std::span(all).subspan(done + i, count),
                          std::array{JournalPosition{"s", done + i}}))
          ::_exit(1);
        if (i == 300 && !store.totals({})) ::_exit(2);  // So that some rows are in the sums in part.
      }
      ::_exit(0);  // Nothing is written at the end.
    });
    done += part;
    auto store = *SqliteStore::open(data.file("usage.db"));
    auto const sofar = std::span(all).first(done);
    EXPECT_EQ(*store.totals({}), totals_by_hand(sofar, {}));
    EXPECT_EQ(*store.totals({.user = "ann"}), totals_by_hand(sofar, {.user = "ann"}));
  }
}

TEST(UsageSums, AreRightAgainAfterAFailedAppend) {
  TempDirectory data;
  std::mt19937_64 random(24);
  auto const all = calls_of_70_days(900, random);
  auto store = *SqliteStore::open(data.file("usage.db"));
  auto other = *sqlite::Database::open(data.file("usage.db"));
  ASSERT_TRUE(
      other.execute("CREATE TRIGGER t BEFORE INSERT ON journal_position WHEN NEW.offset = 666 "
                    "BEGIN SELECT RAISE(ABORT, 'not this one'); END"));
  for (std::size_t at = 0; at < all.size(); at += 100) {
    auto const batch = std::span(all).subspan(at, 100);
    EXPECT_FALSE(store.append(batch, std::array{JournalPosition{"s", 666}}));
    ASSERT_TRUE(store.append(batch, std::array{JournalPosition{"s", at}}));
    if (at == 400) ASSERT_TRUE(store.totals({}));
  }
  EXPECT_EQ(*store.totals({}), totals_by_hand(all, {}));
  EXPECT_EQ(store.distinct({}, UsageDimension::key).value(), 3);
}

TEST(UsageSums, AreInTheFileAfterARest) {
  TempDirectory data;
  auto store = *SqliteStore::open(data.file("usage.db"));
  auto other = *sqlite::Database::open(data.file("usage.db"));
  std::array const batch{sample_record(1), sample_record(2)};
  ASSERT_TRUE(store.append(batch, std::array{JournalPosition{"s", 64}}));
  store.rest();
  for (std::string const& table : {std::string("usage_by_hour"), std::string("usage_by_day")})
    for (int split = 0; split < 4; ++split)
      EXPECT_EQ(
          *other.integer("SELECT sum(requests) FROM " + table + " WHERE split = " + std::to_string(split)),
          2);
}

TEST(UsageSums, StayAtTheEndOfTheRangeInEveryRow) {
  TempDirectory data;
  auto store = *SqliteStore::open(data.file("usage.db"));
  for (std::uint64_t n = 0; n < 3; ++n) {
    auto r = sample_record(2 * n);
    r.usage.set(UsageClass::searches, Limits::max());
    r.duration = Limits::max();
    r.cost = NanoUsd(Limits::min());
    ASSERT_TRUE(store.append(std::span(&r, 1)));
    auto const sum = store.grouped({}, UsageDimension::day);
    ASSERT_TRUE(sum) << sum.error().message();
    EXPECT_EQ((*sum)[0].totals.tokens[13], Limits::max());
    EXPECT_EQ((*sum)[0].totals.duration, Limits::max());
    EXPECT_EQ((*sum)[0].totals.cost, NanoUsd(Limits::min()));
  }
}

/// What the release before left: the tables of version 1, with records and sums.
void make_version_1(std::string const& path, std::span<UsageRecord const> all) {
  auto database = *sqlite::Database::open(path);
  ASSERT_TRUE(database.execute(sqlite::usage_schema_steps[0].statements));
  ASSERT_TRUE(database.execute("PRAGMA user_version = 1"));
  auto put = *database.prepare(
      "INSERT INTO usage_batch (hour, first_at, last_at, count, records) VALUES (?1,?2,?3,?4,?5)");
  auto add = *database.prepare(
      "INSERT INTO usage_hour VALUES (?1,?2,?3,1,0,0,0,0,0,0,0,0,?4) "
      "ON CONFLICT DO UPDATE SET requests = requests + 1, cost = cost + excluded.cost");
  std::map<std::int64_t, UsageBatch> batches;
  std::array<std::byte, journal::max_record_bytes> room;
  ASSERT_TRUE(database.execute("BEGIN"));
  for (auto const& r : all) {
    batches[hour_of(r.started_at)].add(
        r, std::span<std::byte const>(room.data(), journal::encode(r, room.data())));
    add.bind(1, r.key).bind(2, hour_of(r.started_at)).bind(3, r.model).bind(4, r.cost.count());
    ASSERT_TRUE(add.run());
  }
  for (auto const& [hour, batch] : batches) {
    put.bind(1, hour).bind(2, batch.first_at()).bind(3, batch.last_at());
    put.bind(4, static_cast<std::int64_t>(batch.count())).bind(5, batch.bytes());
    ASSERT_TRUE(put.run());
  }
  ASSERT_TRUE(database.execute("COMMIT; INSERT INTO journal_position VALUES ('s', 128)"));
}

TEST(UsageSums, AreMadeOfTheRecordsOfADatabaseOfVersionOne) {
  TempDirectory data;
  std::mt19937_64 random(25);
  auto all = calls_of_70_days(5000, random);
  for (auto& r : all) {  // As they were: without what came later.
    r.user = r.team = {};
    for (auto c = static_cast<std::size_t>(UsageClass::cache_write_1h); c < usage_class_count; ++c)
      r.usage.set(static_cast<UsageClass>(c), -1);
  }
  make_version_1(data.file("usage.db"), all);
  for (int times = 0; times < 2; ++times) {
    auto store = SqliteStore::open(data.file("usage.db"));
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ(*store->totals({}), totals_by_hand(all, {}));
    EXPECT_EQ(store->positions()->size(), 1u);
    for (int i = 0; i < 50; ++i)
      agrees_with_adding_up_by_hand(*store, all, random, i % 2 == 0 ? 1 : sums_day);
  }
  // And it goes on, in rows that are there.
  auto store = *SqliteStore::open(data.file("usage.db"));
  auto more = calls_of_70_days(300, random);
  for (auto& r : more) r.id.high = 99;
  ASSERT_TRUE(store.append(more, std::array{JournalPosition{"s", 256}}));
  all.insert(all.end(), more.begin(), more.end());
  EXPECT_EQ(*store.totals({}), totals_by_hand(all, {}));
}

/// More than fits into memory at once, and a process that dies on the way.
TEST(UsageSums, AreMadeInSteps) {
  TempDirectory data;
  std::vector<UsageRecord> all;
  for (std::uint64_t n = 0; n < 250'000; ++n) {
    all.push_back(sample_record(n));
    all.back().started_at += static_cast<std::int64_t>(n % 40) * hour_microseconds;
  }
  make_version_1(data.file("usage.db"), all);
  auto other = *sqlite::Database::open(data.file("usage.db"));
  ASSERT_TRUE(sqlite::migrate_usage(other));
  // The third write of the mark fails, as if the process had died before it.
  ASSERT_TRUE(
      other.execute("CREATE TRIGGER t BEFORE UPDATE ON usage_summed WHEN NEW.batch > 35 "
                    "BEGIN SELECT RAISE(ABORT, 'no more'); END"));
  EXPECT_FALSE(SqliteStore::open(data.file("usage.db")));
  auto const marked = *other.integer("SELECT batch FROM usage_summed");
  EXPECT_GT(marked, 0);
  EXPECT_LT(marked, 40);
  ASSERT_TRUE(other.execute("DROP TRIGGER t"));
  auto store = *SqliteStore::open(data.file("usage.db"));
  EXPECT_EQ(*store.totals({}), totals_by_hand(all, {}));
}

TEST(UsageSums, KnowNamesApartThatLookAlikeTogether) {
  TempDirectory data;
  auto store = *SqliteStore::open(data.file("usage.db"));
  std::array batch{sample_record(1), sample_record(2), sample_record(3)};
  batch[0].key = "ab", batch[0].user = "c";
  batch[1].key = "a", batch[1].user = "bc";
  batch[2].key = "a", batch[2].user = std::string_view("b\0c", 3);
  ASSERT_TRUE(store.append(batch));
  EXPECT_EQ(store.totals({.key = "a"})->request_count, 2);
  EXPECT_EQ(store.totals({.user = "bc"})->request_count, 1);
  EXPECT_EQ(store.totals({.user = std::string_view("b\0c", 3)})->request_count, 1);
  EXPECT_EQ(store.grouped({}, UsageDimension::user)->size(), 3u);
}

TEST(UsagePeriods, AreWholeDaysInTheMiddle) {
  EXPECT_EQ(usage_periods(24, 72), (UsagePeriods{{24, 24}, {1, 3}, {72, 72}}));
  EXPECT_EQ(usage_periods(23, 73), (UsagePeriods{{23, 24}, {1, 3}, {72, 73}}));
  EXPECT_EQ(usage_periods(25, 47), (UsagePeriods{{25, 47}, {}, {}}));
  EXPECT_EQ(usage_periods(25, 72), (UsagePeriods{{25, 48}, {2, 3}, {72, 72}}));
  EXPECT_EQ(usage_periods(-49, 1), (UsagePeriods{{-49, -48}, {-2, 0}, {0, 1}}));
  EXPECT_EQ(usage_periods(5, 5), (UsagePeriods{{5, 5}, {}, {}}));
}

TEST(UsagePeriods, AreNamedInUtc) {
  constexpr std::int64_t hour = 1'796'054'400 / 3600;  // 2026-11-30T16:00:00Z
  EXPECT_EQ(period_name(UsageDimension::hour, hour), "2026-11-30T16:00:00Z");
  EXPECT_EQ(period_name(UsageDimension::day, hour), "2026-11-30");
  EXPECT_EQ(period_name(UsageDimension::month, hour), "2026-11");
  EXPECT_EQ(hour_name(-5), "1970-01-01T00:00:00Z");
  EXPECT_EQ(hour_name(hour_of(Limits::max())), "9999-12-31T23:00:00Z");
}

}  // namespace
}  // namespace lowart::usage_sums_test
