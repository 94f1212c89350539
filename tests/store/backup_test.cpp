#include <lowart/store/backup.hpp>
#include <lowart/store/backup_schedule.hpp>
#include <lowart/store/folder.hpp>
#include <lowart/store/request_log.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

#include <atomic>
#include <thread>

namespace lowart::backup_test {
namespace {

using namespace lowart;
using namespace lowart_test;

constexpr std::int64_t noon = 1'796'040'000'000'000;  // 2026-11-30T12:00:00Z
constexpr std::int64_t hour = 3'600'000'000;

struct House {
  explicit House(std::uint64_t records = 100) {
    fold(1, records);
    auto log = RequestLog::open(data + "/requests");
    RequestEntry entry;
    entry.at = noon;
    entry.conversation = "c";
    EXPECT_TRUE(log->append(std::array{entry}));
    std::ofstream(data + "/requests/2026-01.db.gz") << "an archive";
  }
  void fold(std::uint64_t first, std::uint64_t count) {
    std::vector<UsageRecord> batch;
    for (auto n = first; n < first + count; ++n) batch.push_back(sample_record(n));
    auto store = SqliteStore::open(data + "/usage.db");
    ASSERT_TRUE(store->append(batch));
  }
  std::int64_t records() {
    auto store = SqliteStore::open(data + "/usage.db");
    return store->totals({})->request_count;
  }
  TempDirectory place;
  std::string data = [this] {
    std::filesystem::create_directory(place.file("data"));
    return place.file("data");
  }();
  std::string backups = place.file("backups");
};

TEST(Backup, HoldsWhatWasThereAndBringsItBackWhenTheDirectoryIsLost) {
  House house;
  auto const made = make_backup(house.data, house.backups, noon);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_TRUE(made->ends_with("/2026-11-30T12-00-00Z")) << *made;
  EXPECT_TRUE(verify_backup(*made));
  house.fold(101, 50);
  std::filesystem::remove_all(house.data);
  auto const restored = restore_backup(*made, house.data, noon + hour);
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(restored->replaced, "");
  EXPECT_EQ(house.records(), 100);
  EXPECT_EQ(*backup::read_file(house.data + "/requests/2026-01.db.gz"), "an archive");
  EXPECT_EQ(RequestLog::open(house.data + "/requests")->page({}, 9, std::nullopt)->entries.size(), 1U);
  EXPECT_TRUE(verify_backup(*made)) << "it stays as it was";
}

TEST(Backup, KeepsWhatItReplacesAside) {
  House house;
  auto const made = make_backup(house.data, house.backups, noon);
  house.fold(101, 50);
  auto const restored = restore_backup(*made, house.data, noon + hour);
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(house.records(), 100);
  EXPECT_EQ(restored->replaced, house.data + "/replaced-2026-11-30T13-00-00Z");
  EXPECT_EQ(SqliteStore::open(restored->replaced + "/usage.db")->totals({})->request_count, 150);
  auto const again = restore_backup(*made, house.data, noon + hour);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->replaced, restored->replaced + "-2") << "nothing is overwritten";
}

TEST(Backup, HoldsTheAccountsAndLeavesThoseAloneThatItDoesNotHave) {
  House house;
  auto const without = make_backup(house.data, house.backups, noon);
  auto accounts = sqlite::Database::open(house.data + "/lowart.db");
  ASSERT_TRUE(accounts->execute("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7)"));
  std::ofstream(house.data + "/master.key") << "a secret";
  auto const with = make_backup(house.data, house.backups, noon + hour);
  ASSERT_TRUE(with) << with.error().message();
  EXPECT_FALSE(std::filesystem::exists(*with + "/master.key")) << "a backup alone tells no secret";
  ASSERT_TRUE(accounts->execute("UPDATE t SET n = 8"));
  accounts = tl::unexpected<Error>(Error(Errc::internal));  // closed
  ASSERT_TRUE(restore_backup(*with, house.data, noon + 2 * hour));
  EXPECT_EQ(*sqlite::Database::open(house.data + "/lowart.db")->integer("SELECT n FROM t"), 7);
  ASSERT_TRUE(restore_backup(*without, house.data, noon + 3 * hour));
  EXPECT_EQ(*sqlite::Database::open(house.data + "/lowart.db")->integer("SELECT n FROM t"), 7);
}

TEST(Backup, IsOfOneMomentWhileOthersWrite) {
  House house;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t n = 1000; !stop; n += 10) house.fold(n, 10);
  });
  for (int i = 0; i < 5; ++i) {
    auto const made = make_backup(house.data, house.backups, noon + i * hour);
    EXPECT_TRUE(made) << made.error().message();
    if (made) EXPECT_TRUE(verify_backup(*made));
  }
  stop = true;
  writer.join();
}

