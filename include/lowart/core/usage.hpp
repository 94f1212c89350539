#pragma once
/// Token usage: disjoint counters, each either reported or absent, and where they came from.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart {

/// The classes of usage a provider bills apart. Disjoint: no token is in two of them. First those that are tokens, then
/// those that are sold by another unit. Their numbers stand in journals and databases: add at the end of a kind only
/// together with a new version of both.
enum class UsageClass : std::uint8_t {
  input,       ///< Input tokens that were not served from a cache (audio and image excluded when told apart).
  cache_read,  ///< Input tokens served from the provider's prompt cache.
  cache_write,  ///< Input tokens written to the provider's prompt cache, for its shortest time (or an untold one).
  output,       ///< Output tokens that the client sees (reasoning, audio and image excluded when told apart).
  reasoning,  ///< Output tokens spent on reasoning.
  input_audio,
  output_audio,
  input_image,
  cache_write_1h,  ///< Input tokens written to the provider's prompt cache for an hour.
  output_image,
  images,              ///< Pictures made.
  audio_milliseconds,  ///< Length of audio heard or spoken.
  characters,          ///< Of text that is sold by the character.
  searches,            ///< Searches of the web or of documents, rankings included.
};
inline constexpr std::size_t token_class_count = 10;
inline constexpr std::size_t usage_class_count = 14;

constexpr bool is_tokens(UsageClass c) noexcept { return static_cast<std::size_t>(c) < token_class_count; }

constexpr std::string_view to_string(UsageClass c) noexcept {
  constexpr std::array<std::string_view, usage_class_count> names{
      "input",       "cache_read",         "cache_write", "output",         "reasoning",
      "input_audio", "output_audio",       "input_image", "cache_write_1h", "output_image",
      "images",      "audio_milliseconds", "characters",  "searches"};
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
  /// All tokens written to the cache, for however long; nullopt when nothing of it was reported.
  std::optional<std::int64_t> cache_written() const noexcept {
    auto const written = get(UsageClass::cache_write);
    auto const long_lived = get(UsageClass::cache_write_1h);
    return long_lived ? written.value_or(0) + *long_lived : written;
  }
  /// All tokens the provider read: uncached, cached, written, audio, image.
  std::int64_t input_total() const noexcept {
    return value(UsageClass::input) + value(UsageClass::cache_read) + value(UsageClass::cache_write) +
           value(UsageClass::cache_write_1h) + value(UsageClass::input_audio) +
           value(UsageClass::input_image);
  }
  /// All tokens the provider wrote: output, reasoning, audio, image.
  std::int64_t output_total() const noexcept {
    return value(UsageClass::output) + value(UsageClass::reasoning) + value(UsageClass::output_audio) +
           value(UsageClass::output_image);
  }
  /// All tokens; other units are no tokens.
  std::int64_t total() const noexcept { return input_total() + output_total(); }

  friend bool operator==(Usage const&, Usage const&) = default;

 private:
  static constexpr std::size_t index(UsageClass c) noexcept { return static_cast<std::size_t>(c); }
  static constexpr std::array<std::int64_t, usage_class_count> nothing() noexcept {
    std::array<std::int64_t, usage_class_count> counts{};
    counts.fill(-1);
    return counts;
  }
  std::array<std::int64_t, usage_class_count> counts_ = nothing();
};

}  // namespace lowart
