#include <lowart/store/folder.hpp>
#include <lowart/store/memory_store.hpp>
#include <lowart/store/sqlite_store.hpp>

#include "store_fixture.hpp"

namespace lowart::folder_test {
namespace {

using namespace lowart;
using namespace lowart_test;
using namespace std::chrono_literals;

template <class S>
std::int64_t requests(Folder<S>& folder) {
  auto const sum = folder.ask([](S& store) { return store.totals({}); });
  return sum ? sum->request_count : -1;
}

TEST(Folder, AnswersWithEverythingThatWasAppended) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore());
  ASSERT_TRUE(folder);
  for (std::uint64_t n = 1; n <= 50; ++n) {
    ASSERT_TRUE((*journal)->writer(0).append(sample_record(n)));
    EXPECT_EQ(requests(**folder), static_cast<std::int64_t>(n));
  }
  EXPECT_EQ((*folder)->lag(), 0u);
  EXPECT_EQ((*folder)->folded(), 50u);
  EXPECT_EQ((*folder)->last_error(), "");
}

TEST(Folder, FoldsBetweenQuestionsSoThatTheyDoNotFillTheJournal) {
  TempDirectory data;
  auto journal = Journal::open(data.path(), {.writers = 1, .segment_bytes = 16384, .max_segments = 2});
  FolderOptions options;
  options.batch_records = 40;
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore(), options);
  constexpr std::uint64_t questions = 60, records = 20;  // many times what two segments hold
  std::promise<void> all_are_asked;
  auto const gate = all_are_asked.get_future().share();
  std::atomic<std::uint64_t> kept{0}, answered{0};
  for (std::uint64_t q = 0; q < questions; ++q) {
    (*folder)->query(
        [&, gate, q](MemoryStore&) -> Result<int> {
          gate.wait();
          for (std::uint64_t n = 1; n <= records; ++n)
            if ((*journal)->writer(0).append(sample_record(q * records + n))) ++kept;
          return 0;
        },
        [&](Result<int> const& answer) { answered += answer ? 1 : 0; });
  }
  all_are_asked.set_value();
  ASSERT_TRUE((*folder)->flush(10s));
  EXPECT_EQ(requests(**folder), static_cast<std::int64_t>(questions * records));
  EXPECT_EQ(kept, questions * records);
  EXPECT_EQ(answered, questions);
}

TEST(Folder, FlushesBeforeItReturns) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  FolderOptions lazy;
  lazy.every = 10min;
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore(), lazy);
  for (std::uint64_t n = 1; n <= 5000; ++n) ASSERT_TRUE((*journal)->writer(0).append(sample_record(n)));
  ASSERT_TRUE((*folder)->flush(10s));
  EXPECT_EQ((*folder)->folded(), 5000u);
}

TEST(Folder, GathersAFewRecordsButFoldsMany) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  FolderOptions options;
  options.every = 1ms;
  options.gather = 10min;
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore(), options);
  for (std::uint64_t n = 1; n <= 499; ++n) ASSERT_TRUE((*journal)->writer(0).append(sample_record(n)));
  EXPECT_EQ((*folder)->folded(), 0u);
  EXPECT_EQ((*folder)->lag(), 499u);
  ASSERT_TRUE((*journal)->writer(0).append(sample_record(500)));
  while ((*folder)->lag() > 0) std::this_thread::yield();  // By itself: nobody asks.
  ASSERT_TRUE((*journal)->writer(0).append(sample_record(501)));
  EXPECT_EQ(requests(**folder), 501);
  ASSERT_TRUE((*journal)->writer(0).append(sample_record(502)));
  ASSERT_TRUE((*folder)->flush(10s));
  EXPECT_EQ((*folder)->folded(), 502u);
}

TEST(Folder, FoldsAFewRecordsOnceTheyHaveWaited) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  FolderOptions options;
  options.every = 1ms;
  options.gather = 5ms;
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore(), options);
  ASSERT_TRUE((*journal)->writer(0).append(sample_record(1)));
  while ((*folder)->lag() > 0) std::this_thread::yield();
  EXPECT_EQ((*folder)->folded(), 1u);
}

