// AWS's binary framing: the same events however the bytes are cut, and no bytes that crash or are believed unchecked.

#include <lowart/dialect/aws_event_stream.hpp>
#include <lowart/testing/byte_feeder.hpp>

#include "aws_message.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

namespace lowart::aws_event_stream_test {
namespace {

using namespace lowart::dialect;
using namespace lowart::testing;
using net::SseEvent;
using net::SseStep;

struct Found {
  std::vector<std::string> events;  ///< "kind type payload"
  SseStep last{SseStep::more};
  bool inside{false};
};

template <class Pieces>
Found found_in(Pieces const& pieces, AwsEventLimits limits = {}) {
  Found found;
  AwsEventSplitter splitter(limits);
  for (std::string_view const piece : pieces) {
    found.last = splitter.feed(std::span(piece.data(), piece.size()), [&](SseEvent const& event) {
      found.events.push_back(std::string(event.id) + " " + std::string(event.event) + " " +
                             std::string(event.data));
      return true;
    });
    EXPECT_EQ(found.last == SseStep::too_large || splitter.left() == 0, true);
  }
  found.inside = splitter.inside_event();
  return found;
}
Found found_in(std::string const& bytes, AwsEventLimits limits = {}) {
  return found_in(std::vector<std::string_view>{bytes}, limits);
}

TEST(AwsEventStream, FindsTheSameEventsHoweverTheBytesAreCut) {
  std::string const stream = aws_event_message("messageStart", R"({"role":"assistant"})") +
                             aws_message_of("", "") + aws_exception("throttlingException", "{}") +
                             aws_error("InternalError", "no more") + aws_event_message("x", "\n\r\n");
  std::vector<std::string> const expected{R"(event messageStart {"role":"assistant"})", "event  ",
                                          "exception throttlingException {}", "error InternalError no more",
                                          "event x \n\r\n"};
  feed_every_split(stream, [&](auto const& pieces) {
    Found const found = found_in(pieces);
    ASSERT_EQ(found.events, expected);
    ASSERT_FALSE(found.inside);
  });
}

TEST(AwsEventStream, StopsBehindAnEventAndTellsWhatIsLeft) {
  std::string const one = aws_event_message("a", "1"), stream = one + one;
  AwsEventSplitter splitter;
  std::size_t left = 0;
  auto const step = splitter.feed(std::span<char const>(stream), [&](SseEvent const& event) {
    EXPECT_EQ(event.raw, one);
    left = splitter.left();
    return false;
  });
  EXPECT_EQ(step, SseStep::event);
  EXPECT_EQ(left, one.size());
}

TEST(AwsEventStream, KnowsWhenItStandsInsideAMessage) {
  std::string const one = aws_event_message("a", "1");
  for (std::size_t size = 1; size < one.size(); ++size)
    EXPECT_TRUE(found_in(one.substr(0, size)).inside) << size;
  EXPECT_FALSE(found_in(one).inside);
}

TEST(AwsEventStream, ReadsHeadersOfEveryType) {
  auto const typed = [](std::string_view name, char type, std::size_t bytes) {
    return big_endian(name.size(), 1).append(name) + type + std::string(bytes, 'x');
  };
  std::string const headers = typed("a", 0, 0) + typed("b", 1, 0) + typed("c", 2, 1) + typed("d", 3, 2) +
                              typed("e", 4, 4) + typed("f", 5, 8) + typed("g", 8, 8) + typed("h", 9, 16) +
                              typed("i", 6, 0) + big_endian(3, 2) + "abc" + aws_header(":event-type", "t");
  EXPECT_EQ(found_in(aws_message_of(headers, "p")).events, std::vector<std::string>{"event t p"});
}

TEST(AwsEventStream, BreaksOnceAtBytesThatAreNoMessage) {
  std::string const good = aws_event_message("a", "1");
  auto const broken = [&](std::string bytes) {
    feed_every_split(good + bytes + good, [&](auto const& pieces) {
      Found const found = found_in(pieces);
      ASSERT_EQ(found.events.size(), 2U);
      ASSERT_TRUE(found.events[1].starts_with("broken ")) << found.events[1];
    });
  };
  std::string flipped = good;
  for (std::size_t i : {std::size_t{8}, std::size_t{20}, good.size() - 5, good.size() - 1}) {
    flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    broken(flipped);
  }
  broken(aws_message_of(std::string("\3abc\x0a", 5), ""));      // a type that there is not
  broken(aws_message_of(std::string("\3abc\7\0\5ab", 9), ""));  // a value that goes on beyond the headers
  broken(aws_message_of(std::string("\0\0", 2), ""));           // a name of nothing
  broken(aws_message_of("\3ab", ""));                           // a cut name
  std::string lengths = big_endian(20, 4) + big_endian(5, 4);   // headers longer than the message
  broken(lengths + big_endian(crc32(lengths), 4) + "xxxxxxxx");
  lengths = big_endian(15, 4) + big_endian(0, 4);
  broken(lengths + big_endian(crc32(lengths), 4) + "xxx");
}

TEST(AwsEventStream, RefusesAMessageOverItsLimitByTheLengthItTells) {
  std::string const large = aws_event_message("a", std::string(200, 'x'));
  EXPECT_EQ(found_in(large, {.event_bytes = large.size()}).events.size(), 1U);
  feed_every_split(large, [&](auto const& pieces) {
    Found const found = found_in(pieces, {.event_bytes = large.size() - 1});
    ASSERT_EQ(found.last, SseStep::too_large);
    ASSERT_TRUE(found.events.empty());
  });
}

}  // namespace
}  // namespace lowart::aws_event_stream_test
