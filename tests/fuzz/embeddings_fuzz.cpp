/// Any bytes as a request for embeddings and as a reply with them, in every dialect: nothing crashes, what is decoded
/// survives being written, and vectors come back bit by bit.

#include "fuzz.hpp"

#include <lowart/dialect/gemini_embeddings.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/openai_embeddings.hpp>
#include <lowart/dialect/vertex_embeddings.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart;
using namespace lowart::dialect;
using namespace lowart::fuzz;

void check_facts(std::string_view body) {
  std::string scratch;
  if (auto const facts = read_openai_embedding_facts(body, scratch))
    for (std::string_view const token : facts->model_tokens) require(is_within(token, body));
  for (GeminiMethod const method : {GeminiMethod::embed, GeminiMethod::batch_embed}) {
    GeminiPath path;
    path.model = "m";
    path.method = method;
    auto const facts = read_gemini_embedding_facts(path, body);
    if (!facts) continue;
    for (std::string_view const token : facts->model_tokens) require(is_within(token, body));
  }
}

/// What `again` says that `inputs` did; each dialect spells formats, users and its own words its own way.
void check_said(EmbeddingInputs const& inputs, Result<EmbeddingInputs> const& again, bool with_tasks) {
  require(again.has_value() && again->inputs.size() == inputs.inputs.size());
  for (std::size_t i = 0; i < inputs.inputs.size(); ++i) {
    EmbeddingInput const &one = inputs.inputs[i], &other = again->inputs[i];
    require(one.text == other.text && one.tokens == other.tokens);
    if (with_tasks) require(one == other);
  }
}

void check_inputs(Result<EmbeddingInputs> const& inputs) {
  if (!inputs) return;
  Losses losses(MayDrop::anything);
  if (auto const written = encode_openai_embeddings(*inputs, "m", losses)) {
    require(!first_json_error(*written));
    auto const again = decode_openai_embeddings(*written);
    // OpenAI takes one number of dimensions for all, and no empty list.
    if (!inputs->inputs.empty()) check_said(*inputs, again, false);
    if (inputs->dialect == EmbeddingDialect::openai && inputs->format != EmbeddingFormat::floats)
      require(*again == *inputs);
  }
  if (auto const written = encode_gemini_embeddings(*inputs, "m", losses)) {
    require(!first_json_error(*written));
    check_said(*inputs, decode_gemini_embedding_batch(*written), true);
  }
  if (auto const written = encode_vertex_embeddings(*inputs, losses)) require(!first_json_error(*written));
}

/// Equal, or neither is a number: JSON has no word for those.
bool is_same(std::vector<Embedding> const& one, std::vector<Embedding> const& other) {
  auto const same = [](float a, float b) { return a == b && std::signbit(a) == std::signbit(b); };
  auto const same_vector = [&](Embedding const& a, Embedding const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
  };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), same_vector);
}

void check_vectors(Result<std::vector<Embedding>> const& vectors) {
  if (!vectors) return;
  for (Embedding const& vector : *vectors)
    for (float const number : vector)
      if (!std::isfinite(number)) return;
  for (auto const format : {EmbeddingFormat::floats, EmbeddingFormat::base64}) {
    auto const again =
        decode_openai_embedding_reply(encode_openai_embedding_reply(*vectors, format, "m", Usage{}));
    require(again && is_same(*vectors, *again));
  }
  auto const batch = encode_gemini_embedding_reply(EmbeddingDialect::gemini_batch, *vectors);
  auto const again = decode_gemini_embedding_batch_reply(batch);
  require(again && is_same(*vectors, *again));
  require(read_gemini_embeddings(EmbeddingDialect::gemini_batch, batch).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const input(reinterpret_cast<char const*>(data), size);
  check_facts(input);
  check_inputs(decode_openai_embeddings(input));
  check_inputs(decode_gemini_embedding(input));
  check_inputs(decode_gemini_embedding_batch(input));
  if (auto const usage = read_openai_embeddings(input))
    (void)encode_openai_embedding_reply({}, EmbeddingFormat::unset, "m", *usage);
  for (auto const dialect : {EmbeddingDialect::gemini, EmbeddingDialect::gemini_batch})
    (void)read_gemini_embeddings(dialect, input);
  check_vectors(decode_openai_embedding_reply(input));
  check_vectors(decode_gemini_embedding_reply(input));
  check_vectors(decode_gemini_embedding_batch_reply(input));
  check_vectors(decode_vertex_embedding_reply(input));
  if (auto const usage = read_vertex_embeddings(input))
    require(usage->get(UsageClass::input).value_or(0) >= 0);
  return 0;
}
