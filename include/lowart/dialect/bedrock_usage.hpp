#pragma once
/// The usage of a Converse answer, read into disjoint counters.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <cstdint>
#include <string_view>

namespace lowart::dialect {

/// Reads a TokenUsage object. `inputTokens` has neither what was read from the cache nor what was written to it: the
/// counters are disjoint as they come. What is left out is not told.
inline Usage read_bedrock_usage(std::string_view object) {
  Usage usage;
  scan_object(object, [&](JsonMember const& m) {
    auto const tokens = m.kind == JsonKind::number ? as_int(m.value) : std::nullopt;
    if (!tokens) return;
    if (m.key_is("inputTokens")) usage.set(UsageClass::input, *tokens);
    else if (m.key_is("outputTokens")) usage.set(UsageClass::output, *tokens);
    else if (m.key_is("cacheReadInputTokens")) usage.set(UsageClass::cache_read, *tokens);
    else if (m.key_is("cacheWriteInputTokens")) usage.set(UsageClass::cache_write, *tokens);
  });
  return usage;
}

}  // namespace lowart::dialect
