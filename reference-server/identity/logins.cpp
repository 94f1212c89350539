#include "identity/logins.hpp"

#include "identity/lockout.hpp"
#include "identity/password.hpp"
#include "identity/password_try.hpp"
#include "registry/password_table.hpp"

#include <lowart/dialect/json_utf8.hpp>
#include <lowart/net/random_token.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace lowart::server {

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t day = 86'400 * second;
constexpr std::string_view key_prefix = "session_key/";

Error refusal() {
  return Error(Errc::unauthenticated, "the user or the password is not right", Origin::client);
}
Error not_active(Resource const& user) {
  return Error(Errc::permission_denied, "the user is " + std::string(text_in(user.body, "status")),
               Origin::client);
}
/// No more than `most` bytes of a text, and no half characters: the database takes UTF-8 only.
std::string_view beginning(std::string_view text, std::size_t most) noexcept {
  text = text.substr(0, most);
  return text.substr(0, dialect::valid_utf8_prefix(text));
}
bool is_active(Resource const& user) { return text_in(user.body, "status") == "active"; }
std::string role_of(Resource const& user) {
  auto const role = text_in(user.body, "role");
  return std::string(role.empty() ? to_string(Role::member) : role);
}

}  // namespace

Result<void> Logins::note(std::string const& user, std::string const& address, std::string_view act,
                          std::string_view outcome, json::object detail, std::int64_t now) {
  Actor actor;
  actor.name = "user " + user;
  actor.address = address;
  return admin_.note(actor, act, "users/" + user, outcome, std::move(detail), now);
}

Result<SessionKeys> Logins::keys(std::int64_t now, bool may_rotate) {
  constexpr std::int64_t rotated_after = 30 * day;
  auto& database = admin_.registry().database();
  auto rows = database.prepare("SELECT name, created_at FROM secret WHERE name LIKE 'session_key/%'");
  if (!rows) return tl::unexpected(std::move(rows).error());
  std::vector<std::pair<std::string, std::int64_t>> held;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    held.emplace_back(rows->text(0), rows->integer(1));
  }
  auto const newest = std::ranges::max_element(held, {}, &std::pair<std::string, std::int64_t>::second);
  bool const is_due = held.empty() || (may_rotate && now - newest->second > rotated_after);
  if (is_due) held.emplace_back(std::string(key_prefix) + net::random_base62(12), now);
  std::vector<SessionKey> all;
  for (auto const& [name, created_at] : held) {
    auto secret = admin_.own_secret(name, created_at);
    if (!secret) return tl::unexpected(std::move(secret).error());
    all.push_back({name.substr(key_prefix.size()), std::move(*secret), created_at / second});
  }
  auto made = SessionKeys::make(std::move(all));
  if (!made || !may_rotate) return made;
  for (std::string const& id : made->retired(now / second)) {
    std::string const name = std::string(key_prefix) + id;
    auto row = database.prepare("DELETE FROM secret WHERE name = ?");
    if (!row) return tl::unexpected(std::move(row).error());
    if (auto done = row->bind(1, name).run(); !done) return tl::unexpected(std::move(done).error());
  }
  return made;
}

Result<LoggedIn> Logins::tokens(Session session, Resource const& user, std::int64_t now) {
  auto const signing = keys(now, true);
  if (!signing) return tl::unexpected(signing.error());
  LoggedIn in;
  in.refresh_token = new_refresh_token();
  in.user = user.name;
  in.role = role_of(user);
  session.before = std::exchange(session.token, refresh_token_hash(in.refresh_token));
  session.rotated_at = now;
  session.expires_at = now + session_days * day;
  if (auto done = SessionTable(admin_.registry().database()).put(session); !done)
    return tl::unexpected(std::move(done).error());
  SessionClaims claims;
  claims.subject = user.name;
  claims.role = in.role;
  claims.session = session.id;
  in.access_token = signing->sign(claims, now / second);
  in.expires_in = SessionKeys::access_life;
  return in;
}

