#pragma once
/// The limits in the body of a user, a team, a key or a tier.

#include "registry/resource.hpp"

#include <lowart/meter/limits.hpp>
#include <lowart/meter/price.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace lowart::server {

/// A number of Limits by its name in bodies and in lowart.yaml.
struct LimitNumber {
  std::string_view name;
  std::int64_t& (*of)(Limits&);
};
inline constexpr std::array<LimitNumber, 9> limit_numbers{{
    {"rpm", [](Limits& l) -> std::int64_t& { return l.rpm; }},
    {"tpm", [](Limits& l) -> std::int64_t& { return l.tpm; }},
    {"concurrency", [](Limits& l) -> std::int64_t& { return l.concurrency; }},
    {"requests_per_day", [](Limits& l) -> std::int64_t& { return l.day.requests; }},
    {"tokens_per_day", [](Limits& l) -> std::int64_t& { return l.day.tokens; }},
    {"requests_per_week", [](Limits& l) -> std::int64_t& { return l.week.requests; }},
    {"tokens_per_week", [](Limits& l) -> std::int64_t& { return l.week.tokens; }},
    {"requests_per_month", [](Limits& l) -> std::int64_t& { return l.month.requests; }},
    {"tokens_per_month", [](Limits& l) -> std::int64_t& { return l.month.tokens; }},
}};
struct LimitAmount {
  std::string_view name;
  NanoUsd& (*of)(Limits&);
};
inline constexpr std::array<LimitAmount, 3> limit_amounts{{
    {"cost_per_day", [](Limits& l) -> NanoUsd& { return l.day.cost; }},
    {"cost_per_week", [](Limits& l) -> NanoUsd& { return l.week.cost; }},
    {"cost_per_month", [](Limits& l) -> NanoUsd& { return l.month.cost; }},
}};

/// `limits`, and over them those that a checked body has.
inline void read_limits(json::object const& body, Limits& limits) {
  for (auto const& [name, of] : limit_numbers)
    if (auto const* const value = body.if_contains(name); value != nullptr && value->is_int64())
      of(limits) = value->get_int64();
  for (auto const& [name, of] : limit_amounts)
    if (auto const amount = parse_usd(text_in(body, name)); amount) of(limits) = *amount;
  auto const soft = text_in(body, "soft");
  std::from_chars(soft.data(), soft.data() + soft.size(), limits.soft_percent);
}

}  // namespace lowart::server
