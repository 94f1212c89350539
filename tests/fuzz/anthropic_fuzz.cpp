/// Any bytes as an Anthropic request and as a reply: nothing crashes, what is decoded survives being written, and how a
/// stream is cut, or whether its events repeat, changes nothing that is read.

#include "fuzz.hpp"

#include <lowart/dialect/anthropic_facts.hpp>
#include <lowart/dialect/anthropic_reader.hpp>
#include <lowart/dialect/anthropic_reply.hpp>
#include <lowart/dialect/anthropic_request.hpp>
#include <lowart/dialect/completion_builder.hpp>

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
  bool committed, done, failed;
  friend bool operator==(Findings const&, Findings const&) = default;
};

Findings read(std::string_view stream, std::uint32_t seed) {
  AnthropicReader reader(AnthropicEvents(), 4096);
  ReplyProgress progress(std::pmr::get_default_resource());
  bool failed = false;
  cut(stream, seed, [&](std::string const& piece, bool) {
    failed = !reader.feed(piece, progress);
    require(reader.good_bytes() <= piece.size());
  });
  return {std::string(progress.text), progress.usage, progress.events, progress.finish,
          reader.committed(),         reader.done(),  failed};
}

/// Reads the stream with a reader that has seen nothing for every event but the first: no shape is ever repeated.
std::string text_of(std::string_view stream) {
  net::SseSplitter splitter(net::SseLimits{.event_bytes = 4096});
  std::string text;
  (void)splitter.feed(std::span<char const>(stream.data(), stream.size()), [&](net::SseEvent const& event) {
    AnthropicEvents fresh;
    ReplyProgress progress(std::pmr::get_default_resource());
    EventStep const step = fresh.read(event, progress);
    text.append(progress.text);
    return step == EventStep::more;
  });
  return text;
}

std::vector<ChatDelta> steps_of(std::string_view stream, std::uint32_t seed) {
  AnthropicStreamDecoder decoder;
  std::vector<ChatDelta> steps;
  bool good = true;
  cut(stream, seed,
      [&](std::string const& piece, bool) { good = good && decoder.decode(piece, false, steps); });
  return steps;
}

void check_request(std::string_view body) {
  std::string scratch;
  if (auto const facts = read_anthropic_facts(body, scratch)) {
    require(facts->max_tokens.value_or(0) >= 0);
    require(facts->model_token.data() >= body.data());
    require(facts->model_token.data() + facts->model_token.size() <= body.data() + body.size());
  }
  auto const conversation = decode_anthropic(body);
  // Another provider's proof is left out on purpose.
  if (!conversation || body.find("lw1.") != std::string_view::npos ||
      body.find("\\u") != std::string_view::npos)
    return;
  Losses losses;
  auto const written = encode_anthropic(*conversation, "m", losses);
  require(written.has_value());
  auto const again = decode_anthropic(*written);
  require(again && *again == *conversation);
}

void check_foreign(std::string_view body) {
  auto conversation = decode_anthropic(body);
  if (!conversation) return;
  conversation->dialect = Dialect::openai_chat;
  Losses losses(MayDrop::anything);
  auto const written = encode_anthropic(*conversation, "m", losses);
  require(written.has_value() && decode_anthropic(*written).has_value());
}

void check_reply(std::string_view bytes, std::uint32_t seed) {
  auto const steps = steps_of(bytes, seed);
  require(steps == steps_of(bytes, seed * 31U));
  ReplyContext context;
  AnthropicReplyWriter writer(context);
  CompletionBuilder builder;
  std::string out;
  for (ChatDelta const& step : steps) {
    writer.write(step, out);
    builder.add(step);
  }
  writer.finish(out);
  AnthropicReader reader;
  ReplyProgress progress(std::pmr::get_default_resource());
  require(reader.feed(out, progress) && reader.done());
  require(decode_anthropic_reply(encode_anthropic_reply(builder.whole(), context)).has_value());
  if (auto const whole = decode_anthropic_reply(bytes)) (void)encode_anthropic_reply(*whole, context);
  AnthropicReader along;
  if (auto const whole = along.whole(bytes, progress); !whole) (void)anthropic_error_event(whole.error());
  (void)from_anthropic_error(429, bytes, [&](std::string_view) { return bytes.substr(0, 40); }, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto const [seed, input] = SeededInput(data, size);
  check_request(input);
  check_foreign(input);
  check_reply(input, seed);
  Findings const one = read(input, seed);
  require(one == read(input, seed * 31U));
  require(one.text == text_of(input));
  return 0;
}
