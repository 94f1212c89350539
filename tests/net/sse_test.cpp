#include <lowart/net/sse.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::sse_test {
namespace {

using lowart::net::SseEvent;
using lowart::net::SseLimits;
using lowart::net::SseSplitter;
using lowart::net::SseStep;
using lowart::net::SseWriter;
using namespace std::string_view_literals;

// One event as "type|data|id".
std::string spelled(SseEvent const& e) {
  return std::string(e.event).append("|").append(e.data).append("|").append(e.id);
}

// Feeds each piece from a heap block of its own that is gone afterwards: a view kept too long is an ASan
// report.
class Reader {
 public:
  explicit Reader(SseLimits limits = {}) : splitter(limits) {}
  void feed(std::string_view piece) {
    auto const bytes = std::make_unique<char[]>(piece.size());
    piece.copy(bytes.get(), piece.size());
    last = splitter.feed({bytes.get(), piece.size()}, [&](SseEvent const& e) {
      events.push_back(spelled(e));
      raw.append(e.raw);
    });
  }
  SseSplitter splitter;
  std::vector<std::string> events;
  std::string raw;
  SseStep last{SseStep::more};
};

using Events = std::vector<std::string>;

struct Case {
  std::string_view name;
  std::string_view stream;
  Events events;
};

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {"one line", "data: x\n\n", {"|x|"}},
      {"CRLF", "event: a\r\ndata: x\r\n\r\ndata: y\r\n\r\n", {"a|x|", "|y|"}},
      {"CR", "event: a\rdata: x\r\rdata: y\r\r", {"a|x|", "|y|"}},
      {"mixed line ends",
       "data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\n\rdata: 5\r\n\n",
       {"|1\n2\n3|", "|4|", "|5|"}},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "data: x\n\n",
       {"|x|"}},
      {"byte order mark alone on its line", "\xEF\xBB\xBF\ndata: x\n\n", {"|x|"}},
      {"only one byte order mark",
       "\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: x\n\ndata: y\n\n",
       {"|y|"}},
      {"no second byte order mark",
       "data: x\n\n\xEF\xBB\xBF"
       "data: y\n\n",
       {"|x|"}},
      {"half a byte order mark",
       "\xEF\xBB"
       "data: x\n\ndata: y\n\n",
       {"|y|"}},
      {"comments", ": OPENROUTER PROCESSING\n\n:\ndata: x\n: in between\ndata: y\n\n", {"|x\ny|"}},
      {"several data lines", "data: a\ndata\ndata:\ndata:  b\n\n", {"|a\n\n\n b|"}},
      {"empty data", "data\n\ndata:\n\ndata\ndata\n\n", {"||", "||", "|\n|"}},
      {"one space after the colon",
       "data:x\n\ndata: x\n\ndata:  x\n\ndata:\tx\n\n",
       {"|x|", "|x|", "| x|", "|\tx|"}},
      {"no data, no event", "event: a\nid: 1\n\ndata: x\n\n", {"|x|"}},
      {"last type and id win", "event: a\nevent: b\nid: 1\nid: 2\ndata: x\n\n", {"b|x|2"}},
      {"type does not last", "event: a\ndata: x\n\ndata: y\n\n", {"a|x|", "|y|"}},
      {"id with NUL is ignored", "id: 1\0002\ndata: x\n\n"sv, {"|x|"}},
      {"unknown fields", "dat: 1\ndatax: 2\nData: 3\n data: 4\nevents: e\nidx: 5\nfoo\ndata: x\n\n", {"|x|"}},
      {"colons in the value", "data: {\"a\":\"b: c\"}\n\n", {"|{\"a\":\"b: c\"}|"}},
      {"other line ends of Unicode are text",
       "data: a\xC2\x85"
       "b\xE2\x80\xA8"
       "c\xE2\x80\xA9"
       "d\x0B"
       "e\x0C"
       "f\n\n",
       {"|a\xC2\x85"
        "b\xE2\x80\xA8"
        "c\xE2\x80\xA9"
        "d\x0B"
        "e\x0C"
        "f|"}},
      {"unfinished at the end", "data: x\n\ndata: y\n", {"|x|"}},
      {"blank lines", "\n\n\r\n\rdata: x\n\n\n\n\n", {"|x|"}},
      {"padding before the brace",
       "event: ping\ndata: {\"type\":\"ping\"}      \n\n",
       {"ping|{\"type\":\"ping\"}      |"}},
      {"nothing", "", {}},
  };
  return all;
}

