#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

#include <limits>

namespace lowart::sqlite_store_test {
namespace {

using namespace lowart;
using namespace lowart_test;
using Limits = std::numeric_limits<std::int64_t>;

SqliteStore open_store(TempDirectory const& data) {
  auto store = SqliteStore::open(data.file("usage.db"));
  if (!store) throw std::runtime_error(store.error().message());
  return std::move(*store);
}

void append_one(SqliteStore& store, UsageRecord const& record) {
  auto const done = store.append(std::span(&record, 1));
  ASSERT_TRUE(done) << done.error().message();
}

TEST(SqliteStore, GivesBackEveryFieldAfterReopening) {
  TempDirectory data;
  auto record = sample_record(7);
  record.id = {0xF123456789ABCDEF, 0xFEDCBA9876543210};
  record.started_at = Limits::min();
  record.time_to_first_token = -1;
  record.key = {};
  record.model = std::string_view("a\0b", 3);
  record.usage.set(UsageClass::reasoning, 0);
  record.usage.set(UsageClass::input_image, Limits::max());
  record.cost = NanoUsd(Limits::min());
  record.attempts = std::numeric_limits<std::int32_t>::min();
  record.outcome = Outcome::cancelled;
  record.provenance = Provenance::partial;
  {
    auto store = open_store(data);
    append_one(store, record);
  }
  auto store = open_store(data);
  auto const records = store.recent(10);
  ASSERT_EQ(records->size(), 1u);
  auto const back = (*records)[0].get();
  EXPECT_EQ(back.id, record.id);
  EXPECT_EQ(back.started_at, record.started_at);
  EXPECT_EQ(back.duration, record.duration);
  EXPECT_EQ(back.time_to_first_token, -1);
  EXPECT_EQ(back.key, "");
  EXPECT_EQ(back.model, record.model);
  EXPECT_EQ(back.provider, "openai");
  EXPECT_EQ(back.upstream_model, "gpt-4o-mini-2024-07-18");
  EXPECT_EQ(back.operation, "chat");
  EXPECT_EQ(back.usage, record.usage);
  EXPECT_EQ(back.cost, record.cost);
  EXPECT_EQ(back.attempts, record.attempts);
  EXPECT_EQ(back.status, 200);
  EXPECT_EQ(back.outcome, Outcome::cancelled);
  EXPECT_EQ(back.provenance, Provenance::partial);
  EXPECT_TRUE(back.streamed);
}

TEST(SqliteStore, CountsARecordOnceHoweverOftenItIsOffered) {
  TempDirectory data;
  auto store = open_store(data);
  std::array const batch{sample_record(1), sample_record(2), sample_record(1)};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.append(batch));
  EXPECT_EQ(store.totals({})->request_count, 2);
  EXPECT_EQ(store.totals({})->tokens[static_cast<std::size_t>(UsageClass::output)], 3);
  EXPECT_EQ(numbers_in(store).size(), 2u);
}

TEST(SqliteStore, AgreesWithAddingUpByHand) {
  TempDirectory data;
  auto store = open_store(data);
  std::mt19937_64 random(3);
  constexpr std::int64_t hour = 3'600'000'000;
  std::vector<UsageRecord> all;
  std::array<std::string_view, 3> const keys{"alice", "bob", ""};
  for (std::uint64_t n = 0; n < 2000; ++n) {
    auto r = sample_record(n);
    r.started_at = static_cast<std::int64_t>(random() % (20 * hour)) - 10 * hour;  // Also before 1970.
    r.key = keys[random() % 3];
    all.push_back(r);
  }
  for (std::size_t at = 0; at < all.size(); at += 100)
    ASSERT_TRUE(store.append(std::span(all).subspan(at, 100)));
  for (int i = 0; i < 300; ++i) {
    auto time = [&] {
      auto const t = static_cast<std::int64_t>(random() % (24 * hour)) - 12 * hour;
      return random() % 3 == 0 ? t / hour * hour : t;
    };
    UsageFilter query{.key = keys[random() % 3],
                      .model = random() % 2 == 0 ? "gpt-4o" : "",
                      .from = time(),
                      .until = time()};
    if (i % 10 == 0) query.from = Limits::min();
    if (i % 7 == 0) query.until = i % 2 == 0 ? Limits::max() : query.from + 5'000'000;
    UsageTotals expected;
    for (auto const& r : all)
      if (r.started_at >= query.from && r.started_at < query.until &&
          (query.key.empty() || query.key == r.key) && (query.model.empty() || query.model == r.model))
        expected.add(r);
    auto const found = store.totals(query);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(*found, expected) << query.from << " " << query.until;
    UsageTotals by_model;
    auto const models = store.grouped(query, UsageDimension::model);
    for (auto const& m : *models) by_model.add(m.totals);
    EXPECT_EQ(by_model, expected);
  }
}

TEST(SqliteStore, StaysAtTheEndOfTheRange) {
  TempDirectory data;
  auto store = open_store(data);
  for (std::uint64_t n = 0; n < 3; ++n) {
    auto record = sample_record(2 * n);
    record.started_at = Limits::max() - 1;
    record.usage.set(UsageClass::output, Limits::max());
    record.cost = NanoUsd(Limits::max());
    append_one(store, record);
  }
  auto const sum = store.totals({});
  ASSERT_TRUE(sum) << sum.error().message();
  EXPECT_EQ(sum->request_count, 3);
  EXPECT_EQ(sum->tokens[static_cast<std::size_t>(UsageClass::output)], Limits::max());
  EXPECT_EQ(sum->cost, NanoUsd(Limits::max()));
}

TEST(SqliteStore, KeepsABatchWholeOrNotAtAll) {
  TempDirectory data;
  auto store = open_store(data);
  auto other = sqlite::Database::open(data.file("usage.db"));
  // The position is what is written last.
  ASSERT_TRUE(
      other->execute("CREATE TRIGGER t BEFORE INSERT ON journal_position WHEN NEW.offset = 666 "
                     "BEGIN SELECT RAISE(ABORT, 'not this one'); END"));
  std::array const batch{sample_record(1), sample_record(2), sample_record(3)};
  std::array positions{JournalPosition{"segment", 640}};
  auto append_and_refuse = [&](std::uint64_t first) {
    std::array const more{sample_record(first), sample_record(first + 1)};
    auto const refused = store.append(more, std::array{JournalPosition{"segment", 666}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::storage_failed);
    EXPECT_NE(refused.error().message().find("not this one"), std::string::npos);
  };
  append_and_refuse(1);
  EXPECT_EQ(store.totals({})->request_count, 0);
  EXPECT_TRUE(numbers_in(store).empty());
  EXPECT_TRUE(store.positions()->empty());
  ASSERT_TRUE(store.append(batch, positions));
  append_and_refuse(4);  // Would have been added to the row that is there.
  EXPECT_EQ(numbers_in(store).size(), 3u);
  std::array const rest{sample_record(3), sample_record(4), sample_record(5)};
  positions[0].offset = 1280;
  ASSERT_TRUE(store.append(rest, positions));
  EXPECT_EQ(store.totals({})->request_count, 5);
  EXPECT_EQ(numbers_in(store).size(), 5u);
  EXPECT_EQ(store.positions()->at(0).offset, 1280u);
}

TEST(SqliteStore, RemembersPositionsUntilToldToForget) {
  TempDirectory data;
  {
    auto store = open_store(data);
    ASSERT_TRUE(store.append({}, std::array{JournalPosition{"a", 64}, JournalPosition{"b", 128}}));
    ASSERT_TRUE(store.append({}, std::array{JournalPosition{"a", 640}}));
    ASSERT_TRUE(store.forget("b"));
    EXPECT_TRUE(*store.sync());
  }
  auto const positions = open_store(data).positions();
  ASSERT_EQ(positions->size(), 1u);
  EXPECT_EQ((*positions)[0].segment, "a");
  EXPECT_EQ((*positions)[0].offset, 640u);
}

TEST(SqliteStore, SaysThatItIsNotDurableWhileAReaderHoldsTheLog) {
  TempDirectory data;
  auto store = open_store(data);
  append_one(store, sample_record(1));
  auto reader = sqlite::Database::open(data.file("usage.db"));
  {
    auto rows = reader->prepare("SELECT * FROM usage_batch");
    ASSERT_TRUE(*rows->step());
    append_one(store, sample_record(2));
    EXPECT_FALSE(*store.sync());
  }
  EXPECT_TRUE(*store.sync());
}

TEST(SqliteStore, LetsGoOfItsPagesAndStillKnowsAll) {
  TempDirectory data;
  auto store = open_store(data);
  for (std::uint64_t n = 1; n <= 200; ++n) append_one(store, sample_record(n));
  auto const before = sqlite3_memory_used();
  store.rest();
  EXPECT_LT(sqlite3_memory_used(), before);
  append_one(store, sample_record(201));
  EXPECT_EQ(store.totals({})->request_count, 201);
  EXPECT_EQ(store.recent(300)->size(), 201u);
}

TEST(SqliteStore, MakesTheTablesOfAnEmptyFileAndRefusesANewerOne) {
  TempDirectory data;
  {
    std::ofstream empty(data.file("usage.db"));
  }
  {
    auto store = open_store(data);
  }
  auto database = sqlite::Database::open(data.file("usage.db"));
  EXPECT_EQ(*database->integer("PRAGMA user_version"),
            static_cast<std::int64_t>(sqlite::usage_schema_steps.size()));
  ASSERT_TRUE(database->execute("PRAGMA user_version = 99; UPDATE schema_runs_on SET version = 99"));
  auto const newer = SqliteStore::open(data.file("usage.db"));
  ASSERT_FALSE(newer);
  EXPECT_NE(newer.error().message().find("version 99"), std::string::npos) << newer.error().message();
}

TEST(SqliteStore, MigratesWholeOrNotAtAll) {
  TempDirectory data;
  {
    auto database = sqlite::Database::open(data.file("usage.db"));
    ASSERT_TRUE(
        database->execute("CREATE TABLE journal_position (x)"));  // The last table of step one is in the way.
  }
  EXPECT_FALSE(SqliteStore::open(data.file("usage.db")));
  {
    auto database = sqlite::Database::open(data.file("usage.db"));
    EXPECT_EQ(*database->integer("PRAGMA user_version"), 0);
    EXPECT_EQ(*database->integer("SELECT count(*) FROM sqlite_schema WHERE name = 'usage_batch'"), 0);
    ASSERT_TRUE(database->execute("DROP TABLE journal_position"));
  }
  EXPECT_TRUE(SqliteStore::open(data.file("usage.db")));
}

TEST(SqliteStore, SaysWhatIsWrongWithAFile) {
  TempDirectory data;
  std::ofstream(data.file("usage.db")) << std::string(8192, 'x');
  auto const garbage = SqliteStore::open(data.file("usage.db"));
  ASSERT_FALSE(garbage);
  EXPECT_NE(garbage.error().message().find("not a database"), std::string::npos) << garbage.error().message();
  auto const nowhere = SqliteStore::open(data.file("missing/usage.db"));
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message().find("missing/usage.db"), std::string::npos);
}

}  // namespace
}  // namespace lowart::sqlite_store_test
