#pragma once
/// What was done and refused at the desk, as Prometheus reads it.

#include "admin/admin_desk.hpp"

#include <lowart/gateway/metrics.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::server {

inline void write_desk_metrics(DeskCounts const& counts, std::size_t keys, PrometheusText& out) {
  auto const sample = [&](std::string_view name, std::string_view labels,
                          std::atomic<std::int64_t> const& count) {
    out.sample(name, labels, count.load(std::memory_order_relaxed));
  };
  out.head("gateway_admin_acts_total", "counter",
           "Acts of administration that change something, and those refused");
  sample("gateway_admin_acts_total", R"(outcome="done")", counts.done);
  sample("gateway_admin_acts_total", R"(outcome="denied")", counts.denied);
  sample("gateway_admin_acts_total", R"(outcome="failed")", counts.failed);
  out.head("gateway_logins_total", "counter", "Logins and refreshes of sessions");
  sample("gateway_logins_total", R"(outcome="done")", counts.logins);
  sample("gateway_logins_total", R"(outcome="denied")", counts.denied_logins);
  out.head("gateway_keys", "gauge", "API keys that work");
  out.sample("gateway_keys", "", static_cast<std::int64_t>(keys));
}

}  // namespace lowart::server
