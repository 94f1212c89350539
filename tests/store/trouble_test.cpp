/// What may happen to a data directory: a full disk, a lock that another process holds, a clock that jumps, a journal of long
/// ago. Nothing is lost, the error is told, the service goes on, and the sums are exact afterwards.

#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

#include <sys/resource.h>
#include <csignal>

namespace lowart::trouble_test {
namespace {

using namespace lowart;
using namespace lowart_test;
using namespace std::chrono_literals;

/// A server's journal and folder, and the errors that were told.
struct Service {
  TempDirectory const& data;
  std::unique_ptr<Journal> journal;
  std::mutex mutex;
  std::vector<std::string> told;
  std::unique_ptr<Folder<SqliteStore>> folder;

  explicit Service(TempDirectory const& directory,
                   JournalOptions const& options = {.writers = 1, .segment_bytes = 65536})
      : data(directory), journal(*Journal::open(directory.path(), options)) {
    FolderOptions folding;
    folding.every = 2ms;
    folding.gather = 0ms;
    folding.longest_pause = 20ms;
    folding.on_error = [this](Error const& e) {
      std::lock_guard const lock(mutex);
      told.push_back(e.message());
    };
    folder = *Folder<SqliteStore>::start(*journal, *SqliteStore::open(data.file("usage.db")), folding);
  }
  bool append(UsageRecord const& r) { return journal->writer(0).append(r).has_value(); }
  bool was_told() {
    std::lock_guard const lock(mutex);
    return !told.empty();
  }
  /// Waits for an error, for at most ten seconds.
  bool tells_an_error() {
    for (int i = 0; i < 1000 && !was_told(); ++i) std::this_thread::sleep_for(10ms);
    return was_told();
  }
  std::int64_t request_count() {
    auto const sum = folder->ask([](SqliteStore& s) { return s.totals({}); });
    return sum ? sum->request_count : -1;
  }
  std::int64_t output() {
    auto const sum = folder->ask([](SqliteStore& s) { return s.totals({}); });
    return sum ? sum->tokens[static_cast<std::size_t>(UsageClass::output)] : -1;
  }
};

/// No file of this process may be longer, as if the disk were full; until the object goes.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit const tight{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
  }
  FullDisk(FullDisk const&) = delete;
  FullDisk& operator=(FullDisk const&) = delete;
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(Trouble, ADatabaseThatHasNoRoomLosesNothing) {
  TempDirectory data;
  Service service(data, {.writers = 1, .segment_bytes = 65536, .max_segments = 64});
  std::uint64_t n = 0;
  while (n < 500) ASSERT_TRUE(service.append(sample_record(++n)));
  ASSERT_TRUE(service.folder->flush(10s));
  {
    FullDisk const full(70'000);  // Room for a segment of the journal, none for the log of the database.
    while (n < 3000) ASSERT_TRUE(service.append(sample_record(++n)));
    EXPECT_TRUE(service.tells_an_error());
    EXPECT_EQ(service.request_count(), -1);  // The error, no sum that misses something.
    EXPECT_GT(service.folder->lag(), 0u);
    while (n < 5000) ASSERT_TRUE(service.append(sample_record(++n)));
  }
  ASSERT_TRUE(service.folder->flush(20s)) << service.folder->last_error();
  EXPECT_EQ(service.request_count(), 5000);
  EXPECT_EQ(service.output(), 5000 * 5001 / 2);
  EXPECT_GE(service.folder->failures(), 1u);
  EXPECT_NE(service.told.front().find("usage.db"), std::string::npos) << service.told.front();
}

TEST(Trouble, AJournalThatGetsNoNewFileRefusesAndGoesOnLater) {
  TempDirectory data;
  Service service(data);
  std::uint64_t kept = 0;
  std::int64_t sum = 0;
  std::uint64_t refused = 0;
  std::uint64_t n = 0;
  auto const append_some = [&](int count) {
    for (int i = 0; i < count; ++i)
      if (service.append(sample_record(++n))) {
        ++kept;
        sum += static_cast<std::int64_t>(n);
      } else {
        ++refused;
      }
  };
  append_some(100);
  {
    FullDisk const full(20'000);  // Less than a segment.
    append_some(3000);
    EXPECT_GT(refused, 0u);
    EXPECT_TRUE(service.tells_an_error());
  }
  auto const refused_while_full = refused;
  for (int i = 0; i < 1000 && !service.append(sample_record(++n)); ++i) std::this_thread::sleep_for(5ms);
  ++kept;
  sum += static_cast<std::int64_t>(n);
  append_some(200);
  EXPECT_EQ(refused, refused_while_full);
  ASSERT_TRUE(service.folder->flush(20s)) << service.folder->last_error();
  EXPECT_EQ(service.request_count(), static_cast<std::int64_t>(kept));
  EXPECT_EQ(service.output(), sum);
}

TEST(Trouble, ADatabaseThatAnotherProcessLocksForSecondsLosesNothing) {
  TempDirectory data;
  Service service(data);
  for (std::uint64_t n = 1; n <= 100; ++n) ASSERT_TRUE(service.append(sample_record(n)));
  ASSERT_TRUE(service.folder->flush(10s));
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  auto const child = ::fork();
  if (child == 0) {
    auto database = sqlite::Database::open(data.file("usage.db"));
    if (!database || !database->execute("BEGIN IMMEDIATE")) ::_exit(1);
    if (::write(ends[1], "x", 1) != 1) ::_exit(2);
    std::this_thread::sleep_for(3500ms);  // Longer than SQLite waits.
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  for (std::uint64_t n = 101; n <= 3000; ++n) ASSERT_TRUE(service.append(sample_record(n)));
  EXPECT_TRUE(service.tells_an_error());
  ASSERT_TRUE(service.folder->flush(20s)) << service.folder->last_error();
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (int const end : ends) ::close(end);
  EXPECT_EQ(service.request_count(), 3000);
  EXPECT_EQ(service.output(), 3000 * 3001 / 2);
  EXPECT_NE(service.told.front().find("locked"), std::string::npos) << service.told.front();
}

TEST(Trouble, AClockThatJumpsPutsEachCallWhereItSays) {
  TempDirectory data;
  Service service(data);
  std::mt19937_64 random(31);
  std::map<std::string, std::int64_t> by_day;
  std::vector<RecordAge> ages;
  constexpr std::array<std::int64_t, 6> jumps{0,
                                              -hour_microseconds,
                                              26 * hour_microseconds,
                                              -9000 * hour_microseconds,
                                              400'000 * hour_microseconds,
                                              -480'000 * hour_microseconds};
  for (std::uint64_t n = 1; n <= 4000; ++n) {
    auto r = sample_record(n);
    r.started_at += jumps[random() % jumps.size()];
    ++by_day[day_name(hour_of(r.started_at))];
    ages.push_back(age_of(r));
    ASSERT_TRUE(service.append(r));
    if (n % 1000 == 0) EXPECT_EQ(service.request_count(), static_cast<std::int64_t>(n));
  }
  EXPECT_EQ(service.output(), 4000 * 4001 / 2);
  auto const days = service.folder->ask([](SqliteStore& s) { return s.grouped({}, UsageDimension::day); });
  ASSERT_TRUE(days);
  ASSERT_EQ(days->size(), by_day.size());
  for (auto const& [name, totals] : *days) EXPECT_EQ(totals.request_count, by_day[name]) << name;
  std::ranges::sort(ages, std::greater{});
  auto const page = service.folder->ask([](SqliteStore& s) {
    HistoryQuery query;
    query.limit = 1000;
    return s.history(query);
  });
  ASSERT_TRUE(page);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(age_of(page->records[i].get()), ages[i]);
  EXPECT_FALSE(service.was_told());
}

TEST(Trouble, AJournalOfAYearAgoIsFoldedIntoItsDays) {
  TempDirectory data;
  constexpr std::int64_t year = 365 * 24 * hour_microseconds;
  in_child([&] {  // Killed before anything was folded.
    auto journal = Journal::open(data.path(), {.writers = 1, .segment_bytes = 65536});
    for (std::uint64_t n = 1; n <= 1000; ++n) {
      auto r = sample_record(n);
      r.started_at -= year;
      if (!(*journal)->writer(0).append(r)) ::_exit(1);
    }
  });
  {  // Meanwhile the database went on, with another journal.
    auto store = *SqliteStore::open(data.file("usage.db"));
    std::vector<UsageRecord> batch;
    for (std::uint64_t n = 2001; n <= 2500; ++n) batch.push_back(sample_record(n));
    ASSERT_TRUE(store.append(batch, std::array{JournalPosition{"elsewhere", 64}}));
  }
  Service service(data);
  ASSERT_TRUE(service.append(sample_record(3000)));
  EXPECT_EQ(service.request_count(), 1501);
  auto const months =
      service.folder->ask([](SqliteStore& s) { return s.grouped({}, UsageDimension::month); });
  ASSERT_TRUE(months);
  ASSERT_EQ(months->size(), 2u);
  EXPECT_EQ((*months)[0].name, "2024-10");
  EXPECT_EQ((*months)[0].totals.request_count, 1000);
  EXPECT_EQ((*months)[1].name, "2025-10");
  EXPECT_EQ((*months)[1].totals.request_count, 501);
  EXPECT_FALSE(service.was_told());
}

}  // namespace
}  // namespace lowart::trouble_test
