#pragma once
/// Reader of what a key may be used for.

#include "yaml_reader.hpp"

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/key_policy.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

inline std::optional<ModelType> model_type_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < model_type_count; ++i)
    if (auto const type = static_cast<ModelType>(i); to_string(type) == name) return type;
  return std::nullopt;
}

/// A day means its beginning, as all points in time here are UTC's.
inline void read_expiry(YamlMap& map, std::int64_t& expires_at) {
  constexpr std::size_t day = std::string_view("2027-01-31").size();
  std::string text;
  map.text("expires", text);
  if (text.empty()) return;
  auto const at = dialect::parse_rfc3339(text.size() == day ? text + "T00:00:00Z" : text);
  if (at && *at > 0) expires_at = *at;
  else
    map.wrong("expires", "'expires' is a day or a point in time: 2027-01-31 or 2027-01-31T12:00:00Z, not '" +
                             text + "'");
}

inline void read_types(YamlMap& map, ModelTypes& types) {
  map.items("types", [&](YamlNode const& item) {
    std::string const name = item.scalar();
    if (auto const type = model_type_named(name)) return types.add(*type);
    std::string known;
    for (std::size_t i = 0; i < model_type_count; ++i)
      known.append(i == 0 ? "" : ", ").append(to_string(static_cast<ModelType>(i)));
    map.wrong_at(item, "no type of models '" + name + "'; there are " + known);
  });
  if (map.has("types") && types.empty())
    map.wrong("types", "'types' names no type; leave it out to allow all");
}

/// The part of a key's block that few keys have; `live` is for whoever knows which keys there were before.
inline KeyPolicy read_key_policy(YamlMap& map) {
  constexpr std::size_t shortest_secret = 32;
  KeyPolicy policy;
  read_expiry(map, policy.expires_at);
  map.texts("blocked_models", policy.blocked);
  read_types(map, policy.types);
  map.items("addresses", [&](YamlNode const& item) {
    if (auto const added = policy.addresses.add(item.scalar()); !added)
      map.wrong_at(item, added.error().message());
  });
  if (map.has("addresses") && policy.addresses.empty())
    map.wrong("addresses", "'addresses' names none; leave it out to allow all");
  map.flag("revoke_streams", policy.revoke_streams);
  std::string secret;
  map.text("signing_secret", secret);
  if (!secret.empty() && secret.size() < shortest_secret)
    map.wrong("signing_secret", "a signing_secret has at least 32 characters");
  policy.signing_secret = Secret(std::move(secret));
  map.text("certificate", policy.certificate);
  return policy;
}

/// Whether a policy asks for anything: a key without one costs less.
inline bool asks_for_anything(KeyPolicy const& policy) noexcept {
  return policy.expires_at != 0 || !policy.blocked.empty() || !policy.types.empty() ||
         !policy.addresses.empty() || policy.revoke_streams || !policy.signing_secret.empty() ||
         !policy.certificate.empty();
}

}  // namespace lowart::server
