// Passwords: only the right one is right, whatever the hash looks like; and how long wrong ones lock an account.

#include "reference-server/identity/password.hpp"
#include "reference-server/identity/lockout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::password_test {
namespace {

using namespace lowart::server;
using namespace std::chrono_literals;

std::string hashed(std::string_view password) {
  auto const hash = hash_password(Secret(std::string(password)));
  EXPECT_TRUE(hash) << hash.error().message();
  return hash.value_or("");
}
PasswordCheck check(std::string_view hash, std::string_view password) {
  return verify_password(hash, Secret(std::string(password)));
}

TEST(Password, IsRightAndNoOtherIs) {
  std::string const hash = hashed("correct horse battery");
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
  EXPECT_TRUE(check(hash, "correct horse battery").ok);
  EXPECT_FALSE(check(hash, "correct horse battery").needs_rehash);
  for (std::string_view const other :
       {"correct horse batterz", "correct horse batter", "Correct horse battery", ""})
    EXPECT_FALSE(check(hash, other).ok) << other;
}

TEST(Password, IsHashedWithASaltOfItsOwn) {
  EXPECT_NE(hashed("the same password"), hashed("the same password"));
}

TEST(Password, MayHoldAnyBytes) {
  std::string_view const zeros("\0\xff with a zero\0behind", 22);
  std::string const hash = hashed(zeros);
  EXPECT_TRUE(check(hash, zeros).ok);
  EXPECT_FALSE(check(hash, zeros.substr(0, 15)).ok);
}

TEST(Password, HasALength) {
  auto const said = [](std::size_t size) {
    auto const hash = hash_password(Secret(std::string(size, 'p')));
    return hash ? std::string() : hash.error().message();
  };
  EXPECT_EQ(said(0), "the password must have 12 bytes or more");
  EXPECT_EQ(said(11), "the password must have 12 bytes or more");
  EXPECT_EQ(said(12), "");
  EXPECT_EQ(said(1024), "");
  EXPECT_EQ(said(1025), "the password must have 1024 bytes or fewer");
  EXPECT_FALSE(check(hashed(std::string(1024, 'p')), std::string(1025, 'p')).ok);
}

TEST(Password, ThatWasHashedAtAnotherCostIsRightAndToBeHashedAnew) {
  // argon2id of "password" and the salt "somesalt" by the reference implementation's own test vectors.
  constexpr std::string_view vector =
      "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  EXPECT_TRUE(check(vector, "password").ok);
  EXPECT_TRUE(check(vector, "password").needs_rehash);
  EXPECT_FALSE(check(vector, "passwore").ok);
  EXPECT_FALSE(check(vector, "passwore").needs_rehash);
}

TEST(Password, IsWrongWhereTheHashIsNone) {
  std::string const good = hashed("correct horse battery");
  for (std::string const& hash :
       {std::string(), std::string("x"), good.substr(0, 40), good.substr(0, good.size() - 1),
        std::string("$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
        std::string(
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
        std::string(
            "$argon2id$v=19$m=256,t=99999,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
        std::string("$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$nf65EOg"),
        good + std::string(300, 'A')})
    EXPECT_FALSE(check(hash, "correct horse battery").ok) << hash;
}

TEST(Password, OfAUserThatIsNotThereCostsAsMuch) {
  auto const time_of = [](std::string_view hash) {
    auto const start = std::chrono::steady_clock::now();
    EXPECT_FALSE(check(hash, "correct horse battery").ok);
    return std::chrono::steady_clock::now() - start;
  };
  std::string const real = hashed("another password");
  auto least_real = time_of(real), least_dummy = time_of(dummy_password_hash());
  for (int i = 0; i < 4; ++i) {
    least_real = std::min(least_real, time_of(real));
    least_dummy = std::min(least_dummy, time_of(dummy_password_hash()));
  }
  EXPECT_GT(least_dummy, least_real / 2);
  EXPECT_LT(least_dummy, least_real * 2);
}

// --- lockout ----------------------------------------------------------------------------------------------

constexpr std::int64_t now = 1'767'225'600;

LoginAttempts after(int failures) {
  LoginAttempts attempts;
  for (int i = 0; i < failures; ++i) attempts = attempts.after_failure(now);
  return attempts;
}

TEST(LoginAttempts, MayFailFourTimes) {
  for (int i = 0; i <= 4; ++i) EXPECT_EQ(after(i).wait(now), 0s) << i;
}

TEST(LoginAttempts, LockForAMinuteAndThenForTwiceAsLongUpToAnHour) {
  EXPECT_EQ(after(5).wait(now), 60s);
  EXPECT_EQ(after(5).wait(now + 59), 1s);
  EXPECT_EQ(after(5).wait(now + 60), 0s);
  EXPECT_EQ(after(6).wait(now), 120s);
  EXPECT_EQ(after(7).wait(now), 240s);
  EXPECT_EQ(after(10).wait(now), 1920s);
  EXPECT_EQ(after(11).wait(now), 3600s);
  EXPECT_EQ(after(1000).wait(now), 3600s);
  LoginAttempts const stored{.failures = 2'000'000'000, .last_failure = now};
  EXPECT_EQ(stored.after_failure(now).wait(now), 3600s) << "nothing overflows";
}

TEST(LoginAttempts, AreForgottenAfterTheRightPassword) {
  EXPECT_EQ(LoginAttempts::none().wait(now), 0s);
  EXPECT_EQ(LoginAttempts::none().after_failure(now).wait(now), 0s);
}

TEST(LoginAttempts, DoNotLockForLongerWhenAClockIsSetBack) {
  EXPECT_EQ(after(5).wait(now - 100'000), 60s);
  EXPECT_EQ(after(5).wait(now + 100'000), 0s);
}

}  // namespace
}  // namespace lowart::password_test