TEST(SseSplitter, FindsEventsInOneRead) {
  for (Case const& c : cases()) {
    Reader reader;
    reader.feed(c.stream);
    EXPECT_EQ(reader.events, c.events) << c.name;
    EXPECT_EQ(reader.last, SseStep::more) << c.name;
  }
}

TEST(SseSplitter, FindsEventsAtEveryPairOfSplitPoints) {
  for (Case const& c : cases()) {
    for (std::size_t i = 0; i <= c.stream.size(); ++i) {
      for (std::size_t j = i; j <= c.stream.size(); ++j) {
        Reader reader;
        reader.feed(c.stream.substr(0, i));
        reader.feed(c.stream.substr(i, j - i));
        reader.feed(c.stream.substr(j));
        ASSERT_EQ(reader.events, c.events) << c.name << " split at " << i << " and " << j;
      }
    }
  }
}

TEST(SseSplitter, FindsEventsByteByByte) {
  for (Case const& c : cases()) {
    Reader reader;
    for (std::size_t i = 0; i < c.stream.size(); ++i) reader.feed(c.stream.substr(i, 1));
    EXPECT_EQ(reader.events, c.events) << c.name;
  }
}

TEST(SseSplitter, RawIsTheStreamWithoutWhatIsNoEvent) {
  std::string_view const stream = "event: a\ndata: 1\n\ndata: 2\ndata: 3\n: note\nx: y\n\r\ndata: 4\r\n\r\n";
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    Reader reader;
    reader.feed(stream.substr(0, i));
    reader.feed(stream.substr(i));
    std::string expected(stream);
    // The LF that a read cuts off from its blank line's CR is the one byte that raw may lack.
    if (i >= 2 && stream.substr(i - 2).starts_with("\n\r\n")) expected.erase(i, 1);
    EXPECT_EQ(reader.raw, expected) << i;
  }
  Reader reader;
  reader.feed("\xEF\xBB\xBF: hello\n\n: again\ndata: x\n\n");
  EXPECT_EQ(reader.raw, "data: x\n\n");
}

TEST(SseSplitter, DoesNotCopyAnEventThatLiesWholeInOneRead) {
  std::string_view const stream = "event: a\ndata: x\n\n";
  SseSplitter splitter;
  SseEvent event;
  splitter.give(stream);
  ASSERT_EQ(splitter.next(event), SseStep::event);
  EXPECT_EQ(event.raw.data(), stream.data());
  EXPECT_EQ(event.data.data(), stream.data() + 15);
}

TEST(SseSplitter, DispatchesAtTheCarriageReturnAndDropsItsLineFeedLater) {
  Reader reader;
  reader.feed("data: x\r\n\r");
  EXPECT_EQ(reader.events, Events{"|x|"});
  reader.feed("\ndata: y\r\n\r\n");
  EXPECT_EQ(reader.events, (Events{"|x|", "|y|"}));
}

TEST(SseSplitter, StopsWhenTheCallbackSaysSoAndGoesOnBehindIt) {
  std::string_view const stream = "data: 1\n\ndata: 2\n\ndata: 3";
  SseSplitter splitter;
  int calls = 0;
  EXPECT_EQ(splitter.feed(stream, [&](SseEvent const&) { return ++calls < 1; }), SseStep::event);
  EXPECT_EQ(calls, 1);
  SseEvent event;
  ASSERT_EQ(splitter.next(event), SseStep::event);
  EXPECT_EQ(event.data, "2");
  EXPECT_EQ(splitter.next(event), SseStep::more);
  EXPECT_EQ(splitter.held(), "data: 3");
}

