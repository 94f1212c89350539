/// What accounts are for: keys of one's own, keys that end, passwords, sessions.

#include "admin/account_rules.hpp"
#include "admin/administration.hpp"
#include "admin/shapes.hpp"
#include "identity/password.hpp"
#include "registry/password_table.hpp"
#include "registry/sealed_body.hpp"
#include "registry/session_table.hpp"

#include <lowart/dialect/rfc3339.hpp>
#include <lowart/net/random_token.hpp>

#include <array>

namespace lowart::server {

namespace {

Result<Resource> existing(Administration& admin, ResourceKind kind, std::string_view name) {
  auto found = admin.registry().find(kind, name);
  if (!found) return tl::unexpected(std::move(found).error());
  if (*found) return std::move(**found);
  return refuse(Errc::not_found, "name",
                "there is no " + std::string(singular(kind)) + " '" + std::string(name) + "'");
}

Role role_of(Resource const& user) { return role_named(text_in(user.body, "role")).value_or(Role::member); }

// --- keys

/// New text for a key that stays what it is: its name, its limits and what is used of them.
Result<AdminAnswer> regenerate(Administration& admin, AdminRequest const& request, Resource key) {
  if (text_in(key.body, "status") == "revoked") key.body["status"] = "active";
  json::object const before = key.body;
  key.body["regenerated_at"] = dialect::rfc3339_exact(request.now);
  return make_key(
      admin, request, key.name, std::move(key.body), [&](json::object made) -> Result<AdminAnswer> {
        if (auto ok = check_account(admin, request.actor, ResourceKind::key, request.name, nullptr, made);
            !ok)
          return tl::unexpected(ok.error());
        Resource const place{.kind = ResourceKind::key, .name = key.name};
        if (auto ok = seal_body(admin.box(), place, made, &before); !ok) return tl::unexpected(ok.error());
        auto const put = admin.registry().put(ResourceKind::key, key.name, std::move(made),
                                              request.actor.name, request.now);
        if (!put) return tl::unexpected(put.error());
        return AdminAnswer{.body = told(*put), .subject = subject_of(ResourceKind::key, key.name)};
      });
}
Result<AdminAnswer> revoke(Administration& admin, AdminRequest const& request, Resource key) {
  key.body["status"] = "revoked";
  auto const put =
      admin.registry().put(ResourceKind::key, key.name, std::move(key.body), request.actor.name, request.now);
  if (!put) return tl::unexpected(put.error());
  return AdminAnswer{.body = told(*put), .subject = subject_of(ResourceKind::key, key.name)};
}

Result<AdminAnswer> regenerate_key(Administration& admin, AdminRequest const& request) {
  auto key = existing(admin, ResourceKind::key, request.name);
  return key ? regenerate(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}
Result<AdminAnswer> revoke_key(Administration& admin, AdminRequest const& request) {
  auto key = existing(admin, ResourceKind::key, request.name);
  return key ? revoke(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}

// --- keys of one's own

Result<void> needs_user(AdminRequest const& request) {
  if (!request.actor.user.empty()) return {};
  return refuse(Errc::permission_denied, "", "this is for users; the key that asks belongs to none");
}
Result<Resource> own_key(Administration& admin, AdminRequest const& request) {
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto key = existing(admin, ResourceKind::key, request.name);
  if (key && text_in(key->body, "user") != request.actor.user)
    return refuse(Errc::not_found, "name", "there is no key '" + request.name + "' of yours");
  return key;
}

Result<AdminAnswer> list_own_keys(Administration& admin, AdminRequest const& request) {
  constexpr std::size_t most = 1000;
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto const page = admin.registry().list(ResourceKind::key, {.owner = request.actor.user}, {}, most);
  if (!page) return tl::unexpected(page.error());
  json::array keys;
  for (Resource const& key : page->entries) keys.push_back(told(key));
  return AdminAnswer{
      .body = json::object{{"object", "list"}, {"data", std::move(keys)}, {"has_more", page->has_more}}};
}
/// Its name begins with the user's, so that nobody takes another's.
Result<AdminAnswer> create_own_key(Administration& admin, AdminRequest const& request) {
  constexpr std::int64_t most = 100;
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto const page = admin.registry().list(ResourceKind::key, {.owner = request.actor.user}, {}, most);
  if (!page) return tl::unexpected(page.error());
  if (page->entries.size() >= most) return refuse(Errc::conflict, "name", "a user has at most 100 keys");
  std::string const name = request.actor.user + "/" + std::string(text_in(request.body, "name"));
  auto const found = admin.registry().find(ResourceKind::key, name);
  if (!found) return tl::unexpected(found.error());
  if (*found) return refuse(Errc::conflict, "name", "there is a key '" + name + "' already");
  json::object body = request.body;
  body.erase("name");
  body["user"] = request.actor.user;
  fill_in(ResourceKind::key, body, request.now);
  return make_key(admin, request, name, std::move(body), [&](json::object made) -> Result<AdminAnswer> {
    if (auto ok = check_account(admin, request.actor, ResourceKind::key, name, nullptr, made); !ok)
      return tl::unexpected(ok.error());
    Resource const place{.kind = ResourceKind::key, .name = name};
    if (auto ok = seal_body(admin.box(), place, made, nullptr); !ok) return tl::unexpected(ok.error());
    auto const put =
        admin.registry().put(ResourceKind::key, name, std::move(made), request.actor.name, request.now);
    if (!put) return tl::unexpected(put.error());
    return AdminAnswer{.body = told(*put), .subject = subject_of(ResourceKind::key, name)};
  });
}
Result<AdminAnswer> revoke_own_key(Administration& admin, AdminRequest const& request) {
  auto key = own_key(admin, request);
  return key ? revoke(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}
Result<AdminAnswer> regenerate_own_key(Administration& admin, AdminRequest const& request) {
  auto key = own_key(admin, request);
  if (key && text_in(key->body, "status") == "revoked")
    return refuse(Errc::conflict, "name", "a key that was revoked stays so; make a new one");
  return key ? regenerate(admin, request, *std::move(key)) : tl::unexpected(std::move(key).error());
}

// --- passwords and sessions

Result<Session> own_session(Administration& admin, AdminRequest const& request) {
  auto session = SessionTable(admin.registry().database()).find(request.actor.session);
  if (!session) return tl::unexpected(std::move(session).error());
  if (*session) return std::move(**session);
  return refuse(Errc::permission_denied, "", "this is for sessions: log in first");
}

/// A key of the session's own, for a program that its user has logged in with. Told anew each time: a text that nobody
/// keeps cannot be told again.
Result<AdminAnswer> hand_out_key(Administration& admin, AdminRequest const& request) {
  auto session = own_session(admin, request);
  if (!session) return tl::unexpected(std::move(session).error());
  constexpr std::size_t shown_of_session = 8;
  std::string const name = session->key.empty()
                               ? session->user + "/session-" + session->id.substr(0, shown_of_session)
                               : session->key;
  auto held = admin.registry().find(ResourceKind::key, name);
  if (!held) return tl::unexpected(std::move(held).error());
  if (*held && text_in((*held)->body, "status") == "revoked")
    return refuse(Errc::conflict, "", "the key of this session was revoked; log in again");
  json::object body = *held ? (*held)->body : json::object{{"user", session->user}};
  json::object const before = body;
  fill_in(ResourceKind::key, body, request.now);
  auto answer =
      make_key(admin, request, name, std::move(body), [&](json::object made) -> Result<AdminAnswer> {
        made["metadata"] = json::object{{"session", session->id}};
        Resource const place{.kind = ResourceKind::key, .name = name};
        if (auto ok = seal_body(admin.box(), place, made, &before); !ok) return tl::unexpected(ok.error());
        auto const put =
            admin.registry().put(ResourceKind::key, name, std::move(made), request.actor.name, request.now);
        if (!put) return tl::unexpected(put.error());
        return AdminAnswer{.body = told(*put), .subject = subject_of(ResourceKind::key, name)};
      });
  if (!answer) return answer;
  session->key = name;
  if (auto done = SessionTable(admin.registry().database()).put(*session); !done)
    return tl::unexpected(std::move(done).error());
  return answer;
}
Result<AdminAnswer> log_out(Administration& admin, AdminRequest const& request) {
  auto session = own_session(admin, request);
  if (!session) return tl::unexpected(std::move(session).error());
  auto const* const keeps = request.body.if_contains("keep_key");
  bool const keeps_key = keeps != nullptr && keeps->get_bool();
  if (!session->key.empty() && !keeps_key)
    if (auto done = admin.registry().remove(ResourceKind::key, session->key, request.actor.name, request.now);
        !done)
      return tl::unexpected(std::move(done).error());
  if (auto done = SessionTable(admin.registry().database()).end(session->id); !done)
    return tl::unexpected(std::move(done).error());
  return AdminAnswer{.subject = subject_of(ResourceKind::user, session->user)};
}

/// A user's sessions but one, and the keys that were handed out to them.
Result<void> end_all_sessions(Administration& admin, AdminRequest const& request, std::string const& user,
                              std::string_view but) {
  SessionTable sessions(admin.registry().database());
  auto const keys = sessions.keys_of(user, but);
  if (!keys) return tl::unexpected(keys.error());
  for (std::string const& key : *keys)
    if (auto done = admin.registry().remove(ResourceKind::key, key, request.actor.name, request.now); !done)
      return done;
  return sessions.end_all(user, but);
}

Result<AdminAnswer> keep_password(Administration& admin, AdminRequest const& request, std::string const& user,
                                  std::string_view password) {
  Secret const text{std::string(password)};
  auto const hash = hash_password(text);
  if (!hash) return tl::unexpected<Error>(Error(hash.error()).with_param("password"));
  if (auto done = PasswordTable(admin.registry().database()).set(user, *hash, request.now); !done)
    return tl::unexpected(std::move(done).error());
  // Who knew the old one is logged in no more; who changes it goes on.
  if (auto done = end_all_sessions(admin, request, user, request.actor.session); !done)
    return tl::unexpected(std::move(done).error());
  return AdminAnswer{.subject = subject_of(ResourceKind::user, user), .detail = {{"password", "set"}}};
}

Result<AdminAnswer> set_password(Administration& admin, AdminRequest const& request) {
  auto const user = existing(admin, ResourceKind::user, request.name);
  if (!user) return tl::unexpected(user.error());
  if (!request.actor.may(to_grant(role_of(*user))))
    return refuse(Errc::permission_denied, "name", "passwords of admins and owners are set by an owner only");
  return keep_password(admin, request, user->name, text_in(request.body, "password"));
}
Result<AdminAnswer> change_password(Administration& admin, AdminRequest const& request) {
  if (auto ok = needs_user(request); !ok) return tl::unexpected(ok.error());
  auto const held = PasswordTable(admin.registry().database()).find(request.actor.user);
  if (!held) return tl::unexpected(held.error());
  Secret const old{std::string(text_in(request.body, "old_password"))};
  if (*held && !verify_password((*held)->hash, old).ok)
    return refuse(Errc::permission_denied, "old_password", "'old_password' is not the password of today");
  return keep_password(admin, request, request.actor.user, text_in(request.body, "password"));
}
Result<AdminAnswer> end_sessions(Administration& admin, AdminRequest const& request) {
  auto const user = existing(admin, ResourceKind::user, request.name);
  if (!user) return tl::unexpected(user.error());
  if (!request.actor.may(to_grant(role_of(*user))))
    return refuse(Errc::permission_denied, "name",
                  "sessions of admins and owners are ended by an owner only");
  auto done = end_all_sessions(admin, request, user->name, {});
  if (!done) return tl::unexpected(std::move(done).error());
  return AdminAnswer{.subject = subject_of(ResourceKind::user, user->name),
                     .detail = {{"sessions", "ended"}}};
}

Result<AdminAnswer> who_am_i(Administration&, AdminRequest const& request) {
  json::array permissions;
  for (std::size_t i = 0; i < permission_names.size(); ++i)
    if (request.actor.may(static_cast<Permission>(i)))
      permissions.push_back(json::value(permission_names[i]));
  return AdminAnswer{.body = json::object{{"actor", request.actor.name},
                                          {"user", request.actor.user},
                                          {"role", to_string(request.actor.role)},
                                          {"permissions", std::move(permissions)}}};
}
Result<AdminAnswer> list_permissions(Administration&, AdminRequest const&) {
  json::object roles;
  for (std::size_t r = 0; r < role_names.size(); ++r) {
    json::array permissions;
    for (std::size_t i = 0; i < permission_names.size(); ++i)
      if (may(static_cast<Role>(r), static_cast<Permission>(i)))
        permissions.push_back(json::value(permission_names[i]));
    roles[role_names[r]] = std::move(permissions);
  }
  return AdminAnswer{.body = std::move(roles)};
}

constexpr std::array<Field, 6> own_key_fields{{
    {.name = "name", .type = FieldType::name, .about = "Yours is put in front: user/name", .required = true},
    {.name = "models", .type = FieldType::names, .most = 200},
    {.name = "addresses", .type = FieldType::names, .most = 100},
    {.name = "expires_at", .type = FieldType::time},
    {.name = "signed", .type = FieldType::flag},
    {.name = "metadata", .type = FieldType::map},
}};
constexpr Shape own_key_shape{"OwnKey", "A key that a user makes for itself", {own_key_fields}};
constexpr std::array<Field, 1> password_fields{{{.name = "password",
                                                 .type = FieldType::secret,
                                                 .about = "12 to 1024 bytes",
                                                 .least = 12,
                                                 .most = 1024,
                                                 .required = true}}};
constexpr Shape new_password{"NewPassword", "A password for a user", {password_fields}};
constexpr std::array<Field, 2> change_fields{{
    {.name = "old_password", .type = FieldType::secret, .about = "Where there is one", .most = 1024},
    {.name = "password",
     .type = FieldType::secret,
     .about = "12 to 1024 bytes",
     .least = 12,
     .most = 1024,
     .required = true},
}};
constexpr Shape password_change{"PasswordChange", "A new password for oneself", {change_fields}};

constexpr std::array<Field, 1> logout_fields{
    {{.name = "keep_key",
      .type = FieldType::flag,
      .about = "Whether the key that was handed out to the session stays"}}};
constexpr Shape logout_shape{"Logout", "The end of a session", {logout_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 13> all{{
    {.id = "handOutKey",
     .method = "POST",
     .path = "/auth/llm-token",
     .permission = own_keys,
     .summary = "A gateway key for the program that has logged in; a new text each time",
     .tells = &shapes::key,
     .act = hand_out_key},
    {.id = "logOut",
     .method = "POST",
     .path = "/auth/logout",
     .permission = none,
     .summary = "End this session, and the key that was handed out to it",
     .takes = &logout_shape,
     .status = 204,
     .act = log_out},
    {.id = "regenerateKey",
     .method = "POST",
     .path = "/admin/keys/{name}/regenerate",
     .permission = write_accounts,
     .summary = "New text for a key; its limits and what is used of them stay",
     .tells = &shapes::key,
     .act = regenerate_key},
    {.id = "revokeKey",
     .method = "POST",
     .path = "/admin/keys/{name}/revoke",
     .permission = write_accounts,
     .summary = "End a key at once, on every core",
     .tells = &shapes::key,
     .act = revoke_key},
    {.id = "setPassword",
     .method = "PUT",
     .path = "/admin/users/{name}/password",
     .permission = write_accounts,
     .summary = "Give a user a password; its sessions end",
     .takes = &new_password,
     .status = 204,
     .act = set_password},
    {.id = "endSessions",
     .method = "POST",
     .path = "/admin/users/{name}/logout",
     .permission = write_accounts,
     .summary = "End a user's sessions",
     .status = 204,
     .act = end_sessions},
    {.id = "listPermissions",
     .method = "GET",
     .path = "/admin/permissions",
     .permission = none,
     .summary = "Which role may do what",
     .act = list_permissions},
    {.id = "getSelf",
     .method = "GET",
     .path = "/auth/me",
     .permission = none,
     .summary = "Who asks, and what it may do",
     .act = who_am_i},
    {.id = "changePassword",
     .method = "PUT",
     .path = "/auth/password",
     .permission = none,
     .summary = "A new password for oneself; one's other sessions end",
     .takes = &password_change,
     .status = 204,
     .act = change_password},
    {.id = "listOwnKeys",
     .method = "GET",
     .path = "/auth/keys",
     .permission = own_keys,
     .summary = "One's own keys",
     .tells = &shapes::key,
     .list = true,
     .act = list_own_keys},
    {.id = "createOwnKey",
     .method = "POST",
     .path = "/auth/keys",
     .permission = own_keys,
     .summary = "A key for oneself",
     .takes = &own_key_shape,
     .tells = &shapes::key,
     .status = 201,
     .act = create_own_key},
    {.id = "revokeOwnKey",
     .method = "POST",
     .path = "/auth/keys/{name}/revoke",
     .permission = own_keys,
     .summary = "End a key of one's own",
     .tells = &shapes::key,
     .act = revoke_own_key},
    {.id = "regenerateOwnKey",
     .method = "POST",
     .path = "/auth/keys/{name}/regenerate",
     .permission = own_keys,
     .summary = "New text for a key of one's own",
     .tells = &shapes::key,
     .act = regenerate_own_key},
}};

}  // namespace

std::span<AdminOperation const> account_operations() { return all; }

}  // namespace lowart::server
