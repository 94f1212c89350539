#pragma once
/// What /metrics tells of the caches of a configuration.

#include "snapshot.hpp"

#include <lowart/gateway/metrics.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace lowart::server {

inline void write_caches(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 2> names{"cache", "result"};
  constexpr std::array<std::string_view, 1> name{"cache"};
  auto const each = [&](auto const& f) {
    for (auto const& cache : snapshot.caches) f(cache, cache.cache->figures());
  };
  auto const one = [&](std::string_view metric, std::size_t CacheFigures::* figure) {
    each([&](NamedCache const& cache, CacheFigures const& figures) {
      out.sample(metric, PrometheusText::labels(name, {cache.name}),
                 static_cast<std::int64_t>(figures.*figure));
    });
  };
  out.head("gateway_cache_calls_total", "counter", "Calls at a cache, by how they were answered");
  each([&](NamedCache const& cache, CacheFigures const& figures) {
    auto const sample = [&](std::string_view result, std::uint64_t count) {
      out.sample("gateway_cache_calls_total", PrometheusText::labels(names, {cache.name, result}),
                 static_cast<std::int64_t>(count));
    };
    sample("hit", figures.hits);
    sample("miss", figures.misses);
    sample("joined", figures.joined);
  });
  out.head("gateway_cache_evicted_total", "counter", "Answers that went before their time");
  one("gateway_cache_evicted_total", &CacheFigures::evicted);
  out.head("gateway_cache_bytes", "gauge", "Memory of the answers that are kept");
  one("gateway_cache_bytes", &CacheFigures::bytes);
  out.head("gateway_cache_entries", "gauge", "Answers that are kept");
  one("gateway_cache_entries", &CacheFigures::entries);
}

}  // namespace lowart::server
