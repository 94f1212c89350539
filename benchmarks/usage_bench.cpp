/// What usage records cost: through the journal into SQLite, and how fast sums over many of them are told.
///
///   bench_usage fold DIRECTORY RATE SECONDS     appends at RATE a second (0: as fast as it goes), beside a Folder
///   bench_usage fill DIRECTORY RECORDS          writes RECORDS of 90 days into DIRECTORY/usage.db
///   bench_usage ask DIRECTORY                   asks that database what a page of usage shows, seven times
///
/// 200 keys of 50 users in 10 teams, 20 models at 5 providers. SHAPE=narrow: one provider for a model; SHAPE=single:
/// one key and one model.

#include <lowart/store/folder.hpp>
#include <lowart/store/sqlite_store.hpp>

#include <sys/resource.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

namespace {

using namespace lowart;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t begin_us = 1'788'220'800'000'000;  // A midnight.
constexpr std::int64_t day_us = 24 * hour_microseconds;
constexpr std::int64_t days = 90;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

double cpu_seconds(int who) {
  rusage use{};
  ::getrusage(who, &use);
  auto const told = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return told(use.ru_utime) + told(use.ru_stime);
}

/// Makes records one after the other.
class Records {
 public:
  Records() {
    char const* const shape = std::getenv("SHAPE");
    narrow_ = shape != nullptr && std::strcmp(shape, "wide") != 0;
    single_ = shape != nullptr && std::strcmp(shape, "single") == 0;
    for (int i = 0; i < 200; ++i) keys_.push_back("key-" + std::to_string(i));
    for (int i = 0; i < 50; ++i) users_.push_back("user-" + std::to_string(i) + "@example.com");
    for (int i = 0; i < 10; ++i) teams_.push_back("team-" + std::to_string(i));
    for (int i = 0; i < 20; ++i) models_.push_back("vendor/model-" + std::to_string(i) + "-latest");
    for (int i = 0; i < 5; ++i) providers_.push_back("provider-" + std::to_string(i));
  }

  UsageRecord make(std::int64_t started_at) {
    auto const bits = random_();
    auto const key = single_ ? 0 : bits % 200;
    auto const model = single_ ? 0 : (bits >> 10) % 20;
    UsageRecord r;
    r.id = {bits | 1, random_()};
    r.started_at = started_at;
    r.duration = 900'000 + static_cast<std::int64_t>(bits >> 44);
    r.time_to_first_token = 250'000 + static_cast<std::int64_t>(bits >> 50);
    r.key = keys_[key];
    r.user = users_[key % 50];
    r.team = teams_[key % 10];
    r.model = models_[model];
    r.upstream_model = r.model;
    r.provider = providers_[narrow_ ? model % 5 : (bits >> 20) % 5];
    r.operation = "chat";
    r.client = "10.1.2.3";
    r.usage.set(UsageClass::input, 1200 + static_cast<std::int64_t>(bits >> 52));
    r.usage.set(UsageClass::cache_read, static_cast<std::int64_t>(bits >> 54));
    r.usage.set(UsageClass::output, 300 + static_cast<std::int64_t>(bits >> 53 & 1023));
    r.cost = NanoUsd(4'500'000);
    r.attempts = 1;
    r.status = 200;
    r.outcome = bits >> 30 & 63 ? Outcome::complete : Outcome::failed;
    r.provenance = Provenance::reported;
    r.streamed = true;
    return r;
  }