Result<LoggedIn> Logins::begin(Resource const& user, std::string const& address, std::string_view by,
                               std::int64_t now) {
  SessionTable sessions(admin_.registry().database());
  auto const lapsed = sessions.end_expired(now);
  if (!lapsed) return tl::unexpected(lapsed.error());
  for (std::string const& key : *lapsed)
    if (auto done = admin_.registry().remove(ResourceKind::key, key, "console sessions", now); !done)
      return tl::unexpected(std::move(done).error());
  Session session;
  session.id = net::random_base62(16);
  session.user = user.name;
  session.created_at = now;
  session.address = address;
  auto in = tokens(std::move(session), user, now);
  if (!in) return in;
  if (auto done = note(user.name, address, "logIn", "done", {{"by", by}}, now); !done)
    return tl::unexpected(std::move(done).error());
  return in;
}

/// As for a user that is there, lock and all: who tries names learns nothing.
tl::unexpected<Error> Logins::refuse_stranger(std::string const& name, Secret const& password,
                                              std::int64_t now) {
  constexpr std::size_t most = 10'000;
  auto& strangers = admin_.strangers();
  if (strangers.size() >= most) strangers.clear();
  LoginAttempts& attempts = strangers[name];
  if (auto const wait = attempts.wait(now / second); wait.count() > 0)
    return tl::unexpected<Error>(account_locked(wait));
  static_cast<void>(verify_password(dummy_password_hash(), password));
  attempts = attempts.after_failure(now / second);
  return tl::unexpected<Error>(refusal());
}

Result<LoggedIn> Logins::by_password(std::string const& name, Secret const& password,
                                     std::string const& address, std::int64_t now) {
  auto transaction = sqlite::Transaction::begin(admin_.registry().database());
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  PasswordTable passwords(admin_.registry().database());
  auto const user = admin_.registry().find(ResourceKind::user, name);
  if (!user) return tl::unexpected(user.error());
  auto const held = passwords.find(name);
  if (!held) return tl::unexpected(held.error());
  if (!*user || !*held) return refuse_stranger(name, password, now);
  auto const tried = try_password(passwords, name, **held, password, now);
  if (!tried) return tl::unexpected(tried.error());
  if (!tried->ok) {
    auto noted = note(name, address, "logIn", "denied", {{"failures", tried->failures}}, now);
    if (!noted) return tl::unexpected(std::move(noted).error());
    if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
    return tl::unexpected<Error>(refusal());
  }
  if (!is_active(**user)) return tl::unexpected<Error>(not_active(**user));
  if (auto done = passwords.note(name, 0, 0); !done) return tl::unexpected(std::move(done).error());
  if (tried->needs_rehash)
    if (auto const hash = hash_password(password))
      if (auto done = passwords.set(name, *hash, now); !done) return tl::unexpected(std::move(done).error());
  auto in = begin(**user, address, "password", now);
  if (!in) return in;
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return in;
}

Result<LoggedIn> Logins::by_identity(OidcIdentity const& identity, OidcConfig const& config,
                                     std::string const& address, std::int64_t now) {
  auto transaction = sqlite::Transaction::begin(admin_.registry().database());
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  auto row = admin_.registry().database().prepare(
      "SELECT name FROM resource WHERE kind = 'users' AND json_extract(body, '$.oidc.issuer') = ? AND "
      "json_extract(body, '$.oidc.subject') = ?");
  if (!row) return tl::unexpected(std::move(row).error());
  auto const stepped = row->bind(1, config.issuer).bind(2, identity.subject).step();
  if (!stepped) return tl::unexpected(stepped.error());
  std::string name(*stepped ? row->text(0) : std::string_view());
  bool const is_new = name.empty();
  if (is_new && !config.auto_create)
    return fail(Errc::permission_denied, "nobody here is known by this identity; ask an administrator",
                Origin::client);
  if (is_new) name = !identity.email.empty() && identity.email_verified ? identity.email : identity.subject;
  if (auto const problem = name_problem(name); is_new && !problem.empty())
    return fail(Errc::permission_denied, "the name that the identity provider tells " + problem,
                Origin::client);
  auto user = admin_.registry().find(ResourceKind::user, name);
  if (!user) return tl::unexpected(std::move(user).error());
  if (is_new && *user)
    return fail(Errc::conflict, "there is a user '" + name + "' that is not of this identity provider",
                Origin::client);
  json::object body = *user ? (*user)->body : json::object{{"status", "active"}};
  json::object const before = body;
  body["oidc"] = json::object{{"issuer", config.issuer}, {"subject", identity.subject}};
  if (!identity.role.empty()) body["role"] = identity.role;
  if (!identity.name.empty()) body["display_name"] = beginning(identity.name, 200);
  if (!identity.email.empty()) body["email"] = beginning(identity.email, 320);
  Resource known = *user ? std::move(**user) : Resource{.kind = ResourceKind::user, .name = name};
  if (body != before || is_new) {
    auto put = admin_.registry().put(ResourceKind::user, name, std::move(body), "oidc", now);
    if (!put) return tl::unexpected(std::move(put).error());
    known = std::move(*put);
  }
  if (!is_active(known)) return tl::unexpected<Error>(not_active(known));
  auto in = begin(known, address, config.issuer, now);
  if (!in) return in;
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return in;
}