TEST(Folder, DoesNotGatherInAJournalThatHasRoomForFew) {
  TempDirectory data;
  auto journal = Journal::open(data.path(), {.writers = 1, .segment_bytes = 8192, .max_segments = 2});
  FolderOptions options;
  options.every = 1ms;
  options.gather = 10min;
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore(), options);
  for (std::uint64_t n = 1; n <= 400; ++n)
    while (!(*journal)->writer(0).append(sample_record(n))) std::this_thread::yield();
  EXPECT_GT((*folder)->folded(), 0u);
  EXPECT_EQ(requests(**folder), 400);
}

class RestingStore : public MemoryStore {
 public:
  explicit RestingStore(std::atomic<int>& rests) : rests_(&rests) {}
  void rest() noexcept { ++*rests_; }

 private:
  std::atomic<int>* rests_;
};
static_assert(RestingUsageStore<RestingStore> && !RestingUsageStore<MemoryStore>);

TEST(Folder, LetsTheStoreRestOnceAfterEachTimeOfRecords) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  std::atomic<int> rests{0};
  FolderOptions options;
  options.every = 1ms;
  options.gather = 0ms;
  options.rest_after = 5ms;
  auto folder = Folder<RestingStore>::start(**journal, RestingStore(rests), options);
  for (int time = 1; time <= 3; ++time) {
    ASSERT_TRUE((*journal)->writer(0).append(sample_record(static_cast<std::uint64_t>(time))));
    while (rests < time) std::this_thread::yield();
    std::this_thread::sleep_for(30ms);  // Nothing comes: it need not rest again.
    EXPECT_EQ(rests, time);
    EXPECT_EQ(requests(**folder), time);
  }
}

template <class S>
void append_from_two_threads(TempDirectory const& data, S store) {
  constexpr std::uint64_t each = 20'000;
  auto journal = Journal::open(data.path(), {.writers = 2, .segment_bytes = std::size_t{1} << 18});
  ASSERT_TRUE(journal);
  FolderOptions often;
  often.every = 1ms;
  often.sync_every = 20ms;
  often.batch_records = 500;
  auto folder = Folder<S>::start(**journal, std::move(store), often);
  ASSERT_TRUE(folder);
  std::atomic<std::uint64_t> failed{0};
  auto append = [&](std::size_t w) {
    for (std::uint64_t n = 1; n <= each; ++n)
      while (!(*journal)->writer(w).append(sample_record(w * each + n))) ++failed, std::this_thread::yield();
  };
  std::thread first(append, 0);
  std::thread second(append, 1);
  std::int64_t last = 0;
  for (int i = 0; i < 50; ++i) {
    auto const now = requests(**folder);
    EXPECT_GE(now, last);
    last = now;
  }
  first.join();
  second.join();
  EXPECT_TRUE((*folder)->flush(30s));
  EXPECT_EQ(requests(**folder), static_cast<std::int64_t>(2 * each));
  EXPECT_EQ((*folder)->damaged_segments(), 0u);
  EXPECT_EQ((*folder)->failures(), 0u) << (*folder)->last_error();
  folder->reset();
  journal->reset();
  EXPECT_TRUE(journal_files(data.path(), ".segment").empty());
}

TEST(Folder, FoldsTwoWritersIntoMemory) {
  TempDirectory data;
  append_from_two_threads(data, MemoryStore());
}

TEST(Folder, FoldsTwoWritersIntoSqlite) {
  TempDirectory data;
  append_from_two_threads(data, *SqliteStore::open(data.file("usage.db")));
}

/// A MemoryStore that can be made to fail, or to block, from outside.
class MoodyStore {
 public:
  struct Mood {
    std::atomic<bool> fails{false};
    std::atomic<int> attempts{0};
    std::mutex blocks;
  };
  explicit MoodyStore(Mood& mood) : mood_(&mood) {}

  Result<void> append(std::span<UsageRecord const> batch) {
    std::lock_guard const wait(mood_->blocks);
    ++mood_->attempts;
    if (mood_->fails) return fail(Errc::storage_failed, "disk full");
    return store_.append(batch);
  }
  Result<UsageTotals> totals(UsageFilter const& filter) { return store_.totals(filter); }
  Result<std::vector<UsageGroup>> grouped(UsageFilter const& filter, UsageDimension dimension) {
    return store_.grouped(filter, dimension);
  }
  Result<std::int64_t> distinct(UsageFilter const& filter, UsageDimension dimension) {
    return store_.distinct(filter, dimension);
  }
  Result<RecordPage> history(HistoryQuery const& query) { return store_.history(query); }

 private:
  Mood* mood_;
  MemoryStore store_;
};

