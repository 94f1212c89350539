#pragma once
/// The usage of a Converse answer, read into disjoint counters.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace lowart::dialect {

/// The tokens of [{"ttl": "1h", "inputTokens": 1}, ...] that are kept for an hour.
inline std::int64_t written_for_an_hour(std::string_view details) {
  std::int64_t tokens = 0;
  scan_array(details, [&](JsonMember const& entry) {
    if (entry.kind != JsonKind::object) return;
    auto const ttl = find_member(entry.value, "ttl");
    auto const count = find_member(entry.value, "inputTokens");
    if (!ttl || ttl->value != "\"1h\"" || !count) return;
    constexpr std::int64_t most = std::int64_t{1} << 53U;  // nothing adds up to an overflow
    tokens = std::min(tokens + std::clamp<std::int64_t>(as_int(count->value).value_or(0), 0, most), most);
  });
  return tokens;
}

/// Reads a TokenUsage object. `inputTokens` has neither what was read from the cache nor what was written to it: the
/// counters are disjoint as they come, but for what was written for an hour, which `cacheDetails` tells. What is left out
/// is not told.
inline Usage read_bedrock_usage(std::string_view object) {
  Usage usage;
  std::int64_t long_lived = 0;
  scan_object(object, [&](JsonMember const& m) {
    if (m.kind == JsonKind::array && m.key_is("cacheDetails")) long_lived = written_for_an_hour(m.value);
    auto const tokens = m.kind == JsonKind::number ? as_int(m.value) : std::nullopt;
    if (!tokens) return;
    if (m.key_is("inputTokens")) usage.set(UsageClass::input, *tokens);
    else if (m.key_is("outputTokens")) usage.set(UsageClass::output, *tokens);
    else if (m.key_is("cacheReadInputTokens")) usage.set(UsageClass::cache_read, *tokens);
    else if (m.key_is("cacheWriteInputTokens")) usage.set(UsageClass::cache_write, *tokens);
  });
  std::int64_t const written = usage.value(UsageClass::cache_write);
  if (std::int64_t const part = std::min(long_lived, written); part > 0) {
    usage.set(UsageClass::cache_write, written - part);
    usage.set(UsageClass::cache_write_1h, part);
  }
  return usage;
}

}  // namespace lowart::dialect
