#pragma once
/// try_password: one try at a user's password, which locks the account after some that were wrong.

#include "identity/password.hpp"
#include "registry/password_table.hpp"

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace lowart::server {

struct PasswordTry {
  bool ok{false};
  bool needs_rehash{false};  ///< It was hashed as we no longer do.
  int failures{0};           ///< In a row, this one included.
};

/// Errc::rate_limited, with the time that is left.
Error account_locked(std::chrono::seconds wait);

/// Takes some 20 ms; notes a failure, which is to be committed. Errc::rate_limited, unseen, while the account is locked.
/// `now` in microseconds since 1970.
Result<PasswordTry> try_password(PasswordTable& passwords, std::string_view user, HeldPassword const& held,
                                 Secret const& password, std::int64_t now);

}  // namespace lowart::server
