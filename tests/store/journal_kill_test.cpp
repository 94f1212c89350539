#include <lowart/store/folder.hpp>
#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

#include <csignal>
#include <thread>

namespace lowart::journal_kill_test {
namespace {

using namespace lowart;
using namespace lowart_test;

/// Appends records 1, 2, 3 ... and reports each through the pipe, until killed.
[[noreturn]] void append_until_killed(JournalWriter& writer, std::uint64_t first, int pipe) {
  for (auto n = first;; ++n) {
    if (!writer.append(sample_record(n))) ::_exit(1);
    if (::write(pipe, &n, sizeof n) != sizeof n) ::_exit(2);
  }
}

/// Runs `child`, kills it after about `reports` reports, and returns the last number it reported.
std::uint64_t kill_after(std::uint64_t reports, std::function<void(int)> const& child) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return 0;
  auto const pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    child(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::uint64_t last = 0;
  std::uint64_t number = 0;
  for (std::uint64_t seen = 0; ::read(ends[0], &number, sizeof number) == sizeof number;) {
    last = number;
    if (++seen == reports) ::kill(pid, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return last;
}

/// Every reported record once, and at most one that was complete but not reported yet.
void expect_exactly(std::map<std::uint64_t, int> const& found, std::uint64_t reported) {
  for (std::uint64_t n = 1; n <= reported; ++n) {
    auto const at = found.find(n);
    ASSERT_TRUE(at != found.end()) << "lost " << n << " of " << reported;
    ASSERT_EQ(at->second, 1) << n;
  }
  EXPECT_LE(found.size(), reported + 1);
}

constexpr JournalOptions kill_options{.writers = 1, .segment_bytes = 16384, .max_segments = 10'000};

TEST(JournalKill, LosesNothingThatWasAppended) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    TempDirectory data;
    auto const reported = kill_after(1 + random() % 1500, [&](int pipe) {
      auto journal = Journal::open(data.path(), kill_options);
      if (journal) append_until_killed((*journal)->writer(0), 1, pipe);
    });
    auto journal = Journal::open(data.path(), kill_options);
    ASSERT_TRUE(journal) << journal.error().message();
    MemoryStore store({.max_records = 1'000'000});
    Fold<MemoryStore> fold(**journal, store, {});
    ASSERT_TRUE(fold.recover());
    EXPECT_EQ(fold.damaged_segments(), 0u);
    expect_exactly(numbers_in(store), reported);
  }
}

/// Notes record numbers in the order in which they come.
class ListingStore {
 public:
  Result<void> append(std::span<UsageRecord const> batch) {
    for (auto const& r : batch) numbers.push_back(r.id.low);
    return {};
  }
  Result<UsageTotals> totals(UsageFilter const&) { return UsageTotals{}; }
  Result<std::vector<UsageGroup>> grouped(UsageFilter const&, UsageDimension) {
    return std::vector<UsageGroup>{};
  }
  Result<std::int64_t> distinct(UsageFilter const&, UsageDimension) { return 0; }
  Result<RecordPage> history(HistoryQuery const&) { return RecordPage{}; }

  std::vector<std::uint64_t> numbers;
};

TEST(JournalKill, KeepsARecordWholeOrNotAtAllWhenKilledInTheMiddleOfAppending) {
  // The child reports through shared memory, without a system call, so nearly every kill hits an append.
  using Reported = std::atomic<std::uint64_t>;
  auto* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  auto* const reported = new (page) Reported(0);
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    TempDirectory data;
    *reported = 0;
    auto const pid = ::fork();
    if (pid == 0) {
      auto journal = Journal::open(data.path(), {.segment_bytes = 65536, .max_segments = 1000});
      for (std::uint64_t n = 1; n <= 100'000 && (*journal)->writer(0).append(sample_record(n)); ++n)
        *reported = n;
      for (;;) ::pause();
    }
    auto const wanted = 1 + random() % 5000;
    while (*reported < wanted) std::this_thread::yield();
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    auto journal = Journal::open(data.path(), kill_options);
    ASSERT_TRUE(journal) << journal.error().message();
    ListingStore store;
    Fold<ListingStore> fold(**journal, store, {});
    ASSERT_TRUE(fold.recover());
    EXPECT_EQ(fold.damaged_segments(), 0u);
    for (std::size_t i = 0; i < store.numbers.size(); ++i) ASSERT_EQ(store.numbers[i], i + 1);
    EXPECT_GE(store.numbers.size(), *reported);
    EXPECT_LE(store.numbers.size(), *reported + 1);
  }
  ::munmap(page, 4096);
}

TEST(JournalKill, LosesAndDoublesNothingWhileFoldingIntoSqlite) {
  std::mt19937 random(2);
  TempDirectory data;  // One for all rounds: each process first folds what the killed one left.
  std::uint64_t reported = 0;
  std::uint64_t first = 1;
  for (int round = 0; round < 25; ++round) {
    SCOPED_TRACE(round);
    reported = kill_after(1 + random() % 4000, [&](int pipe) {
      auto journal = Journal::open(data.path(), kill_options);
      auto store = SqliteStore::open(data.file("usage.db"));
      if (!journal || !store) return;
      FolderOptions often;
      often.every = std::chrono::milliseconds(1);
      often.batch_records = 50;
      auto folder = Folder<SqliteStore>::start(**journal, std::move(*store), often);
      if (folder) append_until_killed((*journal)->writer(0), first, pipe);
    });
    ASSERT_GE(reported, first);
    first = reported +
            1;  // The unreported one of this round, if any, has the id of the next: it is offered again.
  }
  auto journal = Journal::open(data.path(), kill_options);
  auto store = SqliteStore::open(data.file("usage.db"));
  Fold<SqliteStore> fold(**journal, *store, {});
  ASSERT_TRUE(fold.recover());
  EXPECT_EQ(fold.damaged_segments(), 0u);
  auto const found = numbers_in(*store);
  expect_exactly(found, reported);
  EXPECT_EQ(store->totals({})->request_count, static_cast<std::int64_t>(found.size()));
  EXPECT_TRUE(store->positions()->empty());
}

}  // namespace
}  // namespace lowart::journal_kill_test
