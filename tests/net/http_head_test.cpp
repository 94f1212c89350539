#include <lowart/net/http_head.hpp>
#include <lowart/net/http_writer.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::http_head_test {
namespace {

using namespace lowart::net;

using std::string_literals::operator""s;

std::string get(std::string_view lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}
std::string target(std::string_view t) { return "GET " + std::string(t) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

struct Refused {
  std::string bytes;
  int status;
  std::string_view because;  ///< A part of the message.
};

TEST(RequestHead, GivesThePartsOfARequest) {
  std::string const bytes =
      "POST /v1/chat/completions?beta=true&x=%20 HTTP/1.1\r\nHost: gw.example:8080\r\n"
      "Content-Type:application/json\r\nX-Empty:\r\nX-Blanks: \t a  b\t \r\nCONTENT-length: "
      "17\r\n\r\n{\"model\":\"gpt-4\"}";
  RequestHead head;
  auto const result = parse_request_head(bytes, head);
  ASSERT_TRUE(result.done()) << result.message;
  EXPECT_EQ(result.consumed, bytes.size() - 17);
  EXPECT_EQ(head.method(), "POST");
  EXPECT_EQ(head.target(), "/v1/chat/completions?beta=true&x=%20");
  EXPECT_EQ(head.path(), "/v1/chat/completions");
  EXPECT_EQ(head.query(), "beta=true&x=%20");
  EXPECT_EQ(head.host(), "gw.example:8080");
  EXPECT_EQ(head.minor_version(), 1);
  EXPECT_EQ(head.content_length(), 17U);
  EXPECT_EQ(head.body(), BodyKind::length);
  EXPECT_TRUE(head.keep_alive());
  EXPECT_FALSE(head.chunked() || head.expect_continue() || head.upgrade());
  EXPECT_EQ(head.fields().size(), 5U);
  EXPECT_EQ(head.fields().get("content-type"), "application/json");
  EXPECT_EQ(head.fields().get("X-BLANKS"), "a  b");
  EXPECT_EQ(head.fields().find("x-empty"), "");
  EXPECT_EQ(head.fields().find("x-absent"), std::nullopt);
  EXPECT_LE(sizeof head, 1200U);
}

TEST(RequestHead, KnowsTheFormsOfATarget) {
  struct Case {
    std::string_view method, target, path, query, host;
  };
  for (auto const& c : std::vector<Case>{
           {"GET", "/", "/", "", "h"},
           {"GET", "/a?", "/a", "", "h"},
           {"GET", "/a?b?c/d", "/a", "b?c/d", "h"},
           {"GET", "//a", "//a", "", "h"},
           {"GET", "/a:b@c;d=1,2!$&'()*+~_.-%41", "/a:b@c;d=1,2!$&'()*+~_.-%41", "", "h"},
           {"GET", "/a?b[]=1|{}^`", "/a", "b[]=1|{}^`", "h"},
           {"OPTIONS", "*", "*", "", "h"},
           {"GET", "http://b.c:81/d?e", "/d", "e", "b.c:81"},
           {"GET", "HTTPS://b.c", "/", "", "b.c"},
           {"GET", "http://[::1]?e", "/", "e", "[::1]"},
       }) {
    std::string const bytes =
        std::string(c.method) + " " + std::string(c.target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    RequestHead head;
    auto const result = parse_request_head(bytes, head);
    ASSERT_TRUE(result.done()) << bytes << result.message;
    EXPECT_EQ(head.target(), c.target);
    EXPECT_EQ(head.path(), c.path);
    EXPECT_EQ(head.query(), c.query);
    EXPECT_EQ(head.host(), c.host);
  }
}

TEST(RequestHead, KnowsWhetherTheConnectionLivesOn) {
  struct Case {
    std::string_view version, lines;
    bool keep_alive;
  };
  for (auto const& c : std::vector<Case>{
           {"1.1", "", true},
           {"1.1", "Connection: close\r\n", false},
           {"1.1", "Connection: Keep-Alive\r\n", true},
           {"1.1", "connection: foo , CLOSE,\r\n", false},
           {"1.1", "Connection: closed\r\n", true},
           {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
           {"1.0", "", false},
           {"1.0", "Connection: keep-alive\r\n", true},
           {"1.0", "Connection: keep-alive, close\r\n", false},
       }) {
    std::string const bytes =
        "GET / HTTP/" + std::string(c.version) + "\r\nHost: a\r\n" + std::string(c.lines) + "\r\n";
    RequestHead head;
    ASSERT_TRUE(parse_request_head(bytes, head).done()) << bytes;
    EXPECT_EQ(head.keep_alive(), c.keep_alive) << bytes;
  }
}

TEST(RequestHead, KnowsExpectationsAndUpgrades) {
  RequestHead head;
  ASSERT_TRUE(parse_request_head(get("Expect: 100-Continue\r\n"), head).done());
  EXPECT_TRUE(head.expect_continue());
  ASSERT_TRUE(parse_request_head("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", head).done());
  EXPECT_FALSE(head.expect_continue());
  ASSERT_TRUE(
      parse_request_head(get("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"), head).done());
  EXPECT_TRUE(head.upgrade());
  ASSERT_TRUE(parse_request_head(get("Upgrade: websocket\r\n"), head).done());
  EXPECT_FALSE(head.upgrade());
  ASSERT_TRUE(parse_request_head(get("Transfer-Encoding: Chunked\r\n"), head).done());
  EXPECT_TRUE(head.chunked());
  EXPECT_EQ(head.body(), BodyKind::chunked);
}

TEST(RequestHead, AcceptsWhatIsUnusualButClear) {
  for (auto const& bytes : {
           "\r\n" + get(""),
           get("!#$%&'*+-.^_`|~09azAZ: x\r\n"),
           get("X: caf\xc3\xa9 \x80\xff\r\n"),
           get("Content-Length: 0\r\n"),
           get("Content-Length: 999999999999999999\r\n"),
           get("Content-Length: 007\r\n"),
           "M-SEARCH / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"s,
           "GET / HTTP/1.0\r\n\r\n"s,
       }) {
    RequestHead head;
    auto const result = parse_request_head(bytes, head);
    EXPECT_TRUE(result.done()) << bytes << result.message;
    EXPECT_EQ(result.consumed, bytes.size());
  }
}

std::vector<Refused> refused_requests() {
  std::vector<Refused> cases = {
      // framing that two readers could see differently
      {get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400, "both"},
      {get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400, "both"},
      {get("Content-Length: 3\r\nContent-Length: 3\r\n"), 400, "more than one Content-Length"},
      {get("Content-Length: 3\r\ncontent-length: 4\r\n"), 400, "more than one Content-Length"},
      {get("Content-Length: 3, 3\r\n"), 400, "decimal"},
      {get("Content-Length: +3\r\n"), 400, "decimal"},
      {get("Content-Length: -3\r\n"), 400, "decimal"},
      {get("Content-Length: 0x3\r\n"), 400, "decimal"},
      {get("Content-Length: 3 3\r\n"), 400, "decimal"},
      {get("Content-Length: 3.0\r\n"), 400, "decimal"},
      {get("Content-Length:\r\n"), 400, "decimal"},
      {get("Content-Length: abc\r\n"), 400, "decimal"},
      {get("Content-Length: 18446744073709551617\r\n"), 400, "too large"},
      {get("Transfer-Encoding: xchunked\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: chunked, chunked\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: chunked, gzip\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: chunked,\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: \"chunked\"\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: chunked;q=1\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding:\x0b"
           "chunked\r\n"),
       400, "control"},
      {get("Transfer-Encoding:\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: identity\r\n"), 400, "not chunked"},
      {get("Transfer-Encoding: gzip, chunked\r\n"), 501, "chunked"},
      {get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400, "more than one Transfer"},
      {get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400, "more than one Transfer"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0"},
      // lines
      {"GET / HTTP/1.1\nHost: a\n\n", 400, "without a carriage return"},
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400, "without a carriage return"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "without a carriage return"},
      {"GET\n", 400, "without a carriage return"},
      {"GET /\n", 400, "without a carriage return"},
      {"GET / HTTP\n", 400, "without a carriage return"},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "without a carriage return"},
      {get("X: a\rb\r\n"), 400, "without a line feed"},
      {get("X: a\r\r\n"), 400, "without a line feed"},
      {get("\rX: a\r\n"), 400, "without a line feed"},
      {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "without a line feed"},
      {get("X: a\r\n b\r\n"), 400, "folded"},
      {get("X: a\r\n\tb\r\n"), 400, "folded"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded"},
      {get("X : a\r\n"), 400, "blank before its colon"},
      {get("Content-Length\t: 3\r\n"), 400, "blank before its colon"},
      {get(": a\r\n"), 400, "no name"},
      {get("X\r\n"), 400, "no colon"},
      {get("X\r\nY: b\r\n"), 400, "no colon"},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "more than one empty line"},
      // host
      {"GET / HTTP/1.1\r\n\r\n", 400, "no Host"},
      {"GET http://a/ HTTP/1.1\r\n\r\n", 400, "no Host"},
      {get("Host: a\r\n"), 400, "more than one Host"},
      {get("hOST: b\r\n"), 400, "more than one Host"},
      // connection options
      {get("Connection: a b\r\n"), 400, "list of options"},
      {get("Connection: close; x\r\n"), 400, "list of options"},
      {get("Connection: cl(se, close\r\n"), 400, "list of options"},
      // expectations
      {get("Expect: tea\r\n"), 417, "100-continue"},
      {get("Expect: 100-continue, tea\r\n"), 417, "100-continue"},
      // request line
      {" GET / HTTP/1.1\r\n", 400, "begin with a method"},
      {"G@T / HTTP/1.1\r\n", 400, "begin with a method"},
      {"GET\r\n", 400, "begin with a method"},
      {"\x16\x03\x01", 400, "begin with a method"},
      {std::string(33, 'A'), 501, "method"},
      {"CONNECT a:1 HTTP/1.1\r\n", 501, "CONNECT"},
      {"GET  / HTTP/1.1\r\n", 400, "more than one space"},
      {"GET /\r\n", 400, "no HTTP version"},
      {"GET / \r\n", 400, "HTTP version"},
      {"GET / HTTP/1\r\n", 400, "HTTP version"},
      {"GET / http/1.1\r\n", 400, "HTTP version"},
      {"GET / HTTP/1.10\r\n", 400, "HTTP version"},
      {"GET / HTTP/11.1\r\n", 400, "HTTP version"},
      {"GET / HTTP/1.1 \r\n", 400, "HTTP version"},
      {"GET /  HTTP/1.1\r\n", 400, "HTTP version"},
      {"GET /a b HTTP/1.1\r\n", 400, "HTTP version"},
      {"GET / HTTP/0.9\r\n", 505, "HTTP/1.1"},
      {"GET / HTTP/1.2\r\n", 505, "HTTP/1.1"},
      {"GET / HTTP/2.0\r\n", 505, "HTTP/1.1"},
      {"PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"},
      {target("/a#b"), 400, "fragment"},
      {target("/a\tb"), 400, "forbidden"},
      {target("/a\x7f"), 400, "forbidden"},
      {target("/\xc3\xa9"), 400, "forbidden"},
      {target("/a\\b"), 400, "forbidden"},
      {target("/\"a\""), 400, "forbidden"},
      {target("/<a>"), 400, "forbidden"},
      {target("/a\0b"s), 400, "forbidden"},
      {target("/a%2"), 400, "not a path"},
      {target("/a%zz"), 400, "not a path"},
      {target("a"), 400, "not a path"},
      {target("*"), 400, "not a path"},
      {target("a:443"), 400, "not a path"},
      {target("ftp://a/"), 400, "not a path"},
      {target("http:///a"), 400, "not a path"},
      {target("http://u@a/"), 400, "not a path"},
      {target("http://a:x/"), 400, "not a path"},
      {target("http://"), 400, "not a path"},
      {target("?a"), 400, "not a path"},
  };
  for (auto const& host :
       {""s,    "a b"s,  "a,b"s,  "a/b"s, "u@a"s,      "a:"s + "65536", "a:1:2"s,   "a:-1"s,
        "a:x"s, ":80"s,  "[::1"s, "::1"s, "[]"s,       "[a]"s,          "[::g]"s,   "[::1]x"s,
        "a%4"s, "a\\b"s, "a?b"s,  "a#b"s, "\xc3\xa9"s, "<a>"s,          "a:000080"s})
    cases.push_back({"GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400, "Host is not"});
  for (int c = 0; c < 128; ++c) {
    char const byte = static_cast<char>(c);
    std::string const text(1, byte);
    if (!is_char(token_class, byte) && byte != ':' && byte != '\r')
      cases.push_back({get("X" + text + "Y: a\r\n"), 400, ""});
    if (!is_char(value_class, byte)) {
      cases.push_back({get("X: " + text + "\r\n"), 400, ""});
      cases.push_back({get("X: 0123456789abcdef" + text + "0123456789abcdef\r\n"), 400, ""});
    }
  }
  for (int c = 128; c < 256; ++c)
    cases.push_back({get("X" + std::string(1, static_cast<char>(c)) + ": a\r\n"), 400, ""});
  return cases;
}

TEST(RequestHead, RefusesWhatIsWrongOrUnclear) {
  for (auto const& c : refused_requests()) {
    RequestHead head;
    auto const result = parse_request_head(c.bytes, head);
    EXPECT_TRUE(result.failed()) << ::testing::PrintToString(c.bytes);
    EXPECT_EQ(result.status, c.status) << ::testing::PrintToString(c.bytes);
    EXPECT_NE(result.message.find(c.because), std::string_view::npos)
        << ::testing::PrintToString(c.bytes) << result.message;
  }
}

TEST(RequestHead, RefusesTheSameAtEverySplitPoint) {
  for (auto const& c : refused_requests()) {
    RequestHead at_once;
    auto const expected = parse_request_head(c.bytes, at_once);
    RequestHead in_pieces;
    HeadResult result;
    for (std::size_t n = 0; n <= c.bytes.size() && result.need_more(); ++n)
      result = parse_request_head(std::string(c.bytes, 0, n), in_pieces);
    EXPECT_EQ(result.status, expected.status) << ::testing::PrintToString(c.bytes);
    EXPECT_EQ(result.message, expected.message) << ::testing::PrintToString(c.bytes);
  }
}

TEST(RequestHead, HoldsItsLimits) {
  HeadLimits limits;
  limits.fields = 3;
  limits.target_bytes = 10;
  limits.head_bytes = 80;
  RequestHead head;
  EXPECT_TRUE(parse_request_head(get("A: 1\r\nB: 2\r\n"), head, limits).done());
  EXPECT_EQ(parse_request_head(get("A: 1\r\nB: 2\r\nC: 3\r\n"), head, limits).status, 431);
  EXPECT_TRUE(parse_request_head(target("/123456789"), head, limits).done());
  EXPECT_EQ(parse_request_head(target("/1234567890"), head, limits).status, 414);
  EXPECT_EQ(parse_request_head("GET /1234567890", head, limits).status, 414);

  std::string const exact = get("X: " + std::string(80 - get("X: \r\n").size(), 'x') + "\r\n");
  ASSERT_EQ(exact.size(), 80U);
  EXPECT_TRUE(parse_request_head(exact + "body", head, limits).done());
  limits.head_bytes = 79;
  EXPECT_EQ(parse_request_head(exact + "body", head, limits).status, 431);
  EXPECT_EQ(parse_request_head(exact.substr(0, 79), head, limits).status, 431);
  EXPECT_TRUE(parse_request_head(exact.substr(0, 78), head, limits).need_more());

  // No limit, however set, goes past what the offsets can hold.
  limits = HeadLimits{1 << 20, 1000, 1 << 20, 32};
  EXPECT_EQ(parse_request_head(get("X: " + std::string(70000, 'x') + "\r\n"), head, limits).status, 431);
  std::string many;
  for (int i = 0; i < 127; ++i) many += "A: b\r\n";
  EXPECT_TRUE(parse_request_head(get(many), head, limits).done());
  EXPECT_EQ(head.fields().size(), 128U);
  EXPECT_EQ(parse_request_head(get(many + "A: b\r\n"), head, limits).status, 431);
}

TEST(RequestHead, CanBeReadAtEverySplitPointFromABufferThatMoves) {
  std::string const head_bytes =
      "\r\nPOST http://h.example:1/v1/a?b=c HTTP/1.1\r\nHost: h\r\nA-Name-Longer-Than-Sixteen: and a value "
      "too, so\r\n"
      "Content-Length: 3\r\nEmpty:\r\nConnection: close\r\n\r\n";
  for (std::size_t split = 0; split < head_bytes.size(); ++split) {
    RequestHead head;
    auto const first = std::make_unique<std::string>(head_bytes.substr(0, split));
    ASSERT_TRUE(parse_request_head(*first, head).need_more()) << split;
    std::string const second = head_bytes + "abcGET";
    auto const result = parse_request_head(second, head);
    ASSERT_TRUE(result.done()) << split << result.message;
    EXPECT_EQ(result.consumed, head_bytes.size());
    EXPECT_EQ(head.path(), "/v1/a");
    EXPECT_EQ(head.host(), "h.example:1");
    EXPECT_EQ(head.fields().size(), 5U);
    EXPECT_EQ(head.fields().get("a-name-longer-than-sixteen"), "and a value too, so");
    EXPECT_EQ(head.content_length(), 3U);
    EXPECT_FALSE(head.keep_alive());
  }
}

TEST(RequestHead, LeavesPipelinedRequestsInTheBuffer) {
  std::string const bytes = get("X: 1\r\n") + get("Connection: close\r\n") + target("/third");
  std::string_view rest = bytes;
  RequestHead head;
  std::vector<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    auto const result = parse_request_head(rest, head);
    ASSERT_TRUE(result.done()) << result.message;
    seen.push_back(std::string(head.path()) + (head.keep_alive() ? "+" : "-") +
                   std::to_string(head.fields().size()));
    rest.remove_prefix(result.consumed);
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"/+2", "/-2", "/third+1"}));
}

TEST(RequestHead, MovesWithItsBytes) {
  std::string const bytes = get("X: 1\r\n");
  RequestHead head;
  ASSERT_TRUE(parse_request_head(bytes, head).done());
  std::string const copy = bytes;
  RequestHead moved = head;
  moved.rebase(copy.data());
  EXPECT_EQ(moved.fields().get("x").data(), copy.data() + copy.find("1\r\n\r\n"));
  EXPECT_EQ(moved.method().data(), copy.data());
}

TEST(Fields, IterateAndCount) {
  RequestHead head;
  std::string const bytes = get("Set: a\r\nsEt: b\r\nOther:c\r\n");
  ASSERT_TRUE(parse_request_head(bytes, head).done());
  std::string all;
  for (auto const [name, value] : head.fields()) all += std::string(name) + "=" + std::string(value) + ";";
  EXPECT_EQ(all, "Host=a;Set=a;sEt=b;Other=c;");
  EXPECT_EQ(head.fields().count("SET"), 2U);
  EXPECT_EQ(head.fields().get("set"), "a");
  EXPECT_FALSE(head.fields().has("se"));
  static_assert(std::forward_iterator<Fields::const_iterator>);
  EXPECT_LE(sizeof(Fields), 1040U);
}

TEST(ResponseHead, GivesThePartsOfAResponse) {
  struct Case {
    std::string_view bytes, method;
    int status;
    std::string_view reason;
    BodyKind body;
    bool reusable;
  };
  for (auto const& c : std::vector<Case>{
           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "POST", 200, "OK", BodyKind::length, true},
           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD", 200, "OK", BodyKind::none, true},
           {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", 200, "OK", BodyKind::none, true},
           {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "GET", 200, "OK", BodyKind::chunked,
            true},
           {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HEAD", 200, "OK", BodyKind::none, true},
           {"HTTP/1.1 200 OK\r\n\r\n", "GET", 200, "OK", BodyKind::until_close, false},
           {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", "GET", 200, "OK", BodyKind::length, false},
           {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n", "GET", 200, "OK",
            BodyKind::length, true},
           {"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, "No Content", BodyKind::none, true},
           {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "GET", 204, "No Content", BodyKind::none,
            true},
           {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", 304, "Not Modified",
            BodyKind::none, true},
           {"HTTP/1.1 100 Continue\r\n\r\n", "POST", 100, "Continue", BodyKind::none, true},
           {"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "GET", 101, "Go", BodyKind::none,
            false},
           {"HTTP/1.1 429 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "GET", 429, "", BodyKind::none,
            false},
           {"HTTP/1.1 529\r\nContent-Length: 1\r\n\r\n", "GET", 529, "", BodyKind::length, true},
           {"HTTP/1.1 999  caf\xc3\xa9 (\"x\")\t\r\nHost: a b\r\nHost: c\r\n\r\n", "GET", 999,
            " caf\xc3\xa9 (\"x\")\t", BodyKind::until_close, false},
       }) {
    ResponseHead head;
    auto const result = parse_response_head(c.bytes, head);
    ASSERT_TRUE(result.done()) << c.bytes << result.message;
    EXPECT_EQ(result.consumed, c.bytes.size());
    EXPECT_EQ(head.status(), c.status);
    EXPECT_EQ(head.reason(), c.reason);
    EXPECT_EQ(to_string(head.body(c.method)), to_string(c.body)) << c.bytes;
    EXPECT_EQ(head.reusable_after(c.method), c.reusable) << c.bytes;
    for (std::size_t split = 0; split < c.bytes.size(); ++split) {
      ResponseHead again;
      ASSERT_TRUE(parse_response_head(std::string(c.bytes.substr(0, split)), again).need_more()) << split;
      ASSERT_TRUE(parse_response_head(c.bytes, again).done()) << split;
      EXPECT_EQ(again.reason(), c.reason);
      EXPECT_EQ(again.status(), c.status);
      EXPECT_EQ(again.fields().size(), head.fields().size());
    }
  }
}

TEST(ResponseHead, RefusesWhatIsWrongOrUnclear) {
  std::string const ok = "HTTP/1.1 200 OK\r\n";
  for (auto const& bytes : {
           "HTTP/2 200\r\n\r\n"s,
           "HTTP/1.2 200 OK\r\n\r\n"s,
           "http/1.1 200 OK\r\n\r\n"s,
           "ICY 200 OK\r\n\r\n"s,
           "HTTP/1.1 20 OK\r\n\r\n"s,
           "HTTP/1.1 2000 OK\r\n\r\n"s,
           "HTTP/1.1 099 OK\r\n\r\n"s,
           "HTTP/1.1  200 OK\r\n\r\n"s,
           "HTTP/1.1 +20 OK\r\n\r\n"s,
           "HTTP/1.1 2x0 OK\r\n\r\n"s,
           "HTTP/1.1 200\tOK\r\n\r\n"s,
           "HTTP/1.1 200 OK\n\n"s,
           "HTTP/1.1 200\n\n"s,
           "HTTP/1.1 200 O\rK\r\n\r\n"s,
           "HTTP/1.1 200 O\0K\r\n\r\n"s,
           "\r\nHTTP/1.1 200 OK\r\n\r\n"s,
           ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
           ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           ok + "Content-Length: 1,1\r\n\r\n",
           ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
           ok + "Transfer-Encoding: identity\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"s,
           ok + "X: a\r\n b\r\n\r\n",
           ok + "X : a\r\n\r\n",
           ok + "X\r\n\r\n",
           ok + "X: a\n\r\n",
           ok + "X: \x01\r\n\r\n",
           "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n"s,
           "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"s,
           "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"s,
           ok + "X: " + std::string(70000, 'x'),
       }) {
    ResponseHead head;
    auto const result = parse_response_head(bytes, head);
    EXPECT_TRUE(result.failed()) << ::testing::PrintToString(bytes.substr(0, 100));
    EXPECT_EQ(result.status, 502);
    EXPECT_FALSE(result.message.empty());
    ResponseHead slow;
    HeadResult piecewise;
    for (std::size_t n = 0; n <= bytes.size() && piecewise.need_more(); ++n)
      piecewise = parse_response_head(std::string_view(bytes).substr(0, n), slow);
    EXPECT_EQ(piecewise.message, result.message);
  }
}

TEST(ListTokens, AreFoundWhole) {
  EXPECT_TRUE(has_token("a, B ,c", "b"));
  EXPECT_TRUE(has_token("close", "close"));
  EXPECT_TRUE(has_token(",,\tclose ", "close"));
  EXPECT_FALSE(has_token("closed, disclose", "close"));
  EXPECT_FALSE(has_token("", "close"));
}

TEST(HeadWriter, WritesHeadsThatTheParserReads) {
  std::string out = "kept|";
  HeadWriter request(out);
  request.write_request_line("POST", "/v1/messages?x=1");
  request.write_field("Host", "api.example");
  request.write_fixed("Accept: */*\r\nUser-Agent: lowart\r\n");
  request.write_field("Content-Length", 42U);
  request.write_field("X-Empty", "");
  request.end();
  EXPECT_TRUE(request.ok());
  EXPECT_EQ(request.written(),
            "POST /v1/messages?x=1 HTTP/1.1\r\nHost: api.example\r\nAccept: */*\r\nUser-Agent: lowart\r\n"
            "Content-Length: 42\r\nX-Empty: \r\n\r\n");
  EXPECT_EQ(out, "kept|" + std::string(request.written()));
  RequestHead head;
  EXPECT_TRUE(parse_request_head(request.written(), head).done());

  std::array<char, 80> buffer;
  HeadWriter response(buffer);
  EXPECT_TRUE(response.write_status_line(429));
  EXPECT_TRUE(response.write_field("Retry-After", 18446744073709551615U));
  EXPECT_TRUE(response.end());
  EXPECT_EQ(response.written(),
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 18446744073709551615\r\n\r\n");
}

TEST(HeadWriter, RefusesInjectionAndOverflowWholly) {
  for (auto const& value : {"a\r\nX: b"s, "a\nb"s, "a\rb"s, "a\0b"s, "\x7f"s, "\x1b[0m"s}) {
    std::string out;
    HeadWriter writer(out);
    EXPECT_FALSE(writer.write_field("X", value));
    EXPECT_FALSE(writer.write_status_line(200, value));
    EXPECT_FALSE(writer.write_field(value, "x"));
    EXPECT_FALSE(writer.write_request_line("GET", "/" + value));
    EXPECT_FALSE(writer.write_request_line(value, "/"));
    EXPECT_TRUE(out.empty());
    EXPECT_TRUE(writer.end());
    EXPECT_FALSE(writer.ok());
  }
  std::string out;
  HeadWriter writer(out);
  EXPECT_FALSE(writer.write_field("", "x"));
  EXPECT_FALSE(writer.write_field("X:", "x"));
  EXPECT_FALSE(writer.write_request_line("GET", "/a b"));
  EXPECT_FALSE(writer.write_request_line("GET", ""));
  EXPECT_FALSE(writer.write_status_line(99));
  EXPECT_FALSE(writer.write_status_line(-200));
  EXPECT_FALSE(writer.write_status_line(1000));
  EXPECT_TRUE(out.empty());

  std::array<char, 20> buffer;
  HeadWriter small(buffer);
  EXPECT_TRUE(small.write_status_line(200));
  EXPECT_FALSE(small.write_field("A", "b"));
  EXPECT_EQ(small.written(), "HTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(small.ok());
}

}  // namespace
}  // namespace lowart::http_head_test
