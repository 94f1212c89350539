/// Any bytes as a stream of Ollama and as a whole reply: nothing crashes, how a stream is cut changes nothing that is
/// read, lines are those of a naive reading, and what is decoded can be said to a client. Any request of a chat client
/// can be said to Ollama as JSON.

#include "fuzz.hpp"
#include "reply_findings.hpp"
#include "said_elsewhere.hpp"

#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_embeddings.hpp>
#include <lowart/dialect/ollama_reader.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/dialect/ollama_request_encode.hpp>
#include <lowart/dialect/openai_chat_request.hpp>

#include <algorithm>
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

/// Lines that are not blank, and what is left behind the last line end.
std::vector<std::string> naive_lines(std::string_view stream) {
  std::vector<std::string> lines;
  for (std::size_t end = 0; (end = stream.find('\n')) != std::string_view::npos;
       stream.remove_prefix(end + 1)) {
    std::string_view line = stream.substr(0, end);
    constexpr std::string_view space = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(space), line.size()));
    line = line.substr(0, line.find_last_not_of(space) + 1);
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

struct Lines {
  std::vector<std::string> found;
  bool too_large{false}, inside{false};
  friend bool operator==(Lines const&, Lines const&) = default;
};

Lines lines_of(std::string_view stream, std::uint32_t seed, std::size_t limit) {
  NdjsonSplitter splitter({.event_bytes = limit});
  Lines lines;
  cut(stream, seed, [&](std::string const& piece, bool) {
    auto const step = splitter.feed({piece.data(), piece.size()},
                                    [&](net::SseEvent const& line) { lines.found.emplace_back(line.data); });
    lines.too_large = step == net::SseStep::too_large;
    require(lines.too_large || splitter.left() == 0);
  });
  lines.inside = !lines.too_large && splitter.inside_event();
  return lines;
}

ReplyFindings read(std::string_view stream, std::uint32_t seed) {
  return read_reply(OllamaReader(), SseReplyDecoder<OllamaReplyEvents, NdjsonSplitter>(), stream, seed);
}

void check_request(std::string_view body) {
  auto const c = decode_openai_chat(body);
  if (!c) return;
  Losses losses(MayDrop::anything);
  auto const written = encode_ollama(*c, "m", losses);
  if (written) require(!first_json_error(*written));
  else require(c->messages.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < SeededInput::shortest) return 0;
  auto const [seed, input] = SeededInput(data, size);
  constexpr std::size_t no_limit = 1U << 30U, small = 24;
  require(lines_of(input, seed, no_limit).found == naive_lines(input));
  require(lines_of(input, seed, small) == lines_of(input, seed * 31U, small));
  ReplyFindings const one = read(input, seed);
  require(one == read(input, seed * 31U));
  (void)said_to_chat(one.steps);
  ReplyProgress progress(std::pmr::get_default_resource());
  OllamaReader along;
  (void)along.whole(input, progress);
  if (auto const whole = decode_ollama_reply(input)) (void)said_to_chat({*whole});
  (void)from_ollama_error(
      429, input, [&](std::string_view) { return std::string_view(input).substr(0, 40); }, 0);
  (void)read_ollama_embeddings(input);
  (void)decode_ollama_embedding_reply(input);
  check_request(input);
  return 0;
}
