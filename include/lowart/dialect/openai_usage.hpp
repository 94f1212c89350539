#pragma once
/// The `usage` object of the OpenAI dialect, read into disjoint counters. Every vendor's way of it.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/json_walk.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart::dialect {

namespace openai_usage {

using Count = std::optional<std::int64_t>;

/// What the members are called: chat and completions here, Responses in responses_usage.hpp.
struct Names {
  std::string_view prompt, completion, prompt_details, completion_details;
};
inline constexpr Names chat_names{"prompt_tokens", "completion_tokens", "prompt_tokens_details",
                                  "completion_tokens_details"};

/// The figures as they stand on the wire, where they overlap.
struct Figures {
  Count prompt, completion, total, cached, cache_write, prompt_audio, prompt_image, reasoning,
      completion_audio, completion_image;

  void read(std::string_view object, Names const& names) {
    JsonCursor cursor(object);
    cursor.skip_space();
    read(cursor, names);
  }
  /// The object at the cursor, in one pass. False when the text breaks off.
  bool read(JsonCursor& cursor, Names const& names) {
    Count hit;
    bool const whole = walk_object(cursor, [&](std::string_view name, JsonCursor& at) {
      if (name == names.prompt) return take(at, prompt);
      if (name == names.completion) return take(at, completion);
      if (name == "total_tokens") return take(at, total);
      if (name == "cached_tokens" || name == "prompt_cache_hit_tokens")
        return take(at, hit);  // Moonshot, DeepSeek
      if (name == names.prompt_details)
        return walk_object(at, [this](auto n, auto& v) { return read_prompt(n, v); });
      if (name == names.completion_details)
        return walk_object(at, [this](auto n, auto& v) { return read_completion(n, v); });
      return step_over(at);
    });
    if (!cached) cached = hit;
    return whole;
  }

 private:
  bool read_prompt(std::string_view name, JsonCursor& at) {
    if (name == "cached_tokens") return take(at, cached);
    if (name == "cache_write_tokens") return take(at, cache_write);  // OpenRouter
    if (name == "audio_tokens") return take(at, prompt_audio);
    if (name == "image_tokens") return take(at, prompt_image);  // xAI
    return step_over(at);
  }
  bool read_completion(std::string_view name, JsonCursor& at) {
    if (name == "reasoning_tokens") return take(at, reasoning);
    if (name == "audio_tokens") return take(at, completion_audio);
    if (name == "image_tokens") return take(at, completion_image);  // images, OpenRouter
    return step_over(at);
  }

  static bool take(JsonCursor& at, Count& out) {
    std::int64_t count = 0;
    if (at.take_count(count)) return out = count, true;
    char const* const begin = at.at();
    JsonKind kind{};
    if (at.skip_value(kind) != JsonScan::ok) return false;
    if (kind != JsonKind::number) return true;
    auto const value = as_int(std::string_view(begin, static_cast<std::size_t>(at.at() - begin)));
    if (value) out = std::max<std::int64_t>(*value, 0);
    return true;
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

inline Usage disjoint(Figures const& f) {
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
    if (reasoning_is_apart(f)) usage.set(UsageClass::reasoning, *f.reasoning);
    else split(usage, UsageClass::reasoning, f.reasoning, rest);
    split(usage, UsageClass::output_audio, f.completion_audio, rest);
    if (f.completion_image.value_or(0) > 0) split(usage, UsageClass::output_image, f.completion_image, rest);
    usage.set(UsageClass::output, rest);
  }
  return usage;
}

}  // namespace openai_usage

/// Reads a usage object. Cached, written, audio and image tokens are taken out of the prompt, reasoning, audio
/// and image out of the completion, never below zero; what is not reported stays absent.
inline Usage read_openai_usage(std::string_view object) {
  openai_usage::Figures f;
  f.read(object, openai_usage::chat_names);
  return openai_usage::disjoint(f);
}

}  // namespace lowart::dialect
