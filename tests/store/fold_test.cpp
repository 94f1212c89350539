#include <lowart/store/fold.hpp>
#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

namespace lowart::fold_test {
namespace {

using namespace lowart;
using namespace lowart_test;

constexpr JournalOptions fold_options{.writers = 1, .segment_bytes = 12288, .max_segments = 64};
constexpr std::uint64_t left_count =
    150;  // In four segments: a writer leaves one that has no room for the longest record.

void leave_records(std::string const& directory, JournalOptions const& options = fold_options,
                   std::uint64_t count = left_count) {
  in_child([&] {
    auto journal = Journal::open(directory, options);
    for (std::uint64_t n = 1; n <= count; ++n)
      if (!(*journal)->writer(0).append(sample_record(n))) ::_exit(1);
  });
}

/// A SqliteStore whose process dies at the n-th thing that it is asked to do, before or after doing it.
class DyingStore {
 public:
  static constexpr int died = 77;

  DyingStore(SqliteStore store, int steps) : store_(std::move(store)), steps_(steps) {}

  Result<void> append(std::span<UsageRecord const> batch) { return append(batch, {}); }
  Result<void> append(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions) {
    return around([&] { return store_.append(batch, positions); });
  }
  Result<UsageTotals> totals(UsageFilter const& filter) { return store_.totals(filter); }
  Result<std::vector<UsageGroup>> grouped(UsageFilter const& filter, UsageDimension dimension) {
    return store_.grouped(filter, dimension);
  }
  Result<std::int64_t> distinct(UsageFilter const& filter, UsageDimension dimension) {
    return store_.distinct(filter, dimension);
  }
  Result<RecordPage> history(HistoryQuery const& query) { return store_.history(query); }
  Result<std::vector<JournalPosition>> positions() {
    return around([&] { return store_.positions(); });
  }
  Result<void> forget(std::string const& segment) {
    return around([&] { return store_.forget(segment); });
  }
  Result<bool> sync() {
    return around([&] { return store_.sync(); });
  }

 private:
  template <class Fn>
  auto around(Fn fn) -> decltype(fn()) {
    if (--steps_ == 0) ::_exit(died);
    auto result = fn();
    if (--steps_ == 0) ::_exit(died);
    return result;
  }

