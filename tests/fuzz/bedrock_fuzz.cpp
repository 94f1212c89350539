/// Any bytes as a stream of Bedrock and as a whole answer: nothing crashes, how a stream is cut changes nothing that is
/// read, and what is decoded can be said to clients. Check sums are put right in half of the inputs, or hardly one would
/// get beyond them.

#include "fuzz.hpp"
#include "reply_findings.hpp"

#include <lowart/dialect/anthropic_reply_encode.hpp>
#include <lowart/dialect/bedrock_error_reading.hpp>
#include <lowart/dialect/bedrock_reader.hpp>
#include <lowart/dialect/bedrock_reply_decode.hpp>
#include <lowart/dialect/bedrock_request_encode.hpp>
#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/openai_chat_reply_encode.hpp>
#include <lowart/dialect/openai_chat_request.hpp>

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

std::size_t number(std::string_view bytes) {
  std::size_t value = 0;
  for (char const c : bytes.substr(0, 4)) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}
void write(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (24 - 8 * i) & 0xFFU);
}

/// The check sums of all messages, as their lengths tell them.
void put_right(std::string& stream) {
  for (std::size_t at = 0; stream.size() - at >= 16;) {
    std::size_t const total = number(std::string_view(stream).substr(at));
    write(stream, at + 8, crc32(std::string_view(stream).substr(at, 8)));
    if (total < 16 || total > stream.size() - at) return;
    write(stream, at + total - 4, crc32(std::string_view(stream).substr(at, total - 4)));
    at += total;
  }
}

ReplyFindings read(std::string_view stream, std::uint32_t seed) {
  ReplyFindings found =
      read_reply(BedrockReader(BedrockEvents(), 4096), BedrockStreamDecoder(), stream, seed);
  require(!(found.failed && found.may_end && !found.done && found.finish == FinishReason::none &&
            !found.committed));
  return found;
}

void check_said(ChatDelta const& whole) {
  ReplyContext context;
  context.id = "abc";
  context.model = "m";
  (void)encode_openai_reply(whole, context);
  (void)encode_anthropic_reply(whole, context);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto [seed, input] = SeededInput(data, size);
  if ((seed & 2U) != 0) put_right(input);
  ReplyFindings const one = read(input, seed);
  require(one == read(input, seed * 31U));
  CompletionBuilder builder;
  for (ChatDelta const& step : one.steps) builder.add(step);
  check_said(builder.whole());
  ReplyProgress progress(std::pmr::get_default_resource());
  BedrockReader along;
  auto const whole = decode_bedrock_reply(input);
  require(!whole || along.whole(input, progress).has_value());
  if (whole) check_said(*whole);
  if (auto const conversation = decode_openai_chat(input)) {
    Losses losses(MayDrop::anything);
    auto const body = encode_bedrock(*conversation, "anthropic.claude", losses);
    require(body && !first_json_error(*body));
  }
  (void)from_bedrock_error(
      429, input, [&](std::string_view) { return std::string_view(input).substr(0, 40); }, 0);
  return 0;
}