TEST(SseSplitter, TellsAnEventThatWasCutOff) {
  struct {
    std::string_view stream;
    std::string_view held;
  } const rows[]{{"", ""},
                 {"data: x\n\n", ""},
                 {"data: x\n", "data: x\n"},
                 {"da", "da"},
                 {"data: x\n\nda", "da"},
                 {": comment\n", ""},
                 {": comm", ""},
                 {"\n\n", ""},
                 {"event: a\n: b", "event: a\n: b"},
                 {"data: x\r\r\n", ""}};
  for (auto const& row : rows) {
    Reader reader;
    reader.feed(row.stream);
    EXPECT_EQ(reader.splitter.held(), row.held) << row.stream;
    EXPECT_EQ(reader.splitter.inside_event(), !row.held.empty()) << row.stream;
  }
}

TEST(SseSplitter, KeepsTheLastIdAndTheReconnectionTime) {
  Reader reader;
  EXPECT_EQ(reader.splitter.last_id(), "");
  EXPECT_LT(reader.splitter.retry().count(), 0);
  reader.feed("id: 7\n\nretry: 250\nretry: 2x\nretry\nretry: -1\n\ndata: x\n\n");
  EXPECT_EQ(reader.events, Events{"|x|"});
  EXPECT_EQ(reader.splitter.last_id(), "7");
  EXPECT_EQ(reader.splitter.retry(), std::chrono::milliseconds(250));
  reader.feed("id\ndata: y\n\n");
  EXPECT_EQ(reader.splitter.last_id(), "");
}

TEST(SseSplitter, RefusesAnEventOverTheLimitHoweverItIsCut) {
  std::string_view const fits = "data: 0123456789\n\n";  // 18 bytes
  std::string_view const over = "data: 0123456789a\n\n";
  for (std::size_t i = 0; i <= fits.size(); ++i) {
    Reader reader({.event_bytes = 18});
    reader.feed(fits.substr(0, i));
    reader.feed(fits.substr(i));
    EXPECT_EQ(reader.last, SseStep::more) << i;
    Reader second({.event_bytes = 18});
    second.feed(over.substr(0, i));
    second.feed(over.substr(i));
    EXPECT_EQ(second.last, SseStep::too_large) << i;
    second.feed("data: x\n\n");
    EXPECT_EQ(second.last, SseStep::too_large);
    EXPECT_EQ(second.events, Events{});
  }
}

TEST(SseSplitter, HoldsNoMoreThanTheLimitOfALineThatNeverEnds) {
  Reader reader({.event_bytes = 100});
  std::string const piece(10, 'x');
  for (int i = 0; i < 10; ++i) reader.feed(piece);
  EXPECT_EQ(reader.last, SseStep::more);
  reader.feed("x");
  EXPECT_EQ(reader.last, SseStep::too_large);
}

TEST(SseSplitter, DoesNotCollectCommentsThatNoBlankLineEnds) {
  Reader reader({.event_bytes = 20});
  for (int i = 0; i < 1000; ++i) reader.feed(": still here\n");
  reader.feed("data: x\n\n");
  EXPECT_EQ(reader.events, Events{"|x|"});
}

TEST(SseWriter, WritesWhatTheSplitterReads) {
  std::string out;
  SseWriter writer(out);
  writer.comment("hello");
  writer.retry(std::chrono::milliseconds(1500));
  writer.write("{\"a\":1}");
  writer.write("one\ntwo\r\nthree\rfour\n", "delta", "42");
  writer.write("", "empty");
  writer.write("  two spaces");
  EXPECT_EQ(
      out,
      ": hello\n\nretry: 1500\n\ndata: {\"a\":1}\n\nevent: delta\nid: 42\ndata: one\ndata: two\ndata: three\n"
      "data: four\ndata: \n\nevent: empty\ndata: \n\ndata:   two spaces\n\n");
  Reader reader;
  reader.feed(out);
  EXPECT_EQ(reader.events,
            (Events{"|{\"a\":1}|", "delta|one\ntwo\nthree\nfour\n|42", "empty||", "|  two spaces|"}));
  EXPECT_EQ(reader.splitter.retry().count(), 1500);
}

TEST(SseWriter, LetsNoTextBreakOutOfItsField) {
  std::string out;
  SseWriter writer(out);
  writer.write("x", "a\n\ndata: evil", "1\r\r\0002"sv);
  writer.comment("c\n\ndata: evil");
  Reader reader;
  reader.feed(out);
  EXPECT_EQ(reader.events, Events{"adata: evil|x|12"});
}

}  // namespace
}  // namespace lowart::sse_test