  SqliteStore store_;
  int steps_;
};
static_assert(DurableUsageStore<DyingStore>);

/// True when the process died on the way.
bool recover_and_die(TempDirectory const& data, int step) {
  auto const status = in_child([&] {
    auto journal = Journal::open(data.path(), fold_options);
    auto opened = SqliteStore::open(data.file("usage.db"));
    DyingStore store(std::move(*opened), step);
    Fold<DyingStore> fold(**journal, store, {.batch_records = 40, .on_damage = {}});
    if (!fold.recover()) ::_exit(1);
    // Then as a server does: new records, folded while their segments fill.
    for (std::uint64_t n = left_count + 1; n <= 2 * left_count; ++n) {
      if (!(*journal)->writer(0).append(sample_record(n))) ::_exit(2);
      if (n % 40 == 0 && (!fold.catch_up() || !fold.tidy())) ::_exit(3);
    }
    if (!fold.close()) ::_exit(4);
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DyingStore::died) << WEXITSTATUS(status);
  return WEXITSTATUS(status) != 0;
}

TEST(Fold, LosesAndDoublesNothingWhereverItDies) {
  constexpr int most_steps = 500;
  int step = 1;
  for (bool died = true; died && step < most_steps; ++step) {
    SCOPED_TRACE(step);
    TempDirectory data;
    leave_records(data.path());
    died = recover_and_die(data, step);
    auto journal = Journal::open(data.path(), fold_options);
    auto store = SqliteStore::open(data.file("usage.db"));
    Fold<SqliteStore> fold(**journal, *store, {});
    ASSERT_TRUE(fold.recover());
    EXPECT_EQ(fold.damaged_segments(), 0u);
    auto const found = numbers_in(*store);
    ASSERT_GE(found.size(), left_count);
    EXPECT_EQ(found.rbegin()->first, found.size());  // 1, 2, 3 ... without a gap.
    if (!died) {
      EXPECT_EQ(found.size(), 2 * left_count);
    }
    EXPECT_EQ(store->totals({})->request_count, static_cast<std::int64_t>(found.size()));
    EXPECT_TRUE(store->positions()->empty());
    EXPECT_LE(journal_files(data.path(), ".segment").size(), 1u);
  }
  EXPECT_GT(step, 30) << step;
  EXPECT_LT(step, most_steps) << "it dies without end";
}

/// Counts what it is offered, without knowing repetitions, and fails when told to.
class CountingStore {
 public:
  Result<void> append(std::span<UsageRecord const> batch) {
    if (fails > 0) return --fails, fail(Errc::storage_failed, "told to fail");
    for (auto const& r : batch) ++numbers[r.id.low];
    return {};
  }
  Result<UsageTotals> totals(UsageFilter const&) { return UsageTotals{}; }
  Result<std::vector<UsageGroup>> grouped(UsageFilter const&, UsageDimension) {
    return std::vector<UsageGroup>{};
  }
  Result<std::int64_t> distinct(UsageFilter const&, UsageDimension) { return 0; }
  Result<RecordPage> history(HistoryQuery const&) { return RecordPage{}; }

  int fails{0};
  std::map<std::uint64_t, int> numbers;
};

TEST(Fold, OffersEachRecordOnceEvenWhenTheStoreFailsInBetween) {
  TempDirectory data;
  auto journal = Journal::open(data.path(), {.writers = 3, .segment_bytes = 8192});
  CountingStore store;
  Fold<CountingStore> fold(**journal, store, {.batch_records = 7, .on_damage = {}});
  for (std::uint64_t n = 1; n <= 600; ++n) {
    ASSERT_TRUE((*journal)->writer(n % 3).append(sample_record(n)));
    if (n % 50 != 0) continue;
    store.fails = 2;
    EXPECT_FALSE(fold.catch_up());
    EXPECT_FALSE(fold.pass());
    ASSERT_TRUE(fold.tidy());
    if (n % 100 == 0) {
      ASSERT_TRUE(fold.catch_up());
    }
  }
  EXPECT_EQ(store.numbers.size(), 600u);
  for (auto const& [n, times] : store.numbers) EXPECT_EQ(times, 1) << n;
  EXPECT_EQ(fold.folded(), 600u);
  EXPECT_EQ(*fold.pass(), 0u);
}

/// Keeps positions with its records, knows no repetitions, and fails after some batches.
class PositionedStore : public CountingStore {
 public:
  using CountingStore::append;
  Result<void> append(std::span<UsageRecord const> batch, std::span<JournalPosition const> positions) {
    if (batches-- == 0) return fail(Errc::storage_failed, "enough");
    for (auto const& p : positions) kept[p.segment] = p.offset;
    return append(batch);
  }
  Result<std::vector<JournalPosition>> positions() {
    std::vector<JournalPosition> all;
    for (auto const& [segment, offset] : kept) all.push_back({segment, offset});
    return all;
  }
  Result<void> forget(std::string const& segment) { return kept.erase(segment), Result<void>(); }
  Result<bool> sync() { return true; }

  int batches{0};
  std::map<std::string, std::uint64_t> kept;
};

TEST(Fold, ContinuesWhereThePositionSays) {
  TempDirectory data;
  leave_records(data.path());
  PositionedStore store;
  store.kept["gone"] = 64;
  int runs = 0;
  for (bool done = false; !done; ++runs) {
    auto journal = Journal::open(data.path(), fold_options);
    Fold<PositionedStore> fold(**journal, store, {.batch_records = 7, .on_damage = {}});
    store.batches = 3;
    done = fold.recover().has_value();
  }
  EXPECT_GT(runs, 5);
  EXPECT_EQ(store.numbers.size(), left_count);
  for (auto const& [n, times] : store.numbers) EXPECT_EQ(times, 1) << n;
  EXPECT_TRUE(store.kept.empty());
}

struct Recovered {
  std::map<std::uint64_t, int> numbers;
  std::uint64_t damaged;
  std::vector<std::string> messages;
};

Recovered recover(std::string const& directory) {
  auto journal = Journal::open(directory, fold_options);
  MemoryStore store;
  Recovered result{};
  Fold<MemoryStore> fold(**journal, store,
                         {.on_damage = [&](Error const& e) { result.messages.push_back(e.message()); }});
  EXPECT_TRUE(fold.recover());
  result.numbers = numbers_in(store);
  result.damaged = fold.damaged_segments();
  return result;
}

TEST(Fold, StopsAtDamageKeepsTheFileAndGoesOnWithTheNextSegment) {
  TempDirectory data;
  leave_records(data.path());
  auto const segments = journal_files(data.path(), ".segment");
  ASSERT_GT(segments.size(), 2u);
  auto const length = journal::slot_bytes([] {
    std::array<std::byte, journal::max_record_bytes> room;
    return static_cast<std::size_t>(journal::encode(sample_record(1), room.data()) - room.data());
  }());
  flip_byte(segments[0], static_cast<std::streamoff>(64 + 2 * length + 20));  // In the third record.
  auto const found = recover(data.path());
  EXPECT_EQ(found.damaged, 1u);
  ASSERT_EQ(found.messages.size(), 1u);
  EXPECT_NE(found.messages[0].find(segments[0].stem().string()), std::string::npos);
  EXPECT_TRUE(found.numbers.contains(2));
  EXPECT_FALSE(found.numbers.contains(3));
  EXPECT_FALSE(found.numbers.contains(4));
  EXPECT_TRUE(found.numbers.contains(left_count));
  EXPECT_EQ(journal_files(data.path(), ".damaged").size(), 1u);
  EXPECT_TRUE(journal_files(data.path(), ".segment").empty());
  EXPECT_EQ(recover(data.path()).damaged, 0u);
}

TEST(Fold, TellsAHoleFromAnEnd) {
  TempDirectory data;
  constexpr std::uint64_t count = 600;  // More behind the hole than an unfinished record could be.
  leave_records(data.path(), {.writers = 1, .segment_bytes = 32768, .max_segments = 64}, count);
  auto const segments = journal_files(data.path(), ".segment");
  ASSERT_EQ(segments.size(), 3u);
  {
    std::fstream f(segments[0], std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(4096);
    f << std::string(4096, '\0');  // As if this page had not reached the disk. The next segment has records.
  }
  std::filesystem::resize_file(segments[1], 100);  // And this one were cut.
  auto const found = recover(data.path());
  EXPECT_EQ(found.damaged, 2u);
  EXPECT_TRUE(found.numbers.contains(1));
  EXPECT_TRUE(found.numbers.contains(count));
}

TEST(Fold, TakesASegmentOfZerosForAnEmptyOne) {
  TempDirectory data;
  leave_records(data.path());
  std::ofstream(data.file("journal/00000000000000aa-000-0000000001.segment")) << std::string(8192, '\0');
  std::ofstream(data.file("journal/00000000000000aa-000-0000000002.segment"));
  auto const found = recover(data.path());
  EXPECT_EQ(found.damaged, 0u);
  EXPECT_EQ(found.numbers.size(), left_count);
  EXPECT_TRUE(journal_files(data.path(), ".segment").empty());
}

TEST(Fold, MakesTheWriterLeaveASegmentThatIsDamagedUnderItsHands) {
  TempDirectory data;
  auto journal = Journal::open(data.path(), fold_options);
  auto& writer = (*journal)->writer(0);
  CountingStore store;
  int told = 0;
  Fold<CountingStore> fold(**journal, store, {.on_damage = [&](Error const&) { ++told; }});
  for (std::uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(writer.append(sample_record(n)));
  ASSERT_TRUE(fold.catch_up());
  auto* const segment = writer.front();
  ASSERT_TRUE(writer.append(sample_record(4)));
  segment->bytes()[segment->read_to + 30] ^= std::byte{1};
  EXPECT_FALSE(fold.catch_up());
  EXPECT_FALSE(fold.catch_up());
  ASSERT_TRUE(writer.append(sample_record(5)));
  ASSERT_TRUE(fold.catch_up());
  ASSERT_TRUE(fold.tidy());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(fold.damaged_segments(), 1u);
  EXPECT_EQ(store.numbers.size(), 4u);
  EXPECT_FALSE(store.numbers.contains(4));
  EXPECT_EQ(journal_files(data.path(), ".damaged").size(), 1u);
}

TEST(Fold, SyncsTheJournalAndDeletesOnlyWhatIsFolded) {
  TempDirectory data;
  auto journal = Journal::open(data.path(), fold_options);
  auto store = SqliteStore::open(data.file("usage.db"));
  Fold<SqliteStore> fold(**journal, *store, {});
  for (std::uint64_t n = 1; n <= left_count; ++n) ASSERT_TRUE((*journal)->writer(0).append(sample_record(n)));
  ASSERT_TRUE(fold.sync());
  auto const before = journal_files(data.path(), ".segment").size();
  ASSERT_TRUE(fold.tidy());
  EXPECT_GE(journal_files(data.path(), ".segment").size(), before);
  ASSERT_TRUE(fold.catch_up());
  ASSERT_TRUE(fold.tidy());
  EXPECT_LE(journal_files(data.path(), ".segment").size(), 2u);
  EXPECT_EQ(store->positions()->size(), 1u);
}

}  // namespace
}  // namespace lowart::fold_test
