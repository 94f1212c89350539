#pragma once
/// The demo provider's embeddings: texts that share words lie near each other.

#include <lowart/model/embedding.hpp>
#include <lowart/provider/demo_prompt.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::demo {

inline constexpr std::int64_t default_dimensions = 256;
inline constexpr std::int64_t most_dimensions = 4096;
inline constexpr std::size_t most_inputs = 2048;  ///< As OpenAI's.

/// Adds the direction of one word, the same for the same word: a few of the numbers, up or down.
inline void add_direction(Embedding& sum, std::uint64_t seed) noexcept {
  constexpr int touched = 16;
  Dice dice(seed);
  for (int i = 0; i < touched; ++i) {
    std::uint64_t const roll = dice();
    sum[(roll >> 1U) % sum.size()] += (roll & 1U) != 0 ? 1.0F : -1.0F;
  }
}

/// A vector of length one. The same input gets the same vector, on every machine.
inline Embedding vector_of(EmbeddingInput const& input) {
  Embedding sum(static_cast<std::size_t>(input.dimensions.value_or(default_dimensions)));
  for (std::int64_t const token : input.tokens) add_direction(sum, mix(0, std::to_string(token)));
  std::string const text = lowered(input.text);
  for (std::string_view rest = text; !rest.empty();) add_direction(sum, mix(0, trimmed(take_piece(rest))));
  float square = 0;
  for (float const number : sum) square += number * number;
  if (square == 0) {  // nothing was said, or its words cancel out
    sum.front() = 1;
    return sum;
  }
  float const length = std::sqrt(square);
  for (float& number : sum) number /= length;
  return sum;
}

inline std::int64_t count_input(EmbeddingInputs const& inputs) {
  std::int64_t tokens = 0;
  for (EmbeddingInput const& input : inputs.inputs)
    tokens +=
        static_cast<std::int64_t>(input.tokens.size()) + count_pieces(input.title) + count_pieces(input.text);
  return tokens;
}

}  // namespace lowart::demo
