#include <lowart/store/request_writer.hpp>

#include "store_fixture.hpp"

#include <future>

namespace lowart::request_log_test {
namespace {

using namespace lowart;
using namespace lowart_test;

/// Noon of the 15th of a month.
std::int64_t noon(int year, unsigned month) {
  using namespace std::chrono;
  sys_days const day = std::chrono::year(year) / std::chrono::month(month) / 15;
  return duration_cast<microseconds>((day + hours(12)).time_since_epoch()).count();
}
RequestEntry entry(int n, std::int64_t at = noon(2026, 11)) {
  RequestEntry e;
  e.at = at + n;
  e.id = "req_" + std::to_string(n);
  e.key = n % 2 == 0 ? "even" : "odd";
  e.model = n % 3 == 0 ? "three" : "other";
  e.status = n % 5 == 0 ? 502 : 200;
  if (e.status != 200) e.error = "server_error", e.detail = "the provider said: no room";
  e.conversation = n % 2 == 0 ? "c" + std::to_string(n % 4) : "";
  e.input_tokens = 10;
  e.output_tokens = n;
  e.cost = NanoUsd(7);
  return e;
}
std::vector<RequestEntry> entries(int from, int until, std::int64_t at = noon(2026, 11)) {
  std::vector<RequestEntry> all;
  for (int n = from; n < until; ++n) all.push_back(entry(n, at));
  return all;
}
std::vector<std::string> files(std::string const& directory) {
  std::vector<std::string> names;
  for (auto const& e : std::filesystem::directory_iterator(directory)) names.push_back(e.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

struct Log {
  explicit Log(RequestLogOptions o = {}) : options(o), log(*RequestLog::open(data.file("requests"), o)) {}
  void close() { log = *RequestLog::open(data.file("requests"), options); }
  /// The ids of all pages together, and how many pages there were.
  std::vector<std::string> ids(RequestFilter const& filter, std::size_t count, int* pages = nullptr) {
    std::vector<std::string> found;
    std::optional<RequestCursor> at;
    do {
      auto page = log.page(filter, count, at);
      EXPECT_TRUE(page);
      for (auto const& e : page->entries) found.push_back(e.id);
      at = page->next;
      if (at) at = RequestCursor::parse(at->text());
      if (pages != nullptr) ++*pages;
    } while (at);
    return found;
  }
  TempDirectory data;
  RequestLogOptions options;
  RequestLog log;
};

TEST(Month, CountsAndNamesMonths) {
  EXPECT_EQ(Month::of(0).text(), "1970-01");
  EXPECT_EQ(Month::of(noon(2026, 11)).text(), "2026-11");
  EXPECT_EQ(Month::of(noon(2027, 2)) - Month::of(noon(2026, 11)), 3);
  EXPECT_EQ(Month::parse("2026-11"), Month::of(noon(2026, 11)));
  for (auto const* bad : {"2026-13", "2026-00", "2026-1", "-026-11", "2026-1x", "2026/11", ""})
    EXPECT_FALSE(Month::parse(bad)) << bad;
}

TEST(RequestLog, KeepsEverythingOfARequestAndReadsItBack) {
  Log l;
  RequestEntry e = entry(4);
  e.user = "u", e.team = "t", e.client = "1.2.3.4", e.method = "POST", e.route = "/v1/chat/completions";
  e.provider = "p", e.outcome = "complete", e.cache = "hit", e.attempts = 2, e.duration = 5,
  e.first_token = 3;
  e.content = {.asked = "[]", .answered = "hi"};
  ASSERT_TRUE(l.log.append(std::array{e}));
  RequestFilter filter;
  filter.with_content = true;
  auto const page = l.log.page(filter, 10, std::nullopt);
  ASSERT_EQ(page->entries.size(), 1U);
  RequestEntry const& got = page->entries[0];
  EXPECT_EQ(std::tie(got.at, got.id, got.key, got.user, got.team, got.client, got.method, got.route),
            std::tie(e.at, e.id, e.key, e.user, e.team, e.client, e.method, e.route));
  EXPECT_EQ(
      std::tie(got.model, got.provider, got.outcome, got.conversation, got.cache, got.status, got.attempts),
      std::tie(e.model, e.provider, e.outcome, e.conversation, e.cache, e.status, e.attempts));
  EXPECT_EQ(std::tie(got.duration, got.first_token, got.input_tokens, got.output_tokens, got.cost),
            std::tie(e.duration, e.first_token, e.input_tokens, e.output_tokens, e.cost));
  EXPECT_EQ(got.content.asked + got.content.answered, "[]hi");
  filter.with_content = false;
  EXPECT_EQ(l.log.page(filter, 10, std::nullopt)->entries[0].content.asked, "");
}

TEST(RequestLog, PagesFromTheNewestOnOverMonthsAndStaysStableWhileMoreComes) {
  Log l;
  for (unsigned month = 8; month <= 11; ++month)
    ASSERT_TRUE(l.log.append(
        entries(static_cast<int>(month) * 100, static_cast<int>(month) * 100 + 10, noon(2026, month))));
  int pages = 0;
  auto const all = l.ids({}, 7, &pages);
  ASSERT_EQ(all.size(), 40U);
  EXPECT_EQ(all.front(), "req_1109");
  EXPECT_EQ(all.back(), "req_800");
  EXPECT_GE(pages, 6);
  auto const first = l.log.page({}, 5, std::nullopt);
  ASSERT_TRUE(l.log.append(entries(1110, 1120)));
  EXPECT_EQ(l.log.page({}, 1, first->next)->entries[0].id, "req_1104") << "what came since does not move it";
}

TEST(RequestLog, FiltersByEveryField) {
  Log l;
  ASSERT_TRUE(l.log.append(entries(0, 60)));
  auto const count = [&](auto set) {
    RequestFilter filter;
    set(filter);
    return l.ids(filter, 4).size();
  };
  EXPECT_EQ(count([](RequestFilter& f) { f.key = "odd"; }), 30U);
  EXPECT_EQ(count([](RequestFilter& f) { f.model = "three"; }), 20U);
  EXPECT_EQ(count([](RequestFilter& f) { f.status = 502; }), 12U);
  EXPECT_EQ(count([](RequestFilter& f) { f.error = "server_error"; }), 12U);
  EXPECT_EQ(count([](RequestFilter& f) { f.error = "no room"; }), 12U);
  EXPECT_EQ(count([](RequestFilter& f) { f.error = "%"; }), 0U) << "a part of the text, not a pattern";
  EXPECT_EQ(count([](RequestFilter& f) { f.conversation = "c2"; }), 15U);
  EXPECT_EQ(count([](RequestFilter& f) { f.conversation = "c2", f.key = "odd"; }), 0U);
  EXPECT_EQ(count([](RequestFilter& f) { f.from = noon(2026, 11) + 10, f.until = noon(2026, 11) + 20; }),
            10U);
  EXPECT_EQ(count([](RequestFilter& f) { f.key = "' OR 1=1 --"; }), 0U);
}

TEST(RequestLog, SumsConversationsAndListsThemByTheirLastCall) {
  Log l;
  ASSERT_TRUE(l.log.append(entries(0, 8)));
  auto page = l.log.conversations({}, 1, std::nullopt);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1U);
  ConversationSummary const& c = page->entries[0];
  EXPECT_EQ(c.id, "c2");
  EXPECT_EQ(std::tuple(c.calls, c.input_tokens, c.output_tokens, c.cost),
            std::tuple(2, 20, 2 + 6, NanoUsd(14)));
  EXPECT_EQ(c.last_at - c.first_at, 4);
  ASSERT_TRUE(page->next);
  EXPECT_EQ(l.log.conversations({}, 9, RequestCursor::parse(page->next->text()))->entries[0].id, "c0");
  RequestFilter odd;
  odd.key = "odd";
  EXPECT_TRUE(l.log.conversations(odd, 9, std::nullopt)->entries.empty());
}

TEST(RequestLog, ArchivesAMonthOnceAllOfItIsOldAndDeletesItLater) {
  Log l({.archive_after = 6, .retention = 24});
  ASSERT_TRUE(l.log.append(entries(0, 300, noon(2026, 4))));
  ASSERT_TRUE(l.log.append(entries(300, 310, noon(2026, 11))));
  EXPECT_TRUE(l.log.tidy(noon(2026, 10)).archived.empty()) << "its end is not yet six months ago";
  EXPECT_EQ(l.log.tidy(noon(2026, 11)).archived, std::vector<std::string>{"2026-04.db"});
  auto const names = files(l.data.file("requests"));
  EXPECT_EQ(names[0], "2026-04.db.gz");
  EXPECT_EQ(names[1], "2026-11.db");
  EXPECT_LT(std::filesystem::file_size(l.data.file("requests/2026-04.db.gz")), 100'000U);
  EXPECT_EQ(l.ids({}, 100).size(), 10U);
  // What was archived is a database still.
  ASSERT_EQ(std::system(("gzip -dk " + l.data.file("requests/2026-04.db.gz")).c_str()), 0);
  EXPECT_EQ(l.ids({}, 100).size(), 310U);
  EXPECT_EQ(l.log.tidy(noon(2026, 11)).archived.size(), 1U);
  EXPECT_TRUE(l.log.tidy(noon(2028, 4)).deleted.empty());
  EXPECT_EQ(l.log.tidy(noon(2028, 5)).deleted, std::vector<std::string>{"2026-04.db.gz"});
}

TEST(RequestLog, TidiesTheRestWhereAFileIsNone) {
  Log l;
  std::ofstream(l.data.file("requests/2026-03.db")) << std::string(9000, 'x');
  ASSERT_TRUE(l.log.append(entries(0, 3, noon(2026, 4))));
  auto const tidied = l.log.tidy(noon(2026, 11));
  EXPECT_EQ(tidied.archived, std::vector<std::string>{"2026-04.db"});
  ASSERT_TRUE(tidied.failure);
}

TEST(RequestLog, LeavesStrangersAloneAndRefusesANewerVersion) {
  Log l;
  std::ofstream(l.data.file("requests/notes.db")) << "not ours";
  std::ofstream(l.data.file("requests/2026-04.db.gz.part")) << "half";
  ASSERT_TRUE(l.log.append(entries(0, 3)));
  EXPECT_FALSE(l.log.tidy(noon(2040, 1)).failure);
  EXPECT_EQ(files(l.data.file("requests")), std::vector<std::string>{"notes.db"});
  ASSERT_TRUE(l.log.append(entries(0, 1)));
  l.close();
  ASSERT_TRUE(sqlite::Database::open(l.data.file("requests/2026-11.db"))->execute("PRAGMA user_version = 9"));
  auto const refused = l.log.append(entries(0, 1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("newer version"), std::string::npos);
}

TEST(GzipFile, NeverRemovesWhatItCouldNotReadBack) {
  TempDirectory data;
  std::string const path = data.file("a.db");
  std::ofstream(path) << std::string(300'000, 'x') << "end";
  ASSERT_TRUE(gzip::compress(path, data.file("copy.gz")));
  EXPECT_TRUE(gzip::compare(data.file("copy.gz"), path));
  std::ofstream(path, std::ios::app) << "!";
  EXPECT_FALSE(gzip::compare(data.file("copy.gz"), path)) << "shorter";
  flip_byte(data.file("copy.gz"), 60);
  EXPECT_FALSE(gzip::compare(data.file("copy.gz"), path)) << "damaged";
  EXPECT_FALSE(archive_file(data.file("none.db")));
  std::filesystem::create_directory(data.file("a.db.gz"));  // so that it cannot be renamed to its name
  EXPECT_FALSE(archive_file(path));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(RequestQueue, DropsAndCountsWhatDoesNotFit) {
  RequestQueue queue({.entries = 3, .bytes = 1U << 20U});
  for (int n = 0; n < 5; ++n) EXPECT_EQ(queue.offer(entry(n)), n < 3);
  EXPECT_EQ(queue.dropped(), 2);
  EXPECT_EQ(queue.take().size(), 3U);
  RequestEntry large = entry(1);
  large.held = 2U << 20U;
  EXPECT_TRUE(queue.offer(large));
  auto const kept = queue.take();
  EXPECT_EQ(kept[0].held, 0U) << "without its content it fits";
  EXPECT_NE(kept[0].content.answered.find("not kept"), std::string::npos);
  large.held = 0;
  large.detail.assign(2U << 20U, 'x');
  EXPECT_FALSE(queue.offer(large));
}

TEST(RequestWriter, WritesWhatWasOfferedBeforeAQuestionAndBeforeItsEnd) {
  TempDirectory data;
  std::int64_t now = noon(2026, 11);
  RequestWriterOptions options;
  options.utc_us = [&] { return now; };
  {
    RequestWriter writer(*RequestLog::open(data.file("requests")), {}, options);
    RequestEntry e = entry(1);
    e.make_content = [] { return RequestContent{.asked = "[1]", .answered = "made"}; };
    writer.queue().offer(e);
    std::promise<std::size_t> seen;
    writer.query([](RequestLog& log) { return log.page({}, 10, std::nullopt); },
                 [&](auto const& page) { seen.set_value(page ? page->entries.size() : 99); });
    EXPECT_EQ(seen.get_future().get(), 1U);
    for (int n = 0; n < 3000; ++n) writer.queue().offer(entry(n));
    writer.stop();
    EXPECT_EQ(writer.written(), 3001);
    bool refused = false;
    writer.query([](RequestLog& log) { return log.page({}, 10, std::nullopt); },
                 [&](auto const& page) { refused = !page; });
    EXPECT_TRUE(refused);
  }
  auto log = RequestLog::open(data.file("requests"));
  RequestFilter filter;
  filter.with_content = true;
  auto const all = log->page(filter, 5000, std::nullopt);
  EXPECT_EQ(all->entries.size(), 3001U);
  EXPECT_EQ(all->entries.back().content.answered, "made");
}

TEST(RequestWriter, TellsAFailureOnceAndCountsWhatIsLost) {
  TempDirectory data;
  auto log = RequestLog::open(data.file("requests"));
  std::filesystem::create_directory(data.file("requests/2026-11.db"));
  std::atomic<int> told{0};
  RequestWriterOptions options;
  options.every = std::chrono::milliseconds(5);
  options.on_error = [&](Error const&) { ++told; };
  RequestWriter writer(std::move(*log), {}, options);
  for (int n = 0; n < 3; ++n) {
    writer.queue().offer(entry(n));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  writer.stop();
  EXPECT_EQ(writer.queue().dropped(), 3);
  EXPECT_EQ(writer.failures(), 3);
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace lowart::request_log_test
