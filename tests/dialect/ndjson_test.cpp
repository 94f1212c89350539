#include <lowart/dialect/ndjson.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::ndjson_test {
namespace {

using lowart::dialect::NdjsonSplitter;
using lowart::net::SseEvent;
using lowart::net::SseStep;
using lowart::testing::feed_every_double_split;
using lowart::testing::feed_every_split;

using Lines = std::vector<std::string>;

struct Found {
  Lines lines;
  std::string raw;
  bool inside{false};
  SseStep last{SseStep::more};
};

template <class Pieces>
Found read(Pieces const& pieces, std::size_t limit = 1U << 20U) {
  NdjsonSplitter splitter({.event_bytes = limit});
  Found found;
  for (std::string_view const piece : pieces) {
    found.last = splitter.feed({piece.data(), piece.size()}, [&](SseEvent const& line) {
      found.lines.emplace_back(line.data);
      found.raw.append(line.raw);
    });
    if (found.last == SseStep::too_large) break;
    EXPECT_EQ(splitter.left(), 0U);
  }
  found.inside = splitter.inside_event();
  return found;
}

struct Case {
  std::string_view name, stream;
  Lines lines;
  bool inside;
};

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {"one line", "{\"a\":1}\n", {"{\"a\":1}"}, false},
      {"several", "{}\n[1]\n\"x\"\n", {"{}", "[1]", "\"x\""}, false},
      {"CRLF", "{\"a\":1}\r\n{}\r\n", {"{\"a\":1}", "{}"}, false},
      {"a CR alone is no line end", "a\rb\n", {"a\rb"}, false},
      {"blank lines", "\n\r\n \t\n{}\n\n\n{}\n\n", {"{}", "{}"}, false},
      {"white space around", "  {} \t\r\n", {"{}"}, false},
      {"cut", "{}\n{\"a\"", {"{}"}, true},
      {"cut before its line end", "{}\n{}", {"{}"}, true},
      {"cut in white space", "{}\n \r", {"{}"}, false},
      {"nothing", "", {}, false},
      {"any bytes", std::string_view("\0\xff\n\xe6\xbc", 5), {std::string("\0\xff", 2)}, true},
  };
  return all;
}

TEST(Ndjson, FindsTheSameLinesHoweverTheyAreCut) {
  for (Case const& c : cases()) {
    auto const check = [&](auto const& pieces) {
      Found const found = read(pieces);
      ASSERT_EQ(found.lines, c.lines) << c.name;
      ASSERT_EQ(found.inside, c.inside) << c.name;
      ASSERT_EQ(found.last, SseStep::more) << c.name;
    };
    feed_every_split(c.stream, check);
    feed_every_double_split(c.stream, check);
  }
}

TEST(Ndjson, TellsTheBytesOfALineWithItsEnd) {
  std::string const stream = " {\"a\":1} \r\n{}\n";
  feed_every_split(stream, [&](auto const& pieces) { ASSERT_EQ(read(pieces).raw, stream); });
}

TEST(Ndjson, StopsBehindALineAndGoesOn) {
  std::string_view const stream = "1\n2\n3\n";
  NdjsonSplitter splitter;
  Lines lines;
  auto const step = splitter.feed({stream.data(), stream.size()}, [&](SseEvent const& line) {
    lines.emplace_back(line.data);
    return lines.size() < 2;
  });
  EXPECT_EQ(step, SseStep::event);
  EXPECT_EQ(lines, (Lines{"1", "2"}));
  EXPECT_EQ(splitter.left(), 2U);
  SseEvent line;
  ASSERT_EQ(splitter.next(line), SseStep::event);
  EXPECT_EQ(line.data, "3");
  EXPECT_EQ(splitter.next(line), SseStep::more);
}

TEST(Ndjson, RefusesALineOverItsLimitHoweverItIsCut) {
  std::string const fits = std::string(9, 'x') + "\n", long_one = std::string(10, 'x') + "\n";
  feed_every_split(fits + fits, [](auto const& pieces) { ASSERT_EQ(read(pieces, 10).lines.size(), 2U); });
  for (std::string const& too_long :
       {long_one, std::string(11, 'x'), std::string(11, '\n'), std::string(11, ' ')})
    feed_every_split(fits + too_long, [&](auto const& pieces) {
      Found const found = read(pieces, 10);
      ASSERT_EQ(found.lines.size(), 1U);
      ASSERT_EQ(found.last, too_long.front() == '\n' ? SseStep::more : SseStep::too_large) << too_long;
    });
  NdjsonSplitter splitter({.event_bytes = 4});
  SseEvent line;
  std::string_view const stream = "12345\n1\n";
  splitter.give({stream.data(), stream.size()});
  EXPECT_EQ(splitter.next(line), SseStep::too_large);
  splitter.give({stream.data() + 6, 2});
  EXPECT_EQ(splitter.next(line), SseStep::too_large) << "final";
}

}  // namespace
}  // namespace lowart::ndjson_test
