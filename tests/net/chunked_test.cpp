#include <lowart/net/chunked.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::chunked_test {
namespace {

using namespace lowart::net;

struct Decoded {
  std::string payload;
  std::size_t consumed = 0;
  bool done = false;
  ChunkedError error = ChunkedError::none;
  bool operator==(Decoded const&) const = default;
};

std::ostream& operator<<(std::ostream& out, Decoded const& d) {
  return out << ::testing::PrintToString(d.payload) << " consumed " << d.consumed
             << (d.done ? " done " : " open ") << to_string(d.error);
}

/// Feeds the pieces between the given sizes, then the rest at once.
Decoded decode(std::string bytes, std::vector<std::size_t> const& sizes = {}) {
  ChunkedDecoder decoder;
  Decoded out;
  std::size_t at = 0;
  for (std::size_t turn = 0; at < bytes.size() && !out.done && out.error == ChunkedError::none; ++turn) {
    std::size_t const left = bytes.size() - at;
    std::size_t const size = turn < sizes.size() ? std::min(sizes[turn], left) : left;
    auto const result = decoder.decode({bytes.data() + at, size});
    out.payload.append(bytes, at, result.payload_bytes);
    out.consumed += result.consumed_bytes;
    out.done = result.done;
    out.error = result.error;
    at += size;
  }
  return out;
}

std::vector<std::size_t> single_bytes(std::size_t n) { return std::vector<std::size_t>(n, 1); }

TEST(ChunkedDecoder, GivesThePayloadAndLeavesWhatFollows) {
  struct Case {
    std::string body, payload;
  };
  for (auto const& c : std::vector<Case>{
           {"0\r\n\r\n", ""},
           {"5\r\nhello\r\n0\r\n\r\n", "hello"},
           {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
           {"00000000000000a\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
           {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
           {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
           {"5;name=value;x\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"},
           {"1 \t; q=\"a\xc3\xa9\"\r\nx\r\n0;last\r\n\r\n", "x"},
           {"1;\r\nx\r\n0\r\n\r\n", "x"},
           {"1\r\nx\r\n0\r\nETag: y\r\nX-Empty:\r\n\r\n", "x"},
       }) {
    for (std::string const next : {"", "GET / HTTP/1.1\r\n", "\r\n", "0\r\n\r\n"}) {
      Decoded const expected{c.payload, c.body.size(), true, ChunkedError::none};
      EXPECT_EQ(decode(c.body + next), expected) << ::testing::PrintToString(c.body);
      EXPECT_EQ(decode(c.body + next, single_bytes(c.body.size())), expected);
      for (std::size_t a = 1; a < c.body.size(); ++a)
        for (std::size_t b = 1; a + b <= c.body.size(); ++b)
          ASSERT_EQ(decode(c.body + next, {a, b}), expected);
    }
    for (std::size_t n = 0; n < c.body.size(); ++n) {
      auto const part = decode(c.body.substr(0, n));
      EXPECT_FALSE(part.done || part.error != ChunkedError::none) << n;
      EXPECT_EQ(part.consumed, n);
    }
  }
}

TEST(ChunkedDecoder, RefusesWhatIsNotExact) {
  struct Case {
    std::string body;
    ChunkedError error;
  };
  using enum ChunkedError;
  for (auto const& c : std::vector<Case>{
           {"\r\n", bad_size},
           {"\n", bad_size},
           {";x\r\n", bad_size},
           {" 1\r\n", bad_size},
           {"+1\r\n", bad_size},
           {"-1\r\n", bad_size},
           {"0x1\r\n", bad_size},
           {"1g\r\n", bad_size},
           {"1_0\r\n", bad_size},
           {"1 \r\nx", bad_size},
           {"1 2\r\nx", bad_size},
           {"1,2\r\nx", bad_size},
           {"00000000000000001\r\nx", size_too_long},
           {"10000000000000000\r\n", size_too_long},
           {"1\nx\r\n", bad_line_end},
           {"1;a\nx\r\n", bad_line_end},
           {"1 \nx\r\n", bad_line_end},
           {"1\r\r\nx", bad_line_end},
           {"1\rx", bad_line_end},
           {"1;a\rb\r\nx", bad_line_end},
           {std::string("1;a\0\r\nx", 8), bad_extension},
           {"1;\x7f\r\nx", bad_extension},
           {"1\r\nxy\r\n", bad_line_end},
           {"1\r\nx\n0\r\n\r\n", bad_line_end},
           {"1\r\nx\r0\r\n\r\n", bad_line_end},
           {"1\r\nx\r\n\r\n", bad_size},
           {"0\r\n\n", bad_line_end},
           {"0\r\n\rX", bad_line_end},
           {"0\r\nno colon\r\n\r\n", bad_trailer},
           {"0\r\nX\r\n\r\n", bad_trailer},
           {"0\r\n: x\r\n\r\n", bad_trailer},
           {"0\r\n X: y\r\n\r\n", bad_trailer},
           {"0\r\nX : y\r\n\r\n", bad_trailer},
           {"0\r\nX: \x01\r\n\r\n", bad_trailer},
           {"0\r\nX: y\r\n z\r\n\r\n", bad_trailer},
           {"0\r\nX: y\n\r\n", bad_line_end},
           {"0\r\nX: y\rz\r\n\r\n", bad_line_end},
       }) {
    auto const at_once = decode(c.body);
    EXPECT_EQ(to_string(at_once.error), to_string(c.error)) << ::testing::PrintToString(c.body);
    EXPECT_FALSE(at_once.done);
    EXPECT_EQ(decode(c.body, single_bytes(c.body.size())), at_once);
  }
}

TEST(ChunkedDecoder, KeepsThePayloadBeforeAnError) {
  EXPECT_EQ(decode("3\r\nabc\r\nzz"), (Decoded{"abc", 8, false, ChunkedError::bad_size}));
}

TEST(ChunkedDecoder, TakesTheLargestSizeWithoutOverflow) {
  ChunkedDecoder decoder;
  std::string bytes = "ffffffffffffffff\r\nabc";
  auto const result = decoder.decode(bytes);
  EXPECT_EQ(result.error, ChunkedError::none);
  EXPECT_EQ(bytes.substr(0, result.payload_bytes), "abc");
  EXPECT_EQ(decoder.remaining(), 0xffffffffffffffffU - 3);
}

TEST(ChunkedDecoder, BoundsFraming) {
  auto const extended = [](std::size_t n) { return "1;" + std::string(n, 'e') + "\r\nx\r\n"; };
  std::string const last = "0\r\n\r\n";
  EXPECT_TRUE(decode(extended(ChunkedDecoder::max_excess) + last).done);
  EXPECT_EQ(decode(extended(ChunkedDecoder::max_excess + 1)).error, ChunkedError::too_much_framing);
  EXPECT_EQ(decode("1" + std::string(ChunkedDecoder::max_excess + 1, ' ')).error,
            ChunkedError::too_much_framing);

  // One byte a chunk is honest streaming; long extensions on each are not.
  std::string honest, padded;
  for (int i = 0; i < 20000; ++i) honest += "1\r\nx\r\n";
  EXPECT_EQ(decode(honest + last).payload.size(), 20000U);
  for (int i = 0; i < 200; ++i) padded += extended(200);
  EXPECT_EQ(decode(padded + last).error, ChunkedError::too_much_framing);

  // Payload pays for them.
  std::string paid;
  for (int i = 0; i < 200; ++i)
    paid += "64;" + std::string(200, 'e') + "\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_TRUE(decode(paid + last).done);

  std::string const line = "X: " + std::string(ChunkedDecoder::max_trailer_bytes - 6, 'y') + "\r\n";
  EXPECT_TRUE(decode("0\r\n" + line + "\r\n").done);
  EXPECT_EQ(decode("0\r\n" + line + "Z: 1\r\n\r\n").error, ChunkedError::too_much_framing);
  std::string endless = "0\r\n";
  for (int i = 0; i < 3000; ++i) endless += "a:\r\n";
  EXPECT_EQ(decode(endless).error, ChunkedError::too_much_framing);
}

TEST(ChunkedDecoder, StaysAtItsEndUntilReset) {
  ChunkedDecoder decoder;
  std::string bytes = "0\r\n\r\n";
  EXPECT_TRUE(decoder.decode(bytes).done);
  std::string next = "1\r\nx\r\n0\r\n\r\n";
  auto const result = decoder.decode(next);
  EXPECT_TRUE(result.done);
  EXPECT_EQ(result.consumed_bytes, 0U);
  decoder.reset();
  EXPECT_EQ(decoder.decode(next).payload_bytes, 1U);
  EXPECT_TRUE(decoder.done());
}

TEST(ChunkHeader, IsReadBackByTheDecoder) {
  char buffer[chunk_header_bytes];
  EXPECT_EQ(chunk_header(1, buffer), "1\r\n");
  EXPECT_EQ(chunk_header(0x1a3, buffer), "1a3\r\n");
  EXPECT_EQ(chunk_header(0xffffffffffffffffU, buffer), "ffffffffffffffff\r\n");
  std::string const payload(70000, 'p');
  std::string body(chunk_header(payload.size(), buffer));
  body.append(payload).append(chunk_end).append(last_chunk);
  EXPECT_EQ(decode(body), (Decoded{payload, body.size(), true, ChunkedError::none}));
}

}  // namespace
}  // namespace lowart::chunked_test
