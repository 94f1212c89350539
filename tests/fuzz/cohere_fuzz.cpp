/// Any bytes as a stream of Cohere and as a whole reply: nothing crashes, how a stream is cut changes nothing that is
/// read, and what is decoded can be said to a client. Any request of a chat client can be said to Cohere as JSON.

#include "fuzz.hpp"
#include "reply_findings.hpp"
#include "said_elsewhere.hpp"

#include <lowart/dialect/cohere_embeddings.hpp>
#include <lowart/dialect/cohere_error_reading.hpp>
#include <lowart/dialect/cohere_reader.hpp>
#include <lowart/dialect/cohere_reply_decode.hpp>
#include <lowart/dialect/cohere_request_encode.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_embeddings.hpp>

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

ReplyFindings read(std::string_view stream, std::uint32_t seed) {
  return read_reply(CohereReader(), SseReplyDecoder<CohereReplyEvents>(), stream, seed);
}

void check_said(std::vector<ChatDelta> const& steps) {
  for (ChatDelta const& step : steps)
    for (ChoiceDelta const& choice : step.choices)
      require(choice.logprobs.empty() || !first_json_error(choice.logprobs.text));
  require(!first_json_error(said_to_chat(steps)));
}

void check_requests(std::string_view body) {
  Losses losses(MayDrop::anything);
  if (auto const c = decode_openai_chat(body)) {
    auto const written = encode_cohere(*c, "m", losses);
    require(written && !first_json_error(*written));
  }
  if (auto const inputs = decode_openai_embeddings(body))
    if (auto const written = encode_cohere_embeddings(*inputs, "m", losses))
      require(!first_json_error(*written));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto const [seed, input] = SeededInput(data, size);
  ReplyFindings const one = read(input, seed);
  require(one == read(input, seed * 31U));
  check_said(one.steps);
  ReplyProgress progress(std::pmr::get_default_resource());
  CohereReader along;
  bool const is_answer = along.whole(input, progress).has_value();
  auto const whole = decode_cohere_reply(input);
  require(!whole || is_answer);
  if (whole) check_said({*whole});
  (void)from_cohere_error(
      429, input, [&](std::string_view) { return std::string_view(input).substr(0, 40); }, 0);
  (void)read_cohere_embeddings(input);
  (void)decode_cohere_embedding_reply(input);
  check_requests(input);
  return 0;
}
