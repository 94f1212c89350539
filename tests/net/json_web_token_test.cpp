// JSON Web Tokens: the examples of the RFCs, tokens of our own and of others' keys, and all that makes one bad.

#include "token_issuer.hpp"

#include <lowart/net/json_web_token.hpp>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::json_web_token_test {
namespace {

using namespace lowart::net;
using lowart::testing::TokenIssuer;

constexpr std::int64_t now = 1'767'225'600;
constexpr JwtExpected wanted{.issuer = "https://id.example", .audience = "lowart", .utc_seconds = now};
constexpr std::string_view good_claims =
    R"({"iss":"https://id.example","aud":"lowart","sub":"alice","exp":1767225900,"iat":1767225600,"n":1})";

std::string fault(Result<JwtClaims> const& got) {
  if (got) return "none";
  EXPECT_TRUE(got.error().code() == Errc::unauthenticated || got.error().code() == Errc::not_found);
  return got.error().message();
}
JwkSet set_of(std::vector<std::string> const& keys) {
  auto set = JwkSet::parse(TokenIssuer::set_of(keys));
  EXPECT_TRUE(set) << set.error().message();
  return *std::move(set);
}
// Making one takes a while.
TokenIssuer const& rsa() {
  static TokenIssuer const issuer = TokenIssuer::rsa("r1");
  return issuer;
}
TokenIssuer const& p256() {
  static TokenIssuer const issuer = TokenIssuer::p256("e1");
  return issuer;
}
TokenIssuer const& ed25519() {
  static TokenIssuer const issuer = TokenIssuer::ed25519("o1");
  return issuer;
}
JwkSet const& all() {
  static JwkSet const set = set_of({rsa().jwk(), p256().jwk(), ed25519().jwk()});
  return set;
}

// --- the RFCs' own ----------------------------------------------------------------------------------------

constexpr std::string_view joes_claims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr JwtExpected joe{.issuer = "joe", .audience = {}, .utc_seconds = 1'300'819'000};

std::string joes(std::string_view head, std::string_view signature) {
  return std::string(head).append(".").append(joes_claims).append(".").append(signature);
}

TEST(JsonWebToken, OfTheRfcIsGoodUnderItsSecret) {
  std::string const secret =
      dialect::from_base64url(
          "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
          .value();
  std::vector<JwtSecret> const keys{JwtSecret("", Secret(secret))};
  std::string const token =
      joes("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  auto const got = verify_jwt(token, keys, joe);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->issuer, "joe");
  EXPECT_EQ(got->expires_at, 1'300'819'380);
}

TEST(JsonWebToken, OfTheRfcIsGoodUnderItsRsaKey) {
  JwkSet const set =
      set_of({R"({"kty":"RSA","e":"AQAB","n":")"
              "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
              "Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd"
              "S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5Ihl"
              "JH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}"});
  auto const got = set.verify(
      joes("eyJhbGciOiJSUzI1NiJ9",
           "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
           "O8W2Fp5jujGbds9uJdbF9C"
           "UAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"
           "eSN9383LcOLn6"
           "_dO--xi12jzDwusC-"
           "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0"
           "igcN_IoypGlUPQGe77Rw"),
      joe);
  EXPECT_EQ(fault(got), "none");
}

TEST(JsonWebToken, OfTheRfcIsGoodUnderItsPointOfACurve) {
  JwkSet const set = set_of({R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                             R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})"});
  auto const got = set.verify(
      joes("eyJhbGciOiJFUzI1NiJ9",
           "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
      joe);
  EXPECT_EQ(fault(got), "none");
}

TEST(JsonWebToken, OfTheRfcHasAGoodSignatureOfEd25519AndNoClaims) {
  JwkSet const set =
      set_of({R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"});
  std::string token =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  EXPECT_EQ(fault(set.verify(token, joe)), "the token's claims are no JSON object");
  token[25] = 'Y';
  EXPECT_EQ(fault(set.verify(token, joe)), "the token's signature is wrong");
}

// --- ours -------------------------------------------------------------------------------------------------

std::vector<JwtSecret> const& secrets() {
  static std::vector<JwtSecret> const all{JwtSecret("k2", Secret(std::string(32, '2'))),
                                          JwtSecret("k1", Secret(std::string(32, '1')))};
  return all;
}

TEST(JsonWebToken, OfOursComesBackWithAllItSays) {
  for (JwtSecret const& key : secrets()) {
    auto const got = verify_jwt(sign_jwt(good_claims, key), secrets(), wanted);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->subject, "alice");
    EXPECT_EQ(got->issued_at, now);
    EXPECT_EQ(got->expires_at, now + 300);
    EXPECT_EQ(got->audience, std::vector<std::string>{"lowart"});
    EXPECT_EQ(got->json, good_claims);
  }
}

TEST(JsonWebToken, OfOursIsRefusedWhenAnyCharacterChanges) {
  std::string const token = sign_jwt(good_claims, secrets()[0]);
  for (std::size_t i = 0; i < token.size(); ++i)
    for (char const c : {'A', 'Q', 'g', 'w', '.', '=', '\0'}) {
      std::string changed = token;
      changed[i] = c;
      if (changed != token) EXPECT_FALSE(verify_jwt(changed, secrets(), wanted)) << i << c;
    }
  for (std::size_t i = 0; i < token.size(); ++i)
    EXPECT_FALSE(verify_jwt(token.substr(0, i), secrets(), wanted)) << i;
}

TEST(JsonWebToken, OfOursIsRefusedUnderAKeyThatNobodyKnows) {
  JwtSecret const other("k3", Secret(std::string(32, '2')));
  auto const got = verify_jwt(sign_jwt(good_claims, other), secrets(), wanted);
  EXPECT_EQ(fault(got), "nobody here knows the key 'k3' that signed the token");
  EXPECT_EQ(got.error().code(), Errc::not_found);
  JwtSecret const forged("k2", Secret(std::string(32, 'x')));
  EXPECT_EQ(fault(verify_jwt(sign_jwt(good_claims, forged), secrets(), wanted)),
            "the token's signature is wrong");
  JwtSecret const strange("a\n\"b", Secret(std::string(32, '2')));
  EXPECT_EQ(fault(verify_jwt(sign_jwt(good_claims, strange), secrets(), wanted)),
            "nobody here knows the key of a strange id that signed the token");
}

TEST(JsonWebToken, OfOursTakesNoOtherAlgorithm) {
  for (std::string_view const algorithm : {"none", "None", "HS512", "RS256", ""}) {
    std::string const head = R"({"alg":")" + std::string(algorithm) + R"(","kid":"k1"})";
    std::string const token = dialect::to_base64url(head) + "." + dialect::to_base64url(good_claims) + ".";
    EXPECT_EQ(fault(verify_jwt(token, secrets(), wanted)), "the token's algorithm is not that of its key");
  }
}

// --- others' ----------------------------------------------------------------------------------------------

TEST(JwkSet, VerifiesEachAlgorithmByItsKey) {
  EXPECT_EQ(all().size(), 3U);
  for (auto const& token : {rsa().sign("RS256", good_claims), rsa().sign("PS256", good_claims),
                            p256().sign("ES256", good_claims), ed25519().sign("EdDSA", good_claims)}) {
    EXPECT_EQ(fault(all().verify(token, wanted)), "none");
    std::string changed = token;
    changed[token.size() - 20] = changed[token.size() - 20] == 'A' ? 'B' : 'A';
    EXPECT_EQ(fault(all().verify(changed, wanted)), "the token's signature is wrong");
    EXPECT_EQ(fault(all().verify(token.substr(0, token.rfind('.') + 1), wanted)),
              "the token's signature is wrong");
  }
}

TEST(JwkSet, IsNotTalkedIntoAnotherAlgorithm) {
  std::string const key = "the token's algorithm is not that of its key";
  auto const with = [](std::string_view algorithm, std::string_view kid) {
    return std::string(R"({"alg":")").append(algorithm).append(R"(","kid":")").append(kid) + R"("})";
  };
  EXPECT_EQ(fault(all().verify(rsa().sign("RS256", with("none", "r1"), good_claims), wanted)), key);
  EXPECT_EQ(fault(all().verify(p256().sign("ES256", with("RS256", "e1"), good_claims), wanted)), key);
  EXPECT_EQ(fault(all().verify(ed25519().sign("EdDSA", with("ES256", "o1"), good_claims), wanted)), key);
  EXPECT_EQ(fault(all().verify(rsa().sign("RS256", with("PS256", "r1"), good_claims), wanted)),
            "the token's signature is wrong");
  // HS256 with the public key for its secret, the old confusion.
  EXPECT_EQ(fault(all().verify(sign_jwt(good_claims, JwtSecret("r1", Secret(rsa().jwk()))), wanted)), key);
  // A key that is for one algorithm takes no other of its family.
  JwkSet const one = set_of({rsa().jwk(R"(,"alg":"PS256","use":"sig")")});
  EXPECT_EQ(fault(one.verify(rsa().sign("PS256", good_claims), wanted)), "none");
  EXPECT_EQ(fault(one.verify(rsa().sign("RS256", good_claims), wanted)), key);
}

TEST(JwkSet, FindsTheKeyByItsId) {
  TokenIssuer const other = TokenIssuer::p256("e2");
  EXPECT_EQ(fault(all().verify(other.sign("ES256", good_claims), wanted)),
            "nobody here knows the key 'e2' that signed the token");
  JwkSet const both = set_of({p256().jwk(), other.jwk(), ed25519().jwk()});
  EXPECT_EQ(fault(both.verify(other.sign("ES256", good_claims), wanted)), "none");
  // Without an id the algorithm must leave one key.
  EXPECT_EQ(fault(both.verify(other.sign("ES256", R"({"alg":"ES256"})", good_claims), wanted)),
            "the token does not say which key signed it");
  EXPECT_EQ(fault(both.verify(ed25519().sign("EdDSA", R"({"alg":"EdDSA"})", good_claims), wanted)), "none");
}

TEST(JwkSet, LeavesOutWhatItCannotUse) {
  std::string const good = p256().jwk();
  EXPECT_EQ(set_of({good, R"({"kty":"oct","kid":"s","k":"AAAA"})", R"({"kty":"RSA"})", "7", "{}"}).size(),
            1U);
  EXPECT_EQ(set_of({good, TokenIssuer::p384("p").jwk(), rsa().jwk(R"(,"use":"enc")")}).size(), 1U);
  EXPECT_EQ(set_of({good, rsa().jwk(R"(,"alg":"RSA-OAEP")"), rsa().jwk(R"(,"alg":"RS512")")}).size(), 1U);
  EXPECT_EQ(set_of({good, TokenIssuer::rsa("small", 1024).jwk()}).size(), 1U);
  // A point that is not on the curve, and one that is too short.
  EXPECT_EQ(set_of({good,
                    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1"})",
                    R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"})
                .size(),
            1U);
}

TEST(JwkSet, RefusesWhatIsNoSet) {
  auto const said = [](std::string const& json) {
    auto const set = JwkSet::parse(json);
    return set ? std::string() : set.error().message();
  };
  for (char const* json : {"", "x", "[]", "{}", R"({"keys":{}})"})
    EXPECT_EQ(said(json), "this is no set of keys: it has no list 'keys'");
  EXPECT_EQ(said(R"({"keys":[]})"), "the set holds no key for RS256, PS256, ES256 or EdDSA");
  EXPECT_EQ(said(TokenIssuer::set_of(std::vector<std::string>(65, "{}"))), "the set holds more than 64 keys");
  EXPECT_EQ(said(std::string(JwkSet::most_bytes + 1, ' ')), "the set of keys is larger than 256 KiB");
}

// --- claims -----------------------------------------------------------------------------------------------

std::string verdict(std::string const& claims, JwtExpected const& expected = wanted) {
  return fault(verify_jwt(sign_jwt(claims, secrets()[0]), secrets(), expected));
}
std::string claims(std::string const& times, std::string const& aud = R"("lowart")") {
  return R"({"iss":"https://id.example","aud":)" + aud + times + "}";
}

TEST(JwtClaims, AreGoodInTheirTime) {
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225601)")), "none");
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225541)")), "none") << "within the leeway";
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225540)")), "the token expired 60 s ago");
  EXPECT_EQ(verdict(claims(R"(,"exp":0)")), "the token expired 1767225600 s ago");
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225700.5)")), "none");
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225700,"nbf":1767225660)")), "none");
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225700,"nbf":1767225661)")),
            "the token is not valid yet; is a clock wrong?");
  for (char const* times :
       {"", R"(,"exp":"1767225700")", R"(,"exp":null)", R"(,"exp":-1)", R"(,"exp":1e300)"})
    EXPECT_EQ(verdict(claims(times)), "the token does not say when it expires") << times;
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225700,"nbf":"x")")), "the token's 'nbf' is no time");
  JwtExpected strict = wanted;
  strict.leeway = 0;
  EXPECT_EQ(verdict(claims(R"(,"exp":1767225600)"), strict), "the token expired 0 s ago");
}

TEST(JwtClaims, AreForUsAndFromWhomWeTrust) {
  std::string const later = R"(,"exp":1767225900)";
  EXPECT_EQ(verdict(claims(later, R"(["other","lowart"])")), "none");
  for (char const* aud : {R"("other")", R"("lowart2")", "[]", "null", R"({"lowart":1})", R"(["other",7])"})
    EXPECT_EQ(verdict(claims(later, aud)), "the token is for another audience than 'lowart'") << aud;
  JwtExpected any = wanted;
  any.audience = {};
  EXPECT_EQ(verdict(claims(later, R"("other")"), any), "none");
  EXPECT_EQ(verdict(R"({"iss":"https://id.example/","aud":"lowart","exp":1767225900})"),
            "the token was not issued by 'https://id.example'");
  EXPECT_EQ(verdict(R"({"aud":"lowart","exp":1767225900})"),
            "the token was not issued by 'https://id.example'");
}

TEST(JwtClaims, AreNotReadOfWhatIsNoToken) {
  auto const said = [](std::string const& token) { return fault(verify_jwt(token, secrets(), wanted)); };
  for (char const* token :
       {"", ".", "..", "a.b.c", "e30", "e30.e30", "e30=.e30.AA", "e30.e30.AA.AA", "W10.e30.AA"})
    EXPECT_EQ(said(token), "this is no JSON Web Token") << token;
  EXPECT_EQ(said(std::string(most_jwt_bytes + 1, 'a')), "the token is longer than 16 KiB");
  std::string const critical =
      dialect::to_base64url(R"({"alg":"HS256","kid":"k1","crit":["b64"],"b64":false})");
  EXPECT_EQ(said(critical + ".e30.AA"), "the token asks for an extension that nobody here knows");
  EXPECT_EQ(verdict("[]"), "the token's claims are no JSON object");
}

TEST(JsonWebToken, OfAnRsaKeyIsSignedAsItsPublicHalfVerifies) {
  // The signer of service accounts; its PEM is made here, and its public half shown by the same key.
  auto const pem_of = [](EVP_PKEY* key) {
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    auto const size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
  };
  auto const key = RsaKey::read(Secret(pem_of(rsa().key())));
  ASSERT_TRUE(key) << key.error().message();
  auto const token = sign_jwt(good_claims, "r1", *key);
  ASSERT_TRUE(token);
  EXPECT_EQ(fault(all().verify(*token, wanted)), "none");
}

}  // namespace
}  // namespace lowart::json_web_token_test
