#pragma once
/// Reads the `cache` of a group.

#include "route_config.hpp"
#include "yaml_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace lowart::server {

inline std::optional<CacheConfig> read_cache(YamlMap& parent) {
  auto map = parent.map("cache");
  if (!map) return std::nullopt;
  CacheConfig cache;
  CacheOptions& options = cache.options;
  map->duration("ttl", options.ttl);
  map->bytes("size", options.size, std::size_t{64} << 10U, std::size_t{1} << 40U);
  map->bytes("entry", options.entry, std::size_t{1} << 10U, std::size_t{1} << 30U);
  map->duration("wait", options.wait);
  map->flag("shared", cache.shared);
  if (options.ttl.count() == 0)
    map->wrong("ttl", "'ttl' is a time above 0; leave 'cache' out to keep nothing");
  if (options.wait.count() == 0) map->wrong("wait", "'wait' is a time above 0");
  if (map->has("entry") && options.entry > options.size)
    map->wrong("entry", "an 'entry' cannot be larger than the 'size' of all");
  options.entry = std::min(options.entry, options.size);
  map->finish();
  return cache;
}

}  // namespace lowart::server
