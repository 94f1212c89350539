/// Any bytes as a Responses request and as a reply: nothing crashes, what is decoded survives being written, how a
/// stream is cut changes nothing that is read, and what is written is read again.

#include <lowart/dialect/responses_continuation.hpp>
#include <lowart/dialect/responses_facts.hpp>
#include <lowart/dialect/responses_reader.hpp>
#include <lowart/dialect/responses_reply_decode.hpp>
#include <lowart/dialect/responses_reply_encode.hpp>
#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart;
using namespace lowart::dialect;

void require(bool holds) {
  if (!holds) std::abort();
}

bool has_foreign_signature(Conversation const& c) {
  for (Message const& message : c.messages)
    for (ContentPart const& part : message.content)
      if (!part.signature.empty() && part.signature.by != Dialect::openai_responses) return true;
  return false;
}

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

struct Findings {
  std::string text;
  Usage usage;
  std::int64_t events;
  FinishReason finish;
  bool committed, done, failed;
  std::vector<ChatDelta> steps;
  friend bool operator==(Findings const&, Findings const&) = default;
};

/// Reads and decodes the stream in pieces of sizes drawn from `seed`.
Findings read(std::string_view stream, std::uint32_t seed) {
  ReplyReader<ResponsesEvents> reader;
  ResponsesStreamDecoder decoder;
  ReplyProgress progress(std::pmr::get_default_resource());
  Findings found{};
  bool decodes = true;
  while (!stream.empty()) {
    seed = seed * 1664525U + 1013904223U;
    std::size_t const size = seed % 7 == 0 ? 1 : seed % 97 + 1;
    std::string const piece(stream.substr(0, size));
    stream.remove_prefix(piece.size());
    found.failed = !reader.feed(piece, progress);
    require(reader.good_bytes() <= piece.size());
    decodes = decodes && decoder.decode(piece, stream.empty(), found.steps).has_value();
  }
  found.text = progress.text;
  found.usage = progress.usage;
  found.events = progress.events;
  found.finish = progress.finish;
  found.committed = reader.committed();
  found.done = reader.done();
  return found;
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
  if (size < 4) return 0;
  std::uint32_t const seed = (data[0] + 256U * data[1] + 65536U * data[2]) | 1U;
  std::string const input(reinterpret_cast<char const*>(data + 3), size - 3);
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
