#pragma once
/// Sessions of people: short access tokens that are signed, and refresh tokens that are used once.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/net/json_web_token.hpp>
#include <lowart/net/sha256.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

// All times are seconds since 1970, UTC.

/// Who an access token is for.
struct SessionClaims {
  std::string subject;  ///< The account's id.
  std::string role;
  std::string session;  ///< The session's id: of several access tokens, one after the other.
  std::int64_t issued_at{0};
  std::int64_t expires_at{0};
};

/// A secret that signs access tokens: 32 bytes or more.
struct SessionKey {
  std::string id;
  Secret secret;
  std::int64_t created_at{0};
};
[[nodiscard]] SessionKey new_session_key(std::int64_t utc_seconds);

/// The newest key signs, and all of them verify: to rotate, make one with a new key added, and drop those that are retired.
/// A snapshot: thread safe.
class SessionKeys {
 public:
  static constexpr std::int64_t access_life = 900;  ///< Of an access token: 15 minutes.
  static constexpr std::size_t most_keys = 64;

  /// In any order. Errors: config_invalid for none, for two of one id, for a secret that is too short.
  [[nodiscard]] static Result<SessionKeys> make(std::vector<SessionKey> keys);

  /// Subject, role and session as they are given; the times are `utc_seconds` and 15 minutes later.
  [[nodiscard]] std::string sign(SessionClaims const& claims, std::int64_t utc_seconds) const;
  /// Errors: unauthenticated, saying what is wrong.
  [[nodiscard]] Result<SessionClaims> verify(std::string_view token, std::int64_t utc_seconds) const;

  std::string const& signing_key() const noexcept { return keys_.front().id(); }
  /// Ids of the keys that no token can be valid of any more: an hour has passed since another one took over.
  [[nodiscard]] std::vector<std::string> retired(std::int64_t utc_seconds) const;

 private:
  SessionKeys() = default;
  std::vector<net::JwtSecret> keys_;      ///< The newest first.
  std::vector<std::int64_t> created_at_;  ///< Of each.
};

// --- refresh tokens ---------------------------------------------------------------------------------------

/// "rt-lw-" and 43 random characters.
[[nodiscard]] Secret new_refresh_token();
/// What is stored of one. It has 256 random bits, so that a plain hash is enough.
[[nodiscard]] net::Sha256 refresh_token_hash(Secret const& token);

/// What is stored of a refresh token that was found by its hash.
struct RefreshToken {
  std::int64_t expires_at{0};
  std::optional<std::int64_t> used_at;  ///< When it was first exchanged.
  bool session_revoked{false};
};

enum class RefreshDecision : std::uint8_t {
  rotate,          ///< Mark it as used, and give a new one.
  rotate_again,    ///< Used a moment ago: its answer was lost and the client asks again. Give a new one.
  revoke_session,  ///< Used twice: one of the two has stolen it, so that nobody may go on.
  refuse,          ///< Expired, or of a session that was revoked.
};

/// How long after its use a token may come once more.
inline constexpr std::int64_t refresh_grace = 10;

[[nodiscard]] RefreshDecision decide_refresh(RefreshToken const& token, std::int64_t utc_seconds) noexcept;

}  // namespace lowart::server
