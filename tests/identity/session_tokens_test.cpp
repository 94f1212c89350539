// Sessions: whose access tokens verify and for how long, over rotations of the keys; refresh tokens that are used once.

#include "reference-server/identity/session_tokens.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lowart::session_tokens_test {
namespace {

using namespace lowart::server;
using Decision = RefreshDecision;

constexpr std::int64_t now = 1'767'225'600;

SessionKey key(std::string id, std::int64_t created_at) {
  return {.id = id, .secret = Secret(id + std::string(32, 's')), .created_at = created_at};
}
SessionKeys keys(std::vector<SessionKey> all) {
  auto made = SessionKeys::make(std::move(all));
  EXPECT_TRUE(made) << made.error().message();
  return *std::move(made);
}
std::string fault(Result<SessionClaims> const& got) {
  if (got) return "none";
  EXPECT_EQ(got.error().code(), Errc::unauthenticated);
  return got.error().message();
}

TEST(SessionKeys, VerifyWhatTheySigned) {
  SessionKeys const one = keys({key("a", now)});
  SessionClaims const claims{.subject = "u-1", .role = "ad\"min", .session = "s-\xc3\xa9"};
  auto const got = one.verify(one.sign(claims, now), now);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->subject, claims.subject);
  EXPECT_EQ(got->role, claims.role);
  EXPECT_EQ(got->session, claims.session);
  EXPECT_EQ(got->issued_at, now);
  EXPECT_EQ(got->expires_at, now + 900);
}

TEST(SessionKeys, VerifyForAQuarterOfAnHour) {
  SessionKeys const one = keys({key("a", now)});
  std::string const token = one.sign({}, now);
  EXPECT_EQ(fault(one.verify(token, now + 904)), "none");
  EXPECT_EQ(fault(one.verify(token, now + 905)), "the token expired 5 s ago");
}

TEST(SessionKeys, SignWithTheNewestAndVerifyWithTheOlderOnes) {
  SessionKeys const before = keys({key("a", now)});
  std::string const old = before.sign({}, now);
  SessionKeys const both = keys({key("a", now), key("b", now + 100)});
  EXPECT_EQ(both.signing_key(), "b");
  EXPECT_EQ(fault(both.verify(old, now)), "none");
  std::string const fresh = both.sign({}, now);
  EXPECT_EQ(fault(both.verify(fresh, now)), "none");
  EXPECT_EQ(fault(before.verify(fresh, now)), "nobody here knows the key 'b' that signed the token");
  SessionKeys const after = keys({key("b", now + 100)});
  EXPECT_EQ(fault(after.verify(old, now)), "nobody here knows the key 'a' that signed the token");
}

TEST(SessionKeys, AreRetiredWhenAllTheirTokensHaveExpired) {
  SessionKeys const all = keys({key("b", now + 100), key("a", now), key("c", now + 10'000)});
  EXPECT_TRUE(all.retired(now + 3700).empty());
  EXPECT_EQ(all.retired(now + 3701), std::vector<std::string>{"a"});
  EXPECT_EQ(all.retired(now + 1'000'000), (std::vector<std::string>{"b", "a"})) << "never the one that signs";
}

TEST(SessionKeys, RefuseKeysThatCannotBe) {
  EXPECT_FALSE(SessionKeys::make({}));
  EXPECT_FALSE(SessionKeys::make({key("a", 1), key("a", 2)}));
  EXPECT_FALSE(SessionKeys::make({key("", 1)}));
  EXPECT_FALSE(SessionKeys::make({SessionKey{.id = "a", .secret = Secret("short"), .created_at = 1}}));
  EXPECT_FALSE(SessionKeys::make(std::vector<SessionKey>(65, key("a", 1))));
  EXPECT_TRUE(SessionKeys::make({new_session_key(now), new_session_key(now)}));
}

TEST(SessionKeys, TakeNoTokenOfAnotherIssuerUnderTheSameKey) {
  net::JwtSecret const same("a", key("a", now).secret);
  std::string const token = net::sign_jwt(R"({"iss":"other","sub":"u-1","exp":1767225900})", same);
  EXPECT_EQ(fault(keys({key("a", now)}).verify(token, now)), "the token was not issued by 'lowart'");
}

// --- refresh tokens ---------------------------------------------------------------------------------------

TEST(RefreshTokens, AreRandomAndFoundByTheirHash) {
  Secret const a = new_refresh_token(), b = new_refresh_token();
  EXPECT_TRUE(a.reveal().starts_with("rt-lw-"));
  EXPECT_EQ(a.reveal().size(), 49U);
  EXPECT_EQ(refresh_token_hash(a), refresh_token_hash(a));
  EXPECT_NE(refresh_token_hash(a), refresh_token_hash(b));
}

TEST(RefreshTokens, AreExchangedOnce) {
  RefreshToken const fresh{.expires_at = now + 1000, .used_at = {}};
  EXPECT_EQ(decide_refresh(fresh, now), Decision::rotate);
  EXPECT_EQ(decide_refresh(fresh, now + 999), Decision::rotate);
  EXPECT_EQ(decide_refresh(fresh, now + 1000), Decision::refuse);
}

TEST(RefreshTokens, ThatComeTwiceEndTheSessionUnlessTheAnswerMayHaveBeenLost) {
  RefreshToken const used{.expires_at = now + 1000, .used_at = now};
  EXPECT_EQ(decide_refresh(used, now), Decision::rotate_again);
  EXPECT_EQ(decide_refresh(used, now + 10), Decision::rotate_again);
  EXPECT_EQ(decide_refresh(used, now + 11), Decision::revoke_session);
  EXPECT_EQ(decide_refresh(used, now + 1000), Decision::refuse);
}

TEST(RefreshTokens, OfARevokedSessionAreRefused) {
  EXPECT_EQ(decide_refresh({.expires_at = now + 1000, .used_at = {}, .session_revoked = true}, now),
            Decision::refuse);
  EXPECT_EQ(decide_refresh({.expires_at = now + 1000, .used_at = now, .session_revoked = true}, now),
            Decision::refuse);
}

}  // namespace
}  // namespace lowart::session_tokens_test
