#include <lowart/net/sse_stream.hpp>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::sse_stream_test {
namespace {

using lowart::Errc;
using lowart::Error;
using lowart::Result;
using lowart::Task;
using lowart::net::SseEvent;
using lowart::net::SseLimits;
using lowart::net::SseStream;

// Lends one piece per read, each from the same buffer, as a connection does; then ends, or fails.
class ScriptedSource {
 public:
  explicit ScriptedSource(std::vector<std::string> pieces, std::optional<Error> error = {})
      : pieces_(std::move(pieces)), error_(std::move(error)) {}

  Task<Result<std::span<char>>> read() {
    ++reads;
    if (next_ == pieces_.size()) {
      if (error_) co_return lowart::fail(*error_);
      co_return std::span<char>();
    }
    buffer_.assign(buffer_.size(), '#');
    buffer_ = pieces_[next_++];
    co_return std::span<char>(buffer_);
  }
  int reads{0};

 private:
  std::vector<std::string> pieces_;
  std::optional<Error> error_;
  std::string buffer_;
  std::size_t next_{0};
};
static_assert(lowart::net::ByteSource<ScriptedSource>);

struct Outcome {
  std::vector<std::string> data;
  std::vector<int> reads;  // how often the source had been read when each event came
  std::optional<Errc> error;
  std::optional<Errc> error_again;
  bool cut{false};
};

Task<> read_all(SseStream<ScriptedSource>& stream, Outcome& outcome) {
  for (;;) {
    Result<std::optional<SseEvent>> event = co_await stream.next();
    if (!event) {
      outcome.error = event.error().code();
      Result<std::optional<SseEvent>> again = co_await stream.next();
      if (!again) outcome.error_again = again.error().code();
      break;
    }
    if (!*event) break;
    outcome.data.emplace_back((*event)->data);
    outcome.reads.push_back(stream.source().reads);
  }
  outcome.cut = stream.cut();
}

Outcome run(std::vector<std::string> pieces, std::optional<Error> error = {}, SseLimits limits = {}) {
  boost::asio::io_context context(1);
  SseStream<ScriptedSource> stream(ScriptedSource(std::move(pieces), std::move(error)), limits);
  Outcome outcome;
  boost::asio::co_spawn(context, read_all(stream, outcome), [](std::exception_ptr fault) {
    if (fault) std::rethrow_exception(fault);
  });
  context.run();
  return outcome;
}

using Data = std::vector<std::string>;

TEST(SseStream, FindsEventsAtEverySplitPoint) {
  std::string const body =
      "\xEF\xBB\xBF"
      ": hi\n\ndata: 1\r\n\r\nevent: e\ndata: 2\ndata: 3\n\ndata: [DONE]\n\n";
  for (std::size_t i = 1; i < body.size(); ++i) {
    Outcome const outcome = run({body.substr(0, i), body.substr(i)});
    EXPECT_EQ(outcome.data, (Data{"1", "2\n3", "[DONE]"})) << i;
    EXPECT_FALSE(outcome.error) << i;
    EXPECT_FALSE(outcome.cut) << i;
  }
}

TEST(SseStream, FindsEventsByteByByte) {
  std::vector<std::string> pieces;
  for (char const c : std::string_view("data: 1\r\n\r\ndata: 2\n\n")) pieces.emplace_back(1, c);
  EXPECT_EQ(run(std::move(pieces)).data, (Data{"1", "2"}));
}

TEST(SseStream, HandsOutEveryEventOfAReadBeforeItReadsAgain) {
  Outcome const outcome = run({"data: 1\n\ndata: 2\n\nda", "ta: 3\n\ndata: 4\n\n"});
  EXPECT_EQ(outcome.data, (Data{"1", "2", "3", "4"}));
  EXPECT_EQ(outcome.reads, (std::vector<int>{1, 1, 2, 2}));
}

TEST(SseStream, EndsCleanlyAfterTheLastEvent) {
  Outcome const outcome = run({"data: 1\n\n: bye\n"});
  EXPECT_EQ(outcome.data, Data{"1"});
  EXPECT_FALSE(outcome.cut);
}

TEST(SseStream, TellsABodyThatEndsInsideAnEvent) {
  Outcome const outcome = run({"data: 1\n\ndata: 2\n"});
  EXPECT_EQ(outcome.data, Data{"1"});
  EXPECT_FALSE(outcome.error);
  EXPECT_TRUE(outcome.cut);
}

TEST(SseStream, PassesOnTheErrorOfItsSourceAfterTheEventsBeforeIt) {
  Outcome const outcome = run({"data: 1\n\ndata: 2\n\nda"}, Error(Errc::connection_lost, "reset"));
  EXPECT_EQ(outcome.data, (Data{"1", "2"}));
  EXPECT_EQ(outcome.error, Errc::connection_lost);
  EXPECT_EQ(outcome.error_again, Errc::connection_lost);
}

TEST(SseStream, RefusesAnEventOverTheLimit) {
  Outcome const outcome = run({"data: 1\n\ndata: 0123456789", "0123456789\n\n"}, {}, {.event_bytes = 20});
  EXPECT_EQ(outcome.data, Data{"1"});
  EXPECT_EQ(outcome.error, Errc::malformed_reply);
  EXPECT_EQ(outcome.error_again, Errc::malformed_reply);
}

}  // namespace
}  // namespace lowart::sse_stream_test
