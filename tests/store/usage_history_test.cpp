#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

namespace lowart::usage_history_test {
namespace {

using namespace lowart;
using namespace lowart_test;

std::vector<std::uint64_t> numbers(RecordPage const& page) {
  std::vector<std::uint64_t> result;
  for (auto const& r : page.records) result.push_back(r.get().id.low);
  return result;
}

/// All pages, one after the other; `between` runs after each.
template <class S>
std::vector<std::uint64_t> all_pages(
    S& store, HistoryQuery query, std::function<void()> const& between = [] {}) {
  std::vector<std::uint64_t> result;
  std::string after;
  for (int pages = 0; pages < 1000; ++pages) {
    query.after = after;
    auto const page = store.history(query);
    EXPECT_TRUE(page) << page.error().message();
    if (!page) break;
    EXPECT_LE(page->records.size(), query.limit);
    for (auto n : numbers(*page)) result.push_back(n);
    if (page->next.empty()) return result;
    after = page->next;
    between();
  }
  ADD_FAILURE() << "no end";
  return result;
}

/// Both stores, with the same records.
struct Both {
  TempDirectory data;
  SqliteStore sqlite = *SqliteStore::open(data.file("usage.db"));
  MemoryStore memory;
  std::vector<UsageRecord> all;
  std::uint64_t offset{64};

