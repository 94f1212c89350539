// Heads of requests and responses: reading piece by piece from a buffer that moves must come to the
// same answer as reading at once, and every view must lie inside what was consumed.

#include <lowart/net/http_head.hpp>
#include <lowart/net/http_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart::net;

void check(bool holds) {
  if (!holds) std::abort();
}

HeadResult parse(std::string_view bytes, RequestHead& head, HeadLimits const& limits) {
  return parse_request_head(bytes, head, limits);
}
HeadResult parse(std::string_view bytes, ResponseHead& head, HeadLimits const& limits) {
  return parse_response_head(bytes, head, limits);
}

void check_same_line(RequestHead const& a, RequestHead const& b) {
  check(a.method() == b.method() && a.target() == b.target() && a.path() == b.path());
  check(a.query() == b.query() && a.host() == b.host() && a.body() == b.body());
}
void check_same_line(ResponseHead const& a, ResponseHead const& b) {
  check(a.status() == b.status() && a.reason() == b.reason() && a.body("GET") == b.body("GET"));
  check(a.reason().find_first_of("\r\n") == std::string_view::npos);
}

void check_same(auto const& a, auto const& b, std::string_view consumed) {
  check_same_line(a, b);
  check(a.minor_version() == b.minor_version() && a.keep_alive() == b.keep_alive());
  check(a.content_length() == b.content_length() && a.chunked() == b.chunked());
  check(!(a.content_length() && a.chunked()));
  check(a.fields().size() == b.fields().size());
  for (std::size_t i = 0; i < a.fields().size(); ++i) {
    auto const [name, value] = a.fields()[i];
    check(name == b.fields()[i].name && value == b.fields()[i].value);
    check(!name.empty() && name.data() >= consumed.data());
    check(value.data() + value.size() <= consumed.data() + consumed.size());
    // Whatever was accepted can be written again and is then the same.
    std::string line;
    check(HeadWriter(line).write_field(name, value));
  }
}

template <class Head>
void run(std::string_view bytes, std::size_t step, HeadLimits const& limits) {
  std::vector<char> const whole(bytes.begin(), bytes.end());
  std::string_view const all(whole.data(), whole.size());
  Head at_once;
  HeadResult const expected = parse(all, at_once, limits);

  Head in_pieces;
  HeadResult result;
  std::vector<char> piece;
  for (std::size_t size = 0; result.need_more(); size += step) {
    if (size > all.size()) size = all.size();
    piece.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    piece.shrink_to_fit();
    result = parse({piece.data(), piece.size()}, in_pieces, limits);
    if (size == all.size()) break;
  }
  check(result.state == expected.state && result.status == expected.status);
  check(result.consumed == expected.consumed && result.message == expected.message);
  check(expected.consumed <= all.size());
  if (expected.done()) check_same(at_once, in_pieces, all.substr(0, expected.consumed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  HeadLimits limits;
  if ((data[0] & 0x80) != 0) limits = HeadLimits{200, 4, 20, 7};
  std::size_t const step = 1 + (data[0] & 0x3f);
  std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
  if ((data[0] & 0x40) != 0) run<RequestHead>(bytes, step, limits);
  else run<ResponseHead>(bytes, step, limits);
  return 0;
}
