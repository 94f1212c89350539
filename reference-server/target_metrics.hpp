#pragma once
/// What /metrics tells of the targets of a configuration: their breakers, loads and limits.

#include "cache_metrics.hpp"
#include "shape_metrics.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/metrics.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::server {

/// `key` is a label only where a provider has several.
inline std::string labels_of(NamedBreaker const& breaker) {
  constexpr std::array<std::string_view, 3> names{"provider", "model", "key"};
  std::string const key = std::to_string(breaker.key);
  std::span<std::string_view const> const told(names.data(), breaker.key == 0 ? 2 : 3);
  return PrometheusText::labels(told, {breaker.provider, breaker.model, key});
}

inline void write_breakers(Snapshot const& snapshot, PrometheusText& out) {
  out.head("gateway_breaker_state", "gauge", "0 closed, 1 half open, 2 open");
  for (auto const& breaker : snapshot.breakers) {
    auto const position = breaker.state->position();
    std::int64_t const value = position == BreakerPosition::closed      ? 0
                               : position == BreakerPosition::half_open ? 1
                                                                        : 2;
    out.sample("gateway_breaker_state", labels_of(breaker), value);
  }
  out.head("gateway_breaker_opened_total", "counter", "How often a breaker has opened");
  for (auto const& breaker : snapshot.breakers)
    out.sample("gateway_breaker_opened_total", labels_of(breaker),
               static_cast<std::int64_t>(breaker.state->opened_count()));
}

inline void write_loads(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 2> names{"pool", "target"};
  auto const now = std::chrono::steady_clock::now();
  out.head("gateway_target_in_flight", "gauge", "Calls that a target of a balanced pool answers now");
  for (auto const& load : snapshot.loads)
    out.sample("gateway_target_in_flight", PrometheusText::labels(names, {load.pool, load.target}),
               load.load->in_flight());
  out.head("gateway_target_latency_seconds", "gauge", "Peak EWMA of the time until its answers begin");
  for (auto const& load : snapshot.loads)
    out.sample("gateway_target_latency_seconds", PrometheusText::labels(names, {load.pool, load.target}),
               load.load->latency(now));
}

inline void write_limits(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 2> names{"provider", "model"};
  out.head("gateway_target_full_total", "counter", "Calls that a full limit kept from a target");
  for (auto const& limit : snapshot.target_limits)
    out.sample("gateway_target_full_total", PrometheusText::labels(names, {limit.provider, limit.model}),
               static_cast<std::int64_t>(limit.limit->refusals.load(std::memory_order_relaxed)));
}

inline void write_lists(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 1> names{"provider"};
  out.head("gateway_model_list_ok", "gauge",
           "Whether a provider told its models when last asked; -1: not asked yet");
  for (auto const& backend : snapshot.backends)
    out.sample("gateway_model_list_ok", PrometheusText::labels(names, {backend.provider}),
               std::int64_t{backend.state->load(std::memory_order_relaxed)});
}

inline void write_bulkheads(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 1> names{"bulkhead"};
  auto const each = [&](std::string_view metric, std::string_view type, std::string_view help, auto value) {
    out.head(metric, type, help);
    for (auto const& bulkhead : snapshot.bulkheads)
      out.sample(metric, PrometheusText::labels(names, {bulkhead.name}), value(*bulkhead.places));
  };
  using Places = BulkheadPlaces const&;
  each("gateway_bulkhead_in_use", "gauge", "Places that are taken", [](Places p) { return p.in_use(); });
  each("gateway_bulkhead_waiting", "gauge", "Calls that wait for a place",
       [](Places p) { return p.waiting(); });
  each("gateway_bulkhead_refused_total", "counter", "Calls that got no place",
       [](Places p) { return static_cast<std::int64_t>(p.refused()); });
  each("gateway_bulkhead_waited_seconds_total", "counter", "The time that calls have waited",
       [](Places p) { return std::chrono::duration<double>(p.waited()).count(); });
}

inline void write_hedges(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 3> names{"pool", "target", "kind"};
  std::span<std::string_view const> const pool(names.data(), 1);
  auto const count = [&](std::string_view metric, std::string_view help, auto member) {
    out.head(metric, "counter", help);
    for (auto const& hedge : snapshot.hedges) {
      auto const value = ((*hedge.state).*member).load(std::memory_order_relaxed);
      out.sample(metric, PrometheusText::labels(pool, {hedge.pool}), static_cast<std::int64_t>(value));
    }
  };
  count("gateway_hedges_total", "Second attempts beside a slow one", &HedgeState::begun);
  count("gateway_hedges_won_total", "Second attempts that answered", &HedgeState::won);
  count("gateway_hedges_unpaid_total", "Second attempts that the budget did not allow", &HedgeState::unpaid);
  count("gateway_hedge_tokens_in_vain_total", "Estimated tokens of prompts sent to losers",
        &HedgeState::tokens_in_vain);
  auto const now = std::chrono::steady_clock::now();
  out.head("gateway_hedge_after_seconds", "gauge", "How long an attempt may be silent");
  for (auto const& hedge : snapshot.hedges)
    for (std::size_t target = 0; target < hedge.targets.size(); ++target)
      for (std::size_t kind = 0; kind < hedge_kind_names.size(); ++kind)
        if (auto const after = hedge.state->after(target, static_cast<HedgeKind>(kind), now))
          out.sample(
              "gateway_hedge_after_seconds",
              PrometheusText::labels(names, {hedge.pool, hedge.targets[target], hedge_kind_names[kind]}),
              std::chrono::duration<double>(*after).count());
}

inline void write_resumes(Snapshot const& snapshot, PrometheusText& out) {
  constexpr std::array<std::string_view, 2> names{"model", "outcome"};
  out.head("gateway_streams_broken_total", "counter",
           "Streams that broke after their first content, where `resume` is on");
  auto const write = [&](std::string const& model, std::string_view outcome, std::uint64_t count) {
    out.sample("gateway_streams_broken_total", PrometheusText::labels(names, {model, outcome}),
               static_cast<std::int64_t>(count));
  };
  for (auto const& [model, counts] : snapshot.resumes) {
    write(model, "resumed", counts->resumed.load(std::memory_order_relaxed));
    write(model, "given_up", counts->given_up.load(std::memory_order_relaxed));
  }
}

inline void write_target_metrics(Snapshot const& snapshot, PrometheusText& out) {
  write_breakers(snapshot, out);
  write_loads(snapshot, out);
  write_limits(snapshot, out);
  write_lists(snapshot, out);
  write_bulkheads(snapshot, out);
  write_hedges(snapshot, out);
  write_resumes(snapshot, out);
  write_caches(snapshot, out);
  write_shapes(snapshot, out);
}

}  // namespace lowart::server