  void append(std::vector<UsageRecord> const& batch) {
    ASSERT_TRUE(sqlite.append(batch, std::array{JournalPosition{"s", offset += 8}}));
    ASSERT_TRUE(memory.append(batch));
    all.insert(all.end(), batch.begin(), batch.end());
  }
  /// What a query must find, by looking at each record.
  std::vector<std::uint64_t> expected(HistoryQuery const& query) const {
    std::vector<RecordAge> found;
    for (auto const& r : all)
      if (query.accepts(r)) found.push_back(age_of(r));
    std::ranges::sort(found, std::greater{});
    std::vector<std::uint64_t> result;
    for (auto const& age : found) result.push_back(std::get<2>(age));
    return result;
  }
};

/// Records of several users, outcomes and features, in an order of their own.
std::vector<UsageRecord> mixed_records(std::uint64_t first, std::uint64_t count, std::mt19937_64& random) {
  static constexpr std::array<std::string_view, 3> users{"ann", "ben", ""};
  std::vector<UsageRecord> batch;
  for (auto n = first; n < first + count; ++n) {
    auto r = sample_record(n);
    r.started_at += static_cast<std::int64_t>(random() % 8'000'000'000) / 1000 * 1000;  // Many begin at once.
    r.user = users[random() % 3];
    r.conversation = n % 50 == 0 ? "c-1" : "";
    r.outcome = static_cast<Outcome>(random() % 4);
    if (random() % 4 == 0) r.features.add(CallFeature::tools);
    if (random() % 4 == 0) r.features.add(CallFeature::images);
    batch.push_back(r);
  }
  return batch;
}

TEST(History, PagesThroughWhatLookingAtEachRecordFinds) {
  Both stores;
  std::mt19937_64 random(11);
  for (std::uint64_t n = 0; n < 3000; n += 300) stores.append(mixed_records(n, 300, random));
  auto const begin = sample_record(0).started_at;
  for (int i = 0; i < 60; ++i) {
    HistoryQuery query;
    query.limit = 1 + random() % 700;
    if (i % 2 == 0) query.filter.user = "ann";
    if (i % 3 == 0) query.outcome = Outcome::cancelled;
    if (i % 5 == 0) query.failed_only = true;
    if (i % 4 == 1) query.features.add(CallFeature::tools);
    if (i % 8 == 1) query.features.add(CallFeature::images);
    if (i % 7 == 0) query.conversation = "c-1";
    if (i % 11 == 0) query.filter.model = "gpt-4o";
    if (i % 3 == 1) query.filter.from = begin + static_cast<std::int64_t>(random() % 8'000'000'000);
    if (i % 3 == 2) query.filter.until = begin + static_cast<std::int64_t>(random() % 8'000'000'000);
    auto const expected = stores.expected(query);
    EXPECT_EQ(all_pages(stores.sqlite, query), expected) << i;
    EXPECT_EQ(all_pages(stores.memory, query), expected) << i;
  }
}

TEST(History, IsNotMovedByWhatArrivesBetweenPages) {
  Both stores;
  std::mt19937_64 random(12);
  stores.append(mixed_records(1, 1000, random));
  HistoryQuery query;
  query.limit = 90;
  auto const expected = stores.expected(query);
  std::uint64_t next = 100'000;
  auto const newest = sample_record(0).started_at + 9'000'000'000;
  auto const found = all_pages(stores.sqlite, query, [&] {
    auto batch = mixed_records(next, 100, random);
    for (auto& r : batch) r.started_at = newest + static_cast<std::int64_t>(next);
    next += 100;
    stores.append(batch);
  });
  EXPECT_EQ(found, expected);
}

TEST(History, EndsAPageWhenTheSearchTakesLongAndGoesOnThere) {
  TempDirectory data;
  auto store = *SqliteStore::open(data.file("usage.db"));
  std::vector<UsageRecord> batch;
  for (std::uint64_t n = 1; n <= 230'000; ++n) {
    batch.push_back(sample_record(n));
    batch.back().user = n == 5 ? "rare" : "often";
    if (batch.size() < 2000) continue;
    ASSERT_TRUE(store.append(batch, std::array{JournalPosition{"s", n}}));
    batch.clear();
  }
  HistoryQuery query;
  query.filter.user = "rare";
  auto const first = store.history(query);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->records.empty());
  ASSERT_FALSE(first->next.empty());
  EXPECT_EQ(all_pages(store, query), std::vector<std::uint64_t>{5});
}

TEST(History, GivesTheTrailOfARecord) {
  Both stores;
  std::array<AttemptRecord, 2> const trail{AttemptRecord{.provider = "one",
                                                         .model = "m-1",
                                                         .began_after = 3,
                                                         .duration = 40,
                                                         .failure = "timeout",
                                                         .usage = {},
                                                         .cost = {}},
                                           AttemptRecord{.provider = "two",
                                                         .model = "m-2",
                                                         .began_after = 50,
                                                         .duration = 60,
                                                         .failure = "",
                                                         .usage = {},
                                                         .cost = NanoUsd(7)}};
  auto record = sample_record(1);
  record.trail = trail;
  record.attempts = 2;
  stores.append({record});
  for (auto const& page : {*stores.sqlite.history({}), *stores.memory.history({})}) {
    ASSERT_EQ(page.records.size(), 1u);
    std::vector<AttemptRecord> room;
    auto const back = page.records[0].get(room);
    ASSERT_EQ(back.trail.size(), 2u);
    EXPECT_EQ(back.trail[0].failure, "timeout");
    EXPECT_EQ(back.trail[1].provider, "two");
    EXPECT_EQ(back.trail[1].cost, NanoUsd(7));
    EXPECT_TRUE(page.records[0].get().trail.empty());
  }
}

TEST(History, RefusesACursorOrALimitThatCannotBe) {
  Both stores;
  stores.append({sample_record(1)});
  auto const good = cursor_text(age_of(sample_record(1)));
  auto const refused = [&](HistoryQuery const& query) {
    auto const sqlite = stores.sqlite.history(query);
    auto const memory = stores.memory.history(query);
    return !sqlite && !memory && sqlite.error().code() == Errc::invalid_request &&
           memory.error().code() == Errc::invalid_request;
  };
  for (std::string const& text :
       {std::string("x"), good + "0", good.substr(1), std::string(48, 'g'), std::string(48, ' '),
        "-" + good.substr(1), std::string(48, '\0'), "0x" + good.substr(2)}) {
    HistoryQuery query;
    query.after = text;
    EXPECT_TRUE(refused(query)) << text;
  }
  for (std::size_t const limit : {0u, 1001u}) {
    HistoryQuery query;
    query.limit = limit;
    EXPECT_TRUE(refused(query)) << limit;
  }
}

TEST(History, ReadsTheCursorsThatItWrites) {
  std::mt19937_64 random(13);
  for (int i = 0; i < 100; ++i) {
    RecordAge const age{static_cast<std::int64_t>(random()), random(), i == 0 ? 0 : random()};
    auto const back = parse_cursor(cursor_text(age));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, age);
  }
}

}  // namespace
}  // namespace lowart::usage_history_test
