#pragma once
/// The shapes of what administration takes and tells.

#include "admin/shape.hpp"
#include "identity/role.hpp"

#include <lowart/gateway/limit_rules.hpp>

#include <array>

namespace lowart::server::shapes {

using enum FieldType;

inline constexpr std::int64_t most_count = 1'000'000'000'000;
inline constexpr std::array<Field, 13> limits{{
    {.name = "rpm", .type = integer, .about = "Requests a minute; 0: no limit", .most = most_count},
    {.name = "tpm", .type = integer, .about = "Tokens a minute", .most = most_count},
    {.name = "concurrency", .type = integer, .about = "Calls at the same time", .most = most_count},
    {.name = "requests_per_day", .type = integer, .most = most_count},
    {.name = "tokens_per_day", .type = integer, .most = most_count},
    {.name = "requests_per_week", .type = integer, .most = most_count},
    {.name = "tokens_per_week", .type = integer, .most = most_count},
    {.name = "requests_per_month", .type = integer, .most = most_count},
    {.name = "tokens_per_month", .type = integer, .most = most_count},
    {.name = "cost_per_day", .type = usd, .about = "US dollars"},
    {.name = "cost_per_week", .type = usd},
    {.name = "cost_per_month", .type = usd},
    {.name = "soft", .type = percent, .about = "From which share of a limit on there are warnings"},
}};

/// What is told of every resource.
inline constexpr std::array<Field, 4> head{{
    {.name = "name", .type = name, .about = "Its name, which stays", .required = true},
    {.name = "revision",
     .type = integer,
     .about = "Of its last change. Sent back with a change, that is refused (409) when somebody else made "
              "one since",
     .most = INT64_MAX},
    {.name = "created_at", .type = time, .read_only = true},
    {.name = "updated_at", .type = time, .read_only = true},
}};

inline constexpr std::array<std::string_view, 3> user_states{"active", "inactive", "blocked"};
inline constexpr std::array<std::string_view, 2> team_states{"active", "inactive"};
inline constexpr std::array<std::string_view, 3> key_states{"active", "disabled", "revoked"};
inline constexpr std::array<std::string_view, model_type_count> model_types{
    "chat", "embedding", "image", "audio", "rerank", "moderation"};

inline constexpr std::array<Field, 7> user_fields{{
    {.name = "display_name", .type = text, .most = 200},
    {.name = "email", .type = text, .most = 320},
    {.name = "role", .type = choice, .about = "What it may do here", .choices = role_names},
    {.name = "status",
     .type = choice,
     .about = "Keys of users that are not active do not work",
     .choices = user_states},
    {.name = "team", .type = name, .about = "The team that it belongs to"},
    {.name = "tier", .type = name, .about = "Limits that have a name"},
    {.name = "metadata", .type = map, .about = "Yours to fill"},
}};
inline constexpr std::array<Field, 4> team_fields{{
    {.name = "display_name", .type = text, .most = 200},
    {.name = "status",
     .type = choice,
     .about = "Keys of teams that are not active do not work",
     .choices = team_states},
    {.name = "tier", .type = name},
    {.name = "metadata", .type = map},
}};
inline constexpr std::array<Field, 19> key_fields{{
    {.name = "user", .type = name, .about = "Whose it is"},
    {.name = "team", .type = name, .about = "The team it counts for; else its user's"},
    {.name = "status", .type = choice, .about = "Revoked is for ever", .choices = key_states},
    {.name = "tier", .type = name},
    {.name = "models",
     .type = names,
     .about = "Names and patterns of models it may use; none: all",
     .most = 200},
    {.name = "blocked_models", .type = names, .about = "Those it may not use", .most = 200},
    {.name = "types",
     .type = names,
     .about = "Types of models it may use; none: all",
     .choices = model_types},
    {.name = "addresses",
     .type = names,
     .about = "Where it may be used from, such as 10.0.0.0/8",
     .most = 100},
    {.name = "expires_at", .type = time, .about = "From when on it does not work"},
    {.name = "admin",
     .type = flag,
     .about = "Acts here with the role of its user (admin, where it has none)"},
    {.name = "priority", .type = integer, .about = "Of its calls, where calls wait: 0 to 9", .most = 9},
    {.name = "signed",
     .type = flag,
     .about = "Each request must be signed with the secret that is shown once"},
    {.name = "certificate",
     .type = text,
     .about = "The subject of a client's certificate that stands for the key",
     .most = 500},
    {.name = "revoke_streams", .type = flag, .about = "When it ends, its running streams end as well"},
    {.name = "metadata", .type = map},
    {.name = "prefix", .type = text, .about = "What it begins with", .read_only = true},
    {.name = "last_used_at", .type = time, .read_only = true},
    {.name = "key", .type = text, .about = "The key itself: told once, when it is made", .read_only = true},
    {.name = "signing_secret", .type = text, .about = "Told once, as the key", .read_only = true},
}};
inline constexpr Shape user{"User", "A person, or a program that is one", {head, user_fields, limits}};
inline constexpr Shape team{"Team", "Users and keys that share limits", {head, team_fields, limits}};
inline constexpr Shape key{
    "Key", "An API key. Its text is kept as a keyed hash only", {head, key_fields, limits}};

inline constexpr std::array<Field, 5> provider_fields{{
    {.name = "type", .type = text, .about = "Which protocol it speaks, or a vendor of the catalogue"},
    {.name = "base_url", .type = text, .most = 2000},
    {.name = "api_key", .type = secret, .about = "Sealed when it is stored, and never shown", .most = 10'000},
    {.name = "enabled", .type = flag, .about = "False: nobody is sent there"},
    {.name = "source", .type = text, .about = "file, database, or both", .read_only = true},
}};
inline constexpr std::array<Field, 4> model_fields{{
    {.name = "aliases", .type = names},
    {.name = "targets",
     .type = any,
     .about = "Who answers: a list of targets, groups and conditions as in lowart.yaml"},
    {.name = "enabled", .type = flag, .about = "False: it is not there"},
    {.name = "source", .type = text, .read_only = true},
}};
inline constexpr std::array<Field, 2> group_fields{{
    {.name = "targets", .type = any, .about = "As of a model"},
    {.name = "source", .type = text, .read_only = true},
}};
inline constexpr std::array<Field, 1> tier_fields{{
    {.name = "source", .type = text, .read_only = true},
}};
/// All that docs/configuration.md has of them can stand in these; the configuration's reader checks it.
inline constexpr Shape provider{
    .name = "Provider",
    .about = "One entry of `providers` of lowart.yaml; all of its settings can stand here",
    .parts = {head, provider_fields},
    .open = true};
inline constexpr Shape model{
    .name = "Model",
    .about = "One entry of `models` of lowart.yaml; all of its settings can stand here",
    .parts = {head, model_fields},
    .open = true};
inline constexpr Shape group{
    .name = "Group",
    .about = "One entry of `groups` of lowart.yaml; all of its settings can stand here",
    .parts = {head, group_fields},
    .open = true};
inline constexpr Shape tier{"Tier", "Limits that users, teams and keys name", {head, tier_fields, limits}};
inline constexpr Shape model_type{"ModelType", "Limits of all models of a type", {head, tier_fields, limits}};

constexpr Shape const& of(ResourceKind kind) noexcept {
  switch (kind) {
    case ResourceKind::user: return user;
    case ResourceKind::team: return team;
    case ResourceKind::key: return key;
    case ResourceKind::provider: return provider;
    case ResourceKind::group: return group;
    case ResourceKind::model: return model;
    case ResourceKind::tier: return tier;
    case ResourceKind::model_type: return model_type;
  }
  return user;
}

}  // namespace lowart::server::shapes
