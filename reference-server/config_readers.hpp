#pragma once
/// Readers of what stands in several places of lowart.yaml.

#include "config.hpp"
#include "yaml_reader.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

inline void read_timeouts(YamlMap& parent, std::string_view name, Clocks& clocks) {
  auto map = parent.map(name);
  if (!map) return;
  map->duration("connect", clocks.connect);
  map->duration("first_token", clocks.first_token);
  map->duration("between_tokens", clocks.between_tokens);
  map->duration("whole", clocks.whole);
  map->finish();
}

inline void read_retry(YamlMap& parent, RetryOptions& retry) {
  auto map = parent.map("retry");
  if (!map) return;
  map->integer("attempts", retry.attempts, 1, 10);
  map->finish();
}

/// `hedge: {after: p95, budget: 5%}`; unset where the block has none.
inline void read_hedge(YamlMap& parent, std::optional<HedgeOptions>& hedge) {
  auto map = parent.map("hedge");
  if (!map) return;
  hedge.emplace();
  std::string after;
  map->text("after", after);
  std::string_view const digits = std::string_view(after).substr(after.empty() ? 0 : 1);
  bool const learned = after.starts_with('p') && digits.size() == 2 && digits >= "50" && digits <= "99";
  if (learned) hedge->percentile = (digits[0] - '0') * 10 + (digits[1] - '0');
  else if (after.starts_with('p'))
    map->wrong("after", "'after' is p50 to p99, or a time such as 800ms, not '" + after + "'");
  else if (!after.empty()) map->duration("after", hedge->after);
  if (hedge->after > std::chrono::hours(1) || (map->has("after") && !learned && hedge->after.count() == 0))
    map->wrong("after", "'after' is p50 to p99, or a time from 1ms to 1h, not '" + after + "'");
  map->percent("budget", hedge->budget_percent, 1, 100);
  map->finish();
}

/// `bulkhead: {concurrency: 20, queue: 100, wait: 10s}`; unset where the block has none.
inline void read_bulkhead(YamlMap& parent, std::optional<BulkheadOptions>& bulkhead) {
  auto map = parent.map("bulkhead");
  if (!map) return;
  bulkhead.emplace();
  map->integer("concurrency", bulkhead->concurrency, 1, 1'000'000);
  map->integer("queue", bulkhead->queue, 0, 10'000);
  map->duration("wait", bulkhead->wait);
  if (!map->has("concurrency")) map->wrong("a 'bulkhead' needs 'concurrency', the number of calls at once");
  if (bulkhead->wait > std::chrono::hours(1)) map->wrong("wait", "'wait' is at most 1h");
  map->finish();
}

inline ProviderConfig const* find_provider(std::vector<ProviderConfig> const& providers,
                                           std::string_view name) {
  auto const found =
      std::find_if(providers.begin(), providers.end(), [&](auto const& p) { return p.name == name; });
  return found == providers.end() ? nullptr : &*found;
}

}  // namespace lowart::server
