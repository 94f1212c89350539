#pragma once
/// JSON Web Tokens (RFC 7519) in their compact form: signed and verified under our own secrets or another's public keys.

#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/net/keyed_hash.hpp>
#include <lowart/net/rsa_key.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace lowart::net {

/// What a token says, once its signature and its times are good. Times in seconds since 1970, UTC.
struct JwtClaims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audience;
  std::int64_t expires_at{0};
  std::int64_t issued_at{0};  ///< 0 when it does not say.
  std::string json;           ///< All claims: one JSON object.
};

/// What a token must say.
struct JwtExpected {
  std::string_view issuer;
  std::string_view audience;    ///< One of the token's; empty: nobody asks.
  std::int64_t utc_seconds{0};  ///< Now.
  std::int64_t leeway{60};      ///< Seconds by which two clocks may differ.
};

/// A secret of our own that signs with HS256; 32 random bytes or more.
class JwtSecret {
 public:
  JwtSecret(std::string id, Secret const& secret) : id_(std::move(id)), hash_(secret.reveal()) {}
  std::string const& id() const noexcept { return id_; }
  KeyedHash const& hash() const noexcept { return hash_; }

 private:
  std::string id_;
  KeyedHash hash_;
};

inline constexpr std::size_t most_jwt_bytes = 16U << 10U;

/// A token of these claims, a JSON object, with `kid` in its head. About a microsecond.
LOWART_DECL std::string sign_jwt(std::string_view claims, JwtSecret const& key);
/// The same with RS256. An empty key id is left out. Errors: internal.
[[nodiscard]] LOWART_DECL Result<std::string> sign_jwt(std::string_view claims, std::string_view key_id,
                                                       RsaKey const& key);

/// Verifies a token of ours: HS256 and nothing else, whatever its head says.
///
/// A token needs `exp`; `nbf` is kept where it is there. Errors: unauthenticated, saying what is wrong (no token, signature,
/// expired, issuer, audience); not_found when none of the keys has its id. Messages quote of a token its key id at most.
[[nodiscard]] LOWART_DECL Result<JwtClaims> verify_jwt(std::string_view token,
                                                       std::span<JwtSecret const> keys,
                                                       JwtExpected const& expected);

/// The public keys of an issuer (RFC 7517). Which algorithm verifies is a matter of the key: RS256 and PS256 for RSA of 2048
/// to 8192 bits, ES256 for P-256, EdDSA for Ed25519; a head that names another one is refused. Copies share the keys. Thread
/// safe.
class JwkSet {
 public:
  static constexpr std::size_t most_bytes = 256U << 10U;
  static constexpr std::size_t most_keys = 64;

  /// Keys of other kinds and uses, symmetric ones above all, are left out. Errors: malformed_reply when it is no set of keys,
  /// is too large or holds no key that we can use.
  [[nodiscard]] static LOWART_DECL Result<JwkSet> parse(std::string_view json);

  /// As verify_jwt() above; a token without a key id is verified where one key alone is for its algorithm. 30 to 100 us.
  [[nodiscard]] LOWART_DECL Result<JwtClaims> verify(std::string_view token,
                                                     JwtExpected const& expected) const;

  std::size_t size() const noexcept { return keys_.size(); }

 private:
  struct Key {
    std::string id;
    std::string algorithm;  ///< "RS256"; empty for RSA that does not say.
    std::shared_ptr<evp_pkey_st> key;
    bool is_for(std::string_view wanted) const noexcept {
      return algorithm.empty() ? wanted == "RS256" || wanted == "PS256" : algorithm == wanted;
    }
  };
  std::vector<Key> keys_;
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/json_web_token.ipp>
#endif
