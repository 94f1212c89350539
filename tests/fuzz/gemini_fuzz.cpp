/// Any bytes as a Gemini request and as a reply: nothing crashes, what is decoded survives being written and can be
/// said to every other dialect, and how a stream is cut changes nothing that is read.

#include "fuzz.hpp"
#include "reply_findings.hpp"
#include "said_elsewhere.hpp"

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/gemini_array.hpp>
#include <lowart/dialect/gemini_error.hpp>
#include <lowart/dialect/gemini_error_reading.hpp>
#include <lowart/dialect/gemini_facts.hpp>
#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/gemini_reply_decode.hpp>
#include <lowart/dialect/gemini_reply_encode.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/gemini_request_encode.hpp>

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
  GeminiPath path;
  path.model = "m";
  if (auto const facts = read_gemini_facts(path, body)) {
    require(facts->max_tokens.value_or(0) >= 0);
    require(facts->choices >= 1 && facts->choices <= 128);
  }
  auto const conversation = decode_gemini(body);
  require(conversation.has_value() == decode_gemini_stream(body).has_value());
  if (!conversation) return;
  check_said_to_others(*conversation);
  Losses losses(MayDrop::anything);
  auto const written = encode_gemini(*conversation, "gemini-3-pro", losses);
  if (!written) {
    require(written.error().code() == Errc::invalid_request && !written.error().param().empty());
    return;
  }
  require(!first_json_error(*written));
  auto const again = decode_gemini(*written);
  require(again.has_value());
  Losses of_again(MayDrop::anything);
  if (has_foreign_signature(*conversation)) return;  // left out on purpose
  auto const twice = encode_gemini(*again, "gemini-3-pro", of_again);
  require(twice && *twice == *written);
}

struct Findings : ReplyFindings {
  std::string as_array;
  friend bool operator==(Findings const&, Findings const&) = default;
};

/// Reads, decodes and frames the stream in pieces of sizes drawn from `seed`.
Findings read(std::string_view stream, std::uint32_t seed) {
  GeminiArrayFramer framer;
  Findings found;
  static_cast<ReplyFindings&>(found) =
      read_reply(GeminiReader(), SseReplyDecoder<GeminiReplyEvents>(), stream, seed,
                 [&](std::string const& piece) { framer.feed(piece, found.as_array); });
  framer.finish(found.as_array);
  return found;
}

/// A candidate beyond the most that can be asked for, which the reader does not look at.
bool has_odd_index(std::vector<ChatDelta> const& steps) {
  for (ChatDelta const& step : steps)
    for (ChoiceDelta const& choice : step.choices)
      if (choice.index < 0 || choice.index >= 128) return true;
  return false;
}

/// `is_json`: what was read was; a provider's own words are written as they came.
void check_written(std::vector<ChatDelta> const& steps, bool is_json) {
  ReplyContext context;
  context.id = "abc";
  context.model = "m";
  GeminiReplyWriter writer(context);
  CompletionBuilder builder;
  std::string out;
  for (ChatDelta const& step : steps) {
    writer.write(step, out);
    builder.add(step);
  }
  writer.finish(out);
  auto const again = read(out, 1);
  if (is_json) {
    require(!again.failed && (again.may_end || has_odd_index(steps)));
    require(!first_json_error(again.as_array));
  }
  auto const whole = decode_gemini_reply(encode_gemini_reply(builder.whole(), context));
  require(!is_json || whole.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto const [seed, input] = SeededInput(data, size);
  check_request(input);
  Findings const one = read(input, seed);
  require(one == read(input, seed * 31U));
  check_written(one.steps, !first_json_error(one.as_array));
  ReplyProgress progress(std::pmr::get_default_resource());
  GeminiReader along;
  if (auto const whole = along.whole(input, progress); !whole) (void)gemini_error_event(whole.error());
  if (auto const whole = decode_gemini_reply(input)) check_written({*whole}, !first_json_error(input));
  (void)from_gemini_error(
      429, input, [&](std::string_view) { return std::string_view(input).substr(0, 40); }, 0);
  return 0;
}
