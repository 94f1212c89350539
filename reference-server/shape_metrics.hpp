#pragma once
/// What /metrics tells of the shapes of a configuration.

#include "snapshot.hpp"

#include <lowart/gateway/metrics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::server {

inline void write_shapes(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 2> names{"model", "change"};
  out.head("gateway_shaped_total", "counter", "Calls whose request or answer was changed by a shape");
  for (auto const& [model, counts] : snapshot.shapes)
    for (std::size_t i = 0; i < reshaped_count; ++i)
      out.sample("gateway_shaped_total",
                 PrometheusText::labels(names, {model, to_string(static_cast<Reshaped>(i))}),
                 static_cast<std::int64_t>(counts->done[i].load(std::memory_order_relaxed)));
}

}  // namespace lowart::server
