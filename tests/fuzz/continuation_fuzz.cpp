/// Any bytes as a turn that was kept and as the request that goes on from it: nothing crashes, the request asks for
/// nothing else than it did alone, and of what is JSON comes JSON. Input: request, response and new request, a zero
/// byte between them.

#include "fuzz.hpp"

#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/responses_continuation.hpp>
#include <lowart/dialect/responses_event.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_request_decode.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::fuzz;

bool is_object(std::string_view text) {
  auto const begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text[begin] == '{' && !first_json_error(text);
}

std::string_view cut(std::string_view& rest) {
  std::string_view const piece = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
  return piece;
}

/// The continued request asks for what it did: whatever stood in the turn before stays inside `input`.
void check_same(std::string_view body, std::string const& continued) {
  std::string scratch, other_scratch;
  auto const before = read_responses_facts(body, scratch);
  if (!before) return;  // refused before anything is continued
  auto const after = read_responses_facts(continued, other_scratch);
  require(after.has_value());
  require(after->wire.model == before->wire.model && after->wire.stream == before->wire.stream);
  require(after->wire.max_tokens == before->wire.max_tokens && after->wire.goes_on_from.empty());
  require(after->store == before->store && after->conversation == before->conversation);
  require(after->background == before->background);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const input(reinterpret_cast<char const*>(data), size);
  std::string_view rest(input);
  std::string_view const request = cut(rest), response = cut(rest), next = rest;
  ResponseHead head;
  (void)head.read(response);
  std::string scratch;
  // Only what passed these looks is kept.
  bool const is_kept = read_responses_facts(request, scratch) && head.read(response) == JsonScan::ok;
  std::string const items = is_kept ? items_after("", request, response) : std::string();
  std::string const twice = items_after(items, next, response);
  require(twice.starts_with(items));
  std::string const continued = continue_request(next, items);
  check_same(next, continued);
  if (!is_kept || !is_object(request) || !is_object(response) || !is_object(next)) return 0;
  require(!first_json_error(continued));
  require(!first_json_error(continue_request(next, twice)));
  (void)decode_responses(continued);
  return 0;
}
