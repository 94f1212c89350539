/// Any bytes as a request of Ollama's clients: nothing crashes, what is decoded survives being written and can be said to
/// every other dialect, and any answer of a stream can be told in lines that are read again.

#include "fuzz.hpp"
#include "said_elsewhere.hpp"

#include <lowart/dialect/completion_builder.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/dialect/gemini_request_encode.hpp>
#include <lowart/dialect/ndjson.hpp>
#include <lowart/dialect/ollama_embeddings.hpp>
#include <lowart/dialect/ollama_embeddings_of_clients.hpp>
#include <lowart/dialect/ollama_facts.hpp>
#include <lowart/dialect/ollama_generate_decode.hpp>
#include <lowart/dialect/ollama_generate_encode.hpp>
#include <lowart/dialect/ollama_reply_decode.hpp>
#include <lowart/dialect/ollama_reply_encode.hpp>
#include <lowart/dialect/ollama_request_decode.hpp>
#include <lowart/dialect/openai_chat_reply.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::fuzz;

template <class Decode, class Encode>
void check_request(std::string_view body, Decode decode, Encode encode) {
  auto const conversation = decode(body);
  if (!conversation) return;
  check_said_to_others(*conversation);
  Losses losses(MayDrop::anything);
  if (auto const contents = encode_gemini(*conversation, "m", losses))
    require(decode_gemini(*contents).has_value());
  auto const written = encode(*conversation, "m", losses, OllamaVariant{});
  if (!written) return require(!written.error().param().empty());
  require(!first_json_error(*written));
  auto const again = decode(*written);
  require(again.has_value());
  Losses of_again(MayDrop::anything);
  auto const twice = encode(*again, "m", of_again, OllamaVariant{});
  require(twice && *twice == *written);
}

void check_facts(std::string_view body) {
  std::string scratch;
  for (auto const read : {&read_ollama_chat_facts, &read_ollama_generate_facts}) {
    auto const facts = read(body, scratch);
    if (!facts) continue;
    require(is_within(facts->model_token, body) && !facts->model.empty());
    require(facts->max_tokens.value_or(1) > 0);
    require(!first_json_error(encode_ollama_loaded(body, facts->model, 0)));
  }
}

template <EmbeddingDialect dialect>
void check_embeddings(std::string_view body) {
  std::string scratch;
  if (auto const facts = read_ollama_embedding_facts<dialect>(body, scratch))
    require(is_within(facts->model_tokens.front(), body));
  auto const inputs = decode_ollama_embeddings<dialect>(body);
  if (!inputs) return;
  Losses losses(MayDrop::anything);
  auto const written = encode_ollama_embeddings(*inputs, "m", losses);
  require(written && !first_json_error(*written));
}

/// What any chat provider may say, one chunk of a stream a line, told to a client of Ollama.
template <class Writer>
void check_told(std::string_view input) {
  ReplyContext context;
  context.model = "m";
  Writer writer(context);
  CompletionBuilder builder;
  std::string out;
  while (!input.empty()) {
    std::string_view const line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    if (first_json_error(line)) continue;  // a provider's own words are written as they came
    std::vector<ChatDelta> steps;
    net::SseEvent event;
    event.data = line;
    if (!OpenAiReplyEvents().decode(event, steps)) continue;
    for (ChatDelta const& step : steps) {
      writer.write(step, out);
      builder.add(step);
    }
  }
  writer.finish(out);
  OllamaReplyEvents events;
  NdjsonSplitter splitter;
  splitter.feed({out.data(), out.size()}, [&](net::SseEvent const& line) {
    require(!first_json_error(line.data));
    require(events.read(line.data).has_value());
  });
  require(!splitter.inside_event());
  require(decode_ollama_reply(encode_ollama_reply(builder.whole(), context)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const input(reinterpret_cast<char const*>(data), size);
  check_facts(input);
  check_request(input, &decode_ollama, &encode_ollama);
  check_request(input, &decode_ollama_generate, &encode_ollama_generate);
  check_embeddings<EmbeddingDialect::ollama>(input);
  check_embeddings<EmbeddingDialect::ollama_single>(input);
  check_told<OllamaReplyWriter>(input);
  check_told<OllamaGenerateWriter>(input);
  return 0;
}
