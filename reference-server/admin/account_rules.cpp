#include "admin/account_rules.hpp"

#include "admin/resource_writing.hpp"
#include "registry/config_overlay.hpp"

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/net/ip_range.hpp>

#include <algorithm>
#include <array>

namespace lowart::server {

namespace {

/// Members of bodies that nobody writes from outside.
constexpr std::array<std::string_view, 4> own_members{"prefix", "signing_secret", "regenerated_at", "oidc"};

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

/// Whether the registry or the file has an entry that a body names.
Result<void> check_named(Administration& admin, ResourceKind kind, json::object const& body,
                         std::string_view member) {
  auto const name = text_in(body, member);
  if (name.empty()) return {};
  auto const found = admin.registry().find(kind, name);
  if (!found) return tl::unexpected(found.error());
  if (*found || entries_of(admin.file(), kind).contains(std::string(name))) return {};
  return refuse(Errc::invalid_request, member,
                "there is no " + std::string(singular(kind)) + " " + quoted(name));
}

Role role_in(json::object const* body) {
  if (body == nullptr) return Role::viewer;
  return role_named(text_in(*body, "role")).value_or(Role::member);
}

Result<void> check_role(Actor const& actor, json::object const* before, json::object const& body) {
  for (Role const role : {role_in(before), role_in(&body)}) {
    if (actor.may(to_grant(role))) continue;
    return refuse(
        Errc::permission_denied, "role",
        "users with the role " + quoted(to_string(role)) + " are made and changed by an owner only");
  }
  return {};
}

/// Whether `actor` may make, or change, a key that acts here.
Result<void> check_acting_key(Administration& admin, Actor const& actor, json::object const& body) {
  auto const* const admin_flag = body.if_contains("admin");
  bool const acts = admin_flag != nullptr && admin_flag->is_bool() && admin_flag->get_bool();
  if (!acts) return {};
  Role role = Role::admin;
  if (auto const user = text_in(body, "user"); !user.empty()) {
    auto const found = admin.registry().find(ResourceKind::user, user);
    if (!found) return tl::unexpected(found.error());
    if (*found) role = role_in(&(*found)->body);
  }
  if (actor.may(to_grant(role))) return {};
  return refuse(Errc::permission_denied, "admin",
                "a key that acts with the role " + quoted(to_string(role)) +
                    " is made, changed and ended by an owner only");
}

Result<void> check_key(Administration& admin, Actor const& actor, json::object const* before,
                       json::object const& body) {
  if (before != nullptr && text_in(*before, "status") == "revoked" && text_in(body, "status") != "revoked")
    return refuse(Errc::conflict, "status",
                  "a key that was revoked stays revoked; make a new one, or regenerate it");
  if (auto const* addresses = body.if_contains("addresses"))
    for (auto const& one : addresses->get_array())
      if (std::string_view const text = one.get_string(); text != "unix" && !net::IpRange::parse(text))
        return refuse(Errc::invalid_request, "addresses",
                      quoted(text) + " is no address, no range such as 10.0.0.0/8, and not 'unix'");
  for (json::object const* const one : {before, &body})
    if (auto ok = one == nullptr ? Result<void>() : check_acting_key(admin, actor, *one); !ok) return ok;
  return {};
}

/// Whether any account still names it.
Result<bool> is_named(Administration& admin, std::string_view kinds, std::string_view member,
                      std::string_view name) {
  auto row = admin.registry().database().prepare("SELECT 1 FROM resource WHERE kind IN (" +
                                                 std::string(kinds) + ") AND json_extract(body, '$." +
                                                 std::string(member) + "') = ? LIMIT 1");
  if (!row) return tl::unexpected(std::move(row).error());
  return row->bind(1, name).step();
}

Result<void> execute(Administration& admin, std::string_view statement, std::string_view value) {
  auto row = admin.registry().database().prepare(statement);
  if (!row) return tl::unexpected(std::move(row).error());
  return row->bind(1, value).run();
}

/// A user's keys and sessions end with it.
Result<void> end_user(Administration& admin, AdminRequest const& request, Resource const& user) {
  if (!request.actor.may(to_grant(role_in(&user.body))))
    return refuse(Errc::permission_denied, "role", "admins and owners are taken away by an owner only");
  if (request.actor.user == user.name)
    return refuse(Errc::conflict, "name", "nobody can take himself away; another owner can");
  constexpr std::size_t at_a_time = 1000;
  for (bool more = true; more;) {
    auto const keys = admin.registry().list(ResourceKind::key, {.owner = user.name}, {}, at_a_time);
    if (!keys) return tl::unexpected(keys.error());
    for (Resource const& key : keys->entries)
      if (auto done = admin.registry().remove(ResourceKind::key, key.name, request.actor.name, request.now);
          !done)
        return done;
    more = keys->has_more;
  }
  if (auto done = execute(admin, "DELETE FROM session WHERE user = ?", user.name); !done) return done;
  return execute(admin, "DELETE FROM password WHERE user = ?", user.name);
}

}  // namespace

void fill_in(ResourceKind kind, json::object& body, std::int64_t) {
  if (is_setting(kind)) return;
  if (kind <= ResourceKind::key && !body.contains("status")) body["status"] = "active";
  if (kind == ResourceKind::user && !body.contains("role")) body["role"] = "member";
}

void keep_own(ResourceKind kind, json::object const* before, json::object& body) {
  if (before == nullptr || kind > ResourceKind::key) return;
  for (auto const name : own_members)
    if (auto const* const mine = before->if_contains(name)) body[name] = *mine;
}

Result<void> check_account(Administration& admin, Actor const& actor, ResourceKind kind,
                           std::string_view name, json::object const* before, json::object const& body) {
  if (is_setting(kind)) return {};
  if (auto const problem = name_problem(name); !problem.empty())
    return refuse(Errc::invalid_request, "name", "'name' " + problem);
  if (auto ok = check_named(admin, ResourceKind::tier, body, "tier"); !ok) return ok;
  if (auto ok = check_named(admin, ResourceKind::team, body, "team"); !ok) return ok;
  if (auto ok = check_named(admin, ResourceKind::user, body, "user"); !ok) return ok;
  if (kind == ResourceKind::user) return check_role(actor, before, body);
  if (kind != ResourceKind::key) return {};
  bool const is_new = before == nullptr;
  if (is_new && key_names_in(admin.file()).contains(std::string(name)))
    return refuse(Errc::conflict, "name", "a key of the configuration file has the name " + quoted(name));
  return check_key(admin, actor, before, body);
}

Result<void> may_end_key(Administration& admin, Actor const& actor, json::object const& key) {
  bool const is_own = !actor.user.empty() && text_in(key, "user") == actor.user;
  return is_own ? Result<void>() : check_acting_key(admin, actor, key);
}

Result<void> before_removal(Administration& admin, AdminRequest const& request, ResourceKind kind,
                            Resource const& resource) {
  if (kind == ResourceKind::user) return end_user(admin, request, resource);
  if (kind == ResourceKind::key) return may_end_key(admin, request.actor, resource.body);
  if (kind != ResourceKind::team && kind != ResourceKind::tier) return {};
  bool const is_team = kind == ResourceKind::team;
  auto const named = is_named(admin, is_team ? "'users', 'keys'" : "'users', 'teams', 'keys'", singular(kind),
                              resource.name);
  if (!named) return tl::unexpected(named.error());
  if (!*named) return {};
  return refuse(Errc::conflict, "name",
                "users" + std::string(is_team ? "" : ", teams") + " or keys still name the " +
                    std::string(singular(kind)) + " " + quoted(resource.name));
}

Result<Resource> existing(Administration& admin, ResourceKind kind, std::string_view name) {
  auto found = admin.registry().find(kind, name);
  if (!found) return tl::unexpected(std::move(found).error());
  if (*found) return std::move(**found);
  return not_there(kind, name);
}

Result<void> needs_user(AdminRequest const& request) {
  if (!request.actor.user.empty()) return {};
  return refuse(Errc::permission_denied, "", "this is for users; the key that asks belongs to none");
}

bool leads_to(json::value const& model, std::string_view provider) {
  if (auto const* list = model.if_array())
    return std::ranges::any_of(*list, [&](json::value const& item) { return leads_to(item, provider); });
  auto const* const object = model.if_object();
  if (object == nullptr) return false;
  if (text_in(*object, "provider") == provider) return true;
  return std::ranges::any_of(*object, [&](auto const& member) { return leads_to(member.value(), provider); });
}

}  // namespace lowart::server
