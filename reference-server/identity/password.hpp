#pragma once
/// Passwords: kept as argon2id hashes (RFC 9106) in the PHC string format.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::server {

/// What a hash costs whoever computes it: what OWASP's password storage cheat sheet recommends for argon2id.
struct PasswordCost {
  std::uint32_t memory_kib;
  std::uint32_t passes;
  std::uint32_t lanes;
  friend bool operator==(PasswordCost const&, PasswordCost const&) = default;
};
inline constexpr PasswordCost password_cost{.memory_kib = 19 * 1024, .passes = 2, .lanes = 1};

/// Bytes of UTF-8. The upper bound only keeps requests small.
inline constexpr std::size_t shortest_password = 12, longest_password = 1024;

/// "$argon2id$v=19$m=19456,t=2,p=1$...", with a salt of its own. Errors: invalid_request for a length that cannot be,
/// overloaded when there is no memory.
///
/// Some 20 ms of one core and 19 MiB, as verifying is: neither belongs on an event loop.
[[nodiscard]] Result<std::string> hash_password(Secret const& password);

struct PasswordCheck {
  bool ok{false};
  bool needs_rehash{
      false};  ///< Right, but hashed at another cost than today's: hash it anew while it is at hand.
};

/// Takes a time that does not depend on what is wrong. A hash that is none, or that costs more than 256 MiB or 16 passes,
/// is a wrong password.
[[nodiscard]] PasswordCheck verify_password(std::string_view hash, Secret const& password);

/// A hash of no password, at today's cost: verified for users that are not there, so that they take as long as others.
[[nodiscard]] std::string_view dummy_password_hash();

}  // namespace lowart::server
