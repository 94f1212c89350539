#pragma once
/// The `usage` object of the Anthropic dialect: read into disjoint counters, and written from them.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The figures of one message. Those of its start are followed by those of its end, which are cumulative and go before
/// them; what the end does not repeat stays.
///
/// input_tokens leaves cached tokens out here; output_tokens has the thinking in it; cache_creation_input_tokens has those
/// that were written for an hour, of which `cache_creation` tells how many they are. What a compaction took is told in
/// `iterations` alone and is added. The work of another model (an advisor) is not: it has another price.
class AnthropicUsage {
 public:
  /// Reads the usage of message_delta, or of a whole reply.
  void read(std::string_view object) {
    compacted_ = {};
    scan_object(object, [this](JsonMember const& m) {
      figures_.read(m);
      if (m.kind == JsonKind::string && m.key_is("service_tier"))
        tier_ = as_string_view(m.value).value_or("");
      if (m.kind == JsonKind::array && m.key_is("iterations")) read_iterations(m.value);
    });
  }
  /// Reads the usage of message_start. Its output is the first tokens only: left out, since more will come.
  void read_start(std::string_view object) {
    Figures const before = figures_;
    read(object);
    figures_.output = before.output;
    figures_.thinking = before.thinking;
  }

  Usage usage() const noexcept {
    Usage usage;
    if (figures_.input) usage.set(UsageClass::input, *figures_.input + compacted_.input.value_or(0));
    if (figures_.cache_read)
      usage.set(UsageClass::cache_read, *figures_.cache_read + compacted_.cache_read.value_or(0));
    if (auto const written = figures_.written()) {
      std::int64_t const all = *written + compacted_.written().value_or(0);
      std::int64_t const long_lived =
          std::min(figures_.write_1h.value_or(0) + compacted_.write_1h.value_or(0), all);
      usage.set(UsageClass::cache_write, all - long_lived);
      if (long_lived > 0) usage.set(UsageClass::cache_write_1h, long_lived);
    }
    if (figures_.searches.value_or(0) > 0) usage.set(UsageClass::searches, *figures_.searches);
    if (!figures_.output) return usage;
    // A provider's figures need not add up, ours do.
    std::int64_t const thinking = std::min(figures_.thinking.value_or(0), *figures_.output);
    if (figures_.thinking) usage.set(UsageClass::reasoning, thinking);
    usage.set(UsageClass::output, *figures_.output - thinking + compacted_.output.value_or(0));
    return usage;
  }
  /// Which tier served, in the provider's word; empty when it did not say.
  std::string_view service_tier() const noexcept { return tier_; }

 private:
  using Count = std::optional<std::int64_t>;

  struct Figures {
    Count input, output, cache_read, cache_write, write_5m, write_1h, thinking, searches;

    /// All that was written to the cache.
    Count written() const noexcept {
      if (cache_write || (!write_5m && !write_1h)) return cache_write;
      return write_5m.value_or(0) + write_1h.value_or(0);
    }

    void read(JsonMember const& m) {
      if (m.kind == JsonKind::object && m.key_is("output_tokens_details")) {
        if (auto const part = find_member(m.value, "thinking_tokens")) take(*part, thinking);
      } else if (m.kind == JsonKind::object && m.key_is("cache_creation")) {
        if (auto const part = find_member(m.value, "ephemeral_5m_input_tokens")) take(*part, write_5m);
        if (auto const part = find_member(m.value, "ephemeral_1h_input_tokens")) take(*part, write_1h);
      } else if (m.kind == JsonKind::object && m.key_is("server_tool_use")) {
        if (auto const part = find_member(m.value, "web_search_requests")) take(*part, searches);
      }
      if (m.kind != JsonKind::number) return;
      if (m.key_is("input_tokens")) take(m, input);
      else if (m.key_is("output_tokens")) take(m, output);
      else if (m.key_is("cache_read_input_tokens")) take(m, cache_read);
      else if (m.key_is("cache_creation_input_tokens")) take(m, cache_write);
    }
    static void take(JsonMember const& m, Count& out) {
      constexpr std::int64_t most = std::int64_t{1} << 53U;  // nothing adds up to an overflow
      if (auto const value = as_int(m.value)) out = std::clamp<std::int64_t>(*value, 0, most);
    }
    static void add(Count& to, Count const& more) {
      constexpr std::int64_t most = std::int64_t{1} << 60U;
      if (more) to = std::min(to.value_or(0) + *more, most);
    }
    void add(Figures const& more) {
      add(input, more.input), add(output, more.output);
      add(cache_read, more.cache_read), add(cache_write, more.cache_write);
      add(write_5m, more.write_5m), add(write_1h, more.write_1h);
    }
  };

  void read_iterations(std::string_view list) {
    scan_array(list, [this](JsonMember const& element) {
      if (element.kind != JsonKind::object) return;
      auto const type = find_member(element.value, "type");
      if (!type || type->value != "\"compaction\"") return;
      Figures one;
      scan_object(element.value, [&one](JsonMember const& m) { one.read(m); });
      compacted_.add(one);
    });
  }

  Figures figures_;
  Figures compacted_;
  std::string tier_;
};

/// Reads the usage object of a whole reply.
inline Usage read_anthropic_usage(std::string_view object) {
  AnthropicUsage all;
  all.read(object);
  return all.usage();
}

/// Writes the members of a usage object. Its clients need numbers for input and output: zero where nothing is known;
/// what they may find null is null then. What was written for how long, and searches, are told when there were such.
inline void encode_anthropic_usage(JsonWriter& w, Usage const& usage) {
  auto const count_or_null = [&](std::string_view name, std::optional<std::int64_t> const& v) {
    if (v) w.count(name, *v);
    else w.null(name);
  };
  w.count("input_tokens", usage.value(UsageClass::input) + usage.value(UsageClass::input_audio) +
                              usage.value(UsageClass::input_image));
  count_or_null("cache_creation_input_tokens", usage.cache_written());
  if (auto const long_lived = usage.get(UsageClass::cache_write_1h))
    w.begin_object("cache_creation")
        .count("ephemeral_5m_input_tokens", usage.value(UsageClass::cache_write))
        .count("ephemeral_1h_input_tokens", *long_lived)
        .end_object();
  count_or_null("cache_read_input_tokens", usage.get(UsageClass::cache_read));
  w.count("output_tokens", usage.output_total());
  if (auto const thinking = usage.get(UsageClass::reasoning))
    w.begin_object("output_tokens_details").count("thinking_tokens", *thinking).end_object();
  if (auto const searches = usage.get(UsageClass::searches))
    w.begin_object("server_tool_use").count("web_search_requests", *searches).end_object();
}

}  // namespace lowart::dialect