 private:
  std::vector<std::string> keys_, users_, teams_, models_, providers_;
  bool narrow_{false};
  bool single_{false};
  std::mt19937_64 random_{7};
};

[[noreturn]] void stop(std::string const& why) {
  std::fprintf(stderr, "bench_usage: %s\n", why.c_str());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) stop(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void fold(std::string const& directory, double rate, double seconds) {
  auto const journal =
      must(Journal::open(directory, {.writers = 1, .segment_bytes = std::size_t{512} << 10}));
  auto folder = must(Folder<SqliteStore>::start(*journal, must(SqliteStore::open(directory + "/usage.db"))));
  Records records;
  auto const cpu_before = cpu_seconds(RUSAGE_SELF);
  double appending = cpu_seconds(RUSAGE_THREAD);
  auto const begun = Clock::now();
  std::uint64_t count = 0;
  std::uint64_t refused = 0;
  std::uint64_t most_lag = 0;
  while (seconds_since(begun) < seconds) {
    for (int i = 0; i < 200; ++i) {
      auto const now = std::chrono::system_clock::now().time_since_epoch();
      auto const r = records.make(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
      journal->writer(0).append(r) ? ++count : ++refused;
    }
    most_lag = std::max(most_lag, folder->lag());
    if (rate > 0)
      std::this_thread::sleep_until(begun +
                                    std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(static_cast<double>(count) / rate)));
    else if (folder->lag() > 20'000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  auto const appended_for = seconds_since(begun);
  must(folder->flush(std::chrono::seconds(60)));
  auto const took = seconds_since(begun);
  appending = cpu_seconds(RUSAGE_THREAD) - appending;
  auto const folding = cpu_seconds(RUSAGE_SELF) - cpu_before - appending;
  auto const n = static_cast<double>(count);
  std::printf(
      "appended %.0f/s for %.1f s, all in the store after %.1f s (%.0f/s); refused %llu; most behind %llu\n",
      n / appended_for, appended_for, took, n / took, static_cast<unsigned long long>(refused),
      static_cast<unsigned long long>(most_lag));
  std::printf("CPU per record: fold %.2f us, making and appending %.2f us; folder failures %llu\n",
              folding / n * 1e6, appending / n * 1e6, static_cast<unsigned long long>(folder->failures()));
}

void fill(std::string const& directory, std::int64_t count) {
  auto store = must(SqliteStore::open(directory + "/usage.db"));
  Records records;
  auto const cpu = cpu_seconds(RUSAGE_SELF);
  std::vector<UsageRecord> batch;
  std::uint64_t offset = 64;
  for (std::int64_t n = 0; n < count; ++n) {
    batch.push_back(records.make(begin_us + n * (days * day_us / count)));
    if (batch.size() < 2000 && n + 1 < count) continue;
    must(store.append(batch, std::array{JournalPosition{"bench", offset += 8}}));
    batch.clear();
    if (n % 1'000'000 < 2000) static_cast<void>(store.sync());
  }
  store.rest();
  must(store.sync());
  std::printf("filled %lld records, CPU %.2f us each\n", static_cast<long long>(count),
              (cpu_seconds(RUSAGE_SELF) - cpu) / static_cast<double>(count) * 1e6);
}

template <class Ask>
double timed(char const* what, Ask ask) {
  auto const begun = Clock::now();
  auto const cpu = cpu_seconds(RUSAGE_SELF);
  auto const result = ask();
  auto const ms = (cpu_seconds(RUSAGE_SELF) - cpu) * 1e3;
  if (!result) stop(result.error().message());
  std::printf("  %-36s %8.2f ms, CPU %8.2f ms\n", what, seconds_since(begun) * 1e3, ms);
  return ms;
}

void ask(std::string const& directory) {
  auto const opening = Clock::now();
  auto store = must(SqliteStore::open(directory + "/usage.db"));
  std::printf("open %.1f ms\n", seconds_since(opening) * 1e3);
  // A month, cut within an hour at both ends.
  UsageFilter const month{.from = begin_us + 40 * day_us + 12'345'678'901,
                          .until = begin_us + 70 * day_us + 45'678'901'234};
  for (int round = 0; round < 3; ++round) {
    double sum = timed("totals", [&] { return store.totals(month); });
    sum += timed("by model", [&] { return store.grouped(month, UsageDimension::model); });
    sum += timed("by key", [&] { return store.grouped(month, UsageDimension::key); });
    sum += timed("by day", [&] { return store.grouped(month, UsageDimension::day); });
    std::printf("  %-36s %8.2f ms\n", "together, CPU", sum);
  }
  auto filter = month;
  filter.key = "key-7";
  timed("of a key: totals", [&] { return store.totals(filter); });
  timed("of a key: by model", [&] { return store.grouped(filter, UsageDimension::model); });
  filter.key = {};
  filter.user = "user-7@example.com";
  timed("of a user: by day", [&] { return store.grouped(filter, UsageDimension::day); });
  filter.model = "vendor/model-3-latest";
  timed("of a user and a model: by day", [&] { return store.grouped(filter, UsageDimension::day); });
  filter.user = {};
  timed("of a model: by user", [&] { return store.grouped(filter, UsageDimension::user); });
  timed("by hour", [&] { return store.grouped(month, UsageDimension::hour); });
  timed("users in the month", [&] { return store.distinct(month, UsageDimension::user); });
  HistoryQuery page;
  page.filter = month;
  page.limit = 100;
  timed("newest 100", [&] { return store.history(page); });
  page.filter.key = "key-7";
  page.outcome = Outcome::failed;
  timed("failed ones of a key", [&] { return store.history(page); });
  page.filter.key = "nobody";
  timed("of a key without any", [&] { return store.history(page); });
}

}  // namespace

int main(int argc, char** argv) {
  std::string const what = argc > 2 ? argv[1] : "";
  if (what == "fold" && argc == 5) return fold(argv[2], std::atof(argv[3]), std::atof(argv[4])), 0;
  if (what == "fill" && argc == 4) return fill(argv[2], std::atoll(argv[3])), 0;
  if (what == "ask" && argc == 3) return ask(argv[2]), 0;
  std::fprintf(stderr,
               "usage: bench_usage fold DIRECTORY RATE SECONDS | fill DIRECTORY RECORDS | ask DIRECTORY\n");
  return 2;
}
