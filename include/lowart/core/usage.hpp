#pragma once
/// Token usage: disjoint counters, each either reported or absent, and where they came from.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart {

/// The classes of usage a provider bills apart. Disjoint: no token is in two of them.
enum class UsageClass : std::uint8_t {
  input,       ///< Input tokens that were not served from a cache (audio and image excluded when told apart).
  cache_read,  ///< Input tokens served from the provider's prompt cache.
  cache_write,  ///< Input tokens written to the provider's prompt cache.
  output,       ///< Output tokens that the client sees (reasoning and audio excluded when told apart).
  reasoning,    ///< Output tokens spent on reasoning.
  input_audio,
  output_audio,
  input_image,
};
inline constexpr std::size_t usage_class_count = 8;

constexpr std::string_view to_string(UsageClass c) noexcept {
  constexpr std::array<std::string_view, usage_class_count> names{"input",        "cache_read", "cache_write",
                                                                  "output",       "reasoning",  "input_audio",
                                                                  "output_audio", "input_image"};
  return names[static_cast<std::size_t>(c)];
}

/// How far a record can be trusted.
enum class Provenance : std::uint8_t {
  none,       ///< Nothing was used, or nothing was told that could be counted.
  reported,   ///< The provider's own final figures.
  counted,    ///< Counted here with the model's tokenizer, because the provider said nothing.
  partial,    ///< The call did not run to its end: counted up to where it stopped.
  estimated,  ///< Counted here with another model's tokenizer, because this model's is not known.
  cached,     ///< Nothing was used: the answer was there from an earlier call.
};

constexpr std::string_view to_string(Provenance p) noexcept {
  constexpr std::array<std::string_view, 6> names{"none",    "reported",  "counted",
                                                  "partial", "estimated", "cached"};
  return names[static_cast<std::size_t>(p)];
}

/// Counters of one call. "Not reported" (nullopt) is not zero.
class Usage {
 public:
  std::optional<std::int64_t> get(UsageClass c) const noexcept {
    auto const v = counts_[index(c)];
    return v < 0 ? std::nullopt : std::optional<std::int64_t>(v);
  }
  /// Zero where nothing was reported; for sums only.
  std::int64_t value(UsageClass c) const noexcept {
    auto const v = counts_[index(c)];
    return v < 0 ? 0 : v;
  }
  /// A later snapshot replaces an earlier one: set, never add. Negative values are refused as absent.
  void set(UsageClass c, std::int64_t tokens) noexcept { counts_[index(c)] = tokens < 0 ? -1 : tokens; }

  /// What two providers used for one call. A class that neither reported stays absent.
  void add(Usage const& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (other.counts_[i] >= 0) counts_[i] = (counts_[i] < 0 ? 0 : counts_[i]) + other.counts_[i];
  }

  bool empty() const noexcept {
    for (auto v : counts_)
      if (v >= 0) return false;
    return true;
  }
  /// Everything the provider read: uncached, cached, written, audio, image.
  std::int64_t input_total() const noexcept {
    return value(UsageClass::input) + value(UsageClass::cache_read) + value(UsageClass::cache_write) +
           value(UsageClass::input_audio) + value(UsageClass::input_image);
  }
  /// Everything the provider wrote: output, reasoning, audio.
  std::int64_t output_total() const noexcept {
    return value(UsageClass::output) + value(UsageClass::reasoning) + value(UsageClass::output_audio);
  }
  std::int64_t total() const noexcept { return input_total() + output_total(); }

  friend bool operator==(Usage const&, Usage const&) = default;

 private:
  static constexpr std::size_t index(UsageClass c) noexcept { return static_cast<std::size_t>(c); }
  std::array<std::int64_t, usage_class_count> counts_{-1, -1, -1, -1, -1, -1, -1, -1};
};

}  // namespace lowart
