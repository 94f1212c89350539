// Boost.Beast's parser as an oracle: whatever our parsers accept, Beast accepts and understands the same.
// Beast may accept more. The corpus is generated from a fixed seed: sound heads, then edits of them.

#include <lowart/net/http_head.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/none.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace lowart::http_head_oracle_test {
namespace {

using namespace lowart::net;
namespace http = boost::beast::http;

/// Makes heads: most are sound, about half of those are then damaged.
class HeadSource {
 public:
  std::string request() {
    std::string s =
        pick({"", "", "", "", "\r\n"}) + pick({"GET", "POST", "PUT", "DELETE", "OPTIONS", "M-SEARCH"}) + " " +
        pick({"/", "/v1/models?limit=2", "http://h/x", "*", "/a%20b", "/a|b", "/x?y[]=z"}) + " HTTP/1." +
        pick({"0", "1", "1", "1"}) + "\r\nHost: " + pick({"a", "a.b:80", "[::1]:8080"}) + "\r\n";
    return damaged(s + fields());
  }
  std::string response() {
    std::string s = "HTTP/1." + pick({"0", "1", "1", "1"}) + " " +
                    pick({"200", "204", "304", "429", "503", "100"}) +
                    pick({" OK", " ", " Too Many Requests", " caf\xc3\xa9"}) + "\r\n";
    return damaged(s + fields());
  }

 private:
  std::string pick(std::initializer_list<char const*> list) { return list.begin()[below(list.size())]; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_()) % n; }

  std::string fields() {
    std::string s;
    for (auto n = below(6); n > 0; --n)
      s += pick({"Accept: */*", "X-Empty:", "x-blank: \t a  b \t", "Connection: close",
                 "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Expect: 100-continue",
                 "X-Long-Name-Of-Many-Letters: 0123456789abcdef0123", "!#$%&'*+-.^_`|~: x",
                 "X: caf\xc3\xa9"}) +
           "\r\n";
    return s +
           pick({"", "", "Content-Length: 0\r\n", "content-length: 12345\r\n",
                 "Content-Length: 999999999999999999\r\n", "Content-Length: 007\r\n",
                 "Transfer-Encoding: chunked\r\n", "transfer-encoding:CHUNKED\r\n"}) +
           "\r\n";
  }

  std::string damaged(std::string s) {
    for (auto n = below(2) * (1 + below(3)); n > 0; --n) {
      auto const at = below(s.size());
      switch (below(5)) {
        case 0: s[at] = static_cast<char>(below(256)); break;
        case 1: s.erase(at, 1 + below(3)); break;
        case 2: s.insert(at, 1, static_cast<char>(below(256))); break;
        case 3:
          s.insert(at, pick({"\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "%", "#", "chunked", "close", "+",
                             "0x1", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n",
                             "\r\n "}));
          break;
        default: s.insert(at, s.substr(below(s.size()), below(20)));
      }
      if (s.empty()) s = "\r";
    }
    return s;
  }

  std::mt19937 random_{20261121};
};

void expect_same_message(MessageHead const& ours, auto& oracle, std::string_view bytes) {
  auto const& message = oracle.get();
  EXPECT_EQ(message.version(), 10U + static_cast<unsigned>(ours.minor_version()));
  EXPECT_EQ(oracle.chunked(), ours.chunked()) << ::testing::PrintToString(bytes);
  ASSERT_EQ(static_cast<std::size_t>(std::distance(message.begin(), message.end())), ours.fields().size());
  // Beast keeps fields of one name together; so each of ours is looked for among its equals.
  for (auto const [name, value] : ours.fields()) {
    auto const [from, to] = message.equal_range(boost::beast::string_view(name.data(), name.size()));
    bool found = false;
    for (auto it = from; it != to; ++it)
      found |= std::string_view(it->value().data(), it->value().size()) == value;
    EXPECT_TRUE(found) << name << " in " << ::testing::PrintToString(bytes);
  }
}

template <bool IsRequest>
using Oracle = http::parser<IsRequest, http::buffer_body>;

/// Beast's reading of the same head. Wanting a buffer for the body next is not an error here.
template <bool IsRequest>
boost::system::error_code read(Oracle<IsRequest>& oracle, std::string_view head) {
  boost::system::error_code error;
  oracle.header_limit(65535);
  oracle.body_limit(boost::none);
  oracle.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error == http::error::need_buffer) error = {};
  return error;
}

TEST(RequestHeadOracle, BeastUnderstandsTheSameOfWhatWeAccept) {
  HeadSource source;
  int accepted = 0;
  for (int round = 0; round < 50000 && !::testing::Test::HasFailure(); ++round) {
    std::string const bytes = source.request();
    RequestHead ours;
    auto const result = parse_request_head(bytes, ours);
    if (!result.done()) continue;
    ++accepted;
    Oracle<true> oracle;
    // Beast does not forgive the one empty line that RFC 9112 2.2 asks servers to forgive.
    std::size_t const skipped = bytes.starts_with("\r\n") ? 2 : 0;
    auto const error = read(oracle, std::string_view(bytes).substr(skipped, result.consumed - skipped));
    ASSERT_FALSE(error) << error.message() << ' ' << ::testing::PrintToString(bytes);
    ASSERT_TRUE(oracle.is_header_done()) << ::testing::PrintToString(bytes);
    EXPECT_EQ(std::string_view(oracle.get().method_string().data(), oracle.get().method_string().size()),
              ours.method());
    EXPECT_EQ(std::string_view(oracle.get().target().data(), oracle.get().target().size()), ours.target());
    // Beast lets keep-alive win over close in HTTP/1.0; we close.
    EXPECT_TRUE(oracle.keep_alive() || !ours.keep_alive()) << ::testing::PrintToString(bytes);
    EXPECT_EQ(oracle.content_length().value_or(0), ours.content_length().value_or(0))
        << ::testing::PrintToString(bytes);
    expect_same_message(ours, oracle, bytes);
  }
  EXPECT_GT(accepted, 20000);
}

TEST(ResponseHeadOracle, BeastUnderstandsTheSameOfWhatWeAccept) {
  HeadSource source;
  int accepted = 0;
  for (int round = 0; round < 50000 && !::testing::Test::HasFailure(); ++round) {
    std::string const bytes = source.response();
    ResponseHead ours;
    auto const result = parse_response_head(bytes, ours);
    if (!result.done()) continue;
    ++accepted;
    Oracle<false> oracle;
    // Some servers leave out the space before an empty reason; Beast does not forgive that.
    std::string head = bytes.substr(0, result.consumed);
    if (head[12] == '\r') head.insert(12, 1, ' ');
    auto const error = read(oracle, head);
    ASSERT_FALSE(error) << error.message() << ' ' << ::testing::PrintToString(bytes);
    ASSERT_TRUE(oracle.is_header_done()) << ::testing::PrintToString(bytes);
    EXPECT_EQ(oracle.get().result_int(), static_cast<unsigned>(ours.status()));
    // Beast puts the usual reason where there is none.
    auto const reason = oracle.get().reason();
    if (!ours.reason().empty()) EXPECT_EQ(std::string_view(reason.data(), reason.size()), ours.reason());
    EXPECT_EQ(oracle.need_eof(), ours.body("GET") == BodyKind::until_close)
        << ::testing::PrintToString(bytes);
    expect_same_message(ours, oracle, bytes);
  }
  EXPECT_GT(accepted, 20000);
}

}  // namespace
}  // namespace lowart::http_head_oracle_test
