#pragma once
/// Exact token counting for the encodings of OpenAI's models, equal to tiktoken's `encode_ordinary`.

#include <cstddef>
#include <cstdint>
#include <lowart/core/config.hpp>
#include <lowart/meter/pretokenizer.hpp>
#include <lowart/meter/vocabulary.hpp>
#include <string_view>
#include <vector>

// With LOWART_SEPARATE_COMPILATION exactly one source file includes encoding.ipp. Without it every one does;
// the linker then keeps one copy of the tables, except that clang's thin LTO keeps one for each source file.

namespace lowart {

/// How one family of models cuts text into tokens. Special tokens such as "<|endoftext|>" in the text are
/// ordinary text. Bytes that are not UTF-8 count as U+FFFD does, one for each wrong part (Python's
/// errors="replace").
///
/// Immutable, any thread may use it. Each thread keeps 512 KiB of recent pieces for each encoding it has
/// used. Time is linear in the text, whatever it holds.
class Encoding {
 public:
  /// `data` as Vocabulary wants it. `index` tells the encodings of this process apart: 0 or 1.
  Encoding(std::string_view name, PiecePattern pattern, unsigned char const* data,
           std::uint8_t index) noexcept
      : vocabulary_{data}, name_{name}, pattern_{pattern}, index_{index} {}

  Encoding(Encoding const&) = delete;
  Encoding& operator=(Encoding const&) = delete;

  /// "o200k_base" or "cl100k_base".
  [[nodiscard]] std::string_view name() const noexcept { return name_; }

  /// How many tokens `text` has. Allocates only for text that is not UTF-8 (a repaired copy), and for single
  /// words or runs of more than 511 bytes (a quarter of their size).
  [[nodiscard]] std::size_t count(std::string_view text) const;

  /// Appends the tokens of `text` to `tokens`.
  void encode(std::string_view text, std::vector<std::uint32_t>& tokens) const;

  /// What can be said about a text of which only the beginning is known.
  struct Settled {
    std::size_t tokens;  ///< The tokens of its first `bytes` bytes,
    std::size_t bytes;   ///< which no continuation can change.
  };

  /// Counts as far as the rest of the text does not matter. `text` must be valid UTF-8.
  [[nodiscard]] Settled count_settled(std::string_view text) const;

 private:
  Vocabulary vocabulary_;
  std::string_view name_;
  PiecePattern pattern_;
  std::uint8_t index_;
};

/// The encoding of GPT-4o and everything after it.
[[nodiscard]] Encoding const& o200k_base();

/// The encoding of GPT-4, GPT-3.5 and the text-embedding-3 models.
[[nodiscard]] Encoding const& cl100k_base();

/// The encoding of a model by its name, as the provider writes it ("gpt-4o-mini-2024-07-18"), also with an
/// owner in front ("openai/gpt-4o") or a fine-tuning mark ("ft:gpt-4o:..."); nullptr when it is not known.
[[nodiscard]] Encoding const* encoding_for_model(std::string_view model);

}  // namespace lowart

#if defined(LOWART_HEADER_ONLY)
#include <lowart/meter/encoding.ipp>
#endif
