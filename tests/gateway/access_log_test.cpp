#include <lowart/gateway/access_log.hpp>

#include <lowart/testing/manual_clock.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <fcntl.h>

#include <cstdio>
#include <string>
#include <vector>

namespace lowart::access_log_test {
namespace {

using lowart::testing::ManualClock;

/// A pipe that may be full. Its writing end blocks, as a shell's does.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    ::close(ends_[1]);
    close_reader();
  }
  int writer() const noexcept { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(std::exchange(ends_[0], -1));
  }
  std::string read() {
    std::string all;
    char space[65536];
    for (ssize_t n = 0; (n = ::read(ends_[0], space, sizeof space)) > 0;)
      all.append(space, static_cast<std::size_t>(n));
    return all;
  }

 private:
  int ends_[2]{-1, -1};
};

AccessEntry entry_of(std::string_view id) {
  AccessEntry entry;
  entry.at_utc_us = 1'767'225'600'000'042;
  entry.request_id = id;
  entry.status = 200;
  return entry;
}
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    lines.emplace_back(text.substr(0, end));
  EXPECT_TRUE(text.empty()) << "half a line";
  return lines;
}

std::string line_of(AccessEntry const& entry) {
  std::string line(access_line_bound(entry), ' ');
  line.resize(static_cast<std::size_t>(write_access_line(entry, line.data()) - line.data()));
  return line;
}

TEST(AccessLine, IsJsonWithEverythingThatIsKnown) {
  Usage usage;
  usage.set(UsageClass::input, 5);
  usage.set(UsageClass::cache_read, 2);
  usage.set(UsageClass::output, 3);
  AccessEntry entry = entry_of("req_1");
  entry.peer = "127.0.0.1:1";
  entry.method = "POST";
  entry.path = "/v1/chat/completions";
  entry.duration_us = 1500;
  entry.first_token_us = 700;
  entry.overhead_us = 40;
  entry.key = "first";
  entry.model = "m";
  entry.provider = "p";
  entry.attempts = 2;
  entry.usage = &usage;
  entry.outcome = "complete";
  entry.error = "none";
  entry.detail = "d";
  std::string const line = line_of(entry);
  ASSERT_TRUE(line.ends_with("}\n"));
  auto const json = boost::json::parse(line).as_object();
  EXPECT_EQ(json.at("time").as_string(), "2026-01-01T00:00:00.000042Z");
  EXPECT_EQ(json.at("event").as_string(), "request");
  EXPECT_EQ(json.at("request_id").as_string(), "req_1");
  EXPECT_EQ(json.at("input_tokens").as_int64(), 7);
  EXPECT_EQ(json.at("output_tokens").as_int64(), 3);
  EXPECT_EQ(json.at("duration_us").as_int64(), 1500);
  EXPECT_EQ(json.at("attempts").as_int64(), 2);
  EXPECT_EQ(json.size(), 19U);
}

TEST(AccessLine, LeavesOutWhatIsNotKnown) {
  std::string const line = line_of(entry_of(""));
  auto const json = boost::json::parse(line).as_object();
  EXPECT_EQ(json.size(), 4U) << line;
  EXPECT_TRUE(json.contains("status"));
  EXPECT_TRUE(json.contains("duration_us"));
}

TEST(AccessLine, IsJsonWhateverAClientSends) {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  AccessEntry entry = entry_of(every);
  entry.path = every;
  entry.detail = "cut \xE4\xBD";
  std::string const line = line_of(entry);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  boost::system::error_code error;
  boost::json::parse(line, error);
  EXPECT_FALSE(error) << error.message();
}

TEST(AccessLog, WritesWithinATick) {
  Pipe pipe;
  ManualClock clock;
  AccessLog log(pipe.writer(), clock);
  log.write(entry_of("a"));
  log.write(entry_of("b"));
  EXPECT_EQ(pipe.read(), "");
  clock.advance(ManualClock::tick);
  EXPECT_EQ(lines_of(pipe.read()).size(), 2U);
  log.write(entry_of("c"));
  clock.advance(ManualClock::tick);
  EXPECT_EQ(lines_of(pipe.read()).size(), 1U);
  EXPECT_EQ(log.dropped(), 0);
}

TEST(AccessLog, WritesWhatIsLeftWhenItEnds) {
  Pipe pipe;
  ManualClock clock;
  {
    AccessLog(pipe.writer(), clock).write(entry_of("a"));
  }
  EXPECT_EQ(lines_of(pipe.read()).size(), 1U);
}

TEST(AccessLog, DropsWholeLinesWhenAPipeIsFullAndNeverWaits) {
  Pipe pipe;
  ManualClock clock;
  AccessLog log(pipe.writer(), clock);
  std::int64_t const many = 5'000;  // half a megabyte into a pipe of 64 KiB
  for (std::int64_t i = 0; i < many; ++i) log.write(entry_of("req_" + std::to_string(i)));
  log.flush();
  auto const before = lines_of(pipe.read());
  EXPECT_GT(before.size(), 100U);
  EXPECT_EQ(static_cast<std::int64_t>(before.size()) + log.dropped(), many);
  for (auto const& line : before) boost::json::parse(line);
  log.write(entry_of("after"));
  log.flush();
  auto const after = lines_of(pipe.read());
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(boost::json::parse(after[0]).at("request_id").as_string(), "after");
}

TEST(AccessLog, OutlivesItsReader) {
  Pipe pipe;
  ManualClock clock;
  AccessLog log(pipe.writer(), clock);
  pipe.close_reader();
  log.write(entry_of("a"));
  log.flush();
  EXPECT_EQ(log.dropped(), 1) << "and no SIGPIPE";
}

TEST(AccessLog, WritesAllOfItToAFile) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  ManualClock clock;
  {
    AccessLog log(::fileno(file), clock);
    for (int i = 0; i < 3'000; ++i) log.write(entry_of("req_" + std::to_string(i)));
    log.flush();
    EXPECT_EQ(log.dropped(), 0);
  }
  std::rewind(file);
  std::string all(1U << 20U, '\0');
  all.resize(std::fread(all.data(), 1, all.size(), file));
  std::fclose(file);
  EXPECT_EQ(lines_of(all).size(), 3'000U);
}

TEST(AccessLog, LogsNothingWithoutAPlaceForIt) {
  ManualClock clock;
  AccessLog log(-1, clock);
  log.write(entry_of("a"));
  log.flush();
  EXPECT_EQ(log.dropped(), 0);
}

}  // namespace
}  // namespace lowart::access_log_test