Result<LoggedIn> Logins::refresh(Secret const& token, std::string const& address, std::int64_t now) {
  auto transaction = sqlite::Transaction::begin(admin_.registry().database());
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  SessionTable sessions(admin_.registry().database());
  net::Sha256 const hash = refresh_token_hash(token);
  auto const session = sessions.find(hash);
  if (!session) return tl::unexpected(session.error());
  Error const refused(Errc::unauthenticated, "the refresh token is not valid; log in again", Origin::client);
  if (!*session) return tl::unexpected<Error>(refused);
  RefreshToken known;
  known.expires_at = (*session)->expires_at / second;
  if (hash != (*session)->token) known.used_at = (*session)->rotated_at / second;
  auto const decision = decide_refresh(known, now / second);
  auto const user = admin_.registry().find(ResourceKind::user, (*session)->user);
  if (!user) return tl::unexpected(user.error());
  bool const ends = decision == RefreshDecision::refuse || decision == RefreshDecision::revoke_session ||
                    !*user || !is_active(**user);
  if (ends) {
    if (auto done = sessions.end((*session)->id); !done) return tl::unexpected(std::move(done).error());
    bool const is_theft = decision == RefreshDecision::revoke_session;
    if (is_theft && !(*session)->key.empty()) {
      auto gone =
          admin_.registry().remove(ResourceKind::key, (*session)->key, "user " + (*session)->user, now);
      if (!gone) return tl::unexpected(std::move(gone).error());
    }
    if (auto done = note(
            (*session)->user, address, "refreshSession", "denied",
            {{"reason", is_theft ? "a refresh token was used twice" : "expired, or the user is not active"}},
            now);
        !done)
      return tl::unexpected(std::move(done).error());
    if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
    return tl::unexpected<Error>(refused);
  }
  auto in = tokens(**session, **user, now);
  if (!in) return in;
  if (auto done = transaction->commit(); !done) return tl::unexpected(std::move(done).error());
  return in;
}

Result<Actor> Logins::actor_of(std::string_view access_token, std::string const& address, std::int64_t now) {
  auto const verifying = keys(now, false);
  if (!verifying) return tl::unexpected(verifying.error());
  auto const claims = verifying->verify(access_token, now / second);
  if (!claims) return tl::unexpected(claims.error());
  auto const session = SessionTable(admin_.registry().database()).find(claims->session);
  if (!session) return tl::unexpected(session.error());
  if (!*session || (*session)->user != claims->subject)
    return fail(Errc::unauthenticated, "the session has ended; log in again", Origin::client);
  auto const user = admin_.registry().find(ResourceKind::user, claims->subject);
  if (!user) return tl::unexpected(user.error());
  if (!*user || !is_active(**user))
    return fail(Errc::unauthenticated, "the user of this session is not active", Origin::client);
  Actor actor;
  actor.name = "user " + claims->subject;
  actor.user = claims->subject;
  actor.role = role_named(role_of(**user)).value_or(Role::member);
  actor.address = address;
  actor.session = claims->session;
  return actor;
}

}  // namespace lowart::server
