#include "session_tokens.hpp"

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/net/random_token.hpp>

#include <algorithm>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view issuer = "lowart";
constexpr std::int64_t leeway = 5;  // between the clocks of two servers

std::string text_in(std::string_view json, std::string_view name) {
  auto const member = dialect::find_member(json, name);
  std::string text;
  return member && dialect::decode_string(member->value, text) ? text : std::string();
}

}  // namespace

SessionKey new_session_key(std::int64_t utc_seconds) {
  constexpr std::size_t id_length = 12, secret_size = 32;
  return {.id = net::random_base62(id_length),
          .secret = Secret(net::random_bytes(secret_size)),
          .created_at = utc_seconds};
}

Result<SessionKeys> SessionKeys::make(std::vector<SessionKey> keys) {
  constexpr std::size_t least_bytes = 32;
  auto const invalid = [](std::string what) { return fail(Errc::config_invalid, std::move(what)); };
  if (keys.empty()) return invalid("there is no key that signs sessions");
  if (keys.size() > most_keys)
    return invalid("there are more than 64 keys for sessions: drop those that are retired");
  // Of two that were made in one second, every server has to pick the same.
  std::sort(keys.begin(), keys.end(), [](SessionKey const& a, SessionKey const& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.id < b.id;
  });
  SessionKeys made;
  for (SessionKey const& key : keys) {
    bool const known =
        std::any_of(made.keys_.begin(), made.keys_.end(), [&](auto const& k) { return k.id() == key.id; });
    if (key.id.empty() || known) return invalid("a key for sessions needs an id of its own");
    if (key.secret.reveal().size() < least_bytes)
      return invalid("the key '" + key.id + "' for sessions has fewer than 32 bytes");
    made.keys_.emplace_back(key.id, key.secret);
    made.created_at_.push_back(key.created_at);
  }
  return made;
}

std::string SessionKeys::sign(SessionClaims const& claims, std::int64_t utc_seconds) const {
  std::string body;
  dialect::JsonWriter json(body);
  json.begin_object().text("iss", issuer).text("sub", claims.subject).text("role", claims.role);
  json.text("sid", claims.session).count("iat", utc_seconds).count("exp", utc_seconds + access_life);
  json.end_object();
  return net::sign_jwt(body, keys_.front());
}

Result<SessionClaims> SessionKeys::verify(std::string_view token, std::int64_t utc_seconds) const {
  net::JwtExpected const expected{
      .issuer = issuer, .audience = {}, .utc_seconds = utc_seconds, .leeway = leeway};
  Result<net::JwtClaims> claims = net::verify_jwt(token, keys_, expected);
  // An unknown key was retired, or is a forger's: for who asks that is one.
  if (!claims) return fail(Errc::unauthenticated, claims.error().message(), Origin::client);
  return SessionClaims{.subject = std::move(claims->subject),
                       .role = text_in(claims->json, "role"),
                       .session = text_in(claims->json, "sid"),
                       .issued_at = claims->issued_at,
                       .expires_at = claims->expires_at};
}

std::vector<std::string> SessionKeys::retired(std::int64_t utc_seconds) const {
  constexpr std::int64_t hour =
      3600;  // far longer than a token lives and than another server takes to learn of a key
  std::vector<std::string> ids;
  for (std::size_t i = 1; i < keys_.size(); ++i)
    if (utc_seconds - created_at_[i - 1] > hour) ids.push_back(keys_[i].id());
  return ids;
}

Secret new_refresh_token() { return Secret("rt-lw-" + net::random_base62(net::token_length)); }

net::Sha256 refresh_token_hash(Secret const& token) { return net::sha256(token.reveal()); }

RefreshDecision decide_refresh(RefreshToken const& token, std::int64_t utc_seconds) noexcept {
  if (token.session_revoked || utc_seconds >= token.expires_at) return RefreshDecision::refuse;
  if (!token.used_at) return RefreshDecision::rotate;
  return utc_seconds - *token.used_at <= refresh_grace ? RefreshDecision::rotate_again
                                                       : RefreshDecision::revoke_session;
}

}  // namespace lowart::server
