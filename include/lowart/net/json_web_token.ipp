#pragma once
/// The bodies of JSON Web Tokens.

#include <lowart/dialect/base64.hpp>
#include <lowart/net/json_web_token.hpp>
#include <lowart/net/public_key.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <optional>

namespace lowart::net {

namespace jwt {

namespace json = boost::json;

[[gnu::cold]] inline tl::unexpected<Error> refuse(std::string what) {
  return fail(Errc::unauthenticated, std::move(what), Origin::client);
}

inline std::optional<json::object> read_object(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}
inline std::string_view text_in(json::object const& object, std::string_view name) {
  auto const* const value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}
/// A key id as errors show it: it comes from anybody.
inline std::string shown(std::string_view key_id) {
  constexpr std::size_t longest = 64;
  bool const plain =
      std::all_of(key_id.begin(), key_id.end(), [](char c) { return c > ' ' && c <= '~' && c != '\''; });
  return plain && key_id.size() <= longest ? "'" + std::string(key_id) + "'" : "of a strange id";
}

/// A token in its parts; its signature was not looked at yet.
struct Parts {
  std::string algorithm, key_id;
  std::string_view is_signed;  ///< Head and claims as they stand in the token.
  std::string claims, signature;
};
inline Result<Parts> take_apart(std::string_view token) {
  if (token.size() > most_jwt_bytes) return refuse("the token is longer than 16 KiB");
  std::size_t const first = token.find('.');
  std::size_t const second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos) return refuse("this is no JSON Web Token");
  auto head = dialect::from_base64url(token.substr(0, first));
  auto claims = dialect::from_base64url(token.substr(first + 1, second - first - 1));
  auto signature = dialect::from_base64url(token.substr(second + 1));
  auto const object = head ? read_object(*head) : std::nullopt;
  if (!object || !claims || !signature) return refuse("this is no JSON Web Token");
  // What is marked as critical must be understood (RFC 7515 section 4.1.11), and we know of nothing that may be.
  if (object->contains("crit")) return refuse("the token asks for an extension that nobody here knows");
  return Parts{.algorithm = std::string(text_in(*object, "alg")),
               .key_id = std::string(text_in(*object, "kid")),
               .is_signed = token.substr(0, second),
               .claims = *std::move(claims),
               .signature = *std::move(signature)};
}

/// A NumericDate: seconds, which may have a fraction. nullopt for what is none.
inline std::optional<std::int64_t> time_in(json::object const& object, char const* name) {
  constexpr double most = 1e15;
  auto const* const value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  auto const seconds = value->to_number<double>();
  if (!(seconds >= 0 && seconds <= most)) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

inline std::vector<std::string> audience_in(json::object const& object) {
  constexpr std::size_t most = 64;
  std::vector<std::string> all;
  auto const* const value = object.if_contains("aud");
  if (value != nullptr && value->is_string())
    all.emplace_back(value->get_string().c_str(), value->get_string().size());
  if (value == nullptr || !value->is_array()) return all;
  for (json::value const& one : value->get_array())
    if (one.is_string() && all.size() < most)
      all.emplace_back(one.get_string().c_str(), one.get_string().size());
  return all;
}

/// What is wrong with the times; empty when nothing is.
inline std::string fault_of_times(json::object const& object, JwtExpected const& expected) {
  auto const expires = time_in(object, "exp");
  if (!expires) return "the token does not say when it expires";
  std::int64_t const late = expected.utc_seconds - *expires;
  if (late >= expected.leeway) return "the token expired " + std::to_string(late) + " s ago";
  if (!object.contains("nbf")) return {};
  auto const begins = time_in(object, "nbf");
  if (!begins) return "the token's 'nbf' is no time";
  if (*begins - expected.utc_seconds > expected.leeway)
    return "the token is not valid yet; is a clock wrong?";
  return {};
}

/// The claims of a token whose signature is good.
inline Result<JwtClaims> read_claims(std::string text, JwtExpected const& expected) {
  auto const object = read_object(text);
  if (!object) return refuse("the token's claims are no JSON object");
  if (std::string fault = fault_of_times(*object, expected); !fault.empty()) return refuse(std::move(fault));
  JwtClaims claims;
  claims.issuer = text_in(*object, "iss");
  if (claims.issuer != expected.issuer)
    return refuse("the token was not issued by '" + std::string(expected.issuer) + "'");
  claims.audience = audience_in(*object);
  bool const is_for_us =
      expected.audience.empty() ||
      std::find(claims.audience.begin(), claims.audience.end(), expected.audience) != claims.audience.end();
  if (!is_for_us)
    return refuse("the token is for another audience than '" + std::string(expected.audience) + "'");
  claims.subject = text_in(*object, "sub");
  claims.expires_at = time_in(*object, "exp").value_or(0);
  claims.issued_at = time_in(*object, "iat").value_or(0);
  claims.json = std::move(text);
  return claims;
}

inline Error unknown_key(std::string_view key_id) {
  return Error(Errc::not_found,
               key_id.empty() ? std::string("the token does not say which key signed it")
                              : "nobody here knows the key " + shown(key_id) + " that signed the token",
               Origin::client);
}
inline tl::unexpected<Error> wrong_algorithm() {
  return refuse("the token's algorithm is not that of its key");
}
inline tl::unexpected<Error> wrong_signature() { return refuse("the token's signature is wrong"); }

/// The parts that are signed.
inline std::string unsigned_token(std::string_view algorithm, std::string_view key_id,
                                  std::string_view claims) {
  std::string head(R"({"alg":")");
  head.append(algorithm).append(R"(","typ":"JWT")");
  if (!key_id.empty())
    head.append(R"(,"kid":)").append(json::serialize(json::string_view(key_id.data(), key_id.size())));
  return dialect::to_base64url(head.append("}")) + "." + dialect::to_base64url(claims);
}

inline std::string_view bytes_of(Sha256 const& digest) noexcept {
  return {reinterpret_cast<char const*>(digest.data()), digest.size()};
}

/// The algorithm that a JSON Web Key is for by its kind, and the key itself; none for one that we cannot use.
struct ReadKey {
  std::string_view algorithm;
  PublicKey key;
};
inline ReadKey read_key(json::object const& jwk) {
  auto const bytes = [&](std::string_view name) {
    return dialect::from_base64url(text_in(jwk, name)).value_or(std::string());
  };
  std::string_view const kind = text_in(jwk, "kty"), curve = text_in(jwk, "crv");
  if (kind == "RSA") return {"", rsa_public_key(bytes("n"), bytes("e"))};
  if (kind == "EC" && curve == "P-256") return {"ES256", p256_public_key(bytes("x"), bytes("y"))};
  if (kind == "OKP" && curve == "Ed25519") return {"EdDSA", ed25519_public_key(bytes("x"))};
  return {};
}

}  // namespace jwt

LOWART_DECL std::string sign_jwt(std::string_view claims, JwtSecret const& key) {
  std::string token = jwt::unsigned_token("HS256", key.id(), claims);
  return token + "." + dialect::to_base64url(jwt::bytes_of(key.hash()(token)));
}

LOWART_DECL Result<std::string> sign_jwt(std::string_view claims, std::string_view key_id,
                                         RsaKey const& key) {
  std::string token = jwt::unsigned_token("RS256", key_id, claims);
  Result<std::string> const signature = key.sign_sha256(token);
  if (!signature) return fail(signature.error());
  return token + "." + dialect::to_base64url(*signature);
}

LOWART_DECL Result<JwtClaims> verify_jwt(std::string_view token, std::span<JwtSecret const> keys,
                                         JwtExpected const& expected) {
  Result<jwt::Parts> parts = jwt::take_apart(token);
  if (!parts) return fail(parts.error());
  auto const key =
      std::find_if(keys.begin(), keys.end(), [&](JwtSecret const& one) { return one.id() == parts->key_id; });
  if (key == keys.end()) return fail(jwt::unknown_key(parts->key_id));
  if (parts->algorithm != "HS256") return jwt::wrong_algorithm();
  Sha256 told{};
  if (parts->signature.size() != told.size()) return jwt::wrong_signature();
  std::copy(parts->signature.begin(), parts->signature.end(), told.begin());
  if (!equal_in_constant_time(key->hash()(parts->is_signed), told)) return jwt::wrong_signature();
  return jwt::read_claims(std::move(parts->claims), expected);
}

LOWART_DECL Result<JwkSet> JwkSet::parse(std::string_view json) {
  using namespace jwt;
  auto const malformed = [](char const* what) { return fail(Errc::malformed_reply, what, Origin::upstream); };
  if (json.size() > most_bytes) return malformed("the set of keys is larger than 256 KiB");
  auto const object = read_object(json);
  auto const* const listed = object ? object->if_contains("keys") : nullptr;
  if (listed == nullptr || !listed->is_array())
    return malformed("this is no set of keys: it has no list 'keys'");
  if (listed->get_array().size() > most_keys) return malformed("the set holds more than 64 keys");
  JwkSet set;
  for (auto const& one : listed->get_array()) {
    if (!one.is_object()) continue;
    auto const& jwk = one.get_object();
    std::string_view const use = text_in(jwk, "use"), algorithm = text_in(jwk, "alg");
    if (!use.empty() && use != "sig") continue;
    ReadKey read = read_key(jwk);
    if (!read.key) continue;
    Key key{.id = std::string(text_in(jwk, "kid")),
            .algorithm = std::string(read.algorithm),
            .key = std::move(read.key)};
    if (!algorithm.empty() && !key.is_for(algorithm)) continue;  // RSA for encryption, or with SHA-512
    if (!algorithm.empty()) key.algorithm = algorithm;
    set.keys_.push_back(std::move(key));
  }
  if (set.keys_.empty()) return malformed("the set holds no key for RS256, PS256, ES256 or EdDSA");
  return set;
}

LOWART_DECL Result<JwtClaims> JwkSet::verify(std::string_view token, JwtExpected const& expected) const {
  Result<jwt::Parts> parts = jwt::take_apart(token);
  if (!parts) return fail(parts.error());
  bool known = false;
  Key const* chosen = nullptr;
  for (Key const& key : keys_) {
    if (!parts->key_id.empty() && key.id != parts->key_id) continue;
    known = true;
    if (!key.is_for(parts->algorithm)) continue;
    if (chosen != nullptr && parts->key_id.empty()) return fail(jwt::unknown_key({}));
    if (chosen == nullptr) chosen = &key;
  }
  if (!known) return fail(jwt::unknown_key(parts->key_id));
  if (chosen == nullptr) return jwt::wrong_algorithm();
  if (!is_signed(chosen->key.get(), parts->algorithm, parts->is_signed, parts->signature))
    return jwt::wrong_signature();
  return jwt::read_claims(std::move(parts->claims), expected);
}

}  // namespace lowart::net
