#include <lowart/store/fold.hpp>
#include <lowart/store/memory_store.hpp>

#include "store_fixture.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <csignal>

namespace lowart::journal_test {
namespace {

using namespace lowart;
using namespace lowart_test;

constexpr JournalOptions small{.writers = 1, .segment_bytes = 8192, .max_segments = 64};

/// Everything an earlier process left, in a new store.
std::map<std::uint64_t, int> recover_into_memory(std::string const& directory) {
  auto journal = Journal::open(directory, small);
  EXPECT_TRUE(journal) << journal.error().message();
  MemoryStore store({.max_records = 1'000'000});
  Fold<MemoryStore> fold(**journal, store, {});
  auto const done = fold.recover();
  EXPECT_TRUE(done) << done.error().message();
  return numbers_in(store);
}

void append_and_die(std::string const& directory, std::uint64_t count) {
  in_child([&] {
    auto journal = Journal::open(directory, small);
    for (std::uint64_t n = 1; n <= count; ++n)
      if (!(*journal)->writer(0).append(sample_record(n))) ::_exit(1);
  });
}

TEST(Journal, KeepsRecordsOfAProcessThatEndedWithoutSayingGoodbye) {
  TempDirectory data;
  append_and_die(data.path(), 500);  // Over several segments.
  EXPECT_GT(journal_files(data.path(), ".segment").size(), 5u);
  auto const found = recover_into_memory(data.path());
  EXPECT_EQ(found.size(), 500u);
  for (auto const& [n, times] : found) EXPECT_EQ(times, 1) << n;
  EXPECT_TRUE(recover_into_memory(data.path()).empty());
}

TEST(Journal, LeavesNoFileWhenNothingIsLeftToRecover) {
  TempDirectory data;
  {
    auto journal = Journal::open(data.path(), small);
  }
  EXPECT_TRUE(journal_files(data.path(), ".segment").empty());
}

TEST(Journal, KeepsItsFilesWhenNobodyFoldedThem) {
  TempDirectory data;
  {
    auto journal = Journal::open(data.path(), small);
    ASSERT_TRUE((*journal)->writer(0).append(sample_record(1)));
  }
  EXPECT_EQ(recover_into_memory(data.path()).size(), 1u);
}

TEST(Journal, RefusesASecondProcessOnTheSameDirectory) {
  TempDirectory data;
  auto const first = Journal::open(data.path(), small);
  ASSERT_TRUE(first);
  auto const second = Journal::open(data.path(), small);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::storage_failed);
  EXPECT_NE(second.error().message().find("another process uses the data directory"), std::string::npos);
}

TEST(Journal, SaysWhatIsWrongWithADirectoryOrItsOptions) {
  auto const nowhere = Journal::open("/nonexistent/lowart", small);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message().find("/nonexistent/lowart"), std::string::npos);
  TempDirectory data;
  auto const odd = Journal::open(data.path(), {.segment_bytes = 1000});
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code(), Errc::config_invalid);
}

TEST(Journal, RemovesSegmentsThatWereNeverFinished) {
  TempDirectory data;
  {
    auto journal = Journal::open(data.path(), small);
  }
  std::ofstream(data.file("journal/0000000000000001-000-0000000001.new")) << "half";
  EXPECT_TRUE(recover_into_memory(data.path()).empty());
  EXPECT_TRUE(journal_files(data.path(), ".new").empty());
}

TEST(Journal, RefusesSegmentsOfANewerVersion) {
  TempDirectory data;
  append_and_die(data.path(), 1);
  auto const file = journal_files(data.path(), ".segment").front();
  journal::SegmentHeader header;
  std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(&header), sizeof header);
  header.version = 9;
  header.check = journal::header_check(header);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary)
      .write(reinterpret_cast<char const*>(&header), sizeof header);
  auto const opened = Journal::open(data.path(), small);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("newer version"), std::string::npos);
}

TEST(Journal, FailsAppendsAtItsBoundAndGoesOnWhenThereIsRoom) {
  TempDirectory data;
  auto journal = Journal::open(data.path(), {.writers = 1, .segment_bytes = 16384, .max_segments = 3});
  auto& writer = (*journal)->writer(0);
  std::uint64_t kept = 0;
  for (std::uint64_t n = 1; n <= 1000; ++n) {
    auto const appended = writer.append(sample_record(n));
    if (appended) ++kept;
    else EXPECT_EQ(appended.error().code(), Errc::storage_failed);
  }
  EXPECT_GT(kept, 100u);
  EXPECT_LT(kept, 300u);
  MemoryStore store;
  Fold<MemoryStore> fold(**journal, store, {});
  ASSERT_TRUE(fold.catch_up());
  ASSERT_TRUE(fold.tidy());
  EXPECT_TRUE(writer.append(sample_record(2000)));
  ASSERT_TRUE(fold.catch_up());
  EXPECT_EQ(store.totals({})->request_count, static_cast<std::int64_t>(kept) + 1);
}

/// A file system of this many bytes, for as long as the object lives.
class TinyDisk {
 public:
  explicit TinyDisk(std::string const& bytes) {
    mounted_ = ::mount("none", at_.path().c_str(), "tmpfs", 0, ("size=" + bytes).c_str()) == 0;
  }
  ~TinyDisk() {
    if (mounted_) ::umount2(at_.path().c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return mounted_; }
  std::string path() const { return at_.path(); }

 private:
  TempDirectory at_;
  bool mounted_{false};
};

TEST(Journal, SaysAtTheStartThatTheDiskIsFull) {
  TinyDisk const disk("16384");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting needs root";
  auto const journal = Journal::open(disk.path(), {.segment_bytes = std::size_t{1} << 20});
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code(), Errc::storage_failed);
  EXPECT_NE(journal.error().message().find("No space left"), std::string::npos) << journal.error().message();
}

TEST(Journal, FailsAppendsOnAFullDiskAndGoesOnWhenThereIsSpace) {
  TinyDisk const disk("49152");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting needs root";
  {
    auto journal = Journal::open(disk.path(), small);
    ASSERT_TRUE(journal) << journal.error().message();
    auto& writer = (*journal)->writer(0);
    std::int64_t kept = 0;
    for (std::uint64_t n = 1; n <= 2000; ++n)
      if (writer.append(sample_record(n))) ++kept;
    EXPECT_GT(kept, 50);
    EXPECT_LT(kept, 500);
    EXPECT_FALSE(writer.prepare());
    MemoryStore store;
    Fold<MemoryStore> fold(**journal, store, {});
    ASSERT_TRUE(fold.catch_up());
    EXPECT_EQ(store.totals({})->request_count, kept);
    ASSERT_TRUE(fold.tidy());
    EXPECT_TRUE(writer.append(sample_record(3000)));
  }
}

TEST(Journal, SaysAtTheStartThatFilesMayNotGrowSoLarge) {
  TempDirectory data;
  auto const status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto const journal = Journal::open(data.path(), small);
    bool const is_told = !journal && journal.error().message().find("File too large") != std::string::npos;
    ::_exit(is_told ? 0 : 1);
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace lowart::journal_test
