/// Any bytes as a request to count tokens, in every dialect that has one, and as its answer: nothing crashes, what is
/// decoded can be counted, and a count comes back as the number that was written.

#include "fuzz.hpp"

#include <lowart/dialect/anthropic_count.hpp>
#include <lowart/dialect/anthropic_facts.hpp>
#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/count_reply.hpp>
#include <lowart/dialect/gemini_count.hpp>
#include <lowart/dialect/remembered.hpp>
#include <lowart/dialect/responses_count.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/meter/token_meter.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::fuzz;

void check_facts(std::string_view body) {
  std::string scratch;
  GeminiPath path;
  path.model = "m";
  if (auto const facts = read_anthropic_facts(body, scratch)) require(is_within(facts->model_token, body));
  if (auto const facts = read_responses_facts(body, scratch)) {
    require(is_within(facts->wire.model_token, body) && is_within(facts->wire.goes_on_from, body));
    // What its server keeps is seen by both looks, so that nothing is counted too low.
    auto const conversation = decode_responses(body);
    bool const kept = conversation && remembered(*conversation) != nullptr;
    if (conversation && !facts->wire.goes_on_from.empty()) require(kept);
  }
  if (auto const facts = read_gemini_count_facts(path, body)) require(is_within(facts->model_token, body));
}

void check_count(Result<Conversation> const& conversation) {
  if (!conversation) {
    require(!conversation.error().message().empty());
    return;
  }
  constexpr std::int64_t priming = 3;
  require(count_conversation(o200k_base(), *conversation) >= priming);
}

void check_reply(std::string_view body) {
  for (std::string_view const name : {"input_tokens", "totalTokens"}) {
    auto const tokens = read_count_reply(body, name);
    if (!tokens) continue;
    require(*tokens >= 0);
    require(read_count_reply(encode_anthropic_count_reply(*tokens), "input_tokens") == *tokens);
    require(read_count_reply(encode_responses_count_reply(*tokens), "input_tokens") == *tokens);
    require(read_count_reply(encode_gemini_count_reply(*tokens), "totalTokens") == *tokens);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const input(reinterpret_cast<char const*>(data), size);
  check_facts(input);
  check_count(decode_anthropic(input));
  check_count(decode_responses(input));
  check_count(decode_gemini_count(input));
  check_reply(input);
  return 0;
}
