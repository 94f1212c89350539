#pragma once
/// Gemini's usageMetadata, read into disjoint counters and written.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/gemini_spelling.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart::dialect {

namespace gemini_usage {

using Count = std::optional<std::int64_t>;

/// Tokens by modality, of one of the lists of details.
struct Details {
  std::int64_t audio{0}, image{0};
  bool told{false};
};

/// The figures as they stand on the wire, where they overlap.
struct Figures {
  Count prompt, candidates, total, cached, thoughts, tool_prompt;
  Details prompt_by, cached_by, candidates_by, tool_prompt_by;
};

inline Count count_of(JsonMember const& member) {
  auto const value = member.kind == JsonKind::number ? as_int(member.value) : std::nullopt;
  return value ? Count(std::max<std::int64_t>(*value, 0)) : std::nullopt;
}

inline Details details_of(JsonMember const& list) {
  Details found;
  if (list.kind != JsonKind::array) return found;
  scan_array(list.value, [&](JsonMember const& entry) {
    std::string_view modality;
    std::int64_t tokens = 0;
    scan_object(entry.value, [&](JsonMember const& m) {
      if (m.key == "modality") modality = m.value;
      else if (gemini_key_is(m, "tokenCount")) tokens = count_of(m).value_or(0);
    });
    found.told = true;
    if (modality == "\"AUDIO\"" || modality == "4") found.audio += tokens;  // old clients see numbers
    if (modality == "\"IMAGE\"" || modality == "2") found.image += tokens;
  });
  return found;
}

inline Figures figures_of(std::string_view object) {
  Figures f;
  scan_object(object, [&](JsonMember const& m) {
    if (m.kind == JsonKind::string || m.key.size() < 15) return;  // trafficType, serviceTier
    if (m.key == "promptTokenCount") f.prompt = count_of(m);
    else if (m.key == "candidatesTokenCount") f.candidates = count_of(m);
    else if (m.key == "totalTokenCount") f.total = count_of(m);
    else if (m.key == "thoughtsTokenCount") f.thoughts = count_of(m);
    else if (m.key == "promptTokensDetails") f.prompt_by = details_of(m);
    else if (m.key == "candidatesTokensDetails") f.candidates_by = details_of(m);
    else if (m.key == "cachedContentTokenCount") f.cached = count_of(m);
    else if (m.key == "cacheTokensDetails") f.cached_by = details_of(m);
    else if (m.key == "toolUsePromptTokenCount") f.tool_prompt = count_of(m);
    else if (m.key == "toolUsePromptTokensDetails") f.tool_prompt_by = details_of(m);
  });
  return f;
}

/// Takes `amount` out of `rest`, at most what is there: a provider's figures need not add up, ours do.
inline void split(Usage& usage, UsageClass of, std::int64_t amount, std::int64_t& rest) {
  amount = std::clamp<std::int64_t>(amount, 0, rest);
  usage.set(of, amount);
  rest -= amount;
}

}  // namespace gemini_usage

/// Reads a usageMetadata object. The prompt includes what was cached, but not what tools of Google's own added; the
/// candidates exclude the thoughts. `final` says that the answer has finished: figures that are left out then are
/// zero, as Google leaves out zeros; before, they are not told yet.
inline Usage read_gemini_usage(std::string_view object, bool final) {
  using namespace gemini_usage;
  Figures const f = figures_of(object);
  Usage usage;
  if (f.prompt) {
    std::int64_t rest = *f.prompt + f.tool_prompt.value_or(0);
    if (f.cached) split(usage, UsageClass::cache_read, *f.cached, rest);
    auto const fresh = [&](std::int64_t Details::* of) {
      return f.prompt_by.*of + f.tool_prompt_by.*of - f.cached_by.*of;
    };
    if (fresh(&Details::audio) > 0) split(usage, UsageClass::input_audio, fresh(&Details::audio), rest);
    if (fresh(&Details::image) > 0) split(usage, UsageClass::input_image, fresh(&Details::image), rest);
    usage.set(UsageClass::input, rest);
  }
  if (f.thoughts) usage.set(UsageClass::reasoning, *f.thoughts);
  Count candidates = f.candidates;
  if (!candidates && final && f.prompt && f.total)
    candidates =
        std::max<std::int64_t>(*f.total - *f.prompt - f.tool_prompt.value_or(0) - f.thoughts.value_or(0), 0);
  if (!candidates) return usage;
  std::int64_t rest = *candidates;
  if (f.candidates_by.audio > 0) split(usage, UsageClass::output_audio, f.candidates_by.audio, rest);
  if (f.candidates_by.image > 0) split(usage, UsageClass::output_image, f.candidates_by.image, rest);
  usage.set(UsageClass::output, rest);
  return usage;
}

namespace gemini_usage {

inline void write_detail(JsonWriter& w, std::string_view modality, std::int64_t tokens) {
  if (tokens > 0) w.begin_object().text("modality", modality).count("tokenCount", tokens).end_object();
}

}  // namespace gemini_usage

/// Writes "usageMetadata" with Gemini's sums; what nobody reported is left out. Modalities are told when there is more
/// than text.
inline void write_gemini_usage(JsonWriter& w, Usage const& usage) {
  using gemini_usage::write_detail;
  std::int64_t const audio = usage.value(UsageClass::input_audio),
                     image = usage.value(UsageClass::input_image);
  std::int64_t const spoken = usage.value(UsageClass::output_audio),
                     drawn = usage.value(UsageClass::output_image);
  auto const sum_if = [&](std::string_view name, std::int64_t sum, bool reported) {
    if (reported) w.count(name, sum);
  };
  w.begin_object("usageMetadata");
  sum_if("promptTokenCount", usage.input_total(), usage.get(UsageClass::input) || usage.input_total() > 0);
  sum_if("candidatesTokenCount", usage.value(UsageClass::output) + spoken + drawn,
         usage.get(UsageClass::output) || spoken > 0 || drawn > 0);
  w.count("totalTokenCount", usage.total());
  w.count_if("cachedContentTokenCount", usage.get(UsageClass::cache_read));
  w.count_if("thoughtsTokenCount", usage.get(UsageClass::reasoning));
  if (audio > 0 || image > 0) {
    w.begin_list("promptTokensDetails");
    write_detail(w, "TEXT", usage.input_total() - audio - image);
    write_detail(w, "AUDIO", audio);
    write_detail(w, "IMAGE", image);
    w.end_list();
  }
  if (spoken > 0 || drawn > 0) {
    w.begin_list("candidatesTokensDetails");
    write_detail(w, "TEXT", usage.value(UsageClass::output));
    write_detail(w, "AUDIO", spoken);
    write_detail(w, "IMAGE", drawn);
    w.end_list();
  }
  w.end_object();
}

}  // namespace lowart::dialect
