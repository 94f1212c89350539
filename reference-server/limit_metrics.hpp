#pragma once
/// What /metrics tells of limits and how much of them is used.

#include "snapshot.hpp"
#include "webhooks.hpp"

#include <lowart/gateway/metrics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// The limits of targets, and then of the first subjects in the file: 1024 series at most. Money is in USD, as a float:
/// /v1/quota is exact.
inline std::vector<std::pair<std::string, LimitUse>> limits_to_show(Snapshot const& snapshot) {
  constexpr std::size_t most = 1024;
  LimitTime const now = moment_now();
  std::vector<std::pair<std::string, LimitUse>> all;
  auto const add = [&](LimitState const& state) {
    if (all.size() >= most) return;
    std::string const name = state.name();
    for (LimitUse const& use : state.uses(now))
      if (all.size() < most) all.emplace_back(name, use);
  };
  for (auto const& target : snapshot.target_limits) add(target.limit->state);
  for (auto const& subject : snapshot.subjects) add(*subject.state);
  return all;
}

inline void write_subject_limits(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 2> names{"subject", "limit"};
  constexpr double usd = 1e9;
  auto const all = limits_to_show(snapshot);
  auto const write = [&](std::string_view metric, std::string_view subject, LimitUse const& use,
                         std::int64_t value) {
    bool const is_money = quantity_of(use.kind) == LimitQuantity::cost;
    auto const labels = PrometheusText::labels(names, {subject, to_string(use.kind)});
    if (is_money) out.sample(metric, labels, static_cast<double>(value) / usd);
    else out.sample(metric, labels, value);
  };
  out.head("gateway_limit_used", "gauge", "What is used of a limit, running calls included");
  for (auto const& [subject, use] : all) write("gateway_limit_used", subject, use, use.used + use.reserved);
  out.head("gateway_limit_max", "gauge", "The limit");
  for (auto const& [subject, use] : all) write("gateway_limit_max", subject, use, use.limit);
}

inline void write_webhooks(Webhooks const& webhooks, PrometheusText& out) {
  out.head("gateway_webhooks_sent_total", "counter", "Messages that webhooks took");
  out.sample("gateway_webhooks_sent_total", "", webhooks.sent());
  out.head("gateway_webhooks_lost_total", "counter", "Messages that no webhook took, or that were too many");
  out.sample("gateway_webhooks_lost_total", "", webhooks.lost());
}

inline void write_limit_metrics(Snapshot const& snapshot, Webhooks const& webhooks, PrometheusText& out) {
  write_subject_limits(snapshot, out);
  write_webhooks(webhooks, out);
}

}  // namespace lowart::server
