#pragma once
/// What a reply of Cohere used: `usage` of a chat, `meta` of embeddings.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/openai_usage.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace lowart::dialect {

namespace cohere_usage {

using Count = openai_usage::Count;

/// Cohere's counts are numbers of any kind; a fraction counts as a whole token.
inline Count count_of(JsonMember const& member) noexcept {
  if (member.kind != JsonKind::number) return std::nullopt;
  if (auto const whole = as_int(member.value)) return *whole < 0 ? std::nullopt : whole;
  constexpr double most = 9e15;  // what a double tells exactly
  double number = -1;
  auto const* const end = member.value.data() + member.value.size();
  auto const [at, error] = std::from_chars(member.value.data(), end, number);
  if (error != std::errc() || at != end || !(number >= 0 && number <= most)) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(number));
}

struct Figures {
  Count input, output;
};
inline Figures read_figures(std::string_view object) {
  Figures figures;
  scan_object(object, [&](JsonMember const& m) {
    if (m.key_is("input_tokens")) figures.input = count_of(m);
    else if (m.key_is("output_tokens")) figures.output = count_of(m);
  });
  return figures;
}

}  // namespace cohere_usage

/// What is paid for: `billed_units`. Cohere puts a prompt of its own around what it is asked, some hundred tokens, and
/// does not charge for it; `tokens` and `cached_tokens` count all that the model read, `billed_units` what is on the bill.
/// So cached tokens cannot be taken out of the billed ones, and have no price of their own.
///
/// A count that `billed_units` lacks (servers of one's own) is that of `tokens`; there cached ones are told apart.
inline Usage read_cohere_usage(std::string_view object) {
  using namespace cohere_usage;
  Figures const billed = read_figures(object_in(object, "billed_units"));
  Figures const processed = read_figures(object_in(object, "tokens"));
  Usage usage;
  if (billed.input) {
    usage.set(UsageClass::input, *billed.input);
  } else if (processed.input) {
    auto const cached = find_member(object, "cached_tokens");
    std::int64_t rest = *processed.input;
    if (cached) openai_usage::split(usage, UsageClass::cache_read, count_of(*cached), rest);
    usage.set(UsageClass::input, rest);
  }
  if (auto const output = billed.output ? billed.output : processed.output)
    usage.set(UsageClass::output, *output);
  return usage;
}

}  // namespace lowart::dialect
