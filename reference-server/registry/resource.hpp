#pragma once
/// Resource: one user, team, key or setting as the registry keeps it: a name and a JSON object.

#include <boost/json.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::server {

namespace json = boost::json;

enum class ResourceKind : std::uint8_t { user, team, key, provider, group, model, tier, model_type };
inline constexpr std::size_t resource_kind_count = 8;

/// As paths, the configuration and the database name it.
constexpr std::string_view plural(ResourceKind kind) noexcept {
  constexpr std::array<std::string_view, resource_kind_count> names{
      "users", "teams", "keys", "providers", "groups", "models", "tiers", "model_types"};
  return names[static_cast<std::size_t>(kind)];
}
constexpr std::string_view singular(ResourceKind kind) noexcept {
  constexpr std::array<std::string_view, resource_kind_count> names{"user",  "team",  "key",  "provider",
                                                                    "group", "model", "tier", "model type"};
  return names[static_cast<std::size_t>(kind)];
}
constexpr std::optional<ResourceKind> kind_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < resource_kind_count; ++i)
    if (plural(static_cast<ResourceKind>(i)) == name) return static_cast<ResourceKind>(i);
  return std::nullopt;
}
/// Whether it stands in lowart.yaml as well, which it is laid over: see config_overlay.hpp.
constexpr bool is_setting(ResourceKind kind) noexcept { return kind >= ResourceKind::provider; }

/// "users/ada"
inline std::string subject_of(ResourceKind kind, std::string_view name) {
  return std::string(plural(kind)).append("/").append(name);
}

struct Resource {
  ResourceKind kind{};
  std::string name{};
  std::int64_t revision{0};    ///< Of the change that made it what it is.
  std::int64_t created_at{0};  ///< Microseconds since 1970.
  std::int64_t updated_at{0};
  json::object body{};  ///< Secrets in it are sealed.
};

/// The text of a member, empty where it has none.
inline std::string_view text_in(json::object const& body, std::string_view name) noexcept {
  auto const* const value = body.if_contains(name);
  auto const* const text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

/// RFC 7396: members of `patch` replace those of `target`, objects are patched in turn, null takes a member away.
inline void merge_patch(json::object& target, json::object const& patch) {
  for (auto const& [name, value] : patch) {
    if (value.is_null()) {
      target.erase(name);
      continue;
    }
    auto const* const inner = value.if_object();
    if (inner == nullptr) {
      target[name] = value;
      continue;
    }
    json::value& mine = target[name];
    if (!mine.is_object()) mine = json::object();
    merge_patch(mine.get_object(), *inner);
  }
}

}  // namespace lowart::server
