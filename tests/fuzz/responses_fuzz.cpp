/// Any bytes as a Responses request and as a reply: nothing crashes, what is decoded survives being written, how a
/// stream is cut changes nothing that is read, and what is written is read again.

#include "fuzz.hpp"
#include "reply_findings.hpp"

#include <lowart/dialect/responses_continuation.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_reader.hpp>
#include <lowart/dialect/responses_reply_decode.hpp>
#include <lowart/dialect/responses_reply_encode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::fuzz;

void check_request(std::string_view body) {
  std::string scratch;
  auto const facts = read_responses_facts(body, scratch);
  if (facts) {
    auto const token = facts->wire.model_token;
    require(token.data() >= body.data() && token.data() + token.size() <= body.data() + body.size());
  }
  auto const conversation = decode_responses(body);
  if (!conversation) return;
  Losses losses(MayDrop::anything);
  auto const written = encode_responses(*conversation, "m", losses);
  require(written.has_value());
  auto const again = decode_responses(*written);
  require(again.has_value());
  require(*again == *conversation || has_foreign_signature(*conversation));
  Losses of_others(MayDrop::anything);
  for (Dialect const target : {Dialect::openai_chat, Dialect::anthropic, Dialect::gemini})
    check_fidelity(*conversation, target, of_others);
  auto const continued = decode_responses(continue_request(body, items_after("", body, "{}")));
  require(continued.has_value());
}

ReplyFindings read(std::string_view stream, std::uint32_t seed) {
  return read_reply(ReplyReader<ResponsesEvents>(), ResponsesStreamDecoder(), stream, seed);
}

void check_written(std::vector<ChatDelta> const& steps, std::string_view request) {
  ReplyContext context;
  context.id = "abc";
  context.model = "m";
  context.request = request;
  ResponsesReplyWriter writer(context);
  std::string out;
  for (ChatDelta const& step : steps) writer.write(step, out);
  writer.finish(out);
  auto const again = read(out, 1);
  require(again.done && !again.failed);
  require(decode_responses_reply(writer.response()).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto const [seed, input] = SeededInput(data, size);
  check_request(input);
  std::string_view const request = decode_responses(input) ? std::string_view(input) : std::string_view();
  auto const one = read(input, seed);
  require(one == read(input, seed * 31U));
  check_written(one.steps, request);
  ReplyProgress progress(std::pmr::get_default_resource());
  (void)ReplyReader<ResponsesEvents>().whole(input, progress);
  if (auto const whole = decode_responses_reply(input)) check_written({*whole}, request);
  return 0;
}