TEST(Backup, AddsWhatTheJournalStillHasOnceAndNothingTwice) {
  TempDirectory place;
  std::string const data = place.file("data"), backups = place.file("backups");
  auto const append = [](Journal& journal, std::uint64_t first, std::uint64_t count) {
    for (auto n = first; n < first + count; ++n) ASSERT_TRUE(journal.writer(0).append(sample_record(n)));
  };
  std::string made;
  {
    auto journal = Journal::open(data);
    auto folder = Folder<SqliteStore>::start(**journal, *SqliteStore::open(data + "/usage.db"));
    append(**journal, 1, 100);
    ASSERT_TRUE((*folder)->flush(std::chrono::seconds(5)));
    made = *make_backup(data, backups, noon);
    append(**journal, 101, 40);
    ASSERT_TRUE((*folder)->flush(std::chrono::seconds(5)));
    EXPECT_FALSE(restore_backup(made, data, noon)) << "the directory is in use";
    std::filesystem::copy(data + "/journal", place.file("kept"));  // as `kill -9` would leave it
    (*folder)->stop();
  }
  std::filesystem::remove_all(data + "/journal");
  std::filesystem::copy(place.file("kept"), data + "/journal");
  auto const restored = restore_backup(made, data, noon + hour);
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_GE(restored->journal_segments, 1U);
  auto journal = Journal::open(data);
  auto folder = Folder<SqliteStore>::start(**journal, *SqliteStore::open(data + "/usage.db"));
  ASSERT_TRUE(folder) << folder.error().message();
  EXPECT_EQ((*folder)->ask([](SqliteStore& s) { return s.totals({}); })->request_count, 140);
}

TEST(Backup, RefusesWhatIsDamagedOrNoBackup) {
  House house;
  auto const made = make_backup(house.data, house.backups, noon);
  auto const refused = [&](std::string const& word) {
    auto const restored = restore_backup(*made, house.data, noon + hour);
    ASSERT_FALSE(restored);
    EXPECT_NE(restored.error().message().find(word), std::string::npos) << restored.error().message();
    EXPECT_EQ(house.records(), 100) << "nothing has changed";
  };
  flip_byte(*made + "/requests/2026-01.db.gz", 3);
  refused("not as it was made");
  flip_byte(*made + "/requests/2026-01.db.gz", 3);
  EXPECT_TRUE(verify_backup(*made));
  ASSERT_TRUE(
      sqlite::Database::open(*made + "/usage.db")->execute("UPDATE usage_batch SET count = count + 1"));
  refused("not as it was made");
  std::filesystem::remove(*made + "/manifest");
  refused("no backup");
}

TEST(Backup, SaysWhatIsMissingAndLeavesNothingHalf) {
  TempDirectory place;
  auto const made = make_backup(place.path(), place.file("backups"), noon);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("is this the data directory"), std::string::npos);
  EXPECT_TRUE(backup::files_in(place.file("backups")).empty());
}

TEST(Backup, RemovesTheOldestAndNothingElse) {
  TempDirectory place;
  for (int i = 0; i < 5; ++i) std::filesystem::create_directory(place.file(backup::name_of(noon + i * hour)));
  std::filesystem::create_directory(place.file("mine"));
  EXPECT_EQ(prune_backups(place.path(), 2), 3U);
  EXPECT_EQ(backup::files_in(place.path()),
            (std::vector<std::string>{"2026-11-30T15-00-00Z", "2026-11-30T16-00-00Z", "mine"}));
  EXPECT_EQ(backup::time_of("2026-11-30T12-00-00Z"), noon);
  EXPECT_FALSE(backup::time_of("2026-11-30T12:00:00Z"));
}

TEST(BackupSchedule, GoesByTheNewestAndRestsAfterEachTry) {
  constexpr std::int64_t minute = 60'000'000;
  BackupSchedule schedule{std::chrono::hours(1)};
  EXPECT_TRUE(schedule.is_due(std::nullopt, noon)) << "none is there";
  EXPECT_FALSE(schedule.is_due(noon - hour + minute, noon)) << "a restart makes no more of them";
  EXPECT_TRUE(schedule.is_due(noon - hour, noon));
  schedule.note_failure(noon);
  EXPECT_FALSE(schedule.is_due(noon - hour, noon + minute / 2));
  EXPECT_TRUE(schedule.is_due(noon - hour, noon + minute));
  schedule.note_success(noon + minute);
  EXPECT_FALSE(schedule.is_due(noon + minute, noon + 2 * minute));
  EXPECT_TRUE(schedule.is_due(noon + minute, noon + minute + hour));
}

TEST(BackupSchedule, MakesOneAtATimeWhenTheClockWasPutBack) {
  BackupSchedule schedule{std::chrono::hours(1)};
  schedule.note_success(noon);
  std::int64_t const earlier = noon - 100 * hour;
  EXPECT_TRUE(schedule.is_due(noon, earlier));
  schedule.note_success(earlier);
  EXPECT_FALSE(schedule.is_due(noon, earlier + hour / 2)) << "though the newest is of the future still";
  EXPECT_TRUE(schedule.is_due(noon, earlier + hour));
}

}  // namespace
}  // namespace lowart::backup_test
