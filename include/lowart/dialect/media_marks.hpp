#pragma once
/// media_in: which kinds of media a chat body carries, told by the words that mark its parts.

#include <lowart/core/intrinsics.hpp>
#include <lowart/model/usage_record.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lowart::dialect {

namespace media_marks {

struct Mark {
  std::string_view word;
  CallFeature feature;
};

/// The values of `type`, or names of members, that stand before media in any dialect that is spoken here. Each with both
/// quotes: in a text that is quoted within a text the last one has a backslash before it.
inline constexpr std::array<Mark, 12> marks{{
    {R"("image_url")", CallFeature::images},    // OpenAI chat, part and member
    {R"("input_image")", CallFeature::images},  // Responses
    {R"("image")", CallFeature::images},        // Anthropic, Bedrock
    {R"("images")", CallFeature::images},       // Ollama
    {R"("input_audio")", CallFeature::audio},   // OpenAI chat
    {R"("file")", CallFeature::files},          // OpenAI chat
    {R"("input_file")", CallFeature::files},    // Responses
    {R"("document")", CallFeature::files},      // Anthropic
    {R"("inlineData")", CallFeature::files},    // Gemini; what it is, its MIME type tells
    {R"("inline_data")", CallFeature::files},   // the same
    {R"("fileData")", CallFeature::files},      // the same
    {R"("file_data")", CallFeature::files},     // the same, and a file's bytes at OpenAI
}};

/// Gemini has one kind of part for all media: the type that follows says more.
inline CallFeature kind_after(std::string_view rest, CallFeature otherwise) noexcept {
  constexpr std::size_t reach =
      200;  // {"mimeType":"image/png", ... in either order would need a parser: a name first
  std::string_view const near = rest.substr(0, reach);
  if (near.find("\"image/") != std::string_view::npos) return CallFeature::images;
  if (near.find("\"audio/") != std::string_view::npos) return CallFeature::audio;
  return otherwise;
}

/// Most words that begin with a mark's first letter have another second one.
inline bool may_begin(char first, char second) noexcept {
  return first == 'i' ? second == 'm' || second == 'n' : first == 'd' ? second == 'o' : second == 'i';
}
inline void look_at(std::string_view body, std::size_t quote, CallFeatures& found) noexcept {
  constexpr std::size_t shortest = std::string_view(R"("file")").size();
  if (body.size() - quote < shortest || !may_begin(body[quote + 1], body[quote + 2])) return;
  std::string_view const here = body.substr(quote);
  for (Mark const& mark : marks) {
    if (mark.word[1] != here[1] || !here.starts_with(mark.word)) continue;
    bool const is_geminis = mark.word.starts_with("\"inline") || mark.word == R"("fileData")";
    found.add(is_geminis ? kind_after(here, mark.feature) : mark.feature);
    return;
  }
}

/// One pass, 32 places a step.
inline void look_through(std::string_view body, CallFeatures& found) noexcept {
  std::size_t at = 0;
#if defined(__AVX2__)
  // A quote, and behind it the first letter of a mark.
  __m256i const quote = _mm256_set1_epi8('"');
  __m256i const i = _mm256_set1_epi8('i'), f = _mm256_set1_epi8('f'), d = _mm256_set1_epi8('d');
  auto const candidates = [&](char const* p) {
    __m256i const a = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p));
    __m256i const b = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p + 1));
    __m256i const letter = _mm256_or_si256(_mm256_cmpeq_epi8(b, i),
                                           _mm256_or_si256(_mm256_cmpeq_epi8(b, f), _mm256_cmpeq_epi8(b, d)));
    return static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(a, quote), letter)));
  };
  // Most of a long body is text, without a quote for hundreds of bytes: four steps at once.
  auto const no_quote_in_four = [&](char const* p) {
    __m256i hits = _mm256_setzero_si256();
    for (std::size_t step = 0; step < 128; step += 32)
      hits = _mm256_or_si256(
          hits, _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(p + step)), quote));
    return _mm256_testz_si256(hits, hits) != 0;
  };
  auto const look_at_step = [&] {
    for (std::uint32_t bits = candidates(body.data() + at); bits != 0; bits &= bits - 1)
      look_at(body, at + static_cast<std::size_t>(std::countr_zero(bits)), found);
    at += 32;
  };
  while (at + 129 <= body.size()) {
    if (no_quote_in_four(body.data() + at)) at += 128;
    else
      for (int step = 0; step < 4; ++step) look_at_step();
  }
  while (at + 33 <= body.size()) look_at_step();
#endif
  while ((at = body.find('"', at)) != std::string_view::npos) look_at(body, at++, found);
}

}  // namespace media_marks

/// Images, audio and files that a request's body says it has. Reads no structure: a member that a client names like one of
/// the marks counts as one. Of a body over 64 KiB only both ends are looked at, half of that each: a whole look through
/// 256 KiB cost a quarter of the call. No allocation.
inline CallFeatures media_in(std::string_view body) noexcept {
  constexpr std::size_t reach = std::size_t{32} << 10U;
  CallFeatures found;
  if (body.size() <= 2 * reach) {
    media_marks::look_through(body, found);
  } else {
    media_marks::look_through(body.substr(0, reach), found);
    media_marks::look_through(body.substr(body.size() - reach), found);
  }
  return found;
}

}  // namespace lowart::dialect
