#include "identity/password_try.hpp"

#include "identity/lockout.hpp"

#include <utility>

namespace lowart::server {

Error account_locked(std::chrono::seconds wait) {
  Error error(Errc::rate_limited, "the password was wrong too often; try again later", Origin::client);
  return std::move(error).with_retry_after(wait);
}

Result<PasswordTry> try_password(PasswordTable& passwords, std::string_view user, HeldPassword const& held,
                                 Secret const& password, std::int64_t now) {
  constexpr std::int64_t second = 1'000'000;
  LoginAttempts const before{.failures = static_cast<int>(held.failures),
                             .last_failure = held.last_failure / second};
  if (auto const wait = before.wait(now / second); wait.count() > 0)
    return tl::unexpected<Error>(account_locked(wait));
  PasswordCheck const check = verify_password(held.hash, password);
  if (check.ok) return PasswordTry{.ok = true, .needs_rehash = check.needs_rehash};
  int const failures = before.after_failure(now / second).failures;
  if (auto done = passwords.note(user, failures, now); !done) return tl::unexpected(std::move(done).error());
  return PasswordTry{.failures = failures};
}

}  // namespace lowart::server
