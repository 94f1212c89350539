#pragma once
/// Readers of limits and of who is told of them.

#include "config.hpp"
#include "registry/account_limits.hpp"
#include "yaml_reader.hpp"

#include <lowart/meter/price.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

inline void keep_usd(YamlMap& map, std::string_view name, std::string& text, NanoUsd& out) {
  std::string const said = std::exchange(text, {});
  if (said.empty()) return;
  auto const parsed = parse_usd(said);
  if (parsed) out = *parsed;
  else map.wrong(name, parsed.error().message());
}

/// Limits, which stand in the block of what they limit. What does not stand there stays as it is.
inline void read_rates(YamlMap& map, Limits& limits) {
  constexpr std::int64_t most = 1'000'000'000'000;
  for (auto const& [name, of] : limit_numbers) map.integer(name, of(limits), 0, most);
  for (auto const& [name, of] : limit_amounts) {
    std::string usd;
    map.text(name, usd);
    keep_usd(map, name, usd, of(limits));
  }
  map.percent("soft", limits.soft_percent, 1, 100);
}

inline NamedLimits const* find_limits(std::vector<NamedLimits> const& all, std::string_view name) {
  auto const found =
      std::find_if(all.begin(), all.end(), [&](NamedLimits const& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// A tier's limits, and over them those that stand in the block itself.
inline void read_limits_of(YamlMap& map, std::vector<NamedLimits> const& tiers, Limits& limits) {
  std::string tier;
  map.text("tier", tier);
  if (!tier.empty()) {
    if (auto const* known = find_limits(tiers, tier)) limits = known->limits;
    else map.wrong("tier", "no tier '" + tier + "' is configured under 'tiers'");
  }
  read_rates(map, limits);
}

inline void read_tiers(YamlMap& root, Config& config) {
  root.members("tiers", [&](std::string name, std::size_t, YamlMap& map) {
    NamedLimits tier{.name = std::move(name), .limits = {}};
    read_rates(map, tier.limits);
    map.finish();
    config.tiers.push_back(std::move(tier));
  });
}
inline void read_subject(YamlMap& map, std::string name, std::vector<NamedLimits> const& tiers,
                         std::vector<NamedLimits>& out) {
  NamedLimits subject{.name = std::move(name), .limits = {}};
  read_limits_of(map, tiers, subject.limits);
  map.finish();
  out.push_back(std::move(subject));
}
inline void read_subjects(YamlMap& root, Config& config) {
  read_tiers(root, config);
  root.members("users", [&](std::string name, std::size_t, YamlMap& map) {
    read_subject(map, std::move(name), config.tiers, config.users);
  });
  root.members("teams", [&](std::string name, std::size_t, YamlMap& map) {
    read_subject(map, std::move(name), config.tiers, config.teams);
  });
  root.members("model_types", [&](std::string name, std::size_t, YamlMap& map) {
    std::string known;
    bool is_known = false;
    for (std::size_t i = 0; i < model_type_count; ++i) {
      std::string_view const one = to_string(static_cast<ModelType>(i));
      is_known = is_known || one == name;
      known.append(known.empty() ? "" : ", ").append(one);
    }
    if (!is_known) map.wrong("no type of models '" + name + "'; there are " + known);
    read_subject(map, std::move(name), config.tiers, config.model_types);
  });
}

/// `webhooks: [{url: https://..., events: [limit_warning], secret: ...}]`
inline void read_webhooks(YamlMap& root, Config& config) {
  constexpr std::size_t most = 16;
  root.each("webhooks", [&](YamlMap& map) {
    WebhookConfig hook;
    std::string secret;
    std::vector<std::string> events;
    map.text("url", hook.url);
    map.text("secret", secret);
    map.texts("events", events);
    hook.secret = Secret(std::move(secret));
    bool const is_http = hook.url.starts_with("http://") || hook.url.starts_with("https://");
    if (!is_http) map.wrong("url", "a webhook needs a 'url' that begins with https:// or http://");
    if (hook.secret.empty())
      map.wrong("secret", "a webhook needs a 'secret', which its messages are signed with");
    for (auto const& event : events) {
      if (event == "limit_warning") hook.warnings = true;
      else if (event == "limit_reached") hook.reached = true;
      else map.wrong("events", "no event '" + event + "'; there are limit_warning, limit_reached");
    }
    if (!map.has("events")) hook.warnings = hook.reached = true;
    map.finish();
    config.webhooks.push_back(std::move(hook));
  });
  if (config.webhooks.size() > most) root.wrong("webhooks", "there are at most 16 webhooks");
}

}  // namespace lowart::server
