/// Any bytes as an OpenAI request and as a reply: nothing crashes, what is decoded survives being written,
/// and how a stream is cut, or whether its events repeat, changes nothing that is read.

#include "fuzz.hpp"

#include <lowart/dialect/openai_chat_reader.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/dialect/openai_completions.hpp>
#include <lowart/dialect/openai_facts.hpp>

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

struct Findings {
  std::string text;
  Usage usage;
  std::int64_t events;
  FinishReason finish;
  bool committed, done, may_end, failed;
  friend bool operator==(Findings const&, Findings const&) = default;
};

/// Reads the stream in pieces of sizes drawn from `seed`; in one piece when it is 0.
Findings read(std::string_view stream, std::uint32_t seed) {
  OpenAiChatReader reader(OpenAiEvents(false), 4096);
  ReplyProgress progress(std::pmr::get_default_resource());
  bool failed = false;
  cut(stream, seed, [&](std::string const& piece, bool) {
    failed = !reader.feed(piece, progress);
    require(reader.good_bytes() <= piece.size());
  });
  return {std::string(progress.text), progress.usage, progress.events,  progress.finish,
          reader.committed(),         reader.done(),  reader.may_end(), failed};
}

/// Reads the stream with a full look at every event.
std::string text_of(std::string_view stream) {
  net::SseSplitter splitter(net::SseLimits{.event_bytes = 4096});
  OpenAiContentScan scan;
  ReplyProgress progress(std::pmr::get_default_resource());
  (void)splitter.feed(std::span<char const>(stream.data(), stream.size()), [&](net::SseEvent const& e) {
    return e.data != "[DONE]" && scan.read(e.data, progress) == JsonScan::ok && e.event != "error" &&
           !scan.error();
  });
  return std::string(progress.text);
}

void check_request(std::string_view body) {
  std::string scratch;
  auto const facts = read_openai_chat_facts(body, scratch);
  if (facts) {
    require(facts->choices >= 1 && facts->choices <= 128 && facts->max_tokens.value_or(0) >= 0);
    require(facts->model_token.data() >= body.data());
    require(facts->model_token.data() + facts->model_token.size() <= body.data() + body.size());
  }
  (void)read_openai_completions_facts(body, scratch);
  (void)decode_openai_completions(body);
  auto const conversation = decode_openai_chat(body);
  if (!conversation) return;
  Losses losses(MayDrop::nothing);
  auto const written = encode_openai_chat(*conversation, "m", losses);
  require(written.has_value());
  auto const again = decode_openai_chat(*written);
  require(again && *again == *conversation);
  require(read_openai_chat_facts(*written, scratch).has_value() || conversation->n ||
          conversation->max_tokens);
}

void check_reply(std::string_view bytes) {
  auto const delta = decode_openai_reply(bytes);
  if (delta) {
    ReplyContext named;
    named.id = "id";
    named.include_usage = true;
    ChunkEncoder encoder(named);
    CompletionBuilder builder;
    std::string out;
    encoder.write(*delta, out);
    encoder.finish(out);
    builder.add(*delta);
    builder.add(*delta);
    (void)encode_openai_reply(builder.whole(), named);
    (void)encode_openai_completions_reply(builder.whole(), named);
  }
  OpenAiChatReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  auto const whole = reader.whole(bytes, progress);
  if (!whole) (void)openai_error_event(whole.error());
  (void)from_openai_error(429, bytes, [&](std::string_view) { return bytes.substr(0, 40); }, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto const [seed, input] = SeededInput(data, size);
  check_request(input);
  check_reply(input);
  Findings const one = read(input, seed);
  require(one == read(input, seed * 31U));
  require(one.text == text_of(input));
  return 0;
}
