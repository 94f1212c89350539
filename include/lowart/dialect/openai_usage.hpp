#pragma once
/// The `usage` object of the OpenAI dialect, read into disjoint counters. Every vendor's way of it.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart::dialect {

namespace openai_usage {

using Count = std::optional<std::int64_t>;

inline void take(JsonMember const& member, std::string_view name, Count& out) {
  if (!member.key_is(name)) return;
  if (auto const value = as_int(member.value)) out = std::max<std::int64_t>(*value, 0);
}

/// The figures as they stand on the wire, where they overlap.
struct Figures {
  Count prompt, completion, total, cached, cache_write, prompt_audio, prompt_image, reasoning,
      completion_audio;

  void read(std::string_view object) {
    Count hit;
    scan_object(object, [&](JsonMember const& member) {
      take(member, "prompt_tokens", prompt);
      take(member, "completion_tokens", completion);
      take(member, "total_tokens", total);
      take(member, "cached_tokens", hit);            // Moonshot
      take(member, "prompt_cache_hit_tokens", hit);  // DeepSeek
      if (member.kind != JsonKind::object) return;
      if (member.key_is("prompt_tokens_details")) read_prompt_details(member.value);
      if (member.key_is("completion_tokens_details")) read_completion_details(member.value);
    });
    if (!cached) cached = hit;
  }
  void read_prompt_details(std::string_view object) {
    scan_object(object, [&](JsonMember const& member) {
      take(member, "cached_tokens", cached);
      take(member, "cache_write_tokens", cache_write);  // OpenRouter
      take(member, "audio_tokens", prompt_audio);
      take(member, "image_tokens", prompt_image);  // xAI
    });
  }
  void read_completion_details(std::string_view object) {
    scan_object(object, [&](JsonMember const& member) {
      take(member, "reasoning_tokens", reasoning);
      take(member, "audio_tokens", completion_audio);
    });
  }
};

/// Takes `part` out of `rest`, at most what is there: a provider's figures need not add up, ours do.
inline void split(Usage& usage, UsageClass of, Count const& part, std::int64_t& rest) {
  if (!part) return;
  std::int64_t const amount = std::min(*part, rest);
  usage.set(of, amount);
  rest -= amount;
}

/// xAI counts reasoning beside the completion, not in it; its total tells.
inline bool reasoning_is_apart(Figures const& f) noexcept {
  if (!f.reasoning || *f.reasoning == 0 || !f.total || !f.prompt || !f.completion) return false;
  return *f.total - *f.prompt - *f.completion == *f.reasoning;
}

}  // namespace openai_usage

/// Reads a usage object. Cached, written, audio and image tokens are taken out of the prompt, reasoning and
/// audio out of the completion, never below zero; what is not reported stays absent.
inline Usage read_openai_usage(std::string_view object) {
  using namespace openai_usage;
  Figures f;
  f.read(object);
  Usage usage;
  if (f.prompt) {
    std::int64_t rest = *f.prompt;
    split(usage, UsageClass::cache_read, f.cached, rest);
    split(usage, UsageClass::cache_write, f.cache_write, rest);
    split(usage, UsageClass::input_audio, f.prompt_audio, rest);
    split(usage, UsageClass::input_image, f.prompt_image, rest);
    usage.set(UsageClass::input, rest);
  }
  if (f.completion) {
    std::int64_t rest = *f.completion;
    if (reasoning_is_apart(f))
      usage.set(UsageClass::reasoning, *f.reasoning);
    else
      split(usage, UsageClass::reasoning, f.reasoning, rest);
    split(usage, UsageClass::output_audio, f.completion_audio, rest);
    usage.set(UsageClass::output, rest);
  }
  return usage;
}

}  // namespace lowart::dialect
