/// Passwords, sessions, and what they are for.

#include "admin/account_rules.hpp"
#include "admin/administration.hpp"
#include "admin/key_making.hpp"
#include "admin/resource_writing.hpp"
#include "admin/shapes.hpp"
#include "identity/password.hpp"
#include "identity/password_try.hpp"
#include "registry/password_table.hpp"
#include "registry/session_table.hpp"

#include <array>
#include <utility>

namespace lowart::server {

namespace {

Role role_of(Resource const& user) { return role_named(text_in(user.body, "role")).value_or(Role::member); }

Result<Session> own_session(Administration& admin, AdminRequest const& request) {
  auto session = SessionTable(admin.registry().database()).find(request.actor.session);
  if (!session) return tl::unexpected(std::move(session).error());
  if (*session) return std::move(**session);
  return refuse(Errc::permission_denied, "", "this is for sessions: log in first");
}

/// A key of the session's own, for a program that its user has logged in with. Told anew each time: a text that nobody
/// keeps cannot be told again.
Result<AdminAnswer> hand_out_key(Administration& admin, AdminRequest const& request) {
  constexpr std::size_t shown_of_session = 8;
  auto session = own_session(admin, request);
  if (!session) return tl::unexpected(std::move(session).error());
  std::string const name = session->key.empty()
                               ? session->user + "/session-" + session->id.substr(0, shown_of_session)
                               : session->key;
  auto const held = admin.registry().find(ResourceKind::key, name);
  if (!held) return tl::unexpected(held.error());
  if (*held && text_in((*held)->body, "status") == "revoked")
    return refuse(Errc::conflict, "", "the key of this session was revoked; log in again");
  json::object body = *held ? (*held)->body : json::object{{"user", session->user}};
  body["metadata"] = json::object{{"session", session->id}};
  fill_in(ResourceKind::key, body, request.now);
  auto answer = make_key(admin, request, name, *held ? &**held : nullptr, std::move(body));
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
  PasswordTable passwords(admin.registry().database());
  auto const held = passwords.find(request.actor.user);
  if (!held) return tl::unexpected(held.error());
  if (*held) {
    Secret const old{std::string(text_in(request.body, "old_password"))};
    auto const tried = try_password(passwords, request.actor.user, **held, old, request.now);
    if (!tried) return tl::unexpected(tried.error());
    if (!tried->ok) {
      Error refusal(Errc::permission_denied, "'old_password' is not the password of today", Origin::client);
      return AdminAnswer{.refusal = std::move(refusal).with_param("old_password")};
    }
  }
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
constexpr std::array<AdminOperation, 7> all{{
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
}};

}  // namespace

std::span<AdminOperation const> session_operations() { return all; }

}  // namespace lowart::server