TEST(Folder, KeepsAppendingWhileTheStoreFailsAndCatchesUpAfterwards) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  MoodyStore::Mood mood;
  std::vector<std::string> told;
  FolderOptions options;
  options.every = 1ms;
  options.longest_pause = 5ms;
  options.on_error = [&](Error const& e) { told.push_back(e.message()); };
  auto folder = Folder<MoodyStore>::start(**journal, MoodyStore(mood), options);
  mood.fails = true;
  for (std::uint64_t n = 1; n <= 100; ++n) ASSERT_TRUE((*journal)->writer(0).append(sample_record(n)));
  while ((*folder)->failures() == 0) std::this_thread::yield();
  auto const flushed = (*folder)->flush(20ms);
  ASSERT_FALSE(flushed);
  EXPECT_NE(flushed.error().message().find("disk full"), std::string::npos);
  EXPECT_EQ(requests(**folder), -1);
  EXPECT_EQ((*folder)->lag(), 100u);
  EXPECT_EQ((*folder)->last_error(), "disk full");
  mood.fails = false;
  ASSERT_TRUE((*folder)->flush(10s));
  EXPECT_EQ(requests(**folder), 100);
  EXPECT_GE((*folder)->failures(), 1u);
  (*folder)->stop();
  EXPECT_EQ((*folder)->last_error(), "");
  EXPECT_EQ(told, std::vector<std::string>{"disk full"});  // Once, however often it was tried.
}

TEST(Folder, RefusesQuestionsWhenItIsFullOrStopped) {
  TempDirectory data;
  auto journal = Journal::open(data.path());
  MoodyStore::Mood mood;
  FolderOptions options;
  options.max_questions = 2;
  auto folder = Folder<MoodyStore>::start(**journal, MoodyStore(mood), options);
  auto count = [](MoodyStore& store) { return store.totals({}); };
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  auto note = [&](Result<UsageTotals> const& r) { ++(r ? answered : refused); };
  {
    std::lock_guard const block(mood.blocks);
    ASSERT_TRUE((*journal)->writer(0).append(sample_record(1)));
    for (int i = 0; i < 20; ++i) (*folder)->query(count, note);
    EXPECT_GE(refused, 16);  // Two wait, two more may have been taken by the thread.
  }
  (*folder)->stop();
  EXPECT_EQ(answered + refused, 20);
  EXPECT_GE(answered, 2);
  auto const late = (*folder)->ask(count);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::shutting_down);
}

TEST(Folder, FoldsWhatWasLeftBehindBeforeItStarts) {
  TempDirectory data;
  in_child([&] {
    auto journal = Journal::open(data.path());
    for (std::uint64_t n = 1; n <= 30; ++n) static_cast<void>((*journal)->writer(0).append(sample_record(n)));
  });
  auto journal = Journal::open(data.path());
  auto folder = Folder<SqliteStore>::start(**journal, *SqliteStore::open(data.file("usage.db")));
  ASSERT_TRUE(folder);
  EXPECT_EQ((*folder)->folded(), 30u);
  EXPECT_EQ(requests(**folder), 30);
}

TEST(Folder, LeavesToTheNextProcessWhatTheStoreDidNotTake) {
  TempDirectory data;
  {
    auto journal = Journal::open(data.path());
    MoodyStore::Mood mood;
    auto folder = Folder<MoodyStore>::start(**journal, MoodyStore(mood));
    mood.fails = true;
    for (std::uint64_t n = 1; n <= 30; ++n) ASSERT_TRUE((*journal)->writer(0).append(sample_record(n)));
    (*folder)->stop();
    EXPECT_EQ((*folder)->lag(), 30u);
  }
  auto journal = Journal::open(data.path());
  auto folder = Folder<MemoryStore>::start(**journal, MemoryStore());
  EXPECT_EQ(requests(**folder), 30);
}

TEST(Folder, DoesNotStartOnAStoreThatFails) {
  TempDirectory data;
  in_child([&] {
    auto journal = Journal::open(data.path());
    static_cast<void>((*journal)->writer(0).append(sample_record(1)));
  });
  auto journal = Journal::open(data.path());
  MoodyStore::Mood mood;
  mood.fails = true;
  auto const folder = Folder<MoodyStore>::start(**journal, MoodyStore(mood));
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message(), "disk full");
}

}  // namespace
}  // namespace lowart::folder_test
